"""Overview: five seconds, on a phone too. Status first, then money, then what the bot did."""

from grafana_foundation_sdk.models import dashboard as model

from bigdipper_exporter.money.limits import BRAKE, LimitName, used_at
from grafana import shared, sql, theme
from grafana.board import HEALTH, OPPORTUNITIES, OVERVIEW, TRADES, Section, address, board
from grafana.marks import BRAKE_EPISODES
from grafana.overrides import NARROW, answer, by_source, coloured, column, organise, override
from grafana.panels import grid, lines, stat
from grafana.query import either, listed, now, rows, selector, series, tidy
from grafana.theme import (
    COUNT,
    CRITICAL,
    DOLLARS,
    LOSS,
    NO_ROWS,
    NOT_SAID,
    QUIET,
    RATIO,
    SECONDS,
    TEXT,
    USD,
    WARNING,
    steps,
    threshold,
)

LEAST_MAINTENANCE = 0.25  # of the value of a long position: FINRA rule 4210; a broker may ask for more
MAINTENANCE = 1 / LEAST_MAINTENANCE - 1  # the same as debt by equity
CYCLED = selector("bot_last_cycle_timestamp_seconds")
SESSION_NUMBER = theme.choices(_3=("☀ regular", theme.GOOD), _2=("☾ extended", theme.BOT), _1=("– closed", QUIET))


# Debt, limits and the like are on the board Risk; here is what a person looks for first, in this order, on a phone too.
def build() -> model.Dashboard:
    """The home page."""
    return board(
        OVERVIEW,
        "Overview",
        "Is the bot working, how is the money, how close is trouble, what did it do today?",
        [Section([*_first(), *_money(), *_today(), *_more()]), Section(_deeds())],
        refresh="2s",
        common_marks=(BRAKE_EPISODES,),
    )


def _first() -> list[model.Panel]:
    return [
        _bot_status(),
        _equity(),
        _profit_today(),
        _emergency_brake(),
        _distance_to_the_brake(),
    ]


def _bot_status() -> model.Panel:
    return stat(
        "Bot status",
        "Bot working? "
        f"Yes while its newest cycle is younger than {threshold('cycle_age_seconds'):g} s "
        "(bigdipper_bot_last_cycle_timestamp_seconds; the alert uses the same number). With it, whether it trades "
        "real money.",
        now(shared.working(), "bot"),
        now(shared.MODE_QUERY, "account"),
        unit=COUNT,
        size=(5, 4),
        none=NOT_SAID,
        names=True,
        mappings=theme.WORKING,
        overrides=[answer("B", mappings=theme.MODE_NUMBER)],
    )


def _equity() -> model.Panel:
    return stat(
        "Equity",
        "Equity to the cent as Alpaca says it; without credentials the bot's last account line. The name under "
        "the figure says which.",
        now(either(selector("account_equity_usd"), selector("bot_equity_usd")), "{{source}}"),
        unit=USD,
        size=(5, 4),
        none=NOT_SAID,
        names=True,
        mappings=[],
    )


def _profit_today() -> model.Panel:
    broker_pl = selector("account_day_profit_usd"), selector("account_day_return_ratio")
    bot_pl, bot_ratio = selector("bot_day_profit_usd"), selector("bot_day_return_ratio")
    return stat(
        "Profit today",
        "Equity less that of the previous close, without deposits and withdrawals (broker), and the same over the money "
        "that the day began with. Without credentials: the bot's equity less that of the previous close; deposits count.",
        now(either(broker_pl[0], bot_pl), "{{source}}"),
        now(either(broker_pl[1], bot_ratio), "of equity"),
        unit=theme.SIGNED_USD,
        size=(5, 4),
        none=NOT_SAID,
        names=True,
        thresholds=theme.SIGNED,
        overrides=[answer("B", RATIO)],
    )


