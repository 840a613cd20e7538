"""When a position was really empty, where executions lie close to the poll that saw it so.

Positions lag behind executions, and the two are stamped by different clocks: what was bought just before the poll may not be in
it, and what was sold just after it may be.
"""

import sqlite3
from collections.abc import Sequence

from bigdipper_exporter.money.lots import DUST, Event

BORDER = 30.0  # seconds between an execution and the poll that shows it: ten of lag, the rest for the clocks

_NEXT = "SELECT ts, quantity FROM position_snapshots WHERE symbol = ? AND ts > ? ORDER BY ts LIMIT 1"


def moments(connection: sqlite3.Connection, symbol: str, trades: Sequence[Event]) -> list[float]:
    """Return when the position of `symbol` became empty, unix seconds. trades: its executions, in order of time."""
    rows = connection.execute("SELECT ts FROM position_snapshots WHERE symbol = ? AND quantity = 0", (symbol,)).fetchall()
    return [_moment(connection, symbol, ts, trades) for (ts,) in rows]


def _moment(connection: sqlite3.Connection, symbol: str, polled: float, trades: Sequence[Event]) -> float:
    """The moment near `polled` after which the executions add up to the next quantity that was polled."""
    near = [trade for trade in trades if abs(trade.ts - polled) <= BORDER]
    if not near:
        return polled
    following = connection.execute(_NEXT, (symbol, polled)).fetchone()
    until, quantity = (None, 0.0) if following is None else following
    later = [t for t in trades if t.ts > polled + BORDER and (until is None or t.ts <= until)]
    sum_ = sum(_signed(t) for t in later)
    if following is None and later:
        return polled  # more was traded than has been polled
    # From the last execution backwards: the position was empty right after one of them, or before them all.
    for trade in reversed(near):
        if abs(sum_ - quantity) <= DUST * max(1.0, abs(quantity)):
            return trade.ts
        sum_ += _signed(trade)
    return polled - BORDER if abs(sum_ - quantity) <= DUST * max(1.0, abs(quantity)) else polled


def _signed(trade: Event) -> float:
    return trade.quantity if trade.kind == "buy" else -trade.quantity
