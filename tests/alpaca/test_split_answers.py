"""A split of which the broker changes the price and the quantity apart: no flow, no profit, no peak; a transfer is one."""

from __future__ import annotations

import pytest

from bigdipper_exporter.archive.store import Store
from tests.alpaca.rounds import Rounds

# Name: old and new quantity, old and new price; beside it there is so much cash, or other shares.
SPLITS = {
    "reverse 1:10": (100, 10, 20.0, 200.0),
    "forward 10:1": (10, 100, 400.0, 40.0),
    "forward 3:2": (100, 150, 60.0, 40.0),
    "reverse 1:30": (300, 10, 1.0, 30.0),
    "stock dividend of 5 %": (100, 105, 42.0, 40.0),
    "of a short, forward 4:1": (-10, -40, 200.0, 50.0),
}


def account(store: Store, quantity: float, price: float, beside: str) -> Rounds:
    """10,000 dollars: the position, and cash or other shares."""
    rest = 10_000 - quantity * price
    held = {"X": (quantity, price)} | ({"Y": (rest / 50, 50.0)} if beside == "shares" else {})
    rounds = Rounds(store, rest if beside == "cash" else 0.0, held)
    for clock in ("09:00", "09:10", "09:29"):
        rounds.poll(clock)
    return rounds


def nothing_happened(rounds: Rounds) -> None:
    assert rounds.sql("SELECT * FROM noticed_flows") == []
    assert rounds.view.day_profit == pytest.approx(0, abs=0.01)
    assert rounds.view.cash_flow_today == 0
    assert rounds.view.day_return == pytest.approx(0, abs=1e-6)
    assert rounds.view.chain.drawdown == pytest.approx(0, abs=1e-6)
    assert rounds.view.chain.peak == pytest.approx(10_000)
    assert not rounds.view.doubts
    assert rounds.returns()["all"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("beside", ["cash", "shares"])
@pytest.mark.parametrize("first", ["price", "quantity", "both"])
@pytest.mark.parametrize("split", SPLITS.values(), ids=SPLITS)
@pytest.mark.parametrize("record", [None, "10:00", "at noon on the next day"])
def test_a_split_is_neither_a_flow_nor_a_profit(
    store: Store, split: tuple[float, float, float, float], first: str, beside: str, record: str | None
) -> None:
    old, new, before, after = split
    rounds = account(store, old, before, beside)
    rounds.held["X"] = (old if first == "price" else new, before if first == "quantity" else after)
    rounds.poll("09:30", times=12)
    rounds.held["X"] = (new, after)
    rounds.poll("09:42", times=8)
    if record == "10:00":
        rounds.record("10:00", activity_type="SPLIT", date="2026-11-17", symbol="X", qty=str(new - old))
    rounds.poll("10:01", times=4)
    nothing_happened(rounds)
    rounds.poll("15:59")
    rounds.poll("10:00", "2026-11-18", times=2)
    if record is not None and record != "10:00":
        rounds.record("12:00", "2026-11-18", activity_type="SPLIT", date="2026-11-17", symbol="X", qty=str(new - old))
        rounds.poll("12:01", "2026-11-18")
    nothing_happened(rounds)


@pytest.mark.parametrize("first", ["price", "quantity"])
@pytest.mark.parametrize("name", ["reverse 1:10", "forward 10:1"])
def test_a_split_whose_halves_are_hours_apart_leaves_nothing_once_its_record_is_read(
    store: Store, first: str, name: str
) -> None:
    old, new, before, after = SPLITS[name]
    rounds = account(store, old, before, "cash")
    rounds.held["X"] = (old if first == "price" else new, before if first == "quantity" else after)
    rounds.poll("09:30", times=150)
    rounds.held["X"] = (new, after)
    rounds.poll("12:00", times=5)
    rounds.record("12:06", activity_type="SPLIT", date="2026-11-17", symbol="X", qty=str(new - old))
    rounds.poll("12:07", times=70)
    assert rounds.sql("SELECT * FROM noticed_flows") == []
    assert rounds.view.day_profit == pytest.approx(0)
    assert rounds.view.cash_flow_today == 0
    assert not rounds.view.doubts


@pytest.mark.parametrize("units", [10.0, 100.0, -50.0])
def test_shares_that_are_moved_in_or_out_of_a_position_are_a_flow_after_an_hour(store: Store, units: float) -> None:
    rounds = account(store, 100, 50.0, "cash")
    rounds.held["X"] = (100 + units, 50.0)
    rounds.poll("09:30", times=70)
    assert rounds.view.cash_flow_today == pytest.approx(units * 50)
    assert rounds.view.day_profit == pytest.approx(0)
    assert rounds.view.chain.drawdown == pytest.approx(0)
    assert not rounds.view.doubts


def test_shares_that_are_moved_in_are_a_flow_as_soon_as_their_record_is_read(store: Store) -> None:
    rounds = account(store, 100, 50.0, "cash")
    rounds.held["X"] = (200, 50.0)
    rounds.poll("09:30", times=5)
    rounds.record("09:35", activity_type="ACATS", created_at="2026-11-17T14:30:00Z", symbol="X", qty="100", price="50")
    rounds.poll("09:36", times=80)
    assert rounds.view.cash_flow_today == 5_000
    assert rounds.view.day_profit == 0
    assert rounds.sql("SELECT * FROM noticed_flows") == []
