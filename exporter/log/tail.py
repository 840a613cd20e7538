"""Follows one log file through anything: rename, copytruncate, compression, replacement, restarts of the exporter.

No parsing and no SQL: it hands out whole lines with their position, and takes back whether they were stored. What it hands
out and the checkpoints that go with it belong into one transaction; after `rollback` it hands out the same again.
"""

import errno
import os
import stat as modes
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from exporter.log.generation import Checkpoint, Source, siblings
from exporter.log.portions import GAP_REASONS, LINE_LIMIT, Batch, Gap, Read, at_end, whole_lines

__all__ = ["GAP_REASONS", "Batch", "Checkpoint", "Gap", "Read", "Tail"]

MAX_DRAINING = 16
KEPT_ENDED = 20
COPY_GRACE = 10.0


@dataclass(slots=True)
class _Follow:
    """A generation and the file it is read from. `current`: the file that bears the log's name. `copy`: nobody writes to it."""

    source: Source
    checkpoint: Checkpoint
    current: bool = False
    copy: bool = False
    checked: tuple[int, int, int] | None = None
    moved: float = 0.0


@dataclass(slots=True)
class _State:
    """Everything that changes while reading, so that it can be taken back. `follows`: oldest generation first."""

    follows: list[_Follow] = field(default_factory=list)
    lost: list[tuple[Checkpoint, float, str]] = field(default_factory=list)
    ended: list[Checkpoint] = field(default_factory=list)
    newest: int = 0
    seen: float = 0.0
    # Of the first look only: generations to take up, whether to begin at the end, whether to read all rotated files.
    started: bool = False
    known: list[Checkpoint] = field(default_factory=list)
    from_end: bool = False
    rotated: bool = False

    def copy(self) -> "_State":
        return replace(self, follows=[replace(f) for f in self.follows], lost=list(self.lost), ended=list(self.ended))

    def number(self) -> int:
        """The next generation."""
        self.newest += 1
        return self.newest


