"""Finds out which prices the archive lacks. Read-only, on the thread that then reads them."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from operator import itemgetter
from typing import Any

from bigdipper_exporter import calendar
from bigdipper_exporter.archive import saved
from bigdipper_exporter.archive.broker import checkpoint
from bigdipper_exporter.archive.broker.days import by_session
from bigdipper_exporter.broker.models import is_option
from bigdipper_exporter.durations import DAY, HOUR, MINUTE
from bigdipper_exporter.prices.models import Span, Wanted, Window
from bigdipper_exporter.symbols import MAX_SYMBOLS

REREAD_SESSIONS = 5  # bars are corrected for days
ACTIONS_REREAD = timedelta(days=30)  # Alpaca does not promise when an action appears
ACTIONS_SECONDS = DAY
REFUSED_SECONDS = 7 * DAY  # then a refused symbol is tried again
CLOSED_SECONDS = 6 * HOUR  # between two readings while the exchange is closed
SETTLED_SECONDS = 20 * 60.0  # after the close, until the day's bar is complete for a free key
AROUND_EVENT = HOUR
GROWN_SECONDS = HOUR  # today's minutes are read again when this many are new
MOST_MINUTES = 5_000  # bars of a request for minutes: all of them are in memory at once
LONGER = timedelta(days=7)  # when the history to be read grows by this much, it is read again
STATE = "market-data"

Interval = tuple[float, float]  # first and last unix second

EVENTS = """
SELECT date, symbol, min(ts), max(ts) FROM (
  SELECT date, symbol, ts FROM opportunities WHERE ts >= :since
  UNION ALL SELECT date, symbol, ts FROM skips WHERE ts >= :since
  UNION ALL SELECT date, symbol, submitted FROM orders WHERE submitted >= :since
) GROUP BY date, symbol"""
BRAKES = "SELECT max(started, :since), last_seen FROM brake_events WHERE last_seen >= :since"
TRADED = "SELECT symbol FROM orders UNION SELECT symbol FROM fills UNION SELECT symbol FROM bot_orders"


@dataclass(frozen=True, slots=True)
class Scope:
    """What prices are read for. history, minute_retention: seconds; watched: symbols that the bot's configuration names."""

    benchmark: str
    history: float
    minute_retention: float
    watched: tuple[str, ...] = ()
    is_open: bool = False


def is_stock(symbol: str) -> bool:
    """Return whether the data host can know the symbol: neither an option nor a coin nor an order of several legs."""
    return not is_option(symbol) and "/" not in symbol and symbol not in ("MULTI", "other") and symbol[:1].isalpha()


def with_watched(connection: sqlite3.Connection, scope: Scope) -> Scope:
    """Return the scope with the symbols that the bot watches: those of its configuration, else those that its log names."""
    bot = _state(connection, saved.LOG)
    return scope if scope.watched else replace(scope, watched=tuple(bot.get("symbols") or bot.get("labels") or ()))


def symbols(connection: sqlite3.Connection, scope: Scope) -> tuple[str, ...]:
    """Return the symbols to follow: the benchmark, those watched, held, traded, and named by the log; at most 200."""
    bot, broker = _state(connection, saved.LOG), _state(connection, checkpoint.KEY)
    sources: list[Iterable[str]] = [
        [scope.benchmark],
        scope.watched,
        broker.get("held") or (),
        [row[0] for row in connection.execute(TRADED)],
        bot.get("symbols") or (),
        bot.get("labels") or (),
    ]
    found = dict.fromkeys(symbol for source in sources for symbol in source if is_stock(symbol))
    return tuple(found)[:MAX_SYMBOLS]


