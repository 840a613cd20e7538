"""Finds out which file has the log's name now, and where the files are that had it before."""

import errno
import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from bigdipper_exporter.log import forms, plan
from bigdipper_exporter.log.chunks import Gap, at_end
from bigdipper_exporter.log.folder import folders, is_elsewhere, siblings
from bigdipper_exporter.log.packed import legible
from bigdipper_exporter.log.plan import KnownAction, KnownFacts, NameAction, NameFacts, Phase
from bigdipper_exporter.log.rotation import search_folder
from bigdipper_exporter.log.search import has_vanished
from bigdipper_exporter.log.segment import HEAD_BYTES, Checkpoint, Source, beginning
from bigdipper_exporter.log.segments import Look, Lost, Segment, State

REPLACED = (
    "was replaced on the host, and this container still sees the old file: the bot's new lines are not in it. Mount the folder"
    " of the log, not the file alone, or restart the container after each rotation"
)


def is_replaced(stat: os.stat_result) -> bool:
    """Whether a file that still has a name has none on its disk: one that is mounted alone and was replaced there."""
    return stat.st_nlink == 0


def follow_name(look: Look) -> None:
    """Look at the log's name, and follow the file that has it now."""
    try:
        _act(look, plan.name_action(_name(look)))
        look.read.up = True
        if held := forms.unreadable_kind(_beginning(look.state.current())):
            look.read.problem = f"{look.path} is not read: it holds {held}. {forms.ADVICE}"
    except OSError as error:
        look.read.problem = problem(look.path, error)
        if plan.name_action(NameFacts(error.errno or errno.EIO)) is NameAction.RELEASE:
            look.state.rename(None, look.now)
            _take_up(look, None)


def _beginning(segment: Segment | None) -> bytes:
    if segment is None or segment.source.gz:
        return b""
    return segment.checkpoint.head or segment.source.read(0, HEAD_BYTES)


def _name(look: Look) -> NameFacts:
    """Return the facts. Raises OSError when nothing can be seen of the log."""
    state, stat = look.state, os.stat(look.path)
    if is_replaced(stat):
        look.read.problem = f"{look.path} {REPLACED}"
    current = state.current()
    if current is None or not current.source.is_(stat):
        holder = state.holding(stat.st_dev, stat.st_ino)
        return NameFacts(holder=holder.phase if holder else None)
    is_changed = state.folders is None or state.folders != folders(look.path, state.copies)
    return NameFacts(holder=Phase.FOLLOWING, is_changed=is_changed, is_waiting=bool(state.waiting))


def _act(look: Look, action: NameAction) -> None:
    """Carry out what was decided about the name. Raises OSError when the log cannot be opened."""
    if action is NameAction.SEARCH:
        search_folder(look)
    elif action in (NameAction.TAKE_BACK, NameAction.TAKE_UP):
        source = legible(look.path, look.state.examinations)
        # Since the name was looked at, it may have been given to another file.
        if holder := look.state.holding(source.device, source.inode):
            source.close()
            look.state.rename(holder, look.now)
            _take_up(look, holder.source)
            search_folder(look)
        else:
            _follow(look, source)


def _follow(look: Look, source: Source) -> None:
    """Follow another file that has the log's name: first the rest of the old one is read, then rotations in between."""
    state, read = look.state, look.read
    old = state.current()
    state.rename(None, look.now)
    is_cut = any(source.holds(c) for c in state.known)
    # A generation that was not found a moment ago may be the one with the name now.
    state.known += [lost.checkpoint for lost in state.lost]
    state.lost.clear()
    is_first = not (state.known or state.segments)
    checkpoint = _take_up(look, source)
    first = checkpoint or beginning(source, 0, look.now)
    segment = Segment(source, first, Phase.FOLLOWING, content_examined=checkpoint is not None)
    if state.from_end:
        segment.checkpoint, state.from_end = at_end(segment.checkpoint, source), False
    state.add(segment)
    found = search_folder(look)
    if found and old and has_vanished(state, old, look.path):
        detail = f"rotated files after {old.checkpoint.path} may have been deleted"
        read.gaps.append(Gap(old.checkpoint.generation, "unreachable", look.now, detail))
    if checkpoint is None:
        read.truncations += is_cut
        read.rotations += not is_cut and not is_first
        segment.checkpoint = replace(segment.checkpoint, generation=state.number())


def _take_up(look: Look, current: Source | None) -> Checkpoint | None:
    """After a start, find the file of each generation that was being read when the exporter stopped.

    Returns the checkpoint of the one that continues in `current`. While no file has the log's name, a generation that is not
    found may still turn up.
    """
    state, continued = look.state, None
    for checkpoint in sorted(state.known, key=lambda c: (-c.offset, -c.generation)):
        place = _place(state, look.path, checkpoint, current)
        if place is None and current and checkpoint.offset and current.fits(checkpoint):
            place = current
        known = KnownFacts(
            place=None if place is None else "log" if place is current else "beside",
            is_log=current is not None,
            is_taken=continued is not None,
            is_consumed=checkpoint.offset > 0,
            is_elsewhere=place in (None, current) and is_elsewhere(checkpoint, look.path, state.copies),
            is_same_file=current is not None and current.holds(checkpoint),
        )
        action = plan.known_action(known)
        if action is not KnownAction.WAIT:
            state.known.remove(checkpoint)
        if action is KnownAction.DRAIN and place:
            state.add(Segment(place, checkpoint.within(place), content_examined=checkpoint.offset > 0, moved=look.now))
        elif action is KnownAction.CONTINUE and place:
            continued = checkpoint.within(place)
        elif action in (KnownAction.LOSE, KnownAction.LOSE_CUT):
            state.lost.append(Lost(checkpoint, look.now, "truncated" if action is KnownAction.LOSE_CUT else "unreachable"))
        elif action is KnownAction.END:
            state.ended.append(replace(checkpoint, ended=True))
    return continued


def _place(state: State, path: Path, checkpoint: Checkpoint, current: Source | None) -> Source | None:
    """Return the file with the generation's inode, if it still begins with what was consumed."""
    if current and current.holds(checkpoint):
        return current if current.fits(checkpoint) else None
    # Where nothing was consumed, only the inode identifies the file; content of another generation rules it out.
    others = () if checkpoint.offset else state.checkpoints()
    for sibling, inode in siblings(path, state.copies).items():
        with suppress(OSError):
            if inode != checkpoint.inode:
                continue
            source = state.open(sibling)
            same = source.holds(checkpoint) and not state.holding(source.device, source.inode)
            if same and source.fits(checkpoint) and not any(c.offset and source.fits(c) for c in others):
                return source
            source.close()
    return None


def problem(path: Path, error: OSError) -> str:
    """Return why the log cannot be read."""
    if error.errno == errno.ENOENT:
        missing = path.parent if not path.parent.exists() else path
        return f"{missing} does not exist (yet)"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"{path} may not be read by user id {os.geteuid()}"
    return f"{path} {error.strerror or error}" if error.errno == errno.EINVAL else f"{path}: {error.strerror or error}"
