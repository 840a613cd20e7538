"""The whole way with the real programs: the exporter, Prometheus and Alertmanager, from a line in the log to a message.

The rules are the repository's own, copied; the test shortens patience (`for:` and thresholds of age) in its copy, nothing else.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bigdipper_exporter.demo.ports import free_port
from tests.alerts import rules
from tests.alerts.test_form import OUTSIDE
from tests.running import Exporter, command, exporter, wait_for
from tests.standin import Webhook

ALERTMANAGER = next(filter(shutil.which, ("prometheus-alertmanager", "alertmanager")), "alertmanager")
pytestmark = [
    pytest.mark.stack,
    pytest.mark.skipif(bool(rules.missing("prometheus", ALERTMANAGER)), reason="no Prometheus or Alertmanager on this machine"),
]
BRAKE = (
    "Cycle #7 - 10:00:00",
    "☀️ Regular Hours (regular hours)",
    "⚠️  EMERGENCY BRAKE: Leverage 115.7% > 115.0%",
    "   HALTING ALL TRADING this cycle",
)
# What the tests cannot wait for. Everything else is as shipped, the scrape and evaluation intervals above all.
SHORTER = {"log_age_seconds": 10, "broker_age_seconds": 3}
PATIENCE = 180.0  # the rules have 15 s more to wait for than they had, and the machine may be busy
BOT = "big-dipper"


class Inbox(Webhook):
    """What Alertmanager sends to people, and to other paths."""

    def wait(self, alert: str, path: str = "/people") -> tuple[float, dict[str, Any]]:
        """The first arrival of `alert` of the bot that the stack watches, or of none, and the alert."""

        def found() -> tuple[float, dict[str, Any]] | None:
            for at, where, body in list(self.messages):
                for one in body["alerts"]:
                    labels = one["labels"]
                    if where == path and labels["alertname"] == alert and labels.get("bot", BOT) == BOT:
                        return at, one
            return None

        result: tuple[float, dict[str, Any]] = wait_for(found, f"a message about {alert}", PATIENCE)
        return result


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as reply:
        text: str = reply.read().decode()
        return text


def post(url: str, content: Any) -> None:
    request = urllib.request.Request(url, json.dumps(content).encode(), {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=10).close()


def answers(url: str) -> bool:
    try:
        get(url)
    except OSError:
        return False
    return True


@contextmanager
def process(folder: Path, *command: str | Path, port: int) -> Iterator[str]:
    """A program that serves on `port`, until the end of the test. Yields its address."""
    url = f"http://127.0.0.1:{port}"
    with (folder / f"{port}.txt").open("w") as said:
        program = subprocess.Popen([str(part) for part in command], stdout=said, stderr=said)
        try:
            wait_for(lambda: program.poll() is not None or answers(f"{url}/-/ready"), f"{command[0]} to be ready", 30)
            assert program.poll() is None, (folder / f"{port}.txt").read_text()
            yield url
        finally:
            program.kill()
            program.wait()


def impatient(text: str) -> str:
    """Rules that wait for a second only, and for less age."""
    text = re.sub(r"^( +for:) \w+", r"\1 1s", text, flags=re.MULTILINE)
    for name, seconds in SHORTER.items():
        text = re.sub(rf"(name: {name}}}, expr: vector)\(\d+\)", rf"\1({seconds})", text)
    return text


def prometheus_files(folder: Path, targets: dict[str, str]) -> None:
    """The repository's own configuration, with other addresses and shortened patience."""
    shutil.copytree(rules.PROMETHEUS, folder)
    for file in (*folder.glob("rules/*.yml"), *folder.glob("rules/alerts/*.yml")):
        file.write_text(impatient(file.read_text(encoding="utf-8")), encoding="utf-8")
    for name, url in targets.items():
        labels = f"\n  labels: {{bot: {BOT}}}" if name == "bigdipper" else ""
        (folder / "targets" / f"{name}.yml").write_text(f"- targets: ['{url.removeprefix('http://')}']{labels}\n")


