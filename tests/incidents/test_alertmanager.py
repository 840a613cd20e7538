"""The real Alertmanager, sixty times as fast, sends what the laboratory's says: the same alerts, in the same messages."""

import re
import sys
import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bigdipper_exporter.demo.ports import free_port
from tests.alerts import rules
from tests.alerts.test_stack import ALERTMANAGER, Inbox, post, process
from tests.incidents.check import needs_programs
from tests.incidents.incidents import INCIDENTS
from tests.incidents.story import Story, tell, told_by_prometheus
from tests.running import environment

pytestmark = [
    pytest.mark.soak,
    needs_programs,
    pytest.mark.skipif(bool(rules.missing(ALERTMANAGER)), reason="no Alertmanager on this machine"),
]
FACTOR = 60
LONGEST = 75  # minutes
PLAYED = (
    "bot-killed",
    "bot-stopped",
    "cycles-fail",
    "disk-full",
    "network-down",
    "one-endpoint",
    "brake",
    "leveraged-crash",
    "loss-overnight",
    "exporter-killed",
    "exporter-stalled",
    "log-gone",
    "order-by-hand",
    "quiet",
)


def hurried(text: str) -> str:
    """The configuration with every duration divided by FACTOR, at any hour."""

    def shorter(found: re.Match[str]) -> str:
        seconds = int(found[2]) * {"s": 1, "m": 60, "h": 3600}[found[3]]
        return f"{found[1]}{seconds * 1000 // FACTOR}ms"

    text = re.sub(r"\n +mute_time_intervals:\n +- outside-market-day", "", text)
    return re.sub(r"((?:group_wait|group_interval|repeat_interval): )(\d+)([smh])\b", shorter, text)


def play(stories: list[Story], url: str) -> None:
    """Say to Alertmanager, minute by minute, what Prometheus would: each incident under a bot of its own name."""
    begun = time.monotonic()
    minutes = [dict(told_by_prometheus(one.incident, one.recording, one.alerts)) for one in stories]
    far = datetime.now(UTC) + timedelta(days=1)
    starts: dict[str, datetime] = {}
    for minute in range(LONGEST):
        time.sleep(max(0.0, begun + minute * 60 / FACTOR - time.monotonic()))
        now = datetime.now(UTC)
        batch: list[dict[str, Any]] = []
        for story, said in zip(stories, minutes, strict=True):
            for alert in said.get(minute, ()):
                labels = {**alert.labels, "bot": story.incident.name}
                started = starts.setdefault(f"{labels} {alert.starts}", now)
                ends = now if alert.ends is not None else far
                times = {"startsAt": (started - timedelta(milliseconds=1)).isoformat(), "endsAt": ends.isoformat()}
                batch.append({"labels": labels, "annotations": alert.annotations, **times})
        if batch:
            post(f"{url}/api/v2/alerts", batch)


def names(body: dict[str, Any]) -> str:
    """The alerts of a message, as the table of incidents names them."""
    on = sorted({one["labels"]["alertname"] for one in body["alerts"] if one["status"] == "firing"})
    off = sorted({one["labels"]["alertname"] for one in body["alerts"] if one["status"] == "resolved"})
    return " ".join([*on, *(f"-{name}" for name in off)])


def test_the_real_alertmanager_sends_the_same_messages(tmp_path: Path) -> None:
    stories = []
    for incident in INCIDENTS:
        if incident.name in PLAYED:
            (tmp_path / incident.name).mkdir()
            stories.append(tell(incident, tmp_path / incident.name))
    assert len(stories) == len(PLAYED)
    inbox = Inbox()
    variables = environment(ALERT_WEBHOOK_URL=f"{inbox.url}/people")
    folder = tmp_path / "alertmanager"
    said = rules.run(sys.executable, rules.ROOT / "alertmanager" / "render.py", "--out", folder, env=variables)
    assert said.returncode == 0, said.stdout
    config, port = folder / "alertmanager.yml", free_port()
    config.write_text(hurried(config.read_text(encoding="utf-8")), encoding="utf-8")
    arguments = (f"--config.file={config}", f"--storage.path={folder}/data", f"--web.listen-address=127.0.0.1:{port}")
    try:
        with process(tmp_path, ALERTMANAGER, *arguments, "--cluster.listen-address=", port=port) as url:
            play(stories, url)
    finally:
        inbox.close()
    received: dict[str, list[str]] = defaultdict(list)
    for _, _, body in inbox.messages:
        received[body["commonLabels"]["bot"]].append(names(body))
    assert dict(received) == {one.incident.name: list(one.incident.sent) for one in stories if one.incident.sent}
