"""The folder with earlier copies of the bot's config.py and a journal of who changed what; `undo` and the audit read it."""

import errno
import fcntl
import hashlib
import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from bigdipper_exporter.files import read_regular

KEPT = 50
MOST_BYTES = 1 << 20
FOLDER = ".bigdipper-copies"
_COPY = re.compile(r"(\d{8}T\d{6}Z)-([0-9a-f]{12})\.py")
_UNDO = "undo to "

Step = Literal["begun", "in place", "ended"]


def hash_of(data: bytes) -> str:
    """The name of a content: the first half of its SHA-256."""
    return hashlib.sha256(data).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to change the file. ts: unix seconds; before, after: hashes; what: the settings, or `undo_to` a copy.

    step: `begun` before anything is written, `in place` before the file itself is, `ended` when that was completed or taken
    back. None in journals of earlier releases, which wrote one line before any kind of change.
    """

    ts: float
    who: str
    what: str
    before: str
    after: str
    step: Step | None = None

    @property
    def whole(self) -> str:
        """The hash of the content to bring back when this change was interrupted.

        An undo is completed, because the content before it may itself have been half written; any other change is undone.
        """
        return self.after if self.what.startswith(_UNDO) else self.before


def undo_to(copy: str) -> str:
    """Return how the journal names a change back to the copy with this id."""
    return f"{_UNDO}{copy}"


@dataclass(frozen=True, slots=True)
class Copy:
    """An earlier content of the file."""

    id: str
    hash: str
    path: Path


class Copies:
    """The folder beside, or away from, a config.py. Raises OSError when it cannot be written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of(cls, config: Path, folder: Path | None) -> "Copies":
        """The folder of the setting, else one beside the file."""
        return cls(folder or config.parent / FOLDER)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the only right to change the file; others wait."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        """Wait until no other process is changing the file, and keep others from beginning. Writes nothing."""
        try:
            descriptor = os.open(self.folder / "lock", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:  # nobody has changed it yet, or the lock is another user's
            yield
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            yield
        finally:
            os.close(descriptor)

    def keep(self, *contents: bytes) -> None:
        """Store what a change needs, durably, and forget beyond KEPT what was used longest ago: nothing of this change."""
        kept = self.contents()
        paths = {copy.hash: copy.path for copy in kept}
        # By the copies' own times, also after the clock was set back.
        now = max([time.time_ns(), *(copy.path.stat().st_mtime_ns + 1 for copy in kept[:1])])
        for data in contents:
            path = paths.get(hash_of(data)) or self._store(data)
            os.utime(path, ns=(now, now))
            now += 1
        needed = {hash_of(data) for data in contents}
        others = [copy for copy in self.contents() if copy.hash not in needed]
        for copy in others[KEPT - len(needed) :]:
            copy.path.unlink(missing_ok=True)

    def _store(self, data: bytes) -> Path:
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        path = self.folder / f"{stamp}-{hash_of(data)[:12]}.py"
        part = path.with_suffix(".part")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError:
            with suppress(OSError):
                part.unlink()
            raise
        return path

    def contents(self) -> list[Copy]:
        """Earlier contents, the one used last first; those that cannot be read are left out."""
        found: list[tuple[int, str, Copy]] = []
        with suppress(OSError):
            for path in self.folder.iterdir():
                if _COPY.fullmatch(path.name):
                    with suppress(OSError):
                        copy = Copy(path.stem, hash_of(read_regular(path, MOST_BYTES)), path)
                        found.append((path.stat().st_mtime_ns, path.name, copy))
        return [copy for _, _, copy in sorted(found, key=lambda one: one[:2], reverse=True)]

    def content(self, name: str) -> bytes | None:
        """Return the content of the copy with this id; None where there is none, also when it was just pruned."""
        if not _COPY.fullmatch(f"{name}.py"):
            return None
        try:
            return read_regular(self.folder / f"{name}.py", MOST_BYTES)
        except OSError:
            return None

    def of_hash(self, wanted: str) -> bytes | None:
        """Return the kept content with this hash; None where there is none."""
        return next((self.content(copy.id) for copy in self.contents() if copy.hash == wanted), None)

    def note(self, attempt: Attempt) -> None:
        """Append to the journal, durably."""
        line = json.dumps(asdict(attempt), ensure_ascii=True).encode() + b"\n"
        path = self.folder / "journal"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
        try:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":  # a line that a full disk or a kill cut short
                line = b"\n" + line
            if os.write(descriptor, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def attempts(self) -> list[Attempt]:
        """Every attempt, newest first."""
        return [line for line in self._journal() if line.step in (None, "begun")]

    def last(self) -> Attempt | None:
        """The newest line of the journal: the step that the last attempt had reached."""
        return next(iter(self._journal()), None)

    def author(self, data_hash: str) -> str | None:
        """Who made the file what it is; None when it was changed by other means."""
        return next((attempt.who for attempt in self.attempts() if attempt.after.startswith(data_hash)), None)

    def _journal(self) -> list[Attempt]:
        """The lines of the journal, newest first; those that cannot be read are left out."""
        try:
            size = (self.folder / "journal").stat().st_size
            with (self.folder / "journal").open("rb") as file:
                file.seek(max(0, size - MOST_BYTES))
                lines = file.read(MOST_BYTES).decode("utf-8", "replace").splitlines()
        except OSError:
            return []
        found = []
        for line in reversed(lines):
            with suppress(ValueError, TypeError, KeyError):
                stored = json.loads(line)
                who, what, before, after = (str(stored[name]) for name in ("who", "what", "before", "after"))
                found.append(Attempt(float(stored["ts"]), who, what, before, after, stored.get("step")))
        return found
