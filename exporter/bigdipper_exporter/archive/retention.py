"""Forgets what is older than the retention, a little at a time, and gives the space back.

Trades, orders, fills, activities, brake episodes and daily figures are kept for ever: they are small, and taxes ask for them.
"""

import sqlite3

from bigdipper_exporter.archive.store import Store

CHUNK = 2000
FORGET = {
    "account_history": "id IN (SELECT id FROM account_history WHERE source = '{source}' AND ts < ? LIMIT ?)",
    "opportunities": "id IN (SELECT id FROM opportunities WHERE ts < ? LIMIT ?)",
    "skips": "id IN (SELECT id FROM skips WHERE ts < ? LIMIT ?)",
    "scans": "id IN (SELECT id FROM scans WHERE ts < ? LIMIT ?)",
    "skip_counts": "(hour, symbol, reason) IN (SELECT hour, symbol, reason FROM skip_counts WHERE hour < ? LIMIT ?)",
    "position_snapshots": "(symbol, ts) IN (SELECT symbol, ts FROM position_snapshots WHERE ts < ? LIMIT ?)",
}


def forget(store: Store, before: float) -> int:
    """Delete up to CHUNK rows per table older than `before` (unix seconds), in one transaction; the number of rows deleted."""
    deleted = 0
    with store.transaction() as connection:
        for table, condition in FORGET.items():
            for source in ("log", "alpaca") if "{source}" in condition else ("",):
                sql = f"DELETE FROM {table} WHERE {condition.format(source=source)}"
                deleted += connection.execute(sql, (before, CHUNK)).rowcount
    if deleted:
        shrink(store.connection)
    return deleted


def shrink(connection: sqlite3.Connection, pages: int = 500) -> None:
    """Give back up to `pages` free pages to the file system."""
    # It has a row without columns for every page: `execute` would end with the first.
    connection.executescript(f"PRAGMA incremental_vacuum({pages})")
