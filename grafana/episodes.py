"""Panels of dips as episodes: one dip of one symbol for one reason, however many minutes it lasted."""

from collections.abc import Sequence

from grafana_foundation_sdk.models import dashboard as model

from grafana import shared, theme
from grafana.overrides import coloured, column
from grafana.panels import grid
from grafana.query import listed
from grafana.sql import IN_TIME, SYMBOL
from grafana.theme import COUNT, DOLLARS, NO_PRICES, NO_ROWS, RATIO, TEXT, USD

SOURCES = theme.choices(
    log=("log", "text"),
    minute=("bars, minute", theme.WARNING),
    line=("bars, day", theme.WARNING),
    none=("unknown", theme.QUIET),
)
AFTER = ("After 1", "After 5", "After 20")


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
            SELECT ts AS time, {"" if not symbol else "symbol AS Symbol, "}REPLACE(reason, '_', ' ') AS Reason,
              dip_ratio AS Dip, sightings AS Times, price AS Price, price_source AS "Price from",
              after_1 AS "After 1", after_5 AS "After 5", after_20 AS "After 20", benchmark_20 AS "Index 20",
              lowest_20 AS "Lowest", size AS Size
            FROM dip_episodes WHERE {IN_TIME} AND {SYMBOL} AND NOT bought ORDER BY ts DESC LIMIT 300"""),
        size=(24, 10),
        says="time",
        none=NO_ROWS,
        sort=("Time", True),
        overrides=[
            column("time", displayName="Time", custom__width=170),
            *symbol,
            column("Reason", custom__width=140),
            *(column(name, RATIO) for name in ("Dip", "Index 20", "Lowest")),
            column("Times", COUNT, custom__width=75),
            column("Price", USD),
            coloured("Price from", mappings=SOURCES, custom__width=110),
            *(coloured(name, RATIO, thresholds=theme.SIGNED) for name in AFTER),
            column("Size", DOLLARS),
        ],
    )


def outcomes(title: str, question: str, where: str, group: str, size: tuple[int, int]) -> model.Panel:
    """Summary of groups of episodes. where: SQL over dip_outcomes; group: heading of the first column."""
    return grid(
        title,
        f"{question} "
        "All episodes of the archive: number, separate weeks in which they began (dips of one crash are about one "
        "observation), and of the total return after 5 and 20 sessions the quartiles, the share of gains and the median beyond "
        "the benchmark, from 20 episodes on. Dollars: with the sizes of the bot's formula, as if money had been there; "
        "no promise (archive: dip_outcomes).",
        listed(f"""
            SELECT REPLACE(a.name, '_', ' ') AS "{group}", a.episodes AS Episodes, b.weeks AS Weeks, one.median AS "1: median",
              a.lower AS "5: 25 %", a.median AS "5: median", a.upper AS "5: 75 %",
              a.excess AS "5: excess", b.median AS "20: median", b.positive AS "20: gains",
              b.excess AS "20: excess", b.dollars AS "20: dollars"
            FROM dip_outcomes AS a
            JOIN dip_outcomes AS b ON b.grouping = a.grouping AND b.name = a.name AND b.horizon = 20
            JOIN dip_outcomes AS one ON one.grouping = a.grouping AND one.name = a.name AND one.horizon = 1
            WHERE a.horizon = 5 AND {where}"""),
        size=size,
        says=group,
        sort=("Episodes", True),
        none=NO_PRICES,
        overrides=[
            column(group, TEXT, custom__width=150),
            *(column(name, COUNT) for name in ("Episodes", "Weeks")),
            *(
                coloured(name, RATIO, thresholds=theme.SIGNED)
                for name in ("1: median", "5: 25 %", "5: median", "5: 75 %", "5: excess")
            ),
            *(coloured(name, RATIO, thresholds=theme.SIGNED) for name in ("20: median", "20: excess")),
            column("20: gains", RATIO),
            coloured("20: dollars", theme.SIGNED_DOLLARS, thresholds=theme.SIGNED),
        ],
    )
