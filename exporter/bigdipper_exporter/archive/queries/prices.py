"""What the replay of other thresholds is worth."""

import sqlite3


def replay_problem(connection: sqlite3.Connection, symbol: str) -> str | None:
    """Return why a replay of the symbol's past is not to be relied on; None where it is, or where there is no check yet."""
    row = connection.execute("SELECT why FROM replay_checks WHERE symbol = ?", (symbol,)).fetchone()
    return None if row is None else row[0]
