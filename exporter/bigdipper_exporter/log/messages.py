"""Joins the pieces of containers' messages, by stream, and parses the messages that are complete."""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress

from bigdipper_exporter.log import forms
from bigdipper_exporter.log.carriers import Cleaner
from bigdipper_exporter.log.compile import HEADER, read_message
from bigdipper_exporter.log.containers import DOCKER_BEGIN, Entry, docker
from bigdipper_exporter.log.emoji import restored
from bigdipper_exporter.log.encodings import plain
from bigdipper_exporter.log.headers import HEADER as ANY_HEADER
from bigdipper_exporter.log.localtime import LocalTime
from bigdipper_exporter.log.records import ParsedChunk, Piece, Record
from bigdipper_exporter.log.rule import Malformed

MESSAGE = re.compile(HEADER.encode() + rb" ?(.*?)\r?$", re.MULTILINE)
STREAM = re.compile(rb'"stream":"([a-z]{1,20})"')
# A message in several pieces: how many characters are kept, and for how long after its last piece.
PENDING_LIMIT = 1 << 18
PENDING_SECONDS = 60.0
# A header with a prefix and colours is not longer, in characters.
HEADER_LIMIT = 200


class Messages:
    """The messages of containers. `pending` holds those that are open, by stream.

    rests: what the log began with, by stream, where its first message may have begun in a file that is not read yet; a newline
    at the end closes it. None where nothing is missing before the log.
    """

    def __init__(self, time: LocalTime, cleaner: Cleaner, listen: Callable[[str], None] | None) -> None:
        self.pending: dict[str, Piece] = {}
        self.rests: dict[str, str] | None = None
        self._time = time
        self._cleaner = cleaner
        self._listen = listen

    def read(self, ident: int, line: bytes, chunk: ParsedChunk) -> None:
        """Read a line that Docker wrote, an object; count it as damaged where it is none."""
        try:
            entry = docker(line, self._time)
        except ValueError:
            chunk.records.append(Record(ident, chunk.last_ts or self._time.last, Malformed("docker"), ""))
            # Quotes inside an object are escaped, so this is the beginning of another one behind it, which may be whole.
            start = line.rfind(DOCKER_BEGIN)
            self.interrupt(line[:start] if start > 0 else line, chunk)
            with suppress(ValueError):
                if start > 0:
                    self.entry(ident + start, docker(line[start:], self._time), chunk)
            return
        self.entry(ident, entry, chunk)

    def entry(self, ident: int, entry: Entry, chunk: ParsedChunk) -> None:
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

    def interrupt(self, damaged: bytes, chunk: ParsedChunk) -> None:
        """End the open messages that a damaged object may have continued, so that the next message is not joined to them."""
        named = {stream.decode() for stream in STREAM.findall(damaged)}
        for stream in [stream for stream in self.pending if not named or stream in named]:
            self._message(self.pending.pop(stream), chunk)

    def _has_header(self, text: str) -> bool:
        return self._header(text)[1] > 0 or forms.read(text.rstrip("\n").encode(), self._time) is not None

    def _is_header(self, text: str) -> bool:
        line, size = self._header(text)
        return size > 0 and not line[size:].strip()

    def _header(self, text: str) -> tuple[bytes, int]:
        return self._cleaner.header(plain(text[:HEADER_LIMIT].encode()))

    def finish(self, rests: Mapping[str, str], chunk: ParsedChunk) -> None:
        """Parse the open messages, each with its rest from the file that follows."""
        for stream, piece in self.pending.items():
            self._message(piece._replace(text=piece.text + rests.get(stream, "")), chunk)
        self.pending.clear()

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
        text, prefixes = plain(piece.text.rstrip("\r\n").encode()), self._cleaner.prefixes
        prefixes.admit(text, piece.ts)
        line, size = self._cleaner.header(text)
        may_be_quoted = prefixes.may_be_quoted(piece.ts)
        own = None if size else self._cleaner.own_form(line, may_be_quoted)
        if own:
            line, size = self._cleaner.header(own)
        elif size and self._cleaner.form and may_be_quoted:
            prefixes.follow(text)  # a log of another form quotes a line with the bot's own header
            return
        is_joined = ANY_HEADER.search(line, size) is not None
        whole = self._cleaner.last_whole(line, size) if is_joined else None
        if whole is not None:
            chunk.records.append(Record(piece.id, piece.ts, Malformed("joined"), ""))
            line, size = self._cleaner.header(whole)
        line = restored(line, size) if size else line
        header = MESSAGE.match(b"\n" + line)
        if not size or header is None:
            prefixes.follow(text)
            if is_joined and prefixes.unknown(text):
                chunk.records.append(Record(piece.id, piece.ts, Malformed("joined"), ""))
            return
        self._cleaner.note_header(line, self._cleaner.form if own else "")
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
