"""The one writer of the archive: locked, migrated, in WAL mode, every commit durable before anything is published.

The archive stays readable for Grafana's SQLite plugin after the writer has gone: the last connection to close would delete
the -wal and -shm files, and a reader without write permission could not open the file then. So they are kept.
"""

import fcntl
import os
import shutil
import sqlite3
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from bigdipper_exporter.archive import saved
from bigdipper_exporter.archive.connection import Connection
from bigdipper_exporter.archive.errors import ArchiveError
from bigdipper_exporter.archive.exporter_tables import CheckpointRow, GapRow, LogChecksumRow
from bigdipper_exporter.archive.migrate import copy, create_private, migrate, version_of
from bigdipper_exporter.archive.table import table_of
from bigdipper_exporter.log.checksums import KEPT_BYTES, KEPT_GENERATIONS, LineSums
from bigdipper_exporter.log.chunks import Gap
from bigdipper_exporter.log.segment import Checkpoint
from bigdipper_exporter.log.segments import KEPT_ENDED

# How long to wait for another writer: at a start, and while running, where a stop and /-/ready must not wait.
PATIENCE_SECONDS, BUSY_SECONDS = 10.0, 0.5
WAL_LIMIT = 32 << 20

_LEFT_OPEN: list[sqlite3.Connection] = []
CHECKPOINT_COLUMNS = 'generation, path, device, inode, "offset", head, tail, skipping, ended, updated, lines'


def connect_readonly(path: Path, *, check_same_thread: bool = True) -> sqlite3.Connection:
    """A reader's connection; ArchiveError when there is no archive there. Never creates or changes the file."""
    if not path.is_file():
        raise ArchiveError(f"there is no archive at {path}: start `run` or `ingest` first, or name it with --archive.path")
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro",
        uri=True,
        timeout=PATIENCE_SECONDS,
        isolation_level=None,
        check_same_thread=check_same_thread,
        factory=Connection,
    )
    try:
        connection.execute("PRAGMA query_only = 1")
        version_of(connection)
    except (ArchiveError, sqlite3.Error) as error:
        connection.close()
        raise refusal(path, error) from error
    return connection


def refusal(path: Path, error: ArchiveError | sqlite3.Error) -> ArchiveError:
    """Return an error that says what is wrong with the archive at `path`, and what to do."""
    if isinstance(error, sqlite3.Error):
        return ArchiveError(f"archive {path} cannot be opened: {error}; {_advice(path, error)}")
    return error if str(path) in str(error) else ArchiveError(f"archive {path}: {error}")


