"""First in, first out: which shares a sale closed, and what it realized. Pure; quantities in units, money in US dollars."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Kind = Literal["buy", "sell", "sell_short", "split", "break", "flat"]
DUST = 1e-9  # quantities have nine decimals at most


class Event(NamedTuple):
    """Something that happened to one symbol. `price` is dollars a unit, an option's contract included.

    order: id of the order that an execution belongs to; executions without one are orders of their own.
    `split`: `quantity` is what it added to the units held, below zero for a reverse split. `break`: a transfer, a merger, a
    split of unknown ratio: the lots are unknown from then on. `flat`: the broker held none: they are known again, empty.
    """

    ts: float
    kind: Kind
    id: str = ""
    quantity: float = 0.0
    price: float = 0.0
    order: str = ""


@dataclass(slots=True)
class Lot:
    """Units still held from one execution; `quantity` is negative for a short sale."""

    id: str
    order: str
    ts: float
    quantity: float
    price: float


class Part(NamedTuple):
    """Units (> 0) that an execution took from a lot."""

    lot: Lot
    quantity: float


@dataclass(frozen=True, slots=True)
class Step:
    """What one event did. closed: parts of older lots; opened: the lot that it began; known: the lots are complete.

    ratio: new units for one old unit.
    """

    closed: tuple[Part, ...] = ()
    opened: Lot | None = None
    known: bool = True
    ratio: float = 1.0


@dataclass(slots=True)
class Book:
    """The open lots of one symbol, oldest first. Created per matching, fed with events in order of time.

    short_held: the broker holds a short position, so a plain `sell` may open one.
    """

    short_held: bool = False
    known: bool = True
    open: deque[Lot] = field(default_factory=deque)

    def apply(self, event: Event) -> Step:
        """Apply one event and return what it closed and opened.

        A sale beyond the lots opens a short when it says so (`sell_short`), or when the broker holds one. Otherwise a buy is
        missing: nothing is known until the position is seen flat.
        """
        if event.kind in ("break", "flat"):
            self.open.clear()
            self.known = event.kind == "flat"
            return Step(known=self.known)
        return self._split(event.quantity) if event.kind == "split" else self._trade(event)

    def _split(self, added: float) -> Step:
        held = sum(lot.quantity for lot in self.open)
        ratio = 1 + added / held if abs(held) > DUST else 1.0
        if ratio <= 0:
            self.open.clear()
            self.known = False
            return Step(known=False)
        for lot in self.open:
            lot.quantity *= ratio
            lot.price /= ratio
        return Step(known=self.known, ratio=ratio)

    def _trade(self, event: Event) -> Step:
        sign = 1.0 if event.kind == "buy" else -1.0
        left, closed = event.quantity, []
        while self.known and left > DUST and self.open and self.open[0].quantity * sign < 0:
            lot = self.open[0]
            part = min(left, abs(lot.quantity))
            closed.append(Part(lot, part))
            left -= part
            lot.quantity += sign * part
            if abs(lot.quantity) <= DUST:
                self.open.popleft()
        opened = None
        if left > DUST and event.kind == "sell" and not self.short_held:
            self.known = False
            self.open.clear()
        elif left > DUST:
            opened = Lot(event.id, event.order or event.id, event.ts, sign * left, event.price)
            if self.known:
                self.open.append(opened)
        return Step(tuple(closed), opened, self.known)


@dataclass(frozen=True, slots=True)
class Closing:
    """An execution that closed something: `long` a long position. `realized` is None when the lots are incomplete."""

    id: str
    ts: float
    long: bool
    quantity: float
    realized: float | None


@dataclass(frozen=True, slots=True)
class Matched:
    """The outcome: every closing execution in order, and whether the present lots are known.

    unknown: ids of the executions that met unknown lots: what they closed cannot be told.
    """

    closings: tuple[Closing, ...]
    known: bool
    unknown: frozenset[str] = frozenset()


def signed(event: Event) -> float:
    """Units that an execution added to the position (> 0) or took from it; 0 for what is no execution."""
    return {"buy": event.quantity, "sell": -event.quantity, "sell_short": -event.quantity}.get(event.kind, 0.0)


def profit(event: Event, part: Part) -> float:
    """Dollars gained by closing `part` at the price of `event`; negative for a loss."""
    gain = part.quantity * (event.price - part.lot.price)
    return -gain if event.kind == "buy" else gain


def match(events: Iterable[Event], short_held: bool = False) -> Matched:
    """Match the executions of one symbol, in order of time, first in, first out."""
    book = Book(short_held)
    closings, unknown = [], set()
    for event in events:
        step = book.apply(event)
        if not step.known:
            unknown.add(event.id)
        long = event.kind != "buy"
        if not step.known and event.kind == "sell":
            closings.append(Closing(event.id, event.ts, long, event.quantity, None))
        elif step.closed:
            quantity = sum(part.quantity for part in step.closed)
            closings.append(Closing(event.id, event.ts, long, quantity, sum(profit(event, part) for part in step.closed)))
    return Matched(tuple(closings), book.known, frozenset(unknown))
