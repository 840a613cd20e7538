"""The exporter's own log: one line per message on standard error, logfmt or JSON, secrets masked.

`get("web").info("listening", address=...)` gives `ts=... level=info component=web msg=listening address=...`.
"""

import json
import logging
import math
import re
import sys
import threading
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TextIO

MASK = "********"
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}

_ROOT = "bigdipper_exporter"
_BARE = re.compile(r"[^\s\"=\\]+")
_LOGGING_OPTIONS = ("exc_info", "stack_info", "stacklevel", "extra")
_SHORTEST_SECRET = 4  # masking anything shorter would garble every line

_secrets: set[str] = set()


class Log(logging.LoggerAdapter[logging.Logger]):
    """A logger whose keyword arguments become fields of the line."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Move keyword arguments into the fields of the record."""
        fields = {key: kwargs.pop(key) for key in list(kwargs) if key not in _LOGGING_OPTIONS}
        kwargs["extra"] = {"fields": fields}
        return msg, kwargs


def get(component: str) -> Log:
    """The logger of one part of the exporter."""
    return Log(logging.getLogger(f"{_ROOT}.{component}"), {})


def setup(level: str = "info", form: str = "logfmt", stream: TextIO | None = None) -> None:
    """Send every message of the process to `stream` (default: standard error), and nowhere else.

    `level` (one of LEVELS) is for the exporter; libraries are heard from `warn` on, since theirs may name requests.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_JsonFormatter() if form == "json" else _LogfmtFormatter())
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(max(logging.WARNING, LEVELS[level]))
    logging.getLogger(_ROOT).setLevel(LEVELS[level])
    logging.captureWarnings(True)


def hide(*secrets: str | None) -> None:
    """Mask these values in every line from now on, wherever they come from."""
    _secrets.update(secret for secret in secrets if secret and len(secret) >= _SHORTEST_SECRET)


def printable(text: str) -> str:
    """Return `text` as a terminal may show it: secrets masked, control characters escaped."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in masked(text))


def masked(text: str) -> str:
    """Return `text` with every hidden value replaced."""
    # The longest first: one secret may be a part of another.
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


def _fields(record: logging.LogRecord) -> Iterator[tuple[str, Any]]:
    yield "ts", datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    yield "level", next((name for name, number in reversed(LEVELS.items()) if record.levelno >= number), "debug")
    yield "component", record.name.removeprefix(f"{_ROOT}.")
    yield "msg", masked(record.getMessage().strip())
    for key, value in getattr(record, "fields", {}).items():
        if isinstance(value, float):
            value = round(value, 6) if math.isfinite(value) else str(value)
        yield key, value if isinstance(value, bool | int | float | None) else masked(str(value))
    if record.exc_info and record.exc_info[1]:
        error = record.exc_info[1]
        yield "error", masked(f"{type(error).__name__}: {error}")
        yield "traceback", masked("".join(traceback.format_exception(error)).strip())


class _LogfmtFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return " ".join(f"{key}={_logfmt(value)}" for key, value in _fields(record))


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(dict(_fields(record)))


def _logfmt(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    text = str(value)
    if _BARE.fullmatch(text) and text.isprintable():
        return text
    # Characters that a terminal would obey, or that cannot be encoded, are written as escapes.
    return json.dumps(text, ensure_ascii=not text.isprintable())


@dataclass(slots=True)
class _Told:
    since: float
    last: float
    unsaid: int = 0


class Throttle:
    """Says a problem at once, repeats it once per `interval` seconds as "still ...", and says once when it is over.

    Messages are phrases that read well after "still", such as "waiting for the log". Safe to use from any thread.
    """

    _MOST_KEYS = 256

    def __init__(self, log: Log, interval: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._interval = interval
        self._clock = clock
        self._told: OrderedDict[Hashable, _Told] = OrderedDict()
        self._lock = threading.Lock()

    def problem(self, key: Hashable, message: str, *, level: str = "warn", **fields: Any) -> bool:
        """Tell of the problem `key` if it is due. Returns whether a line was written."""
        now = self._clock()
        with self._lock:
            told = self._told.get(key)
            if told is None:
                self._told[key] = _Told(now, now)
                if len(self._told) > self._MOST_KEYS:
                    self._told.popitem(last=False)
            elif now - told.last < self._interval:
                told.unsaid += 1
                return False
            else:
                fields |= {"seconds": round(now - told.since), "times": told.unsaid + 1}
                message = f"still {message}"
                told.last, told.unsaid = now, 0
        self._log.log(LEVELS[level], message, **fields)
        return True

    def solved(self, key: Hashable, message: str, **fields: Any) -> bool:
        """Log, once, that the problem `key` is over. Does nothing if it was never logged."""
        with self._lock:
            told = self._told.pop(key, None)
        if told is not None:
            self._log.info(message, seconds=round(self._clock() - told.since), **fields)
        return told is not None
