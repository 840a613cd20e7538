"""Positions: what is held, how it was, how it is spread."""

import sqlite3
from dataclasses import dataclass

from bigdipper_exporter.archive.broker_tables import PositionRow
from bigdipper_exporter.archive.figures import NEWEST_POSITIONS
from bigdipper_exporter.archive.queries.rows import Listing, columns_of, fetch

HISTORY = Listing(PositionRow, "position_snapshots", id="symbol")


def newest_snapshots(connection: sqlite3.Connection) -> list[PositionRow]:
    """Return the newest snapshot of each position that is held, largest first."""
    sql = f"WITH {NEWEST_POSITIONS} SELECT {columns_of(PositionRow)} FROM newest ORDER BY ABS(market_value) DESC, symbol"
    return fetch(connection, PositionRow, sql)


@dataclass(frozen=True, slots=True)
class Share:
    """A part of the positions' value. value: US dollars, shorts by their absolute value; ratio: of the sum of all."""

    name: str
    value: float | None
    ratio: float | None


def by_symbol(connection: sqlite3.Connection) -> list[Share]:
    """Return the share of each symbol, largest first."""
    return fetch(connection, Share, _shares("symbol"))


def by_sector(connection: sqlite3.Connection) -> list[Share]:
    """Return the share of each sector, largest first; symbols that no sector is known of are `unknown`."""
    return fetch(connection, Share, _shares("COALESCE(sector, 'unknown')"))


def _shares(name: str) -> str:
    return f"""WITH {NEWEST_POSITIONS}
      SELECT {name} AS name, SUM(ABS(market_value)) AS value,
        SUM(ABS(market_value)) / (SELECT SUM(ABS(market_value)) FROM newest) AS ratio
      FROM newest LEFT JOIN sectors USING (symbol) GROUP BY 1 ORDER BY value DESC, name"""
