"""Performance: what it earned, at which risk, and where the money came from. Deposits are not a profit."""

from typing import Any

from grafana_foundation_sdk.models import dashboard as model

from bigdipper_exporter.archive.figures import ADJUSTED, NEWEST_POSITIONS, PROFIT
from grafana import benchmark, returns, shared, theme
from grafana.board import PERFORMANCE, Section, board
from grafana.overrides import by_source, coloured, column, words
from grafana.panels import columns, grid, lines, stat
from grafana.query import SqlQuery, listed, series, table, tidy
from grafana.sql import DAYS, IN_TIME, REST, RISK_FIGURES, SALE_QUALITY, SALES, UNDER_WATER, of_log
from grafana.theme import COUNT, DOLLARS, NO_BROKER, NO_ROWS, NUMBER, RATIO, USD


def build() -> model.Dashboard:
    """The board."""
    return board(
        PERFORMANCE,
        "Performance",
        "What did it earn, at which risk, and where did the money come from? Deposits and withdrawals are taken out.",
        [
            Section([shared.header(), *_figures()]),
            Section(benchmark.compared(), "Against the benchmark"),
            Section(_curves(), "Equity and returns"),
            Section(benchmark.trades(), "Trades", folded=True),
            Section(_periods(), "By day, week and month", folded=True),
            Section(_sources(), "Sources of profit", folded=True),
        ],
        since="now-90d",
        refresh="1m",
        quiet=True,
    )


def _figures() -> list[model.Panel]:
    return [
        _profit_and_return(),
        _equity_start_and_end(),
        returns.drawdown(5, "How deep did it fall? "),
        _risk_adjusted_return(),
        _win_rate_of_sales(),
        _time_under_water(),
        _daily_returns(),
    ]


def _profit_and_return() -> model.Panel:
    return stat(
        "Profit and return",
        "What did it earn? "
        "Chosen time, New York trading days (archive: daily_stats): cash-flow adjusted return, and the sum of the "
        "days' profit in dollars without deposits, over the days that the broker knows; no return where "
        "a day's own is not known. Where the broker knows none of the chosen time, the profit is that of the bot's own "
        "equity; then deposits count as profit.",
        table(f'SELECT {ADJUSTED} AS "return", {PROFIT} AS "profit" {DAYS}'),
        unit=RATIO,
        size=(6, 5),
        none=NO_ROWS,
        names=True,
        thresholds=theme.SIGNED,
        overrides=[column("profit", theme.SIGNED_USD)],
    )


def _equity_start_and_end() -> model.Panel:
    return stat(
        "Equity, start and end",
        "From where to where? "
        "Equity at the start and the end of the chosen time, and the peak that the drawdown is measured from: the highest "
        "equity so far without deposits, in dollars of the last day (archive: daily_stats).",
        table(f"""
            SELECT (SELECT starting_equity {DAYS} AND starting_equity IS NOT NULL ORDER BY ts LIMIT 1) AS "start",
              (SELECT ending_equity {DAYS} AND ending_equity IS NOT NULL ORDER BY ts DESC LIMIT 1) AS "end",
              (SELECT adjusted_peak {DAYS} AND adjusted_peak IS NOT NULL ORDER BY ts DESC LIMIT 1) AS "peak" """),
        unit=DOLLARS,
        size=(6, 5),
        none=NO_ROWS,
        names=True,
    )


def _risk_adjusted_return() -> model.Panel:
    return stat(
        "Risk-adjusted return",
        "Was it worth the risk? "
        "Sharpe and Sortino ratio of the daily cash-flow adjusted returns in the chosen time, times the root of "
        "252, riskless rate 0. They need 20 trading days.",
        table(RISK_FIGURES),
        unit=NUMBER,
        size=(6, 5),
        none="needs 20 trading days",
        names=True,
    )


def _win_rate_of_sales() -> model.Panel:
    return stat(
        "Win rate of sales",
        "How often does a sale win? "
        "Sales in the chosen time whose lots are known, your own included, each order counted once: share of winners, "
        "and profit factor = gains / losses (broker's fills, first in first out). "
        "The bot's closed lots, each by itself, are in Trade statistics.",
        table(SALE_QUALITY),
        unit=RATIO,
        size=(8, 4),
        none=f"no sale with known lots, or {NO_BROKER}",
        names=True,
        overrides=[column("profit factor", NUMBER), column("sales", COUNT)],
    )


