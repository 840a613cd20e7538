"""Splits and dividends: announced on the tape, and on the morning of their ex-date in prices and books."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from bigdipper_exporter.demo.simulator import securities
from bigdipper_exporter.demo.simulator.market import STOCKS

if TYPE_CHECKING:
    from bigdipper_exporter.demo.simulator.world import World

QUARTER = 63  # trading days
PAYING = ("MSFT", "AVGO", "ORCL", "NEE", "AMT", "CCI", "LMT", "NOC", "RTX", "GD", "DLR", "AWK", "WTRG", "XYL", "SPY")


def pay_quarterly(world: World, day: date, number: int) -> None:
    """Pay the dividends of the `number`-th trading day: each stock in a week of its own, once a quarter."""
    for offset, symbol in enumerate(PAYING):
        if number % QUARTER == offset * 4 % QUARTER:
            rate = round(STOCKS[symbol].price * 0.004, 2)
            world.tape.note("cash_dividend", symbol, day, rate=rate, special=False, foreign=False)
            _credit(world, symbol, rate)


def announce_split(world: World, symbol: str, new: int, old: int, ex_date: date) -> None:
    """Announce a split: on the morning of a later trading day `new` shares take the place of every `old` ones.

    A position whose quantity cannot be divided stops the simulation with ValueError then.
    """
    kind = "forward_split" if new > old else "reverse_split"
    world.tape.note(kind, symbol, ex_date, old_rate=old, new_rate=new)

    def happen() -> None:
        securities.split(world.ledger, symbol, new, old, world.now)
        world.market.split(symbol, new, old)

    world.ex_dates.setdefault(ex_date, []).append(happen)


def announce_special_dividend(world: World, symbol: str, rate: float, ex_date: date) -> None:
    """Announce a dividend outside the schedule, in dollars a share; the price falls by as much that morning."""
    world.tape.note("cash_dividend", symbol, ex_date, rate=rate, special=True, foreign=False)

    def happen() -> None:
        market = world.market
        market.shock(symbol, -rate / market.prices[market.index[symbol]], lasting=True)
        world.ledger.marks.update(market.marks())
        _credit(world, symbol, rate)

    world.ex_dates.setdefault(ex_date, []).append(happen)


def _credit(world: World, symbol: str, rate: float) -> None:
    """Pay who holds the stock."""
    held = world.ledger.positions.get(symbol)
    if held is not None and held.qty > 0:
        world.ledger.dividend(symbol, rate, world.now)
