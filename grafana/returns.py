"""Panels of returns, in percent of the equity without deposits, that more than one board shows."""

from grafana_foundation_sdk.models import dashboard as model

from bigdipper_exporter.archive.figures import LOG_RETURN, UNKNOWN
from grafana.overrides import column, override
from grafana.panels import calendar, lines, stat
from grafana.query import series, table
from grafana.sql import CALENDAR, CALENDAR_STEPS, DAYS
from grafana.theme import BELOW_ALL, LOSS, NO_ROWS, PROFIT, RATIO, steps


def chained() -> model.Panel:
    """The return since the start of the chosen time."""
    return lines(
        "Return without deposits",
        "Chained daily returns since the start of the chosen time, deposits and withdrawals taken out. The line ends at a day "
        "whose return is not known.",
        series(f"""
            SELECT ts AS time, CASE WHEN TOTAL({UNKNOWN}) OVER (ORDER BY ts) = 0
              THEN EXP(SUM({LOG_RETURN}) OVER (ORDER BY ts)) - 1 END AS "return"
            {DAYS} ORDER BY ts"""),
        unit=RATIO,
        size=(12, 8),
        none=NO_ROWS,
        overrides=[column("return", colour=PROFIT)],
    )


def under_water(title: str = "Under water", past: str | None = None) -> model.Panel:
    """The distance from the peak. past: a time of the panel's own (`90d`)."""
    return lines(
        title,
        "Distance from the peak of the cash-flow adjusted equity, at the end of each trading day (archive: daily_stats).",
        series(f"SELECT ts AS time, drawdown_ratio AS drawdown {DAYS} AND drawdown_ratio IS NOT NULL ORDER BY ts"),
        unit=RATIO,
        size=(12, 8),
        none=NO_ROWS,
        fill=30,
        high=0,
        past=past,
        overrides=[column("drawdown", colour=LOSS)],
    )


def drawdown(height: int, question: str = "") -> model.Panel:
    """The worst and the newest distance from the peak. question: what its description begins with."""
    return stat(
        "Drawdown",
        f"{question}Distance from the peak of the cash-flow adjusted equity at the ends of trading days: the worst, and the "
        "newest.",
        table(f"""
            SELECT MIN(drawdown_ratio) AS "worst",
              (SELECT drawdown_ratio FROM daily_stats WHERE drawdown_ratio IS NOT NULL ORDER BY ts DESC LIMIT 1)
                AS "newest day"
            {DAYS}"""),
        unit=RATIO,
        size=(6, height),
        none=NO_ROWS,
        names=True,
        thresholds=steps("text", (BELOW_ALL, LOSS), (0, "text")),
    )


def good_days() -> model.Panel:
    """The calendar of a year."""
    return calendar(
        "Returns by day",
        "Which days were good? "
        "One square a trading day, weeks to the right: cash-flow adjusted return. Blue is a gain, orange a loss, "
        "darker is more; the last year, whatever time is chosen.",
        series(CALENDAR),
        unit=RATIO,
        size=(24, 7),
        none=NO_ROWS,
        past="365d",
        thresholds=CALENDAR_STEPS,
        overrides=[override("byType", "number", displayName="${__field.labels.day}")],
    )
