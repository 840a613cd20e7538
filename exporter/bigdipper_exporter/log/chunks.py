"""What one read of the log returns: whole lines with their positions, gaps, and the state of the log."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from bigdipper_exporter.log.checksums import LineSums
from bigdipper_exporter.log.segment import CHUNK, Checkpoint, Source

# truncated: the file was cut or rewritten in place, and no copy has the part that was not read.
# unreachable: a file is gone or cannot be read; it had been followed before, or may have existed in between.
GAP_REASONS = ("truncated", "unreachable")

LINE_LIMIT = 1 << 20
# Bytes that are parsed and projected at once, so that the results fit into the processor's cache.
PIECE = 1 << 17
# Bytes of a file in which lines are counted that were read without being counted, or that are not read: about 0.2 s.
COUNTED_BYTES = 256 << 20
# Two NULs: a single one after a newline is half a character of UTF-16.
HOLE = b"\n\0\0"
NULS = re.compile(rb"\0*+")


@dataclass(frozen=True, slots=True)
class Batch:
    """Whole lines, each ending in a newline. offset: position of data[0] in the generation, in bytes. path: the file.

    truncated: the first part of a line that is too long (1 MiB), with a newline added. late: these lines are older than some of
    the log that were returned before. line: the number of the first line in the file, from 1; None if that is not known.
    """

    generation: int
    offset: int
    data: bytes
    truncated: bool = False
    path: str = ""
    late: bool = False
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """Content that may have been lost before it was read. reason: one of GAP_REASONS. at: unix seconds."""

    generation: int
    reason: str
    at: float
    detail: str


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A line without a newline at the end of a file that is no longer written.

    text: at most 1 KiB of it. line: its number in the file, from 1; None if that is not known.
    """

    generation: int
    offset: int
    path: str
    text: bytes
    line: int | None = None


@dataclass(slots=True)
class Read:
    """The result of one read. Store `checkpoints` and `sums` in the same transaction as the events of `batches`.

    lag: bytes not returned yet, including an unfinished line. up: whether the log can be read; `problem` says why it cannot, or
    why new lines may not arrive. more: whether to read again at once. is_current: whether the log itself was read to its end.
    late: the generations that are older than lines of the log that were returned. set_aside: whether this begins now, before
    any line of the log's new file. written: unix seconds at which the newest file of the batches was last written.
    notes: sentences about files, for people. repeated: lines that were read before from another file, and are not returned.
    """

    batches: list[Batch] = field(default_factory=list)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    sums: list[LineSums] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    unfinished: list[Unfinished] = field(default_factory=list)
    rotations: int = 0
    truncations: int = 0
    lag: int = 0
    up: bool = False
    problem: str | None = None
    more: bool = False
    is_current: bool = False
    late: frozenset[int] = frozenset()
    set_aside: bool = False
    written: float | None = None
    notes: list[str] = field(default_factory=list)
    repeated: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to store."""
        found = self.batches or self.checkpoints or self.sums or self.gaps or self.unfinished
        return not (found or self.set_aside or self.rotations or self.truncations or self.notes)


def whole_lines(checkpoint: Checkpoint, data: bytes) -> tuple[list[Batch], Checkpoint]:
    """Split `data`, which begins at `checkpoint`, into its whole lines; return them and the checkpoint after them."""
    batches: list[Batch] = []
    start, skipping = 0, checkpoint.skipping
    if skipping:
        start = data.find(b"\n") + 1
        if not start:
            return [], checkpoint.advanced(data, len(data)) if data else checkpoint
        skipping = False
    holes = HOLE in data
    while start < len(data):
        # When a file is cut under a writer that does not append, its next line comes after a hole of NULs.
        text = NULS.match(data, start).end()  # type: ignore[union-attr]  # it also matches nothing
        hole = data.find(HOLE, text) if holes else -1
        end = hole + 1 if hole >= 0 else data.rfind(b"\n", text) + 1
        if end <= text:
            start = text
            break
        batches.append(Batch(checkpoint.generation, checkpoint.offset + text, data[text:end], path=checkpoint.path))
        start = end
    if not batches and len(data) - start >= LINE_LIMIT:
        end = start + LINE_LIMIT
        batches.append(
            Batch(
                checkpoint.generation, checkpoint.offset + start, data[start:end] + b"\n", truncated=True, path=checkpoint.path
            )
        )
        start, skipping = end, True
    if not start:
        return [], checkpoint
    return batches, replace(checkpoint.advanced(data, start), skipping=skipping)


def before_record(data: bytes) -> bytes:
    """Return `data` up to its last line that begins with a year, so that further lines of a record stay with it.

    Without such a line, return all of it.
    """
    return data[: data.rfind(b"\n2") + 1] or data


def lines_before(source: Source, offset: int) -> int | None:
    """Count the newlines before `offset` of a file; None if that would take long, or the disk fails."""
    if source.gz or offset > COUNTED_BYTES:
        return None
    lines = position = 0
    while position < offset:
        data = source.read(position, min(CHUNK, offset - position))
        if not data:
            return None
        lines, position = lines + data.count(b"\n"), position + len(data)
    return lines


def at_end(checkpoint: Checkpoint, source: Source) -> Checkpoint:
    """Return the checkpoint after the last whole line of the file."""
    end, step = source.size(), 65536
    while end > 0:
        begin = max(0, end - step)
        newline = source.read(begin, end - begin).rfind(b"\n")
        if newline >= 0:
            end = begin + newline + 1
            break
        end = begin
    return checkpoint.at(source, end)


def pieces(data: bytes, size: int = PIECE) -> Iterator[tuple[int, bytes]]:
    """Cut whole lines into pieces of at least `size` bytes; yield the offset of each and the piece.

    Cuts are only made before a line that begins with a year, so that further lines of a record stay with it.
    """
    start = 0
    while start < len(data):
        end = data.find(b"\n2", start + size) + 1 or len(data)
        yield start, data[start:end]
        start = end
