"""Prices of one symbol as traded, with its splits and dividends: returns from one day to another. Pure; US dollars per share.

Raw prices of two days are compared over the splits between them, and a dividend is part of the return. Adjusted history is
not used: it changes in the past with every split.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

JUMP = 0.25  # a move between two closes that only a split explains, or that a split must explain


@dataclass(frozen=True, slots=True)
class Bar:
    """One regular session as traded."""

    day: date
    open: float
    high: float
    low: float
    close: float


@dataclass(frozen=True, slots=True)
class Split:
    """`ratio` new shares for one old share from `day` (the ex-date) on."""

    day: date
    ratio: float


@dataclass(frozen=True, slots=True)
class Dividend:
    """`cash` dollars a share to who held it before `day` (the ex-date)."""

    day: date
    cash: float


@dataclass(frozen=True)
class Prices:
    """One symbol. `bars`, `splits` and `dividends` are in order of time; a day without a bar is unknown, never 0."""

    bars: Sequence[Bar]
    splits: Sequence[Split] = ()
    dividends: Sequence[Dividend] = ()

    @cached_property
    def days(self) -> list[date]:
        """Days that have a bar."""
        return [bar.day for bar in self.bars]

    @cached_property
    def by_day(self) -> dict[date, Bar]:
        """Bars by day."""
        return {bar.day: bar for bar in self.bars}

    def factor(self, after: date, until: date) -> float:
        """Return the shares at the end of `until` that one share of the end of `after` has become."""
        shares = 1.0
        for split in self.splits:
            if after < split.day <= until:
                shares *= split.ratio
        return shares

    def cash(self, after: date, until: date) -> float:
        """Return the dividends of ex-dates in (after, until] in dollars per share of the end of `after`."""
        return sum(d.cash * self.factor(after, d.day) for d in self.dividends if after < d.day <= until)

    def growth(self, price: float, after: date, until: date) -> float | None:
        """Return the total return of a share bought at `price` on `after`, up to the close of `until`; None without a bar."""
        bar = self.by_day.get(until)
        if bar is None or price <= 0:
            return None
        return (bar.close * self.factor(after, until) + self.cash(after, until)) / price - 1

    def close_before(self, day: date) -> Bar | None:
        """Return the last bar before `day`."""
        index = bisect_right(self.days, day) - 1
        if index >= 0 and self.days[index] == day:
            index -= 1
        return self.bars[index] if index >= 0 else None

    def jumps(self) -> list[date]:
        """Return the days on which the price jumps without a split, or a split leaves no jump: data not to rely on."""
        found = []
        for before, bar in zip(self.bars, self.bars[1:], strict=False):
            move = bar.close * self.factor(before.day, bar.day) / before.close - 1
            if abs(move) > JUMP:
                found.append(bar.day)
        return found


def after(sessions: Sequence[date], day: date, count: int) -> date | None:
    """Return the `count`-th session after `day`; None while it is not over. `sessions`: days in order, `day` among them."""
    index = bisect_right(sessions, day) - 1
    if index < 0 or sessions[index] != day or index + count >= len(sessions):
        return None
    return sessions[index + count]


def lowest(prices: Prices, price: float, first: date, days: Iterable[date]) -> float | None:
    """Return the worst low of `days` against `price` of `first`, as a ratio; None where none of them has a bar."""
    lows = [(prices.by_day[day].low * prices.factor(first, day)) / price - 1 for day in days if day in prices.by_day]
    return min(lows, default=None)
