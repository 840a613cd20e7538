"""The New York calendar against dates written down by hand from the exchange's published ones."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, datetime

import pytest

from bigdipper_exporter import calendar
from bigdipper_exporter.calendar import NEW_YORK
from tests import nyse


def at(text: str, fold: int = 0) -> float:
    """Unix seconds of a New York wall-clock time."""
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK, fold=fold).timestamp()


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2025-11-04 03:59:59", date(2025, 11, 3)),
        ("2025-11-04 04:00:00", date(2025, 11, 4)),
        ("2025-11-04 23:59:59", date(2025, 11, 4)),
        ("2025-11-05 00:00:00", date(2025, 11, 4)),
        ("2025-11-05 03:59:59", date(2025, 11, 4)),
        ("2026-11-22 12:00:00", date(2026, 11, 22)),  # a Sunday is a day of its own
        ("2026-01-01 02:00:00", date(2025, 12, 31)),
    ],
)
def test_a_trading_day_runs_from_four_to_four_in_new_york(moment: str, day: date) -> None:
    assert calendar.trading_day(at(moment)) == day


def test_the_trading_day_does_not_depend_on_the_question_before() -> None:
    moments = [at("2025-11-05 03:59:59"), at("2025-11-05 04:00:00"), at("2025-11-04 12:00:00")]
    forth = [calendar.trading_day(ts) for ts in moments]
    back = [calendar.trading_day(ts) for ts in reversed(moments)]
    assert forth == back[::-1] == [date(2025, 11, 4), date(2025, 11, 5), date(2025, 11, 4)]


def test_the_days_of_a_clock_change_have_23_and_25_hours() -> None:
    spring = calendar.day_start(date(2026, 3, 8)) - calendar.day_start(date(2026, 3, 7))
    autumn = calendar.day_start(date(2026, 11, 1)) - calendar.day_start(date(2026, 10, 31))
    assert (spring / 3600, autumn / 3600) == (23, 25)


def test_both_passes_of_the_repeated_hour_belong_to_the_day_before() -> None:
    first, second = at("2026-11-01 01:30:00"), at("2026-11-01 01:30:00", fold=1)
    assert second - first == 3600
    assert calendar.trading_day(first) == calendar.trading_day(second) == date(2026, 10, 31)


def test_every_day_start_lies_in_its_own_day_and_the_second_before_in_the_day_before() -> None:
    for ordinal in range(date(2025, 1, 1).toordinal(), date(2027, 1, 1).toordinal()):
        day = date.fromordinal(ordinal)
        start = calendar.day_start(day)
        assert calendar.trading_day(start) == day
        assert calendar.trading_day(start - 0.001) == date.fromordinal(ordinal - 1)


@pytest.mark.parametrize(
    "day",
    ["2025-01-09", "2025-04-18", "2025-06-19", "2026-01-01", "2026-07-03", "2026-11-26", "2026-12-25", "2026-11-22"],
)
def test_holidays_weekends_and_days_of_mourning_are_no_trading_days(day: str) -> None:
    assert not calendar.is_trading_day(date.fromisoformat(day))
    assert calendar.open_close(date.fromisoformat(day)) is None


@pytest.mark.parametrize("day", ["2025-10-13", "2025-11-11", "2026-11-27", "2026-12-24", "2025-07-03", "2027-12-31"])
def test_columbus_day_veterans_day_and_half_days_are_trading_days(day: str) -> None:
    assert calendar.is_trading_day(date.fromisoformat(day))


def test_a_year_has_the_number_of_trading_days_the_exchange_published() -> None:
    def count(year: int) -> int:
        days = range(date(year, 1, 1).toordinal(), date(year + 1, 1, 1).toordinal())
        return sum(calendar.is_trading_day(date.fromordinal(d)) for d in days)

    assert (count(2023), count(2024), count(2025)) == (250, 252, 250)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2025-11-04 03:59:59", "closed"),
        ("2025-11-04 04:00:00", "extended"),
        ("2025-11-04 09:29:59", "extended"),
        ("2025-11-04 09:30:00", "regular"),
        ("2025-11-04 15:59:59", "regular"),
        ("2025-11-04 16:00:00", "extended"),
        ("2025-11-04 19:59:59", "extended"),
        ("2025-11-04 20:00:00", "closed"),
        ("2025-11-05 00:00:00", "closed"),
        ("2026-11-27 12:59:59", "regular"),  # half day
        ("2026-11-27 13:00:00", "extended"),
        ("2026-11-27 16:59:59", "extended"),
        ("2026-11-27 17:00:00", "closed"),
        ("2026-11-26 11:00:00", "closed"),  # Thanksgiving
        ("2026-11-22 11:00:00", "closed"),  # Sunday
        ("2026-03-09 09:30:00", "regular"),  # first Monday of summer time
    ],
)
def test_the_session_is_the_true_one(moment: str, expected: str) -> None:
    assert calendar.session(at(moment)) == expected


def test_next_and_last_jump_over_nights_weekends_holidays_and_know_half_days() -> None:
    wednesday_noon, wednesday_night = at("2026-11-25 12:00"), at("2026-11-25 21:00")
    assert calendar.next_open(wednesday_noon) == at("2026-11-27 09:30")
    assert calendar.next_close(wednesday_noon) == at("2026-11-25 16:00")
    assert calendar.next_close(wednesday_night) == at("2026-11-27 13:00")
    assert calendar.last_close(at("2026-11-30 12:00")) == at("2026-11-27 13:00")
    assert calendar.next_open(at("2026-10-30 17:00")) == at("2026-11-02 09:30")  # over the clock change


def test_at_an_opening_the_next_is_tomorrows_and_at_a_closing_the_last_is_this_one() -> None:
    opening, closing = at("2025-11-04 09:30"), at("2025-11-04 16:00")
    assert calendar.next_open(opening) == at("2025-11-05 09:30")
    assert calendar.next_close(closing) == at("2025-11-05 16:00")
    assert calendar.last_close(closing) == closing
    assert calendar.last_close(closing - 1) == at("2025-11-03 16:00")


def test_the_list_of_holidays_is_that_of_the_package_which_the_exporter_does_not_import() -> None:
    assert nyse.FILE.read_text("utf-8") == nyse.text(), "run `make docs`"
    code = "import sys; from bigdipper_exporter import calendar; calendar.session(1.7e9); assert 'holidays' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
