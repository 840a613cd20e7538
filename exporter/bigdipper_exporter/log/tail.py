"""Follows one log file through anything: rename, copytruncate, compression, replacement, restarts of the exporter.

No parsing and no SQL: it hands out whole lines with their position, and takes back whether they were stored. What it hands
out and the checkpoints that go with it belong into one transaction; after `rollback` it hands out the same again.
"""

import errno
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal

from bigdipper_exporter.log import search, unseen
from bigdipper_exporter.log.chunks import (
    GAP_REASONS,
    LINE_LIMIT,
    Batch,
    Gap,
    Read,
    Unfinished,
    at_end,
    before_record,
    whole_lines,
)
from bigdipper_exporter.log.folder import folders, is_elsewhere, siblings
from bigdipper_exporter.log.segment import TICK, Checkpoint, Source, beginning, legible, open_source
from bigdipper_exporter.log.segments import TIME_SLACK, Follow, Lost, State

__all__ = ["GAP_REASONS", "Batch", "Checkpoint", "Gap", "Read", "Tail"]

# Writers keep the file open that they began with, however often it is renamed: so many old files are kept open.
MAX_DRAINING = 16

# What was read to its end so recently, and is cut then, was rotated: nothing is missing, also where there is no copy of it.
WINDOW_SECONDS = 1.0

# A log that is emptied and filled with what was read before is waited for as long as it grows, and so long.
REFILL_SECONDS = 3.0

# Of an unfinished line, so much is shown.
UNFINISHED_BYTES = 1024


