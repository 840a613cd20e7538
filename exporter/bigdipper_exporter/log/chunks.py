"""What reading the log brings: whole lines with their position, gaps, and how the log is doing."""

import re
from dataclasses import dataclass, field, replace

from bigdipper_exporter.log.segment import Checkpoint, Source

# truncated: the file was cut or rewritten in place, and no copy holds what was not read yet.
# unreachable: a file that had been read, or may have been there in between, was nowhere to be found, or cannot be read.
GAP_REASONS = ("truncated", "unreachable")

LINE_LIMIT = 1 << 20
# One NUL behind a newline is half a character of UTF-16.
HOLE = b"\n\0\0"
NULS = re.compile(rb"\0*+")


@dataclass(frozen=True, slots=True)
class Batch:
    """Whole lines, each ending in a newline; data[0] is at byte `offset` of the generation, which is read from the file `path`.

    `truncated`: the first part of one line that is too long (1 MiB), with a newline added.
    """

    generation: int
    offset: int
    data: bytes
    truncated: bool = False
    path: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes that may have gone before anyone could read them. `reason` is one of GAP_REASONS, `at` unix seconds."""

    generation: int
    reason: str
    at: float
    detail: str


@dataclass(frozen=True, slots=True)
class Unfinished:
    """The beginning of a line whose end will never come: the file is done. `text`: 1 KiB of it at most."""

    generation: int
    offset: int
    path: str
    text: bytes


@dataclass(slots=True)
class Read:
    """What one look at the log brought. `checkpoints` are to be stored in the same transaction as what `batches` hold.

    lag: bytes not handed out yet, the beginning of an unfinished line among them. up: the log can be read; if not, `problem`
    says why. more: read again at once. written: unix seconds at which the newest file among the batches' was last written.
    """

    batches: list[Batch] = field(default_factory=list)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    unfinished: list[Unfinished] = field(default_factory=list)
    rotations: int = 0
    truncations: int = 0
    lag: int = 0
    up: bool = False
    problem: str | None = None
    more: bool = False
    written: float | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to store."""
        return not (self.batches or self.checkpoints or self.gaps or self.unfinished)


def whole_lines(checkpoint: Checkpoint, data: bytes) -> tuple[list[Batch], Checkpoint]:
    """The whole lines at the beginning of `data`, which follows `checkpoint`; and the checkpoint behind them."""
    batches: list[Batch] = []
    start, skipping = 0, checkpoint.skipping
    if skipping:
        start = data.find(b"\n") + 1
        if not start:
            return [], checkpoint.advanced(data, len(data)) if data else checkpoint
        skipping = False
    holes = HOLE in data
    while start < len(data):
        # A writer that does not append leaves a hole of NULs before its next line when the file is cut.
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
    """As much of `data` as lies in front of its last line that begins with a year: what a record says in further lines
    stays with it. All of it where there is no such line."""
    return data[: data.rfind(b"\n2") + 1] or data


def at_end(checkpoint: Checkpoint, source: Source) -> Checkpoint:
    """The checkpoint behind the last whole line of the file."""
    end, step = source.size(), 65536
    while end > 0:
        begin = max(0, end - step)
        newline = source.read(begin, end - begin).rfind(b"\n")
        if newline >= 0:
            end = begin + newline + 1
            break
        end = begin
    return checkpoint.at(source, end)
