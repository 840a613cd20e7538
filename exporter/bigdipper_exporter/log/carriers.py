"""Removes what surrounds the bot's lines: prefixes, colours, encodings; the formats of containers are read in `containers.py`.

Only the beginning of a line is removed, so that text inside a message can never become a line of its own.
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

from bigdipper_exporter.log.compile import LEVELS, read_message
from bigdipper_exporter.log.containers import DOCKER_BEGIN, Entry, contained
from bigdipper_exporter.log.localtime import LocalTime
from bigdipper_exporter.log.rule import Malformed

_LEVEL = "|".join(LEVELS).encode()
_ISO = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d{1,9}+)?+(?:Z|[+-]\d\d:?\d\d)?+"
_NAME = rb"[\w./@:-]{1,64}+"
_UNIT = rb"[^\s\[\]:]{1,64}+(?:\[\d{1,10}\])?+"

# The bot's own header, and its variants under other settings of Python's logging.
EXACT = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \[(?:%s)\]" % _LEVEL)
HEADER = re.compile(rb"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,]\d{1,9}+)?+ ?(Z|[+-]\d\d:?\d\d)?+ ++\[ *+(%s) *+\]" % _LEVEL)
BEGUN = re.compile(rb"20\d\d-\d|\d.{0,39}? \[(?:%s)\] " % _LEVEL)
MARK = re.compile(rb" \[()[DIWEC][A-Z]++\]")
# Colours and whatever else a terminal is told: CSI, OSC (titles, links), character sets and the short ones.
ANSI = re.compile(rb"\x1b(?:\[[0-?]{0,40}[ -/]{0,4}[@-~]|\][^\x07\x1b]{0,400}(?:\x07|\x1b\\)|[(-/][0-~]|[=>78DEHMc])")
# What may stand before a line without being seen: marks of the byte order, and control characters.
UNSEEN = re.compile(rb"(?:[\0\a\b\v\f\r]|\xef\xbb\xbf)++")
# Emoji that Python has written by their numbers, because the stream's encoding has none (Windows, LANG=C).
NUMBERED = re.compile(rb"\\(?:u2|U0001f)")
BEGINS_NUMBERED = re.compile(rb"(?:\A|[\]\n]) *+\\(?:u2|U0001f)")
NUMBER = re.compile(rb"\\(?:u([2-9a-f][0-9a-f]{3})|U000([01][0-9a-f]{4}))")

# Compose and pm2 (`bot-1  | `), syslog and journald in their short and ISO forms, Docker's --timestamps, kubectl's --prefix.
PREFIX = re.compile(
    rb"(?:%(name)s(?:\|%(name)s)? {0,40}+\| "
    rb"|(?:<\d{1,3}>)?(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d{1,9})?|%(iso)s) %(name)s %(unit)s: "
    rb"|<\d{1,3}>1 %(iso)s %(name)s %(name)s %(name)s %(name)s (?:-|\[[^\]\n]{0,200}\]) (?:\xef\xbb\xbf)?+"
    rb"|%(iso)s "
    rb"|\[%(name)s(?: %(name)s)?\] )" % {b"name": _NAME, b"iso": _ISO, b"unit": _UNIT}
)
PREFIX_LIMIT = 160
STAMP = 19  # `YYYY-MM-DD HH:MM:SS`
# Text that only the bot's lines contain, with or without a header.
OURS = re.compile(rb"\[(?:TRADE|ACCOUNT|OPPORTUNITY|SKIP|BRAKE)\] |Cycle #\d")
# The messages of errors quote other texts, which may hold whole lines; those of the bot's own words do not.
QUOTING = re.compile("❌|[Ee]rror|ERROR|FAILED|CRITICAL".encode())
# A header of which the end was cut off.
CUT_HEADER = re.compile(
    rb"\d{1,4}|\d{4}-[\d-]{0,5}|(?:\d{4}-\d\d-\d\d[T ][\d:]{0,8}(?:[.,]\d{0,9})?)?(?: ?\[[A-Z]{0,8}\]? ?| )?"
)
# What may stand between a text and a line that it quotes.
SEPARATORS = b" \t'\"`([{"
# Lines that are cut, one after the other, before a whole one.
MAX_CUT = 8
# The parts of a prefix that vary from line to line: numbers, words (months in any language), and blanks before a number.
_VARYING = ((re.compile(rb"\d+"), b"0"), (re.compile(rb"[A-Za-z\x80-\xff]+\.?"), b"a"), (re.compile(rb" +"), b" "))
_VARIES = {b"0": rb"\d{1,40}+", b"a": rb"[A-Za-z\x80-\xff]{1,80}+\.?+", rb"\ ": b" {1,40}+"}


class Clean(NamedTuple):
    """Cleaned lines. starts: the position of each line in `text`, and its position in the original."""

    text: bytes
    starts: list[tuple[int, int]]

    def before(self, position: int) -> int:
        """Return the original position of the line at `position` of `text`."""
        return self.starts[bisect_right(self.starts, (position, 1 << 62)) - 1][1]


class Cleaner:
    """Removes what surrounds the lines of a log.

    prefix: regular expression of an unknown prefix that most lines share; empty until one was learned. header_seen: whether a
    line began with the bot's own header; then no prefix is learned.
    """

    def __init__(self, time: LocalTime) -> None:
        self._time = time
        self.prefix = ""
        self.header_seen = False

    def clean(self, text: bytes, entry: Callable[[int, Entry], None], damaged: Callable[[int, str], None]) -> Clean:
        """Return the lines of `text`, each after its newline. Positions are those of that newline in `text`.

        Lines of containers are passed to `entry` and are empty in the result; `damaged` gets those that cannot be read.
        """
        out, starts, position = list[bytes](), list[tuple[int, int]](), 0
        lines = [(at, plain(line)) for at, line in _lines(text)]
        self._learn([line for _, line in lines])
        for at, line in lines:
            starts.append((position, at))
            # Docker's usual objects were read before.
            kept = b"" if text.startswith(DOCKER_BEGIN, at + 1) else self._line(at, line, entry, damaged)
            out.append(b"\n" + kept)
            position += 1 + len(kept)
        return Clean(b"".join(out), starts)

    def _line(self, at: int, line: bytes, entry: Callable[[int, Entry], None], damaged: Callable[[int, str], None]) -> bytes:
        try:
            if container := contained(line, self._time):
                entry(at, container)
                return b""
        except ValueError:
            damaged(at, "docker")
            return b""
        line, header = self.header(line)
        if HEADER.search(line, header):
            damaged(at, "joined")
            line = self.last_whole(line, header) or line
        elif header:
            self.header_seen = True
        elif BEGUN.match(line):
            damaged(at, "timestamp")
        elif not self.header_seen and OURS.search(line[: 2 * PREFIX_LIMIT]):
            damaged(at, "form")
        return line

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
        if self.prefix and (match := re.match(self.prefix.encode(), line)):
            rest = line[match.end() :]
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

    def _learn(self, lines: list[bytes]) -> None:
        """Learn an unknown prefix: at least two lines, and half of all, share its shape."""
        if self.header_seen or self.prefix or any(EXACT.match(line) for line in lines):
            return
        shapes = Counter[bytes]()
        for line in lines:
            header = HEADER.search(line[: 2 * PREFIX_LIMIT])
            if header and 0 < header.start() <= PREFIX_LIMIT and not self.header(line)[1]:
                shape = line[: header.start()]
                for varying, sign in _VARYING:
                    shape = varying.sub(sign, shape)
                shapes[shape] += 1
        if not shapes:
            return
        (shape, count), *_ = shapes.most_common(1)
        if count >= 2 and 2 * count >= sum(1 for line in lines if line.strip()):
            pattern = re.escape(shape)
            for sign, varying_text in _VARIES.items():
                pattern = pattern.replace(sign, varying_text)
            self.prefix = pattern.decode()


def _lines(text: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield each line of `text`, which begins with a newline, after the position of the newline before it."""
    position = 0
    for line in text[1:].removesuffix(b"\n").split(b"\n"):
        yield position, line
        position += 1 + len(line)


