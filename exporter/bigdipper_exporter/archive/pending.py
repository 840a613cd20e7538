"""Rows made of log lines: collected by the projection, written in the transaction that stores the log's position."""

import sqlite3
from collections import defaultdict
from datetime import date as date_type
from datetime import timedelta

from bigdipper_exporter import calendar
from bigdipper_exporter.archive.table import LogRow, table_of

# Sums of the day, and its equity from the log, which holds until the broker's is known.
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
ADD_DAY = "INSERT INTO daily_stats (date, ts, trading_day) VALUES (?, ?, ?) ON CONFLICT (date) DO NOTHING"
ADD_SUMS = f"UPDATE daily_stats SET {', '.join(f'{name} = {name} + ?' for name in SUMS)} WHERE date = ?"
# By time and not in the order of reading: an old file may be read after the log that followed it.
_OF_DAY = "SELECT equity FROM account_history WHERE source = 'log' AND ts >= :start AND ts < :end"
AT_EDGES = f"SELECT ({_OF_DAY} ORDER BY ts, id LIMIT 1), ({_OF_DAY} ORDER BY ts DESC, id DESC LIMIT 1)"
SET_EQUITY = """
  UPDATE daily_stats SET equity_source = 'log', starting_equity = :first, ending_equity = :last, profit = :last - :first,
    peak_equity = max(coalesce(peak_equity, 0), :top), trough_equity = min(coalesce(trough_equity, 1e18), :bottom),
    max_margin_ratio = coalesce(max(max_margin_ratio, :margin), max_margin_ratio, :margin),
    max_leverage_ratio = coalesce(max(max_leverage_ratio, :leverage), max_leverage_ratio, :leverage)
  WHERE date = :date AND coalesce(equity_source, 'log') = 'log'"""


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
    """What one or more chunks of the log add to the archive."""

    def __init__(self) -> None:
        self._rows = defaultdict[type[LogRow], dict[int, LogRow]](dict)
        self._skips: dict[tuple[int, str, str], int] = {}
        self._days: dict[str, PendingDay] = {}

    def put(self, row: LogRow) -> None:
        """Insert `row`, or replace the one with its id."""
        self._rows[type(row)][row.id] = row

    def add_skips(self, hour: int, symbol: str, reason: str, count: int) -> None:
        """Add to the sum of routine skips of one hour (unix seconds of its start)."""
        key = (hour, symbol, reason)
        self._skips[key] = self._skips.get(key, 0) + count

    def day(self, date: str) -> PendingDay:
        """Return what is pending for the trading day `date` (YYYY-MM-DD)."""
        day = self._days.get(date)
        if day is None:
            day = self._days[date] = PendingDay()
        return day

    @property
    def has_trades(self) -> bool:
        """Whether the bot submitted an order in these chunks."""
        return any(table_of(kind).submits for kind in self._rows)

    def write(self, connection: sqlite3.Connection) -> None:
        """Write all rows in the caller's transaction."""
        for kind, rows in self._rows.items():
            table_of(kind).write(connection, rows.values())
        connection.executemany(
            "INSERT INTO skip_counts (hour, symbol, reason, count) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (hour, symbol, reason) DO UPDATE SET count = count + excluded.count",
            [(*key, count) for key, count in self._skips.items()],
        )
        for date, day in self._days.items():
            _write_day(connection, date, day)


def _write_day(connection: sqlite3.Connection, date: str, day: PendingDay) -> None:
    add_day(connection, date)
    connection.execute(ADD_SUMS, (*day.sums.values(), date))
    if day.equities:
        begin = date_type.fromisoformat(date)
        span = {"start": calendar.day_start(begin), "end": calendar.day_start(begin + timedelta(days=1))}
        first, last = connection.execute(AT_EDGES, span).fetchone()
        extremes = {"top": max(day.equities), "bottom": min(day.equities), "margin": day.margin, "leverage": day.leverage}
        connection.execute(SET_EQUITY, {"first": first, "last": last, "date": date, **extremes})


def add_day(connection: sqlite3.Connection, date: str) -> None:
    """Make sure that the trading day `date` has its row in daily_stats; `ts` is its start, 04:00 New York."""
    day = date_type.fromisoformat(date)
    connection.execute(ADD_DAY, (date, calendar.day_start(day), calendar.is_trading_day(day)))
