"""Reduces a line to what all copies of it have in common, whatever has carried them.

The bot's log as a file, `docker compose logs` of the same bot and its lines in journald differ in line ends, prefixes, colours
and encoding, and not in the bot's own text. Only checksums are made of the result: it is never parsed.
"""

import json
import re
from contextlib import suppress

from bigdipper_exporter.log.carriers import PREFIX
from bigdipper_exporter.log.containers import CRI
from bigdipper_exporter.log.encodings import plain
from bigdipper_exporter.log.headers import HEADER, PREFIX_LIMIT

# A message of Docker's json-file driver that holds no escape but that of its newline.
DOCKER = re.compile(rb'\{"log":"([^"\\]*+)\\n"')
# The line that the bot draws above a cycle.
DRAWN = b"===="
# Prefixes that stand one before the other.
MOST_PREFIXES = 3


def wording(line: bytes) -> bytes:
    """Return the bot's text in a line, which has no newline at its end."""
    if line.startswith(b"{"):
        line = _message(line)
    line = plain(line).rstrip(b"\r")
    if header := HEADER.search(line[: 2 * PREFIX_LIMIT]):
        return line[header.start() :]
    if line.endswith(DRAWN):  # the bot's only line without a header, whatever prefix it has
        return line[len(line.rstrip(b"=")) :]
    for _ in range(MOST_PREFIXES):
        if (prefix := CRI.match(line) or PREFIX.match(line)) is None:
            break
        line = line[prefix.end() :]
    return line


def _message(line: bytes) -> bytes:
    """Return the message of an object of Docker or journald; the line itself when it is none."""
    if match := DOCKER.match(line):
        return match[1]
    with suppress(ValueError, RecursionError):
        entry = json.loads(line)
        for name in ("log", "MESSAGE"):
            if isinstance(message := entry.get(name), str):
                return message.removesuffix("\n").encode("utf-8", "replace")
    return line
