"""When a position was really empty, where executions lie close to the poll that saw it so.

Positions lag behind executions, and the two are stamped by different clocks: what was bought just before the poll may not be in
it, and what was sold just after it may be.
"""

import sqlite3
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate
from math import inf

from bigdipper_exporter.money.lots import DUST, Event, signed

BORDER = 30.0  # seconds between an execution and the poll that shows it: ten of lag, the rest for the clocks
COIN_FEE = 0.003  # of a purchase in coins, which pays its fee in them: above the broker's highest rate of 0.25 %
ROUNDED = 1.001  # what multiplying by DUST may add to a difference of exactly one

_NEXT = "SELECT ts, quantity FROM position_snapshots WHERE symbol = ? AND ts > ? ORDER BY ts LIMIT 1"


def moments(connection: sqlite3.Connection, symbol: str, trades: Sequence[Event]) -> list[float]:
    """Return when the position of `symbol` became empty, unix seconds. trades: its executions, in order of time.

    A coin has no slash in the broker's positions: BTCUSD is what executions name BTC/USD.
    """
    fee = COIN_FEE if "/" in symbol else 0.0
    symbol = symbol.replace("/", "")
    rows = connection.execute("SELECT ts FROM position_snapshots WHERE symbol = ? AND quantity = 0", (symbol,)).fetchall()
    times = [trade.ts for trade in trades]
    # In whole numbers of the smallest quantity, so that the sum of a few executions is exact after any number of others.
    held = [0, *accumulate(round(signed(trade) / DUST) for trade in trades)]
    fees = [0.0, *accumulate(fee * max(0.0, signed(trade)) for trade in trades)]
    return [_moment(connection, symbol, ts, times, held, fees) for (ts,) in rows]


def _moment(
    connection: sqlite3.Connection,
    symbol: str,
    polled: float,
    times: Sequence[float],
    held: Sequence[int],
    fees: Sequence[float],
) -> float:
    """The moment near `polled` after which the executions add up to the next quantity that was polled.

    times: of the executions. held: what they add up to before each of them and after the last, in parts of DUST.
    fees: the units that they may have paid until then.
    """
    first, behind = bisect_left(times, polled - BORDER), bisect_right(times, polled + BORDER)
    if first == behind:
        return polled
    following = connection.execute(_NEXT, (symbol, polled)).fetchone()
    if following is None and behind < len(times):
        return polled  # more was traded than has been polled
    until, quantity = (inf, 0.0) if following is None else following
    last, tolerance = max(behind, bisect_right(times, until)), DUST * max(1.0, abs(quantity))
    # From the last execution backwards: the position was empty right after one of them, or before them all.
    for number in range(behind, first - 1, -1):
        missing = (held[last] - held[number]) * DUST - quantity
        if -tolerance * ROUNDED <= missing <= tolerance * ROUNDED + fees[last] - fees[number]:
            return times[number - 1] if number > first else polled - BORDER
    return polled
