"""Finds out what a file has in common with content that was read before from another file.

Content decides, never a name or a time alone: a file that begins with a consumed prefix belongs to that generation.
"""

from dataclasses import replace

from bigdipper_exporter.log.checksums import KEPT_BYTES, LineSums, shared, stretch
from bigdipper_exporter.log.chunks import LINE_LIMIT, Gap
from bigdipper_exporter.log.plan import Ownership, TracedFacts, is_given_up, ownership_of
from bigdipper_exporter.log.segment import CHUNK, TAIL_BYTES, Checkpoint, Source, beginning
from bigdipper_exporter.log.segments import Filling, Look, Segment, State

# Seconds without growth after which a log is read that was emptied, and holds the first line of what was read before.
REFILL_SECONDS = 3.0


def retrace(look: Look, segment: Segment) -> None:
    """Skip lines that were consumed before, when the file was longer, and record their checksums for this generation.

    The file may be a backup that was put in the log's place, complete or still being written. Once a line follows that was not
    consumed before, it is read as a log of its own.
    """
    source, size, mine = segment.source, segment.source.size(), segment.checkpoint
    if not source.whole():
        segment.ownership = _await(look, segment)
        return
    if source.gz and mine.offset and not _has_longer_twin(look.state, segment):
        # It is resumed: going back to its beginning would mean to unpack all of it again.
        segment.ownership = Ownership.OWN
        return
    all_found = shared(source, size, look.state.others(segment), look.sums, segment.shared)
    segment.shared = tuple(replace(one, rows=[]) for one in all_found)
    found = max(all_found, key=lambda one: one.at.offset, default=None)
    end = found.at.offset if found else 0
    segment.ownership = ownership_of(
        TracedFacts(
            mine.offset,
            shared=end,
            is_certain=found is not None and found.is_certain,
            is_followed=end >= mine.offset and _is_followed(source, end, size),
            is_short=found is not None and found.is_short,
            is_filling=found is not None and segment.current and _is_filling(look, segment, found.at, size),
        )
    )
    if found is not None and found.is_certain and end > mine.offset:
        segment.checkpoint = replace(found.at, generation=mine.generation).within(source)
        segment.content_examined = True
        look.read.sums += found.as_of(mine.generation)
    elif mine.offset and next(iter(look.sums(mine.generation)), None) is None:
        # An older version of the exporter, which stored no checksums, has read it.
        look.read.sums += _sums_from(source, 0, mine)


def _has_longer_twin(state: State, segment: Segment) -> bool:
    """Whether more was consumed of another generation that begins alike, as of a log that was replaced and grew."""
    mine = segment.checkpoint
    return any(c.offset > mine.offset and c.head.startswith(mine.head) for c in state.others(segment))


def _await(look: Look, segment: Segment) -> Ownership:
    """Wait for a compressed log that may still be written; report it when it stays incomplete."""
    source, size = segment.source, segment.source.signature().size
    if source.is_waiting:
        return Ownership.HELD
    if segment.filling.size != size:
        segment.filling = Filling(size, look.now)
    if not is_given_up(look.now - segment.filling.since):
        return Ownership.HELD
    if segment.ownership is Ownership.HELD:
        reason = source.flaw or "it holds no whole gzip data"
        gap = Gap(segment.checkpoint.generation, "unreachable", look.now, f"{source.path} cannot be read: {reason}")
        look.read.gaps.append(gap)
    return Ownership.UNKNOWN


def _is_followed(source: Source, end: int, size: int) -> bool:
    """Whether another line, or the beginning of one that is too long, comes behind `end`."""
    rest = source.read(end, min(size - end, LINE_LIMIT))
    return b"\n" in rest or len(rest) == LINE_LIMIT


def _sums_from(source: Source, start: int, consumed: Checkpoint) -> list[LineSums]:
    """Return the checksums of what was consumed of a file from `start` on."""
    start, found = max(start, consumed.offset - KEPT_BYTES), list[LineSums]()
    while not source.gz and start < consumed.offset:
        data = source.read(start, min(CHUNK, consumed.offset - start))
        if not data:
            return []
        data = data[: data.rfind(b"\n") + 1] or data
        found.append(stretch(None, consumed.generation, start, data))
        start = found[-1].end
    return found if source.fits(consumed) else []


def _is_filling(look: Look, segment: Segment, known: Checkpoint, size: int) -> bool:
    """Whether an unread log may still be filled with what the generation of `known` held, which has ended.

    `scp` or `cp` over a log empties it first, and then refills it with what it held.
    """
    ended = {c.generation for c in (*look.state.ended, *(lost.checkpoint for lost in look.state.lost))}
    if segment.checkpoint.offset or known.generation not in ended:
        return False
    # The size decides, not the file's time, which the copy may have kept.
    if segment.filling.size != size:
        segment.filling = Filling(size, look.now)
    return look.now - segment.filling.since < REFILL_SECONDS


def is_begun_by_cut(state: State, segment: Segment) -> bool:
    """Whether a file begins like a generation whose own file was cut: it may be a copy of it."""
    return any(f.source.fits(f.checkpoint) is False for f, _ in _ahead(state, segment))


def pass_over(look: Look, segment: Segment) -> bool:
    """Skip what a file has in common with content read elsewhere: it is a copy, or is becoming one.

    Returns False when a compressed file has to be examined first.
    """
    state, offset, examinations = look.state, segment.checkpoint.offset, look.state.examinations
    before, examinations.are_waiting = examinations.are_waiting, False
    done = [*(lost.checkpoint for lost in state.lost), *state.known, *state.ended]
    fitting = [c for c in done if c.offset > offset and c.head.startswith(segment.checkpoint.head) and segment.source.fits(c)]
    # Two files that differ later are two generations, however long their common beginning.
    fitting += [c for f, c in _ahead(state, segment) if _agree(f.source, segment.source)]
    if examinations.are_waiting:
        return False
    examinations.are_waiting = before
    # Where it no longer holds what this generation has consumed, it is another one's file, and the next read finds that out.
    if fitting and (not offset or segment.source.gz or segment.source.fits(segment.checkpoint)):
        known = max(fitting, key=lambda c: c.offset)
        segment.checkpoint = replace(known, generation=segment.checkpoint.generation).within(segment.source)
        look.read.sums += _sums_from(segment.source, offset, segment.checkpoint)
        segment.sums = None
    return True


def _ahead(state: State, segment: Segment) -> list[tuple[Segment, Checkpoint]]:
    """Segments, with their checkpoints, that begin like this one and are further ahead."""
    mine = segment.checkpoint
    return [
        (f, f.checkpoint)
        for f in state.segments
        if f.checkpoint.offset > mine.offset and f.checkpoint.head.startswith(mine.head) and segment.source.fits(f.checkpoint)
    ]


def _agree(one: Source, other: Source) -> bool:
    """Whether one of two files is the beginning of the other."""
    shorter, longer = sorted((one, other), key=lambda source: source.size())
    return bool(longer.fits(beginning(shorter, 0, 0.0).at(shorter, shorter.size())))


def trim(segment: Segment, consumed: Checkpoint) -> bool:
    """Skip what was consumed if the file is the rest of a log that was trimmed at the front; return whether it is."""
    if segment.checkpoint.offset or len(consumed.tail) < TAIL_BYTES:
        return False
    position = segment.source.find(consumed.tail)
    if position < 0:
        return False
    segment.checkpoint = replace(segment.checkpoint.at(segment.source, position + TAIL_BYTES), skipping=consumed.skipping)
    return True
