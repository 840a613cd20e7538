"""The events of the log. Money in US dollars, percentages as printed (15 % is 15.0), times where the line has them.

Every event is a plain tuple without time or position: those belong to the record (exporter/bigdipper_exporter/log/parser.py).
"""

import re
from typing import NamedTuple

# The bot prints these at DEBUG only, for the same symbols in every cycle: the log level must not change what counts as missed.
ROUTINE_REASONS = ("below_absolute_min", "below_threshold", "position_at_max", "cooldown", "too_small")
MISSED_REASONS = (
    "leverage_limit",
    "buying_power",
    "wash_sale_conflict",
    "not_fractionable",
    "no_quote",
    "order_failed",
    "other",
)
REASONS = ROUTINE_REASONS + MISSED_REASONS
HALT_CAUSES = ("brake", "positions_unavailable", "unexpected_error", "equity_not_positive")
ERROR_KINDS = ("cycle", "scan", "order", "order_management", "fatal")
SESSIONS = ("regular", "extended", "closed")


class Start(NamedTuple):
    """The bot started. The version may be wrong (v2.18 prints v2.16)."""

    version: str = "unknown"
    mode: str = "unknown"


class Watching(NamedTuple):
    """The symbols that the bot scans, separated by commas."""

    symbols: str


class Stop(NamedTuple):
    """The bot said goodbye."""


class Cycle(NamedTuple):
    """A cycle began. Numbers restart at 1 with the bot."""

    number: int


class Session(NamedTuple):
    """The market session as the bot sees it: by time of day alone, so that weekends look like extended hours."""

    session: str


class Account(NamedTuple):
    """One account line; v2.17 prints two in each cycle, which are one snapshot."""

    equity: float
    cash: float
    margin_percent: float | None = None
    leverage_percent: float | None = None
    margin_debt: float | None = None
    pl: float | None = None
    pl_percent: float | None = None


class Positions(NamedTuple):
    """How many stocks the bot holds, and what is invested."""

    stocks: int = 0
    invested: float = 0.0


class Movers(NamedTuple):
    """Winners or losers, top three: text like `MSFT +14.2%, BLV +9.8%`."""

    side: str
    movers: str


class Trade(NamedTuple):
    """An order was submitted. Not a fill."""

    symbol: str
    quantity: float
    price: float
    total: float
    order_id: str | None = None


class Opportunity(NamedTuple):
    """A dip that qualified (DEBUG) or is about to be ordered (INFO): one and the same per cycle and symbol."""

    symbol: str
    dip_percent: float
    price: float
    score: float


class Filters(NamedTuple):
    """Why the opportunity just named qualified, and by how much its size was adapted."""

    volatility_factor: float
    threshold_percent: float
    intraday_percent: float | None = None
    size_factor: float | None = None


class Scan(NamedTuple):
    """A scan over all symbols ended."""

    found: int
    symbol: str | None = None
    dip_percent: float | None = None


class Skip(NamedTuple):
    """A symbol was not bought: `reason` is one of REASONS, `detail` the message (missed trades only)."""

    symbol: str
    reason: str
    dip_percent: float | None = None
    detail: str = ""


class CapitalExhausted(NamedTuple):
    """Capital ran out in this cycle; up to three of the skipped are listed after it."""

    skipped: int
    deployed: float


class LeftOut(NamedTuple):
    """One opportunity that was left out for lack of capital."""

    symbol: str
    dip_percent: float
    score: float


class Brake(NamedTuple):
    """The emergency brake holds in this cycle, by margin (before v2.18) or leverage (v2.18)."""

    margin_percent: float | None = None
    leverage_percent: float | None = None
    limit_percent: float | None = None
    cycle: int | None = None


class BrakeDetail(NamedTuple):
    """Figures that follow a brake line in the same cycle."""

    position_value: float | None = None
    margin_debt: float | None = None
    equity: float | None = None
    reduce: float | None = None
    limit: float | None = None


class Halting(NamedTuple):
    """`HALTING ALL TRADING`: three causes print it, so it is never a cause itself."""


class Missing(NamedTuple):
    """How many opportunities the brake let pass in this cycle; 0: none qualified."""

    missed: int = 0


class MissedByBrake(NamedTuple):
    """One opportunity that the brake let pass."""

    symbol: str
    dip_percent: float
    score: float
    price: float


class Halt(NamedTuple):
    """Trading halted in this cycle for a cause other than the brake."""

    cause: str
    detail: str = ""


class Error(NamedTuple):
    """Something failed in the bot: `kind` is one of ERROR_KINDS."""

    kind: str
    detail: str = ""
    symbol: str | None = None


class Pause(NamedTuple):
    """The bot waits before it tries again after a cycle error."""

    seconds: float
    attempt: int


class CycleTook(NamedTuple):
    """A cycle ended in the normal way."""

    seconds: float


class Malformed(NamedTuple):
    """A line with a known tag or shape that cannot be read: the bot changed its format, or the line was damaged."""

    kind: str


Event = (
    Start
    | Watching
    | Stop
    | Cycle
    | Session
    | Account
    | Positions
    | Movers
    | Trade
    | Opportunity
    | Filters
    | Scan
    | Skip
    | CapitalExhausted
    | LeftOut
    | Brake
    | BrakeDetail
    | Halting
    | Missing
    | MissedByBrake
    | Halt
    | Error
    | Pause
    | CycleTook
    | Malformed
)

EVENTS: tuple[type[Event], ...] = Event.__args__


def kind_of(event: type[Event]) -> str:
    """Return the label of an event's kind: its name in snake case."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", event.__name__).lower()


EVENT_KINDS = {event: kind_of(event) for event in EVENTS if event is not Malformed}
