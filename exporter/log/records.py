"""Bytes of the log -> records: header, level, time and position of each line, and the event its message tells of.

Two carriers, mixed in one file: plain lines, and Docker's json-file objects (one per line, long messages split over several).
Only a line with a header `YYYY-MM-DD HH:MM:SS [LEVEL] ` can tell of an event: tracebacks, banners and bodies of errors cannot.
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

from exporter.log.compile import read_message
from exporter.log.events import Event, Malformed

LEVELS = {b"DEBUG": "DEBUG", b"INFO": "INFO", b"WARNING": "WARNING", b"ERROR": "ERROR", b"CRITICAL": "CRITICAL"}
DOCKER = b'{"log":'
PENDING_LIMIT = 1 << 20
OFFSET_BITS = 40


class Record(NamedTuple):
    """An event with its identity (generation << 40 | byte offset of its line), its time (unix seconds) and its forms."""

    id: int
    ts: float
    event: Event
    forms: str


@dataclass
class Portion:
    """What one read of the log held: the records with an event, and counts of everything."""

    records: list[Record] = field(default_factory=list)
    lines: int = 0
    bytes: int = 0
    levels: Counter[str] = field(default_factory=Counter)
    last_ts: float | None = None


class LocalTime:
    """Local times without a zone -> unix seconds. In the hour that autumn repeats, file order decides which one is meant."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self.last = float("-inf")
        self._stamp = b""
        self._ts = 0.0

    def __call__(self, stamp: bytes) -> float:
        """Unix seconds of `YYYY-MM-DD HH:MM:SS`; ValueError when there is no such time."""
        if stamp == self._stamp:
            return self._ts
        local = datetime.fromisoformat(stamp.decode("ascii")).replace(tzinfo=self._zone)
        ts = local.timestamp()
        if ts < self.last - 60:
            # An hour back: the second pass of the repeated hour, if the zone has one here.
            ts = max(ts, local.replace(fold=1).timestamp())
        self._stamp, self._ts, self.last = stamp, ts, ts
        return ts


class Reader:
    """Reads portions of the log in file order. `pending` holds the open pieces of split Docker messages, by generation."""

    def __init__(self, zone: tzinfo, listen: Callable[[int, float, str], None] | None = None) -> None:
        self.time = LocalTime(zone)
        self.pending: dict[int, tuple[int, str]] = {}
        self._listen = listen

    def read(self, generation: int, offset: int, data: bytes, portion: Portion) -> None:
        """Add what `data` (whole lines, at byte `offset` of `generation`) holds to `portion`."""
        base = generation << OFFSET_BITS
        position = base | offset
        lines = data.split(b"\n")
        lines.pop()
        for line in lines:
            if line[19:21] == b" [":
                self._line(position, line, None, portion)
            elif line.startswith(DOCKER):
                self._docker(generation, position, line, portion)
            position += len(line) + 1
        portion.lines += len(lines)
        portion.bytes += len(data)

    def _line(self, position: int, line: bytes, exact: float | None, portion: Portion) -> None:
        end = line.find(b"]", 21, 30)
        level = LEVELS.get(line[21:end])
        if level is None:
            return
        try:
            ts = self.time(line[:19]) if exact is None else exact
        except ValueError:
            portion.records.append(Record(position, portion.last_ts or self.time.last, Malformed("timestamp"), ""))
            return
        portion.levels[level] += 1
        portion.last_ts = ts
        read = read_message(line, end + 2)
        if read is not None:
            portion.records.append(Record(position, ts, *read))
        if self._listen is not None:
            self._listen(position, ts, line[end + 2 :].decode("utf-8", "replace"))

    def _docker(self, generation: int, position: int, line: bytes, portion: Portion) -> None:
        try:
            entry = json.loads(line)
            text, ts = str(entry["log"]), _utc(str(entry["time"]))
        except (ValueError, KeyError, TypeError):
            portion.records.append(Record(position, portion.last_ts or self.time.last, Malformed("docker"), ""))
            return
        start, before = self.pending.pop(generation, (position, ""))
        text = before + text
        if not text.endswith("\n") and len(text) < PENDING_LIMIT:
            self.pending[generation] = (start, text)
            return
        inner = text.rstrip("\r\n").encode("utf-8", "replace")
        if inner[19:21] == b" [":
            self._line(start, inner, ts, portion)


def _utc(text: str) -> float:
    """Unix seconds of RFC 3339 UTC with any number of digits behind the point."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    moment = datetime.fromisoformat(whole + "+00:00") + timedelta(seconds=float("0." + (fraction or "0")))
    return moment.timestamp()
