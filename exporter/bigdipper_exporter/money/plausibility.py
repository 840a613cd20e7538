"""Whether an answer of the broker can be right. Pure; money in US dollars, times in unix seconds.

Equity is cash plus long plus short (negative) market value, by Alpaca's own definition. Between two answers prices move the
positions, flows move the cash, and trades exchange one for the other: what remains is an error in the answer, or a flow that is
not known yet.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Reason = Literal["sum", "zero", "positions", "jump", "last_equity"]
REASONS: tuple[Reason, ...] = ("sum", "zero", "positions", "jump", "last_equity")

# What prices can do to all positions together: this much at once, more with every minute, never more than the last.
FALL, FALL_A_MINUTE, LARGEST_FALL = 0.15, 0.01, 0.6
NOISE = 0.02  # of equity: dividends, fees and interest that are not known yet
SUM_TOLERANCE = 0.001  # of the balances: the broker rounds, and prices move while it adds
VALUES_TOLERANCE = 0.25  # of the larger value: account and positions are two answers, and an order may fill between them
SMALL = 0.05  # of equity: a difference that no figure depends on
LAST_EQUITY_TOLERANCE = 0.2
FUNDED = 1.0  # dollars
CONFIRMATIONS = 3  # answers that agree make a jump a fact
LONGEST_DOUBT = 3600.0  # what is said for an hour is believed, whatever contradicts it; until then a jump makes no peak
SOON = 3600.0  # two answers so near to each other differ by prices, trades and flows that can be told apart


@dataclass(frozen=True, slots=True)
class Balances:
    """The sums of one account answer at `at`."""

    at: float
    equity: float
    cash: float | None = None
    long: float | None = None
    short: float | None = None
    last_equity: float | None = None

    @property
    def exposure(self) -> float | None:
        """Absolute value of everything held; None when a side is unknown."""
        return None if self.long is None or self.short is None else self.long + abs(self.short)


def movement(before: Balances, now: Balances) -> float:
    """The most, in dollars, that prices and small income not yet known can have changed the equity between two answers."""
    minutes = max(now.at - before.at, 0.0) / 60
    share = min(FALL + FALL_A_MINUTE * minutes, LARGEST_FALL)
    exposures = [e for e in (before.exposure, now.exposure) if e is not None]
    exposure = max(exposures, default=max(abs(before.equity), abs(now.equity)))
    return share * exposure + noise(before.equity)


def noise(equity: float) -> float:
    """Dollars that income not known yet may move an account of this equity by."""
    return NOISE * abs(equity) + FUNDED


def contradicts_itself(b: Balances) -> bool:
    """Whether equity is not the sum of cash and values; False when a part is unknown."""
    if b.cash is None or b.long is None or b.short is None:
        return False
    size = max(abs(b.equity), abs(b.cash), b.long, abs(b.short))
    return abs(b.equity - b.cash - b.long - b.short) > max(SUM_TOLERANCE * size, FUNDED)


def values_differ(account: Balances, long: float, short: float) -> bool:
    """Whether the account's values and the sums over the positions cannot describe the same holdings.

    Without one of its values, what equity and cash leave for both of them is compared.
    """
    if account.long is not None and account.short is not None:
        pairs = [(account.long, long), (account.short, short)]
    else:
        pairs = [] if account.cash is None else [(account.equity - account.cash, long + short)]
    floor = max(SMALL * abs(account.equity), FUNDED)
    return any(abs(a - b) > max(floor, VALUES_TOLERANCE * max(abs(a), abs(b))) for a, b in pairs)


def is_jump(before: Balances, now: Balances, flows: Sequence[float]) -> bool:
    """Whether equity changed by more than prices can do. flows: amounts that may explain it, one of them or their sum."""
    allowed = movement(before, now)
    change = now.equity - before.equity
    return all(abs(change - flow) > allowed for flow in (0.0, sum(flows), *flows))


def judge(now: Balances, before: Balances | None, flows: Sequence[float] = (), fits_positions: bool = True) -> Reason | None:
    """Why an account answer is not believed, judged by itself and by the last one that was; None when nothing is wrong."""
    if contradicts_itself(now):
        return "sum"
    if not fits_positions:
        return "positions"
    if before is None or not is_jump(before, now, flows):
        return None
    return "zero" if now.equity == 0 and before.equity >= FUNDED else "jump"


def is_near(before: Balances, now: Balances, size: float, flow: float) -> bool:
    """Whether equity, without `flow`, is less than half of a jump of `size` away from what it was before that jump."""
    return abs(now.equity - before.equity - flow) < abs(size) / 2


def last_equity_is_wrong(now: Balances, before: Balances | None, same_day: bool, close: float | None) -> bool:
    """Whether `last_equity` cannot be the previous close.

    same_day: the answer before is of the same balance day; close: equity polled at that close, None when unknown.
    """
    last = now.last_equity
    if last is None:
        return False
    reference = before.last_equity if same_day and before is not None else close
    if last <= 0 and close is not None and abs(last - close) <= max(LAST_EQUITY_TOLERANCE * abs(close), FUNDED):
        return False  # so it was polled: everything was lost or withdrawn
    if last <= 0:
        known = [x for x in (reference, close, None if before is None else before.last_equity) if x is not None]
        return any(x >= FUNDED for x in known)
    if reference is None or reference <= 0:
        return False
    exposure = (before.exposure if before is not None else None) or 0.0
    return abs(last - reference) > max(LAST_EQUITY_TOLERANCE * reference, FALL * exposure)


def unexplained_flow(before: Balances, now: Balances, traded: float) -> float:
    """The part of a change of equity that came from outside: cash and shares that arrived without a trade.

    traded: value of the shares that were added (negative: that left) between the two answers, at the prices of the second.
    Zero when the answers are too far apart for that, or the cash is unknown.
    """
    if before.cash is None or now.cash is None or now.at - before.at > SOON:
        return 0.0
    flow = now.cash - before.cash + traded
    return flow if abs(flow) > noise(before.equity) else 0.0


def is_shown(before: Balances, now: Balances, flow: float) -> bool:
    """Whether equity moved with a flow, as it does not with the cash of a trade."""
    return abs(now.equity - before.equity - flow) < abs(flow) / 2
