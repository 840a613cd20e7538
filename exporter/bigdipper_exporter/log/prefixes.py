"""Learns the prefixes of a log, and tells them from text that quotes a line of the bot.

A line with text before its header is the bot's own unless it lies inside a message. Nothing lies inside a message of the bot's
own words, which is one line; what follows an error, an unknown message or a further line may. Such a line is held until lines
like it have stood without any other for some time (then they are the bot's) or another line of the bot comes (then it was
quoted). All of this depends on the order of the lines alone, and not on how many are read at once.
"""

import re
from collections.abc import Callable, Iterable, Iterator

from bigdipper_exporter.log.compile import read_message
from bigdipper_exporter.log.forms import READABLE
from bigdipper_exporter.log.headers import CUT_HEADER, HEADER, OURS, PREFIX_LIMIT, QUOTING, SEPARATORS, STAMP
from bigdipper_exporter.log.rule import Malformed

# Prefixes that are known at a time: each thread or process may have its own.
MAX_LEARNED = 8
# Lines with a header that are the bot's if nothing else is between them; all lines that are held, and their bytes.
ENOUGH = 8
MAX_HELD = 64
MAX_HELD_BYTES = 1 << 16
# The last line with a header is kept up to this length, in bytes.
ABOVE_LIMIT = 1000
# At the end of the last line with a header: its form has ended the message, which has no further lines.
WHOLE = b"\0"
# Seconds. A container's message is written at once, and its lines have nearly the same time.
AT_ONCE = 1.0

# Words, numbers and names vary from line to line, and so do the blanks around them; other characters do not.
# A header ends a word that touches it.
WORD = rb"[+-]?+[\w\x80-\xff]++(?:[.,+-]++(?!\d{4}-\d\d-\d\d[T ]\d\d:)[\w\x80-\xff]++)*+\.?+"
BLANKS = rb"[ \t]*+"
TOKEN = re.compile(rb"(%s)|([ \t]++)|(.)" % WORD, re.DOTALL)
# Patterns are stored as one expression, which earlier releases can use as well.
BETWEEN = ")|(?:"
# A time that a program like `ts` writes before each line; the bot's own is not followed by a blank and another one.
OWN_TIME = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:[.,]\d{1,9})? ")
EXAMPLE = b"2025-10-17 09:30:00 [INFO] "


