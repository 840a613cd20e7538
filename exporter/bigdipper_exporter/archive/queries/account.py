"""Account figures over time."""

import math
import sqlite3
from dataclasses import dataclass

from bigdipper_exporter.archive.bot_tables import AccountRow
from bigdipper_exporter.archive.figures import ADJUSTED, PROFIT, account_points, risk_figures
from bigdipper_exporter.archive.queries.rows import columns_of, fetch

DAYS = "FROM daily_stats WHERE date >= :first"


def newest_account(connection: sqlite3.Connection, source: str) -> AccountRow | None:
    """Return the newest account row of `alpaca` or `log`."""
    sql = f"SELECT {columns_of(AccountRow)} FROM account_history WHERE source = ? ORDER BY ts DESC LIMIT 1"
    rows = fetch(connection, AccountRow, sql, (source,))
    return rows[0] if rows else None


def account_history(connection: sqlite3.Connection, since: float, until: float, points: int) -> list[AccountRow]:
    """Return the last account row of each of at most `points` spans of [since, until), oldest first, where there is one."""
    step = max(1, math.ceil((until - since) / points))  # whole seconds: their sums are exact
    sql = account_points(columns_of(AccountRow, "a."), ":since", ":until", ":step")
    return fetch(connection, AccountRow, f"{sql} ORDER BY a.ts", {"since": since, "until": until, "step": step})


def oldest_account(connection: sqlite3.Connection) -> float | None:
    """Return the time of the oldest account row."""
    row = connection.execute(
        "SELECT MIN(ts) FROM (SELECT MIN(ts) AS ts FROM account_history WHERE source = 'alpaca'"
        " UNION ALL SELECT MIN(ts) FROM account_history WHERE source = 'log')"
    ).fetchone()
    return None if row is None or row[0] is None else float(row[0])


@dataclass(frozen=True, slots=True)
class LogTotals:
    """What the bot's log adds up to. first, last: ISO dates of days with a cycle; equity: US dollars at both ends."""

    first: str
    last: str
    days: int
    cycles: int
    orders: int
    missed: int
    equity: tuple[float, float] | None


def log_totals(connection: sqlite3.Connection) -> LogTotals | None:
    """Return what the log's lines in the archive add up to; None without a cycle."""
    first, last, days, cycles, orders, missed = connection.execute(
        "SELECT min(date), max(date), count(*), sum(cycles), sum(trades_count), sum(missed_trades)"
        " FROM daily_stats WHERE cycles > 0"
    ).fetchone()
    if not days:
        return None
    told = "SELECT equity FROM account_history WHERE source = 'log' AND equity IS NOT NULL ORDER BY ts"
    ends = [connection.execute(f"{told}{order} LIMIT 1").fetchone() for order in ("", " DESC")]
    equity = None if None in ends else (ends[0][0], ends[1][0])
    return LogTotals(first, last, days, cycles, orders, missed, equity)


@dataclass(frozen=True, slots=True)
class Performance:
    """Figures of the trading days of a span. Money in US dollars, ratios as ratios (1 % is 0.01); None: unknown.

    first, last: of the days that were found. start, end: equity. peak: highest equity so far, deposits taken out, in dollars of
    the last day. max_drawdown: the worst distance from it, at most 0.
    """

    first: str | None
    last: str | None
    days: int
    start: float | None
    end: float | None
    profit: float | None
    return_ratio: float | None
    peak: float | None
    max_drawdown: float | None
    sharpe: float | None = None
    sortino: float | None = None


def performance(connection: sqlite3.Connection, first: str) -> Performance:
    """Return the figures of the days from `first` (YYYY-MM-DD) on."""
    sql = f"""
      SELECT MIN(date) AS first, MAX(date) AS last, COUNT(*) FILTER (WHERE trading_day) AS days,
        (SELECT starting_equity {DAYS} AND starting_equity IS NOT NULL ORDER BY date LIMIT 1) AS start,
        (SELECT ending_equity {DAYS} AND ending_equity IS NOT NULL ORDER BY date DESC LIMIT 1) AS "end",
        {PROFIT} AS profit, {ADJUSTED} AS return_ratio,
        (SELECT adjusted_peak {DAYS} AND adjusted_peak IS NOT NULL ORDER BY date DESC LIMIT 1) AS peak,
        MIN(drawdown_ratio) AS max_drawdown
      {DAYS} AND (return_ratio IS NOT NULL OR ending_equity IS NOT NULL)"""
    (found,) = fetch(connection, Performance, sql, {"first": first})
    sharpe, sortino = connection.execute(risk_figures(DAYS), {"first": first}).fetchone() or (None, None)
    return Performance(
        first=found.first,
        last=found.last,
        days=found.days,
        start=found.start,
        end=found.end,
        profit=found.profit,
        return_ratio=found.return_ratio,
        peak=found.peak,
        max_drawdown=found.max_drawdown,
        sharpe=sharpe,
        sortino=sortino,
    )


@dataclass(frozen=True, slots=True)
class BesideBenchmark:
    """Returns of the account and the benchmark over the same trading days, as ratios; dividends are in both."""

    days: int
    account: float | None
    benchmark: float | None


def beside_benchmark(connection: sqlite3.Connection, first: str) -> BesideBenchmark:
    """Return both from `first` (YYYY-MM-DD) on; None where no day has both."""
    sql = """SELECT COUNT(*) AS days, EXP(SUM(LN(1 + account_return))) - 1 AS account,
        EXP(SUM(LN(1 + benchmark_return))) - 1 AS benchmark FROM benchmark_days WHERE date >= ?"""
    return fetch(connection, BesideBenchmark, sql, (first,))[0]
