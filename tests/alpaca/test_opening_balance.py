"""What an account opens with is no deposit: a paper account has it in its first `last_equity` already."""

from __future__ import annotations

import pytest

from bigdipper_exporter.archive.store import Store
from tests.alpaca.rounds import Rounds, at

TUESDAY, WEDNESDAY = "2026-11-17", "2026-11-18"


def nothing_earned(rounds: Rounds, equity: float, flow: float = 0.0) -> None:
    assert rounds.view.day_profit == pytest.approx(0)
    assert rounds.view.cash_flow_today == flow
    assert rounds.view.day_return == pytest.approx(0)
    assert rounds.view.chain.drawdown == pytest.approx(0)
    assert rounds.view.chain.peak == pytest.approx(equity)
    assert rounds.sql("SELECT max(abs(coalesce(profit, 0))) FROM daily_stats") == [(0,)]


RECORDS = {
    "a date alone": {"date": TUESDAY},
    "two minutes later": {"date": TUESDAY, "created_at": "2026-11-17T14:02:00Z"},
    "at once": {"date": TUESDAY, "created_at": "2026-11-17T14:00:01Z"},
    "in the afternoon": {"created_at": "2026-11-17T19:30:00Z"},
}


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
@pytest.mark.parametrize("kinds", [(("JNLC", 100_000),), (("CSD", 60_000), ("JNLC", 40_000))])
def test_the_balance_of_an_account_created_this_morning_is_no_loss(
    store: Store, record: dict[str, str], kinds: tuple[tuple[str, int], ...]
) -> None:
    rounds = Rounds(store, 100_000, created=at("09:00"))
    rounds.poll("15:00")
    for number, (kind, amount) in enumerate(kinds):
        rounds.record(f"15:0{number + 1}", activity_type=kind, net_amount=str(amount), **record)
    rounds.poll("15:05", times=2)
    nothing_earned(rounds, 100_000)
    rounds.poll("10:00", WEDNESDAY, times=2)
    nothing_earned(rounds, 100_000)


@pytest.mark.parametrize(
    "record",
    [{"date": TUESDAY}, {"date": WEDNESDAY}, {"created_at": "2026-11-17T22:02:00Z"}, {"created_at": "2026-11-17T22:00:00Z"}],
)
def test_an_account_created_in_the_evening_has_no_flow_on_either_day(store: Store, record: dict[str, str]) -> None:
    rounds = Rounds(store, 100_000, created=at("17:00"))
    rounds.poll("17:05", times=2)
    rounds.record("17:08", activity_type="JNLC", net_amount="100000", **record)
    rounds.poll("17:10", times=2)
    nothing_earned(rounds, 100_000)
    rounds.poll("10:00", WEDNESDAY, times=2)
    nothing_earned(rounds, 100_000)


def test_a_deposit_on_the_first_day_is_one_beside_the_opening_balance(store: Store) -> None:
    rounds = Rounds(store, 10_000, created=at("09:00"))
    rounds.poll("10:00")
    rounds.record("10:01", activity_type="JNLC", date=TUESDAY, net_amount="10000")
    rounds.cash += 10_000
    rounds.poll("11:00", times=4)
    rounds.record("11:05", activity_type="CSD", date=TUESDAY, net_amount="10000")
    rounds.poll("11:06")
    nothing_earned(rounds, 20_000, flow=10_000)


def test_money_for_an_account_that_opened_with_nothing_is_a_deposit(store: Store) -> None:
    rounds = Rounds(store, 0, created=at("09:00"))
    rounds.poll("10:00")
    rounds.cash += 10_000
    rounds.record("10:30", activity_type="CSD", created_at="2026-11-17T15:29:00Z", net_amount="10000")
    rounds.poll("10:31", times=4)
    assert rounds.view.cash_flow_today == 10_000
    assert rounds.view.day_profit == 0


@pytest.mark.parametrize("record", [{"date": TUESDAY}, {"created_at": "2026-11-17T14:02:00Z"}])
def test_the_first_day_of_the_history_begins_with_what_the_account_opened_with(store: Store, record: dict[str, str]) -> None:
    rounds = Rounds(store, 90_000, created=at("09:00"))
    rounds.poll("10:00", "2026-11-19")
    rounds.history("10:01", "2026-11-19", day_17=90_000, day_18=90_000)
    rounds.record("10:02", "2026-11-19", activity_type="JNLC", net_amount="100000", **record)
    rounds.poll("10:03", "2026-11-19")
    assert rounds.day("starting_equity") == 100_000
    assert rounds.day("return_ratio") == pytest.approx(-0.1)
    assert rounds.view.chain.drawdown == pytest.approx(0.1)
    assert rounds.day("cash_flow") == 0
