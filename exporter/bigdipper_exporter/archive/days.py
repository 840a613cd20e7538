"""Figures of single days that are read back from the archive."""

import sqlite3


def logged_equity(connection: sqlite3.Connection, since: float, until: float) -> float | None:
    """Return the equity (US dollars) of the last account line in [since, until], unix seconds; None when there is none."""
    row = connection.execute(
        "SELECT equity FROM account_history WHERE source = 'log' AND ts BETWEEN ? AND ? AND equity IS NOT NULL"
        " ORDER BY ts DESC LIMIT 1",
        (since, until),
    ).fetchone()
    return None if row is None else float(row[0])
