"""The broker's columns of daily_stats: equity, the attribution of its change, and the chain of returns.

A trading day's profit runs from the previous close to its own: the broker counts that way (`last_equity`), and only so do days
join without a gap. The newest day ends now. Once the next date has begun, it ends at its own close: first the polled one, then
the broker's official one. A day without trading has equity but no profit: the next trading day gets it.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from bigdipper_exporter import calendar
from bigdipper_exporter.archive.broker import accounts, closes, dated, flows
from bigdipper_exporter.archive.broker.checkpoint import BrokerCheckpoint
from bigdipper_exporter.archive.broker.days import close_of, money_span, trading_day_of
from bigdipper_exporter.archive.broker.rebuilt import Closes
from bigdipper_exporter.archive.pending import add_day
from bigdipper_exporter.archive.table import sql_list
from bigdipper_exporter.broker.models import Account, EquityPoint
from bigdipper_exporter.calendar import ONE_DAY, next_trading_day, previous_trading_day
from bigdipper_exporter.money import returns
from bigdipper_exporter.money.flows import OPTION_ENDS, Flows, total
from bigdipper_exporter.money.returns import Attribution, DayEquity, TimeWeightedReturn, chain


@dataclass(frozen=True, slots=True)
class Today:
    """Figures since the broker's `last_equity`, US dollars. None: unknown."""

    cash_flow: float | None = None
    profit: float | None = None
    ratio: float | None = None


def write_account(connection: sqlite3.Connection, account: Account, at: float, checkpoint: BrokerCheckpoint) -> None:
    """Update the equity of the day on which the account was polled, and set the close of the previous day once that is over."""
    day = calendar.trading_day(at)
    add_day(connection, day.isoformat())
    touched = {day}
    if checkpoint.latest_day is not None and checkpoint.latest_day < day.isoformat():
        latest = date.fromisoformat(checkpoint.latest_day)
        if calendar.is_trading_day(latest):
            closes.end_with_poll(connection, latest)
        touched.add(latest)
    checkpoint.latest_day = max(day.isoformat(), checkpoint.latest_day or "")
    start = closes.starting(connection, account, day)
    if start is not None and closes.balance_day(account, day) == previous_trading_day(day):
        # Every time: the broker may correct a close during the next day.
        touched |= closes.write_close(connection, previous_trading_day(day), start)
    connection.execute(
        "UPDATE daily_stats SET equity_source = 'alpaca', starting_equity = ?, ending_equity = ? WHERE date = ?",
        (start, account.equity, day.isoformat()),
    )
    refresh(connection, touched, checkpoint)


def write_history(
    connection: sqlite3.Connection, points: Iterable[EquityPoint], at: float, checkpoint: BrokerCheckpoint
) -> None:
    """Store portfolio history, and take the closes of past trading days from it where no poll has a better one."""
    refresh(connection, closes.write_history(connection, points, calendar.trading_day(at)), checkpoint)


def refresh(connection: sqlite3.Connection, days: Iterable[date], checkpoint: BrokerCheckpoint) -> None:
    """Recompute these days from the archive's rows, then the chain of returns that they belong to."""
    rebuilt = Closes.load(connection, checkpoint)
    for day in sorted(_touched(connection, days, checkpoint)):
        count_fills(connection, day)
        if calendar.is_trading_day(day):
            _write_extremes(connection, day, checkpoint)
            _write_attribution(connection, day, checkpoint, rebuilt)
    _write_chain(connection, checkpoint)


def _touched(connection: sqlite3.Connection, days: Iterable[date], checkpoint: BrokerCheckpoint) -> set[date]:
    """Return `days` and those whose money changes with them: a day that has no close of its own is in the next one."""
    found = {*days} | closes.close_holes(connection, accounts.first_day(connection, checkpoint))
    holders = {closes.row_from(connection, day) for day in found if calendar.is_trading_day(day)}
    found |= {day for day in holders if day is not None}
    sessions = {day if calendar.is_trading_day(day) else previous_trading_day(day) for day in found}
    return found | dated.place(connection, sessions, _latest(checkpoint))


