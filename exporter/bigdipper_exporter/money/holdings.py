"""What was held of one symbol after each event, with the cost as the broker has it. Pure; quantities in units, US dollars.

The broker's cost is the average within a day; at the end of the day it becomes that of the lots which are left first in first
out. So what a partial sale realizes (first in first out) and what is left unrealized add up from the next day on.
"""

from dataclasses import dataclass, field
from datetime import date

from bigdipper_exporter import calendar
from bigdipper_exporter.money.lots import DUST, Book, Event


@dataclass(slots=True)
class Holding:
    """Units held (below 0: short) and what they cost; unknown after a transfer or a sale of more than was bought."""

    cost: float = 0.0
    _book: Book = field(default_factory=Book)
    _day: date | None = None

    @property
    def known(self) -> bool:
        """Whether no purchase is missing."""
        return self._book.known

    @property
    def quantity(self) -> float:
        """Units held, below 0 for a short."""
        return sum(lot.quantity for lot in self._book.open)

    def begin(self, day: date) -> None:
        """Begin a trading day (04:00 New York): what is held costs what its lots cost."""
        if day != self._day:
            self._day, self.cost = day, sum(lot.quantity * lot.price for lot in self._book.open)

    def apply(self, event: Event) -> None:
        """Apply one event, in order of time."""
        self.begin(calendar.trading_day(event.ts))
        before = self.quantity
        step = self._book.apply(event)
        closed = sum(part.quantity for part in step.closed)
        if closed:
            self.cost *= 1 - closed / abs(before)
        if step.opened is not None:
            self.cost += step.opened.quantity * event.price
        if not self.known or abs(self.quantity) <= DUST:
            self.cost = 0.0
