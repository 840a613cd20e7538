"""The state of a tailer: which generations are being read from which files, which are lost, which are at their end."""

import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from bigdipper_exporter.log.segment import TICK, Checkpoint, Source

# Generations that ended before the log was last seen through; later ones are all known, lest their files be taken for unseen.
KEPT_ENDED = 1000

# Compressing keeps the time of a file, some to the second only.
TIME_SLACK = 2.0


@dataclass(slots=True)
class Follow:
    """A generation and the file it is read from.

    current: the file bears the log's name. still: nobody writes to it, it ends at its end. begun: something of it was looked
    at. settled: its signature when it was read to its end; sure: long enough after its last change to tell by that whether
    there is another. moved: when it last grew or lost its name; failing: since when the disk does not give it; ended_at: when
    it was last seen to be read to its end; unix seconds. held: size and time of a file that is not read yet, since it may
    become what was read before.
    """

    source: Source
    checkpoint: Checkpoint
    current: bool = False
    still: bool = False
    begun: bool = False
    settled: tuple[int, int, int] | None = None
    sure: bool = False
    moved: float = 0.0
    failing: float = 0.0
    ended_at: float = 0.0
    held: tuple[int, float] = (0, 0.0)

    def unchanged(self) -> bool:
        """Whether there is certainly nothing to read."""
        return self.sure and self.settled == self.source.signature()

    def settle(self, signature: tuple[int, int, int]) -> None:
        """Everything was read when the file had this `signature`."""
        self.settled, self.sure = signature, time.time_ns() - signature[2] > TICK * 1e9

    def restart(self) -> None:
        """Read from the beginning of the file."""
        self.checkpoint = replace(self.checkpoint, offset=0, head=b"", tail=b"", skipping=False)
        self.settled, self.sure = None, False


@dataclass(frozen=True, slots=True)
class Lost:
    """A generation whose file no longer holds it. since: unix seconds; reason: of the gap, if no copy is found.

    is_complete: everything had been read a moment before, so nothing is missing without a copy.
    """

    checkpoint: Checkpoint
    since: float
    reason: str
    is_complete: bool = False


@dataclass(slots=True)
class State:
    """Everything that changes while reading, so that it can be taken back.

    follows: oldest generation first, the current one last. dropped: files that this state has given up. passed: device, inode,
    size and mtime of files that were read to their end and given up, that are copies of what others hold, or of which it was
    told that they cannot be read. seen: up to when the log was seen through completely; first:
    when it was looked at for the first time. waiting: rotated files that cannot be
    read yet, and since when; folders: how theirs were at the last search. crowded: there are more of them than may be open at
    once, so the log has to wait. Of the start only: known generations to take up, whether to begin at the end, whether to read
    all rotated files.
    """

    follows: list[Follow] = field(default_factory=list)
    dropped: list[Source] = field(default_factory=list)
    passed: frozenset[tuple[int, ...]] = frozenset()
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

    def copy(self) -> "State":
        """A state to change, while this one stays."""
        follows = [replace(f) for f in self.follows]
        return replace(self, follows=follows, dropped=[], lost=self.lost[:], ended=self.ended[:], known=self.known[:])

    def current(self) -> Follow | None:
        """The file that bears the log's name."""
        return self.follows[-1] if self.follows and self.follows[-1].current else None

    def holding(self, device: int, inode: int) -> Follow | None:
        """What is read from this file."""
        return next((f for f in self.follows if (f.source.device, f.source.inode) == (device, inode)), None)

    def see(self, now: float) -> None:
        """Everything was looked at. Time goes on, unless somebody has set the clock back."""
        self.seen = now if now < self.seen - TIME_SLACK else max(self.seen, now)
        del self.ended[:-KEPT_ENDED]

    def number(self) -> int:
        """A new generation's."""
        self.newest += 1
        return self.newest

    def add(self, follow: Follow) -> None:
        """Read this one too, in its turn."""
        self.follows.append(follow)
        self.follows.sort(key=lambda f: (f.current, f.checkpoint.generation))

    def rename(self, current: Follow | None, now: float) -> None:
        """`current` alone bears the log's name."""
        for follow in self.follows:
            if follow.current and follow is not current:
                follow.current, follow.moved = False, now
        if current:
            current.current = True
            self.follows.sort(key=lambda f: (f.current, f.checkpoint.generation))

    def drop(self, follow: Follow) -> None:
        """Read no more from a file."""
        self.follows.remove(follow)
        self.dropped.append(follow.source)

    def end(self, follow: Follow) -> None:
        """Read no more of a generation."""
        self.drop(follow)
        if follow.settled:
            self.passed |= {(follow.source.device, follow.source.inode, *follow.settled[:2])}
        self.ended.append(replace(follow.checkpoint, ended=True))

    def hand_over(self, follow: Follow, checkpoint: Checkpoint) -> None:
        """What was read from a file as one generation is read on as another one."""
        self.ended.append(replace(follow.checkpoint, ended=True))
        follow.checkpoint, follow.begun, follow.settled, follow.sure = checkpoint.within(follow.source), True, None, False
        self.follows.sort(key=lambda f: (f.current, f.checkpoint.generation))

    def living(self) -> list[Checkpoint]:
        """Of the generations that may go on."""
        return [*(f.checkpoint for f in self.follows), *(lost.checkpoint for lost in self.lost), *self.known]

    def checkpoints(self) -> list[Checkpoint]:
        """Of all generations."""
        return [*self.living(), *self.ended]
