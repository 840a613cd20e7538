"""The tax wash-sale window: an aid from fills and FIFO lots, not tax advice. The broker's 1099-B is what counts.

A loss is deferred when the same stock is bought within 30 calendar days before or after the sale (IRC 1091), by trade date,
New York. Other accounts, options on the stock and substantially identical securities are not seen.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from bigdipper_exporter import calendar
from bigdipper_exporter.money.lots import Closing

WINDOW = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Buy:
    """One buy. Quantity in shares, `ts` unix seconds."""

    id: str
    ts: float
    quantity: float


@dataclass(frozen=True, slots=True)
class LossSale:
    """A sale at a loss, or one of which that cannot be said (`loss` None).

    loss: dollars (> 0). window_end: last second of the 30th day after. bought_before: shares bought in the 30 days before and
    still held after it; bought_after: shares bought in the 30 days after. disallowed: the part of the loss that these defer.
    """

    id: str
    sold: float
    day: date
    quantity: float
    loss: float | None
    window_end: float
    bought_before: float = 0.0
    bought_after: float = 0.0
    disallowed: float = 0.0


def window_end(day: date) -> float:
    """Last second (unix) of the 30 days after a sale on `day` (New York)."""
    return calendar.day_start(day + WINDOW + timedelta(days=1)) - calendar.DAY_START.hour * 3600 - 1


def loss_sales(closings: Iterable[Closing], buys: Sequence[Buy]) -> list[LossSale]:
    """The loss sales of one symbol in order of time. Each share bought replaces one share sold at most."""
    days = {buy.id: calendar.new_york_date(buy.ts) for buy in buys}
    left = {buy.id: buy.quantity for buy in buys}
    found = []
    for sale in closings:
        if not sale.long or (sale.realized is not None and sale.loss_quantity <= 0):
            continue
        day = calendar.new_york_date(sale.ts)
        after = {b.id: b.quantity for b in buys if b.ts > sale.ts and days[b.id] <= day + WINDOW}
        before = {i: quantity for i, quantity in sale.held if i in days and days[i] >= day - WINDOW}
        disallowed = 0.0
        if sale.realized is not None:
            disallowed = sale.loss * _replaced(sale.loss_quantity, before | after, left) / sale.loss_quantity
        found.append(
            LossSale(
                sale.id,
                sale.ts,
                day,
                sale.loss_quantity or sale.quantity,
                sale.loss if sale.realized is not None else None,
                window_end(day),
                sum(before.values()),
                sum(after.values()),
                disallowed,
            )
        )
    return found


def _replaced(wanted: float, candidates: Mapping[str, float], left: dict[str, float]) -> float:
    """How many of `wanted` shares find a replacement; takes them out of `left`."""
    taken = 0.0
    for buy, quantity in candidates.items():
        part = min(wanted - taken, quantity, left[buy])
        left[buy] -= part
        taken += part
    return taken


def buys_inside(sales: Iterable[LossSale], buys: Iterable[Buy]) -> int:
    """How many buys landed in the 30 days after a sale that is known to be a loss."""
    windows = [(sale.sold, sale.window_end) for sale in sales if sale.loss is not None]
    return sum(any(sold < buy.ts <= end for sold, end in windows) for buy in buys)
