"""Looks among the rotated files for the rest of a lost generation, and for what the log shares with files that were read.

Content decides, never a name or a time alone: what begins with a consumed prefix is that generation.
"""

import os
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal

from bigdipper_exporter.log.chunks import Gap, Read, at_end
from bigdipper_exporter.log.folder import rotated, siblings
from bigdipper_exporter.log.segment import TAIL_BYTES, Checkpoint, Source, beginning, open_source
from bigdipper_exporter.log.segments import Follow, State

# For so long a file that cannot be read (to its end) is waited for: it may be being compressed.
GRACE = 10.0

# A log that is copied over holds what one of so many generations held.
RECENT_ENDED = 8


def find_lost(state: State, read: Read, path: Path, now: float) -> None:
    """Finish lost generations from files that belong to them; where there is none, count a gap."""
    # Of which most was consumed chooses first: its file may begin like another one's, too, but not the other way round.
    for lost in sorted(state.lost, key=lambda lost: -lost.checkpoint.offset):
        copy = _copy(state, path, lost.checkpoint)
        if copy == "unsettled" and now - lost.since <= GRACE:
            continue
        state.lost.remove(lost)
        if isinstance(copy, Source):
            if holder := state.holding(copy.device, copy.inode):
                state.hand_over(holder, lost.checkpoint)
                copy.close()
                continue
            # Under its own inode it may have a writer yet.
            still = copy.gz or not copy.holds(lost.checkpoint)
            state.add(Follow(copy, lost.checkpoint.within(copy), still=still, begun=True, moved=now))
            continue
        state.ended.append(replace(lost.checkpoint, ended=True))
        current = state.current()
        if copy == "continued" or (current is not None and _trimmed(current, lost.checkpoint)):
            continue
        if copy == "unsettled" or not lost.is_complete:
            detail = f"{lost.checkpoint.path} from byte {lost.checkpoint.offset} on"
            read.gaps.append(Gap(lost.checkpoint.generation, lost.reason, now, detail))
        _know_copy_of_beginning(state, path, lost.checkpoint)


def _copy(state: State, path: Path, checkpoint: Checkpoint) -> Source | Literal["continued", "unsettled", "missing"]:
    """The file that belongs to the generation; the newest ones come first.

    A file belongs to the generation of which most was consumed, of those that it begins like: for generations may begin alike.
    continued: a newer generation began with all that was consumed of this one, and went on. unsettled: there may be a file
    that could not be seen yet.
    """
    more = [c for c in state.checkpoints() if c.offset > checkpoint.offset]
    files, unsettled = siblings(path, state.copies), False
    continued = any(_continues(f.checkpoint, f.source, checkpoint) for f in state.follows)
    names = rotated(path, files)[::-1]
    for sibling in (*names, *(other for other in files if other not in names)):
        try:
            source = open_source(sibling)
        except OSError:
            unsettled = True
            continue
        fits = source.fits(checkpoint)
        owners = [c for c in more if source.fits(c)] if fits else []
        if fits and not owners:
            return source
        continued |= any(_continues(c, source, checkpoint) for c in owners)
        unsettled |= fits is None
        source.close()
    if continued:
        return "continued"
    return "unsettled" if unsettled or moving(state, path, files) else "missing"


def _continues(newer: Checkpoint, source: Source, checkpoint: Checkpoint) -> bool:
    """Whether `newer`, which is read from `source`, began with what was consumed of `checkpoint`."""
    return newer.generation > checkpoint.generation and newer.offset >= checkpoint.offset and bool(source.fits(checkpoint))


def moving(state: State, path: Path, files: dict[Path, int]) -> bool:
    """Whether files were renamed since `files` were listed: one may have slipped through, also to the name of the log."""
    current = state.current()
    with suppress(OSError):
        return siblings(path, state.copies) != files or (current is not None and not current.source.is_(os.stat(path)))
    return True


