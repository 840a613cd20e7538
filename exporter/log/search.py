"""Looks among the rotated files for what is missing: the rest of a lost generation, and generations nobody has seen.

Content decides, never a name or a time alone: what begins with a consumed prefix is that generation.
"""

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal

from exporter.log.follows import TIME_SLACK, Follow, State
from exporter.log.generation import TAIL_BYTES, Checkpoint, Source, open_source, rotated, siblings
from exporter.log.portions import Gap, Read

# For so long a file that cannot be read (to its end) is waited for: it may be being compressed.
GRACE = 10.0


def find_lost(state: State, read: Read, path: Path, now: float) -> None:
    """Finish lost generations from a file that begins with what was consumed of them; where there is none, count a gap."""
    for lost in state.lost[:]:
        source, unsettled = _copy(state, path, lost.checkpoint)
        if source is None and unsettled and now - lost.since <= GRACE:
            continue
        state.lost.remove(lost)
        if source is not None:
            state.add(Follow(source, lost.checkpoint.within(source), still=True, begun=True, moved=now))
            continue
        state.ended.append(replace(lost.checkpoint, ended=True))
        current = state.current()
        if current is None or not _trimmed(current, lost.checkpoint):
            detail = f"{lost.checkpoint.path} from byte {lost.checkpoint.offset} on"
            read.gaps.append(Gap(lost.checkpoint.generation, lost.reason, now, detail))


def _copy(state: State, path: Path, checkpoint: Checkpoint) -> tuple[Source | None, bool]:
    """A file that holds the generation, and whether there may be one that cannot be read yet. The newest ones come first."""
    unsettled = False
    names = rotated(path)[::-1]
    for sibling in (*names, *(other for other in siblings(path) if other not in names)):
        try:
            source = open_source(sibling)
        except OSError:
            unsettled = True
            continue
        fits = source.fits(checkpoint)
        if fits and not state.holding(source.device, source.inode):
            return source, False
        unsettled |= fits is None
        source.close()
    return None, unsettled


def find_unseen(state: State, read: Read, path: Path, now: float) -> int:
    """Take up rotated files that appeared since the last look and that nobody has read; returns how many."""
    since = 0.0 if state.backfill else state.seen - TIME_SLACK
    found, unsettled = 0, []
    for sibling in rotated(path):
        with suppress(OSError):
            stat = os.stat(sibling)
            passed = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns) in state.passed
            if passed or stat.st_mtime < since or state.holding(stat.st_dev, stat.st_ino) or _is_log(path, stat):
                continue
            source = _unseen(state, sibling)
            if source:
                state.add(Follow(source, state.generation(source, now), still=source.gz, moved=now))
                found += 1
            elif source is None:
                unsettled.append(sibling)
    state.searching = state.searching if state.searching is not None else now
    if unsettled and now - state.searching > GRACE:
        unread = [sibling for sibling in unsettled if not _incomplete_copy(state, sibling)]
        read.gaps += [Gap(state.newest, "unreachable", now, f"{sibling} cannot be read") for sibling in unread]
        unsettled = []
    if not unsettled:
        state.searching, state.backfill = None, False
    return found


def _unseen(state: State, path: Path) -> Source | Literal[False] | None:
    """The open file if it holds something that was never read, False if not, None if that cannot be said yet."""
    try:
        source = open_source(path)
    except OSError:
        return None if os.path.lexists(path) else False
    verdict = None if not source.whole() else not _read_elsewhere(state, source)
    if verdict:
        return source
    source.close()
    return verdict


def _read_elsewhere(state: State, source: Source) -> bool:
    """Whether everything that the file holds was read, or will be read from another file."""
    size = source.size()
    if not size:
        return source.gz  # a plain one may have a writer yet
    everything = Checkpoint(0, "", 0, 0, 0, b"", b"", False, False, 0.0).at(source, size)
    return (
        any(follow.source.fits(everything) for follow in state.follows)
        or any(source.fits(lost.checkpoint) or source.begins(lost.checkpoint) for lost in state.lost)
        or any(source.begins(c) or (c.offset >= size and source.fits(c)) for c in state.ended)
    )


def _incomplete_copy(state: State, path: Path) -> bool:
    """Whether an incomplete gzip file begins like a generation that is known, so that nothing new is missed with it."""
    try:
        source = open_source(path)
    except OSError:
        return False
    known = any(source.fits(c) is None for c in state.checkpoints() if c.offset)
    source.close()
    return known


def _is_log(path: Path, stat: os.stat_result) -> bool:
    with suppress(OSError):
        return os.path.samestat(os.stat(path), stat)
    return False


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
    for sibling in siblings(path):
        with suppress(OSError):
            source = open_source(sibling)
            fits = source.fits(follow.checkpoint)
            source.close()
            if fits is not False:
                return False
    return True


def _trimmed(follow: Follow, consumed: Checkpoint) -> bool:
    """Whether the file is the rest of a log trimmed from the front; then it goes on behind what was consumed of that."""
    if follow.checkpoint.offset or len(consumed.tail) < TAIL_BYTES:
        return False
    position = follow.source.find(consumed.tail)
    if position < 0:
        return False
    follow.checkpoint = replace(follow.checkpoint.at(follow.source, position + TAIL_BYTES), skipping=consumed.skipping)
    return True
