"""What the status page shows from the archive: a few bounded queries over a connection of its own, with a deadline."""

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from bigdipper_exporter.archive.errors import ArchiveError
from bigdipper_exporter.archive.store import connect_readonly
from bigdipper_exporter.durations import DAY, HOUR

MOST_ROWS = 20
MOST_DAYS = 90
DEADLINE_SECONDS = 0.5
_STEPS = 10_000  # of SQLite's virtual machine between two looks at the clock

# The broker's orders, and lines of the log whose order it has not sent yet. A design-form line has no order id: there the
# broker's order of that symbol and day is taken for it.
ORDERS = """
  SELECT submitted AS ts, symbol, side, COALESCE(quantity, filled_quantity) AS quantity,
    COALESCE(filled_avg_price, limit_price) AS price, status, NOT of_bot AS by_hand
  FROM order_results WHERE submitted >= :start
  UNION ALL
  SELECT ts, symbol, side, quantity, price, 'submitted', 0 FROM bot_orders AS b
  WHERE ts >= :start AND NOT EXISTS (SELECT 1 FROM orders AS o WHERE o.order_id = b.order_id)
    AND NOT (b.order_id IS NULL
      AND EXISTS (SELECT 1 FROM orders AS o WHERE o.submitted >= :start AND o.symbol = b.symbol AND o.side = b.side))
  ORDER BY 1 DESC LIMIT :most"""
FILLS = """
  SELECT ts, symbol, side, quantity, price, realized_pl, NOT of_bot AS by_hand
  FROM fill_sources WHERE ts >= :start ORDER BY ts DESC LIMIT :most"""
# A dip is seen again every minute: one row for each symbol and reason.
MISSED = """
  SELECT symbol, reason, count(*) AS times, max(ts) AS latest, min(dip_percent) AS deepest FROM (
    SELECT symbol, reason, ts, dip_percent FROM skips WHERE ts >= :start
    UNION ALL
    SELECT symbol, 'missed_brake', ts, dip_percent FROM opportunities WHERE ts >= :start AND outcome = 'missed_brake')
  GROUP BY symbol, reason ORDER BY latest DESC LIMIT :most"""
ERRORS = """
  SELECT cause, max(ts) AS latest, count(*) AS times, detail FROM bot_events
  WHERE kind = 'error' AND ts >= :hour GROUP BY cause, detail ORDER BY latest DESC LIMIT :most"""
LAST_ORDER = "SELECT ts, symbol FROM bot_orders ORDER BY ts DESC LIMIT 1"
GAPS = "SELECT ts, reason, detail FROM gaps WHERE ts >= :day ORDER BY id DESC LIMIT :most"
CURVE = """
  SELECT ts, ending_equity AS equity FROM (
    SELECT ts, ending_equity, equity_source FROM daily_stats
    WHERE ending_equity IS NOT NULL AND (trading_day = 1 OR equity_source = 'log') ORDER BY date DESC LIMIT :days)
  WHERE equity_source = (SELECT equity_source FROM daily_stats WHERE ending_equity IS NOT NULL ORDER BY date DESC LIMIT 1)
  ORDER BY ts"""


@dataclass(frozen=True, slots=True)
class OrderLine:
    """An order of today: `price` is what it filled at, else its limit; `by_hand`: the log does not name it."""

    ts: float
    symbol: str
    side: str | None
    quantity: float | None
    price: float | None
    status: str
    by_hand: int


@dataclass(frozen=True, slots=True)
class LastOrder:
    """The newest order that the bot's log names, of any day."""

    ts: float
    symbol: str


@dataclass(frozen=True, slots=True)
class FillLine:
    """An execution of today. Money in US dollars."""

    ts: float
    symbol: str
    side: str
    quantity: float
    price: float
    realized_pl: float | None
    by_hand: int


@dataclass(frozen=True, slots=True)
class MissedLine:
    """Dips of one symbol that were missed today for one reason; `deepest` in percent, negative."""

    symbol: str
    reason: str
    times: int
    latest: float
    deepest: float | None


@dataclass(frozen=True, slots=True)
class ErrorLine:
    """An error that the bot logged within the last hour, so many times."""

    cause: str
    latest: float
    times: int
    detail: str


@dataclass(frozen=True, slots=True)
class GapLine:
    """A place where lines of the log may be lost, found within the last day."""

    ts: float
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class EquityPoint:
    """Equity at the end of a day, US dollars; `ts` is the day's start."""

    ts: float
    equity: float


@dataclass(frozen=True, slots=True)
class Recent:
    """Newest first, but the curve; no more than MOST_ROWS (MOST_DAYS) of each. problem: why it is empty."""

    orders: tuple[OrderLine, ...] = ()
    fills: tuple[FillLine, ...] = ()
    missed: tuple[MissedLine, ...] = ()
    errors: tuple[ErrorLine, ...] = ()
    gaps: tuple[GapLine, ...] = ()
    curve: tuple[EquityPoint, ...] = ()
    last_order: LastOrder | None = None
    problem: str | None = None


Line = TypeVar("Line")


def recent(path: Path, start: float, now: float) -> Recent:
    """Read what happened since `start` of the trading day, in the last hour and the last day. Never raises for the archive."""
    values = {"start": start, "hour": now - HOUR, "day": now - DAY, "most": MOST_ROWS, "days": MOST_DAYS}
    deadline = time.monotonic() + DEADLINE_SECONDS
    try:
        with closing(connect_readonly(path)) as connection:
            connection.execute("PRAGMA busy_timeout = 100")
            connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)

            def lines(kind: type[Line], query: str) -> tuple[Line, ...]:
                return tuple(kind(*row) for row in connection.execute(query, values))

            return Recent(
                lines(OrderLine, ORDERS),
                lines(FillLine, FILLS),
                lines(MissedLine, MISSED),
                lines(ErrorLine, ERRORS),
                lines(GapLine, GAPS),
                lines(EquityPoint, CURVE),
                next(iter(lines(LastOrder, LAST_ORDER)), None),
            )
    except sqlite3.OperationalError as error:
        busy = "it did not answer in time" if "interrupted" in str(error) else str(error)
        return Recent(problem=busy)
    except (ArchiveError, sqlite3.Error, OSError) as error:
        return Recent(problem=str(error))
