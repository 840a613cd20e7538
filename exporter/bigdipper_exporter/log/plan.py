"""Decides what the tailer does next, from facts about the files and what it knows of them.

Everything here is pure: no file, clock or archive is touched. A dataclass holds what the folder shows, a function returns the
action by its name, and the module that has collected the facts carries it out (`name.py`, `rotation.py`, `search.py`,
`portion.py`). Rotated files that were never read are judged in the same way, in `verdict.py`.
"""

import errno
from dataclasses import dataclass
from enum import Enum, auto
from typing import Literal

# Seconds. A file that is cut so soon after it was read to its end was rotated: nothing is missing, even without a copy of it.
WINDOW_SECONDS = 1.0

# How long to wait for a file that cannot be read to its end: it may be in the middle of compression.
UNREADABLE_SECONDS = 10.0

# Older files with more unread bytes than this, or that have kept the log waiting for so many seconds, are read beside it.
LATE_BYTES = 32 << 20
LATE_SECONDS = 5.0

# A writer keeps the file open that it began with, however often it is renamed. At most this many old files stay open.
MAX_DRAINING = 16


class Phase(Enum):
    """What may still happen to a segment's file."""

    FOLLOWING = auto()  # it has the log's name
    DRAINING = auto()  # it was renamed; its writer may not have noticed yet
    COMPLETE = auto()  # nobody writes to it: it is a copy, or compressed


def is_given_up(waited: float) -> bool:
    """Whether a file that cannot be read has been waited for long enough. waited: seconds."""
    return waited > UNREADABLE_SECONDS


# -- the log's name


@dataclass(frozen=True, slots=True)
class NameFacts:
    """What the log's name shows. error: the errno of the attempt to look, 0 for none.

    holder: the phase of the segment whose file has the name; None for a file that is not followed. is_changed: whether there
    may be other files beside it than before. is_waiting: whether a rotated file could not be read so far.
    """

    error: int = 0
    holder: Phase | None = None
    is_changed: bool = False
    is_waiting: bool = False


class NameAction(Enum):
    """What to do about the log's name."""

    KEEP = auto()
    SEARCH = auto()  # look at the rotated files
    TAKE_BACK = auto()  # a file that was renamed has the name again
    TAKE_UP = auto()  # another file has the name
    RELEASE = auto()  # no file has the name
    WAIT = auto()  # nobody can say


def name_action(name: NameFacts) -> NameAction:
    """Decide what to do about the log's name."""
    if name.error:
        return NameAction.RELEASE if name.error == errno.ENOENT else NameAction.WAIT
    if name.holder is None:
        return NameAction.TAKE_UP
    if name.holder is not Phase.FOLLOWING:
        return NameAction.TAKE_BACK
    return NameAction.SEARCH if name.is_changed or name.is_waiting else NameAction.KEEP


# -- a generation that was being read when the exporter stopped


@dataclass(frozen=True, slots=True)
class KnownFacts:
    """A generation of which no file is open. place: where its file is. is_log: whether a file has the log's name.

    is_taken: whether another generation continues in that file. is_consumed: whether anything of it was read. is_elsewhere:
    whether it belongs to another log. is_same_file: whether the log is the file that it was read from.
    """

    place: Literal["log", "beside"] | None
    is_log: bool = True
    is_taken: bool = False
    is_consumed: bool = True
    is_elsewhere: bool = False
    is_same_file: bool = False


class KnownAction(Enum):
    """What to do with a generation after a start."""

    WAIT = auto()  # its file may still turn up
    CONTINUE = auto()  # in the file with the log's name
    DRAIN = auto()  # in a rotated file
    LOSE_CUT = auto()  # search for a copy: the log was cut or rewritten
    LOSE = auto()  # search for a copy
    END = auto()  # nothing of it was read


def known_action(known: KnownFacts) -> KnownAction:
    """Decide where a generation continues."""
    is_homeless = known.place is None or (known.place == "log" and known.is_taken)
    if (known.place is None and not known.is_log) or (is_homeless and known.is_elsewhere):
        return KnownAction.WAIT
    if known.place == "beside":
        return KnownAction.DRAIN
    if not is_homeless:
        return KnownAction.CONTINUE
    if not known.is_consumed:
        return KnownAction.END
    return KnownAction.LOSE_CUT if known.is_same_file else KnownAction.LOSE


# -- a file that no longer begins with what was consumed of it


@dataclass(frozen=True, slots=True)
class CutFacts:
    """phase: of its segment. is_linked: whether it has a name. size: in bytes. offset: up to where it was consumed.

    settled: its size when it was read to its end, None if it was not. since: seconds since it was last seen to be.
    """

    phase: Phase
    is_linked: bool
    size: int
    offset: int
    settled: int | None
    since: float


class CutAction(Enum):
    """What to do with a file that was cut or rewritten; what it held is searched among the rotated files."""

    RESTART = auto()  # read it from its beginning
    DROP = auto()  # it may be a copy of another generation, or new: that is decided as for any rotated file


def cut_action(cut: CutFacts) -> CutAction:
    """Decide whether the file itself is read again."""
    return CutAction.RESTART if cut.phase is Phase.FOLLOWING or not cut.is_linked else CutAction.DROP