def is_ordinary(text: bytes, headers: int, lines: int) -> bool:
    """Whether the lines are as the bot writes them: levels only in headers, and years only at the start of lines with one."""
    return (
        len(MARK.findall(text)) == headers
        and (lines == headers or text.count(b"\n20") == headers)
        and b"\x1b" not in text
        and b"\0" not in text
        and NUMBERED.search(text) is None
    )


def plain(line: bytes) -> bytes:
    """Return the line as UTF-8, with emoji, and without marks, control characters before it, and what is for a terminal.

    UTF-16 is recognised by its NULs.
    """
    if b"\0" in line and line.count(0) * 3 >= len(line):
        line = _from_utf16(line.removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff")).encode("utf-8", "replace")
    if b"\x1b" in line:
        line = ANSI.sub(b"", line)
    if unseen := UNSEEN.match(line):
        line = line[unseen.end() :]
    return NUMBER.sub(_character, line) if NUMBERED.search(line) and BEGINS_NUMBERED.search(line) else line


def _character(match: re.Match[bytes]) -> bytes:
    number = int(match[1] or match[2], 16)
    return match[0] if 0xD800 <= number <= 0xDFFF else chr(number).encode()


def _from_utf16(line: bytes) -> str:
    """Decode a line of UTF-16 in either byte order that was cut at the byte of its newline.

    The newline's other byte, a NUL, comes before the next line in little-endian text and after its own in big-endian text, so
    that ASCII looks the same in both. Of the two readings, the one with the likelier characters is returned.
    """
    whole = line if len(line) % 2 else b"\0" + line  # a NUL at the start of a piece is taken for the end of a hole
    little = line.removeprefix(b"\0").decode("utf-16-le", "replace").rstrip("\r\0")
    big = whole.removesuffix(b"\0").decode("utf-16-be", "replace").rstrip("\r\0")
    return big if _likely(big) > _likely(little) else little


def _likely(text: str) -> tuple[int, int]:
    """Count Latin characters, punctuation, symbols and emoji, and then spaces, because a symbol has one beside it."""
    likely = sum(" " <= c < "\u0250" or "\u2000" <= c <= "\u2bff" or c == "\ufe0f" or c >= "\U0001f000" for c in text)
    return likely, text.count(" ")
