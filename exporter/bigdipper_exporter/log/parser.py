"""Parses bytes of the log into records: position, time and event of every line that has one, and counts of all lines.

A file may mix plain lines with those of containers, which split long messages. Only a line with a header
`YYYY-MM-DD HH:MM:SS [LEVEL] ` can be an event; tracebacks, banners and bodies of errors cannot. Lines with anything around them
go through `carriers.py` first, which most logs never need.
"""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import tzinfo
from operator import itemgetter

from bigdipper_exporter.log import forms
from bigdipper_exporter.log.carriers import Cleaner
from bigdipper_exporter.log.chunks import LINE_LIMIT, Unfinished
from bigdipper_exporter.log.compile import BUILDS, EVENT, LEVELS
from bigdipper_exporter.log.containers import DOCKER, DOCKER_BEGIN
from bigdipper_exporter.log.encodings import plain
from bigdipper_exporter.log.localtime import LocalTime
from bigdipper_exporter.log.messages import MESSAGE, Messages
from bigdipper_exporter.log.records import OFFSET_BITS, ParsedChunk, Place, Record
from bigdipper_exporter.log.rule import Malformed

# By initial: a single byte needs no new object.
INITIALS = {level[:1].encode(): level for level in LEVELS}
LEVEL = re.compile(rb"\n\d{4}-.{14} \[([DIWEC])(?:EBUG|NFO|ARNING|RROR|RITICAL)\]")
STAMP = 20  # a newline and `YYYY-MM-DD HH:MM:SS`
NO_STAMP = b"\n"


def long_lines(data: bytes) -> Iterator[int]:
    """Yield where the lines of at least LINE_LIMIT bytes begin. Each byte is looked at twice at most."""
    start = 0
    while len(data) - start >= LINE_LIMIT:
        last = data.rfind(b"\n", start, start + LINE_LIMIT)
        if last < 0:
            yield start
            last = data.find(b"\n", start + LINE_LIMIT)
            if last < 0:
                return
        start = last + 1


