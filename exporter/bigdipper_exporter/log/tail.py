"""Follows one log file through rename, copytruncate, compression, replacement and restarts of the exporter.

There is no parsing and no SQL here: `read` returns whole lines with their positions, and `commit` or `rollback` says whether
they were stored. Lines and the checkpoints that come with them belong in one transaction; after `rollback`, `read` returns the
same lines again.
"""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from bigdipper_exporter.log import name, portion, search
from bigdipper_exporter.log.checksums import Archived
from bigdipper_exporter.log.chunks import GAP_REASONS, Batch, Gap, Read, Unfinished
from bigdipper_exporter.log.examination import Examinations
from bigdipper_exporter.log.plan import Ownership
from bigdipper_exporter.log.segment import TICK, Checkpoint
from bigdipper_exporter.log.segments import Look, State
from bigdipper_exporter.log.verdict import TIME_SLACK

__all__ = ["GAP_REASONS", "Batch", "Checkpoint", "Gap", "Read", "Tail"]


class Tail:
    """Follows the log at `path`.

    checkpoints: those of the archive, of all generations. start: where to begin when the log exists at the very first start.
    rotated: whether to read the rotated files too at the very first start. limit: bytes per read, unless one line is longer.
    quiet: seconds without growth after which a renamed file is closed, if a newer one has grown. clock: returns unix seconds.
    first: when the log was first followed, unix seconds; None if that is not known. copies: a pattern of files that may be
    copies of the log, besides those with a similar name. late: generations that were read beside the log. sums:
    yields the archived checksums of a generation.
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
        sums: Archived = lambda generation, offset: (),
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

    def read(self) -> Read:
        """Return the next lines, if there are any. Never blocks. Raises what `sums` raises, nothing for the file system."""
        if self._next is not self._state:
            self.rollback()
        now = self._clock()
        state = self._next = self._state.copy()
        before = {c.generation: c for c in state.living()}
        read = Read()
        state.examinations.renew()
        look = Look(self.path, state, read, now, self._limit, self._sums)
        name.follow_name(look)
        if state.lost:
            search.find_lost(look)
        portion.consume(look, self._quiet)
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
        return bool(
            self._state.waiting
            or self._state.lost
            or any(segment.ownership is Ownership.HELD for segment in self._state.segments)
        )

    def unfinished(self) -> Unfinished | None:
        """Return the line at the end of the log that has no newline yet."""
        current = self._state.current()
        return None if current is None else portion.unfinished(current)

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