class Prefixes:
    """What is known of the prefixes of a log.

    above: the last line with a header, in the bot's own form; only its time once other text has followed it; empty before the
    first one. above_ts: when a container wrote it, unix seconds. held: lines that are not decided yet, by their identity.
    stamp_of: returns the time of a header, as the bot writes it.
    """

    def __init__(self, stamp_of: Callable[[re.Match[bytes]], bytes]) -> None:
        self._stamp_of = stamp_of
        self.above = b""
        self.above_ts = 0.0
        self.held: list[tuple[int, bytes]] = []
        self._learned: list[str] = []
        self._compile()

    def saved(self) -> tuple[str, str, float, list[tuple[int, str]]]:
        """Return the state for the archive: one expression for all prefixes, `above`, `above_ts`, `held`; bytes as Latin-1."""
        held = [(ident, line.decode("latin-1")) for ident, line in self.held]
        return self._expression(), self.above.decode("latin-1"), self.above_ts, held

    def load(self, expression: str, above: str = "", above_ts: float = 0.0, held: Iterable[tuple[int, str]] = ()) -> None:
        """Continue from what `saved` returned, or from the only prefix that earlier releases knew."""
        is_saved = expression.startswith("(?:")
        self._learned = expression[3:-1].split(BETWEEN) if is_saved else [expression] if expression else []
        self._compile()
        self.above, self.above_ts = above.encode("latin-1"), above_ts
        self.held = [(ident, line.encode("latin-1")) for ident, line in held]

    def _expression(self) -> str:
        return f"(?:{BETWEEN.join(self._learned)})" if self._learned else ""

    def _compile(self) -> None:
        self._patterns = [re.compile(shape.encode("latin-1")) for shape in self._learned]
        newest = self._patterns[0].pattern if self._patterns else b"(?!)"
        self._newest = re.compile(rb"\n(?!%s)%s" % (HEADER.pattern, newest))
        every = b"|".join(pattern.pattern for pattern in self._patterns) or b"(?!)"
        self._any = re.compile(rb"\n(?!2)(?:%s)(?=%s)" % (every, READABLE.pattern))

    def may_begin(self, text: bytes) -> bool:
        """Whether a line of `text` begins with a learned prefix that has the beginning of one of another form behind it."""
        return bool(self._patterns) and self._any.search(text) is not None

    def without(self, text: bytes, lines: int) -> tuple[bytes, dict[int, int]] | None:
        """Return the lines of `text`, each after its newline, without the newest prefix; None where one of them lacks it.

        Also the position in `text` of each newline before a line, by its position in the result.
        """
        bare, places, removed, behind = list[bytes](), dict[int, int](), 0, 0
        for match in self._newest.finditer(text):
            start, end = match.span()
            if end == start + 1:
                return None
            places[start - removed] = start
            bare.append(text[behind:start])
            removed, behind = removed + end - start - 1, end
        return (b"\n".join([*bare, text[behind:]]), places) if len(places) == lines else None

    def before_header(self, line: bytes) -> int:
        """Return the length of a learned prefix that has a header behind it; 0 when there is none."""
        return next((end for end in self._ends(line) if HEADER.match(line, end)), 0)

    def before_text(self, line: bytes) -> int:
        """Return the length of a learned prefix at the beginning of a line without a header."""
        return next(self._ends(line), 0)

    def _ends(self, line: bytes) -> Iterator[int]:
        return (match.end() for pattern in self._patterns if (match := pattern.match(line)))

    def follow(self, text: bytes) -> None:
        """Note that text without a header has followed the last line. That of the bot's goodbye belongs to its message."""
        if text.strip():
            is_second = self.above.rstrip(b" \t\r").endswith(b"]")
            self.above = (self.above.rstrip() + b" \n" + text)[:ABOVE_LIMIT] if is_second else self.above[:STAMP]

    def may_go_on(self) -> bool:
        """Whether the message of the last line with a header may have further lines."""
        message = self.above.partition(b"] ")[2]
        return (
            bool(self.above)
            and not self.above.endswith(WHOLE)
            and (not is_known(message) or QUOTING.search(message) is not None)
        )

    def may_be_quoted(self, ts: float) -> bool:
        """Whether the last message with a header may quote a container's line. ts: when that was written, unix seconds."""
        return self.may_go_on() and ts <= self.above_ts + AT_ONCE

    def hold(self, ident: int, line: bytes) -> bool:
        """Hold the line; return whether it shows that the held lines are the bot's. If so, their prefixes are learned."""
        self.held.append((ident, line))
        if not self.unknown(line):
            self.follow(line)
            return False
        # Those before may have been quoted by the message.
        found = [(held, start) for _, held in self.held if (start := self.unknown(held))][-ENOUGH:]
        if self.may_go_on() or not is_known(_message(line)) or _is_quoting(line[: self.unknown(line)]):
            headers = [HEADER.match(held, start) for held, start in found]
            stamps = [self._stamp_of(header) for header in headers if header]
            if len(stamps) < ENOUGH or stamps != sorted(stamps) or stamps[0] < self.above[:STAMP]:
                return False
        for held, start in found:
            if self.unknown(held):
                self.learn(held[:start])
        return True

    def is_full(self) -> bool:
        """Whether no further line can be held."""
        return len(self.held) >= MAX_HELD or sum(len(line) for _, line in self.held) >= MAX_HELD_BYTES

    def admit(self, line: bytes, ts: float) -> bool:
        """Whether a container's line with an unknown prefix is the bot's; if so, learn the prefix. ts: unix seconds."""
        start = self.unknown(line)
        is_ours = is_known(_message(line)) and not _is_quoting(line[:start])
        if not start or not is_ours or self.may_be_quoted(ts):
            return False
        self.learn(line[:start])
        return True

    def learn(self, prefix: bytes) -> None:
        """Learn the prefix and those like it; of too many, the oldest is forgotten."""
        shape = shape_of(prefix)
        match = re.match(shape, prefix + EXAMPLE)
        if match is None or match.end() != len(prefix):
            shape = re.escape(prefix)
        self._learned = [shape.decode("latin-1"), *self._learned][:MAX_LEARNED]
        self._compile()

    def unknown(self, line: bytes) -> int:
        """Return the length of what may be a prefix before the header of a line; 0 when there is none, or a learned one."""
        return 0 if HEADER.match(line) or self.before_header(line) else _text_before_header(line)


def _text_before_header(line: bytes) -> int:
    """Return the length of the text before the header of a line; 0 when it cannot be a prefix."""
    header = HEADER.search(line[: 2 * PREFIX_LIMIT])
    if header is None or not 0 < header.start() <= PREFIX_LIMIT:
        return 0
    text = line[: header.start()]
    is_cut = CUT_HEADER.fullmatch(text) and text.strip() and not OWN_TIME.fullmatch(text)
    is_drawn = b"\r" in text  # a progress bar, over which the line is drawn
    return 0 if is_cut or is_drawn or text.startswith(b"{") or OURS.search(text) else header.start()


def _is_quoting(text: bytes) -> bool:
    """Whether what stands behind `text` may be quoted by it, as in brackets."""
    return text[-1:] in SEPARATORS and not text[-1:].isspace()


def is_known(message: bytes) -> bool:
    """Whether the grammar knows the message."""
    read = read_message(message)
    return read is not None and not isinstance(read[0], Malformed)


def shape_of(text: bytes) -> bytes:
    """Return a regular expression that matches a prefix and those that differ from it in words, numbers and blanks."""
    tokens = TOKEN.findall(text)
    # A word that touches the header would not end before it.
    pieces = [WORD if word else re.escape(other) for word, blanks, other in tokens[:-1] if not blanks]
    pieces += [b"\\x%02x" % byte for byte in b"".join(tokens[-1])] * (not tokens[-1][1])
    return BLANKS + BLANKS.join([*pieces, b""])


def _message(line: bytes) -> bytes:
    header = HEADER.search(line)
    return b"" if header is None else line[header.end() :].removeprefix(b" ")
