"""The account against a benchmark over the same days, deposits included. Pure; ratios (1 % is 0.01) and US dollars.

Flows count as in `money.returns`: deposits are money of the day's start, withdrawals of its end. So the same deposits in the
benchmark are worth (V + D) * (1 + b) - W after a day on which the benchmark returned b. Formulas that need many days are those
of Sharpe's single-index model with a riskless rate of 0; annual figures use 252 days and are arithmetic.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypedDict

from bigdipper_exporter.money.prices import Prices
from bigdipper_exporter.money.returns import DayEquity

LEAST_DAYS = 60  # for beta, alpha, correlation, tracking error, information ratio and capture
DAYS_A_YEAR = 252
LONGEST_WEEKEND = 5  # calendar days between two sessions
NOTHING = 1e-12  # a variance below it is rounding


@dataclass(frozen=True, slots=True)
class Point:
    """One common day. Indices are 100 at the close before the first; `twin`: the same deposits in the benchmark, in dollars."""

    day: date
    account_index: float
    benchmark_index: float
    account: float
    twin: float | None
    account_return: float
    benchmark_return: float


class _Figures(TypedDict, total=False):
    beta: float | None
    alpha: float | None
    correlation: float | None
    tracking_error: float | None
    information_ratio: float | None
    up_capture: float | None
    down_capture: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The account against the benchmark. None: not known, or too few days.

    days: common days; left_out: trading days without a figure of one of the two. difference: dollars ahead (> 0) or behind.
    exhausted: the day on which withdrawals took more than the twin had.
    """

    points: tuple[Point, ...] = ()
    days: int = 0
    left_out: int = 0
    account_return: float | None = None
    benchmark_return: float | None = None
    difference: float | None = None
    twin: float | None = None
    exhausted: date | None = None
    beta: float | None = None
    alpha: float | None = None
    correlation: float | None = None
    tracking_error: float | None = None
    information_ratio: float | None = None
    up_capture: float | None = None
    down_capture: float | None = None

    @property
    def excess_return(self) -> float | None:
        """Return of the account less that of the benchmark."""
        if self.account_return is None or self.benchmark_return is None:
            return None
        return self.account_return - self.benchmark_return


@dataclass(slots=True)
class _Twin:
    """The same deposits in the benchmark, valued at the close of `anchor`."""

    value: float | None
    anchor: date
    exhausted: date | None = None

    def pass_day(self, day: DayEquity, benchmark: Prices) -> None:
        """Let a day's flows and its move pass; where the benchmark has no bar, flows count at its last close."""
        if self.value is None:
            return
        if not day.flows.known:
            self.value = None
            return
        self.value += day.flows.deposits
        before = benchmark.by_day[self.anchor]
        growth = benchmark.growth(before.close, before.day, day.day)
        if growth is not None:
            self.value *= 1 + growth
            self.anchor = day.day
        self.value -= day.flows.withdrawals
        if self.value < 0:
            self.value, self.exhausted = None, day.day


def compare(days: Sequence[DayEquity], benchmark: Prices) -> Comparison:
    """Compare the account's trading days, in order, with the benchmark's total return; a day that goes on is left out."""
    days = [day for day in days if not day.live]
    first = next((i for i, day in enumerate(days) if day.ratio is not None and _base(benchmark, day.day)), len(days))
    if first == len(days):
        return Comparison()
    base = benchmark.close_before(days[first].day)
    assert base is not None
    twin = _Twin(days[first].start, base.day)
    points: list[Point] = []
    left_out, previous = 0, base.day
    account_index = benchmark_index = 100.0
    for day in days[first:]:
        before = benchmark.close_before(day.day)
        theirs = None if before is None or before.day != previous else benchmark.growth(before.close, before.day, day.day)
        since, previous = previous, day.day
        twin.pass_day(day, benchmark)
        if day.ratio is None or day.end is None or theirs is None:
            # Days of the account that are missing are in the next one, with their flows.
            left_out += max(sum(since < bar <= day.day for bar in benchmark.by_day), 1)
            continue
        account_index *= 1 + day.ratio
        benchmark_index *= 1 + theirs
        points.append(Point(day.day, account_index, benchmark_index, day.end, twin.value, day.ratio, theirs))
    last = points[-1] if points else None
    if last is None:
        return Comparison(left_out=left_out)
    pairs = [(point.account_return, point.benchmark_return) for point in points]
    return Comparison(
        tuple(points),
        len(points),
        left_out,
        account_return=last.account_index / 100 - 1,
        benchmark_return=last.benchmark_index / 100 - 1,
        difference=None if last.twin is None else last.account - last.twin,
        twin=last.twin,
        exhausted=twin.exhausted,
        **_figures(pairs) if len(pairs) >= LEAST_DAYS else {},
    )


def _base(benchmark: Prices, day: date) -> bool:
    """Whether the benchmark has a close shortly before `day`, and one of that day."""
    before = benchmark.close_before(day)
    return before is not None and (day - before.day).days <= LONGEST_WEEKEND and day in benchmark.by_day


def _figures(pairs: Sequence[tuple[float, float]]) -> "_Figures":
    ours, theirs = [a for a, _ in pairs], [b for _, b in pairs]
    count = len(pairs)
    mean_a, mean_b = sum(ours) / count, sum(theirs) / count
    covariance = sum((a - mean_a) * (b - mean_b) for a, b in pairs) / (count - 1)
    variance_a, variance_b = _variance(ours), _variance(theirs)
    active = [a - b for a, b in pairs]
    spread = math.sqrt(_variance(active))
    beta = covariance / variance_b if variance_b > NOTHING else None
    both = math.sqrt(variance_a * variance_b)
    annual = math.sqrt(DAYS_A_YEAR)
    return {
        "beta": beta,
        "alpha": None if beta is None else (mean_a - beta * mean_b) * DAYS_A_YEAR,
        "correlation": min(max(covariance / both, -1.0), 1.0) if both > NOTHING else None,
        "tracking_error": spread * annual,
        "information_ratio": sum(active) / count / spread * annual if spread * spread > NOTHING else None,
        "up_capture": _capture([pair for pair in pairs if pair[1] > 0]),
        "down_capture": _capture([pair for pair in pairs if pair[1] < 0]),
    }


def _variance(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values) / (len(values) - 1)


def _capture(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Mean return of the account over that of the benchmark, on some of the days."""
    theirs = sum(b for _, b in pairs)
    return sum(a for a, _ in pairs) / theirs if abs(theirs) > NOTHING else None
