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
REASON = "REPLACE(REPLACE({}, 'missed_brake', 'brake'), '_', ' ')"
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
            SELECT ts AS time, {"" if not symbol else "symbol AS Symbol, "}{REASON.format("reason")} AS Reason,
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


def outcomes(title: str, question: str, where: str, group: str, size: tuple[int, int], by: str = "Episodes") -> model.Panel:
    """Summary of groups of episodes. where: SQL over dip_outcomes; group: heading of the first column; by: order of rows."""
    return grid(
        title,
        f"{question} "
        "All episodes of the archive: number, separate weeks in which they began (dips of one crash are about one "
        "observation), the median total return after 1, 5 and 20 sessions, after 5 also the quartiles, after 20 the share of "
        "gains, and the median beyond the benchmark, from 20 episodes on. Dollars: with the sizes of the bot's formula, as if "
        "money had been there; no promise (archive: dip_outcomes).",
        listed(f"""
            SELECT {REASON.format("a.name")} AS "{group}",
              a.episodes AS Episodes, b.weeks AS Weeks, one.median AS "After 1",
              a.lower AS "5: 25 %", a.median AS "After 5", a.upper AS "5: 75 %",
              a.excess AS "5: excess", b.median AS "After 20", b.positive AS "20: gains",
              b.excess AS "20: excess", b.dollars AS "Dollars after 20"
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
            column("Episodes", COUNT, custom__width=120),
            column("Weeks", COUNT, custom__width=85),
            *(
                coloured(name, RATIO, thresholds=theme.SIGNED)
                for name in ("After 1", "5: 25 %", "After 5", "5: 75 %", "5: excess")
            ),
            *(coloured(name, RATIO, thresholds=theme.SIGNED) for name in ("After 20", "20: excess")),
            column("20: gains", RATIO),
            coloured("Dollars after 20", theme.SIGNED_DOLLARS, thresholds=theme.SIGNED, custom__width=160),
        ],
    )
