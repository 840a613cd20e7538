"""What the poller hands to the main loop: the outcome of one poll, never changed afterwards."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from bigdipper_exporter.broker.models import Account, Activity, Clock, EquityPoint, Order, Position

Endpoint = Literal["account", "positions", "orders", "clock", "activities"]
Reason = Literal["timeout", "rate_limited", "unauthorized", "server_error", "bad_response", "connection"]
ENDPOINTS: tuple[Endpoint, ...] = ("account", "positions", "orders", "clock", "activities")
REASONS: tuple[Reason, ...] = (
    "timeout",
    "rate_limited",
    "unauthorized",
    "server_error",
    "bad_response",
    "connection",
)


class Failure(Exception):
    """A request that did not bring an answer one can use. `status`: HTTP status, if there was one."""

    def __init__(self, reason: Reason, detail: str, status: int | None = None) -> None:
        super().__init__(detail)
        self.reason = reason
        self.status = status


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request on the wire: how long it took (seconds), and why it failed, if it did."""

    seconds: float
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """The broker's own count for this account, shared with the bot; None where the header was not sent."""

    limit: int | None = None
    remaining: int | None = None


@dataclass(frozen=True, slots=True)
class Positions:
    """All positions, without those (`unreadable`: how many) whose records could not be read."""

    items: tuple[Position, ...]
    unreadable: int = 0

    @property
    def complete(self) -> bool:
        """Whether a symbol that is absent is not held."""
        return self.unreadable == 0


@dataclass(frozen=True, slots=True)
class Orders:
    """Orders as they are now. `open_ids`: every order open at the broker (None: this answer does not tell).

    `lost`: ids that the broker no longer knows. `backfill`: a page of history, `cursor` where it goes on (unix seconds),
    `done` when it was the last.
    """

    items: tuple[Order, ...]
    open_ids: frozenset[str] | None = None
    lost: tuple[str, ...] = ()
    backfill: bool = False
    cursor: float | None = None
    done: bool = False


@dataclass(frozen=True, slots=True)
class Activities:
    """A page of activities, oldest first. `token`: id of the last one of a history page, where the backfill goes on.

    `caught_up`: everything up to now has been read.
    """

    items: tuple[Activity, ...]
    token: str | None = None
    caught_up: bool = True


@dataclass(frozen=True, slots=True)
class History:
    """Equity at the close of past trading days."""

    points: tuple[EquityPoint, ...]


Data = Account | Positions | Orders | Clock | Activities | History


@dataclass(frozen=True, slots=True)
class PollResult:
    """One poll. `data` is None when it failed; `side` marks one that says nothing about whether the endpoint is up.

    at: unix seconds of ours when the answer was complete. rejected: records that could not be read.
    """

    endpoint: Endpoint
    at: float
    attempts: tuple[Attempt, ...] = ()
    data: Data | None = None
    rejected: int = 0
    rate: Rate | None = None
    side: bool = False


def without_bad_records(result: PollResult, can_be_written: Callable[[PollResult], bool]) -> PollResult | None:
    """Return a page of activities or orders without the records that cannot be stored; None where no record is to blame.

    What was read is not asked for again: the page would be passed over for ever.
    """
    data, one = result.data, replace(result, attempts=(), rejected=0)
    if isinstance(data, Activities):
        good = tuple(a for a in data.items if can_be_written(replace(one, data=Activities((a,), caught_up=False))))
        rest: Activities | Orders = replace(data, items=good)
    elif isinstance(data, Orders):
        rest = replace(data, items=tuple(o for o in data.items if can_be_written(replace(one, data=Orders((o,))))))
    else:
        return None
    lost = len(data.items) - len(rest.items)
    return replace(result, data=rest, rejected=result.rejected + lost) if lost else None
