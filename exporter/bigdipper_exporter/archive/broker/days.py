"""Trading days as spans of money: from the close before a day to its own close."""

from collections.abc import Iterable, Iterator
from datetime import date

from bigdipper_exporter import calendar
from bigdipper_exporter.calendar import ONE_DAY, previous_trading_day

__all__ = ["previous_trading_day"]


def trading_day_of(ts: float) -> date:
    """The trading day whose money a moment moves: after the close of one day it is the next one's."""
    day = calendar.new_york_date(ts)
    while (hours := calendar.open_close(day)) is None or hours.close < ts:
        day += ONE_DAY
    return day


def close_of(day: date) -> float:
    """Close of the regular session of a trading day, in unix seconds. Raises ValueError on other days."""
    hours = calendar.open_close(day)
    if hours is None:
        raise ValueError(f"the exchange stays closed on {day}")
    return hours.close


def by_session(started: float, ended: float) -> Iterator[tuple[float, float, date]]:
    """Split a span (unix seconds) at the closes: each part with the trading day that it belongs to."""
    while started <= ended:
        day = trading_day_of(started)
        yield started, min(ended, close_of(day)), day
        started = close_of(day) + 1.0


def days_of(moments: Iterable[float]) -> set[date]:
    """The days that these moments change: the one they count in and the one whose money they move."""
    return {day for ts in moments for day in (calendar.trading_day(ts), trading_day_of(ts))}


def money_span(day: date, latest: date | None, base: date) -> tuple[float, float]:
    """(close of `base`, end] of a trading day. `latest` is the day of the newest poll.

    A day ends with its close. While it is the newest one, what comes after its close counts in it too: the broker's
    `last_equity` is still the close before it.
    """
    over = latest is None or day < latest
    return close_of(base), close_of(day) if over else calendar.day_start(day + ONE_DAY)
