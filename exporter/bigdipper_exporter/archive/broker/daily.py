"""The broker's columns of daily_stats: equity, the bridge that explains its change, and the chain of returns.

A trading day's money goes from the close before it to its own close: that is how the broker counts (`last_equity`), and only so
do the days join without a gap. The present day ends now; once the next one has begun, its end is the broker's official close.
"""

import sqlite3
from collections.abc import Iterable
from datetime import date, timedelta

from bigdipper_exporter import calendar
from bigdipper_exporter.archive.broker.checkpoint import BrokerCheckpoint
from bigdipper_exporter.archive.pending import add_day
from bigdipper_exporter.broker.models import Account, EquityPoint
from bigdipper_exporter.money.returns import PARTS, Attribution, DayEquity, TimeWeightedReturn, chain, daily_return

DAY = timedelta(days=1)
STALE = 4 * 86400.0  # a poll older than a long weekend proves nothing


def previous_trading_day(day: date) -> date:
    """The last day before `day` on which the exchange opened."""
    day -= DAY
    while not calendar.is_trading_day(day):
        day -= DAY
    return day


def next_trading_day(day: date) -> date:
    """The first day after `day` on which the exchange opens."""
    day += DAY
    while not calendar.is_trading_day(day):
        day += DAY
    return day


def trading_day_of(ts: float) -> date:
    """The trading day whose money a moment moves: after the close of one day it is the next one's."""
    day = calendar.new_york_date(ts)
    while (hours := calendar.open_close(day)) is None or hours[1] < ts:
        day += DAY
    return day


def _close(day: date) -> float:
    hours = calendar.open_close(day)
    assert hours is not None
    return hours[1]


def write_account(
    connection: sqlite3.Connection, account: Account, leverage: float | None, at: float, memory: BrokerCheckpoint
) -> None:
    """Maintain the equity columns of the day of a poll, and give the day before its official close when it is over."""
    day = calendar.trading_day(at)
    add_day(connection, day.isoformat())
    start = _starting_equity(connection, account, day)
    high = "CASE WHEN equity_source = 'alpaca' THEN coalesce(max({0}, ?), {0}, ?) ELSE ? END"
    connection.execute(
        "UPDATE daily_stats SET starting_equity = ?, ending_equity = ?,"
        f" peak_equity = {high.format('peak_equity')},"
        f" trough_equity = {high.format('trough_equity').replace('max(', 'min(')},"
        f" max_margin_ratio = {high.format('max_margin_ratio')},"
        f" max_leverage_ratio = {high.format('max_leverage_ratio')},"
        " equity_source = 'alpaca' WHERE date = ?",
        (
            start,
            account.equity,
            *3 * (account.equity,),
            *3 * (account.equity,),
            *3 * (account.margin_ratio,),
            *3 * (leverage,),
            day.isoformat(),
        ),
    )
    touched, memory.latest_day = {day}, day.isoformat()
    if calendar.is_trading_day(day) and _rolled(account, day) and memory.balance_day != day.isoformat():
        memory.balance_day = day.isoformat()
        before = previous_trading_day(day)
        connection.execute(
            "UPDATE daily_stats SET ending_equity = ? WHERE date = ? AND equity_source = 'alpaca'",
            (account.last_equity, before.isoformat()),
        )
        touched.add(before)
    refresh(connection, touched, memory)


def _rolled(account: Account, day: date) -> bool:
    """Whether `last_equity` is the close of the trading day before `day`: early in the morning it may be a day older."""
    if account.last_equity is None:
        return False
    return account.balance_day is None or account.balance_day == previous_trading_day(day)


def _starting_equity(connection: sqlite3.Connection, account: Account, day: date) -> float | None:
    if calendar.is_trading_day(day) and _rolled(account, day):
        return account.last_equity
    row = connection.execute(
        "SELECT ending_equity FROM daily_stats WHERE date < ? AND equity_source = 'alpaca' AND ending_equity IS NOT NULL"
        " ORDER BY date DESC LIMIT 1",
        (day.isoformat(),),
    ).fetchone()
    return row[0] if row else account.last_equity


def write_history(connection: sqlite3.Connection, points: Iterable[EquityPoint], at: float, memory: BrokerCheckpoint) -> None:
    """Give past trading days the close that portfolio history tells, where no poll has told a better one."""
    today, before = calendar.trading_day(at), None
    touched = set()
    for point in points:
        if point.day >= today or not calendar.is_trading_day(point.day):
            continue
        add_day(connection, point.day.isoformat())
        changed = connection.execute(
            "UPDATE daily_stats SET starting_equity = ?, ending_equity = ?, peak_equity = NULL, trough_equity = NULL,"
            " max_margin_ratio = NULL, max_leverage_ratio = NULL, equity_source = 'alpaca'"
            " WHERE date = ? AND coalesce(equity_source, 'log') = 'log'",
            (before, point.equity, point.day.isoformat()),
        )
        if not changed.rowcount:
            # Polled, but perhaps not to its end: the next day's start is the exact close, this one is rounded.
            connection.execute(
                "UPDATE daily_stats SET starting_equity = coalesce(starting_equity, ?), ending_equity = coalesce("
                "(SELECT starting_equity FROM daily_stats WHERE date = ? AND equity_source = 'alpaca'), ?) WHERE date = ?",
                (before, next_trading_day(point.day).isoformat(), point.equity, point.day.isoformat()),
            )
        touched.add(point.day)
        before = point.equity
    refresh(connection, touched, memory)


