"""Panels of dips as episodes: one dip of one symbol for one reason, however many minutes it lasted."""

from collections.abc import Sequence

from grafana_foundation_sdk.models import dashboard as model

from grafana import shared, theme
from grafana.overrides import NARROW, coloured, column
from grafana.panels import grid
from grafana.query import listed
from grafana.sql import IN_TIME, SYMBOL
from grafana.theme import COUNT, DOLLARS, NO_PRICES, NO_ROWS, RATIO, TEXT, USD

SOURCES = theme.choices(
    log=("log", "text"),
    minute=("bars, minute", theme.QUIET),
    line=("bars, day", theme.QUIET),
    none=("unknown", theme.QUIET),
)
REASON = "REPLACE(REPLACE({}, 'missed_brake', 'brake'), '_', ' ')"
QUARTILES = ("5 days, worst 25%", "5 days, best 25%")
AFTER = ("After 1 day", "After 5 days", "After 20 days")


def missed(without: Sequence[str] = ()) -> model.Panel:
    """Dips that were not bought, and what followed each."""
    symbol = [] if "symbol" in without else [column("Symbol", TEXT, link=shared.SYMBOL_LINK, custom__width=100)]
    return grid(
        "Missed dips",
        "Which dips were not bought, why, and what did they do? "
        "Episodes that began in the chosen time, newest 300: one dip of one symbol for one reason over consecutive sessions. "
        "Total return after 1, 5 and 20 sessions, dividends included, splits taken out; empty while it is not over. The price "
        "is that of the log. Where it names none, it is that of the minute; without minute bars, the line or the open below "
        "it, with the dip to the day's low. Dips missed in a brake, which v2.18 does not list, are made of bars alone. Index: "
        "the benchmark after 20; lowest price: within 20 sessions (archive: dip_episodes).",
        listed(f"""
            SELECT ts AS time, {"" if not symbol else "symbol AS Symbol, "}{REASON.format("reason")} AS Reason,
              dip_ratio AS Dip, sightings AS Times, price AS Price, price_source AS "Price from",
              after_1 AS "After 1 day", after_5 AS "After 5 days", after_20 AS "After 20 days",
              benchmark_20 AS "Index after 20 days", lowest_20 AS "Lowest", size AS Size
            FROM dip_episodes WHERE {IN_TIME} AND {SYMBOL} AND NOT bought ORDER BY ts DESC LIMIT 300"""),
        size=(24, 10),
        says="time",
        none=NO_ROWS,
        sort=("Time", True),
        overrides=[
            column("time", displayName="Time", custom__width=160),
            *symbol,
            column("Reason", custom__width=140),
            *(column(name, RATIO, **NARROW) for name in ("Dip", "Index after 20 days", "Lowest")),
            column("Times", COUNT, **NARROW),
            column("Price", USD, **NARROW),
            coloured("Price from", mappings=SOURCES, custom__width=110),
            *(coloured(name, RATIO, thresholds=theme.SIGNED, **NARROW) for name in AFTER),
            column("Size", DOLLARS, **NARROW),
        ],
    )


def outcomes(title: str, question: str, where: str, group: str, size: tuple[int, int], by: str = "Episodes") -> model.Panel:
    """Summary of groups of episodes. where: SQL over dip_outcomes; group: heading of the first column; by: order of rows."""
    return grid(
        title,
        f"{question} "
        "All episodes of the archive: number; separate weeks of those that are 5 trading days old (dips of one crash are "
        "about one observation); the median total return after 1, 5 and 20 trading days; after 5 also the bounds of the worst "
        "and of the best quarter, after 20 the share of gains; the median beyond the benchmark, from 20 episodes on. Dollars: "
        "with the sizes of the bot's formula, as if money had been there; no promise (archive: dip_outcomes).",
        listed(f"""
            SELECT {REASON.format("a.name")} AS "{group}",
              b.dollars AS "Dollars after 20 days",
              a.episodes AS Episodes, a.weeks AS Weeks, one.median AS "After 1 day",
              a.lower AS "5 days, worst 25%", a.median AS "After 5 days", a.upper AS "5 days, best 25%",
              a.excess AS "5 days, vs. index", b.median AS "After 20 days", b.positive AS "20 days, gains",
              b.excess AS "20 days, vs. index"
            FROM dip_outcomes AS a
            JOIN dip_outcomes AS b ON b.grouping = a.grouping AND b.name = a.name AND b.horizon = 20
            JOIN dip_outcomes AS one ON one.grouping = a.grouping AND one.name = a.name AND one.horizon = 1
            WHERE a.horizon = 5 AND {where}"""),
        size=size,
        says=group,
        sort=(by, True),
        none=NO_PRICES,
        overrides=[
            column(group, TEXT, custom__width=150),
            column("Episodes", COUNT, custom__filterable=False, custom__width=100),
            column("Weeks", COUNT, **NARROW),
            *(
                coloured(name, RATIO, thresholds=theme.SIGNED, **NARROW)
                for name in (
                    "After 1 day",
                    "5 days, worst 25%",
                    "After 5 days",
                    "5 days, best 25%",
                    "5 days, vs. index",
                )
            ),
            *(coloured(name, RATIO, thresholds=theme.SIGNED, **NARROW) for name in ("After 20 days", "20 days, vs. index")),
            column("20 days, gains", RATIO, **NARROW),
            coloured(
                "Dollars after 20 days",
                theme.SIGNED_DOLLARS,
                thresholds=theme.SIGNED,
                custom__filterable=False,
                custom__width=130,
            ),
        ],
    )
