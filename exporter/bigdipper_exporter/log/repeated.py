"""Finds lines in the middle of a file that were read before from another file, such as an overlap of two copies of the log.

A run of lines counts as read when another generation has the same lines in the same order, with times of at least two seconds
among them, or eight different lines of a numbered cycle: within one second the bot may write lines again. When in doubt, a line
is read: twice is better than never.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from bigdipper_exporter.log.checksums import KEPT_GENERATIONS, LineSums, line_sums, whole_line_sums
from bigdipper_exporter.log.chunks import Batch
from bigdipper_exporter.log.segment import Checkpoint
from bigdipper_exporter.log.wording import WIDTH, time_of, wording

NEWLINE = re.compile(rb"\n")

PAIR = 2 * WIDTH  # bytes of the checksums of two lines
# So few pairs of lines are looked for one by one, which is faster: about 1 ms each in the longest generation that is kept.
MOST_SINGLY = 16
# Bytes at either end of a portion in which its times are looked for.
EDGE = 4096
# How many places of a generation are tried for one line, and how many lines may be looked for in vain in one portion.
MOST_PLACES = 8
MOST_FAILURES = 100
# Different lines that are no coincidence, even within one second, if one has a number of its own: of a cycle, or of an order.
ENOUGH = 8
NUMBERED = re.compile(rb"Cycle #\d|\(order ")


@dataclass(frozen=True, slots=True)
class Mark:
    """Up to where a generation was found again: lines of the stretch that begins at `start`, in bytes.

    offset: up to where the file was read. is_open: whether the last line before it was the same, so that the next may be too.
    """

    start: int = 0
    lines: int = 0
    offset: int = 0
    is_open: bool = False


@dataclass(slots=True)
class Known:
    """The checksums of a generation, to be found in a file in their order: those from line `at` on are left."""

    rows: list[LineSums]
    is_open: bool = False
    at: int = 0
    sums: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.sums = b"".join(row.sums for row in self.rows)

    @classmethod
    def of(cls, rows: Iterable[LineSums], mark: Mark | None) -> "Known":
        """Continue at `mark`, if that is known."""
        known = cls(list(rows))
        if mark is not None and known.rows and known.rows[0].start == mark.start:
            known.at, known.is_open = mark.lines, mark.is_open
        return known

    def mark(self, offset: int) -> Mark:
        """Return where the search goes on in a file that was read up to `offset`."""
        left = self.at
        for row in self.rows:
            if left <= len(row.sums) // WIDTH:
                return Mark(row.start, left, offset, self.is_open)
            left -= len(row.sums) // WIDTH
        return Mark()

    def common(self, sums: bytes) -> set[int]:
        """Return which of these lines, by number, have the same line after them as somewhere in the rest of the generation."""
        mine = _pairs(sums)
        if len(mine) <= MOST_SINGLY:
            return {line for line in range(len(mine)) if next(self.places(sums, line), None) is not None}
        rest = self.sums[WIDTH * self.at :]
        both = {*mine}.intersection(_aligned(rest)) | {*mine}.intersection(_aligned(rest[WIDTH:]))
        return {line for line, pair in enumerate(mine) if pair in both} if both else set()

    def places(self, sums: bytes, line: int) -> Iterator[int]:
        """Yield where this line and the one after it are, at most a few places."""
        pair, found = sums[WIDTH * line : WIDTH * line + PAIR], WIDTH * self.at - 1
        for _ in range(MOST_PLACES):
            found = self.sums.find(pair, found + 1)
            while found % WIDTH and found >= 0:
                found = self.sums.find(pair, found + 1)
            if found < 0:
                return
            yield found // WIDTH

    def run(self, sums: bytes, line: int, place: int) -> int:
        """Return how many lines are the same from here on."""
        most = min(len(sums) // WIDTH - line, len(self.sums) // WIDTH - place)
        mine, other = memoryview(sums)[WIDTH * line :], memoryview(self.sums)[WIDTH * place :]
        if mine[: WIDTH * most] == other[: WIDTH * most]:
            return most
        pairs = zip(mine[: WIDTH * most].cast("I"), other[: WIDTH * most].cast("I"), strict=True)
        return next(number for number, (one, another) in enumerate(pairs) if one != another)


def _aligned(sums: bytes) -> "memoryview[int]":
    """Return every other pair of consecutive checksums as a number."""
    return memoryview(sums)[: len(sums) // PAIR * PAIR].cast("Q")


def _pairs(sums: bytes) -> list[int]:
    """Return a number for each line and the one after it."""
    found = [0] * max(0, len(sums) // WIDTH - 1)
    found[::2], found[1::2] = _aligned(sums), _aligned(sums[WIDTH:])
    return found


def times(data: bytes) -> tuple[bytes, bytes]:
    """Return the first and the last time of the lines at the edges of `data`; empty where there is none."""
    first = _times(data[:EDGE])
    last = _times(data[-EDGE:]) if len(data) > EDGE else first
    return min(first, default=b""), max(last, default=b"")


def _times(data: bytes) -> list[bytes]:
    return [time for line in data.split(b"\n") if (time := time_of(wording(line)))]


def candidates(data: bytes, others: Iterable[Checkpoint], newest: int) -> list[Checkpoint]:
    """Return the generations that may hold lines of `data`: those whose times overlap."""
    kept = [c for c in others if c.offset and c.generation > newest - KEPT_GENERATIONS]
    if not kept:
        return []
    first, last = times(data)
    return [c for c in kept if b"" < times(c.head)[0] <= last and b"" < first <= times(c.tail)[1]]


def split(batches: Iterable[Batch], start: int, data: bytes, runs: list[tuple[int, int]]) -> list[Batch]:
    """Return the batches without these lines of `data`, which begins at `start`."""
    ends = [0, *(match.end() for match in NEWLINE.finditer(data))]
    cuts = [(start + ends[begin], start + ends[end]) for begin, end in sorted(runs)]
    left = list[Batch]()
    for batch in batches:
        at, end = batch.offset, batch.offset + len(batch.data)
        for begin, behind in (*cuts, (end, end)):
            if at < min(begin, end):
                data_end = min(begin, end) - batch.offset
                left.append(replace(batch, offset=at, data=batch.data[at - batch.offset : data_end]))
            at = max(at, min(behind, end))
    return left


def find_behind(context: bytes, data: bytes, known: Known) -> list[tuple[int, int]]:
    """Like `find`, with lines before `data` that may be a part of the run, and are not returned."""
    if not context:
        return find(data, known)
    skipped, lines = context.count(b"\n"), data.split(b"\n")
    found = [(max(0, begin - skipped), end - skipped) for begin, end in find(context + data, known) if end > skipped]
    # What goes on with text alone may be new, behind the same line.
    return [(begin, end) for begin, end in found if any(time_of(wording(line)) for line in lines[begin:end])]


def find(data: bytes, known: Known) -> list[tuple[int, int]]:
    """Return the lines of `data`, from and up to their number, that `known` has in the same order."""
    found, line, failures = list[tuple[int, int]](), 0, 0
    lines, sums = data.split(b"\n"), line_sums(data)
    common = known.common(sums)
    if not common and (older := known.common(whole := whole_line_sums(data))):
        sums, common = whole, older
    if known.is_open and (length := known.run(sums, 0, known.at)):
        found.append((0, length))
        line, known.at = length, known.at + length
    total = len(sums) // WIDTH
    while line + 1 < total and failures < MOST_FAILURES:
        if line not in common:
            line += 1
            continue
        runs = ((known.run(sums, line, place), place) for place in known.places(sums, line))
        length, place = max(runs, default=(0, 0), key=lambda one: one[0])
        if _is_coincidence(lines[line : line + length]):
            failures, line = failures + 1, line + max(1, length - 1)
            continue
        found.append((line, line + length))
        line, known.at = line + length, place + length
    known.is_open = bool(found) and found[-1][1] == total
    return found


def _is_coincidence(lines: list[bytes]) -> bool:
    """Whether the bot may have written these lines a second time: within one second, without a number of their own."""
    different, seconds, is_numbered = set[bytes](), set[bytes](), False
    for line in map(wording, lines):
        if time := time_of(line):
            different.add(line)
            seconds.add(time)
            is_numbered = is_numbered or NUMBERED.search(line) is not None
        if len(seconds) > 1 or (is_numbered and len(different) >= ENOUGH):
            return False
    return True
