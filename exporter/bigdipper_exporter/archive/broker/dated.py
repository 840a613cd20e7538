"""Flows whose record has a date but no time: on which trading day they moved the equity.

Such a record counts at noon of its date. Its money may have come after that day's close, or have been in the equity before it
was booked: then one day seems to lose it and its neighbour to earn it. Where polls saw the cash move by its amount, it is
noticed at that moment; on other days the closes tell.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from bigdipper_exporter import calendar
from bigdipper_exporter.archive.broker import closes, flows
from bigdipper_exporter.archive.broker.days import close_of, money_span, trading_day_of
from bigdipper_exporter.broker.decode import NOON
from bigdipper_exporter.calendar import ONE_DAY
from bigdipper_exporter.money.flows import CENT, EARLIER, LATER, Flow, total
from bigdipper_exporter.money.plausibility import SOON
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

    What polls saw counts at once. Else the date stands unless a neighbour fits: with small flows the closes prove nothing. Nor
    does a day that goes on: its flows wait until it is over, and those of the day before it that may belong to it.
    latest: the day of the newest poll.
    """
    changed: set[date] = set()
    for day in _with_days_before(connection, days):
        changed |= _notice_seen(connection, day, latest)
        own = _step(connection, day, latest)
        if own is None:
            continue
        for flow in _together(connection, own.span):
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


def _dated(connection: sqlite3.Connection, span: tuple[float, float]) -> Iterator[list[Flow]]:
    """Flows of a day that count at a noon, those of one date together. span: (close before, its own], unix seconds."""
    first, last = (calendar.new_york_date(ts) for ts in span)
    while first <= last:
        noon = datetime.combine(first, NOON, calendar.NEW_YORK).timestamp()
        found = [flow for flow in flows.between(connection, noon - 1, noon) if flow.ts == noon]
        if found and span[0] < noon <= span[1]:
            yield found
        first += ONE_DAY


def _together(connection: sqlite3.Connection, span: tuple[float, float]) -> Iterator[Flow]:
    """What `_dated` finds: all of one date as one flow, then each by itself where they are several."""
    for found in _dated(connection, span):
        moved = total(found)
        if moved.known and moved.net:
            yield Flow(found[0].ts, moved.net)
            if len(found) > 1:
                yield from found


def _notice_seen(connection: sqlite3.Connection, day: date, latest: date | None) -> set[date]:
    """Notice flows of a trading day, which may go on, when polls saw the cash move by them; returns the days that changed."""
    row = connection.execute("SELECT starting_equity FROM daily_stats WHERE date = ?", (day.isoformat(),)).fetchone()
    if row is None:
        return set()
    changed: set[date] = set()
    for found in list(_dated(connection, money_span(day, latest, closes.base_of(connection, day, row[0])))):
        moments = [_notice_step(connection, flow) for flow in found]
        rest = total(flow for flow, at in zip(found, moments, strict=True) if at is None)
        if len(found) > 1 and rest.known and rest.net:  # several of one date may have come at once
            moments.append(_notice_step(connection, Flow(found[0].ts, rest.net)))
        seen = {trading_day_of(at) for at in moments if at is not None}
        changed |= {day} | seen if seen else set()
    return changed


def _notice_step(connection: sqlite3.Connection, flow: Flow) -> float | None:
    at = _seen(connection, flow.ts, flow.amount) if flow.amount else None
    if at is not None and flow.amount:
        flows.notice(connection, at, flow.amount)
    return at


# Cash and equity that moved together between two polls, as they do not in a trade. What was noticed then is another flow.
STEPS = f"""
    SELECT before, ts FROM (
      SELECT ts, lag(ts) OVER polls AS before, cash - lag(cash) OVER polls AS step, equity - lag(equity) OVER polls AS moved
      FROM account_history WHERE source = 'alpaca' AND ts > :first AND ts <= :last WINDOW polls AS (ORDER BY ts)) AS polled
    WHERE abs(step - :amount) <= {CENT} AND abs(moved - :amount) < abs(:amount) / 2
      AND NOT EXISTS (SELECT 1 FROM noticed_flows AS n WHERE abs(n.ts - polled.ts) <= {flows.SAME_ANSWER})
    ORDER BY abs(ts - :noon)"""


def _seen(connection: sqlite3.Connection, noon: float, amount: float) -> float | None:
    """Return the first answer (unix seconds) with the money of a record that counts at `noon`; None where polls did not see it.

    Between polls that are far apart the money may have come before or after a close. amount: US dollars.
    """
    # As far from the record as `merge` looks for it.
    values = {"first": noon - LATER, "last": noon + EARLIER, "noon": noon, "amount": amount}
    for before, ts in connection.execute(STEPS, values):
        if ts - before <= SOON or trading_day_of(before) == trading_day_of(ts):
            return float(ts)
    return None


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
