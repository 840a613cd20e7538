"""The state of the tailer: the segments that are being read, those whose file is lost, and those that have ended."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from heapq import merge
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from bigdipper_exporter.log.checksums import Archived, LineSums, Shared
from bigdipper_exporter.log.chunks import Gap, Read
from bigdipper_exporter.log.examination import Examinations
from bigdipper_exporter.log.packed import open_source
from bigdipper_exporter.log.plan import Ownership, Phase
from bigdipper_exporter.log.repeated import Mark
from bigdipper_exporter.log.segment import TICK, Checkpoint, FileSignature, Source
from bigdipper_exporter.log.verdict import TIME_SLACK

_start = attrgetter("start")

# Ended generations that are kept from before the last complete look. All that ended since are kept, so that their files are not
# taken for new ones.
KEPT_ENDED = 1000


class Filling(NamedTuple):
    """A size in bytes that a file has had since a time (unix seconds)."""

    size: int
    since: float


NOT_FILLING = Filling(0, 0.0)


@dataclass(slots=True)
class Segment:
    """A generation of the log and the file it is read from. Times are unix seconds, 0 for never.

    content_examined: whether its content was looked at. settled: the file's signature when it was read to its end.
    is_signature_reliable: whether that was long enough after its last change for the signature to show the next one. moved:
    when it last grew or lost the log's name. failing: since when the disk does not return its content. ended_at: when it was
    last found to be read to its end. sums: checksums of its last lines. ownership: whose content it holds. marks: up to where
    other generations were found in it. filling: its size while it may be in the middle of being filled with content that was
    read already. shared: how far it was compared with other generations so far. is_no_log: whether it holds a file of another
    type.
    """

    source: Source
    checkpoint: Checkpoint
    phase: Phase = Phase.DRAINING
    content_examined: bool = False
    settled: FileSignature | None = None
    is_signature_reliable: bool = False
    moved: float = 0.0
    failing: float = 0.0
    ended_at: float = 0.0
    sums: LineSums | None = None
    ownership: Ownership = Ownership.UNKNOWN
    filling: Filling = NOT_FILLING
    marks: dict[int, Mark] = field(default_factory=dict)
    shared: tuple[Shared, ...] = ()
    is_no_log: bool = False

    @property
    def current(self) -> bool:
        """Whether the file has the log's name."""
        return self.phase is Phase.FOLLOWING

    def unread(self) -> int:
        """Return how many bytes of the file were not returned yet, and will be."""
        return 0 if self.is_no_log else max(0, self.source.size() - self.checkpoint.offset)

    def unchanged(self) -> bool:
        """Whether there is certainly nothing to read."""
        return self.is_signature_reliable and self.settled == self.source.signature()

    def settle(self, signature: FileSignature) -> None:
        """Remember that everything was read when the file had this `signature`."""
        self.settled, self.is_signature_reliable = signature, time.time_ns() - signature.ctime_ns > TICK * 1e9

    def restart(self) -> None:
        """Read from the beginning of the file."""
        self.checkpoint = replace(self.checkpoint, offset=0, head=b"", tail=b"", skipping=False, lines=0)
        self.settled, self.is_signature_reliable = None, False
        self.ownership, self.filling, self.shared = Ownership.UNKNOWN, NOT_FILLING, ()


@dataclass(frozen=True, slots=True)
class Lost:
    """A generation whose file no longer holds it. since: unix seconds. reason: of the gap, if no copy is found.

    is_complete: everything had been read a moment before, so that nothing is missing even without a copy.
    """

    checkpoint: Checkpoint
    since: float
    reason: str
    is_complete: bool = False


