"""Cash and shares that came or left between two accepted account answers and that no record explains yet.

In a confirmed jump of equity they are a deposit or a withdrawal. A smaller one in cash shows only with its record or in
`intraday_adjustments`: prices move between two polls, so a trade may look like a small deposit. `splits` looks at units of a
position that was held before and is held after.
"""

import sqlite3
from collections.abc import Mapping

from bigdipper_exporter.archive.broker import flows, splits
from bigdipper_exporter.archive.broker.checkpoint import BrokerCheckpoint
from bigdipper_exporter.archive.broker.view import SAME_MOMENT, BrokerView
from bigdipper_exporter.broker.models import Account
from bigdipper_exporter.money import plausibility
from bigdipper_exporter.money.plausibility import Balances


def notice(
    connection: sqlite3.Connection, checkpoint: BrokerCheckpoint, view: BrokerView, before: Balances, now: Balances, said: float
) -> set[float]:
    """Look for units without cash between two accepted answers, beyond what the broker `said` in its adjustments (US dollars).

    Returns moments (unix seconds) whose days have to be summed again.
    """
    added = _added(checkpoint, view, now.at)
    flow = plausibility.unexplained_flow(before, now, sum(added.values()))
    if flow and abs(flow - said) > plausibility.noise(before.equity) and plausibility.is_shown(before, now, flow):
        splits.suspect(checkpoint, added, view, before, now, flow)
    return splits.follow(connection, checkpoint, view, now)


def came(checkpoint: BrokerCheckpoint, view: BrokerView, account: Account, before: Balances, now: Balances) -> float:
    """Money from outside since the last accepted answer, or what the broker adjusted by, US dollars; below 0: left."""
    if before.cash is not None and now.cash is not None:
        return now.cash - before.cash + sum(_added(checkpoint, view, now.at).values())
    adjusted = None if checkpoint.believed is None else checkpoint.believed.adjustments
    return 0.0 if account.intraday_adjustments is None else account.intraday_adjustments - (adjusted or 0.0)


def notice_jump(
    connection: sqlite3.Connection, checkpoint: BrokerCheckpoint, view: BrokerView, before: Balances, now: Balances
) -> tuple[float, set[float]]:
    """Note the flow in a jump of equity that several answers have confirmed.

    Returns what it explains of the jump (US dollars), and moments (unix seconds) whose days have to be summed again.
    """
    added = splits.without_actions(connection, checkpoint, _added(checkpoint, view, now.at), view, before, now)
    flow = plausibility.unexplained_flow(before, now, sum(added.values()))
    if flow and splits.suspect(checkpoint, added, view, before, now, flow):
        moments = splits.follow(connection, checkpoint, view, now)
        return 0.0 if checkpoint.changed else flow, moments
    rest = flow - flows.net(connection, before.at, now.at)
    if flow and abs(rest) > plausibility.noise(before.equity):
        flows.notice(connection, now.at, rest)
    return flow, set()


def _added(checkpoint: BrokerCheckpoint, view: BrokerView, at: float) -> dict[str, float]:
    """Value of the units that each position gained since the last accepted answer, below 0 for what left (US dollars).

    What was not polled near `at` (unix seconds), or could not be read, is taken to be unchanged.
    """
    polled = view.positions_at if view.waiting is None else view.waiting_at
    if polled is None or at - polled > SAME_MOMENT:
        return {}
    held: Mapping[str, float] = checkpoint.believed.held if checkpoint.believed is not None else {}
    latest = splits.positions(view)
    prices = {p.symbol: p.market_value / p.quantity for p in latest.values() if p.market_value is not None and p.quantity}
    gone = {
        symbol: last.market_value / last.quantity
        for symbol, last in checkpoint.held.items()
        if symbol in held and last.quantity and last.market_value
    }
    quantities = {p.symbol: p.quantity for p in latest.values()}
    symbols = {*quantities} if view.waiting is None and view.unreadable else {*quantities, *held}
    added = {symbol: quantities.get(symbol, 0.0) - held.get(symbol, 0.0) for symbol in symbols}
    return {symbol: units * prices.get(symbol, gone.get(symbol, 0.0)) for symbol, units in added.items() if units}
