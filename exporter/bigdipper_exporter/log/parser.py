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
from dataclasses import dataclass, field
from datetime import tzinfo
from operator import itemgetter
from typing import NamedTuple

from bigdipper_exporter.log import forms
from bigdipper_exporter.log.carriers import Cleaner
from bigdipper_exporter.log.chunks import LINE_LIMIT, Unfinished
from bigdipper_exporter.log.compile import BUILDS, EVENT, HEADER, LEVELS, read_message
from bigdipper_exporter.log.containers import DOCKER, DOCKER_BEGIN, Entry, docker
from bigdipper_exporter.log.emoji import restored
from bigdipper_exporter.log.encodings import plain
from bigdipper_exporter.log.headers import HEADER as ANY_HEADER
from bigdipper_exporter.log.localtime import LocalTime
from bigdipper_exporter.log.rule import Event, Malformed

# By initial: a single byte needs no new object.
INITIALS = {level[:1].encode(): level for level in LEVELS}
LEVEL = re.compile(rb"\n\d{4}-.{14} \[([DIWEC])(?:EBUG|NFO|ARNING|RROR|RITICAL)\]")
MESSAGE = re.compile(HEADER.encode() + rb" ?(.*?)\r?$", re.MULTILINE)
STREAM = re.compile(rb'"stream":"([a-z]{1,20})"')
STAMP = 20  # a newline and `YYYY-MM-DD HH:MM:SS`
NO_STAMP = b"\n"
# A message in several pieces: how many characters are kept, and for how long after its last piece.
PENDING_LIMIT = 1 << 18
# A header with a prefix and colours is not longer, in characters.
HEADER_LIMIT = 200
PENDING_SECONDS = 60.0
OFFSET_BITS = 40
OFFSET_MASK = (1 << OFFSET_BITS) - 1


class Record(NamedTuple):
    """An event with its identity (generation << 40 | byte offset of its line), its time (unix seconds) and its forms."""

    id: int
    ts: float
    event: Event
    forms: str


class Place(NamedTuple):
    """Where a line is. line: its number in the file, from 1; None if that is not known."""

    path: str
    line: int | None


class Piece(NamedTuple):
    """The beginning of a container's message that is not complete yet. ts: unix seconds of its newest piece."""

    id: int
    ts: float
    text: str