def alertmanager_files(folder: Path, inbox: Inbox) -> None:
    """The repository's own configuration as the renderer writes it, with warnings at any hour and soon."""
    environment = {**os.environ, "ALERT_WEBHOOK_URL": f"{inbox.url}/people", "ALERT_DEADMAN_URL": f"{inbox.url}/deadman"}
    rendered = rules.run(sys.executable, rules.ROOT / "alertmanager" / "render.py", "--out", folder, env=environment)
    assert rendered.returncode == 0, rendered.stdout
    file = folder / "alertmanager.yml"
    text = re.sub(r"\n +mute_time_intervals:\n +- outside-market-day", "", file.read_text(encoding="utf-8"))
    text = re.sub(r"group_wait: (1m|45s)", "group_wait: 1s", text)
    file.write_text(text.replace("group_interval: 10m", "group_interval: 5s"))


class Stack:
    """All of it. The broker is down: its port is bound, and nothing listens on it."""

    def __init__(self, folder: Path, whole: ExitStack) -> None:
        self.inbox = Inbox()
        whole.callback(self.inbox.close)
        silent = whole.enter_context(socket.socket())
        silent.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        broker = {"ALPACA_KEY": "PKTEST", "ALPACA_SECRET": "test", "BIGDIPPER_ALPACA_URL": url}
        (folder / "exporter").mkdir()
        self.exporter: Exporter = whole.enter_context(exporter(folder / "exporter", env=broker))
        alertmanager_files(folder / "alertmanager", self.inbox)
        port = free_port()
        self.alertmanager = whole.enter_context(
            process(
                folder,
                ALERTMANAGER,
                f"--config.file={folder}/alertmanager/alertmanager.yml",
                f"--storage.path={folder}/am",
                f"--web.listen-address=127.0.0.1:{port}",
                "--cluster.listen-address=",
                port=port,
            )
        )
        port = free_port()
        targets = {"bigdipper": self.exporter.url, "alertmanager": self.alertmanager, "prometheus": f"http://127.0.0.1:{port}"}
        prometheus_files(folder / "prometheus", targets)
        self.prometheus = whole.enter_context(
            process(
                folder,
                "prometheus",
                f"--config.file={folder}/prometheus/prometheus.yml",
                f"--storage.tsdb.path={folder}/tsdb",
                f"--web.listen-address=127.0.0.1:{port}",
                "--rules.alert.resend-delay=5s",
                port=port,
            )
        )

    def say(self, *lines: str) -> float:
        """The bot writes lines now. Returns when."""
        now = datetime.now(ZoneInfo("America/New_York"))
        with self.exporter.log.open("a", encoding="utf-8") as log:
            log.writelines(f"{now:%Y-%m-%d %H:%M:%S} [INFO] {line}\n" for line in lines)
        return time.time()

    def value(self, query: str) -> float | None:
        """The first value of an instant query."""
        result = json.loads(get(f"{self.prometheus}/api/v1/query?query={urllib.parse.quote(query)}"))["data"]["result"]
        return float(result[0]["value"][1]) if result else None


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with ExitStack() as whole:
        yield Stack(tmp_path_factory.mktemp("stack"), whole)


def told(capsys: pytest.CaptureFixture[str], what: str, since: float, at: float) -> None:
    with capsys.disabled():  # standard error: a worker of pytest-xdist has no other way to the terminal
        print(f"\n  {what} -> notification: {at - since:.1f} s", end="", file=sys.stderr)


