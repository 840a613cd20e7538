"""Rows of position_snapshots: at every change of quantity, otherwise at most every 15 minutes and only what moved."""

import sqlite3

from bigdipper_exporter import calendar
from bigdipper_exporter.archive.broker.checkpoint import BrokerCheckpoint, Held
from bigdipper_exporter.archive.broker_tables import PositionRow
from bigdipper_exporter.archive.table import table_of
from bigdipper_exporter.broker.models import Position
from bigdipper_exporter.broker.results import Positions

INTERVAL = 900.0


def due(last: Held | None, position: Position, at: float) -> bool:
    """Return whether a position needs a row, given the last one that was archived."""
    if last is None or last.quantity != position.quantity:
        return True
    return at - last.ts >= INTERVAL and last.market_value != position.market_value


def row_of(position: Position, at: float) -> PositionRow:
    """Return a position as a row of the time `at` (unix seconds)."""
    ratio = position.unrealized_pl_ratio
    return PositionRow(
        ts=at,
        symbol=position.symbol,
        date=calendar.trading_day(at).isoformat(),
        asset_class=position.asset_class,
        quantity=position.quantity,
        market_value=position.market_value,
        cost_basis=position.cost_basis,
        unrealized_pl=position.unrealized_pl,
        unrealized_pl_pct=None if ratio is None else ratio * 100,
        intraday_pl=position.intraday_pl,
        avg_entry_price=position.avg_entry_price,
        current_price=position.current_price,
    )


def write(connection: sqlite3.Connection, positions: Positions, at: float, checkpoint: BrokerCheckpoint) -> None:
    """Archive what changed. A symbol that is gone gets a row with quantity 0, unless the list was incomplete."""
    date = calendar.trading_day(at).isoformat()
    rows: list[PositionRow] = []
    for p in positions.items:
        if due(checkpoint.held.get(p.symbol), p, at):
            checkpoint.held[p.symbol] = Held(at, p.quantity, p.market_value)
            rows.append(row_of(p, at))
    if positions.complete:
        present = {p.symbol for p in positions.items}
        for symbol in [s for s in checkpoint.held if s not in present]:
            del checkpoint.held[symbol]
            rows.append(PositionRow(at, symbol, date, quantity=0.0, market_value=0.0, cost_basis=0.0, unrealized_pl=0.0))
    table_of(PositionRow).write(connection, rows)
