"""Rows from which the past of metrics is made: account, cycles, positions and prices over time, and every step of a counter."""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bigdipper_exporter.archive.queries.rows import fetch
from bigdipper_exporter.archive.table import Table


@dataclass(frozen=True, slots=True)
class AccountMoment:
    """What an account line of the log, or an account answer of the broker, says. US dollars and ratios; ts: unix seconds."""

    ts: float
    date: str
    equity: float | None
    cash: float | None
    margin_ratio: float | None
    leverage_ratio: float | None
    margin_debt: float | None
    pl_dollar: float | None
    pl_percent: float | None
    market_status: str | None
    cycle_number: int | None
    last_equity: float | None
    buying_power: float | None
    long_market_value: float | None
    short_market_value: float | None
    initial_margin: float | None
    maintenance_margin: float | None


# The last row of each span of :step seconds: with one line a minute a year has half a million.
_MOMENTS = """
  SELECT {columns} FROM account_history WHERE id IN (
    SELECT id FROM (SELECT id, max(ts) FROM account_history WHERE source = :source AND ts >= :since AND ts < :until
                    GROUP BY CAST(ts / :step AS INTEGER)))
  ORDER BY ts"""


def account_moments(
    connection: sqlite3.Connection, source: str, since: float, until: float, step: float
) -> list[AccountMoment]:
    """Return the last row of `source` (log or alpaca) in each span of `step` seconds of [since, until), oldest first."""
    columns = ", ".join(AccountMoment.__dataclass_fields__)
    values = {"source": source, "since": since, "until": until, "step": step}
    return fetch(connection, AccountMoment, _MOMENTS.format(columns=columns), values)


@dataclass(frozen=True, slots=True)
class DayMoment:
    """Figures of a trading day at its end, US dollars and ratios; None: unknown."""

    date: str
    equity_source: str | None
    ending_equity: float | None
    drawdown_ratio: float | None
    adjusted_peak: float | None
    cycles: int


def day_moments(connection: sqlite3.Connection) -> list[DayMoment]:
    """Return every trading day that the archive knows, oldest first."""
    sql = f"SELECT {', '.join(DayMoment.__dataclass_fields__)} FROM daily_stats ORDER BY date"
    return fetch(connection, DayMoment, sql)


@dataclass(frozen=True, slots=True)
class BrakeSpan:
    """An episode of the brake. end: None while it is open."""

    started: float
    ended: float | None
    last_seen: float
    cycles: int
    duration_seconds: float | None
    missed_opportunities: int


def brake_spans(connection: sqlite3.Connection) -> list[BrakeSpan]:
    """Return every episode, oldest first."""
    return fetch(
        connection, BrakeSpan, f"SELECT {', '.join(BrakeSpan.__dataclass_fields__)} FROM brake_events ORDER BY started"
    )


def cycle_counts(connection: sqlite3.Connection, step: float) -> list[tuple[float, int]]:
    """Return (end, cycles) of each span of `step` seconds in which cycles left an account line, oldest first."""
    sql = """SELECT max(ts), count(*) FROM account_history WHERE source = 'log' AND cycle_number IS NOT NULL
      GROUP BY CAST(ts / :step AS INTEGER) ORDER BY 1"""
    return connection.execute(sql, {"step": step}).fetchall()


@dataclass(frozen=True, slots=True)
class PositionMoment:
    """A position at `ts`; NULL figures are unknown."""

    symbol: str
    ts: float
    quantity: float | None
    market_value: float | None
    cost_basis: float | None
    unrealized_pl: float | None


_POSITIONS = """
  SELECT symbol, ts, quantity, market_value, cost_basis, unrealized_pl FROM (
    SELECT symbol, max(ts) AS ts, quantity, market_value, cost_basis, unrealized_pl FROM position_snapshots
    WHERE ts >= :since AND ts < :until GROUP BY symbol, CAST(ts / :step AS INTEGER)
    UNION ALL
    SELECT symbol, ts, quantity, market_value, cost_basis, unrealized_pl FROM positions_daily
    WHERE rebuilt = 1 AND ts >= :since AND ts < :until)
  WHERE quantity <> 0 ORDER BY symbol, ts"""


