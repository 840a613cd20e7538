"""Where the equity of each trading day starts and ends in daily_stats: each day starts where the one before ended.

The close of a day is the broker's `last_equity` on the next one; before that is known, the last poll before the close, and for
days without polls portfolio history. Where days have no close at all, the next one starts at the last that is known.
"""

import sqlite3
from collections.abc import Iterable
from datetime import date

from bigdipper_exporter import calendar
from bigdipper_exporter.archive.broker import flows
from bigdipper_exporter.archive.broker.account_history import last_equity
from bigdipper_exporter.archive.broker.days import close_of
from bigdipper_exporter.archive.broker_tables import PortfolioHistoryRow
from bigdipper_exporter.archive.pending import add_day
from bigdipper_exporter.archive.table import table_of
from bigdipper_exporter.broker.models import Account, EquityPoint
from bigdipper_exporter.calendar import next_trading_day, previous_trading_day
from bigdipper_exporter.money import plausibility
from bigdipper_exporter.money.flows import Flows, total
from bigdipper_exporter.money.returns import CENT

NEAR_CLOSE = 1800.0  # seconds: a poll this shortly before the close stands in for it
NEAR = 0.1  # of late flows: what the close itself may have changed by when the broker adds them to it
DAYS = "FROM daily_stats WHERE equity_source = 'alpaca' AND trading_day = 1"


def end_with_poll(connection: sqlite3.Connection, day: date) -> None:
    """End a trading day with the last poll before its close: what came after belongs to the next one."""
    connection.execute(
        "UPDATE daily_stats SET ending_equity = coalesce(?, ending_equity) WHERE date = ? AND equity_source = 'alpaca'",
        (last_equity(connection, close_of(previous_trading_day(day)), close_of(day)), day.isoformat()),
    )


def balance_day(account: Account, day: date) -> date | None:
    """Trading day whose close `last_equity` is, on `day`; None when there is none, or when it is not said on a weekend."""
    if account.last_equity is None:
        return None
    if account.balance_day is not None:
        return account.balance_day if calendar.is_trading_day(account.balance_day) else None
    return previous_trading_day(day) if calendar.is_trading_day(day) else None


def official(connection: sqlite3.Connection, account: Account, day: date) -> float | None:
    """Return `last_equity` without flows of after that close: the broker may add them to it later. US dollars."""
    last, before = account.last_equity, balance_day(account, day)
    return last if last is None or before is None else without_late(connection, before, last)


def without_late(connection: sqlite3.Connection, day: date, last: float) -> float:
    """Return `last`, a `last_equity` for the close of the trading day `day`, without flows of after that close. US dollars.

    A poll near the close tells whether they are in it; without one only large flows show.
    """
    hours = calendar.open_close(next_trading_day(day))
    late = Flows() if hours is None else total(flows.between(connection, close_of(day), hours.open))
    if not late.known or not late.net:
        return last
    if (close := polled_equity(connection, day)) is not None:
        return last - late.net if abs(last - close - late.net) < abs(last - close) else last
    if (known := ending(connection, day)) is None:
        return last
    is_added = abs(late.net) > plausibility.noise(known)
    return last - late.net if is_added and abs(last - known - late.net) <= NEAR * abs(late.net) else last


def polled_equity(connection: sqlite3.Connection, day: date) -> float | None:
    """Return the equity that the last poll before the close of a trading day said; None where none is near. US dollars."""
    close = close_of(day)
    return last_equity(connection, close - NEAR_CLOSE, close)


def ending(connection: sqlite3.Connection, day: date) -> float | None:
    """Return the equity at the end of a trading day (US dollars)."""
    row = connection.execute(f"SELECT ending_equity {DAYS} AND date = ?", (day.isoformat(),)).fetchone()
    return None if row is None else row[0]


def last_ending(connection: sqlite3.Connection, day: date) -> tuple[date, float] | None:
    """Return the last trading day before `day` whose close is known, and its equity."""
    row = connection.execute(
        f"SELECT date, ending_equity {DAYS} AND date < ? AND ending_equity IS NOT NULL ORDER BY date DESC LIMIT 1",
        (day.isoformat(),),
    ).fetchone()
    return None if row is None else (date.fromisoformat(row[0]), row[1])


def starting(connection: sqlite3.Connection, account: Account, day: date) -> float | None:
    """Return the equity at the start of `day`: the official close of the trading day before, else the last that is known."""
    if balance_day(account, day) == previous_trading_day(day):  # early in the morning it may be a day older
        return official(connection, account, day)
    row = last_ending(connection, day)
    return row[1] if row else account.last_equity


