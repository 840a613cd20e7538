"""How far it is to the bot's brake, its hard limit and the broker's maintenance call. Pure; money in US dollars.

Limits and levels are debt as a ratio of equity, so that all three can be compared: 0.15 is what bot v2.17 calls 15 % margin and
v2.18 compares as leverage 115 %.

With positions P (signed sum) and equity E, the bot's limit `b` is met at leverage L = 1 + b:
- buying x dollars more moves P alone: (P + x) / E = L, so x = L E - P;
- a market drop d takes P d from both: P (1 - d) / (E - P d) = L, so d = (L E - P) / (P b).

The broker calls when equity falls below the maintenance margin M. Its requirement is a share m = M / G of the gross value G,
longs plus absolute shorts, and what is bought is assumed to need the same share. With the signed value N:
- buying: E = m (G + x), so x = (E - M) / m;
- a drop d takes N d from equity and M d from the requirement: E - N d = M (1 - d), so d = (E - M) / (N - M).
At that point gross value over equity is 1 / m: the limit is 1 / m - 1, the level G / E - 1.

All distances are negative once the limit is passed. Where no drop leads to a limit (nothing is borrowed, or the requirement
falls as fast as the equity) the drop is 1, the loss of everything. Without positive equity none of this has a meaning: None.
"""

from dataclasses import dataclass
from enum import StrEnum

BRAKE, HARD = 0.15, 0.20  # the bot's own defaults


class LimitName(StrEnum):
    """The limits of an account, as the label `limit` names them: two of the bot, and the broker's maintenance call."""

    BRAKE = "brake"
    HARD = "hard"
    MAINTENANCE = "maintenance"


@dataclass(frozen=True, slots=True)
class OwnLimits:
    """The bot's limits by one source, as debt over equity; None where it does not say."""

    brake: float | None = None
    hard: float | None = None

    def or_else(self, other: "OwnLimits") -> "OwnLimits":
        """Return these, and those of `other` where these do not say; 0 is a limit too."""
        return OwnLimits(other.brake if self.brake is None else self.brake, other.hard if self.hard is None else self.hard)

    def by_name(self) -> dict[LimitName, float]:
        """Return the known ones."""
        named = {LimitName.BRAKE: self.brake, LimitName.HARD: self.hard}
        return {name: ratio for name, ratio in named.items() if ratio is not None}


# What holds for a bot whose config.py and log do not say.
DEFAULTS = OwnLimits(BRAKE, HARD)


@dataclass(frozen=True, slots=True)
class Distance:
    """One limit: `limit` and `level` as debt over equity, `usd` of positions and uniform market `drop` until it is met.

    None: unknown, such as `usd` where no position has a requirement.
    """

    limit: float | None
    level: float
    usd: float | None
    drop: float | None


def used_at(limit: float, drop: float) -> float:
    """Return the share of a limit that is used where a market drop of `drop` leads to it: level / limit."""
    return (1 - drop) / (1 + drop * limit)


def positions_of(equity: float, cash: float, leverage: float | None) -> float:
    """Value of the stocks from the bot's log: leverage × equity (v2.18), else equity − cash."""
    return equity - cash if leverage is None else leverage * equity


def equity_of_brake(limit: float, positions: float, reduce: float) -> float:
    """Equity by the brake's report of v2.18, which asks to sell what the `positions` are above (1 + limit) times the equity."""
    return (positions - reduce) / (1 + limit)


def bot_limit(limit: float, positions: float, equity: float) -> Distance | None:
    """Distance to the bot's brake or hard limit; `positions` is the signed value of the stocks, as the bot sums it."""
    if equity <= 0:
        return None
    room = (1 + limit) * equity - positions
    level = max(0.0, positions / equity - 1)
    if positions <= equity:
        return Distance(limit, level, room, 1.0)
    return Distance(limit, level, room, min(room / (positions * limit), 1.0) if limit > 0 else None)


def maintenance(long: float, short: float, equity: float, margin: float) -> Distance | None:
    """Distance to the maintenance call; `long` and `short` (<= 0) are values, `margin` the broker's requirement in dollars."""
    if equity <= 0 or margin < 0:
        return None
    gross, net, room = long - short, long + short, equity - margin
    if gross <= 0 or margin == 0:
        return Distance(None, max(0.0, gross / equity - 1), None, 1.0)
    share = margin / gross
    return Distance(max(1 / share - 1, 0.0), max(0.0, gross / equity - 1), room / share, _drop_to_call(net, margin, room))


def _drop_to_call(net: float, margin: float, room: float) -> float | None:
    if net > margin:
        return min(room / (net - margin), 1.0)
    return 1.0 if room >= 0 else None  # past it, and a fall of prices would only help
