"""Alertmanager's answer on the page: read without trust, and never waited for."""

import json
import threading
import time
from typing import Any

import pytest

from bigdipper_exporter.web.alerts import FRESH_SECONDS, PATH, STATUS_PATH, WAIT_SECONDS, Alerts, decode, started
from tests.web.served import DEADLINE, eventually

ALERT = {
    "labels": {"alertname": "BrakeActive", "severity": "critical", "bot": "main"},
    "annotations": {"summary": "Emergency brake"},
    "startsAt": "2026-11-20T14:30:00.000Z",
    "status": {"state": "active"},
}


def answer(*alerts: Any) -> bytes:
    return json.dumps(alerts).encode()


def test_alerts_are_sorted_by_severity_and_the_watchdog_is_none() -> None:
    def labelled(name: str, severity: str) -> dict[str, Any]:
        return ALERT | {"labels": {"alertname": name, "severity": severity}}

    found = decode(answer(labelled("Watchdog", "none"), labelled("DayClosed", "info"), labelled("BotSilent", "critical")))
    assert [alert.name for alert in found] == ["BotSilent", "DayClosed"]


def test_an_alert_is_read_whole() -> None:
    (alert,) = decode(answer(ALERT))
    assert (alert.name, alert.severity, alert.bot, alert.summary) == ("BrakeActive", "critical", "main", "Emergency brake")
    assert (alert.since, alert.silenced) == (1_795_185_000.0, False)
    (alert,) = decode(answer(ALERT | {"status": {"state": "suppressed"}}))
    assert alert.silenced


@pytest.mark.parametrize("entry", [None, [], "x", {}, {"labels": 3}, {"labels": {"alertname": 7, "severity": ["critical"]}}])
def test_what_is_no_alert_is_left_out(entry: Any) -> None:
    assert [alert.name for alert in decode(answer(entry, ALERT))] == ["BrakeActive"]


@pytest.mark.parametrize("time", [None, 5, "soon", "9999-12-31T23:59:59+00:00"])
def test_a_start_that_is_no_time_is_not_known(time: Any) -> None:
    (alert,) = decode(answer(ALERT | {"startsAt": time}))
    assert alert.since is None or time == "9999-12-31T23:59:59+00:00"


def test_an_alert_of_no_known_severity_is_a_warning_as_it_is_sent() -> None:
    own = ALERT | {"labels": {"alertname": "YourOwn"}}
    page = ALERT | {"labels": {"alertname": "Page", "severity": "page"}}
    assert [(alert.name, alert.severity) for alert in decode(answer(own, page))] == [
        ("YourOwn", "warning"),
        ("Page", "warning"),
    ]


def test_alertmanager_says_when_it_started() -> None:
    assert started(json.dumps({"uptime": "2026-11-20T14:30:00.000Z"}).encode()) == 1_795_185_000.0
    assert [started(body) for body in (b"{}", b"[]", b'{"uptime": 5}')] == [None, None, None]

    def fetch(address: str, path: str) -> bytes:
        return {PATH: answer(ALERT), STATUS_PATH: b'{"uptime": "2026-11-20T14:30:00.000Z"}'}[path]

    alerts = Alerts("http://alertmanager", fetch)
    eventually(lambda: alerts.current().started == 1_795_185_000.0)


@pytest.mark.parametrize("status", [b"<html>", None])
def test_alerts_are_shown_where_alertmanager_does_not_say_when_it_started(status: bytes | None) -> None:
    def fetch(address: str, path: str) -> bytes:
        if path == STATUS_PATH and status is None:
            raise OSError("HTTP Error 403: Forbidden")
        return answer(ALERT) if path == PATH else status or b""

    alerts = Alerts("http://alertmanager", fetch)
    eventually(lambda: alerts.current().at is not None)
    assert ([alert.name for alert in alerts.current().alerts], alerts.current().problem) == (["BrakeActive"], None)


@pytest.mark.parametrize(
    ("body", "words"),
    [(b"{}", "not a list"), (b"<html>", "Expecting value"), (b"[" * 100_000, "recursion"), (b"\xff", "start byte")],
)
def test_an_answer_that_is_none_is_named(body: bytes, words: str) -> None:
    alerts = Alerts("http://alertmanager", lambda *_: body)
    eventually(lambda: words in (alerts.current().problem or ""))


def test_a_slow_alertmanager_does_not_hold_up_the_page() -> None:
    asked, release = threading.Event(), threading.Event()
    calls: list[str] = []

    def slow(address: str, path: str) -> bytes:
        calls.append(path)
        asked.set()
        assert release.wait(DEADLINE)
        return answer(ALERT)

    alerts = Alerts("http://alertmanager", slow)
    begun = time.monotonic()
    assert alerts.current().at is None
    assert time.monotonic() - begun < WAIT_SECONDS + 1
    assert asked.wait(DEADLINE)
    alerts.current()
    assert calls == [PATH], "one request at a time"
    release.set()
    eventually(lambda: alerts.current().at is not None)
    assert [alert.name for alert in alerts.current().alerts] == ["BrakeActive"]
    assert calls == [PATH, STATUS_PATH], f"an answer counts for {FRESH_SECONDS} s"


def test_nobody_who_answers_is_named() -> None:
    alerts = Alerts("http://127.0.0.1:1")
    eventually(lambda: "refused" in (alerts.current().problem or ""))