def _emergency_brake() -> model.Panel:
    return stat(
        "Emergency brake",
        "From the bot's brake lines: held from the first one until a cycle gets past the check "
        "(bigdipper_brake_active), and for how long today. Unknown while the bot has written nothing for 15 minutes: its "
        "last cycle was that long ago.",
        now(selector("brake_active"), "brake"),
        now(f"{selector('day_brake_seconds')} > 0", "held today"),
        now(
            f"time() - {selector('bot_last_cycle_timestamp_seconds')} unless {selector('brake_active')}",
            "unknown, last cycle",
        ),
        unit=COUNT,
        size=(4, 4),
        none=NOT_SAID,
        names=True,
        overrides=[
            answer("A", mappings=theme.BRAKE),
            # Hours, minutes and seconds have no unit behind them, for which the word would have to shrink.
            answer("B", theme.Unit("dthms", 0), thresholds=steps("text", (1, WARNING))),
            answer("C", SECONDS, thresholds=steps(WARNING)),
        ],
    )


def _distance_to_the_brake() -> model.Panel:
    return stat(
        "Distance to the brake",
        "Dollars of positions to the bot's own brake, and the fall of all prices together that would reach it "
        "(bigdipper_limit_distance_*). Out of reach: no fall of prices leads there. Passed: by how many dollars.",
        now(f"{selector('limit_distance_usd', limit='brake')} >= 0", "dollars"),
        now(f"{selector('limit_distance_ratio', limit='brake')} >= 0", "fall of all prices"),
        now(f"-({selector('limit_distance_usd', limit='brake')} < 0)", "passed by"),
        unit=DOLLARS,
        size=(5, 4),
        none="no limit known",
        names=True,
        overrides=[
            answer(
                "B",
                RATIO,
                mappings=theme.NO_FALL,
                thresholds=steps("text", (theme.BELOW_ALL, "text"), (0, WARNING), (threshold("distance_ratio"), "text")),
            ),
            answer("C", thresholds=steps(CRITICAL)),
        ],
    )


def _money() -> list[model.Panel]:
    def back(window: str) -> str:
        return selector("account_adjusted_return_ratio", window=window)

    # Three panels: on a phone the figures of one would be too small to read.
    return [
        stat(
            "Cash and buying power",
            "Cash, negative when borrowed, and what may be bought in all. Without credentials the cash of the bot's log.",
            now(either(selector("account_cash_usd"), selector("bot_cash_usd")), "cash"),
            now(selector("account_buying_power_usd"), "buying power"),
            unit=theme.SIGNED_DOLLARS,
            size=(8, 3),
            none=NOT_SAID,
            names=True,
            pixels=28,
        ),
        stat(
            "Positions and open profit",
            "How many positions there are, and their unrealized profit or loss. Without credentials what the bot's log says.",
            now(f"sum({selector('positions')}) or on () max({selector('bot_positions')})", "positions"),
            now(either(selector("account_unrealized_pl_usd"), selector("bot_unrealized_pl_usd")), "open profit"),
            unit=COUNT,
            size=(8, 3),
            none=NOT_SAID,
            names=True,
            overrides=[answer("B", theme.SIGNED_DOLLARS, thresholds=theme.SIGNED)],
        ),
        stat(
            "Return",
            "Of a week, a month and a year, without deposits and withdrawals (bigdipper_account_adjusted_return_ratio). A "
            "window that is longer than the account's history is left out.",
            now(back("1w"), "week"),
            now(back("1m"), "month"),
            now(back("1y"), "year"),
            unit=RATIO,
            size=(8, 3),
            none="needs the broker's keys",
            names=True,
            thresholds=theme.SIGNED,
        ),
    ]


