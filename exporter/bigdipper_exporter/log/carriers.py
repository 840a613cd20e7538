"""Removes what surrounds the bot's lines; the formats of containers are read in `containers.py`.

Only the beginning of a line is removed, so that text inside a message can never become a line of its own.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from bigdipper_exporter.log import encodings, forms
from bigdipper_exporter.log.compile import read_message
from bigdipper_exporter.log.containers import DOCKER_BEGIN, Entry, contained
from bigdipper_exporter.log.headers import (
    BEGUN,
    CUT_HEADER,
    EXACT,
    HEADER,
    OURS,
    PREFIX_LIMIT,
    QUOTING,
    SEPARATORS,
    STAMP,
    SUPERVISORD,
)
from bigdipper_exporter.log.lines.lifecycle import Start
from bigdipper_exporter.log.localtime import LocalTime
from bigdipper_exporter.log.prefixes import ABOVE_LIMIT, ENOUGH, Prefixes
from bigdipper_exporter.log.rule import Event, Malformed

_ISO = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d{1,9}+)?+(?:Z|[+-]\d\d:?\d\d)?+"
_NAME = rb"[\w./@:-]{1,64}+"
_UNIT = rb"[^\s\[\]:]{1,64}+(?:\[\d{1,10}\])?+"

MARK = re.compile(rb" \[()[DIWEC][A-Z]++\]")
# Compose and pm2 (`bot-1  | `), syslog and journald in their short and ISO forms, Docker's --timestamps, kubectl's --prefix.
PREFIX = re.compile(
    rb"(?:%(name)s(?:\|%(name)s)? {0,40}+\| "
    rb"|(?:<\d{1,3}>)?(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d{1,9})?|%(iso)s) %(name)s %(unit)s: "
    rb"|<\d{1,3}>1 %(iso)s %(name)s %(name)s %(name)s %(name)s (?:-|\[[^\]\n]{0,200}\]) (?:\xef\xbb\xbf)?+"
    rb"|%(iso)s "
    rb"|\[%(name)s(?: %(name)s)?\] )" % {b"name": _NAME, b"iso": _ISO, b"unit": _UNIT}
)
# The beginning of a line without the bot's header.
FURTHER = re.compile(rb"\n(?!20)(?=.)", re.DOTALL)
# Lines that are cut, one after the other, before a whole one.
MAX_CUT = 8


class Clean(NamedTuple):
    """Cleaned lines. starts: the position of each line in `text`, and its position in the original."""

    text: bytes
    starts: list[tuple[int, int]]

    def before(self, position: int) -> int:
        """Return the original position of the line at `position` of `text`."""
        return self.starts[bisect_right(self.starts, (position, 1 << 62)) - 1][1]


class _Converted(NamedTuple):
    """A line of another form in the bot's own. form: the name of the other one. event: None if the grammar knows none."""

    line: bytes
    form: str
    event: Event | None


