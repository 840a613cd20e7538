"""What is known of a generation of the log: the bytes that share one consumed prefix.

The question is never "is it the same file?" but "is what was consumed still the beginning of this file?". Device and inode
only say where to look first: inodes are reused, and a copy or a restored backup has another one.
"""

import gzip
import os
import zlib
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, cast

HEAD_BYTES = 1024
TAIL_BYTES = 64


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a generation is consumed; a row of the archive's table of that name.

    The identity of a line is (generation, byte offset of its start). `head` and `tail` are the first 1024 and the last 64
    bytes before `offset`. `skipping`: inside a line that was too long. `ended`: never to be read again. `updated`: unix
    seconds.
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

    def advanced(self, consumed: bytes) -> "Checkpoint":
        """The checkpoint behind `consumed`, the bytes that follow `offset`."""
        head = self.head if len(self.head) == HEAD_BYTES else (self.head + consumed[:HEAD_BYTES])[:HEAD_BYTES]
        tail = (self.tail + consumed[-TAIL_BYTES:])[-TAIL_BYTES:]
        return replace(self, offset=self.offset + len(consumed), head=head, tail=tail)


class Source:
    """An open file that holds a generation, or a copy of it: plain or gzip. Reads at any offset; never raises OSError."""

    __slots__ = ("_file", "device", "gz", "inode", "path")

    def __init__(self, path: Path) -> None:
        """OSError when the file cannot be opened, or is no regular file."""
        file = cast(BinaryIO, open(path, "rb", buffering=0))  # noqa: SIM115 - closed by close()
        stat = os.fstat(file.fileno())
        self.path, self.device, self.inode = path, stat.st_dev, stat.st_ino
        self.gz = path.suffix == ".gz"
        self._file = cast(BinaryIO, gzip.GzipFile(fileobj=file, mode="rb")) if self.gz else file

    def stat(self) -> os.stat_result:
        """What the kernel says of the open file, whatever its name is now."""
        return os.fstat(self._file.fileno())

    def signature(self) -> tuple[int, int, int]:
        """Changes whenever the content does: size, mtime, ctime (nanoseconds)."""
        stat = self.stat()
        return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns

    def read(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes at `offset`; fewer at the end, or where a gzip stream is not complete."""
        chunks: list[bytes] = []
        with suppress(OSError, EOFError, zlib.error):
            self._file.seek(offset)
            while size > 0 and (chunk := self._file.read(size)):
                chunks.append(chunk)
                size -= len(chunk)
        return b"".join(chunks)

    def whole(self) -> bool:
        """Whether a gzip file is complete; a plain one always is."""
        if not self.gz:
            return True
        try:
            self._file.seek(0)
            while self._file.read(1 << 20):
                pass
        except (OSError, EOFError, zlib.error):
            return False
        return True

    def fits(self, checkpoint: Checkpoint) -> bool:
        """Whether the consumed prefix of `checkpoint` is the beginning of this file."""
        if not self.gz and self.stat().st_size < checkpoint.offset:
            return False
        if self.read(0, len(checkpoint.head)) != checkpoint.head:
            return False
        start = checkpoint.offset - len(checkpoint.tail)
        return self.read(start, len(checkpoint.tail)) == checkpoint.tail

    def begins(self, checkpoint: Checkpoint) -> bool:
        """Whether this file is itself just the beginning of what `checkpoint` has consumed: a copy made before its end."""
        size = len(self.read(0, checkpoint.offset)) if self.gz else self.stat().st_size
        return 0 < size < checkpoint.offset and self.read(0, len(checkpoint.head)) == checkpoint.head[:size]

    def close(self) -> None:
        """Give the file back."""
        self._file.close()


def siblings(path: Path) -> list[Path]:
    """Rotated forms of `path` in its folder (`.1`, `.2.gz`, `-20251017`, `.2025-10-17`), the oldest change first."""
    found: list[tuple[float, str]] = []
    with suppress(OSError), os.scandir(path.parent) as entries:
        for entry in entries:
            rest = entry.name.removeprefix(path.name)
            if rest == entry.name or rest[:1] not in (".", "-") or not any(c.isdigit() for c in rest):
                continue
            with suppress(OSError):
                if entry.is_file():
                    found.append((entry.stat().st_mtime, entry.name))
    return [path.with_name(name) for _, name in sorted(found)]
