"""Share: percent only, no amounts, no variables (a public dashboard has none) and no links to boards with amounts."""

from grafana_foundation_sdk.models import dashboard as model

from bigdipper_exporter.archive.figures import ADJUSTED, NEWEST_POSITIONS
from grafana import returns, theme
from grafana.board import SHARE, Section, board
from grafana.overrides import column
from grafana.panels import columns, pie, stat
from grafana.query import fixed_archive, newest_last, table, tidy
from grafana.sql import DAYS, RISK_FIGURES, SALE_QUALITY
from grafana.symbols import SECTORS, named
from grafana.theme import COUNT, NO_ROWS, NUMBER, RATIO, SECONDS


def build() -> model.Dashboard:
    """The board."""
    made = board(
        SHARE,
        "Share",
        "How does the strategy do, in percent? No amounts are shown. The archive behind it still holds them: share a "
        "picture or a public dashboard, not a login.",
        [Section([*_figures(), *_curves()])],
        since="now-90d",
        refresh="1m",
        shared=True,
    )
    fixed_archive(made)
    return made


def _figures() -> list[model.Panel]:
    return [
        _age_of_the_data(),
        _return(),
        returns.drawdown(4),
        _sharpe_and_sortino(),
        _wins(),
        _leverage(),
    ]


def _age_of_the_data() -> model.Panel:
    return stat(
        "Age of the data",
        "How old is this? Time since the newest account figures in the archive.",
        table("SELECT unixepoch() - MAX(ts) AS age FROM account_history WHERE source IN ('log', 'alpaca')"),
        unit=SECONDS,
        size=(4, 4),
        none=NO_ROWS,
    )


def _return() -> model.Panel:
    return stat(
        "Return",
        "Cash-flow adjusted return of the chosen time, and of the newest day.",
        table(f"""
            SELECT {ADJUSTED} AS "chosen time",
              (SELECT return_ratio FROM daily_stats WHERE return_ratio IS NOT NULL ORDER BY ts DESC LIMIT 1) AS "newest day"
            {DAYS}"""),
        unit=RATIO,
        size=(8, 4),
        none=NO_ROWS,
        names=True,
        thresholds=theme.SIGNED,
    )


def _sharpe_and_sortino() -> model.Panel:
    return stat(
        "Sharpe and Sortino",
        "Daily cash-flow adjusted returns of the chosen time, times the root of 252, riskless rate 0.",
        table(RISK_FIGURES),
        unit=NUMBER,
        size=(6, 4),
        none="needs 20 trading days",
        names=True,
    )


def _wins() -> model.Panel:
    return stat(
        "Wins",
        "Share of winning sales, each order counted once, and profit factor of the chosen time.",
        table(SALE_QUALITY),
        unit=RATIO,
        size=(12, 4),
        none="no sale with known lots",
        names=True,
        overrides=[column("profit factor", NUMBER), column("sales", COUNT)],
    )


def _leverage() -> model.Panel:
    return stat(
        "Leverage",
        "Positions by equity at the newest account figures: the broker's, unless the bot's log is an hour newer.",
        table("""
            WITH newest AS (
              SELECT ts, source, leverage_ratio, margin_ratio FROM account_history
              WHERE id = (SELECT id FROM account_history WHERE source = 'alpaca' ORDER BY ts DESC LIMIT 1)
                OR id = (SELECT id FROM account_history WHERE source = 'log' ORDER BY ts DESC LIMIT 1))
            SELECT leverage_ratio AS leverage, margin_ratio AS margin FROM newest
            WHERE ts >= (SELECT MAX(ts) FROM newest) - 3600 ORDER BY source LIMIT 1"""),
        unit=RATIO,
        size=(12, 4),
        none=NO_ROWS,
        names=True,
    )


def _curves() -> list[model.Panel]:
    return [
        returns.chained(),
        returns.under_water(),
        returns.good_days(),
        columns(
            "Return by month",
            "Cash-flow adjusted, the last 24 months of the chosen time.",
            newest_last(
                f'SELECT substr(date, 1, 7) AS Month, {ADJUSTED} AS "Return" {DAYS} GROUP BY 1 ORDER BY 1 DESC LIMIT 24'
            ),
            x="Month",
            unit=RATIO,
            size=(12, 10),
            none=NO_ROWS,
            thresholds=theme.SIGNED,
        ),
        pie(
            "Allocation by sector",
            "How is it spread over sectors? Shares of the positions' value at the newest figures.",
            table(f"""WITH {tidy(NEWEST_POSITIONS)}
                SELECT COALESCE(sector, 'unknown') AS Sector,
                  SUM(ABS(market_value)) / (SELECT SUM(ABS(market_value)) FROM newest) AS Share
                FROM newest LEFT JOIN sectors USING (symbol) GROUP BY 1 ORDER BY Share DESC"""),
            name="Sector",
            overrides=[*named(SECTORS), column("unknown", colour=theme.QUIET)],
            unit=RATIO,
            size=(12, 10),  # on a phone the legend is below
            none="no position known",
        ),
    ]
