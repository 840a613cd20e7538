"""Follows one log file through rename, copytruncate, compression, replacement and restarts of the exporter.

There is no parsing and no SQL here: `read` returns whole lines with their positions, and `commit` or `rollback` says whether
they were stored. Lines and the checkpoints that come with them belong in one transaction; after `rollback`, `read` returns the
same lines again.
"""

import errno
import os
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal

from bigdipper_exporter.log import search, unseen
from bigdipper_exporter.log.checksums import Archived, LineSums, stretch
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
from bigdipper_exporter.log.packed import Examinations, legible
from bigdipper_exporter.log.segment import TICK, Checkpoint, Source, beginning
from bigdipper_exporter.log.segments import TIME_SLACK, Lost, Phase, Segment, State

__all__ = ["GAP_REASONS", "Batch", "Checkpoint", "Gap", "Read", "Tail"]

# A writer keeps the file open that it began with, however often it is renamed. At most this many old files stay open.
MAX_DRAINING = 16

# Seconds. A file that is cut so soon after it was read to its end was rotated: nothing is missing, even without a copy of it.
WINDOW_SECONDS = 1.0

# Older files with more unread bytes than this, or that have kept the log waiting for so many seconds, are read beside it.
LATE_BYTES = 32 << 20
LATE_SECONDS = 5.0

# How much of an unfinished line is shown.
UNFINISHED_BYTES = 1024


