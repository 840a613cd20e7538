"""Wash sales and how often sales win."""

import sqlite3
from dataclasses import dataclass

from bigdipper_exporter.archive import figures
from bigdipper_exporter.archive.broker_tables import WashSaleRow
from bigdipper_exporter.archive.queries.rows import Listing, fetch

WASH_SALES = Listing(WashSaleRow, "wash_sales", time="sold", id="activity_id")


@dataclass(frozen=True, slots=True)
class Refusals:
    """Orders of one symbol that the broker refused because of an opposite open order. last: unix seconds."""

    symbol: str
    count: int
    last: float


@dataclass(frozen=True, slots=True)
class SaleQuality:
    """Sales whose lots are known, each of one order. None: no sale."""

    win_rate: float | None
    profit_factor: float | None
    sales: int
    realized: float | None


def refusals(connection: sqlite3.Connection, since: float) -> list[Refusals]:
    """Return the wash-trade refusals since a time by symbol, most first."""
    sql = """SELECT symbol, COUNT(*) AS count, MAX(ts) AS last FROM skips
      WHERE reason = 'wash_sale_conflict' AND ts >= ? GROUP BY symbol ORDER BY count DESC, symbol"""
    return fetch(connection, Refusals, sql, (since,))


def sale_quality(connection: sqlite3.Connection, since: float) -> SaleQuality:
    """Return how good the sales since a time were."""
    rate, factor, sales, realized = connection.execute(figures.sale_quality("ts >= :since"), {"since": since}).fetchone()
    return SaleQuality(rate, factor, sales or 0, realized)
