"""Flows whose record has a date but no time: on which trading day they moved the equity.

Such a record counts at noon of its date. Its money may have come after that day's close, or have been in the equity before it
was booked: then one day seems to lose it and its neighbour to earn it. Where polls saw the money come, it was noticed at that
moment; on other days the closes tell.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from bigdipper_exporter import calendar
from bigdipper_exporter.archive.broker import closes, flows
from bigdipper_exporter.archive.broker.days import DAY, close_of, money_span
from bigdipper_exporter.broker.decode import NOON
from bigdipper_exporter.money.flows import EARLIER, LATER, Flow, total
from bigdipper_exporter.money.returns import profit

# A flow is moved only where no usual day earns or loses so much: else a day's profit would pass for it.
FITS = 0.25  # of the flow: what its day and the neighbour may each earn or lose when it is counted on the right one
LARGE = 0.02  # of equity: what any flow that is moved is above


@dataclass(frozen=True, slots=True)
class _Step:
    """Change of equity of a day that is over, without its flows, US dollars. span: (close before, its own], unix seconds."""

    day: date
    start: float
    profit: float
    span: tuple[float, float]


def place(connection: sqlite3.Connection, days: Iterable[date], latest: date | None) -> set[date]:
    """Note flows of these trading days that the equity shows on a neighbouring one there; returns the days that changed.

    The date stands unless a neighbour fits: with small flows the closes prove nothing. Nor does a day that goes on: its flows
    wait until it is over, and those of the day before it that may belong to it. latest: the day of the newest poll.
    """
    changed: set[date] = set()
    for day in _with_days_before(connection, days):
        own = _step(connection, day, latest)
        if own is None:
            continue
        for flow in _dated(connection, own):
            for other in _neighbours(connection, own, latest):
                if _fits(connection, flow, own, other):
                    changed |= {own.day, other.day}
                    own = _step(connection, day, latest) or own
                    break
    return changed


def _with_days_before(connection: sqlite3.Connection, days: Iterable[date]) -> list[date]:
    """Return these days and the one before each: now that a day's end is known, flows of the one before may be moved to it."""
    found = set(days)
    before = [closes.last_ending(connection, day) for day in found]
    return sorted(found | {known[0] for known in before if known is not None})


def _dated(connection: sqlite3.Connection, own: _Step) -> Iterator[Flow]:
    """Flows of a day that count at a noon: all of one date together, then each by itself where they are several."""
    first, last = (calendar.new_york_date(ts) for ts in own.span)
    while first <= last:
        noon = datetime.combine(first, NOON, calendar.NEW_YORK).timestamp()
        found = [flow for flow in flows.between(connection, noon - 1, noon) if flow.ts == noon]
        moved = total(found)
        if moved.known and moved.net and own.span[0] < noon <= own.span[1]:
            yield Flow(noon, moved.net)
            if len(found) > 1:
                yield from found
        first += DAY


def _neighbours(connection: sqlite3.Connection, own: _Step, latest: date | None) -> Iterator[_Step]:
    after = closes.row_from(connection, calendar.next_trading_day(own.day))
    before = closes.last_ending(connection, own.day)
    for day in (after, before[0] if before else None):
        if day is not None and (step := _step(connection, day, latest)) is not None:
            yield step


def _fits(connection: sqlite3.Connection, flow: Flow, own: _Step, other: _Step) -> bool:
    """Note `flow` on the day `other` if its equity and that of its own day say that it came there."""
    assert flow.amount is not None
    rest = max(abs(own.profit + flow.amount), abs(other.profit - flow.amount))
    if rest > FITS * abs(flow.amount) or abs(flow.amount) <= LARGE * abs(own.start):
        return False
    # Just after the own day's close, or with the close of the day before: as near as the other day allows.
    at = close_of(own.day) + 1 if other.day > own.day else close_of(other.day)
    if not -LATER <= at - flow.ts <= EARLIER:
        return False
    while connection.execute("SELECT 1 FROM noticed_flows WHERE ts = ?", (at,)).fetchone() is not None:
        at += 0.001 if other.day > own.day else -0.001
    flows.notice(connection, at, flow.amount)
    return True


def _step(connection: sqlite3.Connection, day: date, latest: date | None) -> _Step | None:
    """What a day earned; None while it goes on, and where that is unknown."""
    if latest is not None and day >= latest:
        return None
    row = connection.execute(
        "SELECT starting_equity, ending_equity FROM daily_stats WHERE date = ? AND equity_source = 'alpaca' AND trading_day",
        (day.isoformat(),),
    ).fetchone()
    if row is None:
        return None
    start, end = row
    span = money_span(day, latest, closes.base_of(connection, day, start))
    earned = profit(start, end, total(flows.between(connection, *span)))
    return None if start is None or earned is None else _Step(day, start, earned, span)
