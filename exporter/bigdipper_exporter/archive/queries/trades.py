"""Orders of the bot with what became of them at the broker, and the days."""

import sqlite3
from dataclasses import dataclass

from bigdipper_exporter.archive.broker_tables import DailyRow
from bigdipper_exporter.archive.queries.rows import Listing, columns_of, fetch


@dataclass(frozen=True, slots=True)
class Trade:
    """An order of the log, with the broker's answer where it is known. US dollars, unix seconds.

    status: the broker's word. result: filled, partly_filled, unfilled, open, replaced or unknown.
    """

    id: int
    ts: float
    date: str
    cycle_number: int | None
    symbol: str
    quantity: float
    price: float
    total_value: float
    order_id: str | None
    status: str | None
    result: str | None
    filled_quantity: float | None
    filled_avg_price: float | None
    slippage_bps: float | None
    time_to_fill_seconds: float | None


_SOURCE = """(
    SELECT t.id, t.ts, t.date, t.cycle_number, t.symbol, t.quantity, t.price, t.total_value, t.order_id, o.status, o.result,
      o.filled_quantity, o.filled_avg_price, o.slippage_bps, o.time_to_fill_seconds
    FROM trades AS t LEFT JOIN order_results AS o ON o.order_id = t.order_id)"""
TRADES = Listing(Trade, _SOURCE)


@dataclass(frozen=True, slots=True)
class SymbolOrders:
    """The orders of one symbol on one day."""

    symbol: str
    orders: int
    value: float


def day(connection: sqlite3.Connection, date: str) -> DailyRow | None:
    """Return the row of a New York trading day (YYYY-MM-DD)."""
    rows = fetch(connection, DailyRow, f"SELECT {columns_of(DailyRow)} FROM daily_stats WHERE date = ?", (date,))
    return rows[0] if rows else None


def orders_by_symbol(connection: sqlite3.Connection, since: float, until: float) -> list[SymbolOrders]:
    """Return the bot's orders of [since, until) by symbol, largest value first."""
    sql = """SELECT symbol, COUNT(*) AS orders, TOTAL(total_value) AS value FROM trades
      WHERE ts >= ? AND ts < ? GROUP BY symbol ORDER BY value DESC, symbol"""
    return fetch(connection, SymbolOrders, sql, (since, until))
