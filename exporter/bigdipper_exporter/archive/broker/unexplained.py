"""Cash and shares that came or left between two accepted account answers and that no record explains yet.

They are a deposit or a withdrawal as soon as equity moved with them and the next answer agrees. `splits` looks at units of a
position that was held before and is held after.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import replace

from bigdipper_exporter.archive.broker import flows, splits
from bigdipper_exporter.archive.broker.checkpoint import BrokerCheckpoint, Unexplained
from bigdipper_exporter.archive.broker.flats import BORDER
from bigdipper_exporter.archive.broker.view import BrokerView
from bigdipper_exporter.money import plausibility
from bigdipper_exporter.money.flows import total
from bigdipper_exporter.money.plausibility import Balances


def notice(
    connection: sqlite3.Connection, memory: BrokerCheckpoint, view: BrokerView, before: Balances, now: Balances, said: float
) -> set[float]:
    """Look for a flow between two accepted answers, beyond what the broker has `said` in its adjustments (US dollars).

    Returns moments (unix seconds) whose days have to be summed again.
    """
    added = _added(memory, view)
    flow = plausibility.unexplained_flow(before, now, sum(added.values()))
    if flow and abs(flow - said) <= plausibility.noise(before.equity):
        flow = 0.0
    if flow and plausibility.is_shown(before, now, flow) and not splits.suspect(memory, added, view, before, now, flow):
        _suspect(memory, before, now, flow)
    return _confirm(connection, memory, now) | splits.follow(connection, memory, view, now)


def notice_jump(
    connection: sqlite3.Connection, memory: BrokerCheckpoint, view: BrokerView, before: Balances, now: Balances
) -> tuple[float, set[float]]:
    """Note the flow in a jump of equity that several answers have confirmed.

    Returns what it explains of the jump (US dollars), and moments (unix seconds) whose days have to be summed again.
    """
    added = _added(memory, view)
    flow = plausibility.unexplained_flow(before, now, sum(added.values()))
    if flow and splits.suspect(memory, added, view, before, now, flow):
        moments = splits.follow(connection, memory, view, now)
        return 0.0 if memory.changed else flow, moments
    rest = flow - total(flows.between(connection, before.at, now.at)).net
    if flow and abs(rest) > plausibility.noise(before.equity):
        flows.notice(connection, now.at, rest)
    return flow, set()


def _added(memory: BrokerCheckpoint, view: BrokerView) -> dict[str, float]:
    """Value of the units that each position gained since the last accepted answer, below 0 for what left (US dollars)."""
    held: Mapping[str, float] = memory.believed.held if memory.believed is not None else {}
    latest = splits.positions(view)
    prices = {p.symbol: p.market_value / p.quantity for p in latest.values() if p.market_value is not None and p.quantity}
    gone = {
        symbol: last.market_value / last.quantity
        for symbol, last in memory.held.items()
        if symbol in held and last.quantity and last.market_value
    }
    quantities = {p.symbol: p.quantity for p in latest.values()}
    added = {symbol: quantities.get(symbol, 0.0) - held.get(symbol, 0.0) for symbol in {*quantities, *held}}
    return {symbol: units * prices.get(symbol, gone.get(symbol, 0.0)) for symbol, units in added.items() if units}


def _suspect(memory: BrokerCheckpoint, before: Balances, now: Balances, flow: float) -> None:
    """Keep a flow until the next answer confirms it: cash may show a trade a moment before the positions do."""
    first = memory.unexplained
    if first is None:
        memory.unexplained = Unexplained(now.at, before.at, before.equity, flow)
        return
    amount = first.amount + flow
    memory.unexplained = None if abs(amount) <= plausibility.noise(before.equity) else replace(first, amount=amount)


def _confirm(connection: sqlite3.Connection, memory: BrokerCheckpoint, now: Balances) -> set[float]:
    """Note the suspected flow if equity still shows it, less what a record or the broker's own adjustments explain by now."""
    suspected = memory.unexplained
    if suspected is None or now.at - suspected.since < BORDER:
        return set()
    memory.unexplained = None
    later = total(flows.between(connection, suspected.since, now.at)).net
    if abs(now.equity - suspected.equity - suspected.amount - later) >= abs(suspected.amount) / 2:
        return set()
    rest = suspected.amount - total(flows.between(connection, suspected.before, suspected.since)).net
    if abs(rest) <= plausibility.noise(suspected.equity):
        return set()
    flows.notice(connection, suspected.since, rest)
    return {suspected.since}
