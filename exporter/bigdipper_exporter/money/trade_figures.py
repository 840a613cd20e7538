"""Statistics of trades from closed lots. Pure; money in US dollars, ratios (1 % is 0.01), holding times in sessions.

A bot that rarely sells has mostly winners among its closed lots: open lots belong beside every figure of these.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

LEAST_LOTS = 5  # for the figures of a group
LEAST_FOR_QUALITY = 30  # for the system quality number
NOTHING = 1e-12  # a deviation below it is rounding
MOST_FOR_QUALITY = 100  # lots that it counts at most


@dataclass(frozen=True, slots=True)
class ClosedLot:
    """Shares bought and sold again. worst, best: the lowest and highest price held, as ratios to the entry; None: unknown."""

    symbol: str
    opened: float
    closed: float
    quantity: float
    entry: float
    exit: float
    profit: float
    sessions: int
    worst: float | None = None
    best: float | None = None

    @property
    def ratio(self) -> float:
        """Profit as a ratio of what was paid."""
        return self.profit / abs(self.quantity * self.entry)


@dataclass(frozen=True, slots=True)
class TradeFigures:
    """Figures of a group of closed lots; None where there are too few, or nothing to divide by.

    expectancy: mean profit per lot; profit_factor: gains over losses, None without a loss; quality: SQN, with the return of
    a lot in place of R (the bot has no stop).
    """

    lots: int
    win_rate: float | None = None
    expectancy: float | None = None
    profit_factor: float | None = None
    quality: float | None = None
    winner_sessions: float | None = None
    loser_sessions: float | None = None
    worst: float | None = None
    best: float | None = None


def figures(lots: Sequence[ClosedLot], least: int = LEAST_LOTS) -> TradeFigures:
    """Return the figures of a group that has at least `least` lots."""
    count = len(lots)
    if count < least or not lots:
        return TradeFigures(count)
    gains = sum(lot.profit for lot in lots if lot.profit > 0)
    losses = -sum(lot.profit for lot in lots if lot.profit < 0)
    return TradeFigures(
        count,
        win_rate=sum(lot.profit > 0 for lot in lots) / count,
        expectancy=sum(lot.profit for lot in lots) / count,
        profit_factor=gains / losses if losses > 0 else None,
        quality=_quality([lot.ratio for lot in lots]),
        winner_sessions=_mean([lot.sessions for lot in lots if lot.profit > 0]),
        loser_sessions=_mean([lot.sessions for lot in lots if lot.profit < 0]),
        worst=_mean([lot.worst for lot in lots if lot.worst is not None]),
        best=_mean([lot.best for lot in lots if lot.best is not None]),
    )


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _quality(ratios: Sequence[float]) -> float | None:
    count = len(ratios)
    if count < LEAST_FOR_QUALITY:
        return None
    mean = sum(ratios) / count
    deviation = math.sqrt(sum((ratio - mean) ** 2 for ratio in ratios) / (count - 1))
    return math.sqrt(min(count, MOST_FOR_QUALITY)) * mean / deviation if deviation > NOTHING else None
