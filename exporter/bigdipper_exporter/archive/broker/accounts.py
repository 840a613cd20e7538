"""The broker's rows belong to one account. When another id answers, they are put aside under the old one and come back with it.

So every reader of the tables (boards, lots, wash sales, returns, where the poller goes on) sees the present account alone. Rows
of the others are in `former_<table>`, with their `account_id` as first column.
"""

import sqlite3

from bigdipper_exporter.archive.broker.checkpoint import BrokerCheckpoint

TABLES = {
    "orders": "1",
    "fills": "1",
    "activities": "1",
    "position_snapshots": "1",
    "wash_sales": "1",
    "noticed_flows": "1",
    "portfolio_history": "1",
    "account_history": "source = 'alpaca'",
}
# The broker's columns of daily_stats; the log's stay, they are the bot's.
DAY_COLUMNS = [
    "equity_source",
    "starting_equity",
    "ending_equity",
    "peak_equity",
    "trough_equity",
    "max_margin_ratio",
    "max_leverage_ratio",
    "fills_count",
    "fills_by_hand",
    "realized_pl",
    "unrealized_change",
    "dividends",
    "fees",
    "interest",
    "cash_flow",
    "deposits",
    "withdrawals",
    "other",
    "profit",
    "return_ratio",
    "drawdown_ratio",
    "adjusted_peak",
]


def remember(connection: sqlite3.Connection, account_id: str, at: float) -> None:
    """Make sure that the account that answers has its row."""
    connection.execute(
        "INSERT INTO accounts (account_id, first_seen, present) VALUES (?, ?, 1) ON CONFLICT (account_id) DO NOTHING",
        (account_id, at),
    )


def switch(connection: sqlite3.Connection, checkpoint: BrokerCheckpoint, account_id: str, at: float) -> BrokerCheckpoint:
    """Put the rows of the present account aside and bring back those of `account_id`; returns its checkpoint."""
    old = checkpoint.account_id
    connection.execute("UPDATE accounts SET present = 0, checkpoint = ? WHERE account_id = ?", (checkpoint.to_json(), old))
    for table, condition in TABLES.items():
        _swap(connection, table, condition, old, account_id)
    _swap_days(connection, old, account_id)
    connection.execute("UPDATE discrepancies SET resolved = ? WHERE resolved IS NULL", (at,))
    remember(connection, account_id, at)
    connection.execute("UPDATE accounts SET present = 1 WHERE account_id = ?", (account_id,))
    (stored,) = connection.execute("SELECT checkpoint FROM accounts WHERE account_id = ?", (account_id,)).fetchone()
    found = BrokerCheckpoint.from_json(stored) if stored else BrokerCheckpoint()
    # Its history is read again from the beginning: what happened while the other account answered is not in the archive.
    found.account_id, found.success = account_id, checkpoint.success
    found.orders_cursor = found.activities_token = found.believed = found.doubt = found.questioned = None
    found.changed = {}
    found.orders_done = found.activities_done = False
    return found


def first_day(connection: sqlite3.Connection, checkpoint: BrokerCheckpoint) -> str:
    """Return since when (ISO date) days are those of the present account.

    Version 0.1 left the days of another account where they were, and noted `since`. Where an account was put aside, its days
    are not there any more, and the present one has its own history.
    """
    if checkpoint.since is None or connection.execute("SELECT 1 FROM accounts WHERE present = 0").fetchone() is not None:
        return ""
    return checkpoint.since


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


def _prepare(connection: sqlite3.Connection, table: str, columns: list[str]) -> None:
    """Make `former_<table>`, or add the columns that a later schema gave to `table`."""
    former = f"former_{table}"
    have = _columns(connection, former)
    if not have:
        connection.execute(f"CREATE TABLE {former} AS SELECT '' AS account_id, {', '.join(columns)} FROM {table} WHERE 0")
        connection.execute(f"CREATE INDEX {former}_account ON {former} (account_id)")
        return
    for column in columns:
        if column not in have:
            connection.execute(f"ALTER TABLE {former} ADD COLUMN {column}")


def _swap(connection: sqlite3.Connection, table: str, condition: str, old: str | None, new: str) -> None:
    columns = _columns(connection, table)
    names = ", ".join(columns)
    _prepare(connection, table, columns)
    connection.execute(
        f"INSERT INTO former_{table} (account_id, {names}) SELECT ?, {names} FROM {table} WHERE {condition}", (old,)
    )
    connection.execute(f"DELETE FROM {table} WHERE {condition}")
    connection.execute(
        f"INSERT OR REPLACE INTO {table} ({names}) SELECT {names} FROM former_{table} WHERE account_id = ?", (new,)
    )
    connection.execute(f"DELETE FROM former_{table} WHERE account_id = ?", (new,))


def _swap_days(connection: sqlite3.Connection, old: str | None, new: str) -> None:
    names = ", ".join(["date", *DAY_COLUMNS])
    _prepare(connection, "daily_stats", ["date", *DAY_COLUMNS])
    connection.execute(
        f"INSERT INTO former_daily_stats (account_id, {names}) SELECT ?, {names} FROM daily_stats"
        " WHERE equity_source = 'alpaca'",
        (old,),
    )
    empty = ", ".join(f"{name} = {0 if name.startswith('fills_') else 'NULL'}" for name in DAY_COLUMNS)
    connection.execute(f"UPDATE daily_stats SET {empty} WHERE equity_source = 'alpaca'")
    values = ", ".join(f"{name} = former.{name}" for name in DAY_COLUMNS)
    connection.execute(
        f"UPDATE daily_stats SET {values} FROM former_daily_stats AS former"
        " WHERE former.account_id = ? AND former.date = daily_stats.date",
        (new,),
    )
    connection.execute("DELETE FROM former_daily_stats WHERE account_id = ?", (new,))
