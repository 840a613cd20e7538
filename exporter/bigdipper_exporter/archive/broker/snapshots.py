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


def write(connection: sqlite3.Connection, positions: Positions, at: float, memory: BrokerCheckpoint) -> None:
    """Archive what changed. A symbol that is gone gets a row with quantity 0, unless the list was incomplete."""
    date = calendar.trading_day(at).isoformat()
    rows: list[PositionRow] = []
    for p in positions.items:
        if due(memory.held.get(p.symbol), p, at):
            memory.held[p.symbol] = Held(at, p.quantity, p.market_value)
            percent = None if p.unrealized_pl_ratio is None else p.unrealized_pl_ratio * 100
            rows.append(
                PositionRow(
                    ts=at,
                    symbol=p.symbol,
                    date=date,
                    asset_class=p.asset_class,
                    quantity=p.quantity,
                    market_value=p.market_value,
                    cost_basis=p.cost_basis,
                    unrealized_pl=p.unrealized_pl,
                    unrealized_pl_pct=percent,
                    intraday_pl=p.intraday_pl,
                    avg_entry_price=p.avg_entry_price,
                    current_price=p.current_price,
                )
            )
    if positions.complete:
        present = {p.symbol for p in positions.items}
        for symbol in [s for s in memory.held if s not in present]:
            del memory.held[symbol]
            rows.append(PositionRow(at, symbol, date, quantity=0.0, market_value=0.0, cost_basis=0.0, unrealized_pl=0.0))
    table_of(PositionRow).write(connection, rows)
