"""Sends test messages through every way that Alertmanager is configured with, and says what became of them."""

import http.client
import json
import re
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bigdipper_exporter.config.yamlfile import ConfigError

ADDRESS = "http://localhost:9093"
WAIT_SECONDS = 60.0
LOOK_SECONDS = 1.0
# Other alerts are counted with the test's: so long is waited whatever the counts say. The second is longer than the route's
# group_interval in alertmanager.yml.
START_SECONDS, END_SECONDS = 3.0, 8.0
ANSWER_BYTES = 4 << 20
LASTS = timedelta(minutes=5)
REQUESTS, FAILED = "alertmanager_notification_requests_total", "alertmanager_notification_requests_failed_total"
SAMPLE = re.compile(r'^(\w+)\{[^}]*integration="(\w+)"[^}]*\} ([\d.e+]+)$', re.MULTILINE)
MESSAGES = {
    "critical": "Test: emergency brake, trading halted at 115.7%, reduce by $244",
    "warning": "Test: down 6.3% today ($-2194), equity $32636",
    "info": "Test: day closed, equity $34830, +1.2% ($+410), 5 ordered, 4 filled",
}

# Ways whose integration in Alertmanager has another name.
NAMES = {"victorops": "gotify, apprise", "msteamsv2": "teams"}

Counts = Counter[tuple[str, str]]  # by metric and integration


@dataclass(frozen=True)
class Sent:
    """What became of the messages of one integration: requests to its service, how many of them failed, how many were due."""

    integration: str
    requests: int
    failed: int
    due: int

    @property
    def fine(self) -> bool:
        """Whether the service took every message."""
        return self.requests >= self.due and not self.failed

    def __str__(self) -> str:
        name = NAMES.get(self.integration, self.integration)
        if not self.requests:
            return f"{name}: nothing was sent within {WAIT_SECONDS:.0f} s"
        if self.failed:
            return f"{name}: {self.failed} of {self.requests} requests refused; Alertmanager's log has the answer"
        if self.requests < self.due:
            return f"{name}: only {self.requests} of {self.due} messages were sent within {WAIT_SECONDS:.0f} s"
        return f"{name}: {self.requests} messages taken"


def notify(address: str, wait: float = WAIT_SECONDS) -> Iterator[str | Sent]:
    """Send the messages to the Alertmanager at `address`, say them, and say what became of them within `wait` seconds.

    Raises ConfigError where Alertmanager does not answer, or sends to nobody.
    """
    address = address.rstrip("/")
    expected = _configured(address)
    before = _counts(address)
    run = datetime.now(UTC)
    _post(address, [_alert(severity, run, run + LASTS) for severity in MESSAGES])
    for severity, text in MESSAGES.items():
        yield f"sent as {severity}: {text}"
    _wait(address, before, expected, START_SECONDS, wait)
    # Of what is over, critical messages and warnings are told; a note is not.
    _post(address, [_alert(severity, run, datetime.now(UTC)) for severity in MESSAGES])
    yield f"sent as over: {MESSAGES['critical']}"
    ends = Counter({name: count // len(MESSAGES) for name, count in expected.items()})
    due = expected + ends + ends
    now = _wait(address, before, due, END_SECONDS, wait)
    for name, count in due.items():
        yield Sent(name, now[REQUESTS, name] - before[REQUESTS, name], now[FAILED, name] - before[FAILED, name], count)


def _alert(severity: str, starts: datetime, ends: datetime) -> dict[str, object]:
    labels = {
        "alertname": "NotificationTest",
        "severity": severity,
        "subject": "test",
        "bot": "test",
        "run": starts.isoformat(),
    }
    annotations = {
        "summary": MESSAGES[severity],
        "description": "This is a test of the way to you: nothing has happened.",
        "runbook_url": "docs/notifications.md",
        "dashboard": "/d/bigdipper-health",
    }
    return {"labels": labels, "annotations": annotations, "startsAt": starts.isoformat(), "endsAt": ends.isoformat()}


def _ask(address: str, path: str, content: object = None) -> str:
    data = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(address + path, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return str(reply.read(ANSWER_BYTES).decode("utf-8", "replace"))
    except (OSError, ValueError, http.client.HTTPException) as error:  # what answers there may not be HTTP
        raise ConfigError(
            [f"notify-test: no answer from Alertmanager at {address}: {error}; start it, or name another with --alertmanager"]
        ) from None


def _post(address: str, alerts: list[dict[str, object]]) -> None:
    _ask(address, "/api/v2/alerts", alerts)


def _configured(address: str) -> Counter[str]:
    """How many messages each integration must send for the three alerts. Secrets are masked in what Alertmanager shows."""
    import yaml

    status = json.loads(_ask(address, "/api/v2/status"))
    receivers = {one["name"]: one for one in yaml.safe_load(status["config"]["original"])["receivers"]}
    found: Counter[str] = Counter()
    for severity in MESSAGES:
        for key, entries in receivers.get(severity, {}).items():
            if key.endswith("_configs"):
                found[key.removesuffix("_configs")] += len(entries)
    if not found:
        raise ConfigError(["notify-test: Alertmanager has no channel: set ALERT_* (docs/notifications.md) and restart it"])
    return found


def _counts(address: str) -> Counts:
    counts: Counts = Counter()
    for metric, integration, value in SAMPLE.findall(_ask(address, "/metrics")):
        if metric in (REQUESTS, FAILED):
            counts[metric, integration] += int(float(value))
    return counts


def _wait(address: str, before: Counts, expected: Counter[str], least: float, most: float) -> Counts:
    """Return the counts once every integration has sent what is expected, after `least` to `most` seconds."""
    begun = time.monotonic()
    while True:
        time.sleep(LOOK_SECONDS)
        now, waited = _counts(address), time.monotonic() - begun
        complete = all(now[REQUESTS, name] - before[REQUESTS, name] >= count for name, count in expected.items())
        if (complete and waited >= least) or waited >= most:
            return now