@dataclass(slots=True)
class State:
    """Everything that changes while reading, so that it can be rolled back.

    segments: oldest generation first, the current one last. dropped: files that this state no longer reads. skipped_files:
    device, inode, size and mtime of those that need no further look: read to their end, copies of others, or unreadable. seen:
    unix seconds of the last complete look at the folder. first: of the first look. waiting: rotated files that cannot be
    read yet, and since when. folders: the folders' signature at the last search. crowded: there are more rotated files than may
    be open at once, so the log itself has to wait for a while. late: numbers of generations whose lines are older than some of
    the log that were returned. delayed: since when older files have had unread bytes, 0 while none has. examinations: of
    compressed files.

    At a start only: known: generations whose files are still to be found; from_end: whether to begin at the end of the log;
    backfill: whether to read all rotated files.
    """

    segments: list[Segment] = field(default_factory=list)
    dropped: list[Source] = field(default_factory=list)
    skipped_files: frozenset[tuple[int, ...]] = frozenset()
    lost: list[Lost] = field(default_factory=list)
    ended: list[Checkpoint] = field(default_factory=list)
    newest: int = 0
    seen: float = 0.0
    first: float = float("inf")
    waiting: dict[Path, float] = field(default_factory=dict)
    folders: tuple[int, ...] | None = None
    crowded: bool = False
    known: list[Checkpoint] = field(default_factory=list)
    from_end: bool = False
    copies: str = ""
    backfill: bool = False
    late: frozenset[int] = frozenset()
    delayed: float = 0.0
    examinations: Examinations = field(default_factory=Examinations)

    def copy(self) -> "State":
        """Return a state to change, while this one stays as it is."""
        segments = [replace(one) for one in self.segments]
        return replace(self, segments=segments, dropped=[], lost=self.lost[:], ended=self.ended[:], known=self.known[:])

    def current(self) -> Segment | None:
        """The segment whose file has the log's name."""
        return self.segments[-1] if self.segments and self.segments[-1].current else None

    def holding(self, device: int, inode: int) -> Segment | None:
        """The segment that is read from this file."""
        return next((f for f in self.segments if (f.source.device, f.source.inode) == (device, inode)), None)

    def see(self, now: float) -> None:
        """Note a complete look. Time goes forward, unless somebody has set the clock back."""
        self.seen = now if now < self.seen - TIME_SLACK else max(self.seen, now)
        del self.ended[:-KEPT_ENDED]

    def number(self) -> int:
        """The number of a new generation."""
        self.newest += 1
        return self.newest

    def open(self, path: Path) -> Source:
        """Open a file that may hold a generation. Raises OSError when it cannot be opened or is no regular file."""
        return open_source(path, self.examinations)

    def add(self, segment: Segment) -> None:
        """Read this segment too: in its turn, or beside the log if that is already further."""
        current = self.current()
        if current is not None and current.checkpoint.offset and not segment.current:
            self.late |= {segment.checkpoint.generation}
        self.segments.append(segment)
        self.segments.sort(key=lambda f: (f.current, f.checkpoint.generation))

    def rename(self, current: Segment | None, now: float) -> None:
        """Give the log's name to `current` alone."""
        for segment in self.segments:
            if segment.current and segment is not current:
                segment.phase, segment.moved = Phase.DRAINING, now
        if current:
            current.phase = Phase.FOLLOWING
            self.segments.sort(key=lambda f: (f.current, f.checkpoint.generation))

    def drop(self, segment: Segment) -> None:
        """Stop reading a file."""
        self.segments.remove(segment)
        self.dropped.append(segment.source)

    def end(self, segment: Segment) -> None:
        """Stop reading a generation: all of it was read."""
        self.drop(segment)
        if segment.settled:
            self.skipped_files |= {
                (segment.source.device, segment.source.inode, segment.settled.size, segment.settled.mtime_ns)
            }
        self.ended.append(replace(segment.checkpoint, ended=True))

    def hand_over(self, segment: Segment, checkpoint: Checkpoint) -> None:
        """Continue a segment as another generation, from that one's checkpoint."""
        self.ended.append(replace(segment.checkpoint, ended=True))
        if self.is_late(segment):
            self.late |= {checkpoint.generation}
        segment.checkpoint, segment.content_examined = checkpoint.within(segment.source), True
        segment.settled, segment.is_signature_reliable = None, False
        self.segments.sort(key=lambda f: (f.current, f.checkpoint.generation))

    def is_late(self, segment: Segment) -> bool:
        """Whether a segment is read beside the log."""
        return segment.checkpoint.generation in self.late and not segment.current

    def others(self, segment: Segment) -> list[Checkpoint]:
        """The checkpoints of generations of which the file of `segment` may be an older copy."""
        reading = [f.checkpoint for f in self.segments if f is not segment]
        return [*reading, *(lost.checkpoint for lost in self.lost), *self.known, *self.ended]

    def living(self) -> list[Checkpoint]:
        """The checkpoints of generations that may grow."""
        return [*(f.checkpoint for f in self.segments), *(lost.checkpoint for lost in self.lost), *self.known]

    def checkpoints(self) -> list[Checkpoint]:
        """The checkpoints of all generations."""
        return [*self.living(), *self.ended]


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the log: what it finds out is noted in `state`, what it returns in `read`.

    path: of the log. now: unix seconds. limit: bytes to read, unless one line is longer. archived: yields the checksums of a
    generation that are in the archive.
    """

    path: Path
    state: State
    read: Read
    now: float
    limit: int
    archived: Archived

    def report_flaw(self, source: Source) -> None:
        """Name what is wrong with a compressed file that is read: a gap if lines are lost."""
        if source.is_damaged:
            self.read.gaps.append(Gap(self.state.newest, "unreachable", self.now, f"{source.path}: {source.flaw}"))
        elif source.flaw:
            self.read.notes.append(f"{source.path}: {source.flaw}")

    def sums(self, generation: int, offset: int = 0) -> Iterator[LineSums]:
        """Yield the checksums of a generation that end behind `offset`: those of the archive, and those of this look."""
        new = {one.start: one for one in self.read.sums if one.generation == generation and one.end > offset}
        old = (one for one in self.archived(generation, offset) if one.start not in new)
        return merge(old, sorted(new.values(), key=_start), key=_start)