def was_complete(cut: CutFacts) -> bool:
    """Whether everything had been read a moment before. A rotation leaves a shorter file; a longer one was rewritten."""
    return cut.settled == cut.offset and cut.since <= WINDOW_SECONDS and cut.size < cut.offset


# -- a generation whose file no longer holds it


class Copy(Enum):
    """What the search for a copy of a lost generation has found."""

    HELD = auto()  # a file that is being read
    FOUND = auto()
    WAITING = auto()  # a compressed file is still being examined
    CONTINUED = auto()  # a newer generation began with everything that was consumed
    UNSETTLED = auto()  # there may be a file that cannot be read yet
    MISSING = auto()


class LostAction(Enum):
    """What to do about a lost generation."""

    WAIT = auto()
    EXAMINE = auto()  # wait, from now on
    HAND_OVER = auto()  # continue in the file that is being read
    RESUME = auto()  # continue in the copy
    END = auto()
    END_WITH_GAP = auto()  # unless the log is the rest of it


def lost_action(copy: Copy, age: float, is_complete: bool) -> LostAction:
    """Decide about a lost generation. age: seconds since it was lost. is_complete: whether everything had been read."""
    found = {
        Copy.HELD: LostAction.HAND_OVER,
        Copy.FOUND: LostAction.RESUME,
        Copy.WAITING: LostAction.EXAMINE,
        Copy.CONTINUED: LostAction.END,
    }
    if copy in found:
        return found[copy]
    if copy is Copy.UNSETTLED:
        return LostAction.END_WITH_GAP if is_given_up(age) else LostAction.WAIT
    return LostAction.END if is_complete else LostAction.END_WITH_GAP


# -- whose content a file holds


class Ownership(Enum):
    """Whose content the file of a segment holds."""

    UNKNOWN = auto()  # it holds no line that was not consumed before as another generation
    HELD = auto()  # it may be in the middle of being filled with what was consumed before: nothing of it is read yet
    OWN = auto()  # it is read


@dataclass(frozen=True, slots=True)
class TracedFacts:
    """What a file has in common with another generation. offset: of its own checkpoint. shared: bytes in common.

    is_certain: whether that is too much for chance. is_followed: whether another line comes behind it. is_short: whether the
    file ends before the first checksum that is kept of the other generation. is_filling: whether it is the log, emptied, and
    has grown a moment ago.
    """

    offset: int
    shared: int = 0
    is_certain: bool = False
    is_followed: bool = False
    is_short: bool = False
    is_filling: bool = False


def ownership_of(traced: TracedFacts) -> Ownership:
    """Decide whether a file is read. Losing a line is worse than repeating one: in doubt it is read, after a while."""
    if traced.shared < traced.offset:
        return Ownership.OWN
    if traced.is_short and traced.is_filling:
        return Ownership.HELD
    if traced.is_followed:
        return Ownership.OWN
    if traced.is_certain or not traced.shared:
        return Ownership.UNKNOWN
    return Ownership.HELD if traced.is_filling else Ownership.OWN


# -- one portion of a file


@dataclass(frozen=True, slots=True)
class PortionFacts:
    """What was read. fits: whether the file still begins with what was consumed; None while nobody can say. failing: seconds
    since the disk has returned errors. is_full: whether there may be more.
    """

    phase: Phase
    fits: bool | None
    failing: float = 0.0
    is_full: bool = False


class PortionAction(Enum):
    """What to do with what was read."""

    TRY_AGAIN = auto()  # the disk failed
    LOSE = auto()  # it has failed for long, and the file has another name than the log
    SEARCH = auto()  # discard it: the file was cut meanwhile
    MORE = auto()  # take it and read on
    SETTLE = auto()  # take it: that was all for now
    END = auto()  # take it: that was all


def portion_action(portion: PortionFacts) -> PortionAction:
    """Decide what to do with what was read."""
    if portion.fits is None:
        is_lost = portion.phase is not Phase.FOLLOWING and is_given_up(portion.failing)
        return PortionAction.LOSE if is_lost else PortionAction.TRY_AGAIN
    if not portion.fits:
        return PortionAction.SEARCH
    if portion.is_full:
        return PortionAction.MORE
    return PortionAction.END if portion.phase is Phase.COMPLETE else PortionAction.SETTLE


# -- which files come first, and which are closed


def is_delayed(left: int, waited: float, is_crowded: bool) -> bool:
    """Whether older files would delay the log for long. left: their unread bytes. waited: seconds that the log has waited."""
    return (left > 0 or is_crowded) and (left > LATE_BYTES or waited > LATE_SECONDS)


@dataclass(frozen=True, slots=True)
class Drained:
    """A renamed file that is read to its end. quiet: seconds without growth. has_newer: whether a newer one has grown."""

    quiet: float
    has_newer: bool


def surplus(drained: list[Drained], quiet: float) -> list[int]:
    """Return which files to close: those whose writer uses a newer one, and the first, which are the oldest, of too many."""
    return [
        number
        for number, one in enumerate(drained)
        if number < len(drained) - MAX_DRAINING or (one.has_newer and one.quiet > quiet)
    ]