def position_moments(connection: sqlite3.Connection, since: float, until: float, step: float) -> list[PositionMoment]:
    """Return the last snapshot in each span of `step` seconds, and the closes of days that were rebuilt."""
    return fetch(connection, PositionMoment, _POSITIONS, {"since": since, "until": until, "step": step})


@dataclass(frozen=True, slots=True)
class PriceMoment:
    """Close of a session and the line at which the bot would have bought."""

    symbol: str
    date: str
    close: float
    line: float | None


def price_moments(connection: sqlite3.Connection, first: str) -> list[PriceMoment]:
    """Return the closes of complete sessions from `first` (ISO date) on, by symbol, oldest first."""
    sql = """SELECT p.symbol, p.date, p.close, d.line FROM prices_daily p LEFT JOIN dip_lines d USING (symbol, date)
      WHERE p.complete AND p.date >= ? ORDER BY p.symbol, p.date"""
    return fetch(connection, PriceMoment, sql, (first,))


@dataclass(frozen=True, slots=True)
class Step:
    """A counter with these label values grew by `amount` at `ts`."""

    labels: tuple[str, ...]
    ts: float
    amount: float


_SKIPPED = "SELECT hour + 3600 AS ts, count, symbol, reason FROM skip_counts UNION ALL SELECT ts, 1, symbol, reason FROM skips"
# As the counters count: an order that the broker does not know any more has no end, and keys alone show the bot's orders.
_ENDED = "ended IS NOT NULL AND status <> 'unknown'"
# Counter -> statement: when, by how much, label values in the order of the declaration.
STEPS = {
    "bigdipper_bot_starts_total": "SELECT ts, 1 FROM bot_events WHERE kind = 'start'",
    "bigdipper_trades_total": "SELECT ts, 1, symbol FROM trades",
    "bigdipper_trade_value_usd_total": "SELECT ts, total_value, symbol FROM trades",
    "bigdipper_opportunities_total": "SELECT ts, 1, symbol FROM opportunities",
    "bigdipper_skips_total": _SKIPPED,
    "bigdipper_missed_trades_total": """SELECT ts, 1, reason FROM skips
      UNION ALL SELECT last_seen, missed_opportunities, 'missed_brake' FROM brake_events WHERE missed_opportunities > 0""",
    "bigdipper_brake_episodes_total": "SELECT started, 1 FROM brake_events",
    "bigdipper_halts_total": "SELECT ts, 1, cause FROM bot_events WHERE kind = 'halt'",
    "bigdipper_bot_errors_total": """SELECT ts, 1, cause FROM bot_events WHERE kind = 'error'
      UNION ALL SELECT ts, 1, 'order' FROM skips WHERE reason = 'order_failed'""",
    "bigdipper_orders_total": f"SELECT ended, 1, status FROM orders WHERE {_ENDED}",
    "bigdipper_bot_orders_total": f"SELECT ended, 1, status FROM order_results WHERE {_ENDED} AND of_bot",
    "bigdipper_fills_total": "SELECT ts, 1, symbol, side FROM fills",
    "bigdipper_fill_value_usd_total": "SELECT ts, value, symbol, side FROM fills WHERE value IS NOT NULL",
}


def rows_as_steps(table: Table[Any], labels: Iterable[str], amount: str | None) -> str:
    """Return the statement for a counter that grows with each row of `table`: by the column `amount`, or by 1."""
    return f"SELECT {', '.join((table.time, amount or '1', *labels))} FROM {table.name}"


def steps_of(connection: sqlite3.Connection, statement: str) -> list[Step]:
    """Return the steps that a statement like those of STEPS finds, by label values, oldest first."""
    steps = [Step(tuple(labels), ts, amount) for ts, amount, *labels in connection.execute(statement)]
    return sorted(steps, key=lambda step: (step.labels, step.ts))


def counter_values(connection: sqlite3.Connection, counter: str) -> dict[tuple[str, ...], float]:
    """Return the newest value of each series of a counter, by its label values."""
    rows = connection.execute("SELECT labels, value FROM counters WHERE name = ?", (counter,))
    return {tuple(json.loads(labels)): value for labels, value in rows}
