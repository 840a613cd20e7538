"""The broker's books: cash, positions at average cost, orders, activities. They balance to the last digit at any time.

equity = cash + long market value + short market value is not kept but computed, so it cannot be wrong; every change of
cash or positions goes through `fill`, `book` or `open_day`.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from bigdipper_exporter.calendar import NEW_YORK, trading_day
from bigdipper_exporter.demo.simulator.books import Activity, Asset, Day, Lot, Position
from bigdipper_exporter.demo.simulator.hours import Hours
from bigdipper_exporter.demo.simulator.orders import TERMINAL, Order, Rejected
from bigdipper_exporter.demo.simulator.units import (
    SHARE,
    Number,
    cents,
    decimal,
    instant,
    money,
    nanoseconds,
    quantity,
    whole_cents,
)

INITIAL_MARGIN, MAINTENANCE_MARGIN = 50, 30  # percent of a stock position's value
INTEREST_RATE = 625  # basis points a year on the debit balance, counted by days of 360


@dataclass
class Ledger:
    """An account. cash_deposit: its first deposit in dollars, made at `opened` (unix seconds; default: now)."""

    cash_deposit: Number = 0
    seed: int = 0
    opened: float | None = None
    assets: dict[str, Asset] = field(default_factory=dict)
    hours: Hours = field(default_factory=Hours)

    def __post_init__(self) -> None:
        self._random = random.Random(f"ledger {self.seed}")
        self.created = self.opened if self.opened is not None else time.time()
        self.id = self.new_id()
        self.cash = 0
        self.positions: dict[str, Position] = {}
        self.marks: dict[str, int] = {}  # symbol -> cents
        self.orders: dict[str, Order] = {}
        self.open_orders: dict[str, Order] = {}
        self.activities: list[Activity] = []
        self.days: dict[date, Day] = {}  # closed trading days
        self.today = Day(0)
        self.closing_prices: dict[str, int] = {}
        self.last_equity = self.last_maintenance = self.closing_maintenance = self.accrued_interest = 0
        self.balance_day = trading_day(self.created)
        self.adjustments = 0  # what `intraday_adjustments` shows; `securities.announce` and tests add to it
        if self.cash_deposit:
            self.book("CSD", money(self.cash_deposit), self.created, "initial deposit")
            self.last_equity = self.cash

    def new_id(self) -> str:
        """The next UUID of this seed."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def asset(self, symbol: str) -> Asset:
        """What `symbol` is; an unknown one is an ordinary stock."""
        return self.assets.get(symbol) or self.assets.setdefault(symbol, Asset(symbol))

    # -- values -----------------------------------------------------------------------------------------------------

    def value(self, symbol: str) -> int:
        """Signed market value of a position."""
        return self.positions[symbol].qty * self.marks[symbol] * self.assets[symbol].multiplier

    def sides(self) -> tuple[int, int]:
        """Long and short market value; the second is <= 0."""
        values = [self.value(symbol) for symbol in self.positions]
        return sum(v for v in values if v > 0), sum(v for v in values if v < 0)

    def equity(self) -> int:
        return self.cash + sum(self.sides())

    def margins(self) -> tuple[int, int]:
        """Initial and maintenance requirement; what is not marginable counts in full."""
        initial = maintenance = 0
        for symbol in self.positions:
            value, marginable = abs(self.value(symbol)), self.asset(symbol).marginable
            initial += value * INITIAL_MARGIN // 100 if marginable else value
            maintenance += value * MAINTENANCE_MARGIN // 100 if marginable else value
        return initial, maintenance

    def buying_power(self) -> int:
        """Reg T: twice the excess equity, less what open buy orders may still cost."""
        reserved = sum(o.remaining * o.reserve_price for o in self.open_orders.values() if o.side == "buy")
        return max(2 * (self.equity() - self.margins()[0]) - reserved, 0)

    # -- orders -----------------------------------------------------------------------------------------------------

    def submit(self, order: Order) -> Order:
        """Accept an order, or raise `Rejected` with Alpaca's body. Ids are given here."""
        asset = self.asset(order.symbol)
        if not asset.fractionable and order.qty % SHARE:
            raise Rejected(40310001, f'asset "{order.symbol}" is not fractionable')
        for other in self.open_orders.values():
            if other.symbol == order.symbol and other.side != order.side:
                reason = f"opposite side {other.type} order exists"
                raise Rejected(40310000, "potential wash trade detected. use complex orders", reason, other.id)
        if order.side == "buy" and order.qty * order.reserve_price > self.buying_power():
            raise Rejected(40310000, "insufficient buying power")
        order.id, order.client_order_id = self.new_id(), self.new_id()
        placed_at = order.submitted_at / 1e9
        if order.time_in_force == "day":
            order.expires_at = nanoseconds(self.hours.expiry(placed_at, order.extended_hours))
        session = self.hours.session(placed_at)
        order.status = "new" if session == "regular" or (order.extended_hours and session == "extended") else "accepted"
        order.submitted_at += self._random.randrange(1000)  # real stamps have nanoseconds
        self.orders[order.id] = self.open_orders[order.id] = order
        return order

    def finish(self, order: Order, status: str, ts: float) -> None:
        """End an order: canceled, expired, rejected, replaced or filled."""
        if status not in TERMINAL:
            raise ValueError(f"order status {status!r} ends no order; use one of {', '.join(sorted(TERMINAL))}")
        order.status, order.ended_at = status, nanoseconds(ts)
        self.open_orders.pop(order.id, None)

    def fill(self, order: Order, qty: int, price: int, ts: float) -> None:
        """Execute `qty` (units) of an order at `price` (cents)."""
        if not 0 < qty <= order.remaining:
            raise ValueError(f"order {order.id}: cannot fill {qty} of {order.remaining}")
        order.filled_qty += qty
        order.filled_value += qty * price
        done = order.remaining == 0
        order.status = "filled" if done else "partially_filled"
        if done:
            self.finish(order, "filled", ts)
        signed = qty if order.side == "buy" else -qty
        self.marks.setdefault(order.symbol, price)
        self._trade(order.symbol, signed, price)
        at = nanoseconds(ts)
        self.activities.append(
            Activity(
                self._activity_id(at),
                "FILL",
                at,
                {
                    "activity_type": "FILL",
                    "transaction_time": instant(at),
                    "type": "fill" if done else "partial_fill",
                    "price": decimal(price, 100),
                    "qty": decimal(qty, SHARE),
                    "side": order.side,
                    "symbol": order.symbol,
                    "leaves_qty": decimal(order.remaining, SHARE),
                    "order_id": order.id,
                    "cum_qty": decimal(order.filled_qty, SHARE),
                    "order_status": order.status,
                },
            )
        )

    def place(self, symbol: str, shares: Number, limit: Number | None, ts: float, **more: Any) -> Order:
        """Submit a day order to buy (shares > 0) or sell at `limit` dollars (None: at the market)."""
        units, price = quantity(shares), None if limit is None else cents(limit)
        side = "buy" if units > 0 else "sell"
        return self.submit(Order(symbol, side, abs(units), nanoseconds(ts), price, **more))

    def trade(self, symbol: str, shares: Number, price: Number, ts: float | None = None) -> Order:
        """Buy (shares > 0) or sell at once at `price` dollars: a market order and its fill, as by the owner's hand."""
        ts = self.created if ts is None else ts
        self.marks[symbol] = cents(price)
        order = self.place(symbol, shares, None, ts, source=None)
        self.fill(order, order.qty, cents(price), ts)
        return order

    def _trade(self, symbol: str, qty: int, price: int) -> None:
        """Average cost: adding raises the cost, reducing takes its share of it, crossing zero opens the other side."""
        multiplier = self.asset(symbol).multiplier
        self.cash -= qty * price * multiplier
        position = self.positions.setdefault(symbol, Position(lastday_price=self.closing_prices.get(symbol)))
        if position.qty * qty < 0:
            closing = min(abs(qty), abs(position.qty)) * (1 if qty > 0 else -1)
            cost = position.cost * abs(closing) // abs(position.qty)
            self.today.realized += -closing * price * multiplier - cost
            if todays := max(abs(closing) - abs(position.qty - position.day_qty), 0):  # the oldest shares go first
                position.day_cost -= position.day_cost * todays // abs(position.day_qty)
                position.day_qty += todays if closing > 0 else -todays
            position.qty += closing
            position.cost -= cost
            position.take(abs(closing))
            qty -= closing
        if qty:
            position.qty += qty
            position.cost += qty * price * multiplier
            position.lots.append(Lot(Fraction(qty), qty * price * multiplier))
            position.day_qty += qty
            position.day_cost += qty * price * multiplier
        if position.qty == 0:
            del self.positions[symbol]

    # -- everything else that moves money ---------------------------------------------------------------------------

    def book(self, kind: str, amount: int, ts: float, description: str, **extra: str) -> Activity:
        """A non-trade activity: deposits (CSD, CSW), dividends (DIV), interest (INT), fees (FEE)."""
        self.cash += amount
        if kind in ("CSD", "CSW"):
            self.today.add_flow(amount)
        else:
            self.today.booked[kind] += amount
        return self.record(kind, amount, ts, description, **extra)

    def record(self, kind: str, amount: int, ts: float, description: str, **extra: str) -> Activity:
        """Add an activity to the history, and move nothing: what it says has happened already."""
        at = nanoseconds(ts)
        day = datetime.fromtimestamp(ts, NEW_YORK).date()
        body = {
            "activity_type": kind,
            "date": day.isoformat(),
            "created_at": instant(at),
            "net_amount": decimal(amount, money(1)),
            "description": description,
            "status": "executed",
            "currency": "USD",
            **extra,
        }
        activity = Activity(self._activity_id(at, midnight=True), kind, at, body)
        self.activities.append(activity)
        return activity

    def dividend(self, symbol: str, per_share: Number, ts: float) -> None:
        """Pay a cash dividend on a long position (a short one pays it)."""
        qty = self.positions[symbol].qty
        amount = whole_cents(qty * money(per_share) // SHARE)
        self.book(
            "DIV",
            amount,
            ts,
            f"Cash DIV @ {per_share}, Pos QTY: {decimal(qty, SHARE)}",
            symbol=symbol,
            activity_sub_type="CDIV",
            qty=decimal(qty, SHARE),
            per_share_amount=str(per_share),
        )

    def close_day(self, day: date) -> None:
        """The closing bell: the day's equity and prices, which become `last_*` when the next day opens."""
        closed = self.days.setdefault(day, Day(0))
        closed.equity = self.equity()
        closed.realized += self.today.realized
        closed.add_flow(self.today.deposits)
        closed.add_flow(self.today.cash_flow - self.today.deposits)
        closed.booked.update(self.today.booked)
        self.today = Day(0)
        self.closing_prices = dict(self.marks)
        self.closing_maintenance = self.margins()[1]

    def open_day(self, day: date, ts: float) -> None:
        """A new trading day after a closed one. Interest of the nights is booked on the first day of a month."""
        previous = max(self.days)
        self.last_equity, self.last_maintenance = self.days[previous].equity, self.closing_maintenance
        self.balance_day = previous
        self.adjustments = 0
        for symbol, position in self.positions.items():
            position.lastday_price = self.closing_prices.get(symbol)
            position.day_qty = position.day_cost = 0
            position.compress()
        debit = max(-self.cash, 0)
        self.accrued_interest += debit * INTEREST_RATE * (day - previous).days // (10_000 * 360)
        if day.month != previous.month and (amount := whole_cents(self.accrued_interest)):
            self.book("INT", -amount, ts, f"Margin interest for {previous:%B %Y}")
            self.accrued_interest = 0

    def fills(self) -> Iterable[Activity]:
        return (a for a in self.activities if a.type == "FILL")

    def _activity_id(self, at: int, midnight: bool = False) -> str:
        local = datetime.fromtimestamp(at // 1_000_000_000, NEW_YORK)
        stamp = f"{local:%Y%m%d}000000000" if midnight else f"{local:%Y%m%d%H%M%S}{at // 1_000_000 % 1000:03d}"
        return f"{stamp}::{self.new_id()}"
