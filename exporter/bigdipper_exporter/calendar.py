"""The New York calendar: trading days, sessions, openings and closings of the NYSE.

Times are unix seconds, dates are New York dates. A *trading day* in the monitor's sense runs from 04:00 to 04:00 New
York (from the bot's first cycle of extended hours to the next day's), on every date of the calendar; `is_trading_day`
says whether the exchange opens on it. Holidays and half days of 2000 to 2099 are in `nyse.csv`, which `tests/nyse.py`
writes from the `holidays` package.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import cache, lru_cache
from importlib import resources
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from bigdipper_exporter.durations import HOUR

ZONE_SECONDS = 26 * HOUR  # no two time zones are further apart
NEW_YORK = ZoneInfo("America/New_York")
DAY_START = time(4)
OPEN = time(9, 30)
CLOSE, HALF_DAY_CLOSE = time(16), time(13)
EXTENDED_CLOSE, HALF_DAY_EXTENDED_CLOSE = time(20), time(17)

Session = Literal["regular", "extended", "closed"]


class TradingHours(NamedTuple):
    """When trading begins and ends, in unix seconds."""

    open: float
    close: float


ONE_DAY = timedelta(days=1)
# The day of the last question: a log is read in order, so nearly every line falls into the day of the line before.
_current: tuple[float, float, date] = (0.0, 0.0, date.min)


@cache
def _special_days(year: int) -> tuple[frozenset[date], frozenset[date]]:
    """The NYSE's holidays and half days of one year; none are known outside the list's hundred years."""
    lines = (resources.files("bigdipper_exporter") / "nyse.csv").read_text("utf-8").splitlines()
    days = [line.split(",") for line in lines if line.startswith(f"{year}-")]
    closed, half = (frozenset(date.fromisoformat(day) for day, kind in days if kind == which) for which in ("closed", "half"))
    return closed, half


@lru_cache(maxsize=4096)
def _at(day: date, clock: time) -> float:
    return datetime.combine(day, clock, NEW_YORK).timestamp()


def new_york_date(ts: float) -> date:
    """The calendar date in New York at `ts` (midnight to midnight)."""
    return datetime.fromtimestamp(ts, NEW_YORK).date()


def midnight(day: date) -> float:
    """00:00 New York on `day`, also where the clocks change between it and 04:00."""
    return _at(day, time())


def day_start(day: date) -> float:
    """04:00 New York on `day`, where the trading day of that date begins."""
    return _at(day, DAY_START)


def trading_day(ts: float) -> date:
    """The New York date whose day (04:00 to 04:00) holds `ts`; weekends and holidays are days of their own."""
    global _current
    start, end, day = _current
    if start <= ts < end:
        return day
    day = new_york_date(ts)
    if ts < day_start(day):
        day -= ONE_DAY
    _current = (day_start(day), day_start(day + ONE_DAY), day)
    return day


@lru_cache(maxsize=4096)
def is_trading_day(day: date) -> bool:
    """Whether the NYSE opens on `day`."""
    return day.weekday() < 5 and day not in _special_days(day.year)[0]


def is_half_day(day: date) -> bool:
    """Whether the NYSE opens on `day` and closes at 13:00."""
    return is_trading_day(day) and day in _special_days(day.year)[1]


def previous_trading_day(day: date) -> date:
    """The last day before `day` on which the exchange opened."""
    day -= ONE_DAY
    while not is_trading_day(day):
        day -= ONE_DAY
    return day


def next_trading_day(day: date) -> date:
    """The first day after `day` on which the exchange opens."""
    day += ONE_DAY
    while not is_trading_day(day):
        day += ONE_DAY
    return day


@lru_cache(maxsize=4096)
def open_close(day: date) -> TradingHours | None:
    """The regular session of `day`; None when the exchange stays closed."""
    if not is_trading_day(day):
        return None
    return TradingHours(_at(day, OPEN), _at(day, HALF_DAY_CLOSE if is_half_day(day) else CLOSE))


def session_end(day: date) -> float:
    """The close of the regular session of `day`; without a session the end of the day, 04:00 on the next one."""
    hours = open_close(day)
    return day_start(day + ONE_DAY) if hours is None else hours.close


@lru_cache(maxsize=4096)
def extended_hours(day: date) -> TradingHours | None:
    """Begin of pre-market (04:00) and end of after-hours (20:00, 17:00 on half days); None on days without trading."""
    if not is_trading_day(day):
        return None
    return TradingHours(day_start(day), _at(day, HALF_DAY_EXTENDED_CLOSE if is_half_day(day) else EXTENDED_CLOSE))


def session(ts: float) -> Session:
    """The exchange's true session at `ts`, intervals half open: [04:00, 09:30) extended, [09:30, 16:00) regular, …"""
    day = trading_day(ts)
    regular, extended = open_close(day), extended_hours(day)
    if regular is None or extended is None:
        return "closed"
    if regular.open <= ts < regular.close:
        return "regular"
    return "extended" if ts < extended.close else "closed"


def next_open(ts: float) -> float:
    """The first regular opening after `ts` (at an opening itself: the one after it)."""
    return next(hours.open for hours in _sessions_from(ts) if hours.open > ts)


def next_close(ts: float) -> float:
    """The first regular closing after `ts` (at a closing itself: the one after it)."""
    return next(hours.close for hours in _sessions_from(ts) if hours.close > ts)


def last_close(ts: float) -> float:
    """The latest regular closing at or before `ts`."""
    day = new_york_date(ts)
    while True:
        hours = open_close(day)
        if hours is not None and hours.close <= ts:
            return hours.close
        day -= ONE_DAY


def _sessions_from(ts: float) -> Iterator[TradingHours]:
    """Yield the regular sessions from the day of `ts` on."""
    day = new_york_date(ts)
    while True:
        hours = open_close(day)
        if hours is not None:
            yield hours
        day += ONE_DAY
