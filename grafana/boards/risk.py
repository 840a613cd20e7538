"""Risk: how much is borrowed, how near the limits are, and when they were met."""

from grafana_foundation_sdk.models import dashboard as model

from bigdipper_exporter.money.limits import LimitName
from grafana import returns, shared, sql, theme
from grafana.board import RISK, Section, board
from grafana.overrides import NARROW, answer, by_source, coloured, column, override, words
from grafana.panels import SYMBOL_OF_BAR, bars, grid, lines, stat, timeline
from grafana.query import either, listed, now, over_time, selector, series
from grafana.sql import DAYS, HAS_LOG, of_log
from grafana.theme import (
    BROKER,
    COUNT,
    CRITICAL,
    DOLLARS,
    LIMIT_COLOURS,
    LOSS,
    NO_BROKER,
    NO_ROWS,
    NOT_SAID,
    RATIO,
    SECONDS,
    USD,
    WARNING,
    steps,
)

LIMITS = [
    override(
        "byRegexp",
        f".*{name}.*limit.*",
        colour=colour,
        custom__lineStyle={"fill": "dash", "dash": [8, 6]},
        custom__fillOpacity=0,
    )
    for name, colour in LIMIT_COLOURS.items()
]


def build() -> model.Dashboard:
    """The board."""
    return board(
        RISK,
        "Risk",
        "How much is borrowed, how far are the limits, when were they met?",
        [
            Section([shared.header(), *_now()]),
            Section(_distance(), "Limits"),
            Section(_brake(), "Emergency brake"),
            Section(_exposure(), "Drawdown and largest positions", folded=True),
        ],
        since="now-24h",
        refresh="5s",
    )


def _now() -> list[model.Panel]:
    # Under the brake the bot prints no account line, only the level at which it stands.
    held = f"({selector('limit_level_ratio', limit='brake')} and on (bot) {selector('brake_active')} == 1)"
    debt = f"({held} * on (bot) {selector('bot_equity_usd')} or on (bot) clamp_min(-{selector('bot_cash_usd')}, 0))"
    debt_ratio = f"({held} or on (bot) clamp_min(-{selector('bot_cash_usd')}, 0) / {selector('bot_equity_usd')})"
    leverage = f"(1 + {held} or on (bot) {selector('bot_leverage_ratio')})"
    return [
        stat(
            "Margin debt",
            "How much is borrowed? "
            "Margin debt = -cash when cash is negative, and its share of the equity (Alpaca; without credentials from "
            "the bot's account line, or under the brake from its brake line).",
            now(either(selector("account_margin_debt_usd"), debt), "{{source}}"),
            now(either(selector("account_margin_ratio"), debt_ratio), "of equity"),
            unit=DOLLARS,
            size=(6, 4),
            none=NOT_SAID,
            names=True,
            overrides=[answer("B", RATIO)],
        ),
        stat(
            "Leverage",
            "How much is at work? "
            "Leverage: signed sum of the positions by equity, what v2.18's brake compares. Gross: longs and shorts "
            "added up (broker only). Without credentials from the same lines as the debt.",
            now(either(selector("account_leverage_ratio"), leverage), "leverage ({{source}})"),
            now(selector("account_gross_exposure_ratio"), "gross"),
            unit=RATIO,
            size=(6, 4),
            none=NOT_SAID,
            names=True,
        ),
        stat(
            "Margin requirements",
            "What does the broker require? "
            "Maintenance margin in dollars, and as a share of the equity: at 100 % comes the margin call.",
            now(selector("account_maintenance_margin_usd"), "maintenance"),
            now(f"{selector('account_maintenance_margin_usd')} / {selector('account_equity_usd')}", "of equity"),
            unit=DOLLARS,
            size=(6, 4),
            none=NO_BROKER,
            names=True,
            overrides=[answer("B", RATIO, thresholds=steps("text", (1, CRITICAL)))],
        ),
        stat(
            "Drawdown from peak",
            "How far under the peak? "
            "Distance of the cash-flow adjusted equity from its peak in the archive, and the equity at that peak.",
            now(f"-{selector('account_drawdown_ratio')}", "drawdown"),
            now(selector("account_equity_peak_usd"), "peak"),
            unit=RATIO,
            size=(6, 4),
            none=NO_BROKER,
            names=True,
            overrides=[answer("B", USD)],
        ),
    ]


