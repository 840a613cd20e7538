"""Corporate actions of what a simulated account holds, and their effect as the tape's announcements say it."""

from __future__ import annotations

from datetime import date

from bigdipper_exporter.demo.simulator import corporate
from bigdipper_exporter.demo.simulator.world import World

FORWARD, REVERSE = (3, 1), (1, 2)
SPECIAL = 0.06  # of the price


def announce(world: World, ex_date: date) -> set[str]:
    """Announce a split, a reverse split and a special dividend of three stocks that are held. Returns their kinds.

    To be called on the evening before, when nothing is traded any more. A reverse split needs a quantity that it divides.
    No stock splits twice: its price would soon be nothing.
    """
    ledger = world.ledger
    held = [s for s, p in ledger.positions.items() if p.qty > 0 and s != "SPY" and not splits(world, s)]
    held.sort(key=lambda s: -ledger.value(s))
    chosen = set()
    if even := [symbol for symbol in held if ledger.positions[symbol].qty % REVERSE[1] == 0]:
        held.remove(even[-1])
        corporate.announce_split(world, even[-1], *REVERSE, ex_date)
        chosen.add("reverse_splits")
    if held:
        corporate.announce_split(world, held.pop(0), *FORWARD, ex_date)
        chosen.add("forward_splits")
    if held:
        symbol = held.pop(0)
        corporate.announce_special_dividend(world, symbol, round(ledger.marks[symbol] / 100 * SPECIAL, 2), ex_date)
        chosen.add("cash_dividends")
    return chosen


def splits(world: World, symbol: str) -> dict[date, float]:
    """New shares for one old, by ex-day."""
    actions = world.tape.actions
    return {
        date.fromisoformat(action["ex_date"]): action["new_rate"] / action["old_rate"]
        for kind in ("forward_splits", "reverse_splits")
        for action in actions.get(kind, [])
        if action["symbol"] == symbol
    }
