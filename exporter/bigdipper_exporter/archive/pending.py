"""Rows on their way into the archive: staged by the fold, written in the transaction that stores the log's position."""

import sqlite3
from collections.abc import Sequence
from datetime import date as date_type
from typing import Any

from bigdipper_exporter import calendar

Row = Sequence[Any]

# Tables whose rows are written whole, by id; a row that grows within its cycle is written again.
TABLES: dict[str, tuple[str, ...]] = {
    "account_history": (
        "id",
        "ts",
        "date",
        "source",
        "cycle_number",
        "equity",
        "cash",
        "margin_ratio",
        "leverage_ratio",
        "margin_debt",
        "pl_dollar",
        "pl_percent",
        "market_status",
    ),
    "trades": ("id", "ts", "date", "cycle_number", "symbol", "quantity", "price", "total_value", "order_id"),
    "skips": ("id", "ts", "date", "cycle_number", "symbol", "reason", "detail", "dip_percent"),
    "opportunities": (
        "id",
        "ts",
        "date",
        "cycle_number",
        "symbol",
        "dip_percent",
        "price",
        "score",
        "outcome",
        "reason",
        "threshold_percent",
        "volatility_factor",
        "size_factor",
    ),
    "brake_events": (
        "id",
        "started",
        "ended",
        "date",
        "duration_seconds",
        "cycles",
        "margin_ratio",
        "leverage_ratio",
        "peak_ratio",
        "margin_debt",
        "equity",
        "position_value",
        "reduce_usd",
        "missed_opportunities",
        "last_seen",
    ),
    "bot_events": ("id", "ts", "date", "kind", "cause", "detail"),
    "scans": ("id", "ts", "date", "cycle_number", "found", "largest_dip_symbol", "largest_dip_percent"),
}
UPSERTS = {
    table: f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    f" ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in columns[1:])}"
    for table, columns in TABLES.items()
}

# Sums of the day, and the day's equity as the log told it (only until the broker tells it).
SUMS = (
    "cycles",
    "trades_count",
    "total_deployed",
    "brake_events",
    "brake_seconds",
    "missed_trades",
    "wash_trade_rejections",
    "opportunities",
)
ADD_DAY = (
    "INSERT INTO daily_stats (date, ts, trading_day) VALUES (?, ?, ?) ON CONFLICT (date) DO NOTHING",
    f"UPDATE daily_stats SET {', '.join(f'{name} = {name} + ?' for name in SUMS)} WHERE date = ?",
    "UPDATE daily_stats SET equity_source = 'log', starting_equity = coalesce(starting_equity, ?), ending_equity = ?,"
    " peak_equity = max(coalesce(peak_equity, 0), ?), trough_equity = min(coalesce(trough_equity, 1e18), ?),"
    " max_margin_ratio = coalesce(max(max_margin_ratio, ?), max_margin_ratio, ?),"
    " max_leverage_ratio = coalesce(max(max_leverage_ratio, ?), max_leverage_ratio, ?)"
    " WHERE date = ? AND coalesce(equity_source, 'log') = 'log'",
)


class PendingDay:
    """What one trading day gains in this transaction. Money in US dollars."""

    def __init__(self) -> None:
        self.sums = dict.fromkeys(SUMS, 0.0)
        self.equities: list[float] = []
        self.margin: float | None = None
        self.leverage: float | None = None

    def account(self, equity: float, margin: float | None, leverage: float | None) -> None:
        """One account snapshot of the log."""
        self.equities.append(equity)
        self.margin = margin if self.margin is None else max(self.margin, margin or 0.0)
        self.leverage = leverage if self.leverage is None else max(self.leverage, leverage or 0.0)


class PendingRows:
    """Everything that one portion of the log adds to the archive."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[int, Row]] = {table: {} for table in TABLES}
        self.skip_counts: dict[tuple[int, str, str], int] = {}
        self.days: dict[str, PendingDay] = {}

    def put(self, table: str, row: Row) -> None:
        """Write `row` (columns of TABLES[table]; the first is its id), or write it again."""
        self.rows[table][row[0]] = row

    def skip(self, hour: int, symbol: str, reason: str, count: int) -> None:
        """Add to the sum of routine skips of one hour (unix seconds of its start)."""
        key = (hour, symbol, reason)
        self.skip_counts[key] = self.skip_counts.get(key, 0) + count

    def day(self, date: str) -> PendingDay:
        """The trading day `date` (YYYY-MM-DD)."""
        stage = self.days.get(date)
        if stage is None:
            stage = self.days[date] = PendingDay()
        return stage

    def write(self, connection: sqlite3.Connection) -> None:
        """Write all of it inside the caller's transaction."""
        for table, rows in self.rows.items():
            if rows:
                connection.executemany(UPSERTS[table], rows.values())
        connection.executemany(
            "INSERT INTO skip_counts (hour, symbol, reason, count) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (hour, symbol, reason) DO UPDATE SET count = count + excluded.count",
            [(*key, count) for key, count in self.skip_counts.items()],
        )
        for date, stage in self.days.items():
            _write_day(connection, date, stage)


def _write_day(connection: sqlite3.Connection, date: str, stage: PendingDay) -> None:
    add_day(connection, date)
    connection.execute(ADD_DAY[1], (*stage.sums.values(), date))
    if stage.equities:
        first, last, top, bottom = stage.equities[0], stage.equities[-1], max(stage.equities), min(stage.equities)
        ratios = (stage.margin, stage.margin, stage.leverage, stage.leverage)
        connection.execute(ADD_DAY[2], (first, last, top, bottom, *ratios, date))


def add_day(connection: sqlite3.Connection, date: str) -> None:
    """Make sure that the trading day `date` has its row in daily_stats; `ts` is its start, 04:00 New York."""
    day = date_type.fromisoformat(date)
    connection.execute(ADD_DAY[0], (date, calendar.day_start(day), calendar.is_trading_day(day)))
