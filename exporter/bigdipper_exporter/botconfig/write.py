"""Writes the bot's config.py so that it is the old file or the new one: locked, checked, copied, journaled, replaced.

The file is replaced by a new one with its owner, mode and attributes. Where that is impossible (it is mounted by itself, its
folder cannot be written, its owner cannot be kept) it is changed in place, from the first byte that differs. The journal says
when a change in place begins and ends, so that one that was interrupted is found, and `undo` brings the old content back.
Reading never writes.
"""

import errno
import os
import stat
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from bigdipper_exporter.botconfig import source
from bigdipper_exporter.botconfig.copies import Attempt, Copies, hash_of
from bigdipper_exporter.files import read_regular

FRESH_NS = 1_000_000_000
SAME_CHANGE_SECONDS = 60.0  # from the line of the journal to the last byte written, on a slow disk
# Replacing is impossible, changing in place may be possible.
_IN_PLACE = (errno.EBUSY, errno.EACCES, errno.EPERM, errno.EROFS, errno.EXDEV, errno.ENOTSUP)


class WriteError(Exception):
    """The file was not changed; one sentence that says why."""


class StaleError(WriteError):
    """The file is not the one that the change was made for."""


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """The bot's config.py and the folder of its copies."""

    path: Path
    copies: Copies

    def read(self) -> bytes:
        """The content. Raises WriteError."""
        try:
            return read_regular(self.path, source.MOST_BYTES)
        except OSError as error:
            raise WriteError(f"{self.path} cannot be read: {error.strerror or error}") from None

    def write(self, data: bytes, expected: str, who: str, what: str, now: float | None = None) -> str:
        """Make `data` the content if the present one has the hash `expected`. Returns how it was written.

        Raises StaleError when it has another one, WriteError when it cannot be written; the old content stays.
        """
        try:
            with self.copies.locked():
                before = self.read()
                if hash_of(before) != expected:
                    raise StaleError(f"{self.path} has changed since it was read: look at it again")
                if data == before:
                    raise WriteError("nothing would change")
                self.copies.keep(before, data)  # a change that is interrupted is recognised by both
                moment = time.time() if now is None else now
                attempt = Attempt(moment, who, what, hash_of(before), hash_of(data), "begun")
                self.copies.note(attempt)
                return self._write(attempt, before, data)
        except OSError as error:
            raise WriteError(f"{error.filename or self.path}: {error.strerror or error}; nothing was changed") from error

    def whole(self) -> bytes:
        """The content. Raises WriteError where it cannot be read, or was left half written."""
        if interrupted := self.interrupted():
            raise WriteError(half_written(self.path, interrupted))
        return self.read()

    def interrupted(self) -> Attempt | None:
        """Return the change in place that was interrupted and left the file half written; None for none. Raises WriteError."""
        with self.copies.at_rest():
            last, present = self.copies.last(), self.read()
            if last is None or last.step in ("begun", "ended") or hash_of(present) in (last.before, last.after):
                return None
            if last.step is None and not self._was_written_at(last.ts):
                return None  # edited by hand since: the journal of an earlier release does not say whether a change ended
            before, after = self.copies.of_hash(last.before), self.copies.of_hash(last.after)
            if before is None or after is None or not _is_between(present, before, after):
                return None
            return last

    def _was_written_at(self, moment: float) -> bool:
        with suppress(OSError):
            return abs(self.path.stat().st_mtime - moment) < SAME_CHANGE_SECONDS
        return False

    def _write(self, attempt: Attempt, before: bytes, data: bytes) -> str:
        path = Path(os.path.realpath(self.path))
        status = os.stat(path)
        if not status.st_nlink:
            said = "was replaced on the host, and this container sees the old one: mount its folder"
            raise OSError(errno.ESTALE, said, str(path))
        if status.st_nlink == 1:
            try:
                _replace(path, status, data)
                return "replaced"
            except OSError as error:
                if error.errno not in _IN_PLACE:
                    raise
        self.copies.note(replace(attempt, step="in place"))
        try:
            _in_place(path, before, data)
        except OSError as error:
            with suppress(OSError):  # such as one on a read-only mount, which was never touched
                _in_place(path, b"", before)
            if self.read() != before:
                raise WriteError(half_written(self.path, attempt)) from error
            self._ended(attempt)
            raise OSError(error.errno, error.strerror, str(path)) from error
        self._ended(attempt)
        return "changed in place"

    def _ended(self, attempt: Attempt) -> None:
        with suppress(OSError):  # the file itself is whole, whatever happens to the journal
            self.copies.note(replace(attempt, step="ended"))


def half_written(path: Path, attempt: Attempt) -> str:
    """Say that a change was interrupted in the middle, and how to get out of that."""
    at = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(attempt.ts))
    return f"{path} is half written: a change was interrupted ({attempt.what[:80]}, {at}); `bot-config undo` repairs it"


def _is_between(present: bytes, before: bytes, after: bytes) -> bool:
    """Whether a content is what an interrupted change in place leaves: the new beginning, the old rest."""
    done = next((i for i, (a, b) in enumerate(zip(present, after, strict=False)) if a != b), min(len(present), len(after)))
    return present[done:] == before[done:]


def _replace(path: Path, status: os.stat_result, data: bytes) -> None:
    """Put a new file with the old one's owner, mode and attributes in its place."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            _write_all(descriptor, data)
            if (os.fstat(descriptor).st_uid, os.fstat(descriptor).st_gid) != (status.st_uid, status.st_gid):
                os.fchown(descriptor, status.st_uid, status.st_gid)
            os.fchmod(descriptor, stat.S_IMODE(status.st_mode))
            for name in os.listxattr(path):
                os.setxattr(descriptor, name, os.getxattr(path, name))
            _freshen(descriptor, status)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(part, path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
    with suppress(OSError):  # the file is the new one already; a folder that may not be read cannot be synchronised
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _in_place(path: Path, before: bytes, data: bytes) -> None:
    """Write what differs into the file itself."""
    same = next((i for i, (a, b) in enumerate(zip(before, data, strict=False)) if a != b), min(len(before), len(data)))
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        status = os.fstat(descriptor)
        os.lseek(descriptor, same, os.SEEK_SET)
        _write_all(descriptor, data[same:])
        os.ftruncate(descriptor, len(data))
        _freshen(descriptor, status)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _freshen(descriptor: int, old: os.stat_result) -> None:
    """Give the file a time at least a second after the old one's: Python trusts its compiled copy by time and size."""
    fresh = max(time.time_ns(), old.st_mtime_ns + FRESH_NS)
    with suppress(PermissionError):  # of somebody else's file the time is that of the write
        os.utime(descriptor, ns=(fresh, fresh))