def refresh(connection: sqlite3.Connection, days: Iterable[date], memory: BrokerCheckpoint) -> None:
    """Sum the bridge of these days anew from the archive, then the drawdowns that follow from them."""
    for day in days:
        count_fills(connection, day)
        if calendar.is_trading_day(day):
            _write_bridge(connection, day, memory)
    _write_drawdowns(connection, memory)


def count_fills(connection: sqlite3.Connection, day: date) -> None:
    """Count the executions of the trading day (04:00 to 04:00): of the bot's orders, and of those placed by hand."""
    span = (calendar.day_start(day), calendar.day_start(day + DAY))
    connection.execute(
        "UPDATE daily_stats SET (fills_count, fills_by_hand) = (SELECT count(*) FILTER (WHERE of_bot),"
        " count(*) FILTER (WHERE NOT of_bot) FROM fill_sources WHERE ts >= ? AND ts < ?) WHERE date = ?",
        (*span, day.isoformat()),
    )


def days_of(moments: Iterable[float]) -> set[date]:
    """The days whose sums these moments change: the one they count in and the one whose money they move."""
    return {day for ts in moments for day in (calendar.trading_day(ts), trading_day_of(ts))}


def _span(day: date, memory: BrokerCheckpoint) -> tuple[float, float]:
    """The money's day: (close before, its own close], still open at its end while no later day has begun."""
    over = memory.latest_day is None or next_trading_day(day).isoformat() <= memory.latest_day
    return _close(previous_trading_day(day)), _close(day) if over else calendar.day_start(day + DAY)


def bridge(connection: sqlite3.Connection, first: float, last: float) -> Attribution:
    """What the archive knows of the money between two moments."""
    (realized, unknown) = connection.execute(
        "SELECT coalesce(sum(realized_pl), 0), count(*) FILTER (WHERE realized_pl IS NULL AND side = 'sell')"
        " FROM fills WHERE ts > ? AND ts <= ?",
        (first, last),
    ).fetchone()
    sums = dict.fromkeys(("dividends", "fees", "interest", "cash_flow"), 0.0)
    rows = connection.execute(
        "SELECT type, sum(net_amount) FROM activities WHERE ts > ? AND ts <= ? AND coalesce(status, 'executed') != 'canceled'"
        " GROUP BY type",
        (first, last),
    )
    for kind, amount in rows:
        if kind in PARTS:
            sums[PARTS[kind]] += amount or 0.0
    before, after = _unrealized(connection, first), _unrealized(connection, last)
    change = after - before if before is not None and after is not None else None
    return Attribution(None if unknown else realized, change, **sums)


def _unrealized(connection: sqlite3.Connection, at: float) -> float | None:
    """Unrealised profit of all positions as last polled before `at`."""
    row = connection.execute(
        "SELECT pl_dollar FROM account_history WHERE source = 'alpaca' AND ts <= ? AND ts > ? ORDER BY ts DESC LIMIT 1",
        (at, at - STALE),
    ).fetchone()
    return row[0] if row else None


def _write_bridge(connection: sqlite3.Connection, day: date, memory: BrokerCheckpoint) -> None:
    row = connection.execute(
        "SELECT starting_equity, ending_equity FROM daily_stats WHERE date = ? AND equity_source = 'alpaca'", (day.isoformat(),)
    ).fetchone()
    if row is None:
        return
    start, end = row
    sums = bridge(connection, *_span(day, memory))
    connection.execute(
        "UPDATE daily_stats SET realized_pl = ?, unrealized_change = ?, dividends = ?, fees = ?, interest = ?, cash_flow = ?,"
        " other = ?, return_ratio = ? WHERE date = ?",
        (
            sums.realized_pl,
            sums.unrealized_change,
            sums.dividends,
            sums.fees,
            sums.interest,
            sums.cash_flow,
            sums.other(start, end),
            daily_return(start, end, sums.cash_flow),
            day.isoformat(),
        ),
    )


def equity_days(connection: sqlite3.Connection, memory: BrokerCheckpoint) -> list[DayEquity]:
    """The trading days of this account that have the broker's equity, in order."""
    rows = connection.execute(
        "SELECT date, starting_equity, ending_equity, coalesce(cash_flow, 0), peak_equity FROM daily_stats"
        " WHERE equity_source = 'alpaca' AND trading_day = 1 AND date >= ? ORDER BY date",
        (memory.since or "",),
    )
    return [DayEquity(date.fromisoformat(day), *values) for day, *values in rows]


def _write_drawdowns(connection: sqlite3.Connection, memory: BrokerCheckpoint) -> None:
    days = equity_days(connection, memory)
    old = dict(connection.execute("SELECT date, drawdown_ratio FROM daily_stats"))
    new = {d.day.isoformat(): drawdown for d, drawdown in zip(days, chain(days).drawdowns, strict=True)}
    connection.executemany(
        "UPDATE daily_stats SET drawdown_ratio = ? WHERE date = ?",
        [(drawdown, day) for day, drawdown in new.items() if drawdown != old[day]],
    )


def performance(
    connection: sqlite3.Connection, memory: BrokerCheckpoint, now: float
) -> tuple[TimeWeightedReturn, float | None]:
    """The chain of returns up to now, and the deposits minus withdrawals of the money's present day."""
    row = connection.execute(
        "SELECT cash_flow FROM daily_stats WHERE date = ? AND equity_source = 'alpaca'",
        (calendar.trading_day(now).isoformat(),),
    ).fetchone()
    return chain(equity_days(connection, memory)), row[0] if row else None
