"""Flows whose record has a date and no time, and that polls saw come: they count with the cash, not at noon of the date."""

from __future__ import annotations

import pytest

from bigdipper_exporter.archive.store import Store
from tests.alpaca.rounds import Rounds

MONDAY, TUESDAY, WEDNESDAY, THURSDAY = "2026-11-16", "2026-11-17", "2026-11-18", "2026-11-19"
HALF_DAY, AFTER = "2026-11-27", "2026-11-30"


@pytest.fixture
def rounds(store: Store) -> Rounds:
    """10,000 dollars, 8,000 of them in shares, polled at the close of Monday and on Tuesday."""
    found = Rounds(store, 2_000, {"X": (80, 100.0)})
    found.poll("15:58", MONDAY)
    found.poll("10:00")
    found.poll("15:58")
    found.last_equity = found.equity
    return found


def nothing_earned(rounds: Rounds, *days: str) -> None:
    """Assert that no day, nor today, has a profit."""
    assert [rounds.day("profit", day) for day in days] == pytest.approx([0] * len(days))
    assert rounds.view.day_profit == pytest.approx(0)
    assert rounds.view.chain.drawdown == pytest.approx(0)
    assert rounds.returns()["all"] == pytest.approx(0)


@pytest.mark.parametrize("amount", [800, -1_000])
def test_money_after_the_close_is_of_the_next_day_while_that_one_goes_on(rounds: Rounds, amount: float) -> None:
    rounds.poll("16:29")
    rounds.cash += amount
    rounds.poll("16:30", times=3)
    rounds.record("16:35", activity_type="CSD" if amount > 0 else "CSW", net_amount=str(amount), date=TUESDAY)
    nothing_earned(rounds, TUESDAY)
    rounds.poll("10:00", WEDNESDAY)
    assert rounds.view.cash_flow_today == amount
    nothing_earned(rounds, TUESDAY, WEDNESDAY)
    assert rounds.day("cash_flow", TUESDAY) == 0


def test_money_after_a_half_day_is_of_monday(store: Store) -> None:
    rounds = Rounds(store, 2_000, {"X": (80, 100.0)})
    rounds.poll("15:58", "2026-11-25")
    rounds.poll("12:58", HALF_DAY)
    rounds.last_equity = rounds.equity
    rounds.cash += 800
    rounds.poll("13:30", HALF_DAY, times=3)
    rounds.record("13:40", HALF_DAY, activity_type="CSD", net_amount="800", date=HALF_DAY)
    rounds.poll("11:00", "2026-11-28")
    nothing_earned(rounds, HALF_DAY)
    rounds.poll("10:00", AFTER)
    nothing_earned(rounds, HALF_DAY, AFTER)


def test_a_record_that_comes_days_before_its_money_counts_with_the_money(rounds: Rounds) -> None:
    rounds.record("16:05", activity_type="CSD", id="p", net_amount="900", status="pending", date=TUESDAY)
    rounds.poll("09:00", WEDNESDAY)
    rounds.record("09:10", WEDNESDAY, activity_type="CSD", id="p", net_amount="900", status="executed", date=TUESDAY)
    rounds.cash += 900
    rounds.poll("09:30", WEDNESDAY)
    nothing_earned(rounds, TUESDAY, WEDNESDAY)
    assert rounds.view.cash_flow_today == 900


def test_two_deposits_of_one_date_come_each_in_its_own_step_or_together(rounds: Rounds) -> None:
    rounds.poll("16:29")
    for clock, amount in (("16:30", 300), ("16:40", 400)):
        rounds.cash += amount
        rounds.poll(clock)
    rounds.cash += 100 + 50
    rounds.poll("16:45")
    for number, amount in enumerate((400, 300, 100, 50)):
        rounds.record(f"16:5{number}", activity_type="CSD", net_amount=str(amount), date=TUESDAY)
    rounds.poll("10:00", WEDNESDAY)
    assert rounds.view.cash_flow_today == 850
    nothing_earned(rounds, TUESDAY, WEDNESDAY)


def test_the_cash_of_a_sale_is_not_taken_for_the_deposit(rounds: Rounds) -> None:
    rounds.poll("16:29")
    rounds.held["X"] = (75, 100.0)
    rounds.cash += 500  # the sale of five shares, after the close
    rounds.poll("16:30", times=2)
    rounds.record("16:40", activity_type="CSD", net_amount="500", date=TUESDAY)
    assert rounds.sql("SELECT * FROM noticed_flows") == []


def test_a_step_between_polls_that_are_far_apart_proves_no_side_of_the_close(rounds: Rounds) -> None:
    rounds.cash += 500
    rounds.poll("18:00")
    rounds.record("18:05", activity_type="CSD", net_amount="500", date=TUESDAY)
    assert rounds.sql("SELECT * FROM noticed_flows") == []
