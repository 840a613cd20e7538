"""Prices of the broker that are wrong for some minutes in every answer, and markets that really fall."""

from __future__ import annotations

from datetime import date

import pytest

from bigdipper_exporter.archive.broker.repair import repair
from bigdipper_exporter.archive.broker.repository import BrokerRepository
from bigdipper_exporter.archive.store import Store
from tests.alpaca.rounds import Rounds, at

GOOD, LATER = 238.64, 243.47  # of 100 shares beside 5,000 in cash: equity 28,864, later 29,347


@pytest.fixture
def rounds(store: Store) -> Rounds:
    """An account that was polled from 9:25 to 9:29."""
    found = Rounds(store, 5_000, {"X": (100, GOOD)})
    found.poll("09:25", times=5)
    return found


def price(rounds: Rounds, value: float) -> None:
    rounds.held["X"] = (100, value)


@pytest.mark.parametrize("minutes", [2, 3, 4, 15, 45])
@pytest.mark.parametrize("wrong", [1_040.92, 340.0, 120.0, 2.0])
def test_a_price_that_is_wrong_in_every_answer_leaves_no_peak_and_no_trough(rounds: Rounds, wrong: float, minutes: int) -> None:
    price(rounds, wrong)
    rounds.poll("09:30", times=minutes)
    assert rounds.view.doubts == ("jump",)
    assert rounds.view.chain.peak == pytest.approx(28_864), "not while it is questioned either"
    price(rounds, LATER)
    rounds.poll("10:20", times=8)
    assert rounds.view.account is not None
    assert rounds.view.account.equity == pytest.approx(29_347)
    assert not rounds.view.doubts
    assert rounds.view.chain.drawdown == 0
    assert rounds.view.chain.peak == pytest.approx(29_347)
    assert rounds.day("peak_equity") == pytest.approx(29_347)
    assert rounds.day("trough_equity") == pytest.approx(28_864)
    assert rounds.view.day_profit == pytest.approx(483)
    assert rounds.sql("SELECT count(*) FROM noticed_flows") == [(0,)]
    kept = rounds.sql("SELECT count(*) FROM implausible_answers WHERE endpoint = 'account' AND reason = 'jump'")
    assert kept == [(minutes,)], "every wrong answer is kept apart"
    assert rounds.sql("SELECT count(*) FROM account_history WHERE equity NOT BETWEEN 28000 AND 30000") == [(0,)]


def test_two_wrong_prices_one_after_the_other_leave_none_either(rounds: Rounds, store: Store) -> None:
    for clock, wrong in (("09:30", 463.74), ("09:35", 1_040.92)):
        price(rounds, wrong)
        rounds.poll(clock, times=5)
        rounds.book = BrokerRepository(store.connection, True, 0.0)  # a restart
    price(rounds, LATER)
    rounds.poll("09:45", times=4)
    rounds.last_equity = 29_347
    rounds.poll("10:00", "2026-11-18", times=2)
    assert rounds.view.chain.drawdown == 0
    assert rounds.view.chain.peak == pytest.approx(29_347)


@pytest.mark.parametrize("fallen", [0.8, 0.6, 0.3])
def test_a_market_that_really_falls_is_shown_after_three_answers(rounds: Rounds, fallen: float) -> None:
    price(rounds, GOOD * fallen)
    equity = 5_000 + 100 * GOOD * fallen
    rounds.poll("09:30", times=3)
    assert rounds.view.account is not None
    assert rounds.view.account.equity == pytest.approx(equity)
    assert rounds.view.day_profit == pytest.approx(equity - 28_864)
    assert rounds.view.chain.drawdown == pytest.approx(1 - equity / 28_864)
    assert rounds.view.doubts == ("jump",), "it is said that it may be an error"
    assert rounds.view.is_jump_shown
    rounds.poll("09:33", times=60)
    assert not rounds.view.doubts
    assert rounds.day("trough_equity") == pytest.approx(equity)
    assert rounds.sql("SELECT count(*) FROM implausible_answers") == [(2,)], "those that waited for the third"
    assert rounds.view.chain.drawdown == pytest.approx(1 - equity / 28_864)


