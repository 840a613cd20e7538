"""Profit and time-weighted return without deposits, and the drawdown that follows from them. Pure; money in US dollars.

One convention for when in the day a flow counts: deposits are money of the day's start, withdrawals of its end. With S and E
the equity at the day's start and end, D the deposits and W the withdrawals (both >= 0):
- profit = E - S - D + W;
- return = (E + W) / (S + D) - 1, which is profit / (S + D).
A day's return is unknown when its base S + D is too small for it, and when the value of a flow is not known. More than all
cannot be lost in a chain: an equity below 0 is a loss of everything, and the chain begins again with new money.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from bigdipper_exporter import calendar
from bigdipper_exporter.calendar import ONE_DAY
from bigdipper_exporter.money.flows import Flows

WINDOWS: dict[str, int | None] = {"1d": 1, "1w": 7, "1m": 30, "1y": 365, "all": None}
# Windows that begin with a Monday or the first of a month: week to date, month to date.
TO_DATE: dict[str, Callable[[date], date]] = {
    "wtd": lambda last: last - timedelta(days=last.weekday()),
    "mtd": lambda last: last.replace(day=1),
}
SMALLEST_DEBTOR = 1.0  # US dollars: what is less and falls below 0, by a fee after all was withdrawn, has no return
SMALLEST_BASE = 0.1  # of the day's last equity: more than tenfold growth in one day is a deposit that the broker does not list
SMALLEST_INDEX = 1e-100  # a float has no room for more years of losses
BELOW_ONE = math.nextafter(1.0, 0.0)
CENT = 0.01  # portfolio history is rounded to it, and `last_equity` is not
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
    """Return of one day as a ratio, greater than -1; None when it is unknown or its base is too small for it.

    An equity of exactly 0 is rather a withdrawal that has no record yet than a loss to the cent.
    """
    if start is None or end is None or not flows.known or start <= 0:
        return None
    base, result = start + flows.deposits, end + flows.withdrawals
    if result == 0 or base < SMALLEST_BASE * result or (result < 0 and base < SMALLEST_DEBTOR):
        return None
    return max(result / base - 1, -BELOW_ONE)


@dataclass(frozen=True, slots=True)
class DayEquity:
    """One trading day. `peak` is the highest equity that held during it; None where only the close is known.

    `live`: the day is not over, so `end` is the newest poll and does not count as a peak. `begun`: False while the exchange has
    been closed since the trading day before; what the equity did since then is of this day.
    """

    day: date
    start: float | None
    end: float | None
    flows: Flows = NO_FLOWS
    peak: float | None = None
    live: bool = False
    begun: bool = True

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
    taken out, in dollars of that day. All are None after trading days that are missing. returns: per window of WINDOWS and
    TO_DATE; a window that begins before the first day, or holds a day without a known return, is left out.
    """

    drawdowns: tuple[float | None, ...] = ()
    peaks: tuple[float | None, ...] = ()
    drawdown: float | None = None
    peak: float | None = None
    returns: tuple[tuple[str, float], ...] = ()


@dataclass(slots=True)
class _Link:
    """A day of the chain and its return.

    first: the first trading day whose money is in it; joined: False where unknown days come before it; funded: False on days
    without a return after one that lost everything.
    """

    day: DayEquity
    ratio: float | None
    first: date
    joined: bool = True
    funded: bool = True

    def fits(self, begin: date) -> bool:
        """Whether a window that begins then holds all of this day's money, and no unknown days before it."""
        return self.first >= begin and (self.joined or calendar.previous_trading_day(self.day.day) < begin)


def _links(days: Sequence[DayEquity], ratios: Sequence[float | None]) -> Iterator[_Link]:
    """Pair each day with the one before. Trading days between the two are in it if it starts where the other one ended."""
    before: DayEquity | None = None
    for day, ratio in zip(days, ratios, strict=True):
        is_next = before is None or day.day - before.day == ONE_DAY
        missing = day.day if before is None or is_next else calendar.next_trading_day(before.day)
        if before is None or missing >= day.day:
            yield _Link(day, ratio, day.day)
        elif before.end is not None and day.start is not None and abs(day.start - before.end) <= CENT:
            yield _Link(day, ratio, missing)
        else:
            yield _Link(day, ratio, day.day, joined=False)
        before = day


def chain(days: Sequence[DayEquity]) -> TimeWeightedReturn:
    """Link the days (in order) to one index that only profit and loss move, and measure it.

    A day whose return is unknown leaves the index where it was. Where trading days are missing, the index ends. After a day
    that lost everything a new one begins with the first return that is known.
    """
    # Days before the first equity (an account opened, not yet funded) have no return and are no gap either.
    ratios = [day.ratio for day in days]
    unfunded = next((i for i, ratio in enumerate(ratios) if ratio is not None), len(days))
    before, links = (0.0,) * unfunded, list(_links(days[unfunded:], ratios[unfunded:]))
    if not links:
        return TimeWeightedReturn(before, (None,) * unfunded)
    drawdowns: list[float | None] = []
    peaks: list[float | None] = []
    index = top = 1.0
    joined, lost = True, False
    for link in links:
        day, joined = link.day, joined and link.joined
        if link.ratio is not None:
            if lost:
                index = top = 1.0
            lost = link.ratio <= -BELOW_ONE
            top = max(top, index * day.peak_ratio)
            index = max(index * (1 + link.ratio), SMALLEST_INDEX)
        link.funded = link.ratio is not None or not lost
        if not day.live:
            top = max(top, index)
        drawdowns.append(-min(max(1 - index / top, 0.0), BELOW_ONE) if joined else None)
        peaks.append(day.end * top / index if joined and link.funded and day.end is not None and day.end > 0 else None)
    per_day = (*before, *drawdowns), (*(None,) * unfunded, *peaks)
    if links[-1].day.end is None:
        return TimeWeightedReturn(*per_day)
    drawdown = None if drawdowns[-1] is None else 0.0 - drawdowns[-1]
    return TimeWeightedReturn(*per_day, drawdown, peaks[-1], tuple(_windows(links)))


def window_start(name: str, last: date) -> date | None:
    """First day of a window of WINDOWS or TO_DATE that ends with the trading day `last`; None: the account's first day."""
    if name in TO_DATE:
        return TO_DATE[name](last)
    length = WINDOWS[name]
    return None if length is None else last - timedelta(days=length - 1)


def _windows(links: Sequence[_Link]) -> Iterator[tuple[str, float]]:
    """Windows end with the newest day on which the exchange opened: on a weekend, a week is the one that is over.

    Money that moves while the exchange stays closed counts in them too, but not in the week or month before that of its day.
    """
    newest = links[-1].day
    last = newest.day if newest.begun else calendar.previous_trading_day(newest.day)
    dates = [link.day.day for link in links]
    for name in (*WINDOWS, *TO_DATE):
        first = window_start(name, last)
        if first is None:
            first = dates[0]
        elif dates[0] > calendar.next_trading_day(first - ONE_DAY):
            continue  # the account is younger
        inside = links[bisect_left(dates, first) :]
        if name in TO_DATE:
            inside = [link for link in inside if link.day.begun or TO_DATE[name](link.day.day) == first]
        if not inside or not all(link.joined or link.fits(first) for link in inside) or not inside[0].fits(first):
            continue
        known = [link.ratio for link in inside if link.ratio is not None]
        if known and len(known) == sum(link.funded for link in inside):
            yield name, math.prod(1 + ratio for ratio in known) - 1
