"""Unrealized profit at closes before the first poll: from the positions that were rebuilt from executions and prices."""

import sqlite3
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from math import inf

from bigdipper_exporter import calendar
from bigdipper_exporter.archive import saved
from bigdipper_exporter.archive.broker.checkpoint import BrokerCheckpoint
from bigdipper_exporter.archive.broker.view import HistoryDays
from bigdipper_exporter.archive.table import sql_list
from bigdipper_exporter.money.flows import TRANSFERS

STATE = "positions-until"
LONGEST_STOCK = 12  # letters; an option's symbol has at least 16
# Options and coins have no prices here; shares that came by a transfer and were never traded have no executions.
_UNPRICED = f"""
    SELECT min(ts) FROM (
      SELECT min(ts) AS ts FROM fills WHERE length(symbol) > {LONGEST_STOCK} OR symbol LIKE '%/%'
      UNION ALL SELECT min(ts) FROM activities
        WHERE symbol IS NOT NULL AND type IN ({sql_list(TRANSFERS)}) AND symbol NOT IN (SELECT symbol FROM fills))"""
_AT_CLOSE = """
    SELECT total(unrealized_pl), count(*) FILTER (WHERE unrealized_pl IS NULL) FROM positions_daily WHERE date = ?"""


@dataclass(frozen=True, slots=True)
class Closes:
    """Which closes before the first poll are known. Times are unix seconds.

    until: the last session whose positions were rebuilt; None while the account's history is being read. first_fill: of the
    account. unpriced: since when it may hold what has no price.
    """

    until: date | None = None
    first_fill: float = inf
    unpriced: float = inf

    @classmethod
    def load(cls, connection: sqlite3.Connection, checkpoint: BrokerCheckpoint) -> "Closes":
        """Read them once for many days."""
        until = saved.load(connection, STATE)
        if until is None or not checkpoint.activities_done:
            return cls()
        (first,) = connection.execute("SELECT min(ts) FROM fills").fetchone()
        (unpriced,) = connection.execute(_UNPRICED).fetchone()
        return cls(
            date.fromisoformat(until), inf if first is None else float(first), inf if unpriced is None else float(unpriced)
        )

    def unrealized_at(self, connection: sqlite3.Connection, at: float) -> float | None:
        """Return the unrealized profit at a close (US dollars); None for another moment, and where it is not known exactly."""
        day = calendar.new_york_date(at)
        hours = calendar.open_close(day)
        if hours is None or hours.close != at or self.until is None or day > self.until or self.unpriced <= at:
            return None
        if at < self.first_fill:
            return 0.0
        profit, unknown = connection.execute(_AT_CLOSE, (day.isoformat(),)).fetchone()
        return None if unknown else float(profit)


def save(connection: sqlite3.Connection, until: date) -> None:
    """Note that the positions of every session up to `until` are rebuilt, in the caller's transaction."""
    saved.save(connection, STATE, until.isoformat())


def days_to_refresh(connection: sqlite3.Connection, since: date | None, watched: float | None) -> list[date]:
    """Return the days whose change of unrealized profit follows from rebuilt positions that are new.

    since: the first day whose positions were made again; None: all were, so that every day before the first poll (`watched`,
    unix seconds) may have changed.
    """
    polled = "" if since is not None or watched is None else calendar.trading_day(watched).isoformat()
    rows = connection.execute(
        "SELECT date FROM daily_stats WHERE equity_source = 'alpaca' AND trading_day AND date >= ?"
        " AND (unrealized_change IS NULL OR date <= ?) ORDER BY date",
        ("" if since is None else since.isoformat(), polled),
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
