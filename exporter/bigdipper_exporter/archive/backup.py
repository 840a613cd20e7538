"""Copies the archive while the exporter runs. The archive is checked first, and only an older backup is replaced."""

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

from bigdipper_exporter.archive.check import integrity_error
from bigdipper_exporter.archive.errors import ArchiveError
from bigdipper_exporter.archive.migrate import copy
from bigdipper_exporter.archive.store import connect_readonly

SQLITE = b"SQLite format 3\0"  # how every archive begins


def backup(archive: Path, target: Path) -> None:
    """Copy `archive` to `target`. Raises ArchiveError when that fails; an older backup at `target` then stays as it was."""
    if problem := _no_place(archive, target):
        raise ArchiveError(f"cannot back up to {target}: {problem}")
    connection = connect_readonly(archive)
    try:
        if damage := integrity_error(connection):  # the older backup may be the last good copy
            raise ArchiveError(f"archive {archive} is damaged ({damage}): no copy is made, an older backup stays")
        _copy(connection, target)
    finally:
        connection.close()


def _copy(connection: sqlite3.Connection, target: Path) -> None:
    try:
        copy(connection, target)
    except (sqlite3.Error, OSError) as error:
        with suppress(OSError):
            target.with_name(target.name + ".part").unlink(missing_ok=True)
        what = f"is there room, and may user id {os.geteuid()} write there?"
        raise ArchiveError(f"cannot back up to {target}: {error}; {what}") from None


def _no_place(archive: Path, target: Path) -> str:
    """Why a copy must not go to `target`, "" if it may. An older backup may be replaced, and nothing else."""
    if not target.parent.is_dir():
        return f"the folder {target.parent} does not exist"
    own = (archive, *(archive.with_name(archive.name + suffix) for suffix in ("-wal", "-shm", ".lock")))
    if any(file.exists() and target.exists() and file.samefile(target) for file in own):
        return "that is the archive itself; name another file"
    if not target.exists():
        return ""
    if not target.is_file():
        return "it is no file; name a file"
    try:
        with target.open("rb") as file:
            found = file.read(len(SQLITE))
    except OSError as error:
        return f"what is there cannot be read: {error.strerror}"
    return "" if found in (SQLITE, b"") else "what is there is no backup; name another file"
