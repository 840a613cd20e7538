"""Removes what surrounds the bot's lines: container log formats, prefixes, colours, encodings.

Only the beginning of a line is removed, so that text inside a message can never become a line of its own.
"""

import json
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

from bigdipper_exporter.log.compile import LEVELS, read_message
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
ANSI = re.compile(rb"\x1b\[[0-9;?]{0,20}[A-Za-z]")
BOM = b"\xef\xbb\xbf"

DOCKER = re.compile(rb'^\{"log":.*$', re.MULTILINE)
CRI = re.compile(rb"(20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?)(Z|[+-]\d\d:\d\d) (stdout|stderr) ([FP])(?:\:\S{1,20})? ")
# Compose and pm2 (`bot-1  | `), syslog and journald in their short and ISO forms, Docker's --timestamps, kubectl's --prefix.
PREFIX = re.compile(
    rb"(?:%(name)s(?:\|%(name)s)? {0,40}+\| "
    rb"|(?:<\d{1,3}>)?(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d{1,9})?|%(iso)s) %(name)s %(unit)s: "
    rb"|<\d{1,3}>1 %(iso)s %(name)s %(name)s %(name)s %(name)s (?:-|\[[^\]\n]{0,200}\]) "
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
_DIGITS, _LETTERS = re.compile(rb"\d+"), re.compile(rb"[A-Za-z]+")


class Entry(NamedTuple):
    """One write of a container. ts: unix seconds. text ends in a newline unless the rest of the line is still to come."""

    stream: str
    ts: float
    text: str


class Clean(NamedTuple):
    """Cleaned lines. starts: the position of each line in `text`, and its position in the original."""

    text: bytes
    starts: list[tuple[int, int]]

    def before(self, position: int) -> int:
        """Return the original position of the line at `position` of `text`."""
        return self.starts[bisect_right(self.starts, (position, 1 << 62)) - 1][1]


def docker(line: bytes, time: LocalTime) -> Entry:
    """Read an object of Docker's json-file driver. Raises ValueError when it is none."""
    try:
        entry = json.loads(line)
        # Half a surrogate pair is valid JSON, but no text.
        text = str(entry["log"]).encode("utf-8", "replace").decode()
        return Entry(str(entry.get("stream", "")), time.utc(str(entry["time"])), text)
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"no object of Docker's: {error}") from None


def cri(line: bytes, time: LocalTime) -> Entry | None:
    """Read a line of a Kubernetes container log; return None when it is none. Raises ValueError when its time is damaged."""
    match = CRI.match(line)
    if match is None:
        return None
    stamp = match[1].decode() + "Z" if match[2] in (b"Z", b"+00:00") else ""
    ts = time.utc(stamp) if stamp else time(time.stamp((match[1] + match[2]).decode()).encode())
    end = "\n" if match[4] == b"F" else ""
    return Entry(match[3].decode(), ts, line[match.end() :].rstrip(b"\r").decode("utf-8", "replace") + end)


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
            kept = self._line(at, line, entry, damaged)
            out.append(b"\n" + kept)
            position += 1 + len(kept)
        return Clean(b"".join(out), starts)

    def _line(self, at: int, line: bytes, entry: Callable[[int, Entry], None], damaged: Callable[[int, str], None]) -> bytes:
        try:
            if line.startswith(b"{") and b'"log"' in line[:200]:
                if not line.startswith(b'{"log":'):  # the reader finds those faster by itself
                    entry(at, docker(line, self._time))
                return b""
            if container := cri(line, self._time):
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
        for _ in range(2):  # Compose puts its prefix before that of Docker's --timestamps
            if match := HEADER.match(rest):
                return self._canonical(rest, match)
            prefix = PREFIX.match(rest) or (re.match(self.prefix.encode(), rest) if self.prefix else None)
            if prefix is None:
                return (line, 0) if rest is line else (rest, 0)
            rest = rest[prefix.end() :]
        return self._canonical(rest, match) if (match := HEADER.match(rest)) else (rest, 0)

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
            if header and 0 < header.start() <= PREFIX_LIMIT and not PREFIX.match(line):
                shape = _DIGITS.sub(b"0", line[: header.start()])
                shapes[_LETTERS.sub(b"a", shape)] += 1
        if not shapes:
            return
        (shape, count), *_ = shapes.most_common(1)
        if count >= 2 and 2 * count >= sum(1 for line in lines if line.strip()):
            pattern = re.escape(shape).replace(b"0", rb"\d{1,40}+").replace(b"a", rb"[A-Za-z]{1,80}+")
            self.prefix = pattern.decode("latin-1") if pattern.isascii() else ""


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
    )


def plain(line: bytes) -> bytes:
    """Return the line as UTF-8 without byte order mark and colours. UTF-16 is recognised by its NULs."""
    if b"\0" in line and line.count(0) * 3 >= len(line):
        line = _from_utf16(line.removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff")).encode("utf-8", "replace")
    line = line.lstrip(b"\0").removeprefix(BOM)
    return ANSI.sub(b"", line) if b"\x1b" in line else line


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