def _time_under_water() -> model.Panel:
    return stat(
        "Time under water",
        "How long does it take to come back? "
        "Days since the peak of the equity without deposits, however long ago, and the longest time below one that reaches "
        "into the chosen time; Calmar: annual "
        "return over the worst drawdown, from 365 days on (archive: daily_stats).",
        table(UNDER_WATER),
        unit=theme.DAYS,
        size=(8, 4),
        none="not yet",  # short: the other figures are drawn as small as this
        names=True,
        overrides=[column("Calmar", NUMBER)],
    )


def _daily_returns() -> model.Panel:
    return stat(
        "Daily returns",
        "How are its days? Share of trading days with a gain; best and worst day (cash-flow adjusted return).",
        table(f"""
            SELECT AVG(return_ratio > 0) AS "days with a gain", MAX(return_ratio) AS "best day",
              MIN(return_ratio) AS "worst day"
            {DAYS} AND trading_day AND return_ratio IS NOT NULL"""),
        unit=RATIO,
        size=(8, 4),
        none=NO_ROWS,
        names=True,
        thresholds=theme.SIGNED,
        overrides=[column("days with a gain", thresholds=theme.PLAIN)],
    )


def _curves() -> list[model.Panel]:
    return [
        lines(
            "Equity",
            "At the end of each trading day (archive: daily_stats): the broker's, or the bot's own where the broker "
            "gave none on that day. For all time choose a longer time above.",
            series(f"""
                SELECT ts AS time, ending_equity AS equity,
                  CASE equity_source WHEN 'alpaca' THEN 'broker' ELSE 'bot''s log' END AS source
                {DAYS} AND trading_day AND ending_equity IS NOT NULL ORDER BY ts"""),
            unit=DOLLARS,
            size=(24, 8),
            none=NO_ROWS,
            overrides=by_source("equity", "Equity"),
        ),
        returns.chained(),
        returns.under_water(),
    ]


def _periods() -> list[model.Panel]:
    def by(period: str, name: str, count: int, shown: str = "period") -> SqlQuery:
        return table(f"""
            SELECT {shown} AS {name}, Profit FROM (
              SELECT {period} AS period, {PROFIT} AS Profit {DAYS} GROUP BY 1 ORDER BY 1 DESC LIMIT {count}
            ) ORDER BY period""")

    no_year = "substr(period, 6)"  # Grafana cuts the label of the last column where it is longer than two columns are wide

    properties: dict[str, Any] = {"unit": theme.SIGNED_DOLLARS, "none": NO_ROWS, "thresholds": theme.SIGNED}
    return [
        returns.good_days(),
        columns(
            "Profit by day",
            "Equity at the end less at the start of the day, without deposits; the last 60 days.",
            by("date", "Day", 60, no_year),
            x="Day",
            size=(12, 8),
            **properties,
        ),
        columns(
            "Profit by week",
            "The same, weeks named by their Monday; the last 53.",
            by("date(date, 'weekday 0', '-6 days')", "Week", 53, no_year),
            x="Week",
            size=(12, 8),
            **properties,
        ),
        columns(
            "Profit by month",
            "The same by month; the last 36.",
            by("substr(date, 1, 7)", "Month", 36),
            x="Month",
            size=(12, 8),
            **properties,
        ),
        grid(
            "Months in numbers",
            "Cash-flow adjusted return, profit, orders and value deployed per month of the chosen time.",
            listed(f"""
                SELECT substr(date, 1, 7) AS Month, {ADJUSTED} AS "Return", {PROFIT} AS Profit,
                  {of_log("SUM(trades_count)")} AS Orders,
                  {of_log("TOTAL(total_deployed)")} AS Deployed
                {DAYS} GROUP BY 1 ORDER BY 1 DESC LIMIT 60"""),
            size=(12, 8),
            says="Month",
            none=NO_ROWS,
            sort=("Month", True),
            overrides=[
                coloured("Return", RATIO, thresholds=theme.SIGNED),
                coloured("Profit", theme.SIGNED_USD, thresholds=theme.SIGNED),
                column("Orders", COUNT),
                column("Deployed", DOLLARS),
            ],
        ),
    ]


