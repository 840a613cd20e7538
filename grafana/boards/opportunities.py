"""Opportunities: from the scan to the fill, and what became of the dips that were not bought."""

from grafana_foundation_sdk.models import dashboard as model

from grafana import episodes, shared, theme
from grafana.board import OPPORTUNITIES, Section, board
from grafana.overrides import NARROW, coloured, column, override, words
from grafana.panels import columns, grid, lines, stat
from grafana.query import listed, newest_last, series, table
from grafana.sql import DAYS, DIP_DEPTHS, DIPS, HAS_LOG, IN_TIME, SCANS, SYMBOL, by_hour, of_log
from grafana.theme import BOT, BROKER, COUNT, LOSS, NO_ROWS, PERCENT, PROFIT, TEXT, TIMES, USD

QUALIFIED = f"FROM opportunities WHERE {IN_TIME} AND {SYMBOL}"
SYMBOL_COLUMN = column("Symbol", link=shared.SYMBOL_LINK, custom__width=96)
TIME_COLUMN = column("time", displayName="Time", custom__width=160)


def build() -> model.Dashboard:
    """The board."""
    return board(
        OPPORTUNITIES,
        "Opportunities",
        "How does a dip become a trade, where does it get lost, and what did prices do afterwards?",
        [
            Section([shared.header(), *_funnel()]),
            Section(_afterwards(), "After the dips"),
            Section(_missed(), "Missed dips one by one, and by depth", folded=True),
            Section(_lists(), "As the log has them", folded=True),
            Section(_routine(), "Routine skips", folded=True),
        ],
        since="now-7d",
        symbols=True,
    )


def _funnel() -> list[model.Panel]:
    return [
        _dip_funnel(),
        _outcomes_of_qualified_dips(),
        _missed_trades_by_reason(),
        _dip_depth(),
        _qualified_dips_per_day(),
    ]


def _dip_funnel() -> model.Panel:
    trades = f"FROM trades WHERE {IN_TIME} AND {SYMBOL}"
    filled = f"FROM order_results WHERE submitted >= $__from / 1000 AND submitted < $__to / 1000 AND {SYMBOL} AND of_bot"
    return stat(
        "Dip funnel",
        "How far do dips get? "
        "Chosen time: scans of all symbols; dips that they found (all symbols, from the scan lines) and those of them that "
        "the log names, one per cycle and symbol; orders of the bot; those filled at the broker (empty without "
        "credentials), in whole and in part.",
        table(f"""
                WITH {SCANS}, {DIPS},
                ended AS (SELECT SUM(result = 'filled') AS whole, SUM(result = 'partly_filled') AS part {filled})
                SELECT (SELECT TOTAL(scans) FROM scanned) AS "scans",
                  (SELECT TOTAL(found) FROM scanned) AS "→ found",
                  (SELECT TOTAL(dips) FROM dips) AS "→ named",
                  (SELECT COUNT(*) {trades}) AS "→ submitted",
                  ended.whole AS "→ filled", ended.part AS "→ partly filled" FROM ended WHERE {HAS_LOG}"""),
        unit=COUNT,
        size=(8, 8),
        none="–",
        names=True,
    )


def _outcomes_of_qualified_dips() -> model.Panel:
    return columns(
        "Outcomes of qualified dips",
        "What became of the dips that qualified? Opportunities in the chosen time by outcome (archive: opportunities).",
        table(f"""
                WITH {DIPS}
                SELECT REPLACE(outcome, '_', ' ') AS Outcome, SUM(dips) AS Dips FROM dips
                GROUP BY outcome ORDER BY Dips DESC"""),
        x="Outcome",
        unit=COUNT,
        size=(8, 8),
        none=NO_ROWS,
        horizontal=True,
        colour=theme.fixed(BOT),
    )


def _missed_trades_by_reason() -> model.Panel:
    return columns(
        "Missed trades by reason",
        "Why were trades missed? "
        "Trades that were wanted and not made, by reason (archive: skips). The brake's are counted by its "
        "own lines, by the start of the episode (archive: brake_events). Most are not named, so no symbol filters them.",
        table(f"""
            SELECT REPLACE(reason, '_', ' ') AS Reason, SUM(missed) AS Missed FROM (
              SELECT reason, 1 AS missed FROM skips WHERE {IN_TIME} AND {SYMBOL}
              UNION ALL SELECT 'brake', missed_opportunities FROM brake_events
                WHERE started BETWEEN $__from / 1000 AND $__to / 1000 AND missed_opportunities > 0)
            GROUP BY 1 ORDER BY Missed DESC"""),
        x="Reason",
        unit=COUNT,
        size=(8, 8),
        none=NO_ROWS,
        horizontal=True,
        colour=theme.fixed(LOSS),
    )


