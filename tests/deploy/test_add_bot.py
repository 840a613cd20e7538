"""`deploy/add-bot.sh`: a further bot of the compose stack, by one command."""

import json
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
import yaml

from bigdipper_exporter.config.load import load
from bigdipper_exporter.config.yamlfile import ConfigError
from tests.running import has_compose

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in ("docker-compose.yml", ".env.example", "deploy", "prometheus", "alertmanager"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    (tmp_path / "grafana").mkdir()
    (tmp_path / "logs").mkdir()
    subprocess.run(["sh", tmp_path / "deploy/env.sh"], check=True, capture_output=True)
    return tmp_path


def add(checkout: Path, *words: str, path: str = os.environ["PATH"]) -> subprocess.CompletedProcess[str]:
    command = ["sh", str(checkout / "deploy/add-bot.sh"), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=checkout, env={**os.environ, "PATH": path})


def test_two_bots_are_added_each_by_one_command(checkout: Path) -> None:
    for name in ("second", "third"):
        done = add(checkout, name, "logs", "America/New_York")
        assert done.returncode == 0, done.stderr
        assert f"added {name}: put its keys into secrets/exporter-{name}" in done.stdout
    (target,) = yaml.safe_load((checkout / "deploy/bots/third-target.yml").read_text())
    assert target == {"targets": ["exporter-third:10077"], "labels": {"bot": "third"}}
    added = yaml.safe_load((checkout / "deploy/bots/third.yml").read_text())["services"]
    assert added["prometheus"]["volumes"] == ["./deploy/bots/third-target.yml:/bots/third.yml:ro"]
    jobs = yaml.safe_load((checkout / "prometheus/prometheus.yml").read_text())["scrape_configs"]
    searched = [job["file_sd_configs"][0]["files"] for job in jobs if job["job_name"].startswith("bigdipper")]
    assert len(searched) == 2
    assert all("/bots/*.yml" in files for files in searched)
    assert all("targets/bot-*.yml" in files for files in searched), "where bots of earlier releases are"
    own = yaml.safe_load((checkout / "docker-compose.yml").read_text())["services"]["prometheus"]
    assert [folder.partition(":")[0] for folder in own["tmpfs"]] == ["/tmp", "/bots"], (
        "Prometheus watches a folder that is there"
    )
    archive = yaml.safe_load((checkout / "deploy/bots/third-archive.yml").read_text())["datasources"][0]
    assert (archive["uid"], archive["jsonData"]["path"]) == ("archive-third", "/archive-third/bigdipper.db")
    assert (checkout / "secrets/exporter-third").is_dir()
    lines = (checkout / ".env").read_text().splitlines()
    assert "COMPOSE_FILE=docker-compose.yml:deploy/bots/second.yml:deploy/bots/third.yml" in lines


def test_docker_compose_takes_what_was_written(checkout: Path) -> None:
    if not has_compose():
        pytest.skip("no docker compose here")
    add(checkout, "second", "logs", "America/New_York")
    with (checkout / ".env").open("a") as file:
        file.write(f"BOT_LOG_DIR={checkout / 'logs'}\nALPACA_SECRET=of-the-first\n")
    command = ["docker", "compose", "--profile", "bot", "config", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=checkout)
    assert done.returncode == 0, done.stderr
    services = json.loads(done.stdout)["services"]
    first, second = services["exporter"], services["exporter-second"]
    assert second["environment"]["BIGDIPPER_BOT_NAME"] == "second"
    assert second["environment"]["BIGDIPPER_LOG_TIMEZONE"] == "America/New_York"
    assert (first["environment"]["ALPACA_SECRET"], second["environment"]["ALPACA_SECRET"]) == ("of-the-first", "")
    mounted = {volume["target"]: volume["source"] for volume in second["volumes"]}
    assert mounted == {
        "/bot": str(checkout / "logs"),
        "/run/secrets": str(checkout / "secrets/exporter-second"),
        "/archive": "archive-second",
    }
    assert "/archive-second" in {volume["target"] for volume in services["grafana"]["volumes"]}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["second"], "usage: deploy/add-bot.sh NAME LOG"),
        (["Second Bot", "logs"], "allowed are lower-case letters"),
        (["a\nb", "logs"], "allowed are lower-case letters"),
        (["second", "nowhere"], "'nowhere' is neither a file nor a folder"),
        (["demo", "logs"], "the service exporter-demo exists already"),
        (["big-dipper", "logs"], "NAME 'big-dipper': another bot has it"),
        (["second", "logs", "New_York"], "TIMEZONE 'New_York': no such time zone"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(checkout: Path, words: list[str], said: str) -> None:
    before = (checkout / ".env").read_text()
    done = add(checkout, *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert (checkout / ".env").read_text() == before
    assert not (checkout / "deploy/bots").exists()


def test_a_log_may_have_any_name(checkout: Path) -> None:
    (checkout / "logs/bot-2.log").touch()
    named = add(checkout, "second", "logs/bot-2.log")
    assert (named.returncode, named.stderr) == (0, "")
    service = yaml.safe_load((checkout / "deploy/bots/second.yml").read_text())["services"]["exporter-second"]
    assert service["environment"]["LOG_PATH"] == "/bot/bot-2.log"
    assert service["volumes"][0]["source"] == str(checkout / "logs")
    missing = add(checkout, "third", "logs")
    assert missing.returncode == 0
    assert "there is no" in missing.stderr
    assert "logs/big_dipper.log yet; if the log has another name, correct LOG_PATH in deploy/bots/third.yml" in missing.stderr
    (checkout / "logs/two words.log").touch()
    assert "characters other than letters, digits" in add(checkout, "fourth", "logs/two words.log").stderr


# Settings of .env that belong to one bot. Every other setting of the exporter in .env is meant for all bots.
OF_ONE_BOT = {
    *("BIGDIPPER_BOT_NAME", "BIGDIPPER_BOT_CONFIG_COPIES", "BIGDIPPER_CONFIG_FILE"),
    *("BIGDIPPER_LOG_FROM", "BIGDIPPER_LOG_COPIES", "BIGDIPPER_LOG_ROTATED"),
    *("BIGDIPPER_LIMITS_BRAKE", "BIGDIPPER_LIMITS_HARD"),
    *("ALPACA_PAPER", "BIGDIPPER_ALPACA_PAPER"),
    *("ALPACA_KEY", "ALPACA_SECRET", "BIGDIPPER_ALPACA_KEY", "BIGDIPPER_ALPACA_SECRET"),
    *("ALPACA_KEY_FILE", "ALPACA_SECRET_FILE", "BIGDIPPER_ALPACA_KEY_FILE", "BIGDIPPER_ALPACA_SECRET_FILE"),
}
OF_ALL_BOTS = re.compile(
    r"(BIGDIPPER_)?LOG_LEVEL|(HTTPS|NO)_PROXY"
    r"|BIGDIPPER_(WEB|MARKET_DATA|LINKS)_.*|BIGDIPPER_ALPACA_(URL|HISTORY|TIMEOUT|REQUESTS_PER_MINUTE|STREAM|.*_INTERVAL)"
    r"|BIGDIPPER_(LOG_FORMAT|ARCHIVE_RETENTION|BENCHMARK_SYMBOL|SECTORS_FILE)"
)


def test_no_bot_inherits_what_belongs_to_the_first(checkout: Path) -> None:
    assert add(checkout, "second", "logs").returncode == 0
    inherited = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["x-settings"].keys()
    assert {name for name in inherited if not OF_ALL_BOTS.fullmatch(name)} == OF_ONE_BOT, "which is a new setting?"
    service = yaml.safe_load((checkout / "deploy/bots/second.yml").read_text())["services"]["exporter-second"]
    given = service["environment"]
    assert {name: given.get(name, "inherited") for name in OF_ONE_BOT} == {
        **dict.fromkeys(OF_ONE_BOT, ""),
        "BIGDIPPER_BOT_NAME": "second",
        "ALPACA_PAPER": "true",
        "ALPACA_KEY_FILE": "/run/secrets/alpaca_key",
        "ALPACA_SECRET_FILE": "/run/secrets/alpaca_secret",
    }
    given |= {"LOG_PATH": "x.log", "BIGDIPPER_LOG_TIMEZONE": "UTC"}
    with pytest.raises(ConfigError, match="/run/secrets/alpaca_key"):
        load({}, given)
    settings = load({}, given | {"ALPACA_KEY_FILE": "", "ALPACA_SECRET_FILE": ""})
    assert (settings.alpaca_paper, settings.alpaca_key) == (True, None), "by its log alone"


HTTPS = "docker-compose.yml:deploy/https/compose.yml"
ADDED = "deploy/bots/second.yml"


@pytest.mark.parametrize(
    ("written", "chosen"),
    [
        ("FOO=1", f"docker-compose.yml:{ADDED}"),  # without a final line end
        (f"COMPOSE_FILE={HTTPS}", f"{HTTPS}:{ADDED}"),
        (f"COMPOSE_FILE={HTTPS}\r\n", f"{HTTPS}:{ADDED}"),
        (f'COMPOSE_FILE="{HTTPS}" # with HTTPS\n', f"{HTTPS}:{ADDED}"),
        (f"COMPOSE_FILE='{HTTPS}'\n", f"{HTTPS}:{ADDED}"),
        (f"COMPOSE_FILE={HTTPS}   # with HTTPS\n", f"{HTTPS}:{ADDED}"),
        (f"export COMPOSE_FILE={HTTPS}\n", f"{HTTPS}:{ADDED}"),
        (f"COMPOSE_FILE=old.yml\nCOMPOSE_FILE={HTTPS}\n", f"{HTTPS}:{ADDED}"),
        ("COMPOSE_FILE=docker-compose.yml:a&b|c.yml\n", f"'docker-compose.yml:a&b|c.yml:{ADDED}'"),
        ("COMPOSE_PATH_SEPARATOR=;\nCOMPOSE_FILE=docker-compose.yml;x.yml\n", f"docker-compose.yml;x.yml;{ADDED}"),
        ("COMPOSE_FILE=\n", f"docker-compose.yml:{ADDED}"),
    ],
)
def test_the_files_that_were_chosen_stay_chosen(checkout: Path, written: str, chosen: str) -> None:
    before = (checkout / ".env").read_bytes()
    (checkout / ".env").write_bytes(before + written.encode())
    assert add(checkout, "second", "logs").returncode == 0
    lines = (checkout / ".env").read_text().splitlines()
    assert [line for line in lines if "COMPOSE_FILE=" in line and not line.startswith("#")] == [f"COMPOSE_FILE={chosen}"]
    assert (checkout / ".env").read_bytes().startswith(before)
    assert written != "FOO=1" or "FOO=1" in lines


def test_an_override_file_goes_on_being_read(checkout: Path) -> None:
    (checkout / "docker-compose.override.yml").write_text("services: {}\n")
    assert add(checkout, "second", "logs").returncode == 0
    assert f"COMPOSE_FILE=docker-compose.yml:docker-compose.override.yml:{ADDED}\n" in (checkout / ".env").read_text()


def test_files_that_the_shell_chooses_are_not_overruled(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPOSE_FILE", HTTPS)
    done = add(checkout, "second", "logs")
    assert (done.returncode, "COMPOSE_FILE is set in this shell" in done.stderr) == (2, True)


def test_a_bot_of_another_compose_file_keeps_its_name(checkout: Path) -> None:
    with (checkout / ".env").open("a") as file:
        file.write("COMPOSE_FILE=docker-compose.yml:deploy/second-bot/compose.yml\n")
    assert "NAME 'second': another bot has it" in add(checkout, "second", "logs").stderr


@pytest.mark.parametrize("stopped", ["awk", "cp", "mv"])
def test_an_interrupted_run_leaves_nothing_and_can_be_repeated(checkout: Path, stopped: str) -> None:
    (checkout / ".env").chmod(0o640)
    with (checkout / ".env").open("a") as file:
        file.write("COMPOSE_FILE=docker-compose.yml\n")
    before = (checkout / ".env").read_text()
    (bin_folder := checkout / "bin").mkdir()
    # As Ctrl-C at the last use of the program: what it would have written is begun.
    (program := bin_folder / stopped).write_text(
        f'#!/bin/sh\ncase "$*" in *done++*|*.env.new*) kill -TERM $PPID; exit 1;; esac\nexec {shutil.which(stopped)} "$@"\n'
    )
    program.chmod(0o755)
    path = f"{bin_folder}:{os.environ['PATH']}"
    done = add(checkout, "second", "logs", path=path)
    assert done.returncode != 0
    assert (checkout / ".env").read_text() == before
    assert list(checkout.glob(".env.new")) == list(checkout.glob("deploy/bots/*")) == []
    assert add(checkout, "second", "logs").returncode == 0
    assert stat.S_IMODE((checkout / ".env").stat().st_mode) == 0o640
    assert "COMPOSE_FILE=docker-compose.yml:deploy/bots/second.yml" in (checkout / ".env").read_text().splitlines()


def test_a_bot_that_an_earlier_release_added_is_not_added_again(checkout: Path) -> None:
    (checkout / "prometheus/targets/bot-second.yml").touch()
    assert "the bot 'second' has already been added" in add(checkout, "second", "logs").stderr


def test_a_name_is_added_once(checkout: Path) -> None:
    assert add(checkout, "second", "logs").returncode == 0
    done = add(checkout, "second", "logs")
    assert done.returncode == 2
    assert "the bot 'second' has already been added" in done.stderr
