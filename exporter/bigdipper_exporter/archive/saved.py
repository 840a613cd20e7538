"""The archive's table `state`: what the next start continues with, one text for each key."""

import sqlite3

LOG = "bot"  # the state that the log's lines add up to, as JSON


def load(connection: sqlite3.Connection, key: str) -> str | None:
    """Return the value of a key; None where nothing was saved."""
    row = connection.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def save(connection: sqlite3.Connection, key: str, value: str) -> None:
    """Store the value of a key, in the caller's transaction."""
    connection.execute("INSERT OR REPLACE INTO state (key, value) VALUES (?, ?)", (key, value))
