"""Writes prices and corporate actions into the archive. One call of `write` is a part of the caller's transaction."""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from bigdipper_exporter import calendar
from bigdipper_exporter.archive import saved
from bigdipper_exporter.archive.price_tables import (
    CorporateActionRow,
    DailyPriceRow,
    MinuteCoverageRow,
    MinutePriceRow,
    PriceCoverageRow,
)
from bigdipper_exporter.archive.prices import figures
from bigdipper_exporter.archive.prices.figures import Figures
from bigdipper_exporter.archive.prices.view import PriceView
from bigdipper_exporter.archive.prices.wanted import STATE
from bigdipper_exporter.archive.table import table_of
from bigdipper_exporter.counters import Counters
from bigdipper_exporter.metrics import counters as m
from bigdipper_exporter.prices.models import FEED, Actions, DailyBars, MinuteBars, PriceResult, Refused, RoundOver

NONE_FOUND, REFUSED = "no prices", "refused"


class PriceRepository:
    """Market prices in the archive. `view` is the committed present; between `write` and `commit` a newer one waits."""

    def __init__(self, connection: sqlite3.Connection, benchmark: str, minute_retention: float) -> None:
        self._minute_retention = minute_retention
        (success,) = connection.execute("SELECT max(read) FROM price_coverage WHERE problem IS NULL").fetchone()
        self.view = self._next = PriceView(benchmark, success=success, problems=_problems(connection))

    def commit(self) -> None:
        """Publish the view: its transaction is durable."""
        self.view = self._next

    def rollback(self) -> None:
        """Forget what was written since the last commit: the same results come again."""
        self._next = self.view

    def write(self, connection: sqlite3.Connection, result: PriceResult | Figures, counters: Counters) -> None:
        """Write what one or more requests brought, and count them; or what follows from all of it."""
        if isinstance(result, Figures):
            figures.write(connection, result)
            # Only what a scrape shows is kept in memory.
            shown = replace(
                result, lines=[], episodes=[], outcomes=[], days=[], positions=[], lots=[], trade_figures=[], replay=None
            )
            self._next = replace(self._next, figures=shown)
            return
        _count(result, counters)
        match result.data:
            case DailyBars() as data:
                self._daily(connection, data, result.at)
            case MinuteBars() as data:
                self._minutes(connection, data, result.at)
            case Actions() as data:
                _actions(connection, data, result.at)
            case Refused() as data:
                day = calendar.new_york_date(result.at).isoformat()
                _cover(connection, [PriceCoverageRow(data.symbol, day, day, REFUSED, result.at)])
            case RoundOver() as data:
                self._over(connection, data, result.at)

    def _daily(self, connection: sqlite3.Connection, data: DailyBars, at: float) -> None:
        rows = []
        for bar in data.bars:
            day = calendar.new_york_date(bar.start)
            trades = None if bar.trades is None else round(bar.trades)
            rows.append(
                DailyPriceRow(
                    bar.symbol,
                    day.isoformat(),
                    bar.open,
                    bar.high,
                    bar.low,
                    bar.close,
                    bar.volume,
                    trades,
                    bar.vwap,
                    FEED,
                    at,
                    is_complete(day, data.end),
                )
            )
        table_of(DailyPriceRow).write(connection, _newer(connection, rows))
        last = calendar.new_york_date(data.end).isoformat()
        _cover(
            connection,
            [
                PriceCoverageRow(symbol, data.first.isoformat(), last, _problem(connection, symbol), at)
                for symbol in data.finished
            ],
        )

    def _minutes(self, connection: sqlite3.Connection, data: MinuteBars, at: float) -> None:
        spans = data.window.spans
        rows = [
            MinutePriceRow(b.symbol, b.start, b.open, b.high, b.low, b.close, b.volume, FEED, at)
            for b in data.bars
            if spans[b.symbol][0] <= b.start <= spans[b.symbol][1]
        ]
        table_of(MinutePriceRow).write(connection, rows)
        day = data.window.day.isoformat()
        covered = [MinuteCoverageRow(s, day, first, min(last, data.end), at) for s, (first, last) in spans.items()]
        table_of(MinuteCoverageRow).write(connection, covered)

    def _over(self, connection: sqlite3.Connection, data: RoundOver, at: float) -> None:
        good = data.failure is None
        self._next = replace(
            self._next,
            up=good,
            why=data.failure,
            success=at if good else self._next.success,
            problems=_problems(connection),
        )
        connection.execute("DELETE FROM prices_minute WHERE ts < ?", (at - self._minute_retention,))
        oldest = calendar.new_york_date(at - self._minute_retention).isoformat()
        connection.execute("DELETE FROM minute_coverage WHERE date < ?", (oldest,))


