"""Reduces a line to what all copies of it have in common, whatever has carried them.

The bot's log as a file, `docker compose logs` of the same bot and its lines in journald differ in line ends, prefixes, colours
and encoding, and not in the bot's own text. Only checksums are made of the result: it is never parsed. A line without the bot's
header is left whole, because what stands before its text may be its only time.
"""

import json
import re
import sys
from array import array
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime

from bigdipper_exporter.log.encodings import plain
from bigdipper_exporter.log.forms import LEVELS, MESSAGES
from bigdipper_exporter.log.headers import HEADER, PREFIX_LIMIT

# The beginning of an object of Docker's json-file driver whose message holds no escape but that of its newline.
UNESCAPED = re.compile(rb'\{"log":"([^"\\]*+)\\n"')
# The line that the bot draws above a cycle.
DRAWN = b"===="

# Bytes at either end of a line in which its time is looked for; Docker writes it last.
STAMP_WITHIN = 400
_CLOCK = rb"[T ](\d\d:\d\d:\d\d)"
STAMP = re.compile(rb"(?:(\d{4})[-/](\d\d)[-/](\d\d)|(?<!\d)(\d\d)\.(\d\d)\.(\d{4}))" + _CLOCK)
# Seconds since 1970, or parts of them, before a level or as a field of their own.
_EPOCH = rb"(1\d{9})(?:\d{3}|\d{6}|\d{9})?(?![\d])"
EPOCH = re.compile(
    rb"(?<![\w.-])%(epoch)s(?:\.\d{1,9}+)?\]?:?[ \t]++\[? *+(?i:%(levels)s)\b"
    rb"|\b(?:ts|time|timestamp|created)\"?[:=] ?\"?%(epoch)s" % {b"epoch": _EPOCH, b"levels": "|".join(LEVELS).encode()}
)

# Bytes of a checksum.
WIDTH = 4


def packed(sums: Iterable[int]) -> bytes:
    """Return checksums as they are stored: little-endian, WIDTH bytes each."""
    values = array("I", sums)
    if sys.byteorder == "big":
        values.byteswap()
    return values.tobytes()


def unpacked(sums: bytes) -> "array[int]":
    """Return stored checksums as numbers."""
    values = array("I", sums)
    if sys.byteorder == "big":
        values.byteswap()
    return values


def time_of(line: bytes) -> bytes:
    """Return the first time in a line, `YYYY-MM-DD HH:MM:SS`; empty when there is none. Seconds since 1970 are shown in UTC."""
    ends = (line[:STAMP_WITHIN] + b" " + line[-STAMP_WITHIN:]).replace(b"\0", b"")
    if found := STAMP.search(ends):
        year, month, day = found.group(1, 2, 3) if found[1] else found.group(6, 5, 4)
        return b"%s-%s-%s %s" % (year, month, day, found[7])
    if found := EPOCH.search(ends):
        return f"{datetime.fromtimestamp(int(found[1] or found[2]), UTC):%Y-%m-%d %H:%M:%S}".encode()
    return b""


def wording(line: bytes) -> bytes:
    """Return the bot's text in a line, which has no newline at its end."""
    line = plain(line).rstrip(b"\r")
    text = _message(line) if line.startswith(b"{") and line.endswith(b"}") else line
    if header := HEADER.search(text[: 2 * PREFIX_LIMIT]):
        return text[header.start() :]
    if text.endswith(DRAWN):
        return text[len(text.rstrip(b"=")) :]
    return line


def _message(line: bytes) -> bytes:
    """Return the message of an object of Docker, journald or a shipper; the line itself when it is none."""
    if match := UNESCAPED.match(line):
        return match[1]
    with suppress(ValueError, RecursionError):
        entry = json.loads(line)
        for name in ("MESSAGE", *MESSAGES):
            if isinstance(message := entry.get(name), str):
                return message.removesuffix("\n").encode("utf-8", "replace")
    return line
