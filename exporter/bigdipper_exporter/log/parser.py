"""Bytes of the log -> records: position, time and event of every line that tells of one, and counts of all lines.

Two carriers, mixed in one file: plain lines, and Docker's json-file objects (one per line, long messages split over several).
Only a line with a header `YYYY-MM-DD HH:MM:SS [LEVEL] ` can tell of an event: tracebacks, banners and bodies of errors cannot.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from operator import itemgetter
from typing import NamedTuple

from bigdipper_exporter.log.compile import BUILDS, EVENT, HEADER, read_message
from bigdipper_exporter.log.events import Event, Malformed

LEVEL = re.compile(HEADER.encode())
MESSAGE = re.compile(HEADER.encode() + rb" ?(.*?)\r?$", re.MULTILINE)
DOCKER = re.compile(rb'^\{"log":.*$', re.MULTILINE)
MINUTE = re.compile(rb"20\d\d-\d\d-\d\d \d\d:\d\d:")
STAMP = 20  # a newline and `YYYY-MM-DD HH:MM:SS`
NO_STAMP = b"\n"
SECONDS = {b"%02d" % second: float(second) for second in range(60)}
UTC = re.compile(r"(20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,12})?Z", re.ASCII)
PENDING_LIMIT = 1 << 20
OFFSET_BITS = 40
# Bytes that are read and folded at once: what is made of them fits into the processor's cache.
PIECE = 1 << 17


class Record(NamedTuple):
    """An event with its identity (generation << 40 | byte offset of its line), its time (unix seconds) and its forms."""

    id: int
    ts: float
    event: Event
    forms: str


@dataclass
class ParsedChunk:
    """What one read of the log held: the records with an event, in file order, and counts of everything."""

    records: list[Record] = field(default_factory=list)
    lines: int = 0
    size: int = 0
    levels: dict[str, int] = field(default_factory=dict)
    last_ts: float | None = None


class LocalTime:
    """Local times without a zone -> unix seconds. In the hour that autumn repeats, file order decides which one is meant."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._minute, self._base = b"", 0.0
        self.last = 0.0

    def __call__(self, stamp: bytes) -> float:
        """Unix seconds of `YYYY-MM-DD HH:MM:SS`; ValueError when there is no such time."""
        minute, seconds = stamp[:17], SECONDS.get(stamp[17:])
        if seconds is None:
            raise ValueError(f"{stamp!r} has no second")
        if minute != self._minute or self._base + seconds < self.last - 60:
            self._base = self._start(minute)
            self._minute = minute
        self.last = ts = self._base + seconds
        return ts

    def _start(self, minute: bytes) -> float:
        if not MINUTE.fullmatch(minute):
            raise ValueError(f"{minute!r} is no minute")
        local = datetime.fromisoformat(minute[:16].decode()).replace(tzinfo=self._zone)
        ts = local.timestamp()
        if ts < self.last - 120:
            # Far back: the second pass of the repeated hour, if the zone has one here.
            ts = max(ts, local.replace(fold=1).timestamp())
        return ts


class Reader:
    """Reads portions of the log in file order. `pending` holds the open pieces of split Docker messages, by generation."""

    def __init__(self, zone: tzinfo, listen: Callable[[str], None] | None = None) -> None:
        self.time = LocalTime(zone)
        self.pending: dict[int, tuple[int, str]] = {}
        self._listen = listen

    def read(self, generation: int, offset: int, data: bytes, portion: ParsedChunk) -> None:
        """Add what `data` (whole lines, at byte `offset` of `generation`) holds to `portion`."""
        base = generation << OFFSET_BITS | offset
        portion.lines += data.count(b"\n")
        portion.size += len(data)
        before = len(portion.records)
        text = b"\n" + data
        self._plain(base, text, portion)
        if b'{"log":' in data:
            for line in DOCKER.finditer(data):
                self._docker(generation, base + line.start(), line[0], portion)
            portion.records[before:] = sorted(portion.records[before:], key=itemgetter(0))
        if self._listen is not None:
            for message in MESSAGE.finditer(text):
                self._listen(message[2].decode("utf-8", "replace"))

    def _plain(self, base: int, text: bytes, portion: ParsedChunk) -> None:
        """`text`: a newline and the lines at `base`; a match begins with that newline, so its start is the line's offset."""
        levels = Counter(LEVEL.findall(text))
        for level, count in levels.items():
            name = level.decode()
            portion.levels[name] = portion.levels.get(name, 0) + count
        # The loop of catch-up: the search runs over the whole piece, and only lines that tell of an event come in here.
        append, at, times, builds, record = portion.records.append, text.startswith, self.time, BUILDS, tuple.__new__
        stamp, ts = NO_STAMP, portion.last_ts or self.time.last
        for match in EVENT.finditer(text):
            start = match.start()
            if not at(stamp, start + 1):
                stamp = text[start + 1 : start + STAMP]
                try:
                    ts = times(stamp)
                except ValueError:
                    stamp = NO_STAMP
                    append(Record(base + start, ts, Malformed("timestamp"), ""))
                    continue
            build, forms = builds[match.lastindex]
            append(record(Record, (base + start, ts, build(match), forms)))
        if levels:
            portion.last_ts = self._last(text, ts)

    def _last(self, text: bytes, default: float) -> float:
        """Time of the last line with a header: it need not tell of an event."""
        for match in reversed([*LEVEL.finditer(text, max(0, len(text) - 4096))]):
            with suppress(ValueError):
                return self.time(match[0][1:STAMP])
        return default

    def _docker(self, generation: int, position: int, line: bytes, portion: ParsedChunk) -> None:
        try:
            entry = json.loads(line)
            # Half a surrogate pair is valid JSON, but no text.
            text, ts = str(entry["log"]).encode("utf-8", "replace").decode(), _utc(str(entry["time"]))
        except (ValueError, KeyError, RecursionError):
            portion.records.append(Record(position, portion.last_ts or self.time.last, Malformed("docker"), ""))
            return
        position, before = self.pending.pop(generation, (position, ""))
        text = before + text
        if not text.endswith("\n") and len(text) < PENDING_LIMIT:
            self.pending[generation] = (position, text)
            return
        header = MESSAGE.match(b"\n" + text.encode())
        if header is None:
            return
        level = header[1].decode()
        portion.levels[level] = portion.levels.get(level, 0) + 1
        # Docker knows the time exactly, and in UTC: it wins over the text.
        portion.last_ts = ts
        read = read_message(header[2])
        if read is not None:
            portion.records.append(Record(position, ts, *read))
        if self._listen is not None:
            self._listen(header[2].decode("utf-8", "replace"))


def pieces(data: bytes, size: int = PIECE) -> Iterator[tuple[int, bytes]]:
    """Whole lines cut into pieces of at least `size` bytes, and where each begins.

    Only in front of a line that begins with a year: what a record says in further lines stays with it.
    """
    start = 0
    while start < len(data):
        end = data.find(b"\n2", start + size) + 1 or len(data)
        yield start, data[start:end]
        start = end


def _utc(text: str) -> float:
    """Unix seconds of RFC 3339 UTC with any number of digits behind the point."""
    match = UTC.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no time of Docker")
    return datetime.fromisoformat(match[1] + "+00:00").timestamp() + float(match[2] or 0)
