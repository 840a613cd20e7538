"""Units that a position gained or lost without any cash: a split, or a transfer whose record is still to come.

The broker changes the price and the quantity of a split minutes or hours apart; in between the position has ten times its
value, or a tenth. It is a split once the position is worth again what it was worth with its old quantity. What lasts for
LONGEST_DOUBT without that is a transfer.
"""

import sqlite3
from collections.abc import Mapping

from bigdipper_exporter.archive.broker import flows
from bigdipper_exporter.archive.broker.checkpoint import BrokerCheckpoint, Changed
from bigdipper_exporter.archive.broker.view import SAME_MOMENT, BrokerView
from bigdipper_exporter.archive.table import sql_list
from bigdipper_exporter.broker.models import Position
from bigdipper_exporter.money import plausibility
from bigdipper_exporter.money.flows import CENT, CORPORATE, EARLIER
from bigdipper_exporter.money.plausibility import Balances

SAME_VALUE = 0.15  # of the value of a position: what its price moves by meanwhile
LEAST_CHANGE = 3  # times the difference in value: then the units that came cannot have brought it


def positions(view: BrokerView) -> Mapping[str, Position]:
    """Return the newest positions by symbol, also those that wait for the account answer."""
    latest = view.waiting.items if view.waiting is not None else view.positions or ()
    return {position.symbol: position for position in latest}


def suspect(
    checkpoint: BrokerCheckpoint, added: Mapping[str, float], view: BrokerView, before: Balances, now: Balances, flow: float
) -> bool:
    """Whether a flow (US dollars) consists of units without cash; remember them by symbol.

    added: value of the units that each position gained since `before`, US dollars.
    """
    held: Mapping[str, float] = checkpoint.believed.held if checkpoint.believed is not None else {}
    latest = positions(view)
    units = {s: value for s, value in added.items() if s in latest and held.get(s, 0.0) * latest[s].quantity > 0}
    noise = plausibility.noise(before.equity)
    for symbol, last in list(checkpoint.changed.items()):
        if abs(flow + last.amount) <= noise:  # the cash of a trade that the positions showed first, or the units went back
            del checkpoint.changed[symbol]
            return True
    if not units or abs(flow - sum(units.values())) > noise:
        return False
    for symbol, value in units.items():
        checkpoint.changed[symbol] = Changed(now.at, held[symbol], latest[symbol].quantity, value)
    return True


def follow(connection: sqlite3.Connection, checkpoint: BrokerCheckpoint, view: BrokerView, now: Balances) -> set[float]:
    """Decide about the units that came or left; returns moments (unix seconds) whose days have to be summed again."""
    moments: set[float] = set()
    latest = positions(view)
    for symbol, change in list(checkpoint.changed.items()):
        position = latest.get(symbol)
        has_lasted = now.at - change.since >= plausibility.LONGEST_DOUBT
        kept_since = None if position is None else _kept_value(connection, change, position)
        if kept_since is not None:
            moments |= _set_aside(connection, change, kept_since, now)
            checkpoint.questioned = None  # equity is back where it was: no jump either
        elif has_lasted and not _has_record(connection, symbol, change.since):
            flows.notice(connection, change.since, change.amount)
            moments.add(change.since)
        if kept_since is not None or has_lasted:
            del checkpoint.changed[symbol]
    return moments


def _kept_value(connection: sqlite3.Connection, change: Changed, position: Position) -> float | None:
    """When the position had its present value with its old quantity; None where it had not, or the price is unknown."""
    if position.market_value is None or not position.quantity:
        return None
    value = position.market_value / position.quantity * change.after
    tolerance = min(SAME_VALUE * abs(value), abs(change.amount) / LEAST_CHANGE)
    row = connection.execute(
        "SELECT ts FROM position_snapshots WHERE symbol = ? AND quantity = ? AND ts BETWEEN ? AND ?"
        " AND abs(market_value - ?) <= ? ORDER BY ts DESC LIMIT 1",
        (position.symbol, change.before, change.since - flows.SPLIT_NEAR, change.since, value, tolerance),
    ).fetchone()
    return None if row is None else float(row[0])


def _set_aside(connection: sqlite3.Connection, change: Changed, first: float, now: Balances) -> set[float]:
    """Move the newest account answers, back to `first`, that held the position at a wrong value."""
    row = connection.execute(
        "SELECT max(ts) FROM account_history WHERE source = 'alpaca' AND ts < ? AND abs(equity - ?) <= ?",
        (now.at, now.equity, abs(change.amount) / 2),
    ).fetchone()
    return flows.set_aside(connection, max(first, row[0] or 0.0), now.at)


def without_actions(
    connection: sqlite3.Connection,
    checkpoint: BrokerCheckpoint,
    added: Mapping[str, float],
    view: BrokerView,
    before: Balances,
    now: Balances,
) -> dict[str, float]:
    """Return the values of `added` (US dollars by symbol) that no action of a company explains.

    A record of about that time names the symbol; or shares were exchanged, as where a company is renamed, and the record may
    name only one of its symbols.
    """
    rows = connection.execute(
        f"SELECT DISTINCT symbol FROM activities WHERE type IN ({sql_list(CORPORATE)}) AND quantity <> 0"
        " AND ts BETWEEN ? AND ?",
        (now.at - EARLIER, now.at + EARLIER),
    )
    explained = {symbol for (symbol,) in rows}
    if before.cash is not None and now.cash is not None and abs(now.cash - before.cash) <= CENT:
        explained |= _exchanged(checkpoint, added, positions(view))
    return {symbol: value for symbol, value in added.items() if symbol not in explained}


def _exchanged(checkpoint: BrokerCheckpoint, added: Mapping[str, float], latest: Mapping[str, Position]) -> set[str]:
    """Return the symbols whose positions went, and those that came for them: as many units, or about the same value."""
    held: Mapping[str, float] = checkpoint.believed.held if checkpoint.believed is not None else {}
    went, came = {s for s in added if s not in latest}, {s for s in added if s not in held}
    lost, gained = -sum(added[s] for s in went), sum(added[s] for s in came)
    same_units = sorted(held[s] for s in went) == sorted(latest[s].quantity for s in came)
    same_value = min(lost, gained) > 0 and abs(gained - lost) <= SAME_VALUE * max(gained, lost)
    return went | came if went and came and (same_units or same_value) else set()


def _has_record(connection: sqlite3.Connection, symbol: str, since: float) -> bool:
    """Whether a split, a transfer or a trade of the symbol explains units that changed at `since`."""
    row = connection.execute(
        f"SELECT 1 FROM activities WHERE symbol = ? AND {flows.CHANGES_UNITS} AND abs(ts - ?) <= ?"
        " UNION ALL SELECT 1 FROM fills WHERE symbol = ? AND abs(ts - ?) <= ?",
        (symbol, since, EARLIER, symbol, since, SAME_MOMENT),
    ).fetchone()
    return row is not None