def base_of(connection: sqlite3.Connection, day: date, start: float | None) -> date:
    """Return the trading day with whose close `day` starts: an older one than that before it where days are missing."""
    before = last_ending(connection, day)
    if before is not None and start is not None and abs(start - before[1]) <= CENT:
        return before[0]
    return previous_trading_day(day)


def write_close(connection: sqlite3.Connection, day: date, equity: float) -> set[date]:
    """Set the official close of a trading day; returns the days that this changes.

    A day without a row gets one where it closes a gap: its money is that since the last close known.
    """
    known = ending(connection, day)
    if known == equity or (known is None and last_ending(connection, day) is None):
        return set()
    if known is None:
        return _insert(connection, day, equity)
    connection.execute("UPDATE daily_stats SET ending_equity = ? WHERE date = ?", (equity, day.isoformat()))
    return {day}


def _insert(connection: sqlite3.Connection, day: date, equity: float) -> set[date]:
    """Give a day without the broker's equity its close, and let the next known day start with it if it started before."""
    add_day(connection, day.isoformat())
    before = last_ending(connection, day)
    connection.execute(
        "UPDATE daily_stats SET starting_equity = ?, ending_equity = ?, peak_equity = NULL, trough_equity = NULL,"
        " max_margin_ratio = NULL, max_leverage_ratio = NULL, equity_source = 'alpaca' WHERE date = ?",
        (None if before is None else before[1], equity, day.isoformat()),
    )
    next_day = row_from(connection, calendar.next_trading_day(day))
    if next_day is not None:
        connection.execute(
            "UPDATE daily_stats SET starting_equity = ? WHERE date = ? AND (starting_equity IS NULL OR starting_equity = ?)",
            (equity, next_day.isoformat(), None if before is None else before[1]),
        )
    return {day} if next_day is None else {day, next_day}


def row_from(connection: sqlite3.Connection, day: date) -> date | None:
    """Return `day`, or the first trading day after it that has the broker's equity: its money is in that one."""
    row = connection.execute(f"SELECT min(date) {DAYS} AND date >= ?", (day.isoformat(),)).fetchone()
    return None if row[0] is None else date.fromisoformat(row[0])


def write_history(connection: sqlite3.Connection, points: Iterable[EquityPoint], today: date) -> set[date]:
    """Store portfolio history, and take the closes of past trading days from it where no poll has a better one."""
    touched = set()
    for point in points:
        if point.day >= today or not calendar.is_trading_day(point.day):
            continue
        table_of(PortfolioHistoryRow).write(connection, [PortfolioHistoryRow(point.day.isoformat(), point.equity)])
        touched.add(point.day)
        if ending(connection, point.day) is None:
            touched |= _insert(connection, point.day, point.equity)
            continue
        # Polled, but perhaps not until its end: the next day's starting equity is the exact close, this one is rounded.
        connection.execute(
            "UPDATE daily_stats SET ending_equity = coalesce((SELECT starting_equity FROM daily_stats WHERE date = ?"
            " AND equity_source = 'alpaca'), ?) WHERE date = ?",
            (next_trading_day(point.day).isoformat(), point.equity, point.day.isoformat()),
        )
    return touched


HOLES = f"""
    SELECT date, starting_equity, ended FROM (
      SELECT date, starting_equity, lag(ending_equity) OVER (ORDER BY date) AS ended
      {DAYS} AND ending_equity IS NOT NULL AND date >= ?)
    WHERE ended IS NOT NULL AND starting_equity IS NOT ended"""


def close_holes(connection: sqlite3.Connection, since: str) -> set[date]:
    """Let every day of this account (from `since` on) end where the next one starts; returns the days that changed.

    A day's start is the exact close before it, but older archives have flows of after that close in it. Where that close has no
    row, it gets one, with the money since the last close known.
    """
    changed: set[date] = set()
    for text, start, ended in connection.execute(HOLES, (since,)).fetchall():
        day = date.fromisoformat(text)
        if start is None:
            connection.execute("UPDATE daily_stats SET starting_equity = ? WHERE date = ?", (ended, text))
            changed.add(day)
        else:
            before = previous_trading_day(day)
            close = without_late(connection, before, start)
            connection.execute("UPDATE daily_stats SET starting_equity = ? WHERE date = ?", (close, text))
            changed |= {day} | write_close(connection, before, close)
    return changed