def _distance() -> list[model.Panel]:
    return [
        lines(
            "Margin vs. limits",
            "Where does it stand between its limits? "
            "Debt as a share of the equity (15 % is 15 % margin, or leverage 115 %), with the limits of the bot's own "
            "configuration dashed.",
            over_time(selector("limit_level_ratio", limit=LimitName.BRAKE), "debt by equity"),
            over_time(selector("limit_ratio", limit=LimitName.BRAKE), "brake limit"),
            over_time(selector("limit_ratio", limit=LimitName.HARD), "hard limit"),
            unit=RATIO,
            size=(12, 9),
            none=theme.NO_LIMIT,
            overrides=[answer("A", colour=BROKER), *LIMITS],
        ),
        lines(
            "Price drop to each limit",
            "How far may prices fall? "
            "Fall of all prices together until a limit is met (bigdipper_limit_distance_ratio). At 0 the limit is passed; at "
            "100 % it is out of reach: no fall of prices leads there.",
            over_time(f"clamp_min({selector('limit_distance_ratio')}, 0)", "to the {{limit}} limit"),
            unit=RATIO,
            size=(12, 9),
            none=theme.NO_LIMIT,
            soft_zero=True,
            high=1,
            mappings=theme.NO_FALL,
            overrides=[override("byRegexp", f".*{name}.*", colour=colour) for name, colour in LIMIT_COLOURS.items()],
        ),
        lines(
            "Dollars to each limit",
            "How many dollars to each limit? "
            "Dollars of positions until the limit is met (bigdipper_limit_distance_usd). Below zero: by how much it is passed.",
            over_time(selector("limit_distance_usd"), "to the {{limit}} limit"),
            unit=theme.SIGNED_DOLLARS,
            size=(12, 8),
            none=theme.NO_LIMIT,
            soft_zero=True,
            overrides=[override("byRegexp", f".*{name}.*", colour=colour) for name, colour in LIMIT_COLOURS.items()],
        ),
        lines(
            "Margin and leverage in the chosen time",
            "From the archive, any length of time: the broker's figures, or in other lines the bot's own where the "
            "broker gave none.",
            series(sql.account("a.margin_ratio AS margin", "a.leverage_ratio AS leverage")),
            unit=RATIO,
            size=(12, 8),
            none=NO_ROWS,
            points=600,
            gaps=4 * 3600 * 1000.0,
            overrides=[
                *by_source("margin", "margin", WARNING, "dark-yellow"),
                *by_source("leverage", "leverage"),
            ],
        ),
    ]


def _brake() -> list[model.Panel]:
    return [
        _brake_episodes_timeline(),
        _brake_episodes(),
        _brake_time_per_day(),
        _other_halts(),
    ]


def _brake_episodes_timeline() -> model.Panel:
    return timeline(
        "Brake episodes, timeline",
        "When did the brake hold? "
        "Red while an episode is open (archive: brake_events). The bot prints no release: an episode ends with "
        "the first cycle that gets past the check.",
        series(f"""
            SELECT time, state AS Brake FROM (
              SELECT $__from / 1000 AS time, (SELECT COUNT(*) FROM brake_events
                WHERE started < $__from / 1000 AND COALESCE(ended, $__to / 1000) > $__from / 1000) AS state
              UNION ALL SELECT started, 1 FROM brake_events WHERE started >= $__from / 1000 AND started < $__to / 1000
              UNION ALL SELECT ended, 0 FROM brake_events WHERE ended >= $__from / 1000 AND ended < $__to / 1000
            ) WHERE {HAS_LOG} ORDER BY time, state"""),
        size=(24, 4),
        none=NO_ROWS,
        mappings=theme.BRAKE,
    )


