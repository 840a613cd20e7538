"""Trades: what was ordered, what became of it, and at what price."""

from grafana_foundation_sdk.models import dashboard as model

from bigdipper_exporter.words import ORDER_STATES
from grafana import shared, theme
from grafana.board import TRADES, Section, board
from grafana.overrides import NARROW, answer, coloured, column, override, words
from grafana.panels import columns, grid, lines, stat
from grafana.query import listed, newest_last, now, selector, series, table, tidy
from grafana.sql import DAYS, HAS_LOG, IN_TIME, ORDERED, SALES, SYMBOL, by_hour, of_log
from grafana.symbols import labelled
from grafana.theme import (
    BASIS_POINTS,
    BOT,
    BROKER,
    COUNT,
    DOLLARS,
    LOSS,
    NO_BROKER,
    NO_ROWS,
    QUANTITY,
    RATIO,
    SECOND_COUNT,
    SECONDS,
    USD,
    WARNING,
    steps,
    threshold,
)

# Results of orders that came to an end; what was replaced lives on in another order.
ENDED = "'filled', 'partly_filled', 'unfilled'"


def build() -> model.Dashboard:
    """The board."""
    return board(
        TRADES,
        "Trades",
        "What did it order, did it fill, and at what price?",
        [
            Section([shared.header(), *_sums()]),
            Section(_lists()),
            Section(_groups(), "By symbol and day", folded=True),
            Section(_agreement(), "Log against broker"),
        ],
        since="now-7d",
        refresh="10s",
        symbols=True,
    )


def _sums() -> list[model.Panel]:
    orders = f"FROM order_results WHERE submitted >= $__from / 1000 AND submitted < $__to / 1000 AND {SYMBOL} AND of_bot"
    return [
        stat(
            "Order volume",
            "How much was ordered? "
            "Orders in the log in the chosen time, and their value (archive: trades); without a log those at the broker "
            "(archive: orders). An order is not yet a fill.",
            table(f"""
                SELECT COUNT(*) AS orders, TOTAL(value) AS value FROM ({tidy(ORDERED)}) WHERE {IN_TIME} AND {SYMBOL}
                HAVING {HAS_LOG} OR EXISTS (SELECT 1 FROM orders)"""),
            unit=COUNT,
            size=(6, 4),
            none="neither log nor orders",
            names=True,
            overrides=[column("value", DOLLARS)],
        ),
        stat(
            "Fill rate",
            "How many of them filled? "
            "Mean executed part of the bot's orders that came to an end (filled, cancelled, expired, rejected) in the chosen "
            "time, from the broker; and the orders by hand that the log does not name.",
            table(f"""
                SELECT AVG(CASE WHEN result IN ({ENDED}) THEN filled_ratio END) AS "fill rate",
                  CASE WHEN {HAS_LOG} AND EXISTS (SELECT 1 FROM orders) THEN
                    (SELECT COUNT(*) FROM order_results WHERE submitted >= $__from / 1000 AND submitted < $__to / 1000
                      AND {SYMBOL} AND NOT of_bot) END AS "by hand" {orders}"""),
            unit=RATIO,
            size=(6, 4),
            none="–",
            names=True,
            overrides=[column("by hand", COUNT)],
        ),
        stat(
            "Time to fill and slippage",
            "How long, and at what price? "
            "Mean time from submission to fill, and the fill against the limit in basis points (below zero: bought "
            "cheaper than the limit), of the bot's orders at the broker.",
            table(f'SELECT AVG(time_to_fill_seconds) AS "time to fill", AVG(slippage_bps) AS "against limit" {orders}'),
            unit=SECONDS,
            size=(6, 4),
            none=f"no fill, or {NO_BROKER}",
            names=True,
            overrides=[column("against limit", BASIS_POINTS)],
        ),
        stat(
            "Oldest open order",
            "Is an order stuck? "
            "Orders open at the broker now, and the age of the oldest. The bot's own cancel of old orders never works: "
            f"older than {threshold('order_age_seconds') / 60:g} min deserves a look.",
            now(f"sum({selector('orders_open')})", "open"),
            now(f"time() - {selector('order_oldest_open_timestamp_seconds')}", "oldest"),
            unit=COUNT,
            size=(6, 4),
            none=NO_BROKER,
            names=True,
            overrides=[answer("B", SECONDS, thresholds=steps("text", (threshold("order_age_seconds"), WARNING)))],
        ),
    ]


def _lists() -> list[model.Panel]:
    return [
        _orders(),
        _open_orders(),
        _orders_by_final_status(),
    ]


