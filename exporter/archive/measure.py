"""How large the archive is: what costs time to count is counted one table at a time."""

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from exporter.archive.rows import TABLES
from exporter.archive.store import Store

COUNTED = (
    *TABLES, "skip_counts", "position_snapshots", "daily_stats", "orders", "fills", "activities", "discrepancies", "gaps",
)  # fmt: skip
OLDEST = "SELECT min(ts) FROM account_history WHERE source = 'log'"
RECOUNT_SECONDS = 300.0


class Measure:
    """Sizes in bytes, rows by table, the oldest row. Call `take` about once a second; it counts at most one table per call."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rows: dict[str, int] = {}
        self._oldest: float | None = None
        self._turn = self._turns()
        self._rest = 0.0

    def _turns(self) -> Iterator[str]:
        while True:
            yield from COUNTED

    def take(self, now: float) -> dict[str, Any]:
        """Fields of `Own`: archive_size, disk_free, rows, oldest."""
        if now >= self._rest:
            table = next(self._turn)
            with suppress(sqlite3.Error):
                (self._rows[table],) = self._store.connection.execute(f"SELECT count(*) FROM {table}").fetchone()
                (self._oldest,) = self._store.connection.execute(OLDEST).fetchone()
            if table == COUNTED[-1]:
                self._rest = now + RECOUNT_SECONDS
        size, free = 0, 0
        with suppress(OSError):
            size, free = self._store.size(), self._store.disk_free()
        return {"archive_size": size, "disk_free": free, "rows": dict(self._rows), "oldest": self._oldest}