@dataclass
class ParsedChunk:
    """The records of one read, in file order, and counts of all lines.

    data: the bytes, from the file `path`. base: the identity of a record at their first byte. first: the number of their first
    line in the file. texts: of lines that earlier reads could not decide, and of damaged messages of containers, by their
    identity. places: of what earlier reads could not decide or complete.
    """

    records: list[Record] = field(default_factory=list)
    lines: int = 0
    size: int = 0
    levels: dict[str, int] = field(default_factory=dict)
    last_ts: float | None = None
    path: str = ""
    base: int = 0
    data: bytes = b""
    first: int | None = None
    texts: dict[int, bytes] = field(default_factory=dict)
    places: dict[int, Place] = field(default_factory=dict)

    def place(self, ident: int) -> Place:
        """Return where the line of a record is."""
        if ident in self.places:
            return self.places[ident]
        start = ident - self.base
        if self.first is None or not 0 <= start <= len(self.data):
            return Place(self.path, None)
        return Place(self.path, self.first + self.data.count(b"\n", 0, start))

    def line(self, ident: int) -> bytes:
        """Return the line of a record, or its message if a container wrote it."""
        if ident in self.texts:
            return self.texts[ident]
        start = ident - self.base
        end = self.data.find(b"\n", start)
        return self.data[start : len(self.data) if end < 0 else end] if start >= 0 else b""


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
    """Reads chunks of the log in file order. `pending` holds the open messages of containers, by stream.

    rests: what the log began with, by stream, where its first message may have begun in a file that is not read yet; a newline
    at the end closes it. None where nothing is missing before the log. places: of open messages and of lines that are held.
    generation: of the newest lines.
    """

    def __init__(
        self, zone: tzinfo, listen: Callable[[str], None] | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self.time = LocalTime(zone, clock)
        self.cleaner = Cleaner(self.time)
        self.pending: dict[str, Piece] = {}
        self.rests: dict[str, str] | None = None
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
                self._docker(base + line.start(), line[0], chunk)
                start = line.end() + 1
        self._plain(base, start, data[start:], chunk)
        if start:
            chunk.records[before:] = sorted(chunk.records[before:], key=itemgetter(0))
        if len(data) >= LINE_LIMIT:
            self._refuse_long_lines(chunk)
        waiting = [ident for ident, _ in self.cleaner.prefixes.held] + [piece.id for piece in self.pending.values()]
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
                self._interrupt(text[at + 1 :].partition(b"\n")[0], chunk)

        clean = self.cleaner.clean(base, text, lambda at, entry: self._entry(base + at, entry, chunk), refuse)
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

    # -- messages of containers

    def _docker(self, ident: int, line: bytes, chunk: ParsedChunk) -> None:
        try:
            entry = docker(line, self.time)
        except ValueError:
            chunk.records.append(Record(ident, chunk.last_ts or self.time.last, Malformed("docker"), ""))
            # Quotes inside an object are escaped, so this is the beginning of another one behind it, which may be whole.
            start = line.rfind(DOCKER_BEGIN)
            self._interrupt(line[:start] if start > 0 else line, chunk)
            with suppress(ValueError):
                if start > 0:
                    self._entry(ident + start, docker(line[start:], self.time), chunk)
            return
        self._entry(ident, entry, chunk)

    def _entry(self, ident: int, entry: Entry, chunk: ParsedChunk) -> None:
        """Join a container's pieces by stream, so that standard output does not split a message on standard error.

        A message with only its header is still open: the bot's goodbye has a line break after it.
        """
        for stream, open_piece in list(self.pending.items()):
            if stream != entry.stream and open_piece.ts < entry.ts - PENDING_SECONDS:
                self._message(self.pending.pop(stream), chunk)
        text = entry.text
        begun = self.pending.pop(entry.stream, None)
        if begun is None and self._is_rest(entry):
            return
        if begun is not None:
            if self._has_header(text):
                self._message(begun, chunk)
            else:
                ident, text = begun.id, begun.text + text[: max(0, PENDING_LIMIT - len(begun.text))]
                text += "\n" if entry.text.endswith("\n") and not text.endswith("\n") else ""
        piece = Piece(ident, entry.ts, text)
        if not entry.text.endswith("\n") or (text.rstrip().endswith("]") and self._is_header(text)):
            self.pending[entry.stream] = piece
        else:
            self._message(piece, chunk)

    def _is_rest(self, entry: Entry) -> bool:
        """Keep what may continue a message that began before the log; return whether it does."""
        rest = "\n" if self.rests is None else self.rests.get(entry.stream, "")
        if self.rests is None or rest.endswith("\n"):
            return False
        is_rest = not self._has_header(entry.text)
        self.rests[entry.stream] = (rest + entry.text)[:PENDING_LIMIT] if is_rest else rest + "\n"
        return is_rest

    def finish(self, rests: Mapping[str, str]) -> ParsedChunk:
        """Return the open messages, each with its rest from the file that follows, and the held lines. No line follows here."""
        held = self.cleaner.prefixes.held
        chunk = ParsedChunk(texts=dict(held), places=self.places)
        for ident, line in held:
            if self.cleaner.prefixes.unknown(line):
                chunk.records.append(Record(ident, self.time.last, Malformed("joined"), ""))
        held.clear()
        for stream, piece in self.pending.items():
            self._message(piece._replace(text=piece.text + rests.get(stream, "")), chunk)
        self.pending.clear()
        return chunk

    def _interrupt(self, damaged: bytes, chunk: ParsedChunk) -> None:
        """End the open messages that a damaged object may have continued, so that the next message is not joined to them."""
        named = {stream.decode() for stream in STREAM.findall(damaged)}
        for stream in [stream for stream in self.pending if not named or stream in named]:
            self._message(self.pending.pop(stream), chunk)

    def _has_header(self, text: str) -> bool:
        return self._header(text)[1] > 0 or forms.read(text.rstrip("\n").encode(), self.time) is not None

    def _is_header(self, text: str) -> bool:
        line, size = self._header(text)
        return size > 0 and not line[size:].strip()

    def _header(self, text: str) -> tuple[bytes, int]:
        return self.cleaner.header(plain(text[:HEADER_LIMIT].encode()))

    def _message(self, piece: Piece, chunk: ParsedChunk) -> None:
        """Parse a message that is complete, or will not become more complete."""
        before = len(chunk.records)
        self._parse(piece, chunk)
        if any(isinstance(record.event, Malformed) for record in chunk.records[before:]):
            chunk.texts[piece.id] = piece.text.encode()

    def _parse(self, piece: Piece, chunk: ParsedChunk) -> None:
        if len(piece.text) >= PENDING_LIMIT:
            chunk.records.append(Record(piece.id, piece.ts, Malformed("length"), ""))
            return
        text, prefixes = plain(piece.text.rstrip("\r\n").encode()), self.cleaner.prefixes
        prefixes.admit(text, piece.ts)
        line, size = self.cleaner.header(text)
        may_be_quoted = prefixes.may_be_quoted(piece.ts)
        own = None if size else self.cleaner.own_form(line, may_be_quoted)
        if own:
            line, size = self.cleaner.header(own)
        elif size and self.cleaner.form and may_be_quoted:
            prefixes.follow(text)  # a log of another form quotes a line with the bot's own header
            return
        is_joined = ANY_HEADER.search(line, size) is not None
        whole = self.cleaner.last_whole(line, size) if is_joined else None
        if whole is not None:
            chunk.records.append(Record(piece.id, piece.ts, Malformed("joined"), ""))
            line, size = self.cleaner.header(whole)
        line = restored(line, size) if size else line
        header = MESSAGE.match(b"\n" + line)
        if not size or header is None:
            prefixes.follow(text)
            if is_joined and prefixes.unknown(text):
                chunk.records.append(Record(piece.id, piece.ts, Malformed("joined"), ""))
            return
        self.cleaner.note_header(line, self.cleaner.form if own else "")
        prefixes.above_ts = piece.ts
        level = header[1].decode()
        chunk.levels[level] = chunk.levels.get(level, 0) + 1
        # The container's time is exact and in UTC, so it is preferred to the text's.
        chunk.last_ts = piece.ts
        read = read_message(line[size:].removeprefix(b" "))
        if read is not None:
            chunk.records.append(Record(piece.id, piece.ts, *read))
        elif is_joined:
            chunk.records.append(Record(piece.id, piece.ts, Malformed("joined"), ""))
        if self._listen is not None:
            self._listen(header[2].decode("utf-8", "replace"))