class Store:
    """The archive at `path`, opened for writing. ArchiveError when it cannot be: another exporter or schema, no folder."""

    def __init__(self, path: Path, busy: float = BUSY_SECONDS) -> None:
        """`busy`: seconds that a transaction waits for another writer."""
        # Behind a link: SQLite keeps its other files beside the real one, and so must the lock be.
        self.path = path = Path(os.path.realpath(path))
        self._busy = busy
        self._lock = _lock(path)
        try:
            self.connection = self._open()
        except BaseException:
            self._lock.close()
            raise

    def _open(self) -> sqlite3.Connection:
        connection = None
        try:
            with suppress(OSError):  # SQLite says better than this why it cannot
                create_private(self.path)
            connection = sqlite3.connect(
                self.path, timeout=PATIENCE_SECONDS, isolation_level=None, check_same_thread=False, factory=Connection
            )
            _keep_wal(connection)
            # Asked before anything is set: a database that is somebody else's stays as it is.
            if version_of(connection) == 0:
                connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA temp_store = MEMORY")
            # A reader that stays for minutes makes the write-ahead log grow; this gives the space back afterwards.
            connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT}")
            migrate(connection, self.path)
            if damage := saved.damage(connection):
                raise ArchiveError(f"archive {self.path} is damaged ({damage}): move it aside and restore a backup")
            connection.execute(f"PRAGMA busy_timeout = {round(self._busy * 1000)}")
            status = self.path.stat()
            self._inode, self._mode = status.st_ino, stat.S_IMODE(status.st_mode)
        except (ArchiveError, sqlite3.Error) as error:
            if connection is not None:
                connection.close()
            raise refusal(self.path, error) from error
        return connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """BEGIN IMMEDIATE ... COMMIT; rolled back when anything fails. sqlite3.Error or OSError goes to the caller."""
        if self._deleted():
            raise sqlite3.OperationalError("it has been deleted")
        if self.path.stat().st_ino != self._inode:
            raise sqlite3.OperationalError("it was replaced by another file; restart the exporter to use that one")
        connection = self.connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            raise

    def _deleted(self) -> bool:
        return not all(file.exists() for file in (self.path, _beside(self.path, "-wal"), _beside(self.path, ".lock")))

    def recover(self) -> None:
        """Make the archive usable again after a commit failed: deleted files come back whole from the open connection."""
        if not self._deleted():
            return
        if not _beside(self.path, ".lock").exists():
            self._lock = _lock(self.path)
        copy(self.connection, self.path)
        self.path.chmod(self._mode)
        with suppress(sqlite3.Error):
            self.connection.close()
        # They belong to the file that was deleted.
        for suffix in ("-wal", "-shm"):
            _beside(self.path, suffix).unlink(missing_ok=True)
        self.connection = self._open()

    # -- the log's position and the present

    def checkpoints(self) -> list[Checkpoint]:
        """How far each generation of the log was read."""
        rows = self.connection.execute(f"SELECT {CHECKPOINT_COLUMNS} FROM checkpoints ORDER BY generation")
        return [
            Checkpoint(generation, path, device, inode, offset, head, tail, bool(skipping), bool(ended), updated, lines)
            for generation, path, device, inode, offset, head, tail, skipping, ended, updated, lines in rows
        ]

    def line_sums(self, generation: int, offset: int = 0) -> Iterator[LineSums]:
        """Yield the checksums of a generation that end behind `offset`, in order. sqlite3.Error while they are read."""
        rows = self.connection.execute(
            "SELECT generation, start, size, sums FROM log_checksums WHERE generation = ? AND start + size > ? ORDER BY start",
            (generation, offset),
        )
        return (LineSums(*row) for row in rows)

    def write_position(self, checkpoints: list[Checkpoint], gaps: list[Gap], sums: Sequence[LineSums] = ()) -> None:
        """Store the log's position, in the transaction that stores what was read up to there."""
        self._write_sums(sums)
        rows = (
            CheckpointRow(
                c.generation, c.path, c.device, c.inode, c.offset, c.head, c.tail, c.skipping, c.ended, c.updated, c.lines
            )
            for c in checkpoints
        )
        table_of(CheckpointRow).write(self.connection, rows)
        if any(c.ended for c in checkpoints):
            newest = max(c.generation for c in checkpoints)
            # What ended since the log was last seen through would be taken for unread after a start.
            self.connection.execute(
                "DELETE FROM checkpoints WHERE ended AND generation < ? AND updated < (SELECT max(updated) FROM checkpoints)",
                (newest - KEPT_ENDED,),
            )
        found = (GapRow(None, gap.at, gap.generation, gap.reason, gap.detail) for gap in gaps)
        table_of(GapRow).add(self.connection, found)

    def newest_gaps(self, most: int) -> list[GapRow]:
        """Return the newest gaps, in the order in which they were found."""
        found = self.connection.execute("SELECT id, ts, generation, reason, detail FROM gaps ORDER BY id DESC LIMIT ?", (most,))
        return [GapRow(*row) for row in found][::-1]

    def _write_sums(self, sums: Sequence[LineSums]) -> None:
        """Store checksums of lines, and delete old ones."""
        rows = (LogChecksumRow(one.generation, one.start, one.size, one.sums) for one in sums)
        table_of(LogChecksumRow).write(self.connection, rows)
        ends = {one.generation: one.end for one in sums}
        for generation, end in ends.items():
            self.connection.execute(
                "DELETE FROM log_checksums WHERE generation = ? AND start < ?", (generation, end - KEPT_BYTES)
            )
        if ends:
            self.connection.execute(
                "DELETE FROM log_checksums WHERE generation < ?"
                " AND generation NOT IN (SELECT generation FROM checkpoints WHERE NOT ended)",
                (max(ends) - KEPT_GENERATIONS,),
            )

    def has_order(self, order_id: str) -> bool:
        """Return whether the log has named this order before."""
        row = self.connection.execute("SELECT 1 FROM bot_orders WHERE order_id = ? LIMIT 1", (order_id,)).fetchone()
        return row is not None

    def load(self, key: str) -> str | None:
        """A value of the table `state`."""
        return saved.load(self.connection, key)

    def save(self, key: str, value: str) -> None:
        """Store a value of the table `state`, in the caller's transaction."""
        saved.save(self.connection, key, value)

    def size(self) -> int:
        """Bytes of the archive with its write-ahead log."""
        return sum(os.stat(f).st_size for f in (self.path, _beside(self.path, "-wal")) if f.exists())

    def disk_free(self) -> int:
        """Bytes free for the exporter's user on the archive's file system."""
        return shutil.disk_usage(self.path.parent).free

    def close(self) -> None:
        """Give up the lock and the connection; before Python 3.12 it stays open, for the process to leave without closing."""
        with suppress(sqlite3.Error):  # a plain copy of the file alone should hold everything, too
            self.connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        if hasattr(self.connection, "setconfig"):
            self.connection.close()
        else:
            _LEFT_OPEN.append(self.connection)
        self._lock.close()


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _keep_wal(connection: sqlite3.Connection) -> None:
    if hasattr(connection, "setconfig"):
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, True)  # type: ignore[attr-defined,unused-ignore]


