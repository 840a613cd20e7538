"""Finds rotated files that appeared beside the log and were never read.

Content decides, never a name or a time alone: a file that begins with a consumed prefix is one that was read before.
"""

import os
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path

from bigdipper_exporter.log.chunks import Gap, Read
from bigdipper_exporter.log.folder import rotated, siblings
from bigdipper_exporter.log.search import GRACE, moving
from bigdipper_exporter.log.segment import Source, beginning
from bigdipper_exporter.log.segments import TIME_SLACK, Phase, Segment, State

# At most this many files are open at a time; there may be thousands of rotated ones.
MAX_OPEN = 64


class Verdict(Enum):
    """What a rotated file is."""

    KNOWN = auto()  # it was judged before, is being read, or is older than the first look at the log
    NEW = auto()
    READ = auto()  # its content was or will be read from another file
    UNDECIDED = auto()
    WAITING = auto()  # it is compressed, and being examined
    UNREADABLE = auto()  # it cannot be opened, or not yet be read to its end
    REFUSED = auto()  # it holds far more than a log of its size would
    CROWDED = auto()  # too many files are open already


def find_unseen(state: State, read: Read, path: Path, now: float) -> int:
    """Take up rotated files that appeared since the last look and were never read; return how many."""
    files = siblings(path, state.copies)
    look = _Look(state, read, path, now)
    state.crowded = any(look.at(sibling) is Verdict.CROWDED for sibling in rotated(path, files))
    if not state.crowded:
        state.passed &= frozenset(look.identities.values())
    look.wait(files)
    return look.found


@dataclass(slots=True)
class _Look:
    """One look at the rotated files: what each of them is, and which ones to wait for."""

    state: State
    read: Read
    path: Path
    now: float
    identities: dict[Path, tuple[int, ...]] = field(default_factory=dict)
    unreadable: list[Path] = field(default_factory=list)
    waiting: list[Path] = field(default_factory=list)
    undecided: bool = False
    found: int = 0

    def at(self, file: Path) -> Verdict:
        """Judge one file, and act on the verdict."""
        try:
            stat = os.stat(file)
            self.identities[file] = stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns
            if self.identities[file] in self.state.passed or self.state.holding(stat.st_dev, stat.st_ino):
                return Verdict.KNOWN
            since = 0.0 if self.state.backfill else self.state.seen - TIME_SLACK
            # A file with an old time (`rsync -a`, another machine's clock) may still be new here.
            is_early = stat.st_ctime < since or stat.st_mtime < self.state.first - TIME_SLACK
            if stat.st_mtime < since and is_early:
                return Verdict.KNOWN
            if len(self.state.segments) >= MAX_OPEN:
                return Verdict.CROWDED
            source = self.state.open(file)
        except OSError:
            self.unreadable.append(file)
            return Verdict.UNREADABLE
        verdict = self._judge(source)
        self._act(verdict, file, source)
        return verdict

    def _judge(self, source: Source) -> Verdict:
        whole = source.whole()
        if source.is_refused:
            return Verdict.REFUSED
        elsewhere = _read_elsewhere(self.state, source) if whole else None
        # Files are taken up in their order, so those after one that is being examined wait as well.
        if source.is_waiting or self.state.examinations.are_waiting:
            return Verdict.WAITING
        if elsewhere is None:
            return Verdict.UNDECIDED if whole else Verdict.UNREADABLE
        if elsewhere:
            return Verdict.READ
        # Since the stat it may have been taken up under another name.
        return Verdict.KNOWN if self.state.holding(source.device, source.inode) else Verdict.NEW

    def _act(self, verdict: Verdict, file: Path, source: Source) -> None:
        """Take the file up, or remember what it is and close it."""
        if verdict is Verdict.NEW:
            first = beginning(source, self.state.number(), self.now)
            self.state.add(Segment(source, first, Phase.COMPLETE if source.gz else Phase.DRAINING, moved=self.now))
            self.found += 1
            return
        if verdict in (Verdict.READ, Verdict.REFUSED):
            # Once its twin is closed, nothing is left that a shorter copy could be recognised by.
            self.state.passed |= {self.identities[file]}
        if verdict is Verdict.REFUSED:
            self._gap(f"{file} is not read: it holds far more than a log of its size would")
        elif verdict is Verdict.WAITING:
            self.waiting.append(file)
        elif verdict is Verdict.UNREADABLE or source.trouble:
            self.unreadable.append(file)
        self.undecided |= verdict is Verdict.UNDECIDED
        source.close()

    def wait(self, files: dict[Path, int]) -> None:
        """Wait for files that cannot be read or judged yet; after the grace period such a file is a gap."""
        state = self.state
        # The log's own path stands for files whose names are not known: those being renamed or not judged yet.
        unnamed = [self.path] if self.undecided or state.crowded or moving(state, self.path, files) else []
        waiting = {file: state.waiting.get(file, self.now) for file in (*self.unreadable, *unnamed)}
        waiting |= dict.fromkeys(self.waiting, self.now)
        if state.crowded:
            waiting[self.path] = self.now
        for file, since in waiting.items():
            if since and self.now - since > GRACE:
                waiting[file] = 0.0  # given up, and kept here while it waits for others
                if file in self.identities:
                    # Reported once, although a file beside an empty log is looked at again and again.
                    state.passed |= {self.identities[file]}
                if file != self.path and not _incomplete_copy(state, file):
                    self._gap(f"{file} cannot be read")
        state.waiting = waiting if any(waiting.values()) else {}
        state.backfill = state.backfill and bool(state.waiting)

    def _gap(self, detail: str) -> None:
        self.read.gaps.append(Gap(self.state.newest, "unreachable", self.now, detail))


def _read_elsewhere(state: State, source: Source) -> bool | None:
    """Whether the file's whole content was or will be read from another file; None while that is undecided."""
    size = source.size()
    if not size:
        return source.gz  # a plain file may still have a writer
    if any(source.fits(lost.checkpoint) or source.begins(lost.checkpoint) for lost in state.lost):
        return None
    everything = beginning(source, 0, 0.0).at(source, size)
    if source.trouble:
        return None
    holding = [segment for segment in state.segments if segment.source.fits(everything)]
    if holding:
        # A file of which nothing was consumed may be cut without anybody noticing.
        return True if any(segment.checkpoint.offset for segment in holding) else None
    return any(c.offset >= size and source.fits(c) for c in state.ended)


def _incomplete_copy(state: State, path: Path) -> bool:
    """Whether an incomplete gzip file holds nothing new: it is gone, or begins like a known generation."""
    try:
        source = state.open(path)
    except OSError:
        return not os.path.lexists(path)
    if source.read(0, 1):
        known = any(source.fits(c) is None and not source.trouble for c in state.checkpoints() if c.offset)
    else:
        known = path.with_suffix("").exists()  # nothing is readable yet, and its original is still there
    source.close()
    return known
