"""SQL of figures that the boards and the API both show, so that each has one definition.

Pieces are text: `since`, `until` (unix seconds) and `step` (seconds) are SQL, parameters of the API or Grafana's variables;
`days` is a FROM clause over daily_stats. None of them may come from outside.
"""

LOG_RETURN = "LN(1 + MAX(COALESCE(return_ratio, 0), -0.999999))"
# A trading day of the broker's whose return is not known, after the account's first: nothing is chained over it.
UNKNOWN = "(trading_day AND equity_source = 'alpaca' AND return_ratio IS NULL AND adjusted_peak IS NOT NULL)"
# Chained daily returns, like money.returns.chain; NULL where none is known, and over a day whose return is not.
ADJUSTED = f"CASE WHEN COUNT(return_ratio) > 0 AND TOTAL({UNKNOWN}) = 0 THEN EXP(SUM({LOG_RETURN})) - 1 END"
# Dollars of the same days as the return; where no return is known, of the log's own days, which have a profit only.
PROFIT = "COALESCE(SUM(profit) FILTER (WHERE return_ratio IS NOT NULL), SUM(profit) FILTER (WHERE equity_source = 'log'))"

# The newest snapshot of each position that is still held, however old: what does not move gets no new one. A CTE.
NEWEST_POSITIONS = """
    known(symbol) AS (
      SELECT MIN(symbol) FROM position_snapshots
      UNION ALL SELECT (SELECT MIN(p.symbol) FROM position_snapshots AS p WHERE p.symbol > known.symbol) FROM known
      WHERE known.symbol IS NOT NULL
    ),
    newest AS MATERIALIZED (
      SELECT p.* FROM known CROSS JOIN position_snapshots AS p ON p.symbol = known.symbol AND p.ts = (
        SELECT MAX(q.ts) FROM position_snapshots AS q WHERE q.symbol = known.symbol)
      WHERE p.quantity <> 0)"""


def risk_figures(days: str) -> str:
    """Sharpe and Sortino: annual (252 trading days), riskless rate 0, from 20 days on."""
    return f"""
    WITH daily AS (SELECT return_ratio AS r {days} AND trading_day AND return_ratio IS NOT NULL),
    mean AS (SELECT AVG(r) AS m, COUNT(*) AS n FROM daily),
    spread AS (
      SELECT SQRT(SUM((r - m) * (r - m)) / (n - 1)) AS deviation, SQRT(SUM(MIN(r, 0) * MIN(r, 0)) / n) AS downside
      FROM daily, mean)
    SELECT CASE WHEN n >= 20 THEN m / NULLIF(deviation, 0) * SQRT(252) END AS "Sharpe",
      CASE WHEN n >= 20 THEN m / NULLIF(downside, 0) * SQRT(252) END AS "Sortino"
    FROM mean, spread"""


def sales(in_time: str) -> str:
    """Sales with known lots: what one order closed, in however many executions, or the end of an option.

    in_time: a condition on `ts` of these.
    """
    return f"""
      SELECT symbol, SUM(realized_pl) AS realized FROM fills WHERE {in_time}
      GROUP BY symbol, COALESCE(order_id, activity_id)
      HAVING COUNT(realized_pl) > 0 AND SUM(realized_pl IS NULL AND side = 'sell') = 0
      UNION ALL SELECT symbol, realized_pl FROM activities WHERE {in_time} AND realized_pl <> 0"""


def sale_quality(in_time: str) -> str:
    """Share of sales with a gain, gains over losses, the number of sales and their sum; in_time: a condition on `ts`."""
    return f"""
    SELECT AVG(realized > 0) AS "win rate",
      SUM(MAX(realized, 0)) / -NULLIF(SUM(MIN(realized, 0)), 0) AS "profit factor",
      NULLIF(COUNT(*), 0) AS "sales", SUM(realized) AS "realized"
    FROM ({sales(in_time)})"""


def account_points(columns: str, since: str, until: str, step: str) -> str:
    """The last account row of every `step`, found through the index: as fast for five years as for an hour.

    A point shows the broker's figure, or the bot's own where the broker gave none; columns: SQL over `a` (account_history).
    """
    return f"""
    WITH RECURSIVE step(seconds) AS (SELECT MAX(1, {step})),
    point(start) AS (
      SELECT {since}
      UNION ALL SELECT start + seconds FROM point, step WHERE start + seconds < {until}
    )
    SELECT {columns}
    FROM point CROSS JOIN step CROSS JOIN account_history AS a ON a.id = COALESCE({_last("alpaca")}, {_last("log")})"""


def _last(source: str) -> str:
    return f"""(
      SELECT id FROM account_history AS h
      WHERE h.source = '{source}' AND h.ts >= point.start AND h.ts < point.start + step.seconds ORDER BY h.ts DESC LIMIT 1)"""
