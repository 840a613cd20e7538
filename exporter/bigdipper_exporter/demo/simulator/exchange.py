"""The other side of every order: limit orders fill when the price comes to them, day orders expire at the bell."""

from __future__ import annotations

import random

from bigdipper_exporter.calendar import Session
from bigdipper_exporter.demo.simulator.ledger import Ledger
from bigdipper_exporter.demo.simulator.market import Market
from bigdipper_exporter.demo.simulator.orders import Order
from bigdipper_exporter.demo.simulator.units import DOLLAR

PARTIAL_ABOVE = 1_500 * DOLLAR  # larger orders may fill in two pieces
PARTIAL_CHANCE = 0.25
FILL_SPREAD_SECONDS = 20.0  # fills happened within so many seconds before the minute they are found at


def execution_price(order: Order, market: Market) -> int | None:
    """Cents at which the order executes now, None when the price is not there."""
    if order.side == "buy":
        ask = market.ask(order.symbol)
        return ask if order.limit is None or ask <= order.limit else None
    bid = market.bid(order.symbol)
    return bid if order.limit is None or bid >= order.limit else None


def expire(ledger: Ledger, ts: float) -> None:
    """End the day orders whose session is over."""
    for order in list(ledger.open_orders.values()):
        if order.expires_at is not None and order.expires_at <= ts * 1e9:
            ledger.finish(order, "expired", order.expires_at / 1e9)


def match(ledger: Ledger, market: Market, session: Session, ts: float, chance: random.Random) -> None:
    """Fill what can be filled in the minute that ends at `ts`."""
    found: list[tuple[float, Order, int, int]] = []
    for order in ledger.open_orders.values():
        if session == "closed" or (session == "extended" and not order.extended_hours):
            continue
        price = execution_price(order, market)
        if price is None or ts < order.fill_after:
            continue
        qty = order.remaining
        if order.filled_qty == 0 and qty * price > PARTIAL_ABOVE and chance.random() < PARTIAL_CHANCE:
            qty //= 2
        at = max(order.submitted_at / 1e9 + 0.05, ts - FILL_SPREAD_SECONDS * chance.random())
        found.append((at, order, qty, price))
    for at, order, qty, price in sorted(found, key=lambda f: f[0]):
        ledger.fill(order, qty, price, at)
