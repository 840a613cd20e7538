"""Reads rotated files that are compressed with gzip, a bounded portion at a time."""

import errno
from contextlib import suppress
from pathlib import Path

from bigdipper_exporter.log import examination
from bigdipper_exporter.log.examination import Examination, Examinations
from bigdipper_exporter.log.gunzip import DEFLATED, Gunzip
from bigdipper_exporter.log.segment import CHUNK, Checkpoint, Source

# Bytes. An empty gzip file has about 20: a shorter one has only just been created.
GZIP_LEAST = 18


class Packed(Source):
    """The content of a gzip file. Reading forward is cheap; reading backward starts from the beginning."""

    __slots__ = ("_examination", "_examinations", "_file", "_kept", "_size", "_start", "is_waiting")
    gz = True

    def __init__(self, path: Path, examinations: Examinations) -> None:
        """Open the file. Raises OSError when it cannot be opened or is no regular file."""
        super().__init__(path)
        self._examinations = examinations
        self._file = Gunzip(self._fd)
        self._start, self._kept, self._size = 0, b"", -1
        self._examination: Examination | None = None
        self.is_waiting = False

    @property
    def is_refused(self) -> bool:  # type: ignore[override]
        """Whether it holds far more than a log of its size would."""
        return self._examination is not None and self._examination.is_refused

    @property
    def flaw(self) -> str | None:  # type: ignore[override]
        """What is wrong with the gzip data, and how many lines can be read nevertheless."""
        found = self._examination
        return f"{found.flaw}; lines that can be read: {found.lines:,}" if found is not None and found.flaw else None

    @property
    def is_damaged(self) -> bool:  # type: ignore[override]
        """Whether it ends at damage: what came behind is lost."""
        return self._examination is not None and self._examination.is_salvaged

    def _examined(self) -> Examination | None:
        """Return the examination of the present content; None when there is none yet."""
        signature = self.signature()
        if self._size < 0 and signature.size >= GZIP_LEAST:
            try:
                self._examination = self._examinations.of(
                    (self.device, self.inode, signature.size, signature.mtime_ns), self._fd
                )
            except OSError as error:
                self.trouble = error
            self.is_waiting = self._examination is None or not self._examination.is_done
            if self._examination is not None:
                self._examination.salvage(signature.ctime_ns)
        return self._examination

    def size(self) -> int:
        """Return the bytes of content; 0 while that is not known."""
        return max(0, self._size) if self.whole() else 0

    def whole(self) -> bool:
        """Whether the stream can be read to its end."""
        if self._size < 0 and (examined := self._examined()) is not None:
            self._size = examined.size
        return self._size >= 0

    def reach(self, offset: int) -> bool:
        """Unpack forward to `offset`, at most a portion of it; return whether it was reached."""
        position = self._start + len(self._kept)
        if self._start <= offset <= position + CHUNK:
            return True
        position = position if position < offset else 0
        target = min(offset, position + examination.ALLOWANCE)
        self._kept, self._start = b"", target
        with suppress(OSError):
            self._start = self._file.seek(target, CHUNK)
        return self._start != target or target == offset

    def read(self, offset: int, size: int) -> bytes:
        """Return up to `size` bytes at `offset`; fewer at the end, or where the stream is incomplete."""
        examined = self._examination or self._examined()
        if examined is not None and (known := examined.known(offset, size)) is not None:
            return known
        # The last result is kept, because the reader comes back for the beginning of an unfinished line.
        if not self._start <= offset <= self._start + len(self._kept):
            self._kept, self._start = b"", offset
            with suppress(OSError):
                self._start = self._file.seek(offset, CHUNK)
            if self._start != offset:
                return b""
        data = self._kept[offset - self._start :]
        try:
            data += self._file.read(max(0, size - len(data)))
            if offset + len(data) < min(offset + size, self._size):
                self.trouble = OSError(errno.EIO, self._file.damage or "changed while it was read")
        except OSError as error:
            if self._size >= 0:
                self.trouble = error
        self._start, self._kept = offset, data
        return data[:size]

    def fits(self, checkpoint: Checkpoint) -> bool | None:
        """Answer as for a plain file; None as well while the file has not been examined so far."""
        self.trouble = None
        head = self.read(0, len(checkpoint.head))
        if not checkpoint.head.startswith(head):
            return False
        if not self.whole() or self.trouble or self._examination is None:
            return None
        if self._size < checkpoint.offset or head != checkpoint.head:
            return False
        tail = self._examination.before(checkpoint.offset, self._fd)
        if tail is None:
            self._examinations.advance(self._examination)
            tail = self._examination.before(checkpoint.offset, self._fd) if self._examination.is_done else None
        return None if tail is None else tail.endswith(checkpoint.tail)


def open_source(path: Path, examinations: Examinations | None = None) -> Source:
    """Open a regular file, as gzip if its name or content says so. Raises OSError when it is none or cannot be opened."""
    if path.suffix.lower() != ".gz":
        source = Source(path)
        if source.read(0, len(DEFLATED)) != DEFLATED:
            return source
        source.close()
    return Packed(path, examinations or Examinations())


def legible(path: Path, examinations: Examinations) -> Source:
    """Open it in the same way, and raise OSError as well when its beginning cannot be read."""
    source = open_source(path, examinations)
    source.read(0, 1)
    if source.trouble:
        source.close()
        raise source.trouble
    return source
