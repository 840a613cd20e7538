"""Overview: five seconds, on a phone too. Status first, then money, then what the bot did."""

from grafana_foundation_sdk.models import dashboard as model

from grafana import house, parts, sql
from grafana.board import OPPORTUNITIES, OVERVIEW, TRADES, Section, address, board
from grafana.house import (
    COUNT,
    CRITICAL,
    DOLLARS,
    LOSS,
    NO_BROKER,
    NO_ROWS,
    NOT_SAID,
    PROFIT,
    QUIET,
    RATIO,
    USD,
    WARNING,
    steps,
    threshold,
)
from grafana.looks import answer, by_source, coloured, column
from grafana.panels import gauge, grid, lines, stat
from grafana.query import either, listed, m, now, series

SESSION_NUMBER = house.choices(_3=("☀ regular hours", house.GOOD), _2=("☾ extended hours", house.BOT), _1=("– closed", QUIET))


def build() -> model.Dashboard:
    """The home page."""
    return board(
        OVERVIEW,
        "Overview",
        "Is the bot working, how is the money, how close is trouble, what did it do today?",
        [Section(_status()), Section(_money()), Section(_deeds())],
        refresh="2s",
    )


def _status() -> list[model.Panel]:
    session = " or ".join(
        f"({m('market_session', session=name)} == 1) * {number}"
        for number, name in ((3, "regular"), (2, "extended"), (1, "closed"))
    )
    return [
        stat(
            "Bot working?",
            f"Yes while its newest cycle is younger than {threshold('cycle_age_seconds'):g} s "
            "(bigdipper_bot_last_cycle_timestamp_seconds; the alert uses the same number). With it, whether it trades "
            "real money.",
            now(parts.working(), "bot"),
            now(parts.MODE_QUERY, "account"),
            unit=COUNT,
            size=(5, 4),
            none=NOT_SAID,
            names=True,
            mappings=house.WORKING,
            overrides=[answer("B", mappings=house.MODE_NUMBER)],
        ),
        stat(
            "Session",
            "The session that the bot's own line names (bigdipper_market_session). It decides by the clock alone, so "
            "weekends and holidays can look like extended hours.",
            now(f"max({session})", "session"),
            unit=COUNT,
            size=(4, 4),
            none=NOT_SAID,
            mappings=SESSION_NUMBER,
        ),
        stat(
            "Emergency brake",
            "From the bot's brake lines: held from the first one until a cycle gets past the check "
            "(bigdipper_brake_active), and for how long today.",
            now(m("brake_active"), "brake"),
            now(m("day_brake_seconds"), "held today"),
            unit=COUNT,
            size=(5, 4),
            none=NOT_SAID,
            names=True,
            overrides=[
                answer("A", mappings=house.BRAKE),
                # Hours, minutes and seconds have no unit behind them, for which "HOLDING" would have to shrink.
                answer("B", house.Unit("dthms", 0), thresholds=steps("text", (1, WARNING))),
            ],
        ),
        stat(
            "Alerts firing",
            "Alerts that Prometheus' rules are firing now, silenced ones included, the watchdog left out. Details on "
            "the board Health.",
            now('count(ALERTS{alertstate="firing",severity="critical"}) or vector(0)', "critical"),
            now('count(ALERTS{alertstate="firing",severity=~"warning|info"}) or vector(0)', "other"),
            unit=COUNT,
            size=(5, 4),
            none="Prometheus does not answer",
            names=True,
            mappings=house.choices(_0=("none", house.GOOD)),
            overrides=[
                answer("A", thresholds=steps("text", (1, CRITICAL))),
                answer("B", thresholds=steps("text", (1, WARNING))),
            ],
        ),
        stat(
            "Age of the data",
            "Seconds since the newest log line arrived, and since the broker last answered for the account.",
            now(parts.LOG_AGE, "log"),
            now(parts.BROKER_AGE, "broker"),
            unit=house.Unit("s", 0),
            size=(5, 4),
            none=NOT_SAID,
            names=True,
            overrides=[
                answer("A", thresholds=steps("text", (threshold("log_age_seconds"), WARNING))),
                answer("B", thresholds=steps("text", (threshold("broker_age_seconds"), WARNING))),
            ],
        ),
    ]


