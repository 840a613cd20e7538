"""Fleet: all bots of one Prometheus, or of a central one. From Prometheus alone: each bot's archive stays with its bot."""

from grafana_foundation_sdk.models import dashboard as model

from bigdipper_exporter.money.limits import LimitName
from grafana import theme
from grafana.board import CONFIG, FLEET, HEALTH, OVERVIEW, RISK, Section, board
from grafana.overrides import NARROW, answer, coloured, column, organise, transform
from grafana.panels import grid, lines, stat
from grafana.query import now, over_time, rows
from grafana.theme import COUNT, DOLLARS, LOSS, RATIO, SECONDS, TEXT, WARNING, steps, threshold

# Worst first: the table is sorted by these numbers.
STATES = theme.choices(
    _1=("✗ no longer scraped", theme.CRITICAL),
    _2=("✗ exporter down", theme.CRITICAL),
    _3=("✗ silent", theme.CRITICAL),
    _4=("■ brake", theme.CRITICAL),
    _5=("– stopped", WARNING),
    _6=("✓ working", theme.GOOD),
    _7=("• account only", theme.GOOD),
)
UP = 'max by (bot) (up{job="bigdipper"})'
# How long a bot that is gone stays listed. A series of the slow scrape: `up` has 43,000 samples a day.
MEMORY = "7d"
SEEN = f"(max by (bot) (last_over_time(bigdipper_exporter_start_timestamp_seconds[{MEMORY}])) or on (bot) {UP})"
CYCLE_AGE = "time() - max by (bot) (bigdipper_bot_last_cycle_timestamp_seconds)"
STATE = f"""
    ({SEEN} unless on (bot) {UP}) * 0 + 1
    or on (bot) ({UP} == 0) + 2
    or on (bot) (max by (bot) (bigdipper_bot_running) == 0) + 5
    or on (bot) ({CYCLE_AGE} > {threshold("cycle_age_seconds"):g}) * 0 + 3
    or on (bot) (max by (bot) (bigdipper_brake_active) == 1) * 0 + 4
    or on (bot) (max by (bot) (bigdipper_log_configured) == 0) + 7
    or on (bot) {UP} * 0 + 6"""


def _of(mode: str) -> str:
    """The bots whose account is of this kind; for a week also those that are down, so that a sum can name what is missing."""
    return f'max by (bot) (last_over_time(bigdipper_alpaca_info{{mode="{mode}"}}[{MEMORY}] @ end()))'


def _said(mode: str) -> str:
    """The bots whose log says that their account is of this kind."""
    return f'max by (bot) (bigdipper_bot_info{{mode=~"(?i){mode}"}})'


PROFIT = "max by (bot) (bigdipper_account_day_profit_usd) or on (bot) max by (bot) (bigdipper_bot_day_profit_usd)"
DRAWDOWN = "-max by (bot) (bigdipper_account_drawdown_ratio)"
LEVERAGE = "max by (bot) (bigdipper_account_leverage_ratio) or on (bot) max by (bot) (bigdipper_bot_leverage_ratio)"
# A recording rule: what the alert PositionTooLarge compares, without the bot's collateral.
LARGEST = "max by (bot) (bigdipper:position_share:ratio)"
RETURN = "bigdipper_account_day_return_ratio"
# Column -> expression with one value for each bot.
FIGURES = {
    "State": STATE,
    "Account": f"{_of('live')} * 2 or on (bot) {_of('paper')} or on (bot) {_said('live')} * 2 or on (bot) {_said('paper')}",
    "Cycle": CYCLE_AGE,
    "Equity": "max by (bot) (bigdipper_account_equity_usd) or on (bot) max by (bot) (bigdipper_bot_equity_usd)",
    "Today": PROFIT,
    "Today %": f"max by (bot) ({RETURN}) or on (bot) max by (bot) (bigdipper_bot_day_return_ratio)",
    "Month": 'max by (bot) (bigdipper_account_adjusted_return_ratio{window="1m"})',
    "Drawdown": DRAWDOWN,
    "Largest": LARGEST,
    "To the brake": f'min by (bot) (bigdipper_limit_distance_usd{{limit="{LimitName.BRAKE}"}})',
    "Positions": "sum by (bot) (bigdipper_positions) or on (bot) max by (bot) (bigdipper_bot_positions)",
    "Missed": "max by (bot) (bigdipper_day_missed_trades)",
    "Alerts": 'count by (bot) (ALERTS{alertstate="firing",severity!="none",bot!=""})',
    "Findings": 'sum by (bot) (bigdipper_bot_config_findings{severity="error"})',
}