def _latest(checkpoint: BrokerCheckpoint) -> date | None:
    return None if checkpoint.latest_day is None else date.fromisoformat(checkpoint.latest_day)


def count_fills(connection: sqlite3.Connection, day: date) -> None:
    """Count the executions of the trading day (04:00 to 04:00): of the bot's orders, and of those placed by hand."""
    span = (calendar.day_start(day), calendar.day_start(day + ONE_DAY))
    connection.execute(
        "UPDATE daily_stats SET (fills_count, fills_by_hand) = (SELECT count(*) FILTER (WHERE of_bot),"
        " count(*) FILTER (WHERE NOT of_bot) FROM fill_sources WHERE ts >= ? AND ts < ?) WHERE date = ?",
        (*span, day.isoformat()),
    )


def _span(connection: sqlite3.Connection, day: date, checkpoint: BrokerCheckpoint) -> tuple[float, float]:
    """(close that the day starts with, end] of a trading day, unix seconds."""
    row = connection.execute("SELECT starting_equity FROM daily_stats WHERE date = ?", (day.isoformat(),)).fetchone()
    base = closes.base_of(connection, day, row[0] if row else None)
    return money_span(day, _latest(checkpoint), base)


EXTREMES = """
    SELECT max(low), min(high), max(margin_ratio), max(leverage_ratio), count(*) FROM (
      SELECT margin_ratio, leverage_ratio,
        min(equity, lead(equity) OVER (ORDER BY ts)) AS low, max(equity, lead(equity) OVER (ORDER BY ts)) AS high
      FROM account_history WHERE source = 'alpaca' AND ts > ? AND ts <= ?)"""


EXTREME = {"peak_equity": "max", "trough_equity": "min", "max_margin_ratio": "max", "max_leverage_ratio": "max"}


def _extremes(
    connection: sqlite3.Connection, first: float, last: float, checkpoint: BrokerCheckpoint
) -> tuple[float | None, ...]:
    """Peak and trough of the polls (those that two in a row confirm), worst margin and leverage, number of polls.

    Polls after a jump that is still questioned do not count yet.
    """
    if checkpoint.questioned is not None:
        last = min(last, checkpoint.questioned.before.at)
    row: tuple[float | None, ...] = connection.execute(EXTREMES, (first, last)).fetchone()
    return row


def _write_extremes(connection: sqlite3.Connection, day: date, checkpoint: BrokerCheckpoint) -> None:
    span = _span(connection, day, checkpoint)
    *found, polls = _extremes(connection, *span, checkpoint)
    if not polls:  # without rows (older than the retention) the day keeps what it has
        return
    # Where only some are older, the day may know more than the others say.
    kept = _polls_are_gone(connection, span, checkpoint)
    changes = [
        f"{name} = " + (f"{pick}(coalesce(:{name}, {name}), coalesce({name}, :{name}))" if kept else f":{name}")
        for name, pick in EXTREME.items()
    ]
    connection.execute(
        f"UPDATE daily_stats SET {', '.join(changes)} WHERE date = :day AND equity_source = 'alpaca'",
        dict(zip(EXTREME, found, strict=True)) | {"day": day.isoformat()},
    )


REALIZED = f"""
    SELECT coalesce(sum(realized_pl), 0), total(unknown) FROM (
      SELECT realized_pl, realized_pl IS NULL AND side = 'sell' AS unknown FROM fills WHERE ts > :first AND ts <= :last
      UNION ALL SELECT realized_pl, realized_pl IS NULL FROM activities
        WHERE ts > :first AND ts <= :last AND type IN ({sql_list(OPTION_ENDS)}) AND {flows.BOOKED})"""


def attribution(connection: sqlite3.Connection, first: float, last: float, cash_flow: float, rebuilt: Closes) -> Attribution:
    """What the archive knows of the money between two moments."""
    (realized, unknown) = connection.execute(REALIZED, {"first": first, "last": last}).fetchone()
    before, after = _unrealized(connection, first, first, rebuilt), _unrealized(connection, first, last, rebuilt)
    change = after - before if before is not None and after is not None else None
    return Attribution(None if unknown else realized, change, **flows.income(connection, first, last), cash_flow=cash_flow)


