"""What reading the log brings: whole lines with their position, gaps, and how the log is doing."""

from dataclasses import dataclass, field, replace

from exporter.log.generation import HEAD_BYTES, TAIL_BYTES, Checkpoint, Source

# truncated: the file was cut or rewritten in place, and no copy holds what was not read yet.
# unreachable: at the start of the exporter, the file it had been reading was nowhere to be found.
GAP_REASONS = ("truncated", "unreachable")

LINE_LIMIT = 1 << 20

@dataclass(frozen=True, slots=True)
class Batch:
    """Whole lines, each ending in a newline; data[0] is at byte `offset` of the generation.

    `truncated`: the first part of one line that is too long (1 MiB), with a newline added.
    """

    generation: int
    offset: int
    data: bytes
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes that may have gone before anyone could read them. `reason` is one of GAP_REASONS, `at` unix seconds."""

    generation: int
    reason: str
    at: float
    detail: str


@dataclass(slots=True)
class Read:
    """What one look at the log brought. `checkpoints` are to be stored in the same transaction as what `batches` hold.

    lag: bytes not read yet. up: the log can be read; if not, `problem` says why. more: read again at once.
    """

    batches: list[Batch] = field(default_factory=list)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    rotations: int = 0
    truncations: int = 0
    lag: int = 0
    up: bool = False
    problem: str | None = None
    more: bool = False


def whole_lines(checkpoint: Checkpoint, data: bytes) -> tuple[list[Batch], bytes]:
    """The whole lines at the beginning of `data`, and the bytes that they (and what is left out before them) take up."""
    generation, start = checkpoint.generation, 0
    batches: list[Batch] = []
    if checkpoint.skipping:
        end = data.find(b"\n")
        if end < 0:
            return [], data
        start = end + 1
    while start < len(data):
        # A writer that does not append leaves a hole of NULs before its next line when the file is cut.
        text = len(data) - len(data[start:].lstrip(b"\0")) if data[start] == 0 else start
        hole = data.find(b"\n\0", text)
        end = hole + 1 if hole >= 0 else data.rfind(b"\n", text) + 1
        if end <= text:
            start = text
            break
        batches.append(Batch(generation, checkpoint.offset + text, data[text:end]))
        start = end
    rest = data[start:]
    if not batches and len(rest) >= LINE_LIMIT:
        batches.append(Batch(generation, checkpoint.offset + start, rest[:LINE_LIMIT] + b"\n", truncated=True))
        start += LINE_LIMIT
    return batches, data[:start]


def at_end(checkpoint: Checkpoint, source: Source) -> Checkpoint:
    """The checkpoint behind the last whole line of the file."""
    size = source.stat().st_size
    step = 65536
    end = size
    while end > 0:
        begin = max(0, end - step)
        newline = source.read(begin, end - begin).rfind(b"\n")
        if newline >= 0:
            end = begin + newline + 1
            break
        end = begin
    head, tail = source.read(0, min(end, HEAD_BYTES)), source.read(max(0, end - TAIL_BYTES), min(end, TAIL_BYTES))
    return replace(checkpoint, offset=end, head=head, tail=tail)
