"""Judges rotated files that were never read, from facts about them. Pure: no file or clock is touched."""

from dataclasses import dataclass
from enum import Enum, auto

# At most this many files are open at a time; there may be thousands of rotated ones.
MAX_OPEN = 64

# Seconds. Compressing keeps a file's time; some programs keep it only to the second.
TIME_SLACK = 2.0


@dataclass(frozen=True, slots=True)
class Rotated:
    """A file beside the log, by its name and times. is_passed: whether it was judged before. is_held: whether it is being read.

    modified, changed: its times (unix seconds). since: of the last complete look at the folder. first: of the first one. files:
    how many files are open.
    """

    is_passed: bool
    is_held: bool
    modified: float
    changed: float
    since: float
    first: float
    files: int


@dataclass(frozen=True, slots=True)
class Content:
    """What is in such a file. is_whole: whether it can be read to its end. is_refused: whether it is no log.

    is_waiting: whether a compressed file has to be examined first. is_read_elsewhere: whether all of it was or will be read
    from another file; None while nobody can say. is_held: whether it has been taken up meanwhile, under another name.
    """

    is_whole: bool
    is_refused: bool = False
    is_waiting: bool = False
    is_read_elsewhere: bool | None = False
    is_held: bool = False


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


def of_rotated(file: Rotated) -> Verdict | None:
    """Judge a file before it is opened; None when its content decides."""
    if file.is_passed or file.is_held:
        return Verdict.KNOWN
    # A file with an old time (`rsync -a`, another machine's clock) may still be new here.
    is_early = file.changed < file.since or file.modified < file.first - TIME_SLACK
    if file.modified < file.since and is_early:
        return Verdict.KNOWN
    return Verdict.CROWDED if file.files >= MAX_OPEN else None


def of_content(content: Content) -> Verdict:
    """Judge a file by what is in it."""
    if content.is_refused:
        return Verdict.REFUSED
    # Files are taken up in their order, so those after one that is being examined wait as well.
    if content.is_waiting:
        return Verdict.WAITING
    if content.is_read_elsewhere is None:
        return Verdict.UNDECIDED if content.is_whole else Verdict.UNREADABLE
    if content.is_read_elsewhere:
        return Verdict.READ
    return Verdict.KNOWN if content.is_held else Verdict.NEW
