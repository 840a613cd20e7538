"""What is asked of the broker, endpoint by endpoint: each function or object turns requests into `Data`.

All of them return `Fetched` and raise Failure. `get` is `Client.get`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, Protocol, TypeVar

from bigdipper_exporter.broker import decode, models
from bigdipper_exporter.broker.fields import Unreadable
from bigdipper_exporter.broker.models import Account, Clock, Order
from bigdipper_exporter.broker.results import Activities, Data, Failure, History, Orders, Positions
from bigdipper_exporter.durations import DAY, HOUR

ORDERS_PAGE, ACTIVITIES_PAGE = 500, 100  # the most the API gives
MOST_PAGES = 1000
ORDERS_OVERLAP = HOUR
ACTIVITIES_OVERLAP = 2 * HOUR  # records come late
ACTIVITIES_DEEP_OVERLAP = 7 * DAY  # once a day, for those that come very late
MOST_FOLLOWED = 10  # single requests per poll for orders that left the list of open ones

T = TypeVar("T")
Of = TypeVar("Of", bound=Data, covariant=True)


@dataclass(frozen=True, slots=True)
class Fetched(Generic[Of]):
    """An answer of the broker. rejected: how many of its records could not be read."""

    data: Of
    rejected: int = 0


class Get(Protocol):
    """`Client.get`."""

    def __call__(self, path: str, query: Mapping[str, str | int] | None = None) -> Any:
        """Return the decoded JSON of GET `path`. Raises Failure."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Where a restarted exporter resumes. Times are unix seconds, None where nothing is archived.

    account_id: whose archive it is. open_orders: ids that were open; orders_cursor: how far back the history of orders reaches;
    activities_token: id of the last activity of the history; latest_*: the newest archived.
    """

    account_id: str | None = None
    open_orders: tuple[str, ...] = ()
    latest_order: float | None = None
    orders_cursor: float | None = None
    orders_done: bool = False
    latest_activity: float | None = None
    activities_token: str | None = None
    activities_done: bool = False


def moment(ts: float, ceil: bool = False) -> str:
    """`ts` in RFC 3339 with microseconds; `ceil` adds one, so that an exclusive upper bound includes `ts` itself."""
    micros = round(ts * 1_000_000) + ceil
    at = datetime.fromtimestamp(micros // 1_000_000, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{micros % 1_000_000:06d}Z"


def _usable(reader: Callable[[Any], T], raw: Any) -> T:
    try:
        return reader(raw)
    except Unreadable as error:
        raise Failure("bad_response", str(error)) from None


def account(get: Get) -> Fetched[Account]:
    """The account, one body, one moment."""
    found: Account = _usable(decode.account, get("/account"))
    return Fetched(found, int(found.damaged))


def clock(get: Get) -> Fetched[Clock]:
    """The broker's clock."""
    found: Clock = _usable(decode.clock, get("/clock"))
    return Fetched(found, int(found.damaged))


def positions(get: Get) -> Fetched[Positions]:
    """All positions: one list, not paged. Raises Failure when no record of it is whole."""
    items, unreadable = _usable(lambda raw: decode.each(decode.position, raw), get("/positions"))
    if items and all(p.damaged for p in items):
        raise Failure("bad_response", f"a figure in each of {len(items)} positions cannot be read")
    return Fetched(Positions(items, unreadable), unreadable + sum(p.damaged for p in items))


def history(get: Get, days: int) -> Fetched[History]:
    """Equity at the close of the last `days` calendar days."""
    query: dict[str, str | int] = {"period": f"{days}D", "timeframe": "1D"}
    return Fetched(History(tuple(_usable(decode.equity_points, get("/account/portfolio/history", query)))))


class OrdersFollower:
    """Polls orders so that none is lost between two polls: those open, those new, and those that left the open list."""

    def __init__(self, resume: Resume, started: float) -> None:
        self._open = dict.fromkeys(resume.open_orders)
        self._latest = resume.latest_order if resume.latest_order is not None else started - DAY

    @property
    def any_open(self) -> bool:
        """Whether an order was open at the last poll."""
        return bool(self._open)

    def poll(self, get: Get, full: bool) -> Fetched[Orders]:
        """The present of all orders that may have changed; `full` also looks for new ones that have ended already."""
        opened, rejected = _orders(get, {"status": "open"})
        items = {o.id: o for o in opened}
        if full:
            since: dict[str, str | int] = {"after": moment(self._latest - ORDERS_OVERLAP), "direction": "asc"}
            recent, more = _orders(get, {"status": "all"} | since)
            # An order of the second list is newer than its twin of the first.
            items |= {o.id: o for o in recent}
            rejected += more
        lost = []
        for order_id in [i for i in self._open if i not in items][:MOST_FOLLOWED]:
            try:
                items[order_id] = decode.order(get(f"/orders/{order_id}"))
            except Unreadable:
                rejected += 1
            except Failure as failure:
                if failure.status != 404:
                    raise
                lost.append(order_id)
        still = {i: None for i in self._open if i not in items and i not in lost}
        open_ids = frozenset(i for i, o in items.items() if not o.is_terminal)
        self._open = dict.fromkeys(open_ids) | still
        self._latest = max([self._latest, *(o.submitted for o in items.values())])
        return Fetched(Orders(tuple(items.values()), open_ids, tuple(lost)), rejected)