def _today() -> list[model.Panel]:
    firing = 'ALERTS_FOR_STATE{bot=~"$bot|"} and ignoring (alertstate) ALERTS{alertstate="firing",severity!="none"}'
    return [
        grid(
            "Alerts firing",
            "Alerts of this bot, and of what all bots share, that Prometheus' rules are firing now, silenced ones included. "
            "Click one for the board Health.",
            rows(f"time() - min by (alertname, severity) ({firing})"),
            size=(8, 8),
            none="✓ no alert is firing",
            sort=("For", False),
            transformations=[
                organise(
                    ["alertname", "Value", "severity"],
                    {"alertname": "Alert", "severity": "Severity", "Value": "For"},
                    hide=("Time",),
                )
            ],
            overrides=[
                column("Alert", TEXT, link=("What to do: board Health", address(HEALTH)), custom__minWidth=182),
                column("For", theme.SECONDS, custom__width=82),
                coloured("Severity", TEXT, mappings=theme.SEVERITY, custom__width=92),
            ],
        ),
        lines(
            "Equity curve",
            "The archive's account_history: the broker's figures, or in another line the bot's own where the broker gave none. "
            "Before its first row the closes of the account's history (daily_stats).",
            series(sql.account("a.equity AS equity", earlier=sql.EARLIER_CLOSES)),
            unit=USD,
            size=(10, 8),
            none=NO_ROWS,
            past="7d",
            points=600,
            gaps=4 * 3600 * 1000.0,
            overrides=by_source("equity", "Equity"),
        ),
        stat(
            "Orders today",
            "The New York trading day so far, exact from the archive: orders of the bot (its log) and their value, what became "
            "of them at the broker, orders executed by hand, and trades that were wanted and missed.",
            now(selector("day_trades"), "ordered"),
            now(selector("day_orders", result="filled"), "filled"),
            now(f"{selector('day_orders', result='partly_filled')} > 0", "partly filled"),
            now(selector("day_orders", result="open"), "open"),
            now(f"{selector('day_orders_by_hand')} > 0", "by hand"),
            now(selector("day_missed_trades"), "missed"),
            now(selector("day_deployed_usd"), "deployed"),
            unit=COUNT,
            size=(6, 8),
            none=NOT_SAID,
            names=True,
            pixels=20,
            overrides=[
                answer("F", thresholds=steps("text", (1, LOSS))),
                answer("G", DOLLARS),
            ],
        ),
    ]


def _more() -> list[model.Panel]:
    def session(metric: str) -> str:
        ranks = ((3, "regular"), (2, "extended"), (1, "closed"))
        return f"max({' or '.join(f'({selector(metric, session=name)} == 1) * {number}' for number, name in ranks)})"

    opens = selector("calendar_next_open_timestamp_seconds")
    closes = selector("calendar_next_close_timestamp_seconds")
    regular = selector("calendar_session", session="regular")
    return [
        stat(
            "Session",
            "The session by the exchange's calendar, holidays and half days included, and the one that the bot's own line "
            "names: it decides by the clock alone, so weekends and holidays can look like extended hours.",
            now(session("calendar_session"), "exchange"),
            now(session("market_session"), "bot's belief"),
            now(f"1000 * {opens} and on (bot) {regular} == 0", "opens"),
            now(f"1000 * {closes} and on (bot) {regular} == 1", "closes"),
            unit=COUNT,
            size=(10, 4),
            none=NOT_SAID,
            names=True,
            mappings=SESSION_NUMBER,
            overrides=[answer(letter, theme.FROM_NOW, mappings=[]) for letter in "CD"],
        ),
        stat(
            "Age of the data",
            "Seconds since the newest log line arrived, and since the broker last answered for the account.",
            now(shared.LOG_AGE, "log"),
            now(shared.BROKER_AGE, "broker"),
            unit=theme.Unit("s", 0),
            size=(6, 4),
            none=NOT_SAID,
            names=True,
            overrides=[
                answer("A", thresholds=steps("text", (threshold("log_age_seconds"), WARNING))),
                answer("B", thresholds=steps("text", (threshold("broker_age_seconds"), WARNING))),
            ],
        ),
        stat(
            "Limits in use",
            "Debt by equity as a share of the bot's own limits (brake, hard limit), and of the broker's maintenance "
            "call. 100 % is the limit. Yellow is where the alerts BrakeNear and MaintenanceCallNear begin, with a brake of "
            f"{BRAKE:.0%} and a maintenance margin of {LEAST_MAINTENANCE:.0%}.",
            now(f"{selector('limit_level_ratio')} / {selector('limit_ratio')}", "{{limit}}"),
            unit=theme.Unit("percentunit", 0),
            size=(8, 4),
            none="no limit known",
            names=True,
            thresholds=_near(BRAKE, threshold("distance_ratio")),
            overrides=[
                override(
                    "byName", LimitName.MAINTENANCE, thresholds=_near(MAINTENANCE, threshold("maintenance_distance_ratio"))
                )
            ],
        ),
    ]


