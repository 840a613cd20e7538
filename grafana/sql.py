"""Pieces of SQL that several boards share. `$__from`, `$__to` (ms) and `$__interval_ms` are Grafana's."""

from bigdipper_exporter.archive import figures
from bigdipper_exporter.archive.figures import ADJUSTED
from grafana.theme import steps

IN_TIME = "ts >= $__from / 1000 AND ts < $__to / 1000"
DAYS_IN_TIME = "ts >= $__from / 1000 - 86400 AND ts < $__to / 1000"
DAYS = f"FROM daily_stats WHERE {DAYS_IN_TIME}"
# A bar is an hour, or a day where hours would be too many to draw. Days begin at 08:00 UTC, in New York at 04:00 or 03:00: no
# trading day is cut in two.
BAR = "CASE WHEN $__to - $__from > 32 * 86400000 THEN 86400 ELSE 3600 END"
SYMBOL = "symbol IN (${symbol:sqlstring})"
# Of an account that is watched by its keys alone, what a log counts is not 0 but not known.
HAS_LOG = "(EXISTS (SELECT 1 FROM checkpoints) OR EXISTS (SELECT 1 FROM scans))"


# What was ordered, by the log, which names buys alone; where no log is read, all that the broker was asked for. Of an order
# without a limit price is the price that it got.
ORDERED = f"""
    SELECT ts, date, symbol, 'buy' AS side, total_value AS value, quantity, price, cycle_number, order_id FROM trades
    UNION ALL
    SELECT submitted, date, symbol, side, COALESCE(notional, quantity * COALESCE(limit_price, filled_avg_price)), quantity,
      COALESCE(limit_price, filled_avg_price), NULL, order_id
    FROM orders WHERE NOT {HAS_LOG}"""


def of_log(column: str) -> str:
    """Return a figure that is counted from the log; NULL where no log is read."""
    return f"CASE WHEN {HAS_LOG} THEN {column} END"


def by_hour(rows: str) -> str:
    """Return how many there are in each hour by name; of more than a month, in each day. `rows` selects ts, name and a number.

    Bars are as wide as the time between two of them, so there is a 0 in the hours beside those with something.
    """
    return f"""
      WITH width(bar) AS (SELECT {BAR}),
      counted AS (
        SELECT CAST((ts - 28800) / bar AS INTEGER) * bar + 28800 AS time, name, SUM(number) AS number
        FROM width CROSS JOIN ({rows}) GROUP BY 1, 2),
      beside AS (
        SELECT time - bar AS time, name FROM counted, width UNION SELECT time + bar, name FROM counted, width
        EXCEPT SELECT time, name FROM counted)
      SELECT * FROM counted UNION ALL SELECT time, name, 0 FROM beside ORDER BY time"""


def _first_and_last(name: str, table: str) -> str:
    """Return a `WITH` part: times and days of the first and the last row of `table` in the chosen time."""
    return f"""
    {name} AS MATERIALIZED (
      SELECT a.ts AS since, a.date AS first, z.ts AS until, z.date AS last
      FROM (SELECT ts, date FROM {table} WHERE {IN_TIME} ORDER BY ts LIMIT 1) AS a,
        (SELECT ts, date FROM {table} WHERE {IN_TIME} ORDER BY ts DESC LIMIT 1) AS z),"""


# Dips that qualified: whole days from their sums, the first and the last day of the chosen time from the dips themselves, by
# their index of time (`+date`: not by one that SQLite makes for it). For `WITH`.
_EDGE = f"""{_first_and_last("edge", "opportunities")}
    at_edges AS (
      SELECT o.* FROM edge CROSS JOIN opportunities AS o ON o.ts BETWEEN since AND MIN(since + 100000, until)
      WHERE +o.date = first
      UNION ALL
      SELECT o.* FROM edge CROSS JOIN opportunities AS o ON o.ts BETWEEN MAX(until - 100000, since) AND until
      WHERE +o.date = last AND last <> first)"""
DIPS = f"""{_EDGE},
    dips AS (
      SELECT symbol, date, outcome, dips, score, dip_percent, ts FROM edge CROSS JOIN dip_outcome_days
      WHERE date > first AND date < last AND {SYMBOL}
      UNION ALL
      SELECT symbol, date, outcome, COUNT(*), MAX(score), dip_percent, ts FROM at_edges WHERE {SYMBOL} GROUP BY 1, 2, 3)"""
DIP_DEPTHS = f"""{_EDGE},
    depths AS (
      SELECT depth, SUM(dips) AS dips, SUM(CASE outcome WHEN 'submitted' THEN dips ELSE 0 END) AS bought
      FROM edge CROSS JOIN dip_days WHERE date > first AND date < last AND depth <= 0 AND {SYMBOL} GROUP BY depth
      UNION ALL
      SELECT CAST(dip_percent AS INT), COUNT(*), SUM(outcome = 'submitted')
      FROM at_edges WHERE dip_percent IS NOT NULL AND {SYMBOL} GROUP BY 1)"""

# Scans and what they found, in the same way.
SCANS = f"""{_first_and_last("scan_edge", "scans")}
    scanned AS (
      SELECT scans, found FROM scan_edge CROSS JOIN scan_days WHERE date > first AND date < last
      UNION ALL
      SELECT COUNT(*), SUM(found) FROM scan_edge CROSS JOIN scans AS s ON s.ts BETWEEN since AND MIN(since + 100000, until)
      WHERE +s.date = first
      UNION ALL
      SELECT COUNT(*), SUM(found) FROM scan_edge CROSS JOIN scans AS s ON s.ts BETWEEN MAX(until - 100000, since) AND until
      WHERE +s.date = last AND last <> first)"""


