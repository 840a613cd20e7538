"""What was held at each close: from the broker's snapshots where there are some, else rebuilt from executions and prices."""

import sqlite3
from collections.abc import Sequence
from datetime import date

from bigdipper_exporter.archive.broker.checkpoint import BrokerCheckpoint
from bigdipper_exporter.archive.broker.days import close_of
from bigdipper_exporter.archive.broker.lot_events import lot_events
from bigdipper_exporter.archive.price_tables import PositionDayRow
from bigdipper_exporter.archive.prices.series import Market
from bigdipper_exporter.archive.prices.wanted import is_stock
from bigdipper_exporter.money.holdings import Holding
from bigdipper_exporter.money.lots import DUST, Event

NO_PRICE, NO_LOTS = "no price", "executions or transfers are missing"
# The last snapshot before the close, of the same session: while its value moves, one is written every 15 minutes.
SNAPSHOT = """
SELECT quantity, market_value, cost_basis, unrealized_pl FROM position_snapshots
WHERE symbol = ? AND ts <= ? AND ts > ? ORDER BY ts DESC LIMIT 1"""
SNAPSHOT_SECONDS = 1800.0


def position_rows(connection: sqlite3.Connection, market: Market, since: date | None) -> list[PositionDayRow]:
    """Return what was held at the close of each session from `since` on (None: from the first execution on)."""
    watched = BrokerCheckpoint.load(connection).watched
    rows: list[PositionDayRow] = []
    for (symbol,) in connection.execute("SELECT DISTINCT symbol FROM fills ORDER BY symbol").fetchall():
        if is_stock(symbol):
            rows += _of_symbol(connection, market, symbol, lot_events(connection, symbol), since, watched)
    return rows


def _of_symbol(
    connection: sqlite3.Connection,
    market: Market,
    symbol: str,
    events: Sequence[Event],
    since: date | None,
    watched: float | None,
) -> list[PositionDayRow]:
    holding, place, rows = Holding(), 0, []
    first = events[0].ts if events else 0.0
    prices = market.prices(symbol)
    for day in market.sessions:
        close = close_of(day)
        if close < first:
            continue
        while place < len(events) and events[place].ts <= close:
            holding.apply(events[place])
            place += 1
        if since is not None and day < since:
            continue
        holding.begin(day)
        row = PositionDayRow(symbol, day.isoformat(), close, None, None, None, None, True, None)
        recorded = None
        if watched is not None and close > watched:
            recorded = connection.execute(SNAPSHOT, (symbol, close, close - SNAPSHOT_SECONDS)).fetchone()
        if recorded is not None:
            row.quantity, row.market_value, row.cost_basis, row.unrealized_pl = recorded
            row.rebuilt = False
        elif not holding.known:
            row.problem = NO_LOTS
        else:
            row.quantity, row.cost_basis = holding.quantity, holding.cost
            bar = prices.by_day.get(day)
            if bar is None:
                row.problem = NO_PRICE
            else:
                row.market_value = holding.quantity * bar.close
                row.unrealized_pl = row.market_value - holding.cost
        if row.quantity is None or abs(row.quantity) > DUST:
            rows.append(row)
    return rows
