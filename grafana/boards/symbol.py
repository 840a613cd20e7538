"""Symbol: one stock with the line at which the bot buys, what it bought and missed there; and how near all are to theirs."""

from grafana_foundation_sdk.models import dashboard as model

from grafana import episodes, replay, shared, theme
from grafana.board import ONE_SYMBOL, Section, board
from grafana.marks import Mark
from grafana.overrides import coloured, column
from grafana.panels import LONGEST_WEEKEND, candles, grid, lines, stat
from grafana.query import listed, series, table
from grafana.sql import IN_TIME, SYMBOL
from grafana.theme import COUNT, LOSS, NO_BROKER, NO_PRICES, PROFIT, QUANTITY, QUIET, RATIO, TEXT, USD, WARNING

CHART = "Prices and dip line"  # the marks would cover the small graphs under it
CHOSEN = f"FROM dip_triggers WHERE {SYMBOL}"
HELD = f"FROM positions_daily WHERE {IN_TIME} AND {SYMBOL} AND market_value IS NOT NULL"
# A session is drawn at the end of its day, 20:00 UTC: the same day in every time zone between Hawaii and Moscow.
DAY = "CAST(unixepoch(p.date) + 72000 AS INTEGER)"


def build() -> model.Dashboard:
    """The board."""
    return board(
        ONE_SYMBOL,
        "Symbol",
        "Where does a stock stand between its high and the price at which the bot buys, and what did the bot do there?",
        [
            Section([shared.header(), *_now(), _chart(), *_held()]),
            Section([episodes.missed(("symbol",)), _lots()], "Dips and lots"),
            Section(
                [replay.thresholds("Other thresholds", SYMBOL, (24, 11), now=True), replay.check("Check", SYMBOL, (24, 4))],
                "Other thresholds against the past",
                folded=True,
            ),
            Section([_nearest()], "All symbols"),
        ],
        since="now-90d",
        refresh="1m",
        one_symbol=True,
        quiet=True,
        own_marks=_marks(),
    )


def _now() -> list[model.Panel]:
    return [
        stat(
            "Price and trigger",
            "At which price would the bot buy? "
            "Newest daily price (at least 16 minutes old, of the regular session) and its age, the highest close of the last "
            "LOOKBACK_DAYS sessions, and that close less "
            "the threshold of the configuration (archive: dip_triggers).",
            table(f'SELECT price AS "price", high AS "high", line AS "trigger price", 1000 * ts AS "as of" {CHOSEN}'),
            unit=USD,
            size=(12, 4),
            none=NO_PRICES,
            names=True,
            overrides=[column("as of", theme.FROM_NOW)],
        ),
        stat(
            "Distance to trigger",
            "How near is it? "
            "The dip so far, the threshold of the configuration, and how far the price is above the trigger price: below 0 the "
            "bot buys, unless something else stops it (archive: dip_triggers).",
            table(f'SELECT dip_ratio AS "dip", threshold AS "threshold", distance_ratio AS "price vs. trigger" {CHOSEN}'),
            unit=RATIO,
            size=(12, 4),
            none=NO_PRICES,
            names=True,
            overrides=[column("price vs. trigger", thresholds=theme.steps("text", (theme.BELOW_ALL, WARNING), (0, "text")))],
        ),
    ]


def _chart() -> model.Panel:
    return candles(
        CHART,
        "What did it do, and where would the bot buy? "
        "Daily candles as traded (not adjusted for splits), regular session only, with volume; the line is the highest close "
        "of the LOOKBACK_DAYS - 1 sessions before, less the threshold, as both were configured on that day. Marks: purchases, "
        "sales, missed dips, splits and dividends, brake. Orders outside the regular session can lie beside the candle "
        "(archive: prices_daily, dip_lines).",
        table(f"""
            SELECT {DAY} AS time, p.open AS "open", p.high AS "high", p.low AS "low", p.close AS "close", p.volume AS "volume",
              l.line AS "dip line"
            FROM prices_daily AS p LEFT JOIN dip_lines AS l ON l.symbol = p.symbol AND l.date = p.date
            WHERE p.{SYMBOL} AND p.date >= date($__from / 1000 - 86400, 'unixepoch')
              AND p.date <= date($__to / 1000, 'unixepoch') ORDER BY p.date"""),
        unit=USD,
        size=(24, 13),
        none=NO_PRICES,
        overrides=[column("dip line", colour=WARNING), column("volume", theme.Unit("short", 0))],
    )


def _held() -> list[model.Panel]:
    return [
        lines(
            "Position value",
            "What was held? "
            "Market value at each close: from the broker's snapshots, and before the exporter watched rebuilt from executions "
            "and prices (archive: positions_daily). A day that cannot be rebuilt has no point.",
            series(f"SELECT ts AS time, market_value AS value {HELD} ORDER BY ts"),
            unit=theme.SIGNED_DOLLARS,
            size=(12, 7),
            none=f"not held, or {NO_BROKER}",
            fill=15,
            soft_zero=True,
            gaps=LONGEST_WEEKEND,
            colour=theme.fixed(theme.LONG),
        ),
        lines(
            "Unrealized P&L",
            "How does it stand? Unrealized profit at average cost, as above.",
            series(f"SELECT ts AS time, unrealized_pl AS profit {HELD} ORDER BY ts"),
            unit=theme.SIGNED_USD,
            size=(12, 7),
            none=f"not held, or {NO_BROKER}",
            fill=15,
            soft_zero=True,
            gaps=LONGEST_WEEKEND,
            colour=theme.fixed(PROFIT),
        ),
    ]