def _orders() -> model.Panel:
    return grid(
        "Orders",
        "What was ordered, and what became of it? "
        "Every order of the log in the chosen time (newest 500) with the broker's answer: state, fill price, "
        "slippage against the limit (below zero is cheaper), time to fill. Without a log every order at the broker.",
        listed(f"""
                SELECT t.ts AS time, t.symbol AS Symbol, t.side AS Side,
                  COALESCE(CASE WHEN o.result = 'partly_filled' THEN o.result ELSE o.status END, 'unknown') AS State,
                  t.value AS Value, t.quantity AS Shares, t.price AS "Limit",
                  o.filled_quantity AS Filled, o.filled_avg_price AS Fill, o.slippage_bps AS Slippage,
                  o.time_to_fill_seconds AS "Time to fill", t.cycle_number AS Cycle
                FROM ({tidy(ORDERED)}) AS t LEFT JOIN order_results AS o ON o.order_id = t.order_id
                WHERE t.ts >= $__from / 1000 AND t.ts < $__to / 1000 AND t.{SYMBOL}
                ORDER BY t.ts DESC LIMIT 500"""),
        size=(24, 11),
        says="time",
        none=NO_ROWS,
        sort=("Time", True),
        overrides=[
            column("time", displayName="Time", custom__width=170),
            column("Symbol", link=shared.SYMBOL_LINK),
            coloured("Side", mappings=theme.SIDE, custom__width=86),
            column("Shares", QUANTITY),
            *(column(name, USD) for name in ("Limit", "Value", "Fill")),
            coloured("State", mappings=theme.ORDER_STATUS),
            coloured("Slippage", BASIS_POINTS, thresholds=steps(theme.GOOD, (0, "text"), (5, LOSS))),
            column("Time to fill", SECONDS),
            column("Cycle", COUNT),
        ],
    )


def _open_orders() -> model.Panel:
    return grid(
        "Open orders",
        "Which orders are still open? Orders without an end at the broker's last answer, oldest first.",
        listed(f"""
            SELECT submitted AS time, symbol AS Symbol, side AS Side,
              CASE WHEN NOT {HAS_LOG} THEN NULL WHEN of_bot THEN 'bot' ELSE 'by hand' END AS "Placed",
              quantity AS Shares, limit_price AS "Limit",
              filled_quantity AS Filled, status AS State, unixepoch() - submitted AS Age
            FROM order_results WHERE ended IS NULL AND {SYMBOL} ORDER BY submitted LIMIT 200"""),
        size=(16, 8),
        says="time",
        none=theme.NONE_HELD,
        sort=("Submitted", False),
        overrides=[
            column("time", theme.MINUTE, displayName="Submitted", custom__width=146),
            column("Symbol", custom__width=92),
            column("Placed", custom__width=90),
            coloured("Side", mappings=theme.SIDE, custom__width=86),
            *(column(name, QUANTITY, **NARROW) for name in ("Shares", "Filled")),
            column("Limit", USD, **NARROW),
            coloured("State", mappings=theme.ORDER_STATUS, custom__width=116),
            coloured("Age", SECONDS, thresholds=steps("text", (threshold("order_age_seconds"), WARNING)), **NARROW),
        ],
    )


def _orders_by_final_status() -> model.Panel:
    return columns(
        "Orders by final status",
        "How did orders end? "
        "Orders of the bot, and those by hand, submitted in the chosen time that came to an end, by how they ended.",
        table(f"""
            SELECT CASE WHEN result <> 'unfilled' THEN REPLACE(result, '_', ' ')
                WHEN status = 'canceled' THEN '{ORDER_STATES["canceled"]}' ELSE status END AS State,
              NULLIF(SUM(of_bot), 0) AS "of the bot", NULLIF(SUM(NOT of_bot), 0) AS "by hand" FROM order_results
            WHERE submitted >= $__from / 1000 AND submitted < $__to / 1000 AND {SYMBOL} AND ended IS NOT NULL
            GROUP BY State ORDER BY COUNT(*) DESC"""),
        x="State",
        unit=COUNT,
        size=(8, 8),
        none=f"no order, or {NO_BROKER}",
        horizontal=True,
        stacked=True,
        legend=True,
        overrides=[column("of the bot", colour=BOT), column("by hand", colour=theme.QUIET)],
    )


def _of_day(total: str, counted: str) -> str:
    """Return what was ordered on a day of daily_stats, whose column `counted` has it of the log. NULL where nobody knows."""
    orders = f"SELECT {total} FROM ({tidy(ORDERED)}) AS o WHERE o.date = daily_stats.date"
    return f"CASE WHEN {HAS_LOG} THEN {counted} WHEN EXISTS (SELECT 1 FROM orders) THEN ({orders}) END"


def _groups() -> list[model.Panel]:
    return [
        _most_traded_symbols(),
        _orders_and_fills_per_day(),
        _capital_deployed_per_day(),
        _orders_and_fills_over_time(),
    ]