# The closes of the account's history (portfolio history, for days on which the exporter was not there).
EARLIER_CLOSES = f"""
    SELECT ts, ending_equity, 'broker' FROM daily_stats
    WHERE equity_source = 'alpaca' AND ending_equity IS NOT NULL AND {IN_TIME}
      AND ts < (SELECT ts FROM account_history ORDER BY ts LIMIT 1)"""


def account(*columns: str, earlier: str = "") -> str:
    """The last account row of every point of the graph, found through the index: as fast for five years as for an hour.

    A point shows the broker's figure, or the bot's own where the broker gave none; `source` keeps the two in separate lines.
    columns: SQL over `a` (account_history) with their names, e.g. `a.equity AS equity`. earlier: a statement for the time
    before account_history begins: time, columns, source.
    """
    source = "CASE a.source WHEN 'alpaca' THEN 'broker' ELSE 'bot''s log' END AS source"
    points = figures.account_points(
        f"a.ts AS time, {', '.join(columns)},\n      {source}", "$__from / 1000", "$__to / 1000", "$__interval_ms / 1000"
    )
    return f"{points}{earlier and '    UNION ALL'}{earlier}\n    ORDER BY time"


def snapshots(value: str) -> str:
    """The last snapshot of each chosen position at every point of the graph, and the closes of rebuilt days.

    Through the primary key like `account`.

    The cast takes the column its declared type: with one, the plugin calls an answer without rows an error.
    """
    return f"""
    WITH RECURSIVE known(symbol) AS (
      SELECT MIN(symbol) FROM position_snapshots
      UNION ALL SELECT (SELECT MIN(p.symbol) FROM position_snapshots AS p WHERE p.symbol > known.symbol) FROM known
      WHERE known.symbol IS NOT NULL
    ),
    step(seconds) AS (SELECT MAX(900, $__interval_ms / 1000)),
    point(start) AS (
      SELECT $__from / 1000
      UNION ALL SELECT start + seconds FROM point, step WHERE start + seconds < $__to / 1000
    )
    SELECT CAST(point.start AS INTEGER) AS time, CAST(p.symbol AS TEXT) AS symbol, p.{value} AS value
    FROM point CROSS JOIN step CROSS JOIN known CROSS JOIN position_snapshots AS p
      ON p.symbol = known.symbol AND p.ts = (
        SELECT q.ts FROM position_snapshots AS q
        WHERE q.symbol = known.symbol AND q.ts >= point.start AND q.ts < point.start + step.seconds ORDER BY q.ts DESC LIMIT 1)
    WHERE known.{SYMBOL}
    UNION ALL SELECT CAST(ts AS INTEGER), symbol, {value} FROM positions_daily
    WHERE rebuilt AND {value} IS NOT NULL AND ts >= $__from / 1000 AND ts < $__to / 1000 AND {SYMBOL}
    ORDER BY time"""


# Daily figures. Profit of a day: what the equity gained without what was paid in or out (computed by the exporter).
GAIN = "profit"
# What a day gained beyond its known parts, where not all are known (no snapshot of the positions from its ends).
REST = (
    f"CASE WHEN unrealized_change IS NULL THEN {GAIN} - COALESCE(realized_pl, 0) - COALESCE(dividends, 0)"
    " - COALESCE(fees, 0) - COALESCE(interest, 0) - COALESCE(other, 0) END"
)

RISK_FIGURES = figures.risk_figures(DAYS)
# Days since the peak, the longest time below one, and Calmar: annual return over the worst drawdown, from a year on. A time
# below a peak is counted from the peak on, also where that is before the chosen time.
UNDER_WATER = f"""
    WITH days AS (
      SELECT ts, drawdown_ratio, SUM(drawdown_ratio >= 0) OVER (ORDER BY ts) AS peak
      FROM daily_stats WHERE ts < $__to / 1000 AND trading_day AND drawdown_ratio IS NOT NULL),
    spells AS (
      SELECT peak, (MAX(ts) - MIN(ts)) / 86400 AS length FROM days GROUP BY peak HAVING MAX(ts) >= $__from / 1000 - 86400),
    whole AS (
      SELECT (MAX(ts) - MIN(ts)) / 86400 AS length, MIN(drawdown_ratio) AS worst, {ADJUSTED} AS gained
      {DAYS} AND trading_day AND drawdown_ratio IS NOT NULL)
    SELECT (SELECT length FROM spells ORDER BY peak DESC LIMIT 1) AS "now", (SELECT MAX(length) FROM spells) AS "longest",
      CASE WHEN length >= 365 AND gained > -1 THEN (POWER(1 + gained, 365.25 / length) - 1) / -NULLIF(worst, 0) END AS "Calmar"
    FROM whole"""

SALES = figures.sales(IN_TIME)
SALE_QUALITY = f'SELECT "win rate", "profit factor", "sales" FROM ({figures.sale_quality(IN_TIME)})'

# A week is a column (its Monday), a weekday a row.
CALENDAR = f"""
    SELECT CAST(unixepoch(date, 'weekday 0', '-6 days') AS INTEGER) AS time,
      CASE strftime('%w', date) WHEN '1' THEN '1 Mon' WHEN '2' THEN '2 Tue' WHEN '3' THEN '3 Wed' WHEN '4' THEN '4 Thu'
        WHEN '5' THEN '5 Fri' END AS day, return_ratio AS "return"
    {DAYS} AND return_ratio IS NOT NULL AND strftime('%w', date) BETWEEN '1' AND '5'
    ORDER BY time, day"""
CALENDAR_STEPS = steps(
    "dark-orange", (-0.01, "orange"), (-0.003, "light-orange"), (0, "light-blue"), (0.003, "blue"), (0.01, "dark-blue")
)
