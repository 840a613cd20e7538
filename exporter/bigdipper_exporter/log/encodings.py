"""Turns lines into plain UTF-8: other encodings, marks of the byte order, emoji written by number, control sequences."""

import re

# Colours and whatever else a terminal is told: CSI, OSC (titles, links), character sets and the short ones.
ANSI = re.compile(rb"\x1b(?:\[[0-?]{0,40}[ -/]{0,4}[@-~]|\][^\x07\x1b]{0,400}(?:\x07|\x1b\\)|[(-/][0-~]|[=>78DEHMc])")
# What may stand before a line without being seen: marks of the byte order, and control characters.
UNSEEN = re.compile(rb"(?:[\0\a\b\v\f\r]|\xef\xbb\xbf)++")
# The length of a message, eight bytes, which journald's export format has before one that is not one line of text.
LENGTH = re.compile(rb"[\0-\xff]{1,3}?\0{5,7}(?=[^\0])")
# Emoji that Python has written by their numbers, because the stream's encoding has none (Windows, LANG=C).
NUMBERED = re.compile(rb"\\(?:u2|U0001f)")
BEGINS_NUMBERED = re.compile(rb"(?:\A|[\]\n]) *+\\(?:u2|U0001f)")
NUMBER = re.compile(rb"\\(?:u([2-9a-f][0-9a-f]{3})|U000([01][0-9a-f]{4}))")


def plain(line: bytes) -> bytes:
    """Return the line as UTF-8, with emoji, and without marks, control characters before it, and what is for a terminal.

    UTF-16 and UTF-32 are recognised by their NULs.
    """
    if b"\0" in line and (length := LENGTH.match(line)):
        line = line[length.end() :]
    if b"\0" in line and (nuls := line.count(0)) * 3 >= len(line):
        decode = _from_utf32 if nuls * 5 >= len(line) * 3 else _from_utf16
        line = decode(line.removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff")).encode("utf-8", "replace")
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


def _from_utf32(line: bytes) -> str:
    """Decode a line of UTF-32 in the same way; the NULs at its ends may belong to newlines, or be missing."""
    text = line.strip(b"\0").removesuffix(b"\r").rstrip(b"\0")
    little = (text + b"\0" * (-len(text) % 4)).decode("utf-32-le", "replace").rstrip("\r\0")
    big = (b"\0" * (-len(text) % 4) + text).decode("utf-32-be", "replace").rstrip("\r\0")
    return big if _likely(big) > _likely(little) else little


def _likely(text: str) -> tuple[int, int]:
    """Count Latin characters, punctuation, symbols and emoji, and then spaces, because a symbol has one beside it."""
    likely = sum(" " <= c < "\u0250" or "\u2000" <= c <= "\u2bff" or c == "\ufe0f" or c >= "\U0001f000" for c in text)
    return likely, text.count(" ")
