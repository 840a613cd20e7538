"""Searches the rotated files for the rest of a generation whose file no longer holds it, and reads on there."""

import os
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from bigdipper_exporter.log import plan
from bigdipper_exporter.log.chunks import Gap
from bigdipper_exporter.log.common import trim
from bigdipper_exporter.log.folder import NOT_READ, rotated, siblings, unread
from bigdipper_exporter.log.plan import Copy, LostAction, Phase
from bigdipper_exporter.log.segment import Checkpoint, Source
from bigdipper_exporter.log.segments import Look, Lost, Segment, State


def find_lost(look: Look) -> None:
    """Find the file of each lost generation and read it to its end; report a gap where there is none."""
    # The generation of which most was consumed chooses first: its file may begin like another's, but not the reverse.
    for lost in sorted(look.state.lost, key=lambda lost: -lost.checkpoint.offset):
        copy = _copy(look.state, look.path, lost.checkpoint)
        action = plan.lost_action(copy.kind, look.now - lost.since, lost.is_complete)
        if action is not LostAction.WAIT:
            look.state.lost.remove(lost)
            _act(look, lost, copy, action)


def _act(look: Look, lost: Lost, copy: "_Copy", action: LostAction) -> None:
    """Carry out what was decided about a lost generation."""
    state, checkpoint, current = look.state, lost.checkpoint, look.state.current()
    if action is LostAction.EXAMINE:
        state.lost.append(replace(lost, since=look.now))
    elif action is LostAction.HAND_OVER and copy.holder:
        state.hand_over(copy.holder, checkpoint)
    elif action is LostAction.RESUME and copy.source:
        # With the same inode it may still have a writer.
        phase = Phase.COMPLETE if copy.source.gz or not copy.source.holds(checkpoint) else Phase.DRAINING
        state.add(Segment(copy.source, checkpoint.within(copy.source), phase, content_examined=True, moved=look.now))
        if str(copy.source.path) != checkpoint.path:
            look.report_flaw(copy.source)
    else:
        state.ended.append(replace(checkpoint, ended=True))
        is_trimmed = copy.kind is not Copy.CONTINUED and current is not None and trim(current, checkpoint)
        if action is LostAction.END_WITH_GAP and not is_trimmed:
            other = "".join(f"; {file} {NOT_READ}" for file in unread(look.path)[-1:])
            detail = f"{checkpoint.path} from byte {checkpoint.offset} on{other}"
            look.read.gaps.append(Gap(checkpoint.generation, lost.reason, look.now, detail))


@dataclass(frozen=True, slots=True)
class _Copy:
    """What was found. source: an open file that no segment reads. holder: the segment that reads it."""

    kind: Copy
    source: Source | None = None
    holder: Segment | None = None


def _copy(state: State, path: Path, checkpoint: Checkpoint) -> _Copy:
    """Return the file that belongs to the generation; newest files are tried first.

    Generations may begin alike: a file belongs to the one of which most was consumed.
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
        holder = state.holding(source.device, source.inode)
        if fits and not owners and not holder:
            return _Copy(Copy.FOUND, source)
        continued |= any(_continues(c, source, checkpoint) for c in owners)
        unsettled |= fits is None
        waiting |= fits is None and source.is_waiting
        source.close()
        if fits and not owners:
            return _Copy(Copy.HELD, holder=holder)
    if waiting:
        return _Copy(Copy.WAITING)
    if continued:
        return _Copy(Copy.CONTINUED)
    return _Copy(Copy.UNSETTLED if unsettled or is_moving(state, path, files) else Copy.MISSING)


def _continues(newer: Checkpoint, source: Source, checkpoint: Checkpoint) -> bool:
    """Whether `newer`, which is read from `source`, began with what was consumed of `checkpoint`."""
    return newer.generation > checkpoint.generation and newer.offset >= checkpoint.offset and bool(source.fits(checkpoint))


def is_moving(state: State, path: Path, files: dict[Path, int]) -> bool:
    """Whether files were renamed since `files` were listed, so that one may have been missed."""
    current = state.current()
    with suppress(OSError):
        return siblings(path, state.copies) != files or (current is not None and not current.source.is_(os.stat(path)))
    return True


def has_vanished(state: State, segment: Segment, path: Path) -> bool:
    """Whether a file that is still open was deleted, and no copy of it exists."""
    if segment.source.linked() or any(f is not segment and f.source.fits(segment.checkpoint) for f in state.segments):
        return False
    files = siblings(path, state.copies)
    for sibling in files:
        with suppress(OSError), closing(state.open(sibling)) as source:
            if source.fits(segment.checkpoint) is not False:
                return False
    return not is_moving(state, path, files)