MUTED = [  # PrometheusNotStoring, which mutes every bot, would mute all of these
    ("ExporterDown", "BotSilent", True),
    ("ExporterDown", "BrakeActive", True),
    ("ExporterDown", "DiskFull", False),
    ("LogUnreadable", "BotSilent", True),
    ("ArchiveFailing", "BotNotCycling", True),
    ("BotStopped", "BotNotCycling", True),
    ("BrakeActive", "BrakeNear", True),
    ("BrakeActive", "MissedTrades", True),
    ("BrakeActive", "HardLimitExceeded", False),
    ("BrakeNear", "BrakeActive", False),
    ("DayLossSevere", "DayLoss", True),
    ("DrawdownSevere", "Drawdown", True),
    ("DrawdownSevere", "DayLoss", False),
    ("DrawdownSevere", "PositionLossDeep", False),
    ("DiskFull", "DiskLow", True),
    ("BrokerUnauthorized", "BrokerUnreachable", True),
    ("BrokerUnreachable", "LogBrokerDisagree", True),
    ("CatchingUp", "BotRestarting", True),
    ("ExporterStalled", "BotSilent", True),
    ("ArchiveFailing", "BrokerDownInSession", True),
    ("DiskFull", "BotSilent", False),
    ("CatchingUp", "BrakeActive", False),
]


def test_the_cause_of_an_incident_mutes_its_effects_and_nothing_else(stack: Stack) -> None:
    def alert(name: str, bot: str) -> dict[str, Any]:
        return {"labels": {"alertname": name, "bot": bot, **rules.alerts()[name]["labels"]}}

    pairs = [(cause, effect, f"{cause}-{effect}") for cause, effect, _ in MUTED]
    # A cause, its effect, and the same effect of a bot that has no cause.
    alerts = [[alert(cause, bot), alert(effect, bot), alert(effect, f"not-{bot}")] for cause, effect, bot in pairs]
    expected = {f"{cause}-{effect}": "suppressed" if muted else "active" for cause, effect, muted in MUTED}
    expected |= {f"not-{bot}": "active" for bot in expected}
    post(f"{stack.alertmanager}/api/v2/alerts", [one for three in alerts for one in three])

    def states() -> dict[str, str]:
        found = json.loads(get(f"{stack.alertmanager}/api/v2/alerts"))
        effects = {f"{prefix}{bot}": effect for _, effect, bot in pairs for prefix in ("", "not-")}
        return {
            one["labels"]["bot"]: one["status"]["state"]
            for one in found
            if effects.get(one["labels"].get("bot")) == one["labels"]["alertname"]
        }

    # Causes are noted one after the other, so what must be muted is so a moment later.
    wait_for(lambda: list(states().values()).count("suppressed") >= sum(muted for *_, muted in MUTED), "inhibition")
    assert states() == expected


def test_the_test_of_notifications_sends_every_kind_of_message_and_says_what_came_of_it(stack: Stack) -> None:
    result = command("notify-test", "--alertmanager", stack.alertmanager, timeout=PATIENCE)
    assert result.returncode == 0, result.stderr
    assert "sent as critical: Test: emergency brake" in result.stdout
    assert re.search(r"^webhook: \d+ messages taken$", result.stdout, re.MULTILINE)
    tests = [body for _, path, body in list(stack.inbox.messages) if path == "/people" and body["groupLabels"].get("run")]
    kinds = sorted((body["groupLabels"]["severity"], body["status"]) for body in tests)
    assert kinds == [
        ("critical", "firing"),
        ("critical", "resolved"),
        ("info", "firing"),
        ("warning", "firing"),
        ("warning", "resolved"),
    ]