def _lots() -> model.Panel:
    return grid(
        "Lots",
        "What was bought, and what became of it? "
        "Lots of the symbol, first in first out, open ones first; price: of the sale, or the newest. Lowest and highest: on "
        "the days between, to the entry (archive: lots).",
        listed(f"""
            SELECT ts AS time, closed AS "timeEnd", quantity AS Shares, entry AS Entry, price AS Price, profit AS "P/L",
              sessions AS Sessions, worst_ratio AS Lowest, best_ratio AS Highest,
              of_bot AS "Bought by"
            FROM lots WHERE {SYMBOL} ORDER BY closed IS NOT NULL, ts DESC LIMIT 200"""),
        size=(24, 8),
        says="time",
        none=theme.NONE_HELD,
        overrides=[
            column("time", displayName="Bought", custom__width=170),
            column("timeEnd", theme.MOMENT, displayName="Sold", custom__width=170),
            column("Shares", QUANTITY),
            *(column(name, USD) for name in ("Entry", "Price")),
            coloured("P/L", theme.SIGNED_USD, thresholds=theme.SIGNED),
            column("Sessions", COUNT),
            *(column(name, RATIO) for name in ("Lowest", "Highest")),
            column("Bought by", COUNT, mappings=theme.choices(_1=("the bot", "text"), _0=("hand", QUIET))),
        ],
    )


def _nearest() -> model.Panel:
    return grid(
        "Nearest to trigger",
        "Which would the bot buy next? "
        "Every followed symbol by its distance to the price at which the bot would buy, nearest first; below 0 it would buy "
        "now. Symbols with fewer sessions than LOOKBACK_DAYS have no dip, for the bot too (archive: dip_triggers).",
        listed("""
            SELECT symbol AS Symbol, distance_ratio AS Distance, dip_ratio AS Dip, threshold AS Threshold, price AS Price,
              line AS "Trigger price", high AS High, high_date AS "High on", watched AS Watched, ts AS time
            FROM dip_triggers ORDER BY distance_ratio"""),
        size=(24, 12),
        says="Symbol",
        none=NO_PRICES,
        sort=("Distance", False),
        overrides=[
            column("Symbol", TEXT, link=shared.SYMBOL_LINK, custom__width=100),
            coloured("Distance", RATIO, thresholds=theme.steps("text", (theme.BELOW_ALL, WARNING), (0, "text"))),
            *(column(name, RATIO) for name in ("Dip", "Threshold")),
            *(column(name, USD) for name in ("Price", "Trigger price", "High")),
            column("Watched", COUNT, mappings=theme.choices(_1=("by the bot", "text"), _0=("held or traded only", QUIET))),
            column("time", displayName="As of", custom__width=160),
        ],
    )


def _marks() -> list[Mark]:
    of_time = f"{IN_TIME} AND {SYMBOL}"
    fills = f"FROM fill_sources WHERE {of_time}"
    return [
        Mark(
            "Purchases",
            PROFIT,
            f"""
            SELECT ts AS time, NULL AS timeEnd, CASE WHEN of_bot THEN 'Bought' ELSE 'Bought by hand' END AS title,
              printf('%g @ $%.2f', quantity, price) AS text, 'buy' AS tags
            {fills} AND side = 'buy' ORDER BY ts DESC LIMIT 300""",
            (CHART,),
        ),
        Mark(
            "Sales",
            theme.SHORT,
            f"""
            SELECT ts AS time, NULL AS timeEnd, 'Sold' AS title, printf('%g @ $%.2f', quantity, price) AS text, 'sell' AS tags
            {fills} AND side <> 'buy' ORDER BY ts DESC LIMIT 300""",
            (CHART,),
        ),
        Mark(
            "Missed dips",
            LOSS,
            f"""
            SELECT ts AS time, NULL AS timeEnd, 'Missed: ' || REPLACE(reason, '_', ' ') AS title,
              printf('%.1f%%, seen %d times', 100 * dip_ratio, sightings) AS text, 'missed' AS tags
            FROM dip_episodes WHERE {of_time} AND NOT bought ORDER BY ts DESC LIMIT 300""",
            (CHART,),
        ),
        Mark(
            "Splits and dividends",
            QUIET,
            f"""
            SELECT unixepoch(ex_date) + 50400 AS time, NULL AS timeEnd, REPLACE(kind, '_', ' ') AS title,
              COALESCE(printf('$%.2f per share', cash), printf('%g for %g', new_rate, old_rate), '') AS text, 'action' AS tags
            FROM corporate_actions WHERE {SYMBOL} AND ex_date >= date($__from / 1000, 'unixepoch')
              AND ex_date <= date($__to / 1000, 'unixepoch') ORDER BY ex_date LIMIT 300""",
            (CHART,),
        ),
    ]
