"""Requests to the data host, page by page. Each function raises Failure; `get` is `Client.get`."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any, Protocol

from bigdipper_exporter.broker.client import Query
from bigdipper_exporter.broker.fetch import moment
from bigdipper_exporter.broker.fields import Unreadable
from bigdipper_exporter.broker.results import Failure
from bigdipper_exporter.prices import decode
from bigdipper_exporter.prices.decode import Page
from bigdipper_exporter.prices.models import FEED, Bar, CorporateAction

MOST_PAGES = 200
BARS_PAGE, ACTIONS_PAGE = 10_000, 1000  # the most the API gives


class Get(Protocol):
    """`Client.get`."""

    def __call__(self, path: str, query: Query | None = None, version: str = "v2") -> Any:
        """Return the decoded JSON of GET `path`. Raises Failure."""


def too_recent(failure: Failure) -> bool:
    """Return whether the key may not see prices that recent. Wrong keys get the same status with a different message."""
    words = str(failure).lower()
    return failure.status in (403, 422) and ("recent" in words or "past 15 minutes" in words or "subscription" in words)


def refuses_symbols(failure: Failure) -> bool:
    """Return whether the request itself is at fault: one unknown symbol can fail a whole list."""
    return failure.status in (400, 404, 422) and not too_recent(failure)


def bars(get: Get, symbols: tuple[str, ...], timeframe: str, start: str, end: float) -> Iterator[Page]:
    """Pages of raw bars from `start` (a date or RFC 3339) to `end` (unix seconds), sorted by symbol, then time."""
    query: dict[str, str | int] = {
        "symbols": ",".join(symbols),
        "timeframe": timeframe,
        "start": start,
        "end": moment(end),
        "adjustment": "raw",
        "feed": FEED,
        "limit": BARS_PAGE,
        "sort": "asc",
    }
    return _pages(lambda q: decode.bars(get("/stocks/bars", q), symbols), query)


def minute_bars(get: Get, symbols: tuple[str, ...], start: float, end: float) -> tuple[tuple[Bar, ...], int]:
    """Minute bars from `start` to `end` (unix seconds), and the number of records that could not be read."""
    found: list[Bar] = []
    rejected = 0
    for page in bars(get, symbols, "1Min", moment(start), end):
        found += page.bars
        rejected += page.rejected
    return tuple(found), rejected


def actions(get: Get, symbols: tuple[str, ...], first: date, last: date) -> tuple[tuple[CorporateAction, ...], int]:
    """Corporate actions processed from `first` to `last`, and the number of records that could not be read."""
    query: dict[str, str | int] = {
        "symbols": ",".join(symbols),
        "start": first.isoformat(),
        "end": last.isoformat(),
        "limit": ACTIONS_PAGE,
        "sort": "asc",
    }
    found: list[CorporateAction] = []
    rejected = 0
    for page in _pages(lambda q: decode.actions(get("/corporate-actions", q, version="v1"), symbols), query):
        found += page.actions
        rejected += page.rejected
    return tuple(found), rejected


def _pages(read: Callable[[Query], Page], query: dict[str, str | int]) -> Iterator[Page]:
    seen: set[str] = set()
    while True:
        try:
            page = read(query)
        except Unreadable as error:
            raise Failure("bad_response", str(error)) from None
        if page.token is not None and (page.token in seen or len(seen) >= MOST_PAGES):
            raise Failure("bad_response", "the pages do not end")
        yield page
        if page.token is None:
            return
        seen.add(page.token)
        query["page_token"] = page.token
