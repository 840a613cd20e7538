"""Reads what containers' log drivers and journald write around each line of the bot."""

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from bigdipper_exporter.log import forms
from bigdipper_exporter.log.headers import HEADER, PREFIX_LIMIT
from bigdipper_exporter.log.localtime import LocalTime

# Docker's json-file driver, with its fields in the usual order.
DOCKER_BEGIN = b'{"log":'
DOCKER = re.compile(rb'^\{"log":.*$', re.MULTILINE)
# A field of journald's export format besides the message, and the name of one whose value has its length before it.
FIELD = re.compile(rb"(?!MESSAGE=)(?:_|PRIORITY|SYSLOG_|CODE_|INVOCATION_|LOGGER|MESSAGE|THREAD_)[A-Z0-9_]*(?:=|$)")
CRI = re.compile(rb"(20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)) (stdout|stderr) ([FP])(?:\:\S{1,20})? ")


class Entry(NamedTuple):
    """One write of a container. ts: unix seconds. text ends in a newline unless the rest of the line is still to come."""

    stream: str
    ts: float
    text: str


def docker(line: bytes, time: LocalTime) -> Entry:
    """Read an object of Docker's json-file driver. Raises ValueError when it is none."""
    return _entry(line, lambda entry: Entry(_stream(entry), time.moment(str(entry["time"])), _text(entry["log"])))


def journald(line: bytes, time: LocalTime) -> Entry:
    """Read an object of `journalctl -o json`. Raises ValueError when it is none."""

    def read(entry: dict[str, Any]) -> Entry:
        message, stamp = entry["MESSAGE"], int(entry["__REALTIME_TIMESTAMP"]) / 1e6
        if isinstance(message, list):  # what is no text, or holds control characters, is an array of bytes
            message = bytes(message).decode("utf-8", "replace")
        if not isinstance(message, str):
            raise TypeError("the message was left out, because it is long")
        return Entry("", time.plausible(stamp), _with_header(_text(message), entry, stamp, time) + "\n")

    return _entry(line, read)


# Process 1 writes of the bot in the bot's unit: that it started, or failed.
SYSTEMD = "1"
PRIORITIES = tuple("01234567")
INFO = 6


def _with_header(message: str, entry: dict[str, Any], stamp: float, time: LocalTime) -> str:
    """Return the message with the bot's header, which a handler of Python's logging for journald or syslog leaves out.

    What a service prints has the header in its text, and each further line is a message of its own, of the same priority.
    """
    if entry.get("_TRANSPORT") not in ("journal", "syslog") or entry.get("_PID") == SYSTEMD:
        return message
    line = message.partition("\n")[0].encode()
    if HEADER.search(line[: 2 * PREFIX_LIMIT]) or forms.read(line, time):
        return message
    priority = str(entry.get("PRIORITY"))
    level = forms.SEVERITIES[int(priority) if priority in PRIORITIES else INFO]
    moment = datetime.fromtimestamp(stamp, time.zone)
    return f"{moment:%Y-%m-%d %H:%M:%S} [{level}] {message}"


def cri(line: bytes, time: LocalTime) -> Entry | None:
    """Read a line of a Kubernetes container log; return None when it is none. Raises ValueError when its time is damaged."""
    match = CRI.match(line)
    if match is None:
        return None
    end = "\n" if match[3] == b"F" else ""
    text = line[match.end() :].rstrip(b"\r").decode("utf-8", "replace")
    return Entry(match[2].decode(), time.moment(match[1].decode()), text + end)


def contained(line: bytes, time: LocalTime) -> Entry | None:
    """Read a line in any of these forms; return None when it has none of them. Raises ValueError when it is damaged."""
    if not line.startswith(b"{"):
        return cri(line, time)
    if b'"__REALTIME_TIMESTAMP"' in line and b'"MESSAGE"' in line:
        return journald(line, time)
    return docker(line, time) if b'"log"' in line[:200] and b'"time"' in line else None


def _entry(line: bytes, read: Callable[[dict[str, Any]], Entry]) -> Entry:
    try:
        return read(json.loads(line))
    except (KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(f"no object of a container's log: {error}") from None


def _stream(entry: dict[str, Any]) -> str:
    # Each stream may have an open message, so there are only as many as Docker has.
    return stream if (stream := entry.get("stream")) in ("stdout", "stderr") else ""


def _text(text: object) -> str:
    # Half a surrogate pair is valid JSON, but no text.
    return str(text).encode("utf-8", "replace").decode()
