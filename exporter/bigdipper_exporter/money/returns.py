"""Profit and time-weighted return without deposits, and the drawdown that follows from them. Pure; money in US dollars.

One convention for when in the day a flow counts: deposits are money of the day's start, withdrawals of its end. With S and E
the equity at the day's start and end, D the deposits and W the withdrawals (both >= 0):
- profit = E - S - D + W;
- return = (E + W) / (S + D) - 1, which is profit / (S + D).
A day's return is unknown when its base S + D is too small for it, and when the value of a flow is not known.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from bigdipper_exporter.money.flows import Flows

WINDOWS: dict[str, int | None] = {"1d": 1, "1w": 7, "1m": 30, "1y": 365, "all": None}
# Windows that begin with a Monday or the first of a month: week to date, month to date.
TO_DATE: dict[str, Callable[[date], date]] = {
    "wtd": lambda last: last - timedelta(days=last.weekday()),
    "mtd": lambda last: last.replace(day=1),
}
SMALLEST_BASE = 0.1  # of the day's last equity: more than tenfold growth in one day is a deposit that the broker does not list
SMALLEST_INDEX = 1e-100  # a float has no room for more years of losses
BELOW_ONE = math.nextafter(1.0, 0.0)
NO_FLOWS = Flows()


@dataclass(frozen=True, slots=True)
class Attribution:
    """What made the difference between two equities. US dollars; None: unknown."""

    realized_pl: float | None
    unrealized_change: float | None
    dividends: float
    fees: float
    interest: float
    cash_flow: float

    def other(self, start: float | None, end: float | None) -> float | None:
        """The rest of the change of equity, which no part explains; None while one of the parts is unknown."""
        if start is None or end is None or self.realized_pl is None or self.unrealized_change is None:
            return None
        parts = self.dividends + self.fees + self.interest + self.cash_flow
        return end - start - self.realized_pl - self.unrealized_change - parts


def profit(start: float | None, end: float | None, flows: Flows = NO_FLOWS) -> float | None:
    """Change of equity without deposits and withdrawals; None when a part is unknown."""
    return None if start is None or end is None or not flows.known else end - start - flows.net


def daily_return(start: float | None, end: float | None, flows: Flows = NO_FLOWS) -> float | None:
    """Return of one day as a ratio, greater than -1; None when it is unknown or its base is too small for it."""
    if start is None or end is None or not flows.known or start <= 0:
        return None
    base, result = start + flows.deposits, end + flows.withdrawals
    if result <= 0 or base < SMALLEST_BASE * result:
        return None
    ratio = result / base - 1
    return ratio if ratio > -1 else None


@dataclass(frozen=True, slots=True)
class DayEquity:
    """One trading day. `peak` is the highest equity that held during it; None where only the close is known.

    `live`: the day is not over, so `end` is the newest poll and does not count as a peak.
    """

    day: date
    start: float | None
    end: float | None
    flows: Flows = NO_FLOWS
    peak: float | None = None
    live: bool = False

    @property
    def ratio(self) -> float | None:
        """The day's return."""
        return daily_return(self.start, self.end, self.flows)

    @property
    def peak_ratio(self) -> float:
        """Growth from the day's start to its highest equity; too low if deposits came after that moment."""
        if self.peak is None or self.start is None or self.start + self.flows.deposits <= 0:
            return 0.0
        return self.peak / (self.start + self.flows.deposits)


@dataclass(frozen=True, slots=True)
class TimeWeightedReturn:
    """The chain of daily returns.

    drawdowns: distance from the peak per day, in (-1, 0]; drawdown: now, in [0, 1). peaks, peak: the highest equity, deposits
    taken out, in dollars of that day. returns: per window of WINDOWS and TO_DATE; a window that begins before the first day, or
    holds a day without a known return, is left out.
    """

    drawdowns: tuple[float, ...] = ()
    peaks: tuple[float | None, ...] = ()
    drawdown: float | None = None
    peak: float | None = None
    returns: tuple[tuple[str, float], ...] = ()


def chain(days: Sequence[DayEquity]) -> TimeWeightedReturn:
    """Link the days (in order) to one index that only profit and loss move, and measure it."""
    # Days before the first equity (an account opened, not yet funded) have no return and are no gap either.
    ratios = [day.ratio for day in days]
    unfunded = next((i for i, ratio in enumerate(ratios) if ratio is not None), len(days))
    before, days, ratios = (0.0,) * unfunded, days[unfunded:], ratios[unfunded:]
    if not days:
        return TimeWeightedReturn(before, (None,) * unfunded)
    drawdowns, peaks = [], []
    index = top = 1.0
    for day, ratio in zip(days, ratios, strict=True):
        if ratio is not None:
            top = max(top, index * day.peak_ratio)
            index = max(index * (1 + ratio), SMALLEST_INDEX)
        if not day.live:
            top = max(top, index)
        drawdowns.append(-min(max(1 - index / top, 0.0), BELOW_ONE))
        peaks.append(day.end * top / index if day.end is not None and day.end > 0 else None)
    per_day = (*before, *drawdowns), (*(None,) * unfunded, *peaks)
    if days[-1].end is None:
        return TimeWeightedReturn(*per_day)
    return TimeWeightedReturn(*per_day, 0.0 - drawdowns[-1], peaks[-1], tuple(_windows(days, ratios)))


def _windows(days: Sequence[DayEquity], ratios: Sequence[float | None]) -> Iterable[tuple[str, float]]:
    last = days[-1].day
    begins = {
        name: days[0].day if length is None else last - timedelta(days=length - 1) for name, length in WINDOWS.items()
    } | {name: begin(last) for name, begin in TO_DATE.items()}
    for name, first in begins.items():
        # The first day of the account covers every window that begins on a day without trading before it.
        if first < days[0].day - timedelta(days=4):
            continue
        inside = [ratio for day, ratio in zip(days, ratios, strict=True) if day.day >= first]
        known = [ratio for ratio in inside if ratio is not None]
        if known and len(known) == len(inside):
            yield name, math.prod(1 + ratio for ratio in known) - 1
