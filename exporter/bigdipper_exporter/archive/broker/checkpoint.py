"""What the broker side remembers across a restart: one JSON row of the table `state`, committed with the data it describes."""

import json
import sqlite3
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from bigdipper_exporter.archive import saved
from bigdipper_exporter.broker.fetch import Resume

KEY = "broker"


@dataclass
class BrokerCheckpoint:
    """Times are unix seconds, dates are ISO.

    since: the first day of this account (days of another account do not count). balance_day: the newest day that began
    with an official close; latest_day: the day of the newest poll. held: the newest archived snapshot of each symbol held
    [ts, quantity, market value]. baseline: the quantity from which fills are added up [ts, quantity, misses].
    differs: per kind [id of the last log row compared, times in a row that it differed]. success: last good poll by endpoint.
    watched: when this account was first polled; what happened before is compared with the log, and raises no alarm.
    rules: by which rules the lots and wash sales were derived (activities.RULES).
    believed: the last account answer that was believed. doubt: an account answer that is not, until it is confirmed or gone.
    trades: number of the log's trades that orders were last compared with.
    doubted: since when `last_equity` or the positions are doubted, and when they were so last, by reason [ts, ts].
    """

    account_id: str | None = None
    created: float | None = None
    since: str | None = None
    balance_day: str | None = None
    latest_day: str | None = None
    orders_cursor: float | None = None
    orders_done: bool = False
    activities_token: str | None = None
    activities_done: bool = False
    positions_at: float | None = None
    held: dict[str, list[float]] = field(default_factory=dict)
    baseline: dict[str, list[float]] = field(default_factory=dict)
    differs: dict[str, list[int]] = field(default_factory=dict)
    success: dict[str, float] = field(default_factory=dict)
    watched: float | None = None
    rules: int = 0
    believed: dict[str, Any] | None = None
    doubt: dict[str, Any] | None = None
    doubted: dict[str, list[float]] = field(default_factory=dict)
    trades: int = 0

    @classmethod
    def load(cls, connection: sqlite3.Connection) -> "BrokerCheckpoint":
        """What was committed last."""
        return cls.from_json(saved.load(connection, KEY) or "{}")

    @classmethod
    def from_json(cls, text: str) -> "BrokerCheckpoint":
        """Read what `save` stored; fields of another version of the exporter are left out."""
        stored: dict[str, Any] = json.loads(text)
        known = {f.name for f in fields(cls)}
        return cls(**{name: value for name, value in stored.items() if name in known})

    def save(self, connection: sqlite3.Connection) -> None:
        """Store it in the caller's transaction."""
        saved.save(connection, KEY, json.dumps(asdict(self)))

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


def resume(connection: sqlite3.Connection) -> Resume:
    """Where the poller goes on, from the archive."""
    memory = BrokerCheckpoint.load(connection)
    (order,) = connection.execute("SELECT max(submitted) FROM orders").fetchone()
    (fill,) = connection.execute("SELECT max(ts) FROM fills").fetchone()
    (activity,) = connection.execute("SELECT max(ts) FROM activities").fetchone()
    opened = connection.execute("SELECT order_id FROM orders WHERE ended IS NULL").fetchall()
    return Resume(
        account_id=memory.account_id,
        open_orders=tuple(row[0] for row in opened),
        latest_order=order,
        orders_cursor=memory.orders_cursor,
        orders_done=memory.orders_done,
        latest_activity=max((t for t in (fill, activity) if t is not None), default=None),
        activities_token=memory.activities_token,
        activities_done=memory.activities_done,
    )