def _most_traded_symbols() -> model.Panel:
    return grid(
        "Most traded symbols",
        "Which symbols does it trade most? "
        "Per symbol in the chosen time: orders of the log, without one those at the broker; fills, fill rate and "
        "realized profit of the broker. "
        "Realized profit is that of sales whose lots are known.",
        listed(f"""
                WITH ordered AS (
                  SELECT symbol, COUNT(*) AS orders, TOTAL(value) AS value, AVG(price) AS mean FROM ({tidy(ORDERED)})
                  WHERE {IN_TIME} AND {SYMBOL} GROUP BY symbol),
                done AS (
                  SELECT symbol, AVG(filled_ratio) AS rate, AVG(slippage_bps) AS slippage FROM order_results
                  WHERE submitted >= $__from / 1000 AND submitted < $__to / 1000 AND result IN ({ENDED}) AND {SYMBOL} AND of_bot
                  GROUP BY symbol),
                gained AS (
                  SELECT symbol, SUM(realized) AS realized FROM ({tidy(SALES)}) WHERE {SYMBOL} GROUP BY symbol)
                SELECT symbol AS Symbol, orders AS Orders, value AS Value, mean AS "Mean limit", rate AS "Fill rate",
                  slippage AS Slippage, realized AS Realized
                FROM ordered LEFT JOIN done USING (symbol) LEFT JOIN gained USING (symbol) ORDER BY Value DESC"""),
        size=(12, 10),
        says="Symbol",
        none=NO_ROWS,
        sort=("Value", True),
        overrides=[
            column("Symbol", link=shared.SYMBOL_LINK, custom__width=90),
            column("Orders", COUNT, **NARROW),
            column("Value", DOLLARS, custom__filterable=False, custom__width=88),
            column("Mean limit", USD, **NARROW),
            column("Fill rate", RATIO, **NARROW),
            column("Slippage", BASIS_POINTS, **NARROW),
            coloured("Realized", theme.SIGNED_USD, thresholds=theme.SIGNED, custom__width=112),
        ],
    )


def _orders_and_fills_per_day() -> model.Panel:
    return columns(
        "Orders and fills per day",
        "How many orders and fills a day? "
        "New York trading days (archive: daily_stats). Orders of the bot from its log (without one all orders), "
        "executions of them and of orders by hand from the broker; missed trades by the scale on the right. All symbols.",
        newest_last(f"""
                SELECT date AS Day, {_of_day("COUNT(*)", "trades_count")} AS Orders, fills_count AS Fills,
                  fills_by_hand AS "By hand", {of_log("missed_trades")} AS Missed
                {DAYS} ORDER BY ts DESC LIMIT 60"""),
        x="Day",
        unit=COUNT,
        size=(12, 10),
        none=NO_ROWS,
        legend=True,
        overrides=[
            column("Orders", colour=BOT),
            column("Fills", colour=BROKER),
            column("By hand", colour=theme.QUIET),
            # A dip is missed in every cycle: on one axis the orders could not be seen.
            column("Missed", SECOND_COUNT, colour=LOSS, custom__axisPlacement="right", custom__axisLabel="missed"),
        ],
    )


def _capital_deployed_per_day() -> model.Panel:
    return columns(
        "Capital deployed per day",
        "How much was deployed a day? "
        "Value of the purchases ordered per New York trading day (archive: daily_stats, or orders). All symbols.",
        newest_last(f"""
                SELECT date AS Day, {_of_day("TOTAL(value) FILTER (WHERE side = 'buy')", "total_deployed")} AS Deployed {DAYS}
                ORDER BY ts DESC LIMIT 60"""),
        x="Day",
        unit=DOLLARS,
        size=(12, 8),
        none=NO_ROWS,
        colour=theme.fixed(BOT),
    )


def _orders_and_fills_over_time() -> model.Panel:
    return lines(
        "Orders and fills over time",
        "When does it trade? Orders submitted and fills in each hour, by their own time; in each day of more "
        "than a month (archive: trades, fills).",
        series(
            by_hour(f"""
                  SELECT ts, 'orders' AS name, 1 AS number FROM trades WHERE {IN_TIME} AND {SYMBOL}
                  UNION ALL SELECT ts, 'fills', 1 FROM fills WHERE {IN_TIME} AND {SYMBOL}""")
        ),
        unit=COUNT,
        size=(12, 8),
        none=NO_ROWS,
        draw=theme.BARS,
        fill=60,
        legend=(),
        soft_zero=True,
        overrides=[
            override("byType", "number", displayName="${__field.labels.name}"),
            *labelled({"orders": BOT, "fills": BROKER}),
        ],
    )


def _agreement() -> list[model.Panel]:
    return [
        grid(
            "Discrepancies between log and broker",
            "Where do log and broker disagree? "
            "Fills without a line of the log, lines without an order, positions changed by hand, equity or margin "
            "that differ (archive: discrepancies): those of the chosen time and all still open, newest 200.",
            listed(f"""
                SELECT ts AS time, REPLACE(kind, '_', ' ') AS Kind, symbol AS Symbol,
                  log_value AS "Log says", broker_value AS "Broker says",
                  detail AS Detail, CASE WHEN resolved IS NULL THEN 'open' ELSE 'resolved' END AS State
                FROM discrepancies WHERE {IN_TIME} OR resolved IS NULL ORDER BY ts DESC LIMIT 200"""),
            size=(24, 8),
            says="time",
            none=theme.NONE_HELD,
            sort=("Time", True),
            overrides=[
                column("time", displayName="Time", custom__width=170),
                coloured("State", mappings=theme.choices(open=("▲ open", WARNING), resolved=("✓ resolved", theme.GOOD))),
                column("Log says", theme.NUMBER),
                column("Broker says", theme.NUMBER),
                column("Kind", custom__width=150),
                words("Detail", custom__width=420),
            ],
        ),
    ]