def _unrealized(connection: sqlite3.Connection, first: float, at: float, rebuilt: Closes) -> float | None:
    """Unrealized profit of all positions at `at`: as polled just before a close, else as it was rebuilt.

    Answers whose positions were not fresh have none; near a close the newest that has one stands for it.
    first: where a day that goes on begins. Its end is not a close, and the newest poll of the day stands for it.
    """
    hours = calendar.open_close(calendar.new_york_date(at))
    is_close = hours is not None and hours.close == at
    row = connection.execute(
        "SELECT pl_dollar, ts FROM account_history WHERE source = 'alpaca' AND ts <= ? AND ts > ?"
        " AND (pl_dollar IS NOT NULL OR NOT ?) ORDER BY ts DESC LIMIT 1",
        (at, at - closes.NEAR_CLOSE if is_close else first, is_close),
    ).fetchone()
    profit, polled = row or (rebuilt.unrealized_at(connection, at), at)
    return None if profit is None else profit + _at_lots(connection, polled, at)


AT_LOTS = """
    SELECT total(average_pl - realized_pl) FILTER (WHERE ts > :start) - total(average_pl) FILTER (WHERE ts > :polled)
    FROM fills WHERE ts > min(:start, :polled) AND ts <= :at"""


def _at_lots(connection: sqlite3.Connection, polled: float, at: float) -> float:
    """What the broker's unrealized profit of `polled` lacks to that of the lots at `at`, US dollars.

    Until the day is over, its cost of what a sale left is an average, while sales realize first in first out. What was sold
    after the poll is not unrealized any more. Realized and unrealized profit together are then what prices did.
    """
    start = calendar.day_start(calendar.trading_day(at - 1))
    return float(connection.execute(AT_LOTS, {"polled": polled, "start": start, "at": at}).fetchone()[0])


def _flows(
    connection: sqlite3.Connection, first: float, last: float, start: float | None, checkpoint: BrokerCheckpoint
) -> Flows:
    """Flows of a span that began with `start`; the balance that an account opens with is in its first `last_equity`."""
    found = flows.between(connection, first, last)
    if start and checkpoint.created is not None:
        for flow in flows.opening(connection, checkpoint.created, start):
            if flow in found:
                found.remove(flow)
    return total(found)


def _write_attribution(connection: sqlite3.Connection, day: date, checkpoint: BrokerCheckpoint, rebuilt: Closes) -> None:
    row = connection.execute(
        "SELECT starting_equity, ending_equity, unrealized_change FROM daily_stats WHERE date = ? AND equity_source = 'alpaca'",
        (day.isoformat(),),
    ).fetchone()
    if row is None:
        return
    start, end, stored = row
    span = _span(connection, day, checkpoint)
    if start is None and checkpoint.created is not None and trading_day_of(checkpoint.created) == day:
        start = flows.opening_balance(connection, checkpoint.created)
    moved = _flows(connection, *span, start, checkpoint)
    parts = attribution(connection, *span, moved.net, rebuilt)
    if parts.unrealized_change is None and _polls_are_gone(connection, span, checkpoint):
        parts = replace(parts, unrealized_change=stored)
    connection.execute(
        "UPDATE daily_stats SET starting_equity = ?, realized_pl = ?, unrealized_change = ?, dividends = ?, fees = ?,"
        " interest = ?, cash_flow = ?, deposits = ?, withdrawals = ?, other = ?, profit = ?, return_ratio = ? WHERE date = ?",
        (
            start,
            parts.realized_pl,
            parts.unrealized_change,
            parts.dividends,
            parts.fees,
            parts.interest,
            moved.net,
            moved.deposits,
            moved.withdrawals,
            parts.other(start, end) if moved.known else None,
            returns.profit(start, end, moved),
            returns.daily_return(start, end, moved),
            day.isoformat(),
        ),
    )


