"""What the ledger is made of: assets, positions, entries of the account's history, days. Money in units of `units.DOLLAR`."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Asset:
    """What can be held: class and exchange as Alpaca spells them; `multiplier` is 100 for an option contract."""

    symbol: str
    exchange: str = "NASDAQ"
    asset_class: str = "us_equity"
    multiplier: int = 1
    fractionable: bool = True

    @property
    def marginable(self) -> bool:
        return self.asset_class == "us_equity"


@dataclass(slots=True)
class Lot:
    """Signed quantity and cost of what is left of one purchase or short sale; a split may leave fractions."""

    qty: Fraction
    cost: int


@dataclass(slots=True)
class Position:
    """Signed quantity and cost; `day_*` is the part bought (or sold short) since the last day began.

    cost: at the average of the day; overnight it becomes that of `lots`, which are left first in first out.
    """

    qty: int = 0
    cost: int = 0
    day_qty: int = 0
    day_cost: int = 0
    lastday_price: int | None = None
    lots: deque[Lot] = field(default_factory=deque)

    def take(self, units: int) -> None:
        """Take `units` (> 0) from the oldest lots."""
        left = Fraction(units)
        while left and self.lots:
            lot = self.lots[0]
            part = min(left, abs(lot.qty))
            lot.cost -= round(lot.cost * part / abs(lot.qty))
            lot.qty -= part if lot.qty > 0 else -part
            left -= part
            if not lot.qty:
                self.lots.popleft()

    def compress(self) -> None:
        """What the broker does overnight: what is left costs what its own lots cost."""
        self.cost = sum(lot.cost for lot in self.lots)


@dataclass(frozen=True, slots=True)
class Activity:
    """One entry of the account's history; `body` is its JSON."""

    id: str
    type: str
    at: int
    body: dict[str, str]


@dataclass(slots=True)
class Day:
    """The books of one trading day, from close to close. booked: dividends, fees, interest and the like by activity type.

    cash_flow: deposits less withdrawals, of which `deposits`; securities that are moved count by their value.
    """

    equity: int
    realized: int = 0
    cash_flow: int = 0
    deposits: int = 0
    booked: Counter[str] = field(default_factory=Counter)

    def add_flow(self, amount: int) -> None:
        """Count a deposit (> 0) or a withdrawal."""
        self.cash_flow += amount
        self.deposits += max(amount, 0)