def _lock(path: Path) -> "_Lock":
    if not path.parent.is_dir():
        raise ArchiveError(f"archive.path {path}: the folder {path.parent} does not exist; create it or name another path")
    if path.is_dir():
        raise ArchiveError(f"archive.path {path} is a folder; name a file in it, for example {path / 'bigdipper.db'}")
    return _Lock(_beside(path, ".lock"), path)


class _Lock:
    """An advisory lock that the kernel gives back whatever happens to its holder; the file names who holds it."""

    def __init__(self, file: Path, archive: Path) -> None:
        try:
            create_private(file)
            self._file = file.open("a+", encoding="utf-8")
        except OSError as error:
            raise ArchiveError(
                f"archive.path {archive}: cannot write in {file.parent} as user id {os.geteuid()} ({error.strerror});"
                " give the exporter's user write permission there"
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.seek(0)
            holder = self._file.read().strip() or "another process"
            self._file.close()
            raise ArchiveError(
                f"archive {archive} is in use by {holder}: one archive belongs to one exporter; stop that one, or name another"
                " archive.path"
            ) from None
        self._file.truncate(0)
        self._file.write(f"process {os.getpid()} (since {time.strftime('%Y-%m-%d %H:%M:%S')})")
        self._file.flush()

    def close(self) -> None:
        """Give the lock back. The file stays: deleting it would let two exporters lock two different files."""
        self._file.close()


def _advice(path: Path, error: sqlite3.Error) -> str:
    text = str(error)
    if "not a database" in text:
        return "the file is something else: name another archive.path"
    if "malformed" in text:
        return "it is damaged: move it aside and restore a backup, or start with an empty one"
    if "readonly" in text or "unable to open" in text:
        return f"check that user id {os.geteuid()} may write {path} and its folder"
    if "disk" in text:
        return "check the free space with `df`"
    if "locked" in text:
        return "another program writes to it: close it"
    return "check the file and its folder"