def build() -> model.Dashboard:
    """The board."""
    return board(
        FLEET,
        "Fleet",
        "All bots: which needs attention, what do they earn, and do they hold the same? From Prometheus alone.",
        [Section([*_counts(), *_sums("live"), *_sums("paper"), _bots(), *_curves(), _held(), _versions()])],
        since="now-24h",
        refresh="10s",
        of_archive=False,
    )


def _counts() -> list[model.Panel]:
    silent = f"({STATE}) < 4"
    return [
        stat(
            "Bots",
            "Bots of the last week; one that was removed stays for a week. Working: cycling, under the brake too, or account "
            "only. Silent: not "
            f"scraped, exporter down, or no cycle for {threshold('cycle_age_seconds') / 60:g} minutes. Worst drawdown: that of "
            "the account furthest below its peak.",
            now(f"count({SEEN})", "bots"),
            now(f"count(({STATE}) > 3 != 5) or vector(0)", "working"),
            now(f"count({silent}) or vector(0)", "silent"),
            now(f"min({DRAWDOWN})", "worst drawdown"),
            unit=COUNT,
            size=(8, 4),
            none="no bot is scraped",
            names=True,
            pixels=20,
            overrides=[answer("C", thresholds=steps("text", (1, theme.CRITICAL))), answer("D", RATIO)],
        )
    ]


def _sums(mode: str) -> list[model.Panel]:
    """The sum over accounts of one kind: paper and live are never added up."""
    own = _of(mode)
    equity = f"max by (bot) (bigdipper_account_equity_usd) and on (bot) {own}"
    today = f"max by (bot) (bigdipper_account_day_profit_usd) and on (bot) {own}"
    return [
        stat(
            f"Equity and profit today, {mode}",
            f"Sums over the {mode} accounts that answer with their keys. In the sums: their number. Accounts: all of the last "
            "week.",
            now(f"sum({equity})", "equity"),
            now(f"sum({today})", "profit today"),
            now(f"count({equity})", "in the sums"),
            now(f"count({own})", "accounts"),
            unit=DOLLARS,
            size=(8, 4),
            none=f"no {mode} account with keys",
            names=True,
            pixels=16,  # a sum with its unit in a quarter of a third of a laptop
            overrides=[
                answer("B", theme.SIGNED_DOLLARS, thresholds=theme.SIGNED),
                answer("C", COUNT),
                answer("D", COUNT),
            ],
        )
    ]


def _bots() -> model.Panel:
    figures = " or ".join(f'label_replace({expression}, "figure", "{name}", "", "")' for name, expression in FIGURES.items())
    bot = "var-bot=${__data.fields.Bot}&${__url_time_range}"
    return grid(
        "Bots, worst first",
        'One row for each bot, those that need attention first; one that was removed stays for a week as "no longer '
        'scraped". Last cycle: its age. Today: profit since the previous close. Month: return. To the brake: dollars of '
        "positions until it acts. A name opens Overview.",
        rows(figures),
        size=(24, 7),
        says="Bot",
        none="no bot is scraped",
        sort=("State", False),
        transformations=[
            transform("groupingToMatrix", columnField="figure", rowField="bot", valueField="Value", emptyValue="null"),
            organise(["bot\\figure", *FIGURES], {"bot\\figure": "Bot"}),
        ],
        overrides=[
            column(
                "Bot",
                TEXT,
                custom__minWidth=70,
                link=("Overview of ${__value.text}", f"/d/{OVERVIEW}?var-bot=${{__value.text}}&${{__url_time_range}}"),
            ),
            coloured(
                "State", COUNT, mappings=STATES, custom__width=124, custom__align="left", link=("Health", f"/d/{HEALTH}?{bot}")
            ),
            coloured("Account", COUNT, mappings=theme.MODE_NUMBER, custom__filterable=False, custom__width=76),
            column("Cycle", SECONDS, displayName="Last cycle", **NARROW),
            column("Equity", DOLLARS, **NARROW),
            coloured("Today", theme.SIGNED_DOLLARS, thresholds=theme.SIGNED, custom__filterable=False, custom__width=98),
            coloured("Today %", RATIO, thresholds=theme.SIGNED, **NARROW),
            coloured("Month", RATIO, thresholds=theme.SIGNED, **NARROW),
            column("Drawdown", RATIO, custom__filterable=False, custom__width=92),
            coloured(
                "Largest",
                RATIO,
                displayName="Largest position",
                thresholds=steps("text", (threshold("position_ratio"), WARNING)),
                **NARROW,
            ),
            coloured(
                "To the brake",
                theme.SIGNED_DOLLARS,
                custom__filterable=False,
                custom__width=98,
                thresholds=steps("text", (theme.BELOW_ALL, theme.CRITICAL), (0, "text")),
                link=("Risk", f"/d/{RISK}?{bot}"),
            ),
            column("Positions", COUNT, custom__filterable=False, custom__width=80),
            coloured("Missed", COUNT, displayName="Missed today", thresholds=steps("text", (1, LOSS)), **NARROW),
            coloured("Alerts", COUNT, displayName="Alerts firing", thresholds=steps("text", (1, WARNING)), **NARROW),
            coloured(
                "Findings",
                COUNT,
                displayName="Config errors",
                thresholds=steps("text", (1, theme.CRITICAL)),
                **NARROW,
                link=("Configuration", f"/d/{CONFIG}?{bot}"),
            ),
        ],
    )


