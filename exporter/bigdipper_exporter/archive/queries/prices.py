"""Daily prices."""

import sqlite3
from dataclasses import dataclass

from bigdipper_exporter.archive.queries.rows import fetch


@dataclass(frozen=True, slots=True)
class DailyBar:
    """One regular session as traded, in US dollars."""

    date: str
    open: float
    high: float
    low: float
    close: float


def daily_bars(connection: sqlite3.Connection, symbol: str, first: str) -> list[DailyBar]:
    """Return the complete daily bars of a symbol from `first` (YYYY-MM-DD) on, oldest first."""
    sql = "SELECT date, open, high, low, close FROM prices_daily WHERE symbol = ? AND date >= ? AND complete ORDER BY date"
    return fetch(connection, DailyBar, sql, (symbol, first))
