"""The alerts that Alertmanager holds, for the status page: asked for in the background, never waited for."""

import http.client
import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

FRESH_SECONDS = 10.0  # an answer younger than this is shown without asking again
WAIT_SECONDS = 0.01  # the page is worth more than its newest alert
ASK_SECONDS = 3.0
ANSWER_BYTES = 1 << 20
MOST_ALERTS = 20
RESEND_SECONDS = 900.0  # within which Prometheus sends every alert that fires (--rules.alert.resend-delay)
PATH = "/api/v2/alerts?silenced=true&inhibited=false&active=true"
STATUS_PATH = "/api/v2/status"
SEVERITIES = ("critical", "warning", "info")
# What a request and its answer can raise.
FAILURES = (OSError, http.client.HTTPException, ValueError, RecursionError)
UNSENT = "none"  # the severity of what is for machines


@dataclass(frozen=True, slots=True)
class FiringAlert:
    """An alert that fires. bot: its label, an empty string without one. since: unix seconds."""

    name: str
    severity: str
    bot: str
    summary: str
    since: float | None
    silenced: bool


@dataclass(frozen=True, slots=True)
class Firing:
    """What Alertmanager said at `at` (unix seconds, None: nothing yet), most severe first; problem: why it is not known.

    started: when Alertmanager started (unix seconds), if it says so. It keeps no alerts over a restart.
    """

    alerts: tuple[FiringAlert, ...] = ()
    at: float | None = None
    problem: str | None = None
    started: float | None = None


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> NoReturn:
        raise OSError("it redirects elsewhere")


def ask(address: str, path: str = PATH) -> bytes:
    """GET the alerts of the Alertmanager at `address`. Raises OSError, or http.client.HTTPException, with the reason."""
    opener = build_opener(_NoRedirects, ProxyHandler({}))
    with opener.open(Request(address.rstrip("/") + path), timeout=ASK_SECONDS) as response:
        body: bytes = response.read(ANSWER_BYTES + 1)
    if len(body) > ANSWER_BYTES:
        raise OSError(f"its answer is larger than {ANSWER_BYTES >> 20} MB")
    return body


def decode(body: bytes) -> tuple[FiringAlert, ...]:
    """Return the alerts of an answer of GET /api/v2/alerts, most severe first. Raises ValueError if it is none.

    An alert of an unknown severity is a warning, as in alertmanager.yml.
    """
    answer = json.loads(body)
    if not isinstance(answer, list):
        raise ValueError("not a list")
    found = [alert for entry in answer if (alert := _alert(entry)) is not None and alert.severity != UNSENT]
    found.sort(key=lambda alert: (SEVERITIES.index(alert.severity), -(alert.since or 0.0)))
    return tuple(found)


def started(body: bytes) -> float | None:
    """Return when Alertmanager started (unix seconds), by an answer of GET /api/v2/status; None if it does not say so."""
    answer = json.loads(body)
    return _moment(answer.get("uptime")) if isinstance(answer, dict) else None


def _moment(text: object) -> float | None:
    """Return a time as Alertmanager writes it, in unix seconds; None if it is none."""
    with suppress(ValueError, OverflowError):
        return datetime.fromisoformat(str(text)).timestamp()
    return None


def _alert(entry: Any) -> FiringAlert | None:
    if not isinstance(entry, dict):
        return None
    labels, annotations, status = (_texts(entry.get(name)) for name in ("labels", "annotations", "status"))
    if "alertname" not in labels:
        return None
    severity = labels.get("severity", "")
    return FiringAlert(
        labels["alertname"],
        severity if severity in (*SEVERITIES, UNSENT) else "warning",
        labels.get("bot", ""),
        annotations.get("summary", ""),
        _moment(entry.get("startsAt")),
        status.get("state") == "suppressed",
    )


def _texts(value: Any) -> dict[str, str]:
    return {key: text for key, text in value.items() if isinstance(text, str)} if isinstance(value, dict) else {}


class Alerts:
    """The newest answer of one Alertmanager. Safe to use from any thread; at most one request is under way."""

    def __init__(self, address: str, fetch: Callable[[str, str], bytes] = ask) -> None:
        self._address, self._fetch = address, fetch
        self._newest = Firing()
        self._asked = float("-inf")
        self._idle = threading.Event()
        self._idle.set()
        self._lock = threading.Lock()

    def current(self) -> Firing:
        """Return the newest answer; ask for another if it is old, and wait for that one no longer than WAIT_SECONDS."""
        with self._lock:
            if self._idle.is_set() and time.monotonic() - self._asked > FRESH_SECONDS:
                self._idle.clear()
                self._asked = time.monotonic()
                threading.Thread(target=self._ask, name="alerts", daemon=True).start()
        self._idle.wait(WAIT_SECONDS)
        return self._newest

    def _started(self) -> float | None:
        """Ask when Alertmanager started; None where it does not say, such as behind a proxy that lets only alerts through."""
        with suppress(*FAILURES):
            return started(self._fetch(self._address, STATUS_PATH))
        return None

    def _ask(self) -> None:
        try:
            alerts = decode(self._fetch(self._address, PATH))
            self._newest = Firing(alerts, time.time(), started=self._started())
        except FAILURES as error:
            self._newest = Firing(problem=str(getattr(error, "reason", error)) or type(error).__name__)
        finally:
            self._idle.set()
