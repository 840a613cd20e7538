"""Finds out what is in a compressed file, a bounded portion at a time.

Whether a gzip file is complete, how long it is and what is at a certain position is only known after all of it was unpacked. An
`Examination` does that once, in portions, so that a file of any size never keeps the living log waiting.
"""

import os
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable

from bigdipper_exporter.log.gunzip import Gunzip
from bigdipper_exporter.log.plan import is_given_up
from bigdipper_exporter.log.segment import CHUNK, HEAD_BYTES, TAIL_BYTES, Checkpoint

# A gzip file that expands to more than both limits is no log: logs compress to about a tenth.
BOMB_BYTES = 32 << 20
BOMB_RATIO = 200

# How much is unpacked between two looks at the living log, in bytes: about 50 ms.
ALLOWANCE = 16 << 20
# How many examined files are remembered.
REMEMBERED = 2000

Identity = tuple[int, int, int, int]


class Examination:
    """One pass over a gzip file: its size, its beginning, and the bytes before each offset that a checkpoint may have in it.

    size: bytes of content; -1 while that is not known, or when the stream is incomplete. lines: newlines in it. is_failed: the
    disk returned an error. is_salvaged: what comes before damage counts as the content. flaw: damage, or ignored bytes.
    """

    def __init__(self, fd: int, checkpoints: Iterable[Checkpoint]) -> None:
        """Unpack the beginning of the open file. Raises OSError when there are too many open files."""
        self.size = -1
        self.is_done = self.is_refused = self.is_failed = self.is_salvaged = False
        self.flaw: str | None = None
        self._open(fd)
        self.head = self._unpack(HEAD_BYTES)
        self._wanted = {c.offset for c in checkpoints if c.head == self.head[: len(c.head)]}
        self._begin()

    def _open(self, fd: int) -> None:
        self._fd = os.dup(fd)
        self._file = Gunzip(self._fd)

    def _begin(self) -> None:
        self.lines = self.head.count(b"\n")
        self._position, self._last = len(self.head), self.head[-TAIL_BYTES:]
        self._ends = {end: self.head[max(0, end - TAIL_BYTES) : end] for end in self._wanted if end <= len(self.head)}
        self._ahead = sorted(end for end in self._wanted if end > len(self.head))

    def _unpack(self, size: int) -> bytes:
        try:
            return self._file.read(size)
        except OSError:
            self.is_failed = True
            self._finish()
            return b""

    def _finish(self) -> None:
        self.is_done = True
        self.close()

    def advance(self, allowance: int) -> int:
        """Unpack up to about `allowance` bytes more; return how many."""
        begun = self._position
        while not self.is_done and self._position - begun < allowance:
            chunk = self._unpack(CHUNK)
            if chunk:
                self._keep(chunk)
                self.is_refused = self._position > BOMB_BYTES and self._position > BOMB_RATIO * self._file.used
            elif not self.is_done:
                self._conclude()
            if self.is_refused:
                self._finish()
        return self._position - begun

    def _conclude(self) -> None:
        """Note the size, and what is wrong with the file."""
        file = self._file
        self.flaw = file.damage
        if file.ignored >= 0:
            self.flaw = f"what follows the gzip data from byte {file.ignored:,} on is ignored"
        self._ends[self._position] = self._last
        if file.damage is None or self.is_salvaged:
            self.size = self._position
        self._finish()

    def salvage(self, changed: int) -> None:
        """Take what comes before damage as the content, once nobody is writing the file any more. changed: its ctime, in ns."""
        is_damaged = self.is_done and self.size < 0 and self.flaw is not None
        if is_damaged and self._position and is_given_up(time.time() - changed / 1e9):
            self.is_salvaged, self.size = True, self._position

    def _keep(self, chunk: bytes) -> None:
        """Keep the bytes before each offset of interest in the next `chunk`."""
        text, start = self._last + chunk, self._position - len(self._last)
        self._position += len(chunk)
        self.lines += chunk.count(b"\n")
        passed = bisect_right(self._ahead, self._position)
        for end in self._ahead[:passed]:
            self._ends[end] = text[max(0, end - start - TAIL_BYTES) : end - start]
        self._ahead, self._last = self._ahead[passed:], text[-TAIL_BYTES:]

    def before(self, end: int, fd: int) -> bytes | None:
        """Return the last 256 bytes before `end`; None when a further pass over the file is needed, which begins now."""
        if not end:
            return b""
        if self.size >= 0 and end <= self.size and end not in self._ends:
            self._wanted.add(end)
            self.size, self.is_done = -1, False
            self._open(fd)
            self._unpack(len(self.head))
            self._begin()
        return self._ends.get(end)

    def known(self, offset: int, size: int) -> bytes | None:
        """Return what is known of up to `size` bytes at `offset` without unpacking; None when not all of it is."""
        end = offset + size if self.size < 0 else min(offset + size, self.size)
        if offset <= end <= len(self.head):
            return self.head[offset:end]
        kept = self._ends.get(end)
        return kept[offset - end :] if kept is not None and 0 < end - offset <= len(kept) else None

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class Examinations:
    """The examinations of one tailer, and how much it may still unpack in this read.

    are_waiting: whether an answer has to wait for the next read.
    """

    def __init__(self, checkpoints: Callable[[], Iterable[Checkpoint]] = tuple) -> None:
        """`checkpoints`: returns those of all generations, which a file may continue."""
        self._checkpoints = checkpoints
        self._known: dict[Identity, Examination] = {}
        self._left = ALLOWANCE
        self.are_waiting = False

    def renew(self) -> None:
        """Begin a read: the whole allowance may be used again."""
        self._left, self.are_waiting = ALLOWANCE, False

    def of(self, identity: Identity, fd: int) -> Examination | None:
        """Return the examination of an open file, advanced as far as the allowance permits; None when none is left for it."""
        found = self._known.get(identity)
        if found is not None and found.is_failed:
            del self._known[identity]
            found = None
        if found is None:
            if self._left <= 0:
                self.are_waiting = True
                return None
            while len(self._known) >= REMEMBERED:
                self._known.pop(next(iter(self._known))).close()
            found = self._known[identity] = Examination(fd, self._checkpoints())
        self.advance(found)
        return found

    def advance(self, examination: Examination) -> None:
        """Unpack as much as the allowance permits."""
        if not examination.is_done and self._left > 0:
            self._left -= examination.advance(self._left)
        self.are_waiting |= not examination.is_done

    def close(self) -> None:
        """Close every file."""
        for examination in self._known.values():
            examination.close()
        self._known.clear()