def _polls_are_gone(connection: sqlite3.Connection, span: tuple[float, float], checkpoint: BrokerCheckpoint) -> bool:
    """Whether polls of the span, or of the close before it, are older than the retention: its day keeps what they said."""
    if checkpoint.watched is None or span[1] < checkpoint.watched:
        return False
    (oldest,) = connection.execute("SELECT min(ts) FROM account_history WHERE source = 'alpaca'").fetchone()
    # Of the first day, which was watched in part, nothing tells how many polls there were: it needs one.
    return oldest is None or oldest > (span[0] if checkpoint.watched <= span[0] else span[1])


def equity_days(connection: sqlite3.Connection, checkpoint: BrokerCheckpoint) -> list[DayEquity]:
    """The trading days of this account that have the broker's equity, in order."""
    rows = connection.execute(
        "SELECT date, starting_equity, ending_equity, deposits, withdrawals, profit IS NOT NULL OR starting_equity IS NULL,"
        " peak_equity FROM daily_stats WHERE equity_source = 'alpaca' AND trading_day = 1 AND date >= ? ORDER BY date",
        (accounts.first_day(connection, checkpoint),),
    )
    return [
        DayEquity(
            date.fromisoformat(day),
            start,
            end,
            Flows(deposits or 0.0, withdrawals or 0.0, bool(known)),
            peak,
            live=day == checkpoint.latest_day,
        )
        for day, start, end, deposits, withdrawals, known, peak in rows
    ]


def _days_with_live(connection: sqlite3.Connection, checkpoint: BrokerCheckpoint) -> list[DayEquity]:
    """`equity_days`; on a day without trading, also the next trading day as far as it is known."""
    days = equity_days(connection, checkpoint)
    if checkpoint.latest_day is None or not days:
        return days
    today = date.fromisoformat(checkpoint.latest_day)
    if calendar.is_trading_day(today):
        return days
    (end,) = connection.execute("SELECT ending_equity FROM daily_stats WHERE date = ?", (checkpoint.latest_day,)).fetchone()
    span = (close_of(days[-1].day), calendar.day_start(today + ONE_DAY))
    peak = _extremes(connection, *span, checkpoint)[0]
    moved = _flows(connection, *span, days[-1].end, checkpoint)
    return [*days, DayEquity(next_trading_day(today), days[-1].end, end, moved, peak, live=True, begun=False)]


def _write_chain(connection: sqlite3.Connection, checkpoint: BrokerCheckpoint) -> None:
    days = _days_with_live(connection, checkpoint)
    linked = chain(days)
    old = {
        day: (drawdown, peak)
        for day, drawdown, peak in connection.execute("SELECT date, drawdown_ratio, adjusted_peak FROM daily_stats")
    }
    for day, drawdown, peak in zip(days, linked.drawdowns, linked.peaks, strict=True):
        # A weekend's money has no row of its own yet: its distance from the peak stands in the row of today.
        name = day.day.isoformat() if day.day.isoformat() in old else checkpoint.latest_day
        if name is not None and old[name] != (drawdown, peak):
            connection.execute(
                "UPDATE daily_stats SET drawdown_ratio = ?, adjusted_peak = ? WHERE date = ?", (drawdown, peak, name)
            )


def performance(connection: sqlite3.Connection, checkpoint: BrokerCheckpoint) -> TimeWeightedReturn:
    """The chain of returns up to the newest poll."""
    return chain(_days_with_live(connection, checkpoint))


def since_last_equity(
    connection: sqlite3.Connection, account: Account | None, at: float | None, checkpoint: BrokerCheckpoint
) -> Today:
    """Flows, profit and return since the moment of `last_equity`; `at` is the time of the account answer."""
    if account is None or at is None:
        return Today()
    today = calendar.trading_day(at)
    before, last = (
        closes.balance_day(account, today) or previous_trading_day(today),
        closes.official(connection, account, today),
    )
    # A flow whose record has a date but no time counts at noon of that date, which may be later than now.
    span = close_of(before), calendar.day_start(today + ONE_DAY)
    moved = _flows(connection, *span, last, checkpoint)
    return Today(
        moved.net if moved.known else None,
        returns.profit(last, account.equity, moved),
        returns.daily_return(last, account.equity, moved),
    )
