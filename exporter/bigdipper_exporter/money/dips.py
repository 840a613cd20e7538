"""The bot's rule for a dip, as its source has it (v2.17, v2.18: utils.py, dip_logic.py). Pure; prices in US dollars.

    high   = highest close of the last LOOKBACK_DAYS daily bars, today's forming bar included
    dip    = (price - high) / high
    signal when |dip| >= max(MIN_ABSOLUTE_DIP, threshold)

Prices are raw: a split looks like a dip, to the bot and here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from bigdipper_exporter.money.prices import Bar

LOOKBACK = 20  # LOOKBACK_DAYS of the released bot, in daily bars; with fewer than that the bot sees no dip
LEAST_LOOKBACK, LONGEST_LOOKBACK = 2, 250
RANGES = 20  # daily bars of the volatility factor
MINIMUM = 0.05  # MIN_ABSOLUTE_DIP of the released bot
BASE_SIZE, BASE_DIP, AGGRESSION, LARGEST_SIZE = 0.025, 0.03, 1.75, 0.15  # of equity
USUAL_RANGE = 0.02  # (high - low) / close of a calm day
LEAST_VOLATILITY, MOST_VOLATILITY = 0.5, 2.0


@dataclass(frozen=True, slots=True)
class Trigger:
    """Where a price stands between its high and the price at which the bot buys.

    dip: ratio to the high, 0 or below; distance: ratio to the line, 0 or below once the bot would buy.
    """

    price: float
    high: float
    high_day: date
    line: float
    dip: float
    distance: float


def usable_lookback(days: float | None) -> int | None:
    """Return LOOKBACK_DAYS as a number of bars; None where it is none that the bot can use."""
    usable = days is not None and LEAST_LOOKBACK <= days <= LONGEST_LOOKBACK and days == int(days)
    return int(days) if days is not None and usable else None


def effective(threshold: float | None, minimum: float = MINIMUM) -> float:
    """Return the dip from which the bot buys: its threshold for the symbol, but never less than its minimum."""
    return minimum if threshold is None else max(minimum, threshold)


def trigger(bars: Sequence[Bar], price: float, threshold: float, lookback: int) -> Trigger | None:
    """Judge `price` by the last `lookback` bars, today's included; None where there are fewer. `threshold`: see `effective`."""
    if len(bars) < lookback or price <= 0:
        return None
    top = max(bars[-lookback:], key=lambda bar: bar.close)
    line = top.close * (1 - threshold)
    return Trigger(price, top.close, top.day, line, min((price - top.close) / top.close, 0.0), price / line - 1)


def is_signal(dip: float, threshold: float) -> bool:
    """Return whether the bot buys at this dip (a ratio below 0); at equality it does."""
    return dip < 0 and -dip >= threshold


def lines(
    closes: Sequence[tuple[date, float]], threshold: Sequence[float], lookback: Sequence[int]
) -> list[tuple[date, float, float]]:
    """Return (day, high, line) for each day with enough closes before it: what the bot compared with during that day.

    threshold: the effective one that held on each of the days of `closes`. lookback: in bars, on each of them.
    """
    found = []
    for i, (day, _) in enumerate(closes):
        first = i + 1 - lookback[i]
        if first >= 0:
            high = max(close for _, close in closes[first:i])
            found.append((day, high, high * (1 - threshold[i])))
    return found


@dataclass(frozen=True, slots=True)
class OfDay:
    """What the daily bars say of a dip: the highest close before, the line, the lowest and the first price of the session."""

    high: float
    line: float
    low: float
    open: float

    @property
    def price(self) -> float | None:
        """The price that the bot met: the line, or the open below it; None where no price of the session was below it."""
        return min(self.line, self.open) if self.low <= self.line else None


def of_day(bars: Sequence[Bar], threshold: float, lookback: int) -> OfDay | None:
    """Judge the session of the newest bar; None where there are fewer than `lookback` bars."""
    own = bars[-lookback:]
    found = lines([(bar.day, bar.close) for bar in own], [threshold] * len(own), [lookback] * len(own))
    return OfDay(*found[-1][1:], own[-1].low, own[-1].open) if found else None


def volatility(bars: Sequence[Bar]) -> float | None:
    """Return the bot's volatility factor, from the 20 bars before the newest and clamped; None where there are fewer."""
    if len(bars) <= RANGES:
        return None
    ranges = [(bar.high - bar.low) / bar.close for bar in bars[-RANGES - 1 : -1]]
    return min(max(sum(ranges) / RANGES / USUAL_RANGE, LEAST_VOLATILITY), MOST_VOLATILITY)


def size(equity: float, dip: float, volatility_factor: float, intraday: float = 1.0) -> float:
    """Return the dollars that the bot wants to hold of a symbol at this dip."""
    wanted = equity * BASE_SIZE * (abs(dip) / BASE_DIP * AGGRESSION) / volatility_factor * intraday
    return min(wanted, LARGEST_SIZE * equity)
