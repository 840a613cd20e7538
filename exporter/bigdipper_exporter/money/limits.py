"""How far it is to the bot's brake, its hard limit and the broker's maintenance call. Pure; money in US dollars.

Limits and levels are debt as a ratio of equity, so that all three can be compared: 0.15 is what bot v2.17 calls 15 % margin and
v2.18 compares as leverage 115 %.

With positions P (signed sum) and equity E, the bot's limit `b` is met at leverage L = 1 + b:
- buying x dollars more moves P alone: (P + x) / E = L, so x = L E - P;
- a market drop d takes P d from both: P (1 - d) / (E - P d) = L, so d = (L E - P) / (P b).

The broker calls when equity falls below the maintenance margin M, which moves with the value: M = m P.
- buying: E = m (P + x), so x = (E - M) / m;
- a drop: E - P d = M (1 - d), so d = (E - M) / (P - M).
At that point debt over equity is (1 - m) / m = P / M - 1: that is its limit.

All distances are negative once the limit is passed. No drop leads to a limit while P <= E (nothing is borrowed): then the
drop is 1, the loss of everything. Without equity nothing of this has a meaning: None.
"""

from dataclasses import dataclass

BRAKE, HARD = 0.15, 0.20  # the bot's own defaults


@dataclass(frozen=True, slots=True)
class Distance:
    """One limit: `limit` and `level` as debt over equity, `usd` of positions and uniform market `drop` until it is met."""

    limit: float
    level: float
    usd: float
    drop: float | None


def bot_limit(limit: float, positions: float, equity: float) -> Distance | None:
    """Distance to the bot's brake or hard limit; `positions` is the signed value of the stocks, as the bot sums it."""
    if equity <= 0:
        return None
    room = (1 + limit) * equity - positions
    level = max(0.0, positions / equity - 1)
    if positions <= equity:
        return Distance(limit, level, room, 1.0)
    return Distance(limit, level, room, min(room / (positions * limit), 1.0) if limit > 0 else None)


def maintenance(positions: float, equity: float, margin: float) -> Distance | None:
    """Distance to the maintenance call; `positions` is the signed value of everything, `margin` the broker's requirement."""
    if equity <= 0 or positions <= 0 or margin <= 0:
        return None
    fraction = margin / positions
    if fraction >= 1:
        return None
    level = max(0.0, positions / equity - 1)
    room = equity - margin
    return Distance(1 / fraction - 1, level, room / fraction, min(room / (positions - margin), 1.0))