def _dip_depth() -> model.Panel:
    return columns(
        "Dip depth",
        "How deep were the dips? Distribution of the dips that qualified in the chosen time, in steps of one percent.",
        table(f"""
                WITH RECURSIVE {DIP_DEPTHS},
                  found AS MATERIALIZED (SELECT depth, TOTAL(bought) AS bought, TOTAL(dips - bought) AS missed FROM depths
                    GROUP BY 1),
                  bins(depth) AS (SELECT MAX(depth) FROM found UNION ALL
                    SELECT depth - 1 FROM bins WHERE depth > (SELECT MIN(depth) FROM found))
                SELECT printf('%d%%', depth) AS Dip, TOTAL(bought) AS Submitted, TOTAL(missed) AS "Not bought"
                FROM bins LEFT JOIN found USING (depth) WHERE depth IS NOT NULL GROUP BY depth ORDER BY depth DESC"""),
        x="Dip",
        unit=COUNT,
        size=(12, 8),
        none=NO_ROWS,
        stacked=True,
        legend=True,
        overrides=[column("Submitted", colour=PROFIT), column("Not bought", colour=LOSS)],
    )


def _qualified_dips_per_day() -> model.Panel:
    return columns(
        "Qualified dips per day",
        "How many a day? "
        "New York trading days (archive: daily_stats): dips qualified, orders submitted, trades missed. All symbols.",
        newest_last(f"""
            SELECT date AS Day, {of_log("opportunities")} AS Qualified, {of_log("trades_count")} AS Submitted,
              {of_log("missed_trades")} AS Missed
            {DAYS} ORDER BY ts DESC LIMIT 60"""),
        x="Day",
        unit=COUNT,
        size=(12, 8),
        none=NO_ROWS,
        legend=True,
        overrides=[
            column("Qualified", colour=BOT),
            column("Submitted", colour=BROKER),
            column("Missed", colour=LOSS),
        ],
    )


def _lists() -> list[model.Panel]:
    return [
        _qualified_dips(),
        _best_scores(),
        _missed_trades(),
        _wash_trade_refusals_by_symbol(),
    ]


def _qualified_dips() -> model.Panel:
    return grid(
        "Qualified dips",
        "Which dips qualified? The newest 300 of the chosen time with score and outcome (archive: opportunities).",
        listed(f"""
            SELECT ts AS time, symbol AS Symbol, dip_percent AS Dip, price AS Price, score AS Score, outcome AS Outcome,
              REPLACE(reason, '_', ' ') AS Reason {QUALIFIED} ORDER BY ts DESC LIMIT 300"""),
        size=(14, 10),
        says="time",
        none=NO_ROWS,
        sort=("Time", True),
        overrides=[
            TIME_COLUMN,
            SYMBOL_COLUMN,
            column("Dip", PERCENT, **NARROW),
            column("Reason", custom__width=130),
            column("Price", USD, **NARROW),
            column("Score", TIMES, **NARROW),
            coloured("Outcome", mappings=theme.OUTCOME, custom__width=110),
        ],
    )


def _best_scores() -> model.Panel:
    return grid(
        "Best scores",
        "Which had the best scores? "
        "The 20 highest of the chosen time, one per symbol, day and outcome, and whether they were bought.",
        listed(f"""
                WITH {DIPS}
                SELECT score AS Score, symbol AS Symbol, dip_percent AS Dip, outcome AS Outcome, dips AS Times, date AS Day
                FROM dips WHERE score IS NOT NULL ORDER BY score DESC LIMIT 20"""),
        size=(10, 10),
        says="Outcome",
        none=NO_ROWS,
        sort=("Score", True),
        overrides=[
            column("Symbol", link=shared.SYMBOL_LINK, custom__width=90),
            column("Score", TIMES, custom__filterable=False, custom__width=76),
            *(
                column(name, unit, custom__filterable=False, custom__width=66)
                for name, unit in (("Dip", PERCENT), ("Times", COUNT))
            ),
            coloured("Outcome", mappings=theme.OUTCOME, custom__minWidth=106),
            column("Day", TEXT, custom__filterable=False, custom__width=92),
        ],
    )