def wanted(connection: sqlite3.Connection, scope: Scope, now: float) -> Wanted:
    """Return what to read at `now` (unix seconds)."""
    followed = symbols(connection, scope)
    rows = connection.execute("SELECT symbol, first, last, problem, read FROM price_coverage").fetchall()
    coverage = {symbol: (first, last, problem, read) for symbol, first, last, problem, read in rows}
    refused = {s for s, (_, _, problem, read) in coverage.items() if problem == "refused" and now - read < REFUSED_SECONDS}
    first = calendar.new_york_date(now) - timedelta(seconds=scope.history)
    new = tuple(s for s in followed if s not in coverage or date.fromisoformat(coverage[s][0]) > first + LONGER)
    new = tuple(s for s in new if s not in refused)
    known = tuple(s for s in followed if s not in new and s not in refused)
    daily: list[Span] = []
    actions: list[Span] = []
    if known:
        if _is_due(now, scope.is_open, min(coverage[s][3] for s in known)):
            daily.append(Span(known, sessions_before(date.fromisoformat(min(coverage[s][1] for s in known)), REREAD_SESSIONS)))
        if now - float(_state(connection, STATE).get("actions_read") or 0.0) >= ACTIONS_SECONDS:
            actions.append(Span(known, calendar.new_york_date(now) - ACTIONS_REREAD))
    if new:
        daily.append(Span(new, first))
        actions.append(Span(new, first))
    readable = {s for s in followed if s not in refused}
    return Wanted(tuple(daily), tuple(actions), tuple(_windows(connection, scope, readable, now)))


def sessions_before(day: date, count: int) -> date:
    """Return the trading day that is `count` sessions before `day`."""
    while count > 0:
        day -= timedelta(days=1)
        count -= calendar.is_trading_day(day)
    return day


def _is_due(now: float, is_open: bool, read: float) -> bool:
    """While the exchange is closed and the last session is read, one reading in a few hours is enough."""
    settled = calendar.last_close(now) + SETTLED_SECONDS
    return is_open or read < settled <= now or now - read >= CLOSED_SECONDS


def _windows(connection: sqlite3.Connection, scope: Scope, readable: set[str], now: float) -> list[Window]:
    """Spans around events whose minutes are not archived yet, the newest day first."""
    if not scope.minute_retention:
        return []
    since = now - scope.minute_retention
    spans: dict[str, dict[str, Interval]] = {}

    def add(day: str, symbol: str, first: float, last: float) -> None:
        if symbol in readable:
            old = spans.setdefault(day, {}).get(symbol, (first, last))
            spans[day][symbol] = min(old[0], first - AROUND_EVENT), max(old[1], last + AROUND_EVENT)

    for day, symbol, first, last in connection.execute(EVENTS, {"since": since}):
        add(day, symbol, first, last)
    for span in connection.execute(BRAKES, {"since": since}):
        for first, last, session in by_session(*span):
            for symbol in scope.watched:
                add(session.isoformat(), symbol, first, last)
    have: dict[tuple[str, str], Interval] = {
        (symbol, day): (first, last)
        for symbol, day, first, last in connection.execute("SELECT symbol, date, first, last FROM minute_coverage")
    }
    windows = []
    for day in sorted(spans, reverse=True):
        first, last = min(f for f, _ in spans[day].values()), max(e for _, e in spans[day].values())
        if scope.benchmark in readable:
            spans[day][scope.benchmark] = first, last  # what followed is compared with it from the same minute
        lacking = {s: span for s, span in spans[day].items() if _lacks(span, have.get((s, day)), now)}
        windows += [Window(date.fromisoformat(day), part) for part in _parts(lacking)]
    return windows


def _parts(spans: dict[str, Interval]) -> Iterator[dict[str, Interval]]:
    """Split the symbols of one day so that no request has more than MOST_MINUTES bars."""
    part: dict[str, Interval] = {}
    for symbol, span in sorted(spans.items(), key=itemgetter(1, 0)):
        first, last = min(f for f, _ in (*part.values(), span)), max(e for _, e in (*part.values(), span))
        if part and (len(part) + 1) * (last - first) / MINUTE > MOST_MINUTES:
            yield part
            part = {}
        part[symbol] = span
    if part:
        yield part


def _lacks(span: Interval, have: Interval | None, now: float) -> bool:
    """Whether minutes of the span are to be read; of a span that goes on, not before an hour of it is new."""
    reachable = min(span[1], now - SETTLED_SECONDS)
    if reachable <= span[0]:
        return False
    if have is None or span[0] < have[0] - 1:
        return True
    return reachable > have[1] + (1 if reachable == span[1] else GROWN_SECONDS)


def _state(connection: sqlite3.Connection, key: str) -> Mapping[str, Any]:
    read = json.loads(saved.load(connection, key) or "{}")
    return read if isinstance(read, dict) else {}