class Tail:
    """Follows the log at `path`.

    checkpoints: those of the archive, of all generations. start: where to begin when the log exists at the very first start.
    rotated: whether to read the rotated files too at the very first start. limit: bytes per read, unless one line is longer.
    quiet: seconds without growth after which a renamed file is closed, if a newer one has grown. clock: returns unix seconds.
    first: when the log was first followed, unix seconds; None if that is not known. copies: a pattern of files that may be
    copies of the log, besides those with a similar name. late: generations that were read beside the log. sums:
    returns the archived checksums of a generation.
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
        late: Collection[int] = (),
        sums: Archived = lambda generation: (),
    ) -> None:
        self.path = path
        self._limit = limit
        self._quiet = quiet
        self._clock = clock
        self._sums = sums
        self._state = self._next = State(
            known=[c for c in checkpoints if not c.ended],
            ended=[c for c in checkpoints if c.ended],
            newest=max((c.generation for c in checkpoints), default=0),
            # Files that were rotated before the very first start are not read.
            seen=max((c.updated for c in checkpoints), default=clock() + TIME_SLACK - TICK),
            copies=copies,
            first=first if first is not None else float("inf") if checkpoints else clock(),
            from_end=start == "end" and not checkpoints and path.exists(),
            backfill=rotated and not checkpoints,
            late=frozenset(late),
            examinations=Examinations(lambda: self._next.checkpoints()),
        )

    # -- the public face

    def read(self) -> Read:
        """Return the next lines, if there are any. Never blocks, and never raises for anything the file system does."""
        if self._next is not self._state:
            self.rollback()
        now = self._clock()
        state = self._next = self._state.copy()
        before = {c.generation: c for c in state.living()}
        read = Read()
        state.examinations.renew()
        self._look(state, read, now)
        if state.lost:
            search.find_lost(state, read, self.path, now)
        self._consume(state, read, now)
        changed = [c for c in state.living() if before.get(c.generation) != c] + state.ended[len(self._state.ended) :]
        if read.up and not read.more and not state.waiting:
            state.see(now)
        read.checkpoints = [replace(c, updated=state.seen) for c in changed]
        if state.late:
            state.late &= frozenset(c.generation for c in state.living())
        read.late = state.late
        if read.is_empty:
            self.commit()
        return read

    def commit(self) -> None:
        """Confirm that the result of the last `read` is stored."""
        self._settle(self._next)

    def rollback(self) -> None:
        """Discard the result of the last `read`: the next one returns it again."""
        self._settle(self._state)

    @property
    def unsettled(self) -> bool:
        """Whether it waits for rotated files, such as one that is being compressed, or for a log that is being restored."""
        return bool(self._state.waiting or self._state.lost or any(segment.is_held for segment in self._state.segments))

    def unfinished(self) -> Unfinished | None:
        """Return the line at the end of the log that has no newline yet."""
        current = self._state.current()
        if current is None or current.checkpoint.skipping:
            return None
        at = current.checkpoint
        text = current.source.read(at.offset, UNFINISHED_BYTES).strip(b"\0")
        return Unfinished(at.generation, at.offset, at.path, text) if text.strip() else None

    def close(self) -> None:
        """Close every file."""
        self._state.examinations.close()
        self._settle(State())

    def _settle(self, state: State) -> None:
        """Make `state` the state, and close the files that it does not read."""
        kept = {id(segment.source) for segment in state.segments}
        for source in (*(f.source for f in (*self._state.segments, *self._next.segments)), *self._next.dropped):
            if id(source) not in kept:
                source.close()
        self._state = self._next = state
        state.dropped.clear()

    # -- which files are there

    def _look(self, state: State, read: Read, now: float) -> None:
        """Find out which file has the log's name now, and what became of the one that had it."""
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
        """Take up another file that has the log's name: first the rest of the old one is read, then rotations in between."""
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
        # A generation that was not found a moment ago may be the one with the name now.
        state.known += [lost.checkpoint for lost in state.lost]
        state.lost.clear()
        first = not (state.known or state.segments)
        checkpoint = self._take_up(state, source, now)
        segment = Segment(source, checkpoint or beginning(source, 0, now), Phase.FOLLOWING, begun=checkpoint is not None)
        if state.from_end:
            segment.checkpoint, state.from_end = at_end(segment.checkpoint, source), False
        state.add(segment)
        found = self._search(state, read, now)
        if found and old and search.vanished(state, old, self.path):
            detail = f"rotated files after {old.checkpoint.path} may have been deleted"
            read.gaps.append(Gap(old.checkpoint.generation, "unreachable", now, detail))
        if checkpoint is None:
            read.truncations += cut
            read.rotations += not cut and not first
            segment.checkpoint = replace(segment.checkpoint, generation=state.number())

    def _take_up(self, state: State, current: Source | None, now: float) -> Checkpoint | None:
        """After a start, find the file of each generation that was being read when the exporter stopped.

        Returns the checkpoint of the one that continues in `current`. While no file has the log's name, a generation that is
        not found may still turn up.
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
                state.add(Segment(place, checkpoint.within(place), begun=checkpoint.offset > 0, moved=now))
            elif place and continued is None:
                continued = checkpoint.within(place)
            elif checkpoint.offset:
                reason = "truncated" if current and current.holds(checkpoint) else "unreachable"
                state.lost.append(Lost(checkpoint, now, reason))
            else:
                state.ended.append(replace(checkpoint, ended=True))
        return continued

    def _place(self, state: State, checkpoint: Checkpoint, current: Source | None) -> Source | None:
        """Return the file with the generation's inode, if it still begins with what was consumed."""
        if current and current.holds(checkpoint):
            return current if current.fits(checkpoint) else None
        # Where nothing was consumed, only the inode identifies the file; content of another generation rules it out.
        others = () if checkpoint.offset else state.checkpoints()
        for sibling, inode in siblings(self.path, state.copies).items():
            with suppress(OSError):
                if inode != checkpoint.inode:
                    continue
                source = state.open(sibling)
                same = source.holds(checkpoint) and not state.holding(source.device, source.inode)
                if same and source.fits(checkpoint) and not any(c.offset and source.fits(c) for c in others):
                    return source
                source.close()
        return None

    # -- the bytes

    def _consume(self, state: State, read: Read, now: float) -> None:
        """Read from the oldest generation that has unread bytes; go to the next one only when it has none left.

        Old files that would delay the log for long are read beside it: a portion whenever the log itself has nothing new.
        """
        is_delayed = self._is_delayed(state, read, now)
        order = sorted(state.segments, key=state.is_late) if is_delayed else state.segments[:]
        for segment in order:
            if not segment.current or is_delayed or not state.crowded:
                self._advance(state, read, segment, now)
            if read.more:
                break
            read.is_current |= segment.current
        read.more |= state.examinations.are_waiting or (state.crowded and read.up)
        read.lag = sum(max(0, f.source.size() - f.checkpoint.offset) for f in state.segments if f.current or f.settled is None)
        self._give_up(state, read, now)

    def _advance(self, state: State, read: Read, segment: Segment, now: float) -> None:
        if segment.unchanged():
            segment.ended_at = now
        elif segment.source.reach(segment.checkpoint.offset):
            self._portion(state, read, segment, now)
        else:
            read.more = True

    def _is_delayed(self, state: State, read: Read, now: float) -> bool:
        """Whether older files would delay the log for long. If so, they are late from now on."""
        older = [segment for segment in state.segments if not segment.current and segment.settled is None]
        left = sum(max(0, segment.source.size() - segment.checkpoint.offset) for segment in older)
        is_waiting = left > 0 or state.crowded
        state.delayed = (state.delayed or now) if is_waiting else 0.0
        current = state.current()
        if current is None or not is_waiting or (left <= LATE_BYTES and now - state.delayed <= LATE_SECONDS):
            return False
        numbers = frozenset(segment.checkpoint.generation for segment in older)
        read.set_aside = not numbers <= state.late and not current.checkpoint.offset
        state.late |= numbers
        return True

    def _portion(self, state: State, read: Read, segment: Segment, now: float) -> None:
        """Read up to the limit, and check that the file still begins with what was consumed before."""
        segment.source.trouble = None
        signature = segment.source.signature()
        if self._first(state, read, segment, now):
            return
        checkpoint = segment.checkpoint
        wanted = max(1, self._limit - sum(len(batch.data) for batch in read.batches))
        data = segment.source.read(checkpoint.offset, wanted) if segment.is_own else b""
        if len(data) == wanted and b"\n" not in data:
            wanted = max(wanted, LINE_LIMIT)
            data = segment.source.read(checkpoint.offset, wanted)
        full = len(data) == wanted
        batches, advanced = whole_lines(checkpoint, before_record(data) if full else data)
        if is_late := state.is_late(segment):
            batches = [replace(batch, late=True) for batch in batches]
        # Checked after reading, so that a file that was cut in between is noticed, and what was read is discarded.
        trouble = segment.source.trouble
        fits = segment.source.gz or segment.source.fits(checkpoint if checkpoint.offset else advanced)
        if trouble or fits is None:
            self._fail(state, read, segment, now)
            return
        if not fits:
            read.more = True
            self._search(state, read, now)
            return
        segment.failing = 0.0
        read.batches += batches
        if batches and not is_late:
            read.written = max(read.written or 0.0, signature[1] / 1e9)
        if advanced is not checkpoint:
            consumed = data[: advanced.offset - checkpoint.offset]
            sums = stretch(segment.sums, checkpoint.generation, checkpoint.offset, consumed)
            read.sums.append(sums)
            segment.sums = sums if consumed.endswith(b"\n") else None
            segment.checkpoint, segment.moved = advanced, now
        if full:
            read.more, segment.settled, segment.sure = True, None, False
        else:
            segment.settle(signature)
            segment.ended_at = now
            if segment.phase is Phase.COMPLETE:
                self._end(state, read, segment)

    def _fail(self, state: State, read: Read, segment: Segment, now: float) -> None:
        """Handle a read error: wait for the log, and give up on a renamed file after a while."""
        segment.settled, segment.sure, segment.failing = None, False, segment.failing or now
        read.up = read.up and not segment.current
        read.problem = read.problem or _problem(segment.source.path, segment.source.trouble or OSError(errno.EIO, "failed"))
        if not segment.current and now - segment.failing > search.GRACE:
            state.lost.append(Lost(segment.checkpoint, now, "unreachable"))
            state.drop(segment)

    def _first(self, state: State, read: Read, segment: Segment, now: float) -> bool:
        """Skip what was read from another file; return True when something else has to be done first."""
        unread = not segment.checkpoint.offset
        # The log may have been copied and cut before anything of it was read; or this file is the copy of one that was cut.
        if (unread and segment.current) or search.cut(state, segment):
            read.more |= self._search(state, read, now) > 0
        if read.more:
            return True
        if not segment.is_own:
            read.sums += search.retrace(state, segment, lambda generation: self._sums_of(generation, read), now)
        if not search.pass_over(state, segment) or segment.is_held:
            return True
        if not segment.begun and not segment.checkpoint.offset and segment.source.size():
            search.begin(state, segment, self.path)
        return False

    def _sums_of(self, generation: int, read: Read) -> list[LineSums]:
        """Return the checksums of a generation: those of the archive, and those of this read."""
        new = [one for one in read.sums if one.generation == generation]
        return sorted({one.start: one for one in (*self._sums(generation), *new)}.values(), key=lambda one: one.start)

    def _search(self, state: State, read: Read, now: float) -> int:
        """Find files that no longer begin with what was consumed of them, and look for the rest among the rotated files.

        Returns how many unread files were found.
        """
        rewritten = []
        for segment in state.segments[:]:
            checkpoint = segment.checkpoint
            if segment.source.gz or not checkpoint.offset or segment.source.fits(checkpoint) is not False:
                continue
            read.more = True
            read.truncations += segment.phase is not Phase.COMPLETE
            is_complete = segment.settled is not None and segment.settled[0] == checkpoint.offset
            # A rotation leaves a shorter log; one that is longer than before was rewritten by something else.
            is_complete = is_complete and now - segment.ended_at <= WINDOW_SECONDS and segment.source.size() < checkpoint.offset
            state.lost.append(Lost(checkpoint, now, "truncated", is_complete))
            if segment.current or not segment.source.linked():
                segment.restart()
                rewritten.append(segment)
            else:
                # A rotated file that was overwritten may be a copy of another generation, or new: the search decides.
                state.drop(segment)
        state.folders = folders(self.path, state.copies)
        search.find_lost(state, read, self.path, now)
        # Generations are numbered in the order in which they are read: a deleted file before the rotated ones, the log last.
        self._number(state, [segment for segment in rewritten if not segment.current])
        found = unseen.find_unseen(state, read, self.path, now)
        self._number(state, [segment for segment in rewritten if segment.current])
        return found

    def _number(self, state: State, rewritten: Sequence[Segment]) -> None:
        for segment in rewritten:
            segment.checkpoint = replace(segment.checkpoint, generation=state.number())

    def _end(self, state: State, read: Read, segment: Segment) -> None:
        """Stop reading a file, and report the unfinished line at its end."""
        checkpoint = segment.checkpoint
        text = b"" if checkpoint.skipping else segment.source.read(checkpoint.offset, UNFINISHED_BYTES).strip(b"\0")
        if text.strip():
            read.unfinished.append(Unfinished(checkpoint.generation, checkpoint.offset, checkpoint.path, text))
        state.end(segment)

    def _give_up(self, state: State, read: Read, now: float) -> None:
        """Close renamed files that are read to their end: once their writer uses a newer one, or where too many are open."""
        draining = [f for f in state.segments if not f.current and f.settled]
        for number, segment in enumerate(draining):
            newer = any(f.checkpoint.offset for f in state.segments if f.checkpoint.generation > segment.checkpoint.generation)
            if number < len(draining) - MAX_DRAINING or (newer and now - segment.moved > self._quiet):
                self._end(state, read, segment)


def _problem(path: Path, error: OSError) -> str:
    """Return why the log cannot be read."""
    if error.errno == errno.ENOENT:
        missing = path.parent if not path.parent.exists() else path
        return f"{missing} does not exist (yet)"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"{path} may not be read by user id {os.geteuid()}"
    return f"{path} {error.strerror or error}" if error.errno == errno.EINVAL else f"{path}: {error.strerror or error}"
