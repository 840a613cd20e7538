"""The bridge and the chain of returns, by hand."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from bigdipper_exporter import calendar
from bigdipper_exporter.money.flows import Flows
from bigdipper_exporter.money.returns import Attribution, DayEquity, TimeWeightedReturn, chain, daily_return, profit

MONDAY = date(2025, 3, 3)


def days(*rows: tuple[float | None, float | None, float]) -> list[DayEquity]:
    return [
        DayEquity(MONDAY + timedelta(days=i), start, end, Flows(max(flow, 0), max(-flow, 0)))
        for i, (start, end, flow) in enumerate(rows)
    ]


def test_a_deposit_is_money_of_the_start_and_a_withdrawal_of_the_end() -> None:
    assert daily_return(10_000, 15_150, Flows(5_000)) == pytest.approx(0.01)
    assert daily_return(10_000, 5_100, Flows(0, 5_000)) == pytest.approx(0.01)
    assert profit(10_000, 15_150, Flows(5_000)) == profit(10_000, 5_150, Flows(0, 5_000)) == 150


@pytest.mark.parametrize(
    ("start", "end", "flows"),
    [
        (0, 5_000, Flows(5_000)),
        (100, 9_950, Flows()),  # a gain of 9,850 % is a deposit that nobody named
        (100, 0, Flows()),  # rather a withdrawal without a record yet than a loss to the cent
        (100, 150, Flows(known=False)),
        (None, 150, Flows()),
        (100, None, Flows()),
    ],
)
def test_a_return_on_too_small_a_base_is_unknown(start: float | None, end: float | None, flows: Flows) -> None:
    assert daily_return(start, end, flows) is None


def test_an_equity_below_0_is_a_loss_of_everything() -> None:
    assert daily_return(0.04, -0.96) is None, "a fee after all was withdrawn"
    assert daily_return(100, -50) == pytest.approx(-1)
    assert daily_return(100, -50, Flows(20, 10)) == pytest.approx(-1)
    lost = chain(days((10_000, 12_000, 0), (12_000, -500, 0)))
    assert lost.drawdown == pytest.approx(1)
    assert lost.peak is None
    assert dict(lost.returns) == pytest.approx({"1d": -1, "wtd": -1, "mtd": -1, "all": -1})
    owed = chain(days((10_000, -500, 0), (-500, -400, 0), (-400, 4_600, 5_000)))
    assert list(owed.drawdowns) == pytest.approx([-1, -1, -1])
    assert owed.peaks == (None, None, None)
    assert "1d" not in dict(owed.returns)
    assert dict(owed.returns)["all"] == pytest.approx(-1)


def test_new_money_after_a_loss_of_everything_begins_a_new_chain() -> None:
    result = chain(days((10_000, -500, 0), (-500, 4_600, 5_000), (4_600, 5_000, 0), (5_000, 4_500, 0)))
    assert list(result.drawdowns) == pytest.approx([-1, -1, 0, -0.1])
    assert result.peak == pytest.approx(5_000)
    assert dict(result.returns)["1d"] == pytest.approx(-0.1)
    assert dict(result.returns)["all"] == pytest.approx(-1)


def test_the_bridge_closes() -> None:
    bridge = Attribution(120.0, -30.0, 9.62, -0.12, -14.5, 500.0)
    other = bridge.other(10_000, 10_600)
    assert other == pytest.approx(600 - 120 + 30 - 9.62 + 0.12 + 14.5 - 500)
    assert Attribution(None, -30.0, 0, 0, 0, 0).other(1, 2) is None


def test_drawdown_and_peak_ignore_deposits() -> None:
    # +10 %, then a deposit that doubles the account with nothing earned, then -20 %: 20 % below the peak of 22,000.
    result = chain(days((10_000, 11_000, 0), (11_000, 22_000, 11_000), (22_000, 17_600, 0)))
    assert result.drawdown == pytest.approx(0.2)
    assert result.peak == pytest.approx(22_000)
    assert list(result.drawdowns) == pytest.approx([0, 0, -0.2])
    assert dict(result.returns)["all"] == pytest.approx(1.1 * 0.8 - 1)
    assert dict(result.returns)["1d"] == pytest.approx(-0.2)


def test_the_highest_of_a_day_is_a_peak_too() -> None:
    result = chain([DayEquity(MONDAY, 10_000, 10_000, peak=12_500)])
    assert result.drawdown == pytest.approx(0.2)
    assert result.peak == pytest.approx(12_500)


def test_days_before_the_first_deposit_are_left_out() -> None:
    result = chain(days((0, 0, 0), (0, 10_000, 10_000), (10_000, 10_100, 0)))
    assert dict(result.returns)["all"] == pytest.approx(0.01)
    assert result.drawdowns == (0, 0, 0)


def test_a_window_that_reaches_back_before_the_history_is_absent() -> None:
    assert set(dict(chain(days((1, 1, 0), (1, 1, 0))).returns)) == {"1d", "wtd", "mtd", "all"}


def test_a_day_without_equity_leaves_its_windows_out() -> None:
    result = chain(days((10, 10, 0), (None, None, 0), (10, 11, 0)))
    assert dict(result.returns) == {"1d": pytest.approx(0.1)}


def test_nothing_known_is_nothing_said() -> None:
    assert chain([]) == TimeWeightedReturn()


def test_the_week_and_the_month_to_date_begin_with_a_monday_and_the_first() -> None:
    # From Friday 28 February to Wednesday 5 March: 1 % a trading day.
    trading = [date(2025, 2, 28), date(2025, 3, 3), date(2025, 3, 4), date(2025, 3, 5)]
    found = dict(chain([DayEquity(day, 100, 101) for day in trading]).returns)
    assert found["wtd"] == pytest.approx(1.01**3 - 1)
    assert found["mtd"] == pytest.approx(1.01**3 - 1)
    assert found["all"] == pytest.approx(1.01**4 - 1)
    younger = dict(chain([DayEquity(day, 100, 101) for day in trading[2:]]).returns)
    assert set(younger) == {"1d", "all"}, "the exchange opened on the Monday before the account's first day"
    late = dict(chain([DayEquity(date(2025, 3, 20), 100, 101)]).returns)
    assert "mtd" not in late, "the account is younger than the month"


def of(days: str, earned: float = 0.01, **more: Any) -> list[DayEquity]:
    """Days (MM-DD of 2025) that earn so much each; each starts where the one before ended."""
    found, equity = [], 100.0
    for day in days.split():
        found.append(DayEquity(date.fromisoformat(f"2025-{day}"), equity, equity * (1 + earned), **more))
        equity *= 1 + earned
    return found


def test_trading_days_that_are_missing_end_the_chain() -> None:
    found = chain([*of("11-03 11-04", 0), *[DayEquity(date(2025, 11, day), 60, 60) for day in (10, 11)]])
    assert dict(found.returns) == {"1d": 0, "wtd": 0}, "nothing over the three days that nobody knows"
    assert found.drawdown is found.peak is None
    assert found.drawdowns == (0, 0, None, None)
    monday = chain([*of("11-03 11-04", 0), DayEquity(date(2025, 11, 10), 60, 66)])
    assert dict(monday.returns) == {"1d": pytest.approx(0.1), "wtd": pytest.approx(0.1)}


@pytest.mark.parametrize("days", ["11-07 11-10", "04-17 04-21", "07-03 07-07", "11-26 11-28", "12-24 12-26", "08-29 09-02"])
def test_weekends_and_holidays_are_no_gap(days: str) -> None:
    found = chain(of(days))
    assert dict(found.returns)["all"] == pytest.approx(1.01**2 - 1)
    assert found.drawdown == 0


def test_a_day_that_starts_where_an_older_one_ended_holds_the_days_between() -> None:
    found = chain([*of("11-03 11-04", 0), DayEquity(date(2025, 11, 6), 100, 60), DayEquity(date(2025, 11, 7), 60, 60)])
    fallen = pytest.approx(-0.4)
    assert dict(found.returns) == {"1d": 0, "1w": fallen, "wtd": fallen, "mtd": fallen, "all": fallen}
    assert found.drawdown == pytest.approx(0.4)
    assert found.peak == pytest.approx(100)
    newest = chain([*of("11-03 11-04", 0), DayEquity(date(2025, 11, 6), 100, 60)])
    assert set(dict(newest.returns)) == {"wtd", "mtd", "all"}, "a day that holds two is not the return of one"


FORTNIGHT = "10-20 10-21 10-22 10-23 10-24 10-27 10-28 10-29 10-30 10-31"


@pytest.mark.parametrize("growth", [1.0, 1.5])  # coins that move on Saturday 1 November are of the next week and month
def test_on_a_weekend_week_and_month_are_those_that_are_over(growth: float) -> None:
    trading = of("10-01 10-02 10-03 10-06 10-07 10-08 10-09 10-10 10-13 10-14 10-15 10-16 10-17 " + FORTNIGHT)
    end = trading[-1].end
    assert end is not None
    waits = DayEquity(date(2025, 11, 3), end, end * growth, live=True, begun=False)
    found = dict(chain([*trading, waits]).returns)
    assert found["wtd"] == pytest.approx(1.01**5 - 1)
    assert found["mtd"] == pytest.approx(1.01**23 - 1)
    assert found["1d"] == pytest.approx(1.01 * growth - 1)
    assert found["1w"] == pytest.approx(1.01**5 * growth - 1)
    assert found["all"] == pytest.approx(1.01**23 * growth - 1)


def test_on_a_holiday_amid_the_week_its_money_is_of_that_week() -> None:
    days = of("11-24 11-25 11-26")
    thanksgiving = DayEquity(date(2025, 11, 28), days[-1].end, 1.1 * (days[-1].end or 0), live=True, begun=False)
    assert dict(chain([*days, thanksgiving]).returns)["wtd"] == pytest.approx(1.01**3 * 1.1 - 1)


def test_on_monday_the_new_week_begins() -> None:
    found = dict(chain(of(FORTNIGHT + " 11-03")).returns)
    assert found["wtd"] == found["mtd"] == found["1d"] == pytest.approx(0.01)
    assert found["1w"] == pytest.approx(1.01**5 - 1)


@pytest.mark.parametrize(
    ("first", "last", "windows"),
    [
        (date(2025, 11, 19), date(2025, 11, 21), set()),  # Wednesday to Friday
        (date(2025, 11, 17), date(2025, 11, 21), {"1w", "wtd"}),
        (date(2025, 11, 3), date(2025, 11, 28), {"1w", "wtd", "mtd"}),  # the month began with a weekend
        (date(2025, 11, 4), date(2025, 11, 28), {"1w", "wtd"}),
        (date(2025, 9, 2), date(2025, 9, 30), {"1w", "wtd", "mtd", "1m"}),  # 1 September is a holiday
        (date(2025, 9, 3), date(2025, 9, 30), {"1w", "wtd"}),
        (date(2025, 1, 2), date(2025, 12, 31), {"1w", "wtd", "mtd", "1m", "1y"}),
        (date(2025, 1, 3), date(2025, 12, 31), {"1w", "wtd", "mtd", "1m"}),
    ],
)
def test_a_young_account_has_the_windows_that_it_fills(first: date, last: date, windows: set[str]) -> None:
    dates = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    found = chain([DayEquity(day, 100, 100) for day in dates if calendar.is_trading_day(day)])
    assert set(dict(found.returns)) == {"1d", "all"} | windows
