"""How large the archive is. Counting has a thread and a connection of its own: on a slow disk a large table takes its time."""

import sqlite3
import threading
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field

from bigdipper_exporter.archive.errors import ArchiveError
from bigdipper_exporter.archive.store import Store, connect_readonly

# A new archive is counted often at first, then less and less.
FIRST_SECONDS, RECOUNT_SECONDS = 1.0, 300.0


def counted() -> tuple[str, ...]:
    """Return the names of the tables whose rows are counted."""
    from bigdipper_exporter.archive.tables import TABLES  # those of the broker and of prices take a tenth of a command's start

    return tuple(table.name for table in TABLES.values() if table.counted)


def _oldest(connection: sqlite3.Connection) -> float | None:
    from bigdipper_exporter.archive.queries.account import oldest_account  # for the same reason as above

    return oldest_account(connection)


@dataclass(frozen=True, slots=True)
class Statistics:
    """Sizes in bytes (None where unknown), rows of the tables counted so far, and the time of the oldest account row."""

    size: int | None = None
    disk_free: int | None = None
    rows: Mapping[str, int] = field(default_factory=dict)
    oldest: float | None = None


class Measure:
    """Takes the statistics of an archive. `take` never waits; a thread of its own counts the rows."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rows: dict[str, int] = {}
        self._oldest: float | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._count_again_and_again, name="measure", daemon=True)
        self._thread.start()

    def _count_again_and_again(self) -> None:
        pause = FIRST_SECONDS
        while not self._stopping.is_set():
            with suppress(sqlite3.Error, ArchiveError, OSError):
                self._count()
            self._stopping.wait(pause)
            pause = min(2 * pause, RECOUNT_SECONDS)

    def _count(self) -> None:
        with closing(connect_readonly(self._store.path)) as connection:
            for table in counted():
                if self._stopping.is_set():
                    return
                (rows,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
                self._rows = {**self._rows, table: rows}
            self._oldest = _oldest(connection)

    def take(self) -> Statistics:
        """Return the present sizes, and what was counted last."""
        size = free = None
        with suppress(OSError):
            size, free = self._store.size(), self._store.disk_free()
        return Statistics(size, free, self._rows, self._oldest)

    def close(self) -> None:
        """Stop counting; a count that takes long ends with the process."""
        self._stopping.set()
        self._thread.join(1.0)
