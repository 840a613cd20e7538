"""What the endpoints share: the archives, the limits of the settings, and how a request names a bot, a period, a page."""

import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import Depends, Query, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from bigdipper_exporter import calendar
from bigdipper_exporter.api.archives import Archives
from bigdipper_exporter.api.present import snapshot
from bigdipper_exporter.api.problems import Problem
from bigdipper_exporter.archive.queries.rows import CURSOR, Cursor
from bigdipper_exporter.metrics.snapshot import Snapshot
from bigdipper_exporter.money.limits import OwnLimits
from bigdipper_exporter.money.returns import window_start
from bigdipper_exporter.symbols import SYMBOL

Period = Literal["1d", "1w", "1m", "1y", "all"]
MOST_ROWS = 500


@dataclass(frozen=True, slots=True)
class Services:
    """What every endpoint works with; one per process."""

    archives: Archives
    limits: OwnLimits
    clock: Callable[[], float] = time.time
    benchmark: str = "SPY"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: which bot, and what it may read."""

    request: Request
    services: Services
    bot: str | None

    @contextmanager
    def archive(self) -> Iterator[sqlite3.Connection]:
        """The bot's archive at one committed moment."""
        with self.services.archives.reading(self.bot) as connection:
            yield connection

    def snapshot(self, connection: sqlite3.Connection) -> Snapshot:
        """The present of the bot."""
        return snapshot(connection, self.services.limits, self.now)

    @property
    def now(self) -> float:
        """Unix seconds."""
        return self.services.clock()

    def since(self, period: Period) -> float:
        """First moment of a period that ends now."""
        day = window_start(period, calendar.trading_day(self.now))
        return 0.0 if day is None else calendar.day_start(day)

    def first_day(self, period: Period) -> str:
        """First day (YYYY-MM-DD) of a period of returns: it ends with the newest day on which the exchange opened."""
        today = calendar.trading_day(self.now)
        day = window_start(period, today if calendar.is_trading_day(today) else calendar.previous_trading_day(today))
        return "" if day is None else day.isoformat()

    def next(self, cursor: Cursor | None) -> str | None:
        """Path and query of the page that begins at `cursor`."""
        if cursor is None:
            return None
        kept = [(name, value) for name, value in self.request.query_params.multi_items() if name != "after"]
        return f"{self.request.url.path}?{urlencode([*kept, ('after', str(cursor))])}"


def known_parameters(request: Request) -> None:
    """Refuse query parameters that the endpoint does not have, and second values: they would be ignored. Raises Problem."""
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return
    allowed = sorted(_query_parameters(route.dependant))
    for name, times in Counter(name for name, _ in request.query_params.multi_items()).items():
        if name not in allowed:
            raise Problem(422, f"is not a parameter here; allowed: {', '.join(allowed)}", field=f"query.{name[:60]}")
        if times > 1:
            raise Problem(422, f"is given {times} times; give it once", field=f"query.{name}")


def _query_parameters(dependant: Dependant) -> set[str]:
    found = {parameter.alias for parameter in dependant.query_params}
    return found.union(*(_query_parameters(inner) for inner in dependant.dependencies))


def asked(
    request: Request,
    bot: Annotated[
        str | None,
        Query(description="Name of the bot, as /api/v1/bots lists it; the first one when left out.", max_length=100),
    ] = None,
) -> Asked:
    """The request of an endpoint. Raises Problem for an unknown bot or parameter."""
    known_parameters(request)
    services: Services = request.app.state.services
    services.archives.name(bot)
    return Asked(request, services, bot)


def _cursor(
    after: Annotated[
        str | None, Query(description="Where the page begins: from `next` of the page before.", pattern=CURSOR)
    ] = None,
) -> Cursor | None:
    try:
        return None if after is None else Cursor.parse(after)
    except ValueError as error:
        raise Problem(422, str(error), field="query.after") from None


AskedBot = Annotated[Asked, Depends(asked)]
After = Annotated[Cursor | None, Depends(_cursor)]
Limit = Annotated[int, Query(description="Most rows of a page.", ge=1, le=MOST_ROWS, examples=[50])]
InPeriod = Annotated[
    Period, Query(description="The last trading day, or the last 7, 30 or 365 days, or everything.", examples=["1m"])
]
SYMBOL_PATTERN = rf"^{SYMBOL.replace('15', '32')}$"