class Tail:
    """See the module. `quiet`: seconds without growth after which a renamed file is given up; `limit`: bytes per read."""

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
    ) -> None:
        self.path = path
        self._limit = limit
        self._quiet = quiet
        self._clock = clock
        self._state = _State(
            known=[c for c in checkpoints if not c.ended],
            from_end=start == "end" and not checkpoints and path.exists(),
            rotated=rotated and not checkpoints,
            ended=[c for c in checkpoints if c.ended][-KEPT_ENDED:],
            newest=max((c.generation for c in checkpoints), default=0),
            seen=max((c.updated for c in checkpoints), default=0.0),
        )
        self._next = self._state

    # -- the public face

    def read(self) -> Read:
        """The next lines, if there are any. Never blocks, and never raises for what the file system does."""
        now = self._clock()
        state = self._state.copy()
        read = Read()
        before = {f.checkpoint.generation: f.checkpoint for f in state.follows}
        before |= {c.generation: c for c, _, _ in state.lost} | {c.generation: c for c in state.ended}
        self._look(state, read, now)
        self._find_lost(state, read, now)
        self._consume(state, read, now)
        after = [f.checkpoint for f in state.follows] + [c for c, _, _ in state.lost] + state.ended
        read.checkpoints += [
            replace(c, updated=now) for c in after if before.get(c.generation) is not c and before.get(c.generation) != c
        ]
        self._next = state
        if not (read.batches or read.checkpoints or read.gaps):
            self.commit()
        return read

    def commit(self) -> None:
        """What the last `read` brought is durable."""
        kept = {id(f.source) for f in self._next.follows}
        for follow in self._state.follows:
            if id(follow.source) not in kept:
                follow.source.close()
        self._state = self._next
        self._state.ended = self._state.ended[-KEPT_ENDED:]

    def rollback(self) -> None:
        """What the last `read` brought is lost: the next one brings it again."""
        kept = {id(f.source) for f in self._state.follows}
        for follow in self._next.follows:
            if id(follow.source) not in kept:
                follow.source.close()
        self._next = self._state

    def close(self) -> None:
        """Close every file."""
        for follow in (*self._state.follows, *self._next.follows):
            follow.source.close()

    # -- which files are there

    def _look(self, state: _State, read: Read, now: float) -> None:
        """Find out which file bears the name now, and what became of the one that did."""
        try:
            stat = os.stat(self.path)
            if not modes.S_ISREG(stat.st_mode):
                kind = "a folder" if modes.S_ISDIR(stat.st_mode) else "no regular file"
                raise OSError(errno.EINVAL, f"is {kind}")
        except OSError as error:
            read.problem = _problem(self.path, error)
            self._nobody_is_current(state, now)
            return
        current = next((f for f in state.follows if f.current), None)
        if current and (current.source.device, current.source.inode) == (stat.st_dev, stat.st_ino):
            state.seen, read.up = now, True
            return
        try:
            source = Source(self.path)
        except OSError as error:
            read.problem = _problem(self.path, error)
            return
        read.up = True
        known = next((f for f in state.follows if (f.source.device, f.source.inode) == (source.device, source.inode)), None)
        if known:
            source.close()
            self._nobody_is_current(state, now)
            known.current = True
            state.follows.sort(key=_order)
        else:
            self._changed(state, read, source, now)
        state.seen = now

    def _nobody_is_current(self, state: _State, now: float) -> None:
        for follow in state.follows:
            if follow.current:
                follow.current, follow.moved = False, now

    def _changed(self, state: _State, read: Read, source: Source, now: float) -> None:
        """Another file bears the name: the old one drains, rotations in between are read, then the new one."""
        old = next((f for f in state.follows if f.current), None)
        read.rotations += bool(state.follows)
        self._nobody_is_current(state, now)
        checkpoint = self._continued(state, source, old) if state.started else self._take_up(state, source, now)
        self._between(state, source, now)
        state.follows.append(_Follow(source, checkpoint or self._new(state, source, now), current=True))
        state.started, state.rotated = True, False
        for follow in state.follows[: max(0, len(state.follows) - 1 - MAX_DRAINING)]:
            self._end(state, follow)

    def _continued(self, state: _State, source: Source, old: _Follow | None) -> Checkpoint | None:
        """Where to go on in a new file that begins with what was consumed of another one, if it does."""
        candidates = sorted((f for f in state.follows if f.checkpoint.offset and not f.copy), key=lambda f: f is not old)
        fitting = next((f for f in candidates if source.fits(f.checkpoint)), None)
        if fitting is None:
            again = next((c for c in reversed(state.ended) if c.offset and source.fits(c)), None)
            if again:
                state.ended.remove(again)
            return again and _moved(again, source)
        if fitting.source.stat().st_nlink == 0:
            # A restored or rewritten file, which goes on where the old one was left.
            state.follows.remove(fitting)
            return _moved(fitting.checkpoint, source)
        # A copy of a file that is still there: only what comes after the common beginning is new.
        return replace(_moved(fitting.checkpoint, source), generation=state.number())

    def _new(self, state: _State, source: Source, now: float) -> Checkpoint:
        checkpoint = Checkpoint(
            state.number(), str(source.path), source.device, source.inode, 0, b"", b"", False, False, now
        )  # fmt: skip
        if state.from_end and source.path == self.path:
            state.from_end = False
            return at_end(checkpoint, source)
        return checkpoint

    def _take_up(self, state: _State, current: Source, now: float) -> Checkpoint | None:
        """At the start: find the file of each generation that was being read when the exporter ended."""
        places = [current, *(source for path in siblings(self.path) if (source := _open(path)))]
        used: dict[int, Checkpoint] = {}
        for checkpoint in state.known:
            same = [s for s in places if (s.device, s.inode) == (checkpoint.device, checkpoint.inode)]
            place = next((s for s in (*same, *places) if id(s) not in used and s.fits(checkpoint)), None)
            if not checkpoint.offset:
                state.ended.append(replace(checkpoint, ended=True))
            elif place is None:
                state.lost.append((checkpoint, now, "unreachable"))
            else:
                used[id(place)] = checkpoint
                if place is not current:
                    state.follows.append(_Follow(place, checkpoint, copy=place.gz or place not in same, moved=now))
        for source in places[1:]:
            if id(source) not in used:
                source.close()
        state.known = []
        continued = used.get(id(current))
        return continued and _moved(continued, current)

    def _between(self, state: _State, current: Source, now: float) -> None:
        """Rotated files that appeared since the last look and that nobody has read: read them from their beginning."""
        if not (state.rotated or state.seen):
            return
        since = float("-inf") if state.rotated else state.seen - 2.0
        known = [f.checkpoint for f in state.follows] + [c for c, _, _ in state.lost] + state.ended
        held = {(f.source.device, f.source.inode) for f in state.follows} | {(current.device, current.inode)}
        for path in siblings(self.path):
            source = _open(path)
            if source is None:
                continue
            new = (source.device, source.inode) not in held and source.stat().st_mtime >= since
            if new and source.whole() and not any(source.fits(c) or source.begins(c) for c in known if c.offset):
                held.add((source.device, source.inode))
                state.follows.append(_Follow(source, self._new(state, source, now), copy=source.gz, moved=now))
            else:
                source.close()

    # -- what was consumed and is no longer there

    def _truncated(self, state: _State, read: Read, follow: _Follow, now: float) -> None:
        """What was consumed is no longer the beginning of the file: its rest may be in a copy; the file begins anew."""
        read.truncations += 1
        state.lost.append((follow.checkpoint, now, "truncated"))
        follow.checkpoint = self._new(state, follow.source, now)
        follow.checked = None
        self._find_lost(state, read, now)
        self._between(state, follow.source, now)
        state.follows.sort(key=_order)

    def _find_lost(self, state: _State, read: Read, now: float) -> None:
        """Finish lost generations from a rotated file that begins with what was consumed of them; else count a gap."""
        for entry in list(state.lost):
            checkpoint, since, reason = entry
            place, unsettled = None, False
            for path in reversed(siblings(self.path)):
                source = _open(path)
                if source is None:
                    continue
                if not source.whole() or now - source.stat().st_mtime < 0:
                    unsettled = True
                elif source.fits(checkpoint) and not self._followed(state, source):
                    place = source
                    break
                source.close()
            if place is not None:
                state.lost.remove(entry)
                state.follows.append(_Follow(place, checkpoint, copy=True, moved=now))
                state.follows.sort(key=_order)
            elif not unsettled or now - since > COPY_GRACE:
                state.lost.remove(entry)
                state.ended.append(replace(checkpoint, ended=True))
                detail = f"{checkpoint.path} from byte {checkpoint.offset} on"
                read.gaps.append(Gap(checkpoint.generation, reason, now, detail))

    def _followed(self, state: _State, source: Source) -> bool:
        return any((f.source.device, f.source.inode) == (source.device, source.inode) for f in state.follows)

    # -- the bytes

    def _consume(self, state: _State, read: Read, now: float) -> None:
        """Read from the oldest generation that has something, and go to the next one only when it has nothing more."""
        for follow in list(state.follows):
            if self._unchanged(follow):
                self._give_up_quiet(state, follow, now)
                continue
            room = self._limit - sum(len(batch.data) for batch in read.batches)
            if room <= 0:
                read.more = True
                break
            self._portion(state, read, follow, room, now)
            if read.more:
                break
        for follow in state.follows:
            if not follow.source.gz:
                read.lag += max(0, follow.source.stat().st_size - follow.checkpoint.offset)

    def _unchanged(self, follow: _Follow) -> bool:
        return follow.checked is not None and follow.checked == follow.source.signature()

    def _portion(self, state: _State, read: Read, follow: _Follow, room: int, now: float) -> None:
        checkpoint, signature = follow.checkpoint, follow.source.signature()
        data = follow.source.read(checkpoint.offset, room)
        if len(data) == room and b"\n" not in data:
            data = follow.source.read(checkpoint.offset, LINE_LIMIT)
        # Checked after reading: a file that was cut in between shows itself here, and what was read is thrown away.
        if checkpoint.offset and not follow.source.fits(checkpoint):
            self._truncated(state, read, follow, now)
            read.more = True
            return
        batches, consumed = whole_lines(checkpoint, data)
        read.batches += batches
        if consumed:
            skipping = checkpoint.skipping if b"\n" not in consumed else False
            skipping = skipping or bool(batches and batches[-1].truncated)
            follow.checkpoint = replace(checkpoint.advanced(consumed), skipping=skipping)
            follow.moved = now
        full = len(data) >= room
        if full:
            read.more = True
        else:
            follow.checked = signature
        if follow.copy and not full:
            self._end(state, follow)

    def _give_up_quiet(self, state: _State, follow: _Follow, now: float) -> None:
        if not follow.current and now - follow.moved > self._quiet:
            self._end(state, follow)

    def _end(self, state: _State, follow: _Follow) -> None:
        state.follows.remove(follow)
        state.ended.append(replace(follow.checkpoint, ended=True))


def _order(follow: _Follow) -> tuple[bool, int]:
    return follow.current, follow.checkpoint.generation


def _moved(checkpoint: Checkpoint, source: Source) -> Checkpoint:
    return replace(
        checkpoint, path=str(source.path), device=source.device, inode=source.inode, ended=False
    )


def _open(path: Path) -> Source | None:
    with suppress(OSError):
        return Source(path)
    return None


def _problem(path: Path, error: OSError) -> str:
    """Why the log cannot be read, and what to look at."""
    if error.errno == errno.ENOENT:
        missing = path.parent if not path.parent.exists() else path
        return f"{missing} does not exist (yet)"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"{path} may not be read by user id {os.geteuid()}"
    if error.errno == errno.EINVAL:
        return f"{path} {error.strerror}"
    return f"{path}: {error.strerror or error}"
