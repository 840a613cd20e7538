"""An archive that somebody else writes, read by many threads: never locked, never changed, bounded in time."""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bigdipper_exporter.archive.errors import ArchiveError
from bigdipper_exporter.archive.migrate import NEWEST, version_of
from bigdipper_exporter.archive.store import connect_readonly

MOST_CONNECTIONS = 4
STATEMENT_SECONDS = 5.0
_STEPS = 20_000  # of SQLite's machine between two looks at the clock


class ArchiveBusyError(ArchiveError):
    """A question took longer than it may, or too many were asked at once."""


class ArchiveReader:
    """The archive at `path`. Connections are made when needed and again when the file is another one."""

    def __init__(self, path: Path, seconds: float = STATEMENT_SECONDS) -> None:
        """`seconds`: how long all questions within one `reading` may take, and how long to wait for a connection."""
        self.path = path
        self._seconds = seconds
        self._free = threading.BoundedSemaphore(MOST_CONNECTIONS)
        self._idle: list[tuple[int, sqlite3.Connection]] = []
        self._lock = threading.Lock()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection that sees one committed moment. Raises ArchiveError, ArchiveBusyError when it takes too long."""
        if not self._free.acquire(timeout=self._seconds):
            raise ArchiveBusyError(f"archive {self.path}: too many questions at once")
        try:
            inode, connection = self._take()
            end = time.monotonic() + self._seconds
            connection.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
            try:
                connection.execute("BEGIN")
                yield connection
                connection.execute("ROLLBACK")
            except sqlite3.Error as error:
                connection.close()
                if "interrupted" in str(error):
                    raise ArchiveBusyError(f"archive {self.path}: the question took more than {self._seconds:g} s") from None
                raise ArchiveError(f"archive {self.path} cannot be read: {error}") from error
            except BaseException:
                connection.close()
                raise
            with self._lock:
                self._idle.append((inode, connection))
        finally:
            self._free.release()

    def close(self) -> None:
        """Close the connections that nobody uses."""
        with self._lock:
            idle, self._idle = self._idle, []
        for _, connection in idle:
            connection.close()

    def _take(self) -> tuple[int, sqlite3.Connection]:
        inode = -1
        with suppress(OSError):
            inode = os.stat(self.path).st_ino
        while True:
            with self._lock:
                known, connection = self._idle.pop() if self._idle else (None, None)
            if connection is None:
                return inode, open_archive(self.path)
            if known == inode:
                return inode, connection
            connection.close()  # the file was replaced, as by a restored backup


def open_archive(path: Path) -> sqlite3.Connection:
    """Open an archive of this version's schema for reading, from any thread. Raises ArchiveError."""
    connection = connect_readonly(path, check_same_thread=False)
    try:
        version = version_of(connection)
    except sqlite3.Error as error:
        connection.close()
        raise ArchiveError(f"archive {path} cannot be read: {error}") from error
    if version == NEWEST:
        return connection
    connection.close()
    what = "the exporter has not brought it up to date yet" if version < NEWEST else "a newer exporter wrote it"
    raise ArchiveError(f"archive {path} has schema version {version}, {NEWEST} is needed: {what}")
