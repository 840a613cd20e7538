"""Unrealized profit at closes before the first poll: from the positions that were rebuilt from executions and prices."""

import sqlite3
from datetime import date, timedelta
from functools import lru_cache

from bigdipper_exporter import calendar
from bigdipper_exporter.archive.broker.view import HistoryDays
from bigdipper_exporter.money.flows import TRANSFERS

# Options and coins have no prices here; shares that came by a transfer and were never traded have no executions.
_TRANSFERS = ", ".join(f"'{kind}'" for kind in sorted(TRANSFERS))
_AT_CLOSE = f"""
    SELECT total(unrealized_pl), count(*), count(*) FILTER (WHERE unrealized_pl IS NULL),
      (SELECT min(date) < :day AND max(date) > :day FROM positions_daily),
      (SELECT min(ts) > :at FROM fills),
      EXISTS (SELECT 1 FROM fills WHERE ts <= :at AND (length(symbol) > :longest OR symbol LIKE '%/%')),
      EXISTS (SELECT 1 FROM activities WHERE ts <= :at AND symbol IS NOT NULL AND type IN ({_TRANSFERS})
        AND symbol NOT IN (SELECT symbol FROM fills))
    FROM positions_daily WHERE date = :day"""
LONGEST_STOCK = 12  # letters; an option's symbol has at least 16


def unrealized_at(connection: sqlite3.Connection, at: float) -> float | None:
    """Return the unrealized profit at a close (US dollars); None for another moment, and where it is not known exactly."""
    day = calendar.new_york_date(at)
    hours = calendar.open_close(day)
    if hours is None or hours[1] != at:
        return None
    values = {"day": day.isoformat(), "at": at, "longest": LONGEST_STOCK}
    total, rows, unknown, within, before_first, others, transferred = connection.execute(_AT_CLOSE, values).fetchone()
    if unknown or others or transferred:
        return None
    return float(total) if rows or within or before_first else None


def lacking(connection: sqlite3.Connection, since: date | None) -> list[date]:
    """Return the days of the broker whose change of unrealized profit is not known, from `since` on (None: all)."""
    rows = connection.execute(
        "SELECT date FROM daily_stats WHERE equity_source = 'alpaca' AND trading_day AND unrealized_change IS NULL"
        " AND date >= ? AND EXISTS (SELECT 1 FROM positions_daily) ORDER BY date",
        ("" if since is None else since.isoformat(),),
    )
    return [date.fromisoformat(day) for (day,) in rows]


def history_days(connection: sqlite3.Connection, created: float | None, now: float, length: float) -> HistoryDays | None:
    """Count the trading days before today of an account `created` then, `length` seconds back at most; None: not known yet."""
    if created is None:
        return None
    first, today = calendar.new_york_date(max(created, now - length)), calendar.trading_day(now)
    equity, complete = connection.execute(
        "SELECT count(ending_equity), count(unrealized_change) FROM daily_stats"
        " WHERE equity_source = 'alpaca' AND trading_day AND date >= ? AND date < ?",
        (first.isoformat(), today.isoformat()),
    ).fetchone()
    return HistoryDays(_trading_days(first, today), equity, complete)


@lru_cache(maxsize=4)
def _trading_days(first: date, end: date) -> int:
    days = (first + timedelta(days=number) for number in range((end - first).days))
    return sum(calendar.is_trading_day(day) for day in days)
