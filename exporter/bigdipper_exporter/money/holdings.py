"""What was held of one symbol after each event, with the cost as the broker has it. Pure; quantities in units, US dollars.

The broker's cost is the average within a day; at the end of the day it becomes that of the lots which are left first in first
out. So what a partial sale realizes (first in first out) and what is left unrealized add up from the next day on.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from bigdipper_exporter import calendar
from bigdipper_exporter.money.lots import Book, Event, Step


@dataclass(slots=True)
class Holding:
    """Units held (below 0: short) and what they cost; unknown after a transfer or a sale of more than was bought."""

    cost: float = 0.0
    quantity: float = 0.0
    _lots_cost: float = 0.0
    _book: Book = field(default_factory=Book)
    _day: date | None = None

    @property
    def known(self) -> bool:
        """Whether no purchase is missing."""
        return self._book.known

    def begin(self, day: date) -> None:
        """Begin a trading day (04:00 New York): what is held costs what its lots cost."""
        if day != self._day:
            self._day, self.cost = day, self._lots_cost

    def apply(self, event: Event) -> Step:
        """Apply one event, in order of time; returns what it closed and opened."""
        self.begin(calendar.trading_day(event.ts))
        before = self.quantity
        step = self._book.apply(event)
        self.quantity *= step.ratio
        closed, sign = sum(part.quantity for part in step.closed), 1 if before > 0 else -1
        if closed:
            self.cost *= 1 - closed / abs(before)
            self.quantity -= sign * closed
            self._lots_cost -= sign * sum(part.quantity * part.lot.price for part in step.closed)
        if step.opened is not None:
            self.cost += step.opened.quantity * event.price
            self.quantity += step.opened.quantity
            self._lots_cost += step.opened.quantity * event.price
        if not self._book.open:
            self.cost = self.quantity = self._lots_cost = 0.0
        return step


def profits_at_average(events: Iterable[Event], short_held: bool = False) -> dict[str, float]:
    """Return by id what each closing execution gained over the average cost of that day, US dollars; short_held: see `Book`.

    Until the day is over, this is what a sale takes from the broker's unrealized profit, and `lots.profit` is what it realizes.
    """
    holding, found = Holding(_book=Book(short_held)), {}
    for event in events:
        holding.begin(calendar.trading_day(event.ts))
        held, cost = holding.quantity, holding.cost
        closed = sum(part.quantity for part in holding.apply(event).closed)
        if closed:
            found[event.id] = closed * (event.price - cost / held) * (1 if held > 0 else -1)
    return found
