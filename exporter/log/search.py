"""Looks among the rotated files for what is missing: the rest of a lost generation, and generations nobody has seen.

Content decides, never a name or a time alone: what begins with a consumed prefix is that generation.
"""

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal

from exporter.log.follows import TIME_SLACK, Follow, State
from exporter.log.generation import TAIL_BYTES, Checkpoint, Source, beginning, open_source, rotated, siblings
from exporter.log.portions import Gap, Read

# For so long a file that cannot be read (to its end) is waited for: it may be being compressed.
GRACE = 10.0


def find_lost(state: State, read: Read, path: Path, now: float) -> None:
    """Finish lost generations from a file that begins with what was consumed of them; where there is none, count a gap."""
    for lost in state.lost[:]:
        copy = _copy(state, path, lost.checkpoint)
        if copy == "unsettled" and now - lost.since <= GRACE:
            continue
        state.lost.remove(lost)
        if isinstance(copy, Source):
            # Under its own inode it may have a writer yet.
            still = copy.gz or not copy.holds(lost.checkpoint)
            state.add(Follow(copy, lost.checkpoint.within(copy), still=still, begun=True, moved=now))
            continue
        state.ended.append(replace(lost.checkpoint, ended=True))
        current = state.current()
        if copy != "held" and (current is None or not _trimmed(current, lost.checkpoint)):
            detail = f"{lost.checkpoint.path} from byte {lost.checkpoint.offset} on"
            read.gaps.append(Gap(lost.checkpoint.generation, lost.reason, now, detail))


def _copy(state: State, path: Path, checkpoint: Checkpoint) -> Source | Literal["held", "unsettled", "missing"]:
    """A file that holds the generation; the newest ones come first.

    held: another generation is being read from it, which leaves out what they have in common. unsettled: there may be a file
    that could not be seen yet.
    """
    files, held, unsettled = siblings(path), False, False
    names = rotated(path, files)[::-1]
    for sibling in (*names, *(other for other in files if other not in names)):
        try:
            source = open_source(sibling)
        except OSError:
            unsettled = True
            continue
        fits = source.fits(checkpoint)
        if fits and not state.holding(source.device, source.inode):
            return source
        held |= fits is True
        unsettled |= fits is None
        source.close()
    if held:
        return "held"
    # While files are being renamed, one may slip through.
    return "unsettled" if unsettled or siblings(path) != files else "missing"


def find_unseen(state: State, read: Read, path: Path, now: float) -> int:
    """Take up rotated files that appeared since the last look and that nobody has read; returns how many."""
    since = 0.0 if state.backfill else state.seen - TIME_SLACK
    files, found, unreadable = siblings(path), 0, []
    for sibling in rotated(path, files):
        try:
            stat = os.stat(sibling)
            passed = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns) in state.passed
            if passed or stat.st_mtime < since or state.holding(stat.st_dev, stat.st_ino):
                continue
            source = open_source(sibling)
        except OSError:
            unreadable.append(sibling)
            continue
        if source.whole() and not state.holding(source.device, source.inode) and not _read_elsewhere(state, source):
            state.add(Follow(source, beginning(source, state.number(), now), still=source.gz, moved=now))
            found += 1
            continue
        if not source.whole():
            unreadable.append(sibling)
        source.close()
    unsettled = unreadable or siblings(path) != files
    state.searching = (state.searching or now) if unsettled else None
    if state.searching and now - state.searching > GRACE:
        unread = [sibling for sibling in unreadable if not _incomplete_copy(state, sibling)]
        read.gaps += [Gap(state.newest, "unreachable", now, f"{sibling} cannot be read") for sibling in unread]
        state.searching = None
    state.backfill = state.backfill and state.searching is not None
    return found


def _read_elsewhere(state: State, source: Source) -> bool:
    """Whether everything that the file holds was read, or will be read from another file."""
    size = source.size()
    if not size:
        return source.gz  # a plain one may have a writer yet
    everything = beginning(source, 0, 0.0).at(source, size)
    return (
        any(follow.source.fits(everything) for follow in state.follows)
        or any(source.fits(lost.checkpoint) or source.begins(lost.checkpoint) for lost in state.lost)
        or any(source.begins(c) or (c.offset >= size and source.fits(c)) for c in state.ended)
    )


def _incomplete_copy(state: State, path: Path) -> bool:
    """Whether an incomplete gzip file is gone, or begins like a generation that is known: nothing new is missed with it."""
    try:
        source = open_source(path)
    except OSError:
        return not os.path.lexists(path)
    known = any(source.fits(c) is None for c in state.checkpoints() if c.offset)
    source.close()
    return known


def begin(state: State, follow: Follow, path: Path) -> None:
    """A file is read for the first time: what it has in common with what was read elsewhere is not read again."""
    others = [c for c in state.checkpoints() if c is not follow.checkpoint]
    fitting = [c for c in others if c.offset and follow.source.fits(c)]
    follow.begun = True
    if fitting:
        known = max(fitting, key=lambda c: c.offset)
        follow.checkpoint = replace(known, generation=follow.checkpoint.generation).within(follow.source)
        return
    old = next((f for f in reversed(state.follows) if f is not follow), None)
    if follow.current and old is not None and vanished(old, path):
        _trimmed(follow, old.checkpoint)


def vanished(follow: Follow, path: Path) -> bool:
    """Whether a file that is still open has no name any more, nor is there a copy of it."""
    if follow.source.linked():
        return False
    files = siblings(path)
    for sibling in files:
        with suppress(OSError):
            source = open_source(sibling)
            fits = source.fits(follow.checkpoint)
            source.close()
            if fits is not False:
                return False
    return siblings(path) == files


def _trimmed(follow: Follow, consumed: Checkpoint) -> bool:
    """Whether the file is the rest of a log trimmed from the front; then it goes on behind what was consumed of that."""
    if follow.checkpoint.offset or len(consumed.tail) < TAIL_BYTES:
        return False
    position = follow.source.find(consumed.tail)
    if position < 0:
        return False
    follow.checkpoint = replace(follow.checkpoint.at(follow.source, position + TAIL_BYTES), skipping=consumed.skipping)
    return True
