"""Removes what surrounds the bot's lines; the formats of containers are read in `containers.py`.

Only the beginning of a line is removed, so that text inside a message can never become a line of its own.
"""

import re
from collections.abc import Callable
from itertools import islice
from typing import NamedTuple

from bigdipper_exporter.log import emoji, encodings, forms
from bigdipper_exporter.log.cleaned import Clean, Output, lines_of
from bigdipper_exporter.log.compile import read_message
from bigdipper_exporter.log.containers import FIELD, Entry, contained
from bigdipper_exporter.log.headers import (
    BEGUN,
    CUT_HEADER,
    EXACT,
    HEADER,
    LEVEL_OF,
    OURS,
    PREFIX_LIMIT,
    QUOTING,
    SEPARATORS,
    STAMP,
    SUPERVISORD,
)
from bigdipper_exporter.log.lines.lifecycle import Start
from bigdipper_exporter.log.localtime import LocalTime
from bigdipper_exporter.log.prefixes import ABOVE_LIMIT, ENOUGH, WHOLE, Prefixes
from bigdipper_exporter.log.rule import Event, Malformed

_ISO = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d{1,9}+)?+(?:Z|[+-]\d\d:?\d\d)?+"
_NAME = rb"[\w./@:-]{1,64}+"
_UNIT = rb"[^\s\[\]:]{1,64}+(?:\[\d{1,10}\])?+"