def _know_copy_of_beginning(state: State, path: Path, checkpoint: Checkpoint) -> None:
    """A copy made before the end of what was consumed of a lost generation brings nothing, and is no generation of its own."""
    for sibling in rotated(path, siblings(path, state.copies))[::-1]:
        with suppress(OSError), closing(open_source(sibling)) as source:
            known = any(c.offset == source.size() and source.fits(c) for c in state.checkpoints())
            if source.begins(checkpoint) and not known and not state.holding(source.device, source.inode):
                everything = beginning(source, state.number(), checkpoint.updated).at(source, source.size())
                state.ended.append(replace(everything, ended=True))
                return


def cut(state: State, follow: Follow) -> bool:
    """Whether a file begins like a generation whose own file does not any more: it may be the copy of that."""
    return any(f.source.fits(f.checkpoint) is False for f, _ in _ahead(state, follow))


def pass_over(state: State, follow: Follow) -> None:
    """What a file has in common with what was read elsewhere is not read again: it is a copy, or being made one."""
    offset = follow.checkpoint.offset
    done = [*(lost.checkpoint for lost in state.lost), *state.known, *state.ended]
    fitting = [c for c in done if c.offset > offset and c.head.startswith(follow.checkpoint.head) and follow.source.fits(c)]
    # Two files that go on differently are two generations, however long they are the same.
    fitting += [c for f, c in _ahead(state, follow) if _agree(f.source, follow.source)]
    fitting += [c for other in state.known if (c := _copied(other, follow.source)) and c.offset > offset]
    if fitting:
        known = max(fitting, key=lambda c: c.offset)
        follow.checkpoint = replace(known, generation=follow.checkpoint.generation).within(follow.source)


def _copied(other: Checkpoint, source: Source) -> Checkpoint | None:
    """The end of the last whole line of a file that is itself the beginning of what was read of another log."""
    if not source.begins(other):
        return None
    with suppress(OSError), closing(open_source(Path(other.path))) as original:
        if original.fits(other) and _agree(original, source):
            return at_end(beginning(source, 0, other.updated), source)
    return None


def is_refill(state: State, follow: Follow) -> bool:
    """Whether nothing was read from a file that holds, so far, just the beginning of what was read of a generation that ended.

    Copied over (`scp`, `cp`), the log is emptied, and filled again with what it held.
    """
    if follow.checkpoint.offset:
        return False
    return any(follow.source.begins(c) for c in [*state.ended[-RECENT_ENDED:], *(lost.checkpoint for lost in state.lost)])


def _ahead(state: State, follow: Follow) -> list[tuple[Follow, Checkpoint]]:
    """Of what is read from other files: what this one begins with, and is not as far."""
    mine = follow.checkpoint
    return [
        (f, f.checkpoint)
        for f in state.follows
        if f.checkpoint.offset > mine.offset and f.checkpoint.head.startswith(mine.head) and follow.source.fits(f.checkpoint)
    ]


def _agree(one: Source, other: Source) -> bool:
    """Whether one of two files is the beginning of the other."""
    size = min(one.size(), other.size())
    return bool(one.fits(beginning(other, 0, 0.0).at(other, size)))


def begin(state: State, follow: Follow, path: Path) -> None:
    """The log is read for the first time: it may be the rest of the one before."""
    follow.begun = True
    old = next((f for f in reversed(state.follows) if f is not follow), None)
    if follow.current and old is not None and vanished(state, old, path):
        _trimmed(follow, old.checkpoint)


def vanished(state: State, follow: Follow, path: Path) -> bool:
    """Whether a file that is still open has no name any more, nor is there a copy of it."""
    if follow.source.linked() or any(f is not follow and f.source.fits(follow.checkpoint) for f in state.follows):
        return False
    files = siblings(path, state.copies)
    for sibling in files:
        with suppress(OSError), closing(open_source(sibling)) as source:
            if source.fits(follow.checkpoint) is not False:
                return False
    return not moving(state, path, files)


def _trimmed(follow: Follow, consumed: Checkpoint) -> bool:
    """Whether the file is the rest of a log trimmed from the front; then it goes on behind what was consumed of that."""
    if follow.checkpoint.offset or len(consumed.tail) < TAIL_BYTES:
        return False
    position = follow.source.find(consumed.tail)
    if position < 0:
        return False
    follow.checkpoint = replace(follow.checkpoint.at(follow.source, position + TAIL_BYTES), skipping=consumed.skipping)
    return True
