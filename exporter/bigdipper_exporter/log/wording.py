"""Reduces a line to what all copies of it have in common, whatever has carried them.

The bot's log as a file, `docker compose logs` of the same bot and its lines in journald differ in line ends, prefixes, colours
and encoding, and not in the bot's own text. Only checksums are made of the result: it is never parsed. A line without the bot's
header is left whole, because what stands before its text may be its only time.
"""

import json
import re
from contextlib import suppress

from bigdipper_exporter.log.encodings import plain
from bigdipper_exporter.log.headers import HEADER, PREFIX_LIMIT

# The beginning of an object of Docker's json-file driver whose message holds no escape but that of its newline.
UNESCAPED = re.compile(rb'\{"log":"([^"\\]*+)\\n"')
# The line that the bot draws above a cycle.
DRAWN = b"===="


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
    """Return the message of an object of Docker or journald; the line itself when it is none."""
    if match := UNESCAPED.match(line):
        return match[1]
    with suppress(ValueError, RecursionError):
        entry = json.loads(line)
        for name in ("log", "MESSAGE"):
            if isinstance(message := entry.get(name), str):
                return message.removesuffix("\n").encode("utf-8", "replace")
    return line