MARK = re.compile(rb" \[()[DIWEC][A-Z]++\]")
# Compose and pm2 (`bot-1  | `), syslog and journald in their short and ISO forms, Docker's --timestamps, kubectl's --prefix,
# journald's export format.
PREFIX = re.compile(
    rb"(?:MESSAGE="
    rb"|%(name)s(?:\|%(name)s)? {0,40}+\| "
    rb"|(?:<\d{1,3}>)?(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d{1,9})?|%(iso)s) %(name)s %(unit)s: "
    rb"|<\d{1,3}>1 %(iso)s %(name)s %(name)s %(name)s %(name)s (?:-|\[[^\]\n]{0,200}\]) (?:\xef\xbb\xbf)?+"
    rb"|%(iso)s "
    rb"|\[%(name)s(?: %(name)s)?\] )" % {b"name": _NAME, b"iso": _ISO, b"unit": _UNIT}
)
# The beginning of such a line, where nothing else tells it from the bot's own.
PREFIXED = re.compile(rb"\n(?:MESSAGE=|%(name)s(?:\|%(name)s)? {0,40}+\| |[A-Z][a-z]{2} [ \d]\d \d\d:)" % {b"name": _NAME})
# The beginning of a line without the bot's header.
FURTHER = re.compile(rb"\n(?!20)(?=.)", re.DOTALL)
# Lines that are cut, one after the other, before a whole one.
MAX_CUT = 8


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
        out, is_field = Output(damaged), False
        for at, line in lines_of(text):
            line = encodings.plain(line)
            is_field = FIELD.match(line) is not None or (is_field and not line.strip())
            if is_field:  # what stands between two lines of a message
                continue
            if self._is_contained(at, line, entry, damaged):
                out.add(at, b"")
            else:
                self._line(base, at, line, out)
        return out.clean()

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

    def _line(self, base: int, at: int, line: bytes, out: Output) -> None:
        """Add the line to `out`, or hold it until later lines show whether it is the bot's."""
        prefixes, (rest, size) = self.prefixes, self.header(line)
        may_be_quoted = prefixes.may_go_on()
        other = None if size else self._other_form(line, rest)
        if self.form == forms.CARRIED and not size and not self._may_be_message(other):
            further = forms.message_of(rest)
            if further is not None:
                self._other(at, further, out)
                return
        if other and self._is_accepted(other, may_be_quoted):
            self._release(base, out)
            self._add(at, other, out)
            return
        start = prefixes.unknown(line)
        if not size and not start and HEADER.search(rest) and (whole := self.last_whole(rest, 0)):
            out.damaged(at, "joined")
            line = whole
            rest, size = self.header(whole)
        # In a log of another form, a line with the bot's own header may be quoted as well.
        if size and not ((start or self.form) and may_be_quoted):
            self._release(base, out)
            self._own(at, rest, size, out)
            if start:
                prefixes.learn(line[:start])
        elif start or size or self._may_be_new(other, line, rest) or (prefixes.held and line.strip()):
            is_prefixed = prefixes.hold(base + at, line)
            if is_prefixed:
                self.form = ""
            if is_prefixed or self._has_changed_form() or prefixes.is_full():
                self._release(base, out)
        else:
            self._other(at, rest, out)

    def _may_be_message(self, other: _Converted | None) -> bool:
        """Whether an object is a message of its own, in a log of objects around lines; others hold further lines of one.

        One that the grammar knows may be the first that the bot writes as an object, but its goodbye stands below its header.
        """
        if other is None:
            return False
        is_awaited = EXACT.fullmatch(self.prefixes.above.rstrip()) is not None
        return other.form == forms.CARRIED or (other.event is not None and not is_awaited)

    def _may_be_new(self, other: _Converted | None, line: bytes, rest: bytes) -> bool:
        """Whether the bot may go on in the form of this line. A form that is a prefix as well may carry a further line."""
        return other is not None and (isinstance(other.event, Start) or rest == line or self._converted(rest) is not None)

    def _release(self, base: int, out: Output) -> None:
        """Add the held lines: as the bot's if their prefix and their form are those of the log by now, and as quoted if not."""
        held, self.prefixes.held, form = self.prefixes.held, [], self.form
        for ident, line in held:
            rest, size = self.header(line)
            if self.prefixes.unknown(line):
                self._other(ident - base, line, out)
            elif size and not form:
                self._own(ident - base, rest, size, out)
            elif not size and (other := self._other_form(line, rest)) and other.form == form:
                self._add(ident - base, other, out)
            else:
                self._other(ident - base, rest, out)

    def _own(self, at: int, line: bytes, size: int, out: Output) -> None:
        """Add a line with a header, which has this size."""
        if HEADER.search(line, size):
            out.damaged(at, "joined")
            line = self.last_whole(line, size) or line
            size = self.header(line)[1]
        line = emoji.restored(line, size)
        self.note_header(line, "")
        out.add(at, line)

    def note_header(self, line: bytes, form: str) -> None:
        """Note a line with a header, in the bot's own form. form: the name of the one that it had; empty for the bot's own."""
        self.header_seen, self.form = True, form
        self.prefixes.above = line[:ABOVE_LIMIT] + WHOLE * (form == forms.JSON_LOGGER)

    def own_form(self, line: bytes, may_be_quoted: bool) -> bytes | None:
        """Return a line of another form in the bot's own, and note it; None when it has none, or is quoted by a message."""
        found = self._converted(line)
        if found is None or not self._is_accepted(found, may_be_quoted):
            return None
        self.note_header(found.line, found.form)
        return found.line

    def _is_accepted(self, found: _Converted, may_be_quoted: bool) -> bool:
        return self.form == found.form or (found.event is not None and not may_be_quoted)

    def _other_form(self, line: bytes, rest: bytes) -> _Converted | None:
        """Convert a line of another form. rest: the line without a known prefix."""
        return self._converted(line) or (self._converted(rest) if rest != line else None)

    def _converted(self, line: bytes) -> _Converted | None:
        if not (found := forms.read(line, self._time)):
            return None
        first, *rest = found.text.split("\n")
        if not first.strip() and rest and not HEADER.match(rest[0].encode()):
            first += "\n" + rest[0]  # the bot's goodbye
        own, size = f"{found.stamp} [{found.level}] {first}".encode(), STAMP + len(found.level) + 3
        form = found.form
        if form in (forms.JSON_LOGGER, forms.CARRIED):
            whole, length = self.header(first.encode())
            if length:  # somebody else has put the object around it
                own, size, form = whole, length, forms.CARRIED
            elif form == forms.CARRIED:
                return None
        own = emoji.restored(own, size)
        return _Converted(own, form, _event(own[size:]))

    def _has_changed_form(self) -> bool:
        """Whether the held lines show that the bot goes on in another form; if so, that one is the log's from now on.

        An error may quote such lines as well, but they are older than the error, or a line of the log's own form comes before
        ENOUGH of them. Lines of other programs are never the bot's.
        """
        held = self.prefixes.held
        if len(held) % ENOUGH:  # each line is converted a few times at most
            return False
        found = [one for _, line in held if (one := self._any_form(line))]
        first = next((number for number, one in enumerate(found) if isinstance(one.event, Start)), len(found))
        return self._goes_on(found[first:], is_started=True) or self._goes_on(found[::-1], is_started=False)

    def _goes_on(self, found: list[_Converted], is_started: bool) -> bool:
        """Whether the bot goes on in the form of the first of these lines. is_started: whether that one is its start."""
        above = self.prefixes.above[:STAMP]
        same = [one for one in (found if is_started else found[::-1]) if one.form == found[0].form]
        stamps = [one.line[:STAMP] for one in same]
        later = [one for one in same if is_started or one.line[:STAMP] > above]
        known = sum(one.event is not None for one in later)
        if len(later) < ENOUGH or stamps != sorted(stamps) or stamps[0] < above or not (is_started or known > len(later) // 2):
            return False
        self.form = found[0].form
        return True

    def _any_form(self, line: bytes) -> _Converted | None:
        """Read a line with a header of any form, the bot's own included."""
        rest, size = self.header(line)
        if not size:
            return self._other_form(line, rest)
        return None if self.prefixes.unknown(line) else _Converted(rest, "", _event(rest[size:]))

    def _add(self, at: int, found: _Converted, out: Output) -> None:
        self.note_header(found.line, found.form)
        out.add(at, found.line)

    def _other(self, at: int, line: bytes, out: Output) -> None:
        """Add a line without a header at its beginning, or with one that is quoted."""
        if HEADER.search(line):
            out.damaged(at, "joined")
        elif BEGUN.match(line) and not SUPERVISORD.match(line):
            out.damaged(at, "timestamp")
        elif not self.header_seen and OURS.search(line[: 2 * PREFIX_LIMIT]):
            out.damaged(at, "form")
        self.prefixes.follow(line)
        out.add(at, b" " + line if EXACT.match(line) else line)

    def is_ordinary(self, text: bytes, headers: int, lines: int) -> bool:
        """Whether the lines are as the bot writes them: levels only in headers, years only at the start of lines with one.

        No other line may begin like one of another form, with or without a prefix.
        """
        is_first = not (self.header_seen or EXACT.match(text, 1))
        if is_first or self.form or self.prefixes.held or len(MARK.findall(text)) != headers:
            return False
        if lines != headers and (text.count(b"\n2") != headers or forms.may_begin(text) or self._is_prefixed(text)):
            return False
        if b"\x1b" in text or b"\0" in text or encodings.NUMBERED.search(text):
            return False
        return not emoji.is_damaged(text)

    def _is_prefixed(self, text: bytes) -> bool:
        """Whether a line begins with a known prefix. One with the bot's header behind it begins so as well."""
        return PREFIXED.search(text) is not None or self.prefixes.may_begin(text)

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
        header = stamp + b" [" + LEVEL_OF[level] + b"]"
        return header + line[match.end() :], len(header)

    def _stamp(self, match: re.Match[bytes]) -> bytes:
        """Return the time of a header, as the bot writes it."""
        return self._canonical(match.string, match)[0][:STAMP]


def _event(message: bytes) -> Event | None:
    """Return the event of a message, which may have a blank before it; None if the grammar knows none."""
    read = read_message(message.removeprefix(b" "))
    return None if read is None or isinstance(read[0], Malformed) else read[0]