def _near(limit: float, drop: float) -> model.ThresholdsConfig:
    """Colours of the used share of a limit: yellow from where a market drop of `drop` leads to it."""
    return steps("text", (round(used_at(limit, drop), 3), WARNING), (1, CRITICAL))


def _deeds() -> list[model.Panel]:
    return [
        shared.positions((24, 9)),
        grid(
            "Recent orders",
            "What did it buy last? "
            "The last 20 orders in the log, with their state at the broker; without a log those at the broker, with "
            "negative shares for sales. A trade is an order submitted, not a fill.",
            listed(f"""
                SELECT t.ts AS time, t.symbol AS Symbol, COALESCE(o.status, 'unknown') AS State,
                  t.value AS Value, CASE t.side WHEN 'buy' THEN 1 ELSE -1 END * t.quantity AS Shares, t.price AS "Limit"
                FROM ({tidy(sql.ORDERED)}) AS t LEFT JOIN orders AS o ON o.order_id = t.order_id
                ORDER BY t.ts DESC LIMIT 20"""),
            size=(12, 9),
            says="time",
            none=NO_ROWS,
            sort=("Time", True),
            overrides=[
                column("time", theme.MINUTE, displayName="Time", custom__width=140),
                column(
                    "Symbol", link=("Trades of ${__value.text}", address(TRADES, symbol="${__value.text}")), custom__width=96
                ),
                column("Shares", theme.QUANTITY, **NARROW),
                column("Limit", USD, **NARROW),
                column("Value", USD, custom__filterable=False, custom__width=96),
                coloured("State", mappings=theme.ORDER_STATUS, custom__width=116),
            ],
        ),
        grid(
            "Recent missed trades",
            "What did it miss? "
            "Dips of the last seven days that qualified and were not bought, by symbol, day and reason: how often, the "
            "deepest, and the last time (archive: skips, opportunities). Routine skips are not here.",
            listed("""
                SELECT MAX(ts) AS time, symbol AS Symbol, REPLACE(reason, '_', ' ') AS Reason, COUNT(*) AS Times,
                  MIN(dip_percent) AS Deepest
                FROM (
                  SELECT ts, date, symbol, dip_percent, reason FROM skips
                    WHERE ts >= $__to / 1000 - 7 * 86400 AND ts < $__to / 1000
                  UNION ALL
                  SELECT ts, date, symbol, dip_percent, 'emergency brake' FROM opportunities
                    WHERE outcome = 'missed_brake' AND ts >= $__to / 1000 - 7 * 86400 AND ts < $__to / 1000)
                GROUP BY date, symbol, reason ORDER BY 1 DESC LIMIT 20"""),
            size=(12, 9),
            says="time",
            none=NO_ROWS,
            sort=("Last", True),
            overrides=[
                column("time", theme.MINUTE, displayName="Last", custom__width=140),
                column(
                    "Symbol",
                    link=("Dips of ${__value.text}", address(OPPORTUNITIES, symbol="${__value.text}")),
                    custom__width=96,
                ),
                column("Reason", custom__minWidth=140),
                column("Times", COUNT, custom__filterable=False, custom__width=80),
                column("Deepest", theme.PERCENT, custom__filterable=False, custom__width=88),
            ],
        ),
    ]
