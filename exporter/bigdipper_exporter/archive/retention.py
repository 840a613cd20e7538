"""Forgets what is older than the retention, a little at a time, and gives the space back.

Trades, orders, fills, activities, brake episodes and daily figures are kept for ever: they are small, and taxes ask for them.
So are the snapshots of positions that lots are derived from.
"""

import sqlite3
from typing import Any

from bigdipper_exporter.archive.store import Store
from bigdipper_exporter.archive.table import Table
from bigdipper_exporter.archive.tables import TABLES

CHUNK = 2000


def forget(store: Store, before: float) -> int:
    """Delete up to CHUNK rows per table older than `before` (unix seconds), in one transaction; returns the rows deleted."""
    deleted = 0
    with store.transaction() as connection:
        for table in TABLES.values():
            if table.retention:
                deleted += connection.execute(_delete(table), (before, CHUNK)).rowcount
    if deleted:
        shrink(store.connection)
    return deleted


def _delete(table: Table[Any]) -> str:
    key, conditions = ", ".join(table.key), [f"{table.time} < ?"]
    if any(column.name == "source" for column in table.columns):
        conditions.insert(0, "source IN ('log', 'alpaca')")  # the index of these tables begins with the source
    if table.spared is not None:
        conditions.append(f"({table.spared}) IS NOT TRUE")
    where = " AND ".join(conditions)
    return f"DELETE FROM {table.name} WHERE ({key}) IN (SELECT {key} FROM {table.name} WHERE {where} LIMIT ?)"


def shrink(connection: sqlite3.Connection, pages: int = 500) -> None:
    """Give back up to `pages` free pages to the file system."""
    # It has a row without columns for every page: `execute` would end with the first.
    connection.executescript(f"PRAGMA incremental_vacuum({pages})")
