"""Checks whether a file is an archive that this exporter can go on with, before anything is replaced by it."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bigdipper_exporter import __version__
from bigdipper_exporter.archive import saved
from bigdipper_exporter.archive.errors import ArchiveError
from bigdipper_exporter.archive.migrate import NEWEST, version_of
from bigdipper_exporter.archive.store import connect_readonly, refusal
from bigdipper_exporter.archive.tables import TABLES

BOT_ORDERS = 13  # the schema from which on that view has the orders of every table


@dataclass(frozen=True, slots=True)
class Condition:
    """What a quick look at an archive finds. version: of its schema, 0 without tables. damage: the first problem, or empty."""

    version: int
    damage: str
    orders: int


def condition(path: Path) -> Condition:
    """Look at an archive that may be in use. orders: of the bot, as its log names them. Raises ArchiveError, sqlite3.Error."""
    with closing(connect_readonly(path)) as connection:
        version = version_of(connection)
        damage = integrity_error(connection, quick=True)
        if version == NEWEST and not damage:
            damage = _missing(connection) or saved.damage(connection)
        known = 0 < version <= NEWEST and not damage
        table = "bot_orders" if version >= BOT_ORDERS else "trades"
        (orders,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone() if known else (0,)
        return Condition(version, damage, orders)


def check_archive(path: Path) -> int:
    """Return the schema version of the archive at `path`.

    Raises ArchiveError when it is missing, empty, damaged, some other database, or of a newer schema.
    """
    if path.is_file() and path.stat().st_size == 0:
        raise ArchiveError(f"archive {path} is empty: no backup was written there")
    connection = connect_readonly(path)
    try:
        version = version_of(connection)
        damage = integrity_error(connection)
        if version == NEWEST and not damage:
            damage = _missing(connection) or saved.damage(connection)
    except sqlite3.Error as error:
        raise refusal(path, error) from error
    finally:
        connection.close()
    if damage:
        raise ArchiveError(f"archive {path} is damaged ({damage}): use another backup")
    if version == 0:
        raise ArchiveError(f"archive {path} has no tables: use another backup")
    if version > NEWEST:
        raise ArchiveError(
            f"archive {path} has schema version {version}, this exporter ({__version__}) knows up to {NEWEST}:"
            " use the exporter that wrote it, or a newer one"
        )
    return version


def _missing(connection: sqlite3.Connection) -> str:
    """Return which table is not there, "" when all are."""
    found = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    missing = sorted({table.name for table in TABLES.values()} - found)
    return f"the table {missing[0]} is missing" if missing else ""


def integrity_error(connection: sqlite3.Connection, *, quick: bool = False) -> str:
    """Return the first problem that SQLite finds in an open archive, "" when it is whole.

    quick: do not compare the indices with their tables.
    """
    check = "quick_check" if quick else "integrity_check"
    found = " ".join(str(connection.execute(f"PRAGMA {check}(1)").fetchone()[0]).split())
    return "" if found == "ok" else found