def _money() -> list[model.Panel]:
    broker_pl = m("account_day_pl_usd"), m("account_day_pl_ratio")
    bot_pl = f"{m('bot_equity_usd')} - {m('day_start_equity_usd')}"
    bot_ratio = f"({bot_pl}) / {m('day_start_equity_usd')}"
    used = f"{m('limit_level_ratio')} / {m('limit_ratio')}"
    return [
        stat(
            "Equity",
            "Equity to the cent as Alpaca says it; without credentials the bot's last account line. The name under "
            "the figure says which.",
            now(either(m("account_equity_usd"), m("bot_equity_usd")), "{{source}}"),
            unit=USD,
            size=(6, 5),
            none=NOT_SAID,
            names=True,
            mappings=[],
        ),
        stat(
            "Profit today",
            "Equity less the equity of the previous close (Alpaca). Without credentials: the bot's equity less its "
            "first one of the New York trading day.",
            now(either(broker_pl[0], bot_pl), "{{source}}"),
            now(either(broker_pl[1], bot_ratio), "of equity"),
            unit=USD,
            size=(6, 5),
            none=NOT_SAID,
            names=True,
            thresholds=house.SIGNED,
            overrides=[answer("B", RATIO)],
        ),
        gauge(
            "Limits in use",
            "Debt by equity as a share of the bot's own limits (brake, hard limit), and of the broker's maintenance "
            "call. 100 % is the limit. Yellow is where the alert of a nearly reached brake starts.",
            now(used, "{{limit}}"),
            unit=house.Unit("percentunit", 0),
            size=(6, 5),
            none="no limit known, or no figures",
            low=0,
            high=1.2,
            thresholds=steps(PROFIT, (house.NEAR_LIMIT, WARNING), (1, CRITICAL)),
        ),
        stat(
            "Distance to the brake",
            "Dollars of positions to the bot's own brake, and the fall of all prices together that would reach it "
            "(bigdipper_limit_distance_*). Below zero the limit is passed.",
            now(m("limit_distance_usd", limit="brake"), "dollars"),
            now(m("limit_distance_ratio", limit="brake"), "market drop"),
            unit=DOLLARS,
            size=(6, 5),
            none="no limit known, or no figures",
            names=True,
            thresholds=steps("text", (house.BELOW_ALL, CRITICAL), (0, "text")),
            overrides=[
                answer(
                    "B",
                    RATIO,
                    mappings=house.choices(_1=("never", house.GOOD)),
                    thresholds=steps("text", (house.BELOW_ALL, CRITICAL), (0, WARNING), (threshold("distance_ratio"), "text")),
                ),
            ],
        ),
        lines(
            "Equity of the last seven days",
            "The archive's account_history: the broker's figures, or in another line the bot's own where the broker gave none.",
            series(sql.account("a.equity AS equity")),
            unit=USD,
            size=(16, 8),
            none=NO_ROWS,
            past="7d",
            points=600,
            gaps=4 * 3600 * 1000.0,
            overrides=by_source("equity", "Equity"),
        ),
        stat(
            "Trades today",
            "The New York trading day so far, exact from the archive: orders submitted and their value, fills "
            "(broker), trades that were wanted and missed.",
            now(m("day_trades"), "trades"),
            now(m("day_deployed_usd"), "deployed"),
            now(m("day_fills"), "fills"),
            now(m("day_missed_trades"), "missed"),
            unit=COUNT,
            size=(8, 8),
            none=NO_BROKER,
            names=True,
            overrides=[
                answer("B", DOLLARS),
                answer("D", thresholds=steps("text", (1, LOSS))),
            ],
        ),
    ]


def _deeds() -> list[model.Panel]:
    return [
        parts.positions((24, 9)),
        grid(
            "What did it buy last?",
            "The last 20 orders that the log tells of, with their state at the broker. A trade is an order submitted, "
            "not a fill.",
            listed("""
                SELECT t.ts AS time, t.symbol AS Symbol, t.quantity AS Shares, t.price AS "Limit", t.total_value AS Value,
                  COALESCE(o.status, 'unknown') AS State
                FROM trades AS t LEFT JOIN orders AS o ON o.order_id = t.order_id
                ORDER BY t.ts DESC LIMIT 20"""),
            size=(12, 9),
            says="time",
            none=NO_ROWS,
            sort=("Time", True),
            overrides=[
                column("time", displayName="Time", custom__width=170),
                column("Symbol", link=("Trades of ${__value.text}", address(TRADES, symbol="${__value.text}"))),
                column("Shares", house.QUANTITY),
                column("Limit", USD),
                column("Value", USD),
                coloured("State", mappings=house.ORDER_STATUS),
            ],
        ),
        grid(
            "What did it miss?",
            "The last 20 dips that qualified and were not bought, with the reason (archive: skips). Routine skips are "
            "not here.",
            listed("""
                SELECT ts AS time, symbol AS Symbol, dip_percent AS Dip, REPLACE(reason, '_', ' ') AS Reason
                FROM skips ORDER BY ts DESC LIMIT 20"""),
            size=(12, 9),
            says="time",
            none=NO_ROWS,
            sort=("Time", True),
            overrides=[
                column("time", displayName="Time", custom__width=170),
                column("Symbol", link=("Chances of ${__value.text}", address(OPPORTUNITIES, symbol="${__value.text}"))),
                column("Dip", house.PERCENT),
            ],
        ),
    ]
