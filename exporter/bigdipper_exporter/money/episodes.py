"""Episodes of dips: one dip of one symbol for one reason, however many minutes and days it lasted. Pure."""

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple

from bigdipper_exporter import calendar
from bigdipper_exporter.money import prices
from bigdipper_exporter.money.prices import Prices

HORIZONS = (1, 5, 20)  # sessions
LEAST_EPISODES = 20  # for quartiles


@dataclass(frozen=True, slots=True)
class Sighting:
    """A dip seen in one session, once or more often. first, last: unix seconds; session: the first that ends after `first`.

    dip: the deepest, a ratio below 0; price: in US dollars, and where it comes from: `log` and `minute` are of `first`, `line`
    is of the session's bar.
    """

    symbol: str
    reason: str
    session: date
    first: float
    last: float
    count: int
    dip: float | None = None
    price: float | None = None
    source: str = "log"

    @property
    def priced_on(self) -> date:
        """The day of which `price` is a price: after a close, and before 04:00, still the day before the session."""
        return self.session if self.source == "line" else min(self.session, calendar.trading_day(self.first))


@dataclass(frozen=True, slots=True)
class Episode:
    """Consecutive sessions on which one symbol dipped for one reason. `start`: the first sighting."""

    start: Sighting
    last: float
    days: int
    count: int
    dip: float | None


class Returns(NamedTuple):
    """Total returns of a share after 1, 5 and 20 sessions, in the order of HORIZONS; None: not over, or no price."""

    after_1: float | None
    after_5: float | None
    after_20: float | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What followed an episode: total returns of the symbol and of the benchmark, and the worst low within 20 sessions."""

    own: Returns
    benchmark: Returns
    lowest: float | None


def episodes(sightings: Iterable[Sighting], sessions: Sequence[date]) -> list[Episode]:
    """Join the sightings of consecutive sessions, per symbol and reason."""
    groups: dict[tuple[str, str], list[list[Sighting]]] = {}
    for sighting in sorted(sightings, key=lambda s: s.first):
        runs = groups.setdefault((sighting.symbol, sighting.reason), [])
        now = bisect_left(sessions, sighting.session)
        if runs and now - bisect_left(sessions, runs[-1][-1].session) <= 1:
            runs[-1].append(sighting)
        else:
            runs.append([sighting])
    return sorted((_episode(run) for runs in groups.values() for run in runs), key=lambda e: e.start.first)


def _episode(run: Sequence[Sighting]) -> Episode:
    dips = [sighting.dip for sighting in run if sighting.dip is not None]
    days = len({sighting.session for sighting in run})
    return Episode(run[0], max(s.last for s in run), days, sum(s.count for s in run), min(dips, default=None))


def outcome(
    start: Sighting, own: Prices, benchmark: Prices, sessions: Sequence[date], benchmark_price: float | None
) -> Outcome:
    """Return what followed `start`. `benchmark_price`: at `start.first`; None for the close of that session.

    Sessions are counted from that of the sighting. A split or dividend of that day is between a price of the evening before and
    all that follows.
    """
    day, base = start.session, start.price
    compared = min(day, calendar.trading_day(start.first))
    if benchmark_price is None:
        bar, compared = benchmark.by_day.get(day), day
        benchmark_price = None if bar is None else bar.close
    until = prices.after(sessions, day, HORIZONS[-1])
    index = bisect_left(sessions, day) if until is not None else 0
    within = sessions[index + 1 : index + HORIZONS[-1] + 1] if until is not None else ()
    return Outcome(
        returns_after(base, day, own, sessions, start.priced_on),
        returns_after(benchmark_price, day, benchmark, sessions, compared),
        prices.lowest(own, base, start.priced_on, within) if base and until is not None else None,
    )


def returns_after(
    price: float | None, day: date, own: Prices, sessions: Sequence[date], priced_on: date | None = None
) -> Returns:
    """Return the total returns of a share 1, 5 and 20 sessions after `day`.

    price: in US dollars, paid on `priced_on`; None: on `day`.
    """
    priced_on = day if priced_on is None else priced_on

    def after(count: int) -> float | None:
        end = prices.after(sessions, day, count)
        return None if end is None or price is None else own.growth(price, priced_on, end)

    return Returns(*map(after, HORIZONS))


@dataclass(frozen=True, slots=True)
class Followed:
    """One episode at one horizon. week: any name of the week in which it began; size: dollars, None where unknown."""

    week: str
    own: float | None
    benchmark: float | None
    size: float | None


@dataclass(frozen=True, slots=True)
class Summary:
    """What followed a group of episodes. Quartiles and shares need 20 of them that are over; else they are None.

    weeks: separate weeks in which those began: 20-day windows overlap, so many episodes of one crash are about one observation.
    """

    episodes: int
    known: int
    weeks: int
    lower: float | None = None
    median: float | None = None
    upper: float | None = None
    positive: float | None = None
    excess: float | None = None
    dollars: float | None = None


def summary(group: Sequence[Followed]) -> Summary:
    """Summarise a group at one horizon."""
    known = [one for one in group if one.own is not None]
    own = sorted(one.own for one in known if one.own is not None)
    sized = [one.size * one.own for one in known if one.size is not None and one.own is not None]
    plain = Summary(len(group), len(known), len({one.week for one in known}), dollars=sum(sized) if sized else None)
    if len(known) < LEAST_EPISODES:
        return plain
    excess = sorted(one.own - one.benchmark for one in known if one.own is not None and one.benchmark is not None)
    return replace(
        plain,
        lower=quantile(own, 0.25),
        median=quantile(own, 0.5),
        upper=quantile(own, 0.75),
        positive=sum(value > 0 for value in own) / len(own),
        excess=quantile(excess, 0.5) if len(excess) >= LEAST_EPISODES else None,
    )


def quantile(values: Sequence[float], share: float) -> float:
    """Return a quantile of sorted values, linear between two of them (method 7 of Hyndman and Fan, as numpy and R have it)."""
    place = share * (len(values) - 1)
    low = math.floor(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (place - low)