def _orders(get: Get, query: Mapping[str, str | int]) -> tuple[list[Order], int]:
    """All pages of a query; `direction=asc` pages by `after`, else the newest come first and `until` pages."""
    ascending = query.get("direction") == "asc"
    found: dict[str, Order] = {}
    rejected, bounds = 0, dict(query)
    while True:
        raw = get("/orders", bounds | {"limit": ORDERS_PAGE, "nested": "true"})
        page, broken = _usable(lambda body: decode.each(decode.order, body), raw)
        rejected += broken
        new = [o for o in page if o.id not in found]
        found |= {o.id: o for o in new}
        if len(page) + broken < ORDERS_PAGE or not new:
            return list(found.values()), rejected
        if ascending:
            bounds["after"] = moment(max(o.submitted for o in page) - 1e-6)
        else:
            bounds["until"] = moment(min(o.submitted for o in page), ceil=True)


class OrdersBackfill:
    """The history of orders, page by page from the newest back to the first after `since` (unix seconds)."""

    def __init__(self, resume: Resume, since: float = 0.0) -> None:
        self._since = since
        self._cursor = resume.orders_cursor
        self._edge: frozenset[str] = frozenset()
        self.done = resume.orders_done

    def page(self, get: Get) -> Fetched[Orders]:
        """The next older page."""
        query: dict[str, str | int] = {"status": "all", "limit": ORDERS_PAGE, "nested": "true"}
        if self._cursor is not None:
            # The bound is exclusive and several orders may share a stamp: overlap by one and leave out those seen.
            query["until"] = moment(self._cursor, ceil=True)
        page, broken = _usable(lambda raw: decode.each(decode.order, raw), get("/orders", query))
        new = tuple(o for o in page if o.id not in self._edge)
        self.done = len(page) + broken < ORDERS_PAGE or not new
        if page:
            self._cursor = min(o.submitted for o in page)
            self._edge = frozenset(o.id for o in page)
            self.done = self.done or self._cursor < self._since
        return Fetched(Orders(new, backfill=True, cursor=self._cursor, done=self.done), broken)


class ActivitiesReader:
    """Reads activities oldest first: the history from its beginning, then the newest again and again with an overlap."""

    def __init__(self, resume: Resume) -> None:
        self._token = resume.activities_token
        self._latest = resume.latest_activity
        self._deep_read: float | None = None
        self.caught_up = resume.activities_done

    def poll(self, get: Get, now: float) -> Fetched[Activities]:
        """The next page of the history, or everything since shortly before the newest known."""
        return self._recent(get, now) if self.caught_up else self._history(get)

    def _history(self, get: Get) -> Fetched[Activities]:
        page = _activities(get, {}, self._token)
        if page.is_full and page.token in (None, self._token):
            raise _endless()
        self._token = page.token or self._token
        self._latest = models.newest([self._latest, *(a.ts for a in page.items)])
        self.caught_up = not page.is_full
        return Fetched(Activities(page.items, self._token, self.caught_up), page.rejected)

    def _recent(self, get: Get, now: float) -> Fetched[Activities]:
        deep = self._deep_read is None or now - self._deep_read >= DAY
        overlap = ACTIVITIES_DEEP_OVERLAP if deep else ACTIVITIES_OVERLAP
        # A stamp in the future (a broken clock) must not hide what comes until then.
        since = min(self._latest if self._latest is not None else 0.0, now) - overlap
        items: list[models.Activity] = []
        rejected, token, seen = 0, None, set[str]()
        while True:
            page = _activities(get, {"after": moment(max(since, 0.0))}, token)
            token = page.token
            items += page.items
            rejected += page.rejected
            if not page.is_full or token is None:
                break
            if token in seen or len(seen) >= MOST_PAGES:
                raise _endless()
            seen.add(token)
        if deep:
            self._deep_read = now
        self._latest = models.newest([self._latest, *(a.ts for a in items)])
        return Fetched(Activities(tuple(items)), rejected)


def _endless() -> Failure:
    return Failure("bad_response", "the pages do not end")


@dataclass(frozen=True, slots=True)
class _ActivitiesPage:
    """One page of activities. token: id of its last record, with which the next page begins; None if it has none."""

    items: tuple[models.Activity, ...]
    rejected: int
    is_full: bool
    token: str | None


def _activities(get: Get, query: Mapping[str, str | int], token: str | None) -> _ActivitiesPage:
    """The page behind the record `token`; the first one where that is None."""
    more: dict[str, str | int] = {"direction": "asc", "page_size": ACTIVITIES_PAGE}
    if token is not None:
        more["page_token"] = token
    raw = get("/account/activities", dict(query) | more)
    items, rejected = _usable(lambda body: decode.each(decode.activity, body), raw)
    last = raw[-1].get("id") if raw and isinstance(raw[-1], dict) else None
    return _ActivitiesPage(items, rejected, len(raw) >= ACTIVITIES_PAGE, last if isinstance(last, str) else None)