def _newer(connection: sqlite3.Connection, rows: list[DailyPriceRow]) -> list[DailyPriceRow]:
    """Leave out the bars of a part of a day whose complete bar the archive has: a key may have been refused newer prices."""
    partly = [row.date for row in rows if not row.complete]
    if not partly:
        return rows
    query = "SELECT symbol, date FROM prices_daily WHERE complete AND date >= ?"
    known = set(connection.execute(query, (min(partly),)).fetchall())
    return [row for row in rows if row.complete or (row.symbol, row.date) not in known]


def is_complete(day: date, end: float) -> bool:
    """Return whether the daily bar of `day` is complete when asked for up to `end` (unix seconds)."""
    return end >= calendar.session_end(day)


def _count(result: PriceResult, counters: Counters) -> None:
    for endpoint, attempt in result.attempts:
        counters.inc(m.MARKET_DATA_REQUESTS, endpoint)
        if attempt.reason is not None:
            counters.inc(m.MARKET_DATA_REQUEST_FAILURES, endpoint, attempt.reason)
    if result.rejected:
        counters.inc(m.MARKET_DATA_REJECTED_RECORDS, amount=result.rejected)


def _cover(connection: sqlite3.Connection, rows: Iterable[PriceCoverageRow]) -> None:
    """Note what was asked for; the span only grows."""
    for row in rows:
        old = connection.execute("SELECT first, last FROM price_coverage WHERE symbol = ?", (row.symbol,)).fetchone()
        if old is not None and row.problem != REFUSED:
            row.first, row.last = min(old[0], row.first), max(old[1], row.last)
        table_of(PriceCoverageRow).write(connection, [row])


def _problem(connection: sqlite3.Connection, symbol: str) -> str | None:
    found = connection.execute("SELECT 1 FROM prices_daily WHERE symbol = ? LIMIT 1", (symbol,)).fetchone()
    return None if found else NONE_FOUND


def _problems(connection: sqlite3.Connection) -> dict[str, str]:
    """Symbols without prices, and why: of a renamed one, the past is found under its new symbol."""
    problems = dict(connection.execute("SELECT symbol, problem FROM price_coverage WHERE problem IS NOT NULL").fetchall())
    renamed = connection.execute(
        "SELECT symbol, new_symbol FROM corporate_actions WHERE kind = 'name_change' AND new_symbol > '' ORDER BY ex_date"
    ).fetchall()
    return problems | {old: f"renamed to {new}" for old, new in renamed if old in problems}


def _actions(connection: sqlite3.Connection, data: Actions, at: float) -> None:
    """Replace the actions of that time: one that was withdrawn is not in the answer any more."""
    first = data.first.isoformat()
    connection.executemany(
        "DELETE FROM corporate_actions WHERE symbol = ? AND coalesce(process_date, ex_date) >= ?",
        [(symbol, first) for symbol in data.symbols],
    )
    rows = []
    for a in data.items:
        processed = a.process_date.isoformat() if a.process_date is not None else None
        rows.append(
            CorporateActionRow(
                a.id,
                a.symbol,
                a.kind,
                a.ex_date.isoformat(),
                processed,
                a.old_rate,
                a.new_rate,
                a.cash,
                a.special,
                a.new_symbol,
                FEED,
                at,
            )
        )
    table_of(CorporateActionRow).write(connection, rows)
    saved.save(connection, STATE, json.dumps({"actions_read": at}))
