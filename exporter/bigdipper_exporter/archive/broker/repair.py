"""Compute the figures of past days again, from the archive's own rows and the portfolio history that it kept."""

import sqlite3
from dataclasses import dataclass
from datetime import date

from bigdipper_exporter import calendar
from bigdipper_exporter.archive.broker import closes, daily, flows
from bigdipper_exporter.archive.broker.account_history import last_equity
from bigdipper_exporter.archive.broker.checkpoint import BrokerCheckpoint
from bigdipper_exporter.archive.broker.days import close_of
from bigdipper_exporter.archive.broker_tables import ImplausibleAnswerRow
from bigdipper_exporter.archive.table import table_of
from bigdipper_exporter.calendar import next_trading_day, previous_trading_day
from bigdipper_exporter.durations import DAY
from bigdipper_exporter.money import plausibility
from bigdipper_exporter.money.plausibility import Balances

COLUMNS = (
    "starting_equity",
    "ending_equity",
    "peak_equity",
    "trough_equity",
    "cash_flow",
    "profit",
    "return_ratio",
    "drawdown_ratio",
    "adjusted_peak",
)
SAME = 5e-7  # of the larger value: what binary fractions do to sums is no change


Odd = tuple[int, Balances, plausibility.Reason]  # id of a row of account_history, the answer, and what is odd about it


@dataclass(frozen=True, slots=True)
class Change:
    """A figure of a day before and after; None: unknown."""

    day: str
    column: str
    old: float | None
    new: float | None


def repair(connection: sqlite3.Connection, since: date) -> tuple[list[Change], int]:
    """Recompute the days from `since` on, in the caller's transaction: the changes, and how many odd answers were moved."""
    checkpoint = BrokerCheckpoint.load(connection)
    before = _figures(connection, since)
    odd = _set_odd_answers_aside(connection, calendar.day_start(since))
    days = [date.fromisoformat(day) for day in before if calendar.is_trading_day(date.fromisoformat(day))]
    for day in days:
        _write_equity(connection, day, checkpoint)
    connection.execute(
        "UPDATE daily_stats SET profit = NULL, return_ratio = NULL"
        " WHERE trading_day = 0 AND equity_source = 'alpaca' AND date >= ?",
        (since.isoformat(),),
    )
    daily.refresh(connection, days, checkpoint)
    after = _figures(connection, since)
    changes = [
        Change(day, column, old, new)
        for day, values in before.items()
        for column, old, new in zip(COLUMNS, values, after[day], strict=True)
        if not _same(old, new)
    ]
    return changes, odd


def _figures(connection: sqlite3.Connection, since: date) -> dict[str, tuple[float | None, ...]]:
    rows = connection.execute(
        f"SELECT date, {', '.join(COLUMNS)} FROM daily_stats WHERE date >= ? AND equity_source = 'alpaca' ORDER BY date",
        (since.isoformat(),),
    )
    return {day: tuple(values) for day, *values in rows}


def _same(old: float | None, new: float | None) -> bool:
    if old is None or new is None:
        return old is new
    return abs(old - new) <= SAME * max(abs(old), abs(new), 1.0)


