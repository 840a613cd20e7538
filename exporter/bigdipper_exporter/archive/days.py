"""Figures of single days that are read back from the archive."""

import sqlite3
from dataclasses import dataclass, replace

from bigdipper_exporter import calendar

DAY_COLUMNS = (
    "trades_count, total_deployed, fills_count, missed_trades, cycles, opportunities, brake_seconds, brake_events,"
    " starting_equity, fills_by_hand"
)


@dataclass(frozen=True, slots=True)
class Day:
    """The New York trading day so far, from the archive: exact, where `increase()` would estimate. Money in US dollars."""

    start: float
    trades: int = 0
    deployed: float = 0.0
    fills: int | None = None
    missed_trades: int = 0
    cycles: int = 0
    opportunities: int = 0
    brake_seconds: float = 0.0
    brake_episodes: int = 0
    start_equity: float | None = None
    fills_by_hand: int | None = None
    previous_equity: float | None = None
    trades_by_symbol: tuple[tuple[str, int], ...] = ()
    fills_by_symbol: tuple[tuple[str, int], ...] = ()
    missed_symbols: tuple[tuple[str, int], ...] = ()  # by reason
    missed_in_hour: tuple[tuple[str, int], ...] = ()  # the last hour's skips that are not routine, by reason


TRADES = "SELECT symbol, count(*) FROM trades WHERE ts >= ? GROUP BY symbol ORDER BY symbol"
FILLS = "SELECT symbol, count(*) FROM fill_sources WHERE ts >= ? AND of_bot GROUP BY symbol ORDER BY symbol"
MISSED = """
    SELECT reason, count(DISTINCT symbol) FROM (
      SELECT reason, symbol, ts FROM skips
      UNION ALL SELECT outcome, symbol, ts FROM opportunities WHERE outcome = 'missed_brake')
    WHERE ts >= ? GROUP BY reason ORDER BY reason"""

MISSED_IN_HOUR = "SELECT reason, count(*) FROM skips WHERE ts > ? AND ts <= ? GROUP BY reason ORDER BY reason"


def logged_equity(connection: sqlite3.Connection, since: float, until: float) -> float | None:
    """Return the equity (US dollars) of the last account line in [since, until], unix seconds; None when there is none."""
    row = connection.execute(
        "SELECT equity FROM account_history WHERE source = 'log' AND ts BETWEEN ? AND ? AND equity IS NOT NULL"
        " ORDER BY ts DESC LIMIT 1",
        (since, until),
    ).fetchone()
    return None if row is None else float(row[0])


def day_so_far(connection: sqlite3.Connection, now: float) -> Day:
    """Return the figures of the trading day of `now` (unix seconds), up to the last commit."""
    today = calendar.trading_day(now)
    row = connection.execute(f"SELECT {DAY_COLUMNS} FROM daily_stats WHERE date = ?", (today.isoformat(),)).fetchone()
    start = calendar.day_start(today)
    close = calendar.last_close(start)
    opened = calendar.day_start(calendar.trading_day(close))
    return replace(
        Day(start, *(row or ())),
        previous_equity=logged_equity(connection, opened, close),
        trades_by_symbol=tuple(connection.execute(TRADES, (start,))),
        fills_by_symbol=tuple(connection.execute(FILLS, (start,))),
        missed_symbols=tuple(connection.execute(MISSED, (start,))),
        missed_in_hour=tuple(connection.execute(MISSED_IN_HOUR, (now - 3600, now))),
    )