def _sources() -> list[model.Panel]:
    known = f"{DAYS} AND starting_equity IS NOT NULL"
    parts_of = (
        ("realized_pl", "realized"),
        ("unrealized_change", "unrealized"),
        ("dividends", "dividends"),
        ("fees", "fees"),
        ("interest", "interest"),
        ("other", "other"),
        (REST, "rest"),
        ("cash_flow", "deposits"),
    )
    # Rounded, and with 0 added, because less than half a cent would be shown as -0.00.
    in_cents = ", ".join(f"ROUND({part}, 2) + 0.0 AS {name.capitalize()}" for part, name in parts_of if name != "rest")
    bridge = " UNION ALL ".join(
        f"SELECT {place} AS place, '{name}' AS Part, SUM({part}) AS Amount {known}"
        for place, (part, name) in enumerate(parts_of)
    )
    return [
        columns(
            "Equity change by source",
            "What moved the equity? "
            "The bridge from the first to the last equity of the chosen time: realized, unrealized, dividends, fees, "
            "interest, other, the rest of days whose parts are not all known, and the deposits less withdrawals "
            "(archive: daily_stats, from the broker's activities).",
            table(f"SELECT Part, Amount FROM ({bridge}) WHERE Amount IS NOT NULL ORDER BY place"),
            x="Part",
            unit=theme.SIGNED_DOLLARS,
            size=(24, 8),
            none=NO_BROKER,
            thresholds=theme.SIGNED,
        ),
        grid(
            "P&L attribution by day",
            "Start + realized + unrealized + dividends + fees + interest + other + deposits = end (newest 100 trading days). "
            "A day after days without a close holds their money too. Unrealized on days before the first poll: of positions "
            "rebuilt from executions and prices; where not exact, the last column says why.",
            listed(f"""
                SELECT date AS Day, starting_equity AS Start, {in_cents},
                  ending_equity AS "End",
                  CASE WHEN unrealized_change IS NULL AND trading_day THEN COALESCE((
                    SELECT GROUP_CONCAT(symbol || ': ' || problem, ', ') FROM positions_daily AS p
                    WHERE p.date = daily_stats.date AND problem IS NOT NULL), 'positions at a close') END AS "Not known"
                {DAYS} AND trading_day ORDER BY ts DESC LIMIT 100"""),
            size=(24, 9),
            says="Day",
            none=NO_ROWS,
            sort=("Day", True),
            unit=theme.SIGNED_USD,
            overrides=[
                column("Day", theme.TEXT, custom__width=100),
                *(column(name, USD) for name in ("Start", "End")),
                words("Not known"),
            ],
        ),
        _realized_p_l_by_symbol(),
        _other_account_activity(),
    ]


def _realized_p_l_by_symbol() -> model.Panel:
    return grid(  # a coin is ETH/USD in executions and ETHUSD in positions
        "Realized P&L by symbol",
        "Which symbols earned, which cost? "
        "Realized profit of the chosen time (fills, first in first out) and unrealized profit now, best first. "
        "Empty: lots incomplete or not held.",
        listed(f"""
                WITH {tidy(NEWEST_POSITIONS)},
                gained AS (
                  SELECT REPLACE(symbol, '/', '') AS symbol,
                    SUM(realized) AS realized, COUNT(*) AS sales, AVG(realized > 0) AS won
                  FROM ({tidy(SALES)}) GROUP BY 1),
                held AS (SELECT symbol, unrealized_pl AS unrealized FROM newest)
                SELECT symbol AS Symbol, realized AS Realized, unrealized AS Unrealized,
                  COALESCE(realized, 0.0) + COALESCE(unrealized, 0.0) AS Total, sales AS Sales, won AS "Win rate"
                FROM gained FULL JOIN held USING (symbol) ORDER BY Total DESC"""),
        size=(24, 10),
        says="Symbol",
        none=theme.NONE_HELD,
        sort=("Total", True),
        overrides=[
            column("Symbol", theme.TEXT, link=shared.SYMBOL_LINK),
            *(coloured(name, theme.SIGNED_USD, thresholds=theme.SIGNED) for name in ("Realized", "Unrealized", "Total")),
            column("Sales", COUNT),
            column("Win rate", RATIO),
        ],
    )


def _other_account_activity() -> model.Panel:
    return grid(
        "Other account activity",
        "What else came and went? "
        "Dividends, fees, interest, deposits, withdrawals, splits in the chosen time (archive: activities), newest 200. "
        "Status: executed where it is empty; what is pending or canceled has not moved any money.",
        listed(f"""
            SELECT ts AS time, type AS Type, sub_type AS Kind, symbol AS Symbol, net_amount AS Amount, quantity AS Shares,
              NULLIF(status, 'executed') AS Status, description AS Description
            FROM activities WHERE {IN_TIME} ORDER BY ts DESC LIMIT 200"""),
        size=(24, 8),
        says="time",
        none=theme.NONE_HELD,
        sort=("Time", True),
        overrides=[
            column("time", displayName="Time", custom__width=170),
            coloured("Amount", theme.SIGNED_USD, thresholds=theme.SIGNED),
            column("Shares", theme.QUANTITY, custom__width=110),
            column("Type", custom__width=90),
            column("Kind", custom__width=90),
            column("Status", custom__width=90),
            words("Description", custom__width=420),
        ],
    )