def _curves() -> list[model.Panel]:
    """Of live and paper accounts: curves are not added up."""
    return [
        lines(
            "Profit today by bot",
            "Since the previous close, without deposits (bigdipper_account_day_profit_usd); where the broker gave none, by the "
            "bot's log, in which deposits count.",
            over_time(PROFIT, "{{bot}}"),
            unit=theme.SIGNED_DOLLARS,
            size=(12, 8),
            none="no bot is scraped",
        ),
        lines(
            "Leverage by bot",
            "Signed value of the positions by equity (bigdipper_account_leverage_ratio, or the bot's log).",
            over_time(LEVERAGE, "{{bot}}"),
            unit=RATIO,
            size=(12, 8),
            none="no bot is scraped",
            soft_zero=True,
        ),
    ]


def _held() -> model.Panel:
    values = "max by (bot, symbol) (abs(bigdipper_position_market_value_usd))"
    figures = [f'label_replace(count by (symbol) ({values}), "figure", "bots", "", "")']
    for mode in ("live", "paper"):
        own = f"({values} and on (bot) {_of(mode)})"
        total = f"sum by (symbol) {own}"
        figures += [
            f'label_replace({total}, "figure", "{mode}", "", "")',
            f'label_replace({total} / on () group_left () sum({own}), "figure", "{mode} share", "", "")',
        ]
    order = ["bots", "live", "live share", "paper", "paper share"]
    return grid(
        "Held by all bots",
        "Market value of each symbol over all live and all paper accounts, its share of all that these hold, and how many bots "
        "hold it: bots with the same symbols are one large position.",
        rows(" or ".join(figures)),
        size=(15, 9),
        says="Symbol",
        none="no position, or no bot with keys",
        sort=("Live", True),
        then=("Paper", True),
        transformations=[
            transform("groupingToMatrix", columnField="figure", rowField="symbol", valueField="Value", emptyValue="null"),
            organise(["symbol\\figure", *order], {"symbol\\figure": "Symbol"}),
        ],
        overrides=[
            column("Symbol", TEXT),
            column("bots", COUNT, displayName="Bots", custom__width=80),
            column("live", DOLLARS, displayName="Live", custom__minWidth=112),
            column("live share", RATIO, displayName="Share of live"),
            column("paper", DOLLARS, displayName="Paper", custom__minWidth=112),
            column("paper share", RATIO, displayName="Share of paper"),
        ],
    )


def _versions() -> model.Panel:
    exporter = 'label_replace(bigdipper_exporter_build_info, "exporter", "$1", "version", "(.*)")'
    return grid(
        "Versions",
        "Of each bot, as it prints it, and of its exporter.",
        rows("max by (bot, version, log_form) (bigdipper_bot_info)"),
        rows(f"max by (bot, exporter, python) ({exporter})"),
        size=(9, 9),
        says="Bot",
        none="no bot is scraped",
        sort=("Bot", False),
        transformations=[
            transform("joinByField", byField="bot", mode="outer"),
            organise(
                ["bot", "version", "log_form", "exporter", "python"],
                {"bot": "Bot", "version": "Version", "log_form": "Log", "exporter": "Exporter", "python": "Python"},
                hide=["Time", "Time 1", "Time 2", "Value #A", "Value #B"],
            ),
        ],
        overrides=[
            *(column(name, TEXT, custom__minWidth=70) for name in ("Bot", "Version", "Log", "Python")),
            column("Exporter", TEXT, custom__width=104),
        ],
    )
