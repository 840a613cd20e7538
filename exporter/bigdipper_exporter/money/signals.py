"""How often another threshold would have met the bot's rule, by daily bars. Pure; prices in US dollars.

What was bought also depends on cash, cooldown and the brake, so these are signals, not orders.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from bigdipper_exporter.money.dips import LOOKBACK, lines
from bigdipper_exporter.money.prices import Bar

AFTER = 5  # sessions


@dataclass(frozen=True, slots=True)
class Signals:
    """Days whose low touched the line, and those that closed at or under it.

    days: with a line. after: median of the close AFTER sessions later over the line, as a ratio; None where none is over yet.
    """

    days: int
    touched: int
    closed: int
    after: float | None


def signals(bars: Sequence[Bar], threshold: float, first: date) -> Signals:
    """Count the days from `first` on whose prices met the line of an effective `threshold`."""
    found = lines([(bar.day, bar.close) for bar in bars], [threshold] * len(bars))
    judged = [(i, line) for i, (day, _, line) in enumerate(found, LOOKBACK - 1) if day >= first]
    touched = [(i, line) for i, line in judged if bars[i].low <= line]
    later = [bars[i + AFTER].close / line - 1 for i, line in touched if i + AFTER < len(bars)]
    closed = sum(bars[i].close <= line for i, line in judged)
    return Signals(len(judged), len(touched), closed, statistics.median(later) if later else None)
