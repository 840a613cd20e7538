"""Wash sales: which losses are deferred, and into which shares. An aid, not tax advice: the broker's 1099-B is what counts.

The rule (26 USC 1091 and Treasury Regulation 1.1091-1 and -2):
- A loss is deferred, share for share, where the same security is bought within 30 calendar days before or after the sale, by
  trade date in New York.
- Sales are matched in the order of the sales, with purchases in the order of the purchases; one share replaces one share.
- The deferred loss is added to the basis of the replacement, which also takes over the holding period of what was sold. A later
  sale of the replacement is computed with both.
- Shares of one purchase do not replace each other: selling a part of a lot is no wash sale (Revenue Ruling 56-602). A lot is
  what one order bought, in however many executions; a sale likewise is what one order sold, and shares bought before it count
  only where they are still held at its end.
- Losses on short sales count in the same way, with another short sale as the replacement (section 1091(e)).

Not seen: other accounts, options on the stock, substantially identical securities.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import islice
from operator import attrgetter
from typing import NamedTuple

from bigdipper_exporter import calendar
from bigdipper_exporter.money.lots import DUST, Book, Event, Lot, Part, profit

WINDOW = timedelta(days=30)


class Deferral(NamedTuple):
    """Units (`quantity`) of the purchase `order` that take over a `loss` (dollars a unit) and `held`, a holding period."""

    order: str
    quantity: float
    loss: float
    held: timedelta


@dataclass(frozen=True, slots=True)
class LossSale:
    """A sale at a loss, or one whose result is unknown (`loss` None). Quantities in units, money in US dollars.

    id, sold: of the order's last execution. long: False where a short sale was closed. loss: > 0, with what earlier wash sales
    added to the basis. quantity: units sold at a loss. window_end: last second of the 30th day after. bought_before,
    bought_after: replacement units by when they were bought. disallowed: the deferred part of the loss.
    """

    id: str
    sold: float
    day: date
    quantity: float
    loss: float | None
    window_end: float
    long: bool = True
    bought_before: float = 0.0
    bought_after: float = 0.0
    disallowed: float = 0.0
    deferrals: tuple[Deferral, ...] = ()


@dataclass(slots=True)
class _Loss:
    """Units of one lot that one execution sold at a loss and that have no replacement yet; `loss` is dollars a unit."""

    lot: str
    day: date
    quantity: float
    loss: float
    held: timedelta


class _Bought(NamedTuple):
    order: str
    ts: float


@dataclass(slots=True)
class _Sale:
    """One order that closed something, while its executions and their replacements are being gathered."""

    event: Event
    known: bool = True
    quantity: float = 0.0
    loss: float = 0.0
    losses: list[_Loss] = field(default_factory=list)
    before: float = 0.0
    deferrals: list[Deferral] = field(default_factory=list)

    @property
    def long(self) -> bool:
        return self.event.kind != "buy"

    def finished(self) -> LossSale:
        """Return the result."""
        day = calendar.new_york_date(self.event.ts)
        total = sum(d.quantity for d in self.deferrals)
        return LossSale(
            self.event.id,
            self.event.ts,
            day,
            self.quantity if self.known else self.event.quantity,
            self.loss if self.known else None,
            window_end(day),
            self.long,
            self.before,
            total - self.before,
            sum(d.quantity * d.loss for d in self.deferrals) if self.known else 0.0,
            tuple(self.deferrals),
        )


def window_end(day: date) -> float:
    """Return the last second (unix) of the 30 days after a sale on `day` (New York)."""
    return calendar.midnight(day + WINDOW + timedelta(days=1)) - 1


@dataclass(frozen=True, slots=True)
class WashSales:
    """The result for one symbol: its sales at a loss or of unknown result, and how many orders bought inside a window.

    Such a window is the 30 days after a sale of a long position that is known to be a loss.
    """

    sales: tuple[LossSale, ...]
    buys_inside: int


def wash_sales(events: Sequence[Event], short_held: bool = False) -> WashSales:
    """Find the wash sales of one symbol. `events` in order of time; for `short_held` see `lots.Book`."""
    matching = _Matching(short_held)
    last = {event.order or event.id: event for event in events}  # the last execution of each order
    for event in events:
        matching.apply(event, last[event.order or event.id] is event)
    sales = tuple(s.finished() for s in matching.sales.values() if not s.known or s.quantity > DUST)
    return WashSales(sales, len(_inside(matching.bought, sales)))


def _inside(bought: Sequence[_Bought], sales: Sequence[LossSale]) -> set[str]:
    """Return the orders that bought inside the window of a sale: the latest one before a buy has the window that ends last."""
    windows = sorted((sale.sold, sale.window_end) for sale in sales if sale.long and sale.loss is not None)
    starts = [sold for sold, _ in windows]
    return {buy.order for buy in bought if (place := bisect_left(starts, buy.ts)) and buy.ts <= windows[place - 1][1]}


class _Matching:
    """One pass over the events of a symbol. sales: by order. bought: the lots that were opened by buying.

    waiting: losses that a later purchase may replace. replaced: by lot, those of its units that replaced others, first sold.
    """

    def __init__(self, short_held: bool) -> None:
        self.sales: dict[str, _Sale] = {}
        self.bought: list[_Bought] = []
        self._book = Book(short_held)
        self._waiting: deque[tuple[_Sale, _Loss]] = deque()
        self._replaced: dict[str, deque[Deferral]] = {}

    def apply(self, event: Event, is_last: bool) -> None:
        """Apply one event; `is_last`: no execution of its order follows."""
        step = self._book.apply(event)
        if step.ratio != 1:
            self._split(step.ratio)
        order = event.order or event.id
        if step.closed or (not step.known and event.kind == "sell"):
            sale = self.sales.setdefault(order, _Sale(event))
            sale.event = event
            sale.known &= step.known
            for part in step.closed:
                self._close(sale, event, part)
        if step.opened is not None:
            self._open(step.opened)
        if is_last and order in self.sales:
            self._settle(self.sales[order])

    def _split(self, ratio: float) -> None:
        for _, loss in self._waiting:
            loss.quantity *= ratio
            loss.loss /= ratio
        for name, parts in self._replaced.items():
            self._replaced[name] = deque(d._replace(quantity=d.quantity * ratio, loss=d.loss / ratio) for d in parts)

    def _close(self, sale: _Sale, event: Event, part: Part) -> None:
        """Add the loss of one part to its sale; units with a deferred loss are sold before the others of their lot."""
        day, bought = calendar.new_york_date(event.ts), calendar.new_york_date(part.lot.ts)
        gain, left = profit(event, part) / part.quantity, part.quantity
        parts = self._replaced.get(part.lot.id, deque())
        while left > DUST:
            taken, added, held = left, 0.0, day - bought
            if parts:
                first = parts[0]
                taken, added, held = min(left, first.quantity), first.loss, held + first.held
                parts[0] = first._replace(quantity=first.quantity - taken)
                if parts[0].quantity <= DUST:
                    parts.popleft()
            left -= taken
            if gain - added < 0:
                loss = _Loss(part.lot.order, day, taken, added - gain, held)
                sale.losses.append(loss)
                self._waiting.append((sale, loss))
                sale.quantity += taken
                sale.loss += taken * (added - gain)

    def _settle(self, sale: _Sale) -> None:
        """Match the losses of a complete sale with units bought before it and still held."""
        for loss in sale.losses:
            first = bisect_left(self._book.open, calendar.midnight(loss.day - WINDOW), key=attrgetter("ts"))
            for lot in islice(self._book.open, first, None):
                if loss.quantity <= DUST:
                    break
                if sale.long == (lot.quantity > 0):
                    sale.before += self._replace(sale, loss, lot)

    def _open(self, lot: Lot) -> None:
        """Match a new lot with the losses of the 30 days before it, oldest sale first."""
        day = calendar.new_york_date(lot.ts)
        while self._waiting and (self._waiting[0][1].quantity <= DUST or day > self._waiting[0][1].day + WINDOW):
            self._waiting.popleft()
        left = abs(lot.quantity)
        for sale, loss in self._waiting:
            if left <= DUST:
                break
            if sale.long == (lot.quantity > 0) and day <= loss.day + WINDOW:
                left -= self._replace(sale, loss, lot)
        if lot.quantity > 0:
            self.bought.append(_Bought(lot.order, lot.ts))

    def _replace(self, sale: _Sale, loss: _Loss, lot: Lot) -> float:
        """Let units of `lot` replace those of `loss`, as far as both reach. Returns how many."""
        parts = self._replaced.setdefault(lot.id, deque())
        free = abs(lot.quantity) - sum(d.quantity for d in parts)
        quantity = min(loss.quantity, free)
        if quantity <= DUST or lot.order == loss.lot:
            return 0.0
        deferral = Deferral(lot.order, quantity, loss.loss, loss.held)
        parts.append(deferral)
        sale.deferrals.append(deferral)
        loss.quantity -= quantity
        return quantity
