"""A generation of the log, its checkpoint, and the file that it is read from.

A generation is all content that shares one consumed prefix. The question is never "is it the same file?" but "does this file
still begin with what was consumed?". Device and inode only say where to look first: inodes are reused, and a copy or a restored
backup has another one.
"""

import errno
import os
import stat as modes
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from bigdipper_exporter.files import kind

HEAD_BYTES = 1024
TAIL_BYTES = 256  # several lines, so that at least one of them has a time
CHUNK = 1 << 20

# Seconds. A file can change twice within one tick of the kernel's clock and look unchanged, so it is checked again afterwards.
TICK = 0.02


class FileSignature(NamedTuple):
    """Size in bytes, and the times of the last change in nanoseconds. It changes whenever the content does."""

    size: int
    mtime_ns: int
    ctime_ns: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a generation is consumed; a row of the archive's table `checkpoints`.

    A line is identified by (generation, byte offset of its start). head, tail: the first 1024 bytes, and the last 256 before
    `offset`. skipping: the offset is inside a line that was too long. ended: it is never read again. updated: unix seconds of
    the last complete look at the log's folder. lines: newlines before `offset`; None while they are not counted.
    """

    generation: int
    path: str
    device: int
    inode: int
    offset: int
    head: bytes
    tail: bytes
    skipping: bool
    ended: bool
    updated: float
    lines: int | None = None

    def advanced(self, data: bytes, size: int, lines: int | None = None) -> "Checkpoint":
        """Return the checkpoint after the first `size` bytes of `data`, which begins at `offset`. lines: newlines in them."""
        head = self.head if len(self.head) == HEAD_BYTES else self.head + data[: min(size, HEAD_BYTES - len(self.head))]
        tail = (self.tail + data[max(0, size - TAIL_BYTES) : size])[-TAIL_BYTES:]
        counted = None if self.lines is None or lines is None else self.lines + lines
        return replace(self, offset=self.offset + size, head=head, tail=tail, lines=counted)

    def at(self, source: "Source", offset: int) -> "Checkpoint":
        """Return the checkpoint at `offset` of `source`, as if everything before it had been consumed."""
        start = max(0, offset - TAIL_BYTES)
        head, tail = source.read(0, min(offset, HEAD_BYTES)), source.read(start, offset - start)
        return replace(self, offset=offset, head=head, tail=tail, lines=None)

    def within(self, source: "Source") -> "Checkpoint":
        """Return the same checkpoint, continued in `source`."""
        return replace(self, path=str(source.path), device=source.device, inode=source.inode, ended=False)


class Source:
    """An open plain file that holds a generation, or a copy of it. Once open, it never raises OSError.

    trouble: the error of the last read; while there is one, no answer about the content counts.
    """

    __slots__ = ("_fd", "device", "inode", "path", "trouble")
    gz = False
    is_refused = False  # it is no log
    is_waiting = False  # it is compressed, and not yet examined to its end
    flaw: str | None = None  # what is wrong with its compressed data
    is_damaged = False  # it ends at that flaw: what came behind is lost

    def __init__(self, path: Path) -> None:
        """Open the file. Raises OSError when it cannot be opened or is no regular file."""
        self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a FIFO would block
        stat = os.fstat(self._fd)
        self.path, self.device, self.inode = path, stat.st_dev, stat.st_ino
        self.trouble: OSError | None = None
        if not modes.S_ISREG(stat.st_mode):
            self.close()
            raise OSError(errno.EINVAL, f"is {kind(stat.st_mode)}, not a regular file")

    def signature(self) -> FileSignature:
        """Return the file's signature, all zeros when the disk does not give it."""
        try:
            stat = os.fstat(self._fd)
        except OSError as error:
            self.trouble = error
            return FileSignature(0, 0, 0)
        return FileSignature(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)

    def is_(self, stat: os.stat_result) -> bool:
        """Whether `stat` is of this file."""
        return (self.device, self.inode) == (stat.st_dev, stat.st_ino)

    def holds(self, checkpoint: Checkpoint) -> bool:
        """Whether the generation was last read from this file, or from an earlier one with the same inode."""
        return (self.device, self.inode) == (checkpoint.device, checkpoint.inode)

    def size(self) -> int:
        """Return the bytes of content."""
        return self.signature().size

    def linked(self) -> bool:
        """Whether the file still has a name."""
        with suppress(OSError):
            return os.fstat(self._fd).st_nlink > 0
        return False

    def read(self, offset: int, size: int) -> bytes:
        """Return up to `size` bytes at `offset`; fewer at the end of the file, or on a read error."""
        try:
            return os.pread(self._fd, size, offset)
        except OSError as error:
            self.trouble = error
            return b""

    def reach(self, offset: int) -> bool:
        """Return whether `offset` can be read at once; a compressed file has to be unpacked up to there."""
        return True

    def whole(self) -> bool:
        """Whether the file is complete; a gzip file may still be growing."""
        return True

    def fits(self, checkpoint: Checkpoint) -> bool | None:
        """Whether this file begins with the consumed prefix of `checkpoint`; None while that cannot be known.

        It cannot while a gzip file is incomplete, or after a read error.
        """
        self.trouble = None
        start = checkpoint.offset - len(checkpoint.tail)
        same = (
            self.size() >= checkpoint.offset
            and self.read(0, len(checkpoint.head)) == checkpoint.head
            and self.read(start, len(checkpoint.tail)) == checkpoint.tail
        )
        return None if self.trouble else same

    def begins(self, checkpoint: Checkpoint) -> bool:
        """Whether this file holds only the beginning of what `checkpoint` has consumed: it is an earlier copy."""
        size = self.size()
        return 0 < size < checkpoint.offset and self.read(0, len(checkpoint.head)) == checkpoint.head[:size]

    def find(self, data: bytes) -> int:
        """Return the position of the first occurrence of `data`, or -1."""
        position = 0
        while len(chunk := self.read(position, CHUNK)) >= len(data):
            if (found := chunk.find(data)) >= 0:
                return position + found
            position += len(chunk) - len(data) + 1
        return -1

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def beginning(source: Source, generation: int, now: float) -> Checkpoint:
    """Return the checkpoint at the beginning of `source`, with this generation number."""
    return Checkpoint(generation, str(source.path), source.device, source.inode, 0, b"", b"", False, False, now, 0)