def _missed_trades() -> model.Panel:
    return grid(
        "Missed trades",
        "Which trades were missed? "
        "Misses of the chosen time by symbol, day and reason, newest 300, with the last words of the log (archive: skips).",
        listed(f"""
            SELECT MAX(ts) AS time, symbol AS Symbol, REPLACE(reason, '_', ' ') AS Reason, COUNT(*) AS Times,
              dip_percent AS Dip, detail AS Detail
            FROM skips WHERE {IN_TIME} AND {SYMBOL} GROUP BY date, symbol, reason ORDER BY 1 DESC LIMIT 300"""),
        size=(14, 9),
        says="time",
        none=NO_ROWS,
        sort=("Time", True),
        overrides=[
            TIME_COLUMN,
            SYMBOL_COLUMN,
            column("Dip", PERCENT, custom__width=80),
            column("Times", COUNT, custom__width=75),
            column("Reason", custom__width=150),
            words("Detail"),
        ],
    )


def _wash_trade_refusals_by_symbol() -> model.Panel:
    return grid(
        "Wash-trade refusals by symbol",
        "Where does the broker refuse a wash trade? "
        "Rejections for an opposite open order, per symbol in the chosen time. That is the broker's guard against "
        "two opposite orders, not the tax rule.",
        listed(f"""
            SELECT symbol AS Symbol, COUNT(*) AS Refusals, MAX(ts) AS time FROM skips
            WHERE reason = 'wash_sale_conflict' AND {IN_TIME} AND {SYMBOL} GROUP BY symbol ORDER BY Refusals DESC"""),
        size=(10, 9),
        says="Symbol",
        none=NO_ROWS,
        sort=("Refusals", True),
        overrides=[SYMBOL_COLUMN, column("Refusals", COUNT), column("time", displayName="Last", custom__width=160)],
    )


def _afterwards() -> list[model.Panel]:
    return [
        episodes.outcomes(
            "Bought and missed dips",
            "Was it right to miss them? Those bought beside those missed, measured in the same way.",
            "a.grouping = 'all'",
            "Dips",
            (24, 5),
        ),
        episodes.outcomes(
            "Missed dips by reason",
            "Which reason for not buying cost most?",
            "a.grouping = 'reason'",
            "Reason",
            (24, 8),
            by="Dollars after 20 days",
        ),
    ]


def _missed() -> list[model.Panel]:
    return [
        episodes.missed(),
        episodes.outcomes(
            "Missed dips by depth",
            "Which depth would have been worth it?",
            "a.grouping = 'depth'",
            "Depth",
            (24, 7),
        ),
    ]


def _routine() -> list[model.Panel]:
    return [
        lines(
            "Routine skips",
            "How often does it look and pass? "
            "Skips by the bot's own rules in each hour by reason, in each day of more than a month (archive: "
            "skip_counts). The bot names them at DEBUG only.",
            series(
                by_hour(f"""
                  SELECT hour AS ts, REPLACE(reason, '_', ' ') AS name, count AS number FROM skip_counts
                  WHERE hour >= $__from / 1000 - 3600 AND hour < $__to / 1000 AND {SYMBOL}""")
            ),
            unit=COUNT,
            size=(12, 9),
            none="none: they need DEBUG",
            draw=theme.BARS,
            fill=60,
            legend=("sum",),
            soft_zero=True,
            overrides=[override("byType", "number", displayName="${__field.labels.name}")],
        ),
        grid(
            "Routine skips by symbol and reason",
            "Which symbols are passed over, and why? "
            "Sums of the chosen time, at most its last 31 days, per symbol and reason (archive: skip_counts, hourly "
            "sums); the 200 largest.",
            listed(f"""
                SELECT symbol AS Symbol, REPLACE(reason, '_', ' ') AS Reason, SUM(count) AS Skips FROM skip_counts
                WHERE hour >= MAX($__from / 1000 - 3600, $__to / 1000 - 31 * 86400) AND hour < $__to / 1000 AND {SYMBOL}
                GROUP BY symbol, reason ORDER BY Skips DESC LIMIT 200"""),
            size=(12, 9),
            says="Reason",
            none="none: they need DEBUG",
            sort=("Skips", True),
            overrides=[SYMBOL_COLUMN, column("Reason", custom__width=160), column("Skips", COUNT)],
        ),
    ]
