"""Restores the emoji of the bot's messages where something else was written for them.

A terminal, a shell or a shipper without them writes `?`, nothing, their numbers or names, or decodes them with the code page of
Windows (PowerShell's `>` does). Which emoji it was follows from the rest of the message: the grammar knows one only.
"""

import re
from collections.abc import Iterator
from contextlib import suppress

from bigdipper_exporter.log.compile import read_message
from bigdipper_exporter.log.grammar import RULES
from bigdipper_exporter.log.rule import Malformed

_PATTERN = re.compile(r" *(?:(\[[A-Z]+\]) )?([^\x00-\x7f]++) ([^<{]*+)")
_FOUND = [match for rule in RULES if (match := _PATTERN.match(rule.pattern))]
EMOJI = sorted({match[2] for match in _FOUND})

# How messages begin that have lost theirs. A word alone may begin any message.
_WORDS = "|".join(re.escape(words).replace(r"\ ", " ++") for words in sorted({match[3] for match in _FOUND} - {""}))
_BARE = rf"(?:{_WORDS}|[A-Z0-9./-]{{1,15}}+ ++(?:BUY)?+: ++-)"
# What is written for an emoji: letters that code pages have for its first byte, or for bytes that they cannot decode.
_BYTES = rb"(?:[\xc2-\xd1\xed]|\xe2\x89\xa1|\xef\xbf\xbd)"
_INSTEAD = (
    rb"\?{1,8}+"
    rb"|(?:&#[0-9]{2,7}+;|&#x[0-9a-fA-F]{2,6}+;)++"
    rb"|(?:\\N\{[A-Z0-9 -]{1,60}+\})++"
    rb"|(?:\\[ux][0-9a-fA-F]{2,4}+)++"
    rb"|(?:#[0-3][0-7][0-7])++"
    rb"|(?:M-\^?[ -~])++"
    rb"|%s[\x80-\xff]*+" % _BYTES
)
_TAGS = "|".join(re.escape(tag) for tag in sorted({match[1] or "" for match in _FOUND} - {""}))
_BEGINNING = rb" *+(?:(?:%s) ++)?" % _TAGS.encode()
# Behind a header, of which the levels end in these letters and the bot's tags in others.
DAMAGED = re.compile(rb"\](?<=[GLOR]\])%s(?:[?\\]|&#|#[0-3]|M-|%s|%s)" % (_BEGINNING, _BYTES, _BARE.encode()))
_MESSAGE = re.compile(rb"(%s)(?:(?:%s)(?= )| *+)(.*+)" % (_BEGINNING, _INSTEAD))
_INSIDE = re.compile(rb"(?<= )(?:%s)(?= )" % _INSTEAD)
# Code pages by which bytes of UTF-8 may have been decoded; what one does not have stands for itself.
CODE_PAGES = ("cp1252", "cp437", "cp850", "latin-1", "cp1251", "cp1250")
LIMIT = 2000  # bytes of a message that is restored
# Bytes at either end of a portion that are searched: what writes the log changes with a restart, and a portion is minutes.
EDGE = 1 << 14


def is_damaged(text: bytes) -> bool:
    """Whether messages in `text` have lost their emoji. Every cycle of the bot has some, so its ends show it."""
    return any(DAMAGED.search(edge) for edge in (text[:EDGE], text[EDGE:][-EDGE:]))


def restored(line: bytes, size: int) -> bytes:
    """Return a line of the bot with its emoji. size: of its header. Unchanged where it needs none, or does not become known."""
    if len(line) > size + LIMIT or not DAMAGED.match(line, size - 1):
        return line
    message = line[size:].rstrip(b"\r")
    if _is_known(message):
        return line
    return line[:size] + next((one for one in _readings(message) if _is_known(one)), line[size:])


def _readings(message: bytes) -> Iterator[bytes]:
    """Yield what the message may have been."""
    for code_page in CODE_PAGES:
        with suppress(UnicodeError):
            yield b"".join(_encoded(character, code_page) for character in message.decode())
    match = _MESSAGE.fullmatch(message)
    if match is not None:
        for rest in (match[2], _INSIDE.sub("→".encode(), match[2])):
            for emoji in EMOJI:
                text = emoji.encode() + b" " + rest
                yield match[1] + text
                yield b" " + match[1].lstrip() + text


def _encoded(character: str, code_page: str) -> bytes:
    """Return the byte that a code page has decoded as this character. Raises UnicodeError."""
    return bytes([ord(character)]) if "\x7f" < character < "\xa0" else character.encode(code_page)


def _is_known(message: bytes) -> bool:
    read = read_message(message.removeprefix(b" "))
    return read is not None and not isinstance(read[0], Malformed)