def test_the_test_of_notifications_says_that_nobody_answers() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        result = command("notify-test", "--alertmanager", f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert "no answer from Alertmanager" in result.stderr


# These follow each other in one life of one stack: the order is the story.


def test_a_brake_line_becomes_a_notification(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stack.say("Cycle #6 - 09:59:00")
    wait_for(lambda: stack.value('up{job="bigdipper"}') == 1, "the first scrape", PATIENCE)
    written = stack.say(*BRAKE)
    at, alert = stack.inbox.wait("BrakeActive")
    told(capsys, "brake line in the log", written, at)
    assert alert["labels"]["bot"] == BOT
    assert alert["labels"]["severity"] == "critical"
    assert alert["annotations"]["summary"].startswith("Emergency brake: trading halted at 115.7%")


def test_a_broker_that_is_down_becomes_a_notification(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    down = stack.exporter.value("bigdipper_exporter_start_timestamp_seconds")
    assert down is not None
    at, alert = stack.inbox.wait("BrokerUnreachable")
    told(capsys, f"broker down (told after {SHORTER['broker_age_seconds']} s here, 600 s as shipped)", down, at)
    assert alert["annotations"]["summary"].startswith("No answer from Alpaca for ")


def test_a_silent_bot_becomes_a_notification(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    last = stack.exporter.value("bigdipper_log_last_line_timestamp_seconds")
    assert last is not None
    at, alert = stack.inbox.wait("BotSilent")
    told(capsys, f"last line of the bot (told after {SHORTER['log_age_seconds']} s here, 300 s as shipped)", last, at)
    assert re.match(r"Bot silent for \d+", alert["annotations"]["summary"])


def test_the_dead_man_hears_the_watchdog(stack: Stack) -> None:
    stack.inbox.wait("Watchdog", "/deadman")


def test_rules_are_computed_without_errors_and_read_metrics_that_exist(stack: Stack) -> None:
    groups = json.loads(get(f"{stack.prometheus}/api/v1/rules"))["data"]["groups"]
    assert [rule for group in groups for rule in group["rules"] if rule["health"] == "err"] == []
    assert {rule["name"] for group in groups for rule in group["rules"] if rule["type"] == "alerting"} == set(rules.alerts())
    exposed = get(f"{stack.prometheus}/metrics") + get(f"{stack.alertmanager}/metrics")
    assert {name for name in OUTSIDE if name != "up" and f"\n# TYPE {name} " not in exposed} == set()
    read = {name for rule in rules.rules("alert") + rules.rules("record") for name in rules.metric_names(rule["expr"])}
    families = set(re.findall(r"^# TYPE (\S+)", stack.exporter.get("/metrics")[1], re.MULTILINE))
    named = {re.sub(r"_(bucket|sum|count)$", "", name) for name in read if name.startswith("bigdipper_")}
    assert {name for name in named if name not in families and name.removesuffix("_total") not in families} == set()


def test_a_killed_exporter_becomes_one_notification(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    killed = time.time()
    stack.exporter.kill()
    at, alert = stack.inbox.wait("ExporterDown")
    told(capsys, "exporter killed", killed, at)
    assert alert["annotations"]["summary"] == "Exporter down: the bot is not watched"


def test_refused_settings_are_told_by_the_earlier_ones(stack: Stack, tmp_path: Path) -> None:
    render = (
        sys.executable,
        rules.ROOT / "alertmanager" / "render.py",
        "--out",
        tmp_path,
        "--alertmanager",
        stack.alertmanager,
    )
    token = "123:secret-of-the-owner"
    refused = rules.run(*render, env={**os.environ, "ALERT_TELEGRAM_TOKEN": token})
    assert refused.returncode == 2
    _, alert = stack.inbox.wait("NotificationSettingsRejected")
    assert alert["status"] == "firing"
    refused_for = "Notification settings refused: ALERT_TELEGRAM_TOKEN: must be"
    assert alert["annotations"]["summary"].startswith(refused_for)
    asked = command("doctor", "--alertmanager.url", stack.alertmanager, "--archive.path", tmp_path / "a.db")
    assert f"WRONG  alerting   {refused_for}" in asked.stdout
    assert token not in json.dumps(alert)
    rules.run(*render, env={**os.environ, "ALERT_WEBHOOK_URL": "http://127.0.0.1:1/"})
    shown = f"{stack.alertmanager}/api/v2/alerts?filter=alertname=NotificationSettingsRejected"
    wait_for(lambda: json.loads(get(shown)) == [], "the end of NotificationSettingsRejected", PATIENCE)
    asked = command("doctor", "--alertmanager.url", stack.alertmanager, "--archive.path", tmp_path / "a.db")
    assert "fine   alerting   " in asked.stdout