@pytest.mark.parametrize("adjustments", [None, 0.0])
@pytest.mark.parametrize("share", [0.9, 1.0, 1.2])
def test_a_deposit_as_large_as_a_fall_does_not_take_the_fall_back(
    rounds: Rounds, share: float, adjustments: float | None
) -> None:
    rounds.adjustments = adjustments
    rounds.poll("09:29")
    price(rounds, GOOD * 0.6)
    rounds.poll("09:30", times=20)
    fallen, deposit = rounds.equity, GOOD * 40 * share
    rounds.cash += deposit
    rounds.adjustments = None if adjustments is None else deposit
    rounds.poll("09:50", times=90)
    assert rounds.day("trough_equity") == pytest.approx(fallen)
    assert rounds.sql("SELECT count(*) FROM account_history WHERE equity < 20000") != [(0,)]
    assert rounds.day("cash_flow") == pytest.approx(deposit)
    assert rounds.day("profit") == pytest.approx(-GOOD * 40)


def test_a_trade_does_not_keep_wrong_prices_from_being_taken_back(rounds: Rounds) -> None:
    price(rounds, 120.0)
    rounds.poll("09:30", times=15)
    rounds.cash -= 20 * LATER
    rounds.held["X"] = (120, LATER)
    rounds.poll("09:45", times=5)
    assert rounds.day("trough_equity") == pytest.approx(28_864)
    assert rounds.sql("SELECT count(*) FROM noticed_flows") == [(0,)]


def test_a_rise_that_lasts_makes_a_peak_after_an_hour(rounds: Rounds) -> None:
    price(rounds, 400)
    rounds.poll("09:30", times=60)
    assert rounds.view.chain.peak == pytest.approx(28_864)
    rounds.poll("10:30", times=5)
    assert not rounds.view.doubts
    price(rounds, 380)
    rounds.poll("10:35", times=2)
    assert rounds.view.chain.peak == pytest.approx(45_000)
    assert rounds.view.chain.drawdown == pytest.approx(1 - 43_000 / 45_000)


def test_a_fall_that_is_made_good_step_by_step_was_one(rounds: Rounds) -> None:
    for minute in range(20):
        price(rounds, GOOD * (0.7 + 0.015 * minute))
        rounds.poll(f"09:{30 + minute}")
    assert not rounds.view.doubts
    assert rounds.day("trough_equity") < 5_000 + 75 * GOOD
    assert rounds.view.chain.peak == pytest.approx(28_864)


@pytest.mark.parametrize("wrong", [1_040.92, 340.0, 2.0])
def test_repair_finds_wrong_prices_that_an_earlier_release_has_believed(rounds: Rounds, wrong: float) -> None:
    price(rounds, LATER)
    rounds.poll("09:50", times=4)
    connection = rounds.store.connection
    equity = 5_000 + 100 * wrong
    for minute in range(30, 45):
        connection.execute(
            "INSERT INTO account_history"
            " (id, ts, date, source, equity, cash, long_market_value, short_market_value, last_equity)"
            " VALUES (?, ?, '2026-11-17', 'alpaca', ?, 5000, ?, 0, 28864)",
            (-minute, at(f"09:{minute}"), equity, 100 * wrong),
        )
    connection.execute("UPDATE daily_stats SET peak_equity = max(peak_equity, ?)", (equity,))
    _, odd = repair(connection, date(2026, 11, 17))
    assert odd == 15
    assert rounds.day("peak_equity") == pytest.approx(29_347)
    assert rounds.day("trough_equity") == pytest.approx(28_864)
    assert rounds.day("drawdown_ratio") == 0
    assert rounds.sql("SELECT count(*) FROM implausible_answers WHERE reason = 'jump'") == [(15,)]


def test_repair_leaves_a_fall_that_lasted_as_it_is(rounds: Rounds) -> None:
    price(rounds, GOOD * 0.6)
    rounds.poll("09:30", times=80)
    price(rounds, LATER)
    rounds.poll("10:55", times=5)
    before = rounds.day("trough_equity")
    _, odd = repair(rounds.store.connection, date(2026, 11, 17))
    assert odd == 0
    assert rounds.day("trough_equity") == before == pytest.approx(5_000 + 60 * GOOD)