def _brake_episodes() -> model.Panel:
    return grid(
        "Brake episodes",
        "Which episodes were there, why, and at what cost? "
        "Episodes of 90 days, newest first: the level that started it, the worst level, dollars "
        "to reduce, dips missed. The limits are the bot's own.",
        listed("""
            SELECT started AS time, COALESCE(duration_seconds, last_seen - started) AS Duration,
              CASE WHEN ended IS NULL THEN 'open' ELSE 'over' END AS State,
              CASE WHEN leverage_ratio IS NULL THEN 'margin' ELSE 'leverage' END AS Cause,
              COALESCE(leverage_ratio, margin_ratio) AS Level, peak_ratio AS Worst, reduce_usd AS "To reduce",
              margin_debt AS Debt, equity AS Equity, cycles AS Cycles, missed_opportunities AS Missed,
              ended AS timeEnd
            FROM brake_events WHERE started < $__to / 1000 AND COALESCE(ended, $__to / 1000) >= $__from / 1000
            ORDER BY started DESC LIMIT 200"""),
        size=(24, 7),
        past="90d",
        says="time",
        none="no episode in 90 days",
        sort=("Start", True),
        overrides=[
            column("time", theme.MINUTE, displayName="Start", custom__width=150),
            column("timeEnd", theme.MINUTE, displayName="End", custom__width=150),
            column("Duration", SECONDS, **NARROW),
            coloured("State", mappings=theme.choices(open=("■ open", CRITICAL), over=("▶ over", theme.GOOD)), custom__width=92),
            *(column(name, RATIO, **NARROW) for name in ("Level", "Worst")),
            *(column(name, USD, **NARROW) for name in ("To reduce", "Debt", "Equity")),
            column("Cycles", COUNT, **NARROW),
            coloured("Missed", COUNT, thresholds=steps("text", (1, LOSS)), **NARROW),
        ],
    )


def _brake_time_per_day() -> model.Panel:
    return lines(
        "Brake time per day",
        "How long does it hold a day? Time under the brake per New York trading day (archive: daily_stats).",
        series(f"SELECT ts AS time, {of_log('brake_seconds')} AS held {DAYS} ORDER BY ts"),
        unit=SECONDS,
        size=(12, 7),
        none=NO_ROWS,
        draw=theme.BARS,
        past="90d",
        fill=80,
        soft_zero=True,
        overrides=[column("held", colour=CRITICAL)],
    )


def _other_halts() -> model.Panel:
    return grid(
        "Other halts",
        "What else stopped it? Halts and errors of the bot in the chosen time, newest 100 (archive: bot_events).",
        listed("""
            SELECT ts AS time, kind AS Kind, REPLACE(cause, '_', ' ') AS Cause, detail AS Detail FROM bot_events
            WHERE kind IN ('halt', 'error') AND ts >= $__from / 1000 AND ts < $__to / 1000 ORDER BY ts DESC LIMIT 100"""),
        size=(12, 7),
        says="time",
        none="nothing in this time",
        sort=("Time", True),
        overrides=[
            column("time", displayName="Time", custom__width=170),
            column("Kind", custom__width=80),
            words("Detail", custom__width=260),
        ],
    )


def _exposure() -> list[model.Panel]:
    return [
        returns.under_water("Drawdown by day", past="90d"),
        bars(
            "Largest positions",
            "Which positions weigh most? "
            "The ten largest positions as a share of the equity, shorts by their absolute value (broker).",
            now(
                f"100 * sort_desc(topk(10, abs({selector('position_market_value_usd')})"
                f" / on (bot) group_left {selector('account_equity_usd')}))",
                SYMBOL_OF_BAR,
            ),
            unit=theme.SHARE,
            size=(12, 8),
            none="no position; without keys the log does not say what each one is worth",
            low=0,
            colour=theme.fixed(BROKER),
        ),
    ]