def _set_odd_answers_aside(connection: sqlite3.Connection, first: float) -> int:
    """Take answers that cannot have been right out of account_history; returns their number."""
    rows = connection.execute(
        "SELECT id, ts, equity, cash, long_market_value, short_market_value, last_equity FROM account_history"
        " WHERE source = 'alpaca' AND ts >= ? AND equity IS NOT NULL ORDER BY ts",
        (first,),
    ).fetchall()
    believed: Balances | None = None
    doubted: list[Odd] = []
    jumped: list[Odd] = []  # accepted, but perhaps taken back within LONGEST_DOUBT
    trusted: Balances | None = None  # the answer before them
    removed = 0
    for row_id, *values in rows:
        now = Balances(*values)
        known = [] if believed is None else flows.between(connection, believed.at - DAY, now.at + DAY)
        reason = plausibility.judge(now, believed, [f.amount for f in known if f.amount is not None])
        if trusted is not None:
            size = jumped[-1][1].equity - trusted.equity
            if now.at - jumped[0][1].at >= plausibility.LONGEST_DOUBT:
                jumped, trusted = [], None
            elif plausibility.is_near(trusted, now, size, 0.0):
                removed += _move(connection, [*jumped, *doubted])
                jumped, doubted, trusted, reason = [], [], None, None
        if reason is None:
            removed += _move(connection, doubted)
            believed, doubted = now, []
            jumped += [] if trusted is None else [(row_id, now, "jump")]
            continue
        if doubted and (doubted[-1][2] != reason or plausibility.is_jump(doubted[-1][1], now, ())):
            removed += _move(connection, doubted)
            doubted = []
        doubted.append((row_id, now, reason))
        lasts = now.at - doubted[0][1].at >= plausibility.LONGEST_DOUBT
        if len(doubted) >= plausibility.CONFIRMATIONS and (reason == "jump" or lasts):
            is_flow = _notice(connection, believed, doubted[0][1])
            if reason == "jump" and not is_flow:
                trusted, jumped = trusted or believed, [*jumped, *doubted]
            believed, doubted = now, []
    return removed + _move(connection, doubted)


def _notice(connection: sqlite3.Connection, before: Balances | None, now: Balances) -> bool:
    """A change of cash that stayed, and that no record explains, was a flow; positions are taken as they were.

    Returns whether it was one.
    """
    if before is None:
        return False
    values = [(b.long or 0.0) + (b.short or 0.0) for b in (before, now)]
    moved_by_prices = abs(values[1] - values[0]) > plausibility.movement(before, now)
    flow = 0.0 if moved_by_prices else plausibility.unexplained_flow(before, now, 0.0)
    if flow and abs(flow - flows.net(connection, before.at, now.at)) > plausibility.noise(before.equity):
        flows.notice(connection, now.at, flow)
    return bool(flow)


def _move(connection: sqlite3.Connection, doubted: list[Odd]) -> int:
    for row_id, b, reason in doubted:
        row = ImplausibleAnswerRow(b.at, "account", reason, b.equity, b.cash, b.long, b.short, b.last_equity)
        table_of(ImplausibleAnswerRow).write(connection, [row])
        connection.execute("DELETE FROM account_history WHERE id = ?", (row_id,))
    return len(doubted)


def _write_equity(connection: sqlite3.Connection, day: date, checkpoint: BrokerCheckpoint) -> None:
    """Start and end of a trading day: the broker's official closes, else portfolio history, else the last poll."""
    start, end = _close(connection, previous_trading_day(day)), _close(connection, day)
    if checkpoint.latest_day is not None and day.isoformat() >= checkpoint.latest_day:
        end = None  # it goes on
    connection.execute(
        "UPDATE daily_stats SET starting_equity = coalesce(?, starting_equity), ending_equity = coalesce(?, ending_equity)"
        " WHERE date = ?",
        (start, end, day.isoformat()),
    )


def _close(connection: sqlite3.Connection, day: date) -> float | None:
    hours = calendar.open_close(next_trading_day(day))
    assert hours is not None
    # During the next session `last_equity` is this day's close; before it may still be an older one.
    official = connection.execute(
        "SELECT last_equity FROM account_history WHERE source = 'alpaca' AND ts > ? AND ts <= ? AND last_equity > 0"
        " ORDER BY ts DESC LIMIT 1",
        hours,
    ).fetchone()
    if official is not None:
        return closes.without_late(connection, day, official[0])
    row = connection.execute("SELECT equity FROM portfolio_history WHERE date = ?", (day.isoformat(),)).fetchone()
    if row is not None:
        return float(row[0])
    return last_equity(connection, close_of(previous_trading_day(day)), close_of(day))
