"""The bridge and the chain of returns, by hand."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

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
        (100, -50, Flows()),
        (100, 150, Flows(known=False)),
        (None, 150, Flows()),
        (100, None, Flows()),
    ],
)
def test_a_return_on_too_small_a_base_is_unknown(start: float | None, end: float | None, flows: Flows) -> None:
    assert daily_return(start, end, flows) is None


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
    month_older = dict(chain([DayEquity(day, 100, 101) for day in trading[2:]]).returns)
    assert "wtd" in month_older, "Monday is at most four days before the account's first day"
    late = dict(chain([DayEquity(date(2025, 3, 20), 100, 101)]).returns)
    assert "mtd" not in late, "the account is younger than the month"
