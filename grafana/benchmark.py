"""Panels of the account beside its benchmark, and of its trades."""

from grafana_foundation_sdk.models import dashboard as model

from grafana import shared, theme
from grafana.overrides import answer, coloured, column
from grafana.panels import columns, grid, lines, stat
from grafana.query import Query, listed, now, selector, series, table
from grafana.theme import COUNT, DOLLARS, NO_PRICES, NUMBER, RATIO, TEXT

IN_DAYS = "FROM benchmark_days WHERE ts >= $__from / 1000 - 86400 AND ts < $__to / 1000"
# Both indices from the close before the chosen time, or from the first close that both have.
FROM_BASE = f"""
    FROM (SELECT ts, account_index / COALESCE(a, 100.0) AS account, benchmark_index / COALESCE(b, 100.0) AS benchmark
      FROM (SELECT * {IN_DAYS}) LEFT JOIN (
        SELECT account_index AS a, benchmark_index AS b FROM benchmark_days WHERE ts < $__from / 1000 - 86400
        ORDER BY ts DESC LIMIT 1))"""
LEAST = "needs 60 common trading days"


def compared() -> list[model.Panel]:
    """The account against the benchmark."""
    return [
        stat(
            "Same deposits in the benchmark",
            "Am I ahead of SPY, and by how many dollars? "
            "Equity at the last common close less what the same deposits and withdrawals on the same days would be worth in "
            "the benchmark, dividends reinvested: above 0 the account is ahead. Since the first day that both have "
            "(bigdipper_benchmark_difference_usd).",
            now(selector("benchmark_difference_usd"), "ahead (+) or behind (-)"),
            now(selector("benchmark_twin_usd"), "worth in the benchmark"),
            unit=theme.SIGNED_DOLLARS,
            size=(8, 6),
            none=NO_PRICES,
            names=True,
            thresholds=theme.SIGNED,
            overrides=[answer("B", DOLLARS, thresholds=theme.PLAIN)],
        ),
        stat(
            "Return vs. benchmark",
            "Did it return more? "
            "Time-weighted return of the account and total return of the benchmark over the same trading days of the chosen "
            "time, their difference, and the number of days; today is left out. A day without a figure of one of the two is "
            "left out of both (archive: benchmark_days).",
            table(f"""
                SELECT account - 1 AS "account", benchmark - 1 AS "benchmark", account - benchmark AS "difference", days
                FROM (SELECT account, benchmark, COUNT(*) OVER () AS days {FROM_BASE} ORDER BY ts DESC LIMIT 1)"""),
            unit=RATIO,
            size=(16, 6),
            none=NO_PRICES,
            names=True,
            thresholds=theme.SIGNED,
            overrides=[column("days", COUNT, thresholds=theme.PLAIN)],
        ),
        _of_days(
            "Market risk",
            "How much of it is the market? "
            "Beta and correlation of the daily returns with the benchmark's, and what is left beyond beta (alpha, a year, "
            "arithmetic), riskless rate 0. More return with a beta of 1.3 is no skill.",
            (("beta", "beta", NUMBER), ("correlation", "correlation", NUMBER), ("alpha_ratio", "alpha a year", RATIO)),
        ),
        _of_days(
            "Distance to the benchmark",
            "How far does it stray? "
            "Tracking error: annual deviation of the difference of daily returns; information ratio: its annual mean "
            "over that.",
            (
                ("tracking_error_ratio", "tracking error", RATIO),
                ("information_ratio", "information ratio", NUMBER),
            ),
        ),
        _of_days(
            "Capture",
            "What does it make of good and bad days? "
            "Mean return of the account over that of the benchmark, on days on which the benchmark rose, and on those on which "
            "it fell: below 100 % of its losses is good.",
            (("up_capture_ratio", "up days", RATIO), ("down_capture_ratio", "down days", RATIO)),
        ),
        lines(
            "Account and benchmark",
            "Both from 100 at the close before the chosen time, over the same trading days: the account without "
            "deposits, the benchmark with dividends (archive: benchmark_days).",
            series(f"""
                SELECT ts AS time, 100.0 * account AS "account", 100.0 * benchmark AS "benchmark" {FROM_BASE} ORDER BY ts"""),
            unit=NUMBER,
            size=(12, 9),
            none=NO_PRICES,
            overrides=[column("account", colour=theme.PROFIT), column("benchmark", colour=theme.BOT)],
        ),
        lines(
            "Account and the same deposits in the benchmark",
            "Equity at the close, and what the same deposits would be worth in the benchmark (archive: benchmark_days).",
            series(f'SELECT ts AS time, account AS "account", twin AS "benchmark" {IN_DAYS} ORDER BY ts'),
            unit=DOLLARS,
            size=(12, 9),
            none=NO_PRICES,
            overrides=[column("account", colour=theme.PROFIT), column("benchmark", colour=theme.BOT)],
        ),
    ]


