"""A part of a transaction that can fail alone."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def savepoint(connection: sqlite3.Connection) -> Iterator[None]:
    """Undo what the block wrote when it raises; the transaction around it stays open, and the error is raised again."""
    connection.execute("SAVEPOINT part")
    try:
        yield
    except Exception:
        with suppress(sqlite3.Error):  # SQLite may have ended the whole transaction, on a full disk for example
            connection.execute("ROLLBACK TO part")
            connection.execute("RELEASE part")
        raise
    connection.execute("RELEASE part")
