"""What the broker side remembers across a restart: one JSON row of the table `state`, committed with the data it describes."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass, field
from typing import Any

from bigdipper_exporter.archive import saved
from bigdipper_exporter.broker.fetch import Resume
from bigdipper_exporter.money.plausibility import Balances, Reason

KEY = "broker"


@dataclass(frozen=True, slots=True)
class Held:
    """The newest archived snapshot of a position."""

    ts: float
    quantity: float
    market_value: float | None


@dataclass(frozen=True, slots=True)
class Baseline:
    """A settled quantity, from which fills are added up. misses: how often in a row the sum was not the broker's quantity."""

    ts: float
    quantity: float
    misses: int = 0


@dataclass(frozen=True, slots=True)
class Compared:
    """The last row of the log that was compared with the broker, and how often in a row the two differed."""

    row_id: int = 0
    times: int = 0


@dataclass(frozen=True, slots=True)
class Doubted:
    """Since when a figure has been doubted, and when it was last."""

    since: float
    last: float


@dataclass(frozen=True, slots=True)
class Accepted:
    """The last account response that was accepted. adjustments: its intraday adjustments; held: quantities by symbol then."""

    balances: Balances
    balance_day: str | None
    adjustments: float | None
    held: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Doubt:
    """Account responses that were rejected one after the other. count: those like `last` for the same reason."""

    reason: Reason
    since: float
    count: int
    last: Balances


@dataclass(frozen=True, slots=True)
class Questioned:
    """A jump of equity that was accepted and that no flow explains. before: the last answer without it; size: US dollars."""

    since: float
    before: Balances
    size: float


@dataclass(frozen=True, slots=True)
class Changed:
    """Units of a symbol that the account answer at `since` showed without any cash: a split or a transfer.

    before, after: quantities; amount: value of the difference then, US dollars.
    """

    since: float
    before: float
    after: float
    amount: float


@dataclass
class BrokerCheckpoint:
    """Times are unix seconds, dates are ISO.

    since: the first day of this account in an archive of version 0.1 (accounts.first_day). latest_day: the day of the newest
    poll. held, baseline: by symbol. differs: by kind of discrepancy. success: last good poll by endpoint.
    watched: when this account was first polled; what happened before is compared with the log, and raises no alarm.
    rules: by which rules the lots and wash sales were derived (activities.RULES).
    buys_inside: by symbol, how many orders bought inside a wash-sale window when its lots were matched last.
    doubt: until the rejected responses are confirmed or gone. doubted: `last_equity` or the positions, by name.
    questioned: until an accepted jump has lasted, or is taken back.
    changed: by symbol, until a split or a transfer explains it.
    trades: number of the log's trades that orders were last compared with.
    """

    account_id: str | None = None
    created: float | None = None
    since: str | None = None
    latest_day: str | None = None
    orders_cursor: float | None = None
    orders_done: bool = False
    activities_token: str | None = None
    activities_done: bool = False
    positions_at: float | None = None
    held: dict[str, Held] = field(default_factory=dict)
    baseline: dict[str, Baseline] = field(default_factory=dict)
    differs: dict[str, Compared] = field(default_factory=dict)
    success: dict[str, float] = field(default_factory=dict)
    watched: float | None = None
    rules: int = 0
    buys_inside: dict[str, int] = field(default_factory=dict)
    believed: Accepted | None = None
    doubt: Doubt | None = None
    doubted: dict[str, Doubted] = field(default_factory=dict)
    trades: int = 0
    questioned: Questioned | None = None
    changed: dict[str, Changed] = field(default_factory=dict)

    @classmethod
    def load(cls, connection: sqlite3.Connection) -> "BrokerCheckpoint":
        """What was committed last."""
        return cls.from_json(saved.load(connection, KEY) or "{}")

    @classmethod
    def from_json(cls, text: str) -> "BrokerCheckpoint":
        """Read what `to_json` made. Fields of another version of the exporter are left out, also those of parts."""
        stored: dict[str, Any] = json.loads(text)
        for name, part in PARTS.items():
            stored[name] = {key: saved.listed(part, values) for key, values in stored.get(name, {}).items()}
        if (accepted := stored.get("believed")) is not None:
            stored["believed"] = saved.named(Accepted, accepted | {"balances": saved.listed(Balances, accepted["balances"])})
        if (doubt := stored.get("doubt")) is not None:
            stored["doubt"] = saved.named(Doubt, doubt | {"last": saved.listed(Balances, doubt["last"])})
        if (jump := stored.get("questioned")) is not None:
            stored["questioned"] = saved.named(Questioned, jump | {"before": saved.listed(Balances, jump["before"])})
        return saved.named(cls, stored)

    def to_json(self) -> str:
        """Return the checkpoint as stored JSON. Parts are lists, the format of all earlier versions."""
        stored = dict(vars(self))
        for name in PARTS:
            stored[name] = {key: astuple(part) for key, part in stored[name].items()}
        if self.believed is not None:
            stored["believed"] = asdict(self.believed) | {"balances": astuple(self.believed.balances)}
        if self.doubt is not None:
            stored["doubt"] = asdict(self.doubt) | {"last": astuple(self.doubt.last)}
        if self.questioned is not None:
            stored["questioned"] = asdict(self.questioned) | {"before": astuple(self.questioned.before)}
        return json.dumps(stored)

    def save(self, connection: sqlite3.Connection) -> None:
        """Store it in the caller's transaction."""
        saved.save(connection, KEY, self.to_json())

    def backfill(self, now: float, latest_activity: float | None) -> float:
        """Return the progress of the history backfill, 0 to 1, by time: the number of records is not known beforehand."""
        if self.orders_done and self.activities_done:
            return 1.0
        span = max(now - self.created, 1.0) if self.created is not None else None

        def part(done: bool, covered: float | None) -> float:
            if done or span is None or covered is None:
                return float(done)
            return min(max(covered / span, 0.0), 0.99)

        orders = None if self.orders_cursor is None else now - self.orders_cursor
        activities = None if latest_activity is None or self.created is None else latest_activity - self.created
        return (part(self.orders_done, orders) + part(self.activities_done, activities)) / 2


# Fields that hold parts by name, and the class of these.
PARTS: dict[str, type[Any]] = {"held": Held, "baseline": Baseline, "differs": Compared, "doubted": Doubted, "changed": Changed}


def resume(connection: sqlite3.Connection) -> Resume:
    """Where the poller goes on, from the archive."""
    checkpoint = BrokerCheckpoint.load(connection)
    (order,) = connection.execute("SELECT max(submitted) FROM orders").fetchone()
    (fill,) = connection.execute("SELECT max(ts) FROM fills").fetchone()
    (activity,) = connection.execute("SELECT max(ts) FROM activities").fetchone()
    opened = connection.execute("SELECT order_id FROM orders WHERE ended IS NULL").fetchall()
    return Resume(
        account_id=checkpoint.account_id,
        open_orders=tuple(row[0] for row in opened),
        latest_order=order,
        orders_cursor=checkpoint.orders_cursor,
        orders_done=checkpoint.orders_done,
        latest_activity=max((t for t in (fill, activity) if t is not None), default=None),
        activities_token=checkpoint.activities_token,
        activities_done=checkpoint.activities_done,
    )
