"""The result of cleaning: lines without what surrounds them, and where each of them was."""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple


class Clean(NamedTuple):
    """Cleaned lines. starts: the position of each line in `text`, and its position in the original."""

    text: bytes
    starts: list[tuple[int, int]]

    def before(self, position: int) -> int:
        """Return the original position of the line at `position` of `text`."""
        return self.starts[bisect_right(self.starts, (position, 1 << 62)) - 1][1]


@dataclass
class Output:
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

    def clean(self) -> Clean:
        """Return the lines that were added."""
        return Clean(b"".join(self.lines), self.starts)


def lines_of(text: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield each line of `text`, which begins with a newline, after the position of the newline before it."""
    position = 0
    for line in text[1:].removesuffix(b"\n").split(b"\n"):
        yield position, line
        position += 1 + len(line)
