"""Searches the rotated files for the rest of a lost generation, and for content that the log shares with files already read.

Content decides, never a name or a time alone: a file that begins with a consumed prefix belongs to that generation.
"""

import os
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal

from bigdipper_exporter.log.checksums import KEPT_BYTES, Archived, LineSums, shared, stretch
from bigdipper_exporter.log.chunks import LINE_LIMIT, Gap, Read
from bigdipper_exporter.log.folder import rotated, siblings
from bigdipper_exporter.log.segment import CHUNK, TAIL_BYTES, Checkpoint, Source, beginning
from bigdipper_exporter.log.segments import Phase, Segment, State

# Seconds to wait for a file that cannot be read to its end: it may be in the middle of compression.
GRACE = 10.0

# Seconds without growth after which a log is read that was emptied, and holds the first line of what was read before.
REFILL_SECONDS = 3.0


def find_lost(state: State, read: Read, path: Path, now: float) -> None:
    """Find the file of each lost generation and read it to its end; report a gap where there is none."""
    # The generation of which most was consumed chooses first: its file may begin like another's, but not the reverse.
    for lost in sorted(state.lost, key=lambda lost: -lost.checkpoint.offset):
        copy = _copy(state, path, lost.checkpoint)
        if copy == "unsettled" and now - lost.since <= GRACE:
            continue
        state.lost.remove(lost)
        if copy == "waiting":
            state.lost.append(replace(lost, since=now))
            continue
        if isinstance(copy, Source):
            if holder := state.holding(copy.device, copy.inode):
                state.hand_over(holder, lost.checkpoint)
                copy.close()
                continue
            # With the same inode it may still have a writer.
            phase = Phase.COMPLETE if copy.gz or not copy.holds(lost.checkpoint) else Phase.DRAINING
            state.add(Segment(copy, lost.checkpoint.within(copy), phase, begun=True, moved=now))
            continue
        state.ended.append(replace(lost.checkpoint, ended=True))
        current = state.current()
        if copy == "continued" or (current is not None and _trimmed(current, lost.checkpoint)):
            continue
        if copy == "unsettled" or not lost.is_complete:
            detail = f"{lost.checkpoint.path} from byte {lost.checkpoint.offset} on"
            read.gaps.append(Gap(lost.checkpoint.generation, lost.reason, now, detail))


def _copy(state: State, path: Path, checkpoint: Checkpoint) -> Source | Literal["waiting", "continued", "unsettled", "missing"]:
    """Return the file that belongs to the generation; newest files are tried first.

    Generations may begin alike: a file belongs to the one of which most was consumed. continued: a newer generation began with
    everything that was consumed of this one. waiting: a compressed file is still being examined. unsettled: there may be a file
    that cannot be read yet.
    """
    more = [c for c in state.checkpoints() if c.offset > checkpoint.offset]
    files, unsettled, waiting = siblings(path, state.copies), False, False
    continued = any(_continues(f.checkpoint, f.source, checkpoint) for f in state.segments)
    names = rotated(path, files)[::-1]
    for sibling in (*names, *(other for other in files if other not in names)):
        try:
            source = state.open(sibling)
        except OSError:
            unsettled = True
            continue
        fits = source.fits(checkpoint)
        owners = [c for c in more if source.fits(c)] if fits else []
        if fits and not owners:
            return source
        continued |= any(_continues(c, source, checkpoint) for c in owners)
        unsettled |= fits is None
        waiting |= fits is None and source.is_waiting
        source.close()
    if waiting:
        return "waiting"
    if continued:
        return "continued"
    return "unsettled" if unsettled or moving(state, path, files) else "missing"


def _continues(newer: Checkpoint, source: Source, checkpoint: Checkpoint) -> bool:
    """Whether `newer`, which is read from `source`, began with what was consumed of `checkpoint`."""
    return newer.generation > checkpoint.generation and newer.offset >= checkpoint.offset and bool(source.fits(checkpoint))


def moving(state: State, path: Path, files: dict[Path, int]) -> bool:
    """Whether files were renamed since `files` were listed, so that one may have been missed."""
    current = state.current()
    with suppress(OSError):
        return siblings(path, state.copies) != files or (current is not None and not current.source.is_(os.stat(path)))
    return True


def cut(state: State, segment: Segment) -> bool:
    """Whether a file begins like a generation whose own file was cut: it may be a copy of it."""
    return any(f.source.fits(f.checkpoint) is False for f, _ in _ahead(state, segment))


