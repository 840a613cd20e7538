"""Unpacks an open gzip file from its beginning, as far as it can be unpacked: what comes before damage is sound."""

import os
import zlib

# Bytes of the file that are unpacked at once.
INPUT_BYTES = 1 << 16
GZIP = 16 + zlib.MAX_WBITS
MAGIC = b"\x1f\x8b"
DEFLATED = MAGIC + b"\x08"  # the only method that there is


class Gunzip:
    """The content of a gzip file. Reading forward is cheap; reading backward starts from the beginning.

    position: bytes of content that were read. taken: bytes of the file that were read for it. damage: why the content ends
    there, unless it is complete. ignored: where bytes follow that are no part of it; -1 for none.
    """

    def __init__(self, fd: int) -> None:
        """`fd` stays open when this is done."""
        self._fd = fd
        self._begin()

    def _begin(self) -> None:
        self.position, self.taken, self.ignored = 0, 0, -1
        self.damage: str | None = None
        self._member, self._is_over, self._is_cut = zlib.decompressobj(GZIP), False, False
        self._input = self._ready = b""

    @property
    def used(self) -> int:
        """Bytes of the file that were unpacked."""
        return self.taken - len(self._input)

    def seek(self, position: int, step: int) -> int:
        """Go to a position in the content, unpacking `step` bytes at once; return the position, less at the end of the content.

        Raises OSError when the disk fails.
        """
        if position < self.position:
            self._begin()
        while self.position < position and self.read(min(step, position - self.position)):
            pass
        return self.position

    def read(self, size: int) -> bytes:
        """Return the next `size` bytes; fewer at the end of the content. Raises OSError when the disk fails."""
        # It may have grown.
        self._is_over, self._is_cut = self._is_over and not self._is_cut, False
        data = self._ready[:size]
        self._ready = self._ready[size:]
        while len(data) < size and not self._is_over:
            data += self._step(size - len(data))
        self._ready, data = self._ready + data[size:], data[:size]
        self.position += len(data)
        return data

    def _step(self, most: int) -> bytes:
        """Unpack a portion, about `most` bytes at most."""
        if self._member.eof and not self._next_member():
            return b""
        if not self._input and not self._fill():
            self._end(f"gzip data cut off at byte {self.taken:,}")
            self._is_cut = True
            return b""
        before = self._member.copy()
        try:
            data = self._member.decompress(self._input, most)
        except zlib.error:
            return self._before_damage(before)
        self._input = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
        return data

    def _fill(self) -> bool:
        """Read more of the file; return whether there is more."""
        buffer = bytearray(INPUT_BYTES)
        size = os.preadv(self._fd, [buffer], self.taken)
        self._input += buffer[:size]
        self.taken += size
        return size > 0

    def _next_member(self) -> bool:
        """Begin the next member if there is one. What else follows a complete member is ignored, as `gzip -d` does."""
        is_more = True
        while is_more and len(rest := self._input.lstrip(b"\0")) < len(MAGIC):
            self._input = rest
            is_more = self._fill()
        if rest.startswith(MAGIC):
            self._input, self._member = rest, zlib.decompressobj(GZIP)
            return True
        if rest:
            self.ignored = self.taken - len(rest)
        self._end(None)
        return False

    def _before_damage(self, member: "zlib._Decompress") -> bytes:
        """Return what the input holds before its damage: it is unpacked byte by byte."""
        data, start = bytearray(), self.taken - len(self._input)
        for number in range(len(self._input)):
            try:
                data += member.decompress(self._input[number : number + 1])
            except zlib.error:
                self._end(f"gzip data damaged at byte {start + number:,}")
                break
        return bytes(data)

    def _end(self, damage: str | None) -> None:
        self.damage, self._is_over, self._input = damage, True, b""