class Reader:
    """Reads chunks of the log in file order.

    messages: of containers. places: of their open messages, and of lines that are held. generation: of the newest lines.
    """

    def __init__(
        self, zone: tzinfo, listen: Callable[[str], None] | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self.time = LocalTime(zone, clock)
        self.cleaner = Cleaner(self.time)
        self.messages = Messages(self.time, self.cleaner, listen)
        self.places: dict[int, Place] = {}
        self._listen = listen
        self.generation = 0

    def read(self, generation: int, offset: int, data: bytes, chunk: ParsedChunk) -> None:
        """Parse `data` (whole lines, at byte `offset` of `generation`) into `chunk`."""
        chunk.base = base = generation << OFFSET_BITS | offset
        chunk.data = data
        chunk.texts, chunk.places = dict(self.cleaner.prefixes.held), self.places
        lines = data.count(b"\n")
        chunk.lines += lines
        chunk.size += len(data)
        self._forget_above(generation, offset, data)
        before, start = len(chunk.records), 0
        if DOCKER_BEGIN in data:
            # In their order: what a line is may depend on those before it.
            for line in DOCKER.finditer(data):
                self._plain(base, start, data[start : line.start()], chunk)
                self.messages.read(base + line.start(), line[0], chunk)
                start = line.end() + 1
        self._plain(base, start, data[start:], chunk)
        if start:
            chunk.records[before:] = sorted(chunk.records[before:], key=itemgetter(0))
        if len(data) >= LINE_LIMIT:
            self._refuse_long_lines(chunk)
        waiting = [ident for ident, _ in self.cleaner.prefixes.held] + [piece.id for piece in self.messages.pending.values()]
        self.places = {ident: chunk.place(ident) for ident in waiting}

    def _forget_above(self, generation: int, offset: int, data: bytes) -> None:
        """A file that begins with a line of the log goes on with no message of another file, which may be younger."""
        is_first, self.generation = offset == 0 or self.generation not in (0, generation), generation
        prefixes, line = self.cleaner.prefixes, data[: data.find(b"\n")]
        if is_first and prefixes.above and not prefixes.held and not line.startswith(DOCKER_BEGIN):
            line = plain(line)
            if self.cleaner.header(line)[1] or forms.read(line, self.time):
                prefixes.above = b""

    def _refuse_long_lines(self, chunk: ParsedChunk) -> None:
        """Count lines beyond the limit as malformed, whatever their content: only their beginning was read."""
        at = {chunk.base + start for start in long_lines(chunk.data)}
        if at:
            kept = [record for record in chunk.records if record.id not in at]
            refused = [Record(ident, chunk.last_ts or self.time.last, Malformed("length"), "") for ident in at]
            chunk.records[:] = sorted([*kept, *refused], key=itemgetter(0))

    def unfinished(self, rest: Unfinished) -> ParsedChunk:
        """Return a chunk that counts an unfinished line as malformed."""
        base = rest.generation << OFFSET_BITS | rest.offset
        record = Record(base, self.time.last, Malformed("unfinished"), "")
        return ParsedChunk([record], path=rest.path, base=base, first=rest.line, data=rest.text)

    def _plain(self, base: int, start: int, data: bytes, chunk: ParsedChunk) -> None:
        """Parse the lines `data`, at `start` after `base`. A match begins at the newline before a line: that is its offset."""
        if not data:
            return
        base, text, lines = base + start, b"\n" + data, data.count(b"\n")
        first = len(chunk.records)
        bare, places = self.cleaner.bare(text, lines) or (text, {})
        headers = LEVEL.findall(bare)
        is_plain = headers and self.cleaner.is_ordinary(bare, len(headers), lines)
        if is_plain and self._events(base, bare, chunk):
            self.cleaner.pass_over(bare)
            text = bare
            if places:
                chunk.records[first:] = [
                    Record(base + places[ident - base], ts, event, forms) for ident, ts, event, forms in chunk.records[first:]
                ]
        else:
            del chunk.records[first:]
            text = self._clean(base, text, chunk)
            headers = LEVEL.findall(text)
        for initial, count in Counter(headers).items():
            level = INITIALS[initial]
            chunk.levels[level] = chunk.levels.get(level, 0) + count
        if headers:
            chunk.last_ts = self._last(text, chunk.last_ts or self.time.last)
        if self._listen is not None:
            for message in MESSAGE.finditer(text):
                self._listen(message[2].decode("utf-8", "replace"))

    def _events(self, base: int, text: bytes, chunk: ParsedChunk) -> bool:
        """Add the events of the lines; return False when one of them has an unreadable time.

        This is the inner loop of catch-up: the search runs over the whole piece, and stops only at lines with an event.
        """
        append, at, times, builds, record = chunk.records.append, text.startswith, self.time, BUILDS, tuple.__new__
        stamp, ts, sound = NO_STAMP, chunk.last_ts or self.time.last, True
        for match in EVENT.finditer(text):
            start = match.start()
            if not at(stamp, start + 1):
                stamp = text[start + 1 : start + STAMP]
                try:
                    ts = times(stamp)
                except ValueError:
                    stamp, sound = NO_STAMP, False
                    append(Record(base + start, ts, Malformed("timestamp"), ""))
                    continue
            build, forms = builds[match.lastindex]
            append(record(Record, (base + start, ts, build(match), forms)))
        return sound

    def _clean(self, base: int, text: bytes, chunk: ParsedChunk) -> bytes:
        """Parse lines that have something around them, and return them without it.

        Records keep the positions of their lines in the file.
        """
        first, damaged = len(chunk.records), list[tuple[int, str]]()

        def refuse(at: int, kind: str) -> None:
            damaged.append((base + at, kind))
            if kind == "docker":
                self.messages.interrupt(text[at + 1 :].partition(b"\n")[0], chunk)

        clean = self.cleaner.clean(base, text, lambda at, entry: self.messages.entry(base + at, entry, chunk), refuse)
        entries = chunk.records[first:]
        del chunk.records[first:]
        self._events(base, clean.text, chunk)
        records = [record._replace(id=base + clean.before(record.id - base)) for record in chunk.records[first:]]
        malformed = {record.id for record in records if isinstance(record.event, Malformed)}
        ts = chunk.last_ts or self.time.last
        records += [Record(ident, ts, Malformed(kind), "") for ident, kind in damaged if ident not in malformed]
        chunk.records[first:] = sorted(records + entries, key=itemgetter(0))
        return clean.text

    def _last(self, text: bytes, default: float) -> float:
        """Return the time of the last line with a header, whether or not it is an event."""
        for match in reversed([*LEVEL.finditer(text, max(0, len(text) - 4096))]):
            with suppress(ValueError):
                return self.time(match[0][1:STAMP])
        return default

    def finish(self, rests: Mapping[str, str]) -> ParsedChunk:
        """Return the open messages, each with its rest from the file that follows, and the held lines. No line follows here."""
        held = self.cleaner.prefixes.held
        chunk = ParsedChunk(texts=dict(held), places=self.places)
        for ident, line in held:
            if self.cleaner.prefixes.unknown(line):
                chunk.records.append(Record(ident, self.time.last, Malformed("joined"), ""))
        held.clear()
        self.messages.finish(rests, chunk)
        return chunk
