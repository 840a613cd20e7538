"""The NYSE's trading days from 2021 to 2028: frozen data, so that the simulated exchange is a check on the product's calendar.

Source: the NYSE's yearly announcements "Holidays and Trading Hours" (nyse.com/markets/hours-calendars), and its closing on
2025-01-09, the national day of mourning for President Carter. Written down once, in November 2026; other years are not known.
"""

from __future__ import annotations

from datetime import date, datetime, time
from functools import lru_cache

from bigdipper_exporter.calendar import NEW_YORK, TradingHours

# Month and day of the weekdays on which the exchange stays closed.
CLOSED = {
    2021: "01-01 01-18 02-15 04-02 05-31 07-05 09-06 11-25 12-24",
    2022: "01-17 02-21 04-15 05-30 06-20 07-04 09-05 11-24 12-26",
    2023: "01-02 01-16 02-20 04-07 05-29 06-19 07-04 09-04 11-23 12-25",
    2024: "01-01 01-15 02-19 03-29 05-27 06-19 07-04 09-02 11-28 12-25",
    2025: "01-01 01-09 01-20 02-17 04-18 05-26 06-19 07-04 09-01 11-27 12-25",
    2026: "01-01 01-19 02-16 04-03 05-25 06-19 07-03 09-07 11-26 12-25",
    2027: "01-01 01-18 02-15 03-26 05-31 06-18 07-05 09-06 11-25 12-24",
    2028: "01-17 02-21 04-14 05-29 06-19 07-04 09-04 11-23 12-25",
}
# Those on which it closes at 13:00.
HALF_DAYS = {
    2021: "11-26",
    2022: "11-25",
    2023: "07-03 11-24",
    2024: "07-03 11-29 12-24",
    2025: "07-03 11-28 12-24",
    2026: "11-27 12-24",
    2027: "11-26",
    2028: "07-03 11-24",
}


def _days(table: dict[int, str]) -> frozenset[date]:
    return frozenset(date.fromisoformat(f"{year}-{day}") for year, days in table.items() for day in days.split())


_CLOSED, _HALF = _days(CLOSED), _days(HALF_DAYS)


def knows(day: date) -> bool:
    """Return whether the data covers the year of `day`."""
    return day.year in CLOSED


def trades_on(day: date) -> bool:
    """Return whether the exchange opens on `day`."""
    return day.weekday() < 5 and day not in _CLOSED


def is_half_day(day: date) -> bool:
    """Return whether the exchange closes at 13:00 on `day`."""
    return day in _HALF


@lru_cache(maxsize=4096)
def regular(day: date) -> TradingHours | None:
    """The regular session of `day`; None when the exchange stays closed."""
    return _span(day, time(9, 30), time(13) if is_half_day(day) else time(16))


@lru_cache(maxsize=4096)
def extended(day: date) -> TradingHours | None:
    """From the begin of the pre-market to the end of the after-hours session of `day`; None when there is none."""
    return _span(day, time(4), time(17) if is_half_day(day) else time(20))


def _span(day: date, first: time, last: time) -> TradingHours | None:
    if not trades_on(day):
        return None
    return TradingHours(*(datetime.combine(day, clock, NEW_YORK).timestamp() for clock in (first, last)))