def _of_days(title: str, description: str, parts: tuple[tuple[str, str, theme.Unit], ...]) -> model.Panel:
    """Figures that need many days."""
    targets: list[Query] = [now(selector(f"benchmark_{name}"), legend) for name, legend, _ in parts]
    return stat(
        title,
        f"{description} Over all common days, from 60 on (bigdipper_benchmark_*).",
        *targets,
        unit=NUMBER,
        size=(8, 5),
        none=LEAST,
        names=True,
        overrides=[answer(letter, unit) for letter, (_, _, unit) in zip("ABC", parts, strict=False)],
    )


def trades() -> list[model.Panel]:
    """Statistics of lots."""
    figures = "FROM trade_figures WHERE grouping"
    return [
        stat(
            "Trade statistics",
            "What does a trade bring? "
            "All closed lots that the bot bought (first in first out): their number, share of winners, mean profit "
            "(expectancy), "
            "gains over losses (profit factor), SQN of the returns per lot (from 30 lots on; archive: trade_figures).",
            table(f"""
                SELECT lots AS "closed lots", win_rate AS "win rate", expectancy AS "expectancy",
                  profit_factor AS "profit factor", quality AS "SQN" {figures} = 'all'"""),
            unit=NUMBER,
            size=(16, 6),
            none=theme.NONE_HELD,
            names=True,
            overrides=[
                column("closed lots", COUNT),
                column("win rate", RATIO),
                column("expectancy", theme.SIGNED_USD, thresholds=theme.SIGNED),
            ],
        ),
        stat(
            "Open lots",
            "What do the closed lots leave out? "
            "Open lots that the bot bought, and their profit at the newest daily price: a bot that rarely sells has mostly "
            "winners among its closed lots "
            "(archive: trade_figures).",
            table(f"""SELECT open_lots AS "open lots", open_profit AS "profit" {figures} = 'all'"""),
            unit=COUNT,
            size=(8, 6),
            none=theme.NONE_HELD,
            names=True,
            overrides=[column("profit", theme.SIGNED_USD, thresholds=theme.SIGNED)],
        ),
        grid(
            "Trades by symbol",
            "Which symbols are worth trading? "
            "Closed lots that the bot bought, by symbol, from 5 lots on; holding times in sessions; lowest and "
            "highest: mean of the worst and best "
            "price held, to the entry; open lots and their profit at the newest daily price beside them (archive: "
            "trade_figures).",
            listed(f"""
                SELECT name AS Symbol, lots AS Closed, win_rate AS "Win rate", expectancy AS Expectancy,
                  profit_factor AS "Profit factor", winner_sessions AS "Winners held", loser_sessions AS "Losers held",
                  worst_ratio AS Lowest, best_ratio AS Highest, open_lots AS "Open",
                  CASE WHEN open_lots > 0 THEN open_profit END AS "Open P/L"
                {figures} = 'symbol' ORDER BY lots DESC"""),
            size=(24, 10),
            says="Symbol",
            none=theme.NONE_HELD,
            sort=("Closed", True),
            overrides=[
                column("Symbol", TEXT, link=shared.SYMBOL_LINK, custom__width=100),
                *(column(name, COUNT) for name in ("Closed", "Open")),
                *(column(name, RATIO) for name in ("Win rate", "Lowest", "Highest")),
                *(column(name, NUMBER) for name in ("Profit factor",)),
                *(column(name, theme.SESSIONS) for name in ("Winners held", "Losers held")),
                *(coloured(name, theme.SIGNED_USD, thresholds=theme.SIGNED) for name in ("Expectancy", "Open P/L")),
            ],
        ),
        *(
            columns(
                f"Expectancy by {word}",
                f"Mean profit of the closed lots by the {word} of their purchase (New York), from 5 lots on (archive: "
                f"trade_figures).",
                table(f"SELECT {name} AS Bought, expectancy AS Expectancy {figures} = '{word}' ORDER BY name"),
                x="Bought",
                unit=theme.SIGNED_USD,
                size=(12, 8),
                none=theme.NONE_HELD,
                thresholds=theme.SIGNED,
            )
            for word, name in (("hour", "name"), ("weekday", "substr(name, 3)"))
        ),
    ]
