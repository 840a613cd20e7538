"""Schema versions: one file `NNN_name.sql` each under `migrations/`, applied in order, each in one transaction."""

import os
import re
import sqlite3
import time
from contextlib import suppress
from importlib import resources
from pathlib import Path

from bigdipper_exporter import __version__
from bigdipper_exporter.archive.errors import ArchiveError


def migrations() -> list[tuple[int, str]]:
    """Version and SQL text of every migration, in order."""
    folder = resources.files("bigdipper_exporter.archive") / "migrations"
    files = sorted(f.name for f in folder.iterdir() if re.fullmatch(r"\d{3}_\w+\.sql", f.name))
    return [(int(name[:3]), (folder / name).read_text(encoding="utf-8")) for name in files]


MODE = 0o640  # of a new archive: Grafana reads it through its group
NEWEST = max(version for version, _ in migrations())


def version_of(connection: sqlite3.Connection) -> int:
    """Schema version of an open archive; 0 for an empty file. ArchiveError when it is some other database."""
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return 0
    if "schema_version" not in tables:
        raise ArchiveError("this SQLite file is none of Big Dipper Monitor's (no schema_version): name another archive.path")
    row = connection.execute("SELECT max(version) FROM schema_version").fetchone()
    return int(row[0] or 0)


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the archive to the newest schema; an older one is copied to `<path>.v<N>.bak` first."""
    have = version_of(connection)
    if have > NEWEST:
        raise ArchiveError(
            f"archive {path} has schema version {have}, this exporter ({__version__}) knows up to {NEWEST}:"
            " install the newer exporter again, or name another archive.path"
        )
    if 0 < have < NEWEST:
        copy(connection, path.with_name(f"{path.name}.v{have}.bak"))
    for version, sql in migrations():
        if version > have:
            script = f"BEGIN IMMEDIATE;\n{sql}\nINSERT INTO schema_version VALUES ({version}, {time.time()}, '{__version__}');"
            try:
                connection.executescript(script + "COMMIT;")
            except sqlite3.Error:
                if connection.in_transaction:
                    connection.rollback()
                raise


def create_private(path: Path) -> None:
    """Create an empty file that its owner may write, its group read, and nobody else open; an existing one stays as it is.

    SQLite gives the -wal and -shm files the mode of the archive. Raises OSError.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE))


def copy(connection: sqlite3.Connection, target: Path) -> None:
    """Write a consistent copy of an open archive. `target` appears, or is replaced, only when the copy is whole."""
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    with suppress(OSError):  # SQLite says better than this why it cannot
        create_private(part)
    other = sqlite3.connect(part)
    try:
        connection.backup(other, pages=2048)
        other.execute("PRAGMA journal_mode = DELETE")
    finally:
        other.close()
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(target)
