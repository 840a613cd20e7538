"""An account that owes more than it holds: everything is lost, and every figure says so."""

from __future__ import annotations

import pytest

from bigdipper_exporter.archive.queries.account import performance
from bigdipper_exporter.archive.store import Store
from tests.alpaca.rounds import Rounds

MONDAY, WEDNESDAY, THURSDAY = "2026-11-16", "2026-11-18", "2026-11-19"


def test_a_squeezed_short_loses_everything(store: Store) -> None:
    rounds = Rounds(store, 18_000, {"X": (-80, 100.0)})
    rounds.poll("15:58", MONDAY)
    rounds.poll("10:00")
    for minute, price in enumerate(range(104, 232, 4)):
        rounds.held = {"X": (-80, float(price))}
        rounds.poll(f"11:{minute:02d}")
    rounds.held = {"X": (-80, 231.25)}
    rounds.poll("15:58", times=2)
    assert rounds.equity == -500
    assert rounds.view.day_profit == pytest.approx(-10_500)
    assert rounds.view.day_return == pytest.approx(-1)
    assert rounds.view.chain.drawdown == pytest.approx(1)
    assert rounds.returns()["all"] == pytest.approx(-1)
    found = performance(store.connection, MONDAY)
    assert found.max_drawdown == pytest.approx(-1)
    assert found.return_ratio == pytest.approx(-1, abs=1e-5)

    rounds.last_equity = rounds.equity
    rounds.poll("10:00", WEDNESDAY)
    assert rounds.view.doubts == (), "the last poll said the same"
    assert rounds.view.day_profit == pytest.approx(0)
    assert rounds.view.chain.drawdown == pytest.approx(1), "it is not made good by a night"

    rounds.cash += 5_000
    rounds.record("10:05", WEDNESDAY, activity_type="CSD", net_amount="5000", date=WEDNESDAY)
    rounds.poll("10:10", WEDNESDAY, times=4)
    rounds.poll("15:58", WEDNESDAY)
    rounds.last_equity = rounds.equity
    rounds.held = {"X": (-80, 228.0)}
    rounds.poll("10:00", THURSDAY)
    assert rounds.view.day_profit == pytest.approx(260)
    assert rounds.view.chain.drawdown == pytest.approx(0)
    assert rounds.returns()["1d"] == pytest.approx(260 / 4_500)
