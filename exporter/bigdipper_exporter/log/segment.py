"""What is known of a generation of the log: the bytes that share one consumed prefix.

The question is never "is it the same file?" but "is what was consumed still the beginning of this file?". Device and inode
only say where to look first: inodes are reused, and a copy or a restored backup has another one.
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
TAIL_BYTES = 256  # several lines, so that at least one of them bears a time
CHUNK = 1 << 20

# Seconds. A file can change twice within one tick of the kernel's clock and look the same: look again after it.
TICK = 0.02

# An empty gzip file has 20 bytes or so: one that is shorter has only just been made.
GZIP_LEAST = 18
# A file that holds more than so many bytes, and so many for each that it has itself, is no log: those shrink to a tenth.
BOMB_BYTES = 32 << 20
BOMB_RATIO = 200
GZIP_ERRORS = (OSError, EOFError, zlib.error)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a generation is consumed; a row of the archive's table of that name.

    The identity of a line is (generation, byte offset of its start). `head` and `tail` are the first 1024 and the last 256
    bytes before `offset`. `skipping`: inside a line that was too long. `ended`: never to be read again. `updated`: unix
    seconds up to which nothing that happened to the log can have gone unseen.
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
        """The checkpoint behind the first `size` bytes of `data`, which follows `offset`."""
        head = self.head if len(self.head) == HEAD_BYTES else self.head + data[: min(size, HEAD_BYTES - len(self.head))]
        tail = (self.tail + data[max(0, size - TAIL_BYTES) : size])[-TAIL_BYTES:]
        return replace(self, offset=self.offset + size, head=head, tail=tail)

    def at(self, source: "Source", offset: int) -> "Checkpoint":
        """The checkpoint at `offset` of `source`, as if everything before it had been consumed."""
        start = max(0, offset - TAIL_BYTES)
        head, tail = source.read(0, min(offset, HEAD_BYTES)), source.read(start, offset - start)
        return replace(self, offset=offset, head=head, tail=tail)

    def within(self, source: "Source") -> "Checkpoint":
        """The same, to be read on from `source`."""
        return replace(self, path=str(source.path), device=source.device, inode=source.inode, ended=False)


class Source:
    """An open plain file that holds a generation, or a copy of it. Once open, never raises OSError.

    trouble: why the disk did not give what was last asked for; until it does, nothing that is said of the content counts.
    """

    __slots__ = ("_fd", "device", "inode", "path", "trouble")
    gz = False
    is_refused = False  # what it holds is no log

    def __init__(self, path: Path) -> None:
        """OSError when the file cannot be opened, or is no regular file."""
        self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a FIFO would block
        stat = os.fstat(self._fd)
        self.path, self.device, self.inode = path, stat.st_dev, stat.st_ino
        self.trouble: OSError | None = None
        if not modes.S_ISREG(stat.st_mode):
            self.close()
            raise OSError(errno.EINVAL, "is a folder" if modes.S_ISDIR(stat.st_mode) else "is no regular file")

    def signature(self) -> tuple[int, int, int]:
        """Changes whenever the content does: size, mtime, ctime (nanoseconds)."""
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
        """Whether the generation was last read from this file, or from one that had its inode before."""
        return (self.device, self.inode) == (checkpoint.device, checkpoint.inode)

    def size(self) -> int:
        """Bytes of content."""
        return self.signature()[0]

    def linked(self) -> bool:
        """Whether the file still has a name."""
        with suppress(OSError):
            return os.fstat(self._fd).st_nlink > 0
        return False

    def read(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes at `offset`; fewer at the end, or where the disk fails."""
        try:
            return os.pread(self._fd, size, offset)
        except OSError as error:
            self.trouble = error
            return b""

    def whole(self) -> bool:
        """Whether the file is complete: a gzip file may still be being written."""
        return True

    def fits(self, checkpoint: Checkpoint) -> bool | None:
        """Whether the consumed prefix of `checkpoint` is the beginning of this file; None while that cannot be seen.

        A gzip file may be incomplete yet, and a disk may fail.
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
        """Whether this file is itself just the beginning of what `checkpoint` has consumed: a copy made before its end."""
        size = self.size()
        return 0 < size < checkpoint.offset and self.read(0, len(checkpoint.head)) == checkpoint.head[:size]

    def find(self, data: bytes) -> int:
        """Position of the first occurrence of `data`, -1 without one."""
        position = 0
        while len(chunk := self.read(position, CHUNK)) >= len(data):
            if (found := chunk.find(data)) >= 0:
                return position + found
            position += len(chunk) - len(data) + 1
        return -1

    def close(self) -> None:
        """Give the file back."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class Packed(Source):
    """A gzip file, by its content. Reading on is cheap, reading back means to begin again."""

    __slots__ = ("_file", "_kept", "_raw", "_size", "_start", "is_refused")
    gz = True

    def __init__(self, path: Path) -> None:
        """OSError when the file cannot be opened, or is no regular file."""
        super().__init__(path)
        self._raw = open(self._fd, "rb", buffering=0, closefd=False)  # noqa: SIM115 - closed by close()
        self._file = gzip.GzipFile(fileobj=self._raw, mode="rb")
        self._start, self._kept, self._size = 0, b"", -1
        self.is_refused = False

    def size(self) -> int:
        """Bytes of content; 0 while that is not known."""
        return max(0, self._size) if self.whole() else 0

    def read(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes at `offset`; fewer at the end, or where the stream is not complete."""
        # What the last read brought is kept, for the reader comes back for the beginning of a line that was not whole.
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
        """As for a plain file; the cheap question comes first."""
        if not checkpoint.head.startswith(self.read(0, len(checkpoint.head))):
            return False
        return super().fits(checkpoint) if self.whole() else None

    def close(self) -> None:
        """Give the file back."""
        self._file.close()
        self._raw.close()
        super().close()


def beginning(source: Source, generation: int, now: float) -> Checkpoint:
    """The beginning of `source`, as generation `generation`."""
    return Checkpoint(generation, str(source.path), source.device, source.inode, 0, b"", b"", False, False, now)


def open_source(path: Path) -> Source:
    """The file at `path`, plain or gzip by its name. OSError when it cannot be opened, or is no regular file."""
    return Packed(path) if path.suffix == ".gz" else Source(path)


def legible(path: Path) -> Source:
    """The same, and OSError when the disk does not give its beginning."""
    source = open_source(path)
    source.read(0, 1)
    if source.trouble:
        source.close()
        raise source.trouble
    return source
