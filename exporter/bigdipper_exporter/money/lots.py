"""First in, first out: which shares a sale closed, and what it realised. Pure; quantities in units, money in US dollars."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

Kind = Literal["buy", "sell", "sell_short", "break", "flat"]
DUST = 1e-9  # quantities have nine decimals at most


class Event(NamedTuple):
    """Something that happened to one symbol. `price` is dollars a unit, an option's contract included.

    `break`: a split, a transfer: the lots are unknown from then on. `flat`: the broker held none: they are known again, empty.
    """

    ts: float
    kind: Kind
    id: str = ""
    quantity: float = 0.0
    price: float = 0.0


@dataclass(slots=True)
class Lot:
    """Units still held from one buy; `quantity` is negative for a short sale."""

    id: str
    ts: float
    quantity: float
    price: float


@dataclass(frozen=True, slots=True)
class Closing:
    """A fill that closed something. `realized` is None when the lots are incomplete.

    loss_quantity, loss: the units sold below their cost, and how much below (>= 0). held: (id, quantity) of the buys that are
    still held right after it, oldest first.
    """

    id: str
    ts: float
    long: bool
    quantity: float
    realized: float | None
    loss_quantity: float = 0.0
    loss: float = 0.0
    held: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Matched:
    """The outcome: every closing fill in order, and whether the present lots are known."""

    closings: tuple[Closing, ...]
    known: bool


def match(events: Iterable[Event], short_held: bool = False) -> Matched:
    """FIFO over the events of one symbol, in order of time.

    A sale beyond the lots opens a short when it says so (`sell_short`), or when the broker holds one (`short_held`).
    Otherwise a buy is missing: nothing is known until the position is seen flat.
    """
    lots: deque[Lot] = deque()
    closings: list[Closing] = []
    known = True
    for event in events:
        if event.kind in ("break", "flat"):
            lots.clear()
            known = event.kind == "flat"
            continue
        sign = 1.0 if event.kind == "buy" else -1.0
        left, gain, loss_quantity, loss = event.quantity, 0.0, 0.0, 0.0
        while known and left > DUST and lots and lots[0].quantity * sign < 0:
            lot = lots[0]
            part = min(left, abs(lot.quantity))
            profit = part * (event.price - lot.price) * -sign
            gain += profit
            if profit < 0:
                loss_quantity, loss = loss_quantity + part, loss - profit
            left -= part
            lot.quantity += sign * part
            if abs(lot.quantity) <= DUST:
                lots.popleft()
        opens = event.kind != "sell" or short_held
        closed = event.quantity - left
        if left > DUST and not opens:
            known, closed = False, event.quantity
            lots.clear()
        elif left > DUST and known:
            lots.append(Lot(event.id, event.ts, sign * left, event.price))
        if closed > DUST or (not known and event.kind == "sell"):
            held = tuple((lot.id, lot.quantity) for lot in lots if lot.quantity > 0)
            closings.append(
                Closing(event.id, event.ts, event.kind != "buy", closed or event.quantity, gain, loss_quantity, loss, held)
                if known
                else Closing(event.id, event.ts, event.kind != "buy", event.quantity, None)
            )
    return Matched(tuple(closings), known)
