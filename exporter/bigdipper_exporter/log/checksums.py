"""Recognises an older copy of the log that was put in its place, by checksums of the lines that were read.

A checkpoint knows only the beginning and the end of what was consumed. Checksums of every line tell how much of a file was
consumed before, to the line, whatever the lines say: after `cp backup log` the lines behind the backup are new, and only they
are read.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from zlib import crc32

from bigdipper_exporter.log.segment import HEAD_BYTES, Checkpoint, Source
from bigdipper_exporter.log.wording import WIDTH, packed, time_of, unpacked, wording

# Bytes of a stretch that grows line by line; what is read at once is one stretch of any size.
STRETCH_BYTES = 64 * 1024
# Bytes before the end of a generation of which the checksums are kept, four bytes a line: about a twentieth of ordinary lines.
# A backup that ends before them is read again.
KEPT_BYTES = 64 << 20
# How many generations of the log keep the checksums of their lines.
KEPT_GENERATIONS = 32

# Two logs may begin with the same banner, or by chance with the same line. So many different lines with a time are no chance.
LEAST_LINES = 2
# Of what is no line, behind the last newline: earlier versions stored it.
EMPTY = packed([crc32(b"")])
_PLAIN = frozenset((b" [", b"=="))


@dataclass(frozen=True, slots=True)
class LineSums:
    """Checksums of consecutive lines of a generation; a row of the archive's table `log_checksums`.

    start, size: in bytes. sums: the CRC-32 of each line's wording, packed. Earlier versions stored that of the whole line,
    which differs where something surrounds the wording.
    """

    generation: int
    start: int
    size: int
    sums: bytes

    @property
    def end(self) -> int:
        """The position after the last line."""
        return self.start + self.size

    @property
    def lines(self) -> int:
        """How many lines there are, with the part of one at the end."""
        return len(self.sums) // WIDTH


# Yields the stretches of a generation (the first argument) that end behind an offset, in order. Raises what the archive raises.
Archived = Callable[[int, int], Iterable[LineSums]]


def stretch(last: LineSums | None, generation: int, start: int, data: bytes) -> LineSums:
    """Return the checksums of `data`, which was consumed at `start`; those of `last` too, if that is short and ends there."""
    new = LineSums(generation, start, len(data), line_sums(data))
    if last is None or (last.generation, last.end) != (generation, start) or last.size + len(data) > STRETCH_BYTES:
        return new
    return replace(last, size=last.size + new.size, sums=last.sums + new.sums)


def line_sums(data: bytes) -> bytes:
    """Return the CRC-32 of the wording of each line, packed."""
    lines = _lines(data.replace(b"\r\n", b"\n"))
    if data.endswith(b"\0") and not lines[-1].strip(b"\0"):
        lines.pop()  # a hole, or what UTF-16 has behind a newline, which belongs to the next line
    # Most lines are nothing but their wording, and so is the line drawn above a cycle.
    return packed([crc32(line if line[19:21] in _PLAIN else wording(line)) for line in lines])


def whole_line_sums(data: bytes) -> bytes:
    """Return the CRC-32 of each line as it stands, as earlier versions stored them."""
    return packed(map(crc32, _lines(data)))


def _has_sums(data: bytes, sums: bytes) -> bool:
    """Whether these are the checksums of the lines of `data`, of their wording or as they stand."""
    return sums in (worded := line_sums(data), worded + EMPTY, whole_line_sums(data))


def _lines(data: bytes) -> list[bytes]:
    lines = data.split(b"\n")
    return lines if lines[-1] else lines[:-1]


@dataclass(slots=True)
class Shared:
    """The beginning of a file as far as it was consumed before as another generation.

    at: the checkpoint after the last whole line of it. compared: the checkpoint after everything that is the same. rows: the
    checksums of what this comparison has added. lines: the first few different lines in it that have a time. is_short: the file
    begins like the generation, and ends before the first checksum that is kept of it.

    For the next comparison: size: of the file. last: the start of the last stretch that was compared. matched: how many of its
    checksums are the same. is_over: whether a line differs. is_partial: whether the last of them is of a part of a line.
    """

    at: Checkpoint
    compared: Checkpoint
    rows: list[LineSums] = field(default_factory=list)
    lines: frozenset[bytes] = frozenset()
    is_short: bool = False
    size: int = 0
    last: int = -1
    matched: int = 0
    is_over: bool = False
    is_partial: bool = False

    @property
    def is_certain(self) -> bool:
        """Whether it is too much for two logs to have in common by chance."""
        return len(self.lines) >= LEAST_LINES

    @property
    def is_resumable(self) -> bool:
        """Whether a comparison of the same file, grown since, can go on from here: between two lines."""
        return self.at == self.compared and not self.is_short

    def rest_of(self, row: LineSums) -> LineSums | None:
        """Return what is still to be compared of a stretch; None when the comparison has not come to it."""
        if row.start == self.compared.offset:
            self.last, self.matched = row.start, 0
            return row
        if row.start != self.last:
            return None
        return replace(
            row, start=self.compared.offset, size=row.end - self.compared.offset, sums=row.sums[WIDTH * self.matched :]
        )

    def add(self, row: LineSums, data: bytes) -> bool:
        """Compare the next `data` of the file with `row`; return whether all of it is the same."""
        is_same = len(data) == row.size and _has_sums(data, row.sums)
        lines = data.count(b"\n") if is_same else _matching(data, row.sums)
        end = _position(data, lines)
        if is_same or end:
            self.rows.append(row if is_same else replace(row, size=end, sums=row.sums[: WIDTH * lines]))
            self.is_partial = is_same and len(row.sums) // WIDTH > lines
        if end:
            self.at = self.compared.advanced(data, end, lines)
            self._look_at(data[:end])
        self.compared = self.compared.advanced(data, len(data), lines) if is_same else self.at
        self.matched += len(row.sums) // WIDTH if is_same else lines
        self.is_over = not is_same and b"\n" in data[end:]
        return is_same

    def as_of(self, generation: int) -> list[LineSums]:
        """Return the checksums up to the last whole line, as those of `generation`."""
        rows = [replace(row, generation=generation) for row in self.rows if row.start < self.at.offset]
        if rows and rows[-1].end > self.at.offset:
            rows[-1] = replace(
                rows[-1], size=self.at.offset - rows[-1].start, sums=rows[-1].sums[: -WIDTH if self.is_partial else None]
            )
        return rows

    def _look_at(self, data: bytes) -> None:
        start = 0
        while not self.is_certain and (end := data.find(b"\n", start) + 1):
            if time_of(data[start:end]):
                self.lines |= {data[start:end]}
            start = end


def _matching(data: bytes, sums: bytes) -> int:
    """Return how many whole lines at the beginning of `data` have these checksums."""
    lines = data[: data.rfind(b"\n") + 1]
    found = zip(*map(unpacked, (line_sums(lines), whole_line_sums(lines), sums)), strict=False)
    differ = (number for number, (worded, whole, known) in enumerate(found) if known not in (worded, whole))
    return next(differ, min(lines.count(b"\n"), len(sums) // WIDTH))


def _position(data: bytes, lines: int) -> int:
    """Return the position in `data` after so many lines."""
    end = 0
    for _ in range(lines):
        end = data.index(b"\n", end) + 1
    return end


def shared(
    source: Source, size: int, others: Iterable[Checkpoint], archived: Archived, before: Sequence[Shared] = ()
) -> list[Shared]:
    """Return how much of the first `size` bytes of a file was consumed as each of the generations `others`.

    before: the result of an earlier comparison of this file, which is continued where that is still the beginning of it.
    """
    head = source.read(0, min(size, HEAD_BYTES))
    first, newline, _ = head.partition(b"\n")
    if not newline and len(head) < HEAD_BYTES:
        return []
    # With its newline: a copy with other line ends has its lines elsewhere, and is compared line by line.
    alike = (other for other in others if other.offset and other.head.startswith(first + newline))
    known = {one.at.generation: one for one in before if one.size <= size and one.is_resumable and source.fits(one.at)}
    found = (
        _compare(source, size, other, archived, replace(known[other.generation], rows=[]))
        if other.generation in known
        else _shared_with(source, size, head, other, archived)
        for other in alike
    )
    return [one for one in found if one is not None]


def _shared_with(source: Source, size: int, head: bytes, other: Checkpoint, archived: Archived) -> Shared | None:
    first = next(iter(archived(other.generation, 0)), None)
    # The checksums of a long generation begin somewhere in it; what is before them is the same if the head is.
    if first is None or (first.start and not other.head.startswith(head)):
        return None
    if size < first.start:
        begun = replace(other, offset=0, head=b"", tail=b"", skipping=False, lines=0)
        return Shared(begun, begun, is_short=True)
    before = None if first.start else 0
    start = replace(other, offset=first.start, head=head if first.start else b"", tail=b"", skipping=False, lines=before)
    found = _compare(source, size, other, archived, Shared(start, start))
    return found if found.rows else None


def _compare(source: Source, size: int, other: Checkpoint, archived: Archived, found: Shared) -> Shared:
    """Continue a comparison up to the first line that differs or that the file does not hold yet."""
    found.size = size
    if found.is_over:
        return found
    for row in archived(other.generation, found.compared.offset):
        part = found.rest_of(row)
        if part is None or not found.add(part, source.read(part.start, max(0, min(part.size, size - part.start)))):
            break
    return found
