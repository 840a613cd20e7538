"""A generation of the log, its checkpoint, and the file that it is read from.

A generation is all content that shares one consumed prefix. The question is never "is it the same file?" but "does this file
still begin with what was consumed?". Device and inode only say where to look first: inodes are reused, and a copy or a restored
backup has another one.
"""

import errno
import gzip
import os
import stat as modes
import zlib
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

HEAD_BYTES = 1024
TAIL_BYTES = 256  # several lines, so that at least one of them has a time
CHUNK = 1 << 20

# Seconds. A file can change twice within one tick of the kernel's clock and look unchanged, so it is checked again afterwards.
TICK = 0.02

# Bytes. An empty gzip file has about 20: a shorter one has only just been created.
GZIP_LEAST = 18
# A gzip file that expands to more than both limits is no log: logs compress to about a tenth.
BOMB_BYTES = 32 << 20
BOMB_RATIO = 200
GZIP_ERRORS = (OSError, EOFError, zlib.error)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a generation is consumed; a row of the archive's table `checkpoints`.

    A line is identified by (generation, byte offset of its start). head, tail: the first 1024 bytes, and the last 256 before
    `offset`. skipping: the offset is inside a line that was too long. ended: it is never read again. updated: unix seconds of
    the last complete look at the log's folder.
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

    def advanced(self, data: bytes, size: int) -> "Checkpoint":
        """Return the checkpoint after the first `size` bytes of `data`, which begins at `offset`."""
        head = self.head if len(self.head) == HEAD_BYTES else self.head + data[: min(size, HEAD_BYTES - len(self.head))]
        tail = (self.tail + data[max(0, size - TAIL_BYTES) : size])[-TAIL_BYTES:]
        return replace(self, offset=self.offset + size, head=head, tail=tail)

    def at(self, source: "Source", offset: int) -> "Checkpoint":
        """Return the checkpoint at `offset` of `source`, as if everything before it had been consumed."""
        start = max(0, offset - TAIL_BYTES)
        head, tail = source.read(0, min(offset, HEAD_BYTES)), source.read(start, offset - start)
        return replace(self, offset=offset, head=head, tail=tail)

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

    def __init__(self, path: Path) -> None:
        """Open the file. Raises OSError when it cannot be opened or is no regular file."""
        self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a FIFO would block
        stat = os.fstat(self._fd)
        self.path, self.device, self.inode = path, stat.st_dev, stat.st_ino
        self.trouble: OSError | None = None
        if not modes.S_ISREG(stat.st_mode):
            self.close()
            raise OSError(errno.EINVAL, "is a folder" if modes.S_ISDIR(stat.st_mode) else "is no regular file")

    def signature(self) -> tuple[int, int, int]:
        """Return size, mtime and ctime (nanoseconds), which change whenever the content does."""
        try:
            stat = os.fstat(self._fd)
        except OSError as error:
            self.trouble = error
            return 0, 0, 0
        return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns

    def is_(self, stat: os.stat_result) -> bool:
        """Whether `stat` is of this file."""
        return (self.device, self.inode) == (stat.st_dev, stat.st_ino)

    def holds(self, checkpoint: Checkpoint) -> bool:
        """Whether the generation was last read from this file, or from an earlier one with the same inode."""
        return (self.device, self.inode) == (checkpoint.device, checkpoint.inode)

    def size(self) -> int:
        """Return the bytes of content."""
        return self.signature()[0]

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


class Packed(Source):
    """The content of a gzip file. Reading forward is cheap; reading backward starts from the beginning."""

    __slots__ = ("_file", "_kept", "_raw", "_size", "_start", "is_refused")
    gz = True

    def __init__(self, path: Path) -> None:
        """Open the file. Raises OSError when it cannot be opened or is no regular file."""
        super().__init__(path)
        self._raw = open(self._fd, "rb", buffering=0, closefd=False)  # noqa: SIM115 - closed by close()
        self._file = gzip.GzipFile(fileobj=self._raw, mode="rb")
        self._start, self._kept, self._size = 0, b"", -1
        self.is_refused = False

    def size(self) -> int:
        """Return the bytes of content; 0 while that is not known."""
        return max(0, self._size) if self.whole() else 0

    def read(self, offset: int, size: int) -> bytes:
        """Return up to `size` bytes at `offset`; fewer at the end, or where the stream is incomplete."""
        # The last result is kept, because the reader comes back for the beginning of an unfinished line.
        if not self._start <= offset <= self._start + len(self._kept):
            self._kept, self._start = b"", offset
            with suppress(*GZIP_ERRORS):
                self._start = self._file.seek(offset)
            if self._start != offset:
                return b""
        data = self._kept[offset - self._start :]
        try:
            while len(data) < size and (chunk := self._file.read(size - len(data))):
                data += chunk
        except GZIP_ERRORS as error:
            if self._size >= 0:
                self.trouble = OSError(errno.EIO, str(error))
        self._start, self._kept = offset, data
        return data[:size]

    def whole(self) -> bool:
        """Whether the stream can be read to its end."""
        if self._size < 0 and not self.is_refused and self.signature()[0] >= GZIP_LEAST:
            size, self._kept = 0, b""
            try:
                self._file.seek(0)
                while chunk := self._file.read(CHUNK):
                    size += len(chunk)
                    self.is_refused = size > BOMB_BYTES and size > BOMB_RATIO * self._raw.tell()
                    if self.is_refused:
                        return False
                self._size = size
            except GZIP_ERRORS:
                size = -1
            self._start = size
        return self._size >= 0

    def fits(self, checkpoint: Checkpoint) -> bool | None:
        """Answer as for a plain file; the cheap comparison comes first."""
        if not checkpoint.head.startswith(self.read(0, len(checkpoint.head))):
            return False
        return super().fits(checkpoint) if self.whole() else None

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        self._raw.close()
        super().close()


def beginning(source: Source, generation: int, now: float) -> Checkpoint:
    """Return the checkpoint at the beginning of `source`, with this generation number."""
    return Checkpoint(generation, str(source.path), source.device, source.inode, 0, b"", b"", False, False, now)


def open_source(path: Path) -> Source:
    """Open the file at `path`, as gzip if its name ends in .gz. Raises OSError when it cannot be, or is no regular file."""
    return Packed(path) if path.suffix == ".gz" else Source(path)


def legible(path: Path) -> Source:
    """Open it in the same way, and raise OSError as well when its beginning cannot be read."""
    source = open_source(path)
    source.read(0, 1)
    if source.trouble:
        source.close()
        raise source.trouble
    return source