class Cleaner:
    """Removes what surrounds the lines of a log. header_seen: whether a line with the bot's header was read.

    form: the name of the form of the last line with a header, if that is not the bot's own; see `forms.py`.
    """

    def __init__(self, time: LocalTime) -> None:
        self._time = time
        self.prefixes = Prefixes(self._stamp)
        self.header_seen = False
        self.form = ""

    def clean(self, base: int, text: bytes, entry: Callable[[int, Entry], None], damaged: Callable[[int, str], None]) -> Clean:
        """Return the lines of `text`, each after its newline, and of lines held before. Positions are those of that newline.

        base: the identity of the first line; a line that was held before has a negative position. Lines of containers are
        passed to `entry` and are empty in the result; `damaged` gets those that cannot be read.
        """
        out = _Output(damaged)
        for at, line in _lines(text):
            # Docker's usual objects were read before.
            if text.startswith(DOCKER_BEGIN, at + 1) or self._is_contained(at, line := encodings.plain(line), entry, damaged):
                out.add(at, b"")
            else:
                self._line(base, at, line, out)
        return Clean(b"".join(out.lines), out.starts)

    def _is_contained(
        self, at: int, line: bytes, entry: Callable[[int, Entry], None], damaged: Callable[[int, str], None]
    ) -> bool:
        try:
            if (container := contained(line, self._time)) is None:
                return False
            entry(at, container)
        except ValueError:
            damaged(at, "docker")
        return True

    def _line(self, base: int, at: int, line: bytes, out: "_Output") -> None:
        """Add the line to `out`, or hold it until later lines show whether it is the bot's."""
        prefixes, (rest, size) = self.prefixes, self.header(line)
        other = None if size else self._other_form(line, rest)
        if other and self._is_accepted(other, prefixes.may_go_on()):
            self._release(base, out)
            self._add(at, other, out)
            return
        start = prefixes.unknown(line)
        if not size and not start and HEADER.search(rest) and (whole := self.last_whole(rest, 0)):
            out.damaged(at, "joined")
            line = whole
            rest, size = self.header(whole)
        if size and not (start and prefixes.may_go_on()):
            self._release(base, out)
            self._own(at, rest, size, out)
            if start:
                prefixes.learn(line[:start])
        elif start or (prefixes.held and line.strip()) or (other and isinstance(other.event, Start)):
            is_decided = prefixes.hold(base + at, line)
            if is_decided or self._has_changed_form() or prefixes.is_full():
                self._release(base, out)
        else:
            self._other(at, rest, out)

    def _release(self, base: int, out: "_Output") -> None:
        """Add the held lines, each as the bot's if its prefix is known by now, and as quoted if not."""
        held, self.prefixes.held = self.prefixes.held, []
        for ident, line in held:
            rest, size = self.header(line)
            if self.prefixes.unknown(line):
                self._other(ident - base, line, out)
            elif size:
                self._own(ident - base, rest, size, out)
            elif (other := self._other_form(line, rest)) and other.form == self.form:
                self._add(ident - base, other, out)
            else:
                self._other(ident - base, rest, out)

    def _own(self, at: int, line: bytes, size: int, out: "_Output") -> None:
        """Add a line with a header, which has this size."""
        if HEADER.search(line, size):
            out.damaged(at, "joined")
            line = self.last_whole(line, size) or line
        self.note_header(line, "")
        out.add(at, line)

    def note_header(self, line: bytes, form: str) -> None:
        """Note a line with a header, in the bot's own form. form: the name of the one that it had; empty for the bot's own."""
        self.header_seen, self.form = True, form
        self.prefixes.above = line[:ABOVE_LIMIT]

    def own_form(self, line: bytes, may_be_quoted: bool) -> bytes | None:
        """Return a line of another form in the bot's own, and note it; None when it has none, or is quoted by a message."""
        found = self._converted(line)
        if found is None or not self._is_accepted(found, may_be_quoted):
            return None
        self.note_header(found.line, found.form)
        return found.line

    def _is_accepted(self, found: "_Converted", may_be_quoted: bool) -> bool:
        return self.form == found.form or (found.event is not None and not may_be_quoted)

    def _other_form(self, line: bytes, rest: bytes) -> "_Converted | None":
        """Convert a line of another form. rest: the line without a known prefix."""
        return self._converted(line) or (self._converted(rest) if rest != line else None)

    def _converted(self, line: bytes) -> "_Converted | None":
        if not (found := forms.read(line, self._time)):
            return None
        first, *rest = found.text.split("\n")
        if not first.strip() and rest and not HEADER.match(rest[0].encode()):
            first += "\n" + rest[0]  # the bot's goodbye
        own, size = f"{found.stamp} [{found.level}] {first}".encode(), STAMP + len(found.level) + 3
        if not found.stamp:
            own, size = self.header(first.encode())
        if not size:
            return None
        read = read_message(own[size:].removeprefix(b" "))
        return _Converted(own, found.form, None if read is None or isinstance(read[0], Malformed) else read[0])

    def _has_changed_form(self) -> bool:
        """Whether the held lines show that the bot has started again in another form; if so, that one is the log's from now on.

        An error may quote a start as well, but then a line of the log's own form comes before ENOUGH lines of another one.
        """
        held = self.prefixes.held
        if len(held) % ENOUGH:  # each line is converted a few times at most
            return False
        found = [other for _, line in held if (other := self._other_form(line, self.header(line)[0]))]
        first = next((number for number, other in enumerate(found) if isinstance(other.event, Start)), len(found))
        stamps = [other.line[:STAMP] for other in found[first:] if other.form == found[first].form]
        if len(stamps) < ENOUGH or stamps != sorted(stamps) or stamps[0] < self.prefixes.above[:STAMP]:
            return False
        self.form = found[first].form
        return True

    def _add(self, at: int, found: "_Converted", out: "_Output") -> None:
        self.note_header(found.line, found.form)
        out.add(at, found.line)

    def _other(self, at: int, line: bytes, out: "_Output") -> None:
        """Add a line without a header at its beginning."""
        if HEADER.search(line):
            out.damaged(at, "joined")
        elif BEGUN.match(line) and not SUPERVISORD.match(line):
            out.damaged(at, "timestamp")
        elif not self.header_seen and OURS.search(line[: 2 * PREFIX_LIMIT]):
            out.damaged(at, "form")
        self.prefixes.follow(line)
        out.add(at, line)

    def bare(self, text: bytes, lines: int) -> tuple[bytes, dict[int, int]] | None:
        """Return the lines as `Prefixes.without` does; None also where one needs more than its prefix removed."""
        found = None if self.prefixes.held else self.prefixes.without(text, lines)
        if found is not None:
            bare, places = found
            for match in FURTHER.finditer(bare):
                start = match.start() + 1
                rest = bare[start : bare.find(b"\n", start)]
                at = places[match.start()] + 1
                whole = text[at : text.find(b"\n", at)]
                if PREFIX.match(rest) or forms.read(whole, self._time) or forms.read(rest, self._time):
                    return None
        return found

    def pass_over(self, text: bytes) -> None:
        """Note what `text` ends with: lines that need no cleaning, each after its newline."""
        start = max(text.rfind(b"\n20"), 0) + 1
        end = text.index(b"\n", start)
        self.note_header(text[start : min(end, start + ABOVE_LIMIT)], "")
        for line in text[end + 1 :].split(b"\n"):
            self.prefixes.follow(line)

    def last_whole(self, line: bytes, size: int) -> bytes | None:
        """Return the whole line behind one or more that were cut; None when there is none, or when it may be a quotation.

        size: the length of the header of `line`, 0 for none. Only the last line has its end, so only it can be whole.
        """
        begin, whole = size, None
        for found in list(islice(HEADER.finditer(line, size), MAX_CUT)):
            text, start = line[begin : found.start()], found.start()
            if not begin:
                if text.startswith(b" ") or not CUT_HEADER.fullmatch(text):
                    return None
            elif QUOTING.search(text):
                break
            elif line[start - 1] in SEPARATORS and read_message(line[begin:].removeprefix(b" ")) is None:
                return None
            begin, whole = found.end(), line[start:]
        if whole is None:
            return None
        whole, length = self.header(whole)
        read = read_message(whole[length:].removeprefix(b" "))
        is_earlier = size > 0 and whole[:STAMP] < line[:STAMP]
        return None if read is None or isinstance(read[0], Malformed) or is_earlier else whole

    def header(self, line: bytes) -> tuple[bytes, int]:
        """Return the line from its header on, in the bot's own form, and the header's length; 0 for a line without one."""
        if match := EXACT.match(line):
            return line, match.end()
        rest = line
        if not HEADER.match(line):
            rest = line[self.prefixes.before_header(line) or self.prefixes.before_text(line) :]
        for _ in range(3):  # Compose puts its prefix before that of Docker's --timestamps
            if match := HEADER.match(rest):
                return self._canonical(rest, match)
            prefix = PREFIX.match(rest)
            if prefix is None:
                break
            rest = rest[prefix.end() :]
        # What a progress bar has drawn before it is drawn over.
        drawn = line.rfind(b"\r20")
        return self.header(line[drawn + 1 :]) if drawn >= 0 else (rest, 0)

    def _canonical(self, line: bytes, match: re.Match[bytes]) -> tuple[bytes, int]:
        day, clock, zone, level = match.groups()
        stamp = day + b" " + clock
        if zone:
            try:
                stamp = self._time.stamp((day + b"T" + clock + zone.replace(b"Z", b"+00:00")).decode()).encode()
            except (ValueError, OverflowError):
                stamp = b"0000-00-00 00:00:00"  # counted as damaged where the time is read
        header = stamp + b" [" + level + b"]"
        return header + line[match.end() :], len(header)

    def _stamp(self, match: re.Match[bytes]) -> bytes:
        """Return the time of a header, as the bot writes it."""
        return self._canonical(match.string, match)[0][:STAMP]


@dataclass
class _Output:
    """Cleaned lines, as in `Clean`, and what to call with those that cannot be read."""

    damaged: Callable[[int, str], None]
    lines: list[bytes] = field(default_factory=list)
    starts: list[tuple[int, int]] = field(default_factory=list)
    size: int = 0

    def add(self, at: int, line: bytes) -> None:
        """Add the line that was at this position."""
        self.starts.append((self.size, at))
        self.lines.append(b"\n" + line)
        self.size += 1 + len(line)


def _lines(text: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield each line of `text`, which begins with a newline, after the position of the newline before it."""
    position = 0
    for line in text[1:].removesuffix(b"\n").split(b"\n"):
        yield position, line
        position += 1 + len(line)


def is_ordinary(text: bytes, headers: int, lines: int) -> bool:
    """Whether the lines are as the bot writes them: levels only in headers, years only at the start of lines with one.

    No other line may begin like one of another form.
    """
    return (
        len(MARK.findall(text)) == headers
        and (lines == headers or (text.count(b"\n2") == headers and not forms.may_begin(text)))
        and b"\x1b" not in text
        and b"\0" not in text
        and encodings.NUMBERED.search(text) is None
    )