class Tail:
    """Follows the log at `path`.

    checkpoints: those stored last time, of all generations. start: where to begin in a log that is there at the very first
    start. rotated: at the very first start, read the rotated files as well. limit: bytes per read, but for a longer line.
    quiet: seconds without growth after which a renamed file is given up, if a newer one has grown. clock: unix seconds.
    first: when the log was followed for the first time; unix seconds, None if that is not known.
    copies: a pattern of files that may be copies of the log, beside those that are named like it.
    """

    def __init__(
        self,
        path: Path,
        checkpoints: Sequence[Checkpoint] = (),
        *,
        start: Literal["start", "end"] = "start",
        rotated: bool = False,
        limit: int = 512 * 1024,
        quiet: float = 30.0,
        clock: Callable[[], float] = time.time,
        first: float | None = None,
        copies: str = "",
    ) -> None:
        self.path = path
        self._limit = limit
        self._quiet = quiet
        self._clock = clock
        self._state = self._next = State(
            known=[c for c in checkpoints if not c.ended],
            ended=[c for c in checkpoints if c.ended],
            newest=max((c.generation for c in checkpoints), default=0),
            # What was rotated before the very first start is none of ours.
            seen=max((c.updated for c in checkpoints), default=clock() + TIME_SLACK - TICK),
            copies=copies,
            first=first if first is not None else float("inf") if checkpoints else clock(),
            from_end=start == "end" and not checkpoints and path.exists(),
            backfill=rotated and not checkpoints,
        )

    # -- the public face

    def read(self) -> Read:
        """The next lines, if there are any. Never blocks, and never raises for what the file system does."""
        if self._next is not self._state:
            self.rollback()
        now = self._clock()
        state = self._next = self._state.copy()
        before = {c.generation: c for c in state.living()}
        read = Read()
        self._look(state, read, now)
        if state.lost:
            search.find_lost(state, read, self.path, now)
        self._consume(state, read, now)
        changed = [c for c in state.living() if before.get(c.generation) != c] + state.ended[len(self._state.ended) :]
        if read.up and not read.more and not state.waiting:
            state.see(now)
        read.checkpoints = [replace(c, updated=state.seen) for c in changed]
        if read.is_empty:
            self.commit()
        return read

    def commit(self) -> None:
        """What the last `read` brought is durable."""
        self._settle(self._next)

    def rollback(self) -> None:
        """What the last `read` brought is lost: the next one brings it again."""
        self._settle(self._state)

    @property
    def unsettled(self) -> bool:
        """Whether rotated files are waited for, such as one that is just being compressed: ten seconds, then it is a gap."""
        return bool(self._state.waiting or self._state.lost)

    def unfinished(self) -> Unfinished | None:
        """The line at the end of the log that has no newline yet."""
        current = self._state.current()
        if current is None or current.checkpoint.skipping:
            return None
        at = current.checkpoint
        text = current.source.read(at.offset, UNFINISHED_BYTES).strip(b"\0")
        return Unfinished(at.generation, at.offset, at.path, text) if text.strip() else None

    def close(self) -> None:
        """Close every file."""
        self._settle(State())

    def _settle(self, state: State) -> None:
        """`state` it is; files that only the other one reads are closed."""
        kept = {id(follow.source) for follow in state.follows}
        for source in (*(f.source for f in (*self._state.follows, *self._next.follows)), *self._next.dropped):
            if id(source) not in kept:
                source.close()
        self._state = self._next = state
        state.dropped.clear()

    # -- which files are there

    def _look(self, state: State, read: Read, now: float) -> None:
        """Find out which file bears the name now, and what became of the one that did."""
        try:
            stat = os.stat(self.path)
            current = state.current()
            if current is None or not current.source.is_(stat):
                self._changed(state, read, legible(self.path), now)
            elif state.waiting or state.folders is None or state.folders != folders(self.path, state.copies):
                self._search(state, read, now)
            read.up = True
        except OSError as error:
            read.problem = _problem(self.path, error)
            if error.errno == errno.ENOENT:
                state.rename(None, now)
                self._take_up(state, None, now)

    def _changed(self, state: State, read: Read, source: Source, now: float) -> None:
        """Another file bears the name: the old one drains, rotations in between are read, then the new one."""
        again = state.holding(source.device, source.inode)
        if again:
            source.close()
            state.rename(again, now)
            self._take_up(state, again.source, now)
            self._search(state, read, now)
            return
        old = state.current()
        state.rename(None, now)
        cut = any(source.holds(c) for c in state.known)
        # What was not found a moment ago may bear the name now.
        state.known += [lost.checkpoint for lost in state.lost]
        state.lost.clear()
        first = not (state.known or state.follows)
        checkpoint = self._take_up(state, source, now)
        follow = Follow(source, checkpoint or beginning(source, 0, now), current=True, begun=checkpoint is not None)
        if state.from_end:
            follow.checkpoint, state.from_end = at_end(follow.checkpoint, source), False
        state.add(follow)
        found = self._search(state, read, now)
        if found and old and search.vanished(state, old, self.path):
            detail = f"rotated files after {old.checkpoint.path} may have been deleted"
            read.gaps.append(Gap(old.checkpoint.generation, "unreachable", now, detail))
        if checkpoint is None:
            read.truncations += cut
            read.rotations += not cut and not first
            follow.checkpoint = replace(follow.checkpoint, generation=state.number())

    def _take_up(self, state: State, current: Source | None, now: float) -> Checkpoint | None:
        """After a start: find the file of each generation that was being read when the exporter ended.

        Returns the one that goes on in `current`. While no file bears the name, what is not found may yet turn up.
        """
        continued = None
        for checkpoint in sorted(state.known, key=lambda c: (-c.offset, -c.generation)):
            place = self._place(state, checkpoint, current)
            if place is None and current and checkpoint.offset and current.fits(checkpoint):
                place = current
            is_taken = place is None or (place is current and continued is not None)
            if (place is None and current is None) or (is_taken and is_elsewhere(checkpoint, self.path, state.copies)):
                continue
            state.known.remove(checkpoint)
            if place and place is not current:
                state.add(Follow(place, checkpoint.within(place), begun=checkpoint.offset > 0, moved=now))
            elif place and continued is None:
                continued = checkpoint.within(place)
            elif checkpoint.offset:
                reason = "truncated" if current and current.holds(checkpoint) else "unreachable"
                state.lost.append(Lost(checkpoint, now, reason))
            else:
                state.ended.append(replace(checkpoint, ended=True))
        return continued

    def _place(self, state: State, checkpoint: Checkpoint, current: Source | None) -> Source | None:
        """The file with the inode that the generation had, if it still begins with what was consumed."""
        if current and current.holds(checkpoint):
            return current if current.fits(checkpoint) else None
        # Where nothing was consumed, only the inode speaks for the file; content that is known speaks against it.
        others = () if checkpoint.offset else state.checkpoints()
        for sibling, inode in siblings(self.path, state.copies).items():
            with suppress(OSError):
                if inode != checkpoint.inode:
                    continue
                source = open_source(sibling)
                same = source.holds(checkpoint) and not state.holding(source.device, source.inode)
                if same and source.fits(checkpoint) and not any(c.offset and source.fits(c) for c in others):
                    return source
                source.close()
        return None

    # -- the bytes

    def _consume(self, state: State, read: Read, now: float) -> None:
        """Read from the oldest generation that has something, and go to the next one only when it has nothing more."""
        for follow in state.follows[:]:
            if follow.current and state.crowded:
                read.more = read.up
            elif follow.unchanged():
                follow.ended_at = now
            else:
                self._portion(state, read, follow, now)
            if read.more:
                break
        read.lag = sum(max(0, f.source.size() - f.checkpoint.offset) for f in state.follows if f.current or f.settled is None)
        self._give_up(state, read, now)

    def _portion(self, state: State, read: Read, follow: Follow, now: float) -> None:
        """Read what there is, as far as the limit goes, and check that it belongs to what was consumed before."""
        follow.source.trouble = None
        signature = follow.source.signature()
        if self._first(state, read, follow, now):
            return
        checkpoint = follow.checkpoint
        wanted = max(1, self._limit - sum(len(batch.data) for batch in read.batches))
        data = follow.source.read(checkpoint.offset, wanted)
        if len(data) == wanted and b"\n" not in data:
            wanted = max(wanted, LINE_LIMIT)
            data = follow.source.read(checkpoint.offset, wanted)
        full = len(data) == wanted
        batches, advanced = whole_lines(checkpoint, before_record(data) if full else data)
        # Checked after reading: a file that was cut in between shows itself here, and what was read is thrown away.
        trouble = follow.source.trouble
        fits = follow.source.gz or follow.source.fits(checkpoint if checkpoint.offset else advanced)
        if trouble or fits is None:
            self._fail(state, read, follow, now)
            return
        if not fits:
            read.more = True
            self._search(state, read, now)
            return
        follow.failing = 0.0
        read.batches += batches
        if batches:
            read.written = max(read.written or 0.0, signature[1] / 1e9)
        if advanced is not checkpoint:
            follow.checkpoint, follow.moved = advanced, now
        if full:
            read.more, follow.settled, follow.sure = True, None, False
        else:
            follow.settle(signature)
            follow.ended_at = now
            if follow.still:
                self._end(state, read, follow)

    def _fail(self, state: State, read: Read, follow: Follow, now: float) -> None:
        """The disk does not give a file: the log is waited for, a renamed one not for ever."""
        follow.settled, follow.sure, follow.failing = None, False, follow.failing or now
        read.up = read.up and not follow.current
        read.problem = read.problem or _problem(follow.source.path, follow.source.trouble or OSError(errno.EIO, "failed"))
        if not follow.current and now - follow.failing > search.GRACE:
            state.lost.append(Lost(follow.checkpoint, now, "unreachable"))
            state.drop(follow)

    def _first(self, state: State, read: Read, follow: Follow, now: float) -> bool:
        """Pass over what was read elsewhere; True when something else must be looked at before."""
        unread = not follow.checkpoint.offset
        # The log may have been cut, with a copy made, before anything of it was read; or this is the copy of one that was cut.
        if (unread and follow.current) or search.cut(state, follow):
            read.more |= self._search(state, read, now) > 0
        if read.more:
            return True
        search.pass_over(state, follow)
        if follow.current and search.is_refill(state, follow):
            # The size decides, not the time of the file, which may be kept.
            if follow.held[0] != follow.source.size():
                follow.held = follow.source.size(), now
            if now - follow.held[1] < REFILL_SECONDS:
                return True
        if not follow.begun and not follow.checkpoint.offset and follow.source.size():
            search.begin(state, follow, self.path)
        return False

    def _search(self, state: State, read: Read, now: float) -> int:
        """See which files no longer begin with what was consumed of them, and look for the rest of it among the rotated files.

        Returns how many files were found that nobody has read.
        """
        rewritten = []
        for follow in state.follows[:]:
            checkpoint = follow.checkpoint
            if follow.source.gz or not checkpoint.offset or follow.source.fits(checkpoint) is not False:
                continue
            read.more = True
            read.truncations += not follow.still
            is_complete = follow.settled is not None and follow.settled[0] == checkpoint.offset
            # A rotation leaves an empty log; one that holds more than before was written again, by whomever.
            is_complete = is_complete and now - follow.ended_at <= WINDOW_SECONDS and follow.source.size() < checkpoint.offset
            state.lost.append(Lost(checkpoint, now, "truncated", is_complete))
            if follow.current or not follow.source.linked():
                follow.restart()
                rewritten.append(follow)
            else:
                # A rotated file that was written over may be a copy of another generation, or a new one: the search will tell.
                state.drop(follow)
        state.folders = folders(self.path, state.copies)
        search.find_lost(state, read, self.path, now)
        found = unseen.find_unseen(state, read, self.path, now)
        for follow in rewritten:
            follow.checkpoint = replace(follow.checkpoint, generation=state.number())
        return found

    def _end(self, state: State, read: Read, follow: Follow) -> None:
        """Read no more of a file, and say what is left of a line that was begun."""
        checkpoint = follow.checkpoint
        text = b"" if checkpoint.skipping else follow.source.read(checkpoint.offset, UNFINISHED_BYTES).strip(b"\0")
        if text.strip():
            read.unfinished.append(Unfinished(checkpoint.generation, checkpoint.offset, checkpoint.path, text))
        state.end(follow)

    def _give_up(self, state: State, read: Read, now: float) -> None:
        """Let go of renamed files that are read to their end: when their writer has gone on to a newer one, or of too many."""
        draining = [f for f in state.follows if not f.current and f.settled]
        for number, follow in enumerate(draining):
            newer = any(f.checkpoint.offset for f in state.follows if f.checkpoint.generation > follow.checkpoint.generation)
            if number < len(draining) - MAX_DRAINING or (newer and now - follow.moved > self._quiet):
                self._end(state, read, follow)


def _problem(path: Path, error: OSError) -> str:
    """Why the log cannot be read, and what to look at."""
    if error.errno == errno.ENOENT:
        missing = path.parent if not path.parent.exists() else path
        return f"{missing} does not exist (yet)"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"{path} may not be read by user id {os.geteuid()}"
    return f"{path} {error.strerror or error}" if error.errno == errno.EINVAL else f"{path}: {error.strerror or error}"