def pass_over(state: State, segment: Segment) -> bool:
    """Skip what a file has in common with content read elsewhere: it is a copy, or is becoming one.

    Returns False when a compressed file has to be examined first.
    """
    offset, examinations = segment.checkpoint.offset, state.examinations
    before, examinations.are_waiting = examinations.are_waiting, False
    done = [*(lost.checkpoint for lost in state.lost), *state.known, *state.ended]
    fitting = [c for c in done if c.offset > offset and c.head.startswith(segment.checkpoint.head) and segment.source.fits(c)]
    # Two files that differ later are two generations, however long their common beginning.
    fitting += [c for f, c in _ahead(state, segment) if _agree(f.source, segment.source)]
    if examinations.are_waiting:
        return False
    examinations.are_waiting = before
    if fitting:
        known = max(fitting, key=lambda c: c.offset)
        segment.checkpoint = replace(known, generation=segment.checkpoint.generation).within(segment.source)
    return True


def retrace(state: State, segment: Segment, archived: Archived, now: float) -> list[LineSums]:
    """Skip the lines that were consumed before from a newer version of the file; return their checksums for this generation.

    It may be a backup that was put in the log's place, all of it or so far. Once another line follows, it is a log of its own.
    """
    source, size, mine = segment.source, segment.source.size(), segment.checkpoint
    found = shared(source, size, state.others(segment), archived)
    end = found.at.offset if found else 0
    rest = source.read(end, min(size - end, LINE_LIMIT))
    segment.is_own = end < mine.offset or b"\n" in rest or len(rest) == LINE_LIMIT
    if found and not found.is_certain and not segment.is_own:
        segment.is_held = segment.current and _is_filling(state, segment, found.at, size, now)
        segment.is_own = not segment.is_held
    if found is None or not found.is_certain or end <= mine.offset:
        return [] if any(archived(mine.generation)) else _of_older_version(source, mine)
    segment.checkpoint = replace(found.at, generation=mine.generation).within(source)
    segment.begun, segment.is_held = True, False
    return found.as_of(mine.generation)


def _of_older_version(source: Source, consumed: Checkpoint) -> list[LineSums]:
    """Return the checksums of what an older version of the exporter, which stored none, has consumed."""
    start, found = max(0, consumed.offset - KEPT_BYTES), list[LineSums]()
    while not source.gz and start < consumed.offset:
        data = source.read(start, min(CHUNK, consumed.offset - start))
        if not data:
            return []
        data = data[: data.rfind(b"\n") + 1] or data
        found.append(stretch(None, consumed.generation, start, data))
        start = found[-1].end
    return found if source.fits(consumed) else []


def _is_filling(state: State, segment: Segment, known: Checkpoint, size: int, now: float) -> bool:
    """Whether an unread log may still be filled with what the generation of `known` held, which has ended.

    `scp` or `cp` over a log empties it first, and then refills it with what it held.
    """
    ended = {c.generation for c in (*state.ended, *(lost.checkpoint for lost in state.lost))}
    if segment.checkpoint.offset or known.generation not in ended:
        return False
    # The size decides, not the file's time, which the copy may have kept.
    if segment.held[0] != size:
        segment.held = size, now
    return now - segment.held[1] < REFILL_SECONDS


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


def begin(state: State, segment: Segment, path: Path) -> None:
    """Before the first read of the log: continue where it was trimmed, if it is the rest of the previous one."""
    segment.begun = True
    old = next((f for f in reversed(state.segments) if f is not segment), None)
    if segment.current and old is not None and vanished(state, old, path):
        _trimmed(segment, old.checkpoint)


def vanished(state: State, segment: Segment, path: Path) -> bool:
    """Whether a file that is still open was deleted, and no copy of it exists."""
    if segment.source.linked() or any(f is not segment and f.source.fits(segment.checkpoint) for f in state.segments):
        return False
    files = siblings(path, state.copies)
    for sibling in files:
        with suppress(OSError), closing(state.open(sibling)) as source:
            if source.fits(segment.checkpoint) is not False:
                return False
    return not moving(state, path, files)


def _trimmed(segment: Segment, consumed: Checkpoint) -> bool:
    """Whether the file is the rest of a log that was trimmed at the front; if so, skip what was consumed."""
    if segment.checkpoint.offset or len(consumed.tail) < TAIL_BYTES:
        return False
    position = segment.source.find(consumed.tail)
    if position < 0:
        return False
    segment.checkpoint = replace(segment.checkpoint.at(segment.source, position + TAIL_BYTES), skipping=consumed.skipping)
    return True
