"""`deploy/add-bot.sh`: a further bot of the compose stack, by one command."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

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


def add(checkout: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", checkout / "deploy/add-bot.sh", *words], capture_output=True, text=True, check=False, cwd=checkout
    )


def test_two_bots_are_added_each_by_one_command(checkout: Path) -> None:
    for name in ("second", "third"):
        done = add(checkout, name, "logs", "America/New_York")
        assert done.returncode == 0, done.stderr
        assert f"added {name}: put its keys into secrets/exporter-{name}" in done.stdout
    (target,) = yaml.safe_load((checkout / "prometheus/targets/bot-third.yml").read_text())
    assert target == {"targets": ["exporter-third:10077"], "labels": {"bot": "third"}}
    jobs = yaml.safe_load((checkout / "prometheus/prometheus.yml").read_text())["scrape_configs"]
    assert all("targets/bot-*.yml" in job["file_sd_configs"][0]["files"] for job in jobs if job["job_name"].startswith("bigd"))
    archive = yaml.safe_load((checkout / "deploy/bots/third-archive.yml").read_text())["datasources"][0]
    assert (archive["uid"], archive["jsonData"]["path"]) == ("archive-third", "/archive-third/bigdipper.db")
    assert (checkout / "secrets/exporter-third").is_dir()
    lines = (checkout / ".env").read_text().splitlines()
    assert "COMPOSE_FILE=docker-compose.yml:deploy/bots/second.yml:deploy/bots/third.yml" in lines


@pytest.mark.skipif(shutil.which("docker") is None, reason="needs docker compose")
def test_docker_compose_takes_what_was_written(checkout: Path) -> None:
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


def test_a_name_is_added_once(checkout: Path) -> None:
    assert add(checkout, "second", "logs").returncode == 0
    done = add(checkout, "second", "logs")
    assert done.returncode == 2
    assert "the bot 'second' has already been added" in done.stderr
