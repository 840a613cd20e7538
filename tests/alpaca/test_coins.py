"""Trades in coins: their fee is taken in coins."""

from __future__ import annotations

import pytest

from bigdipper_exporter.archive.store import Store
from tests.alpaca.rounds import Rounds


@pytest.mark.parametrize("amount", [{"net_amount": "0"}, {}, {"net_amount": "-0.5"}])
def test_a_fee_in_coins_is_a_fee(store: Store, amount: dict[str, str]) -> None:
    rounds = Rounds(store, 10_000)
    rounds.poll("15:58", "2026-11-16")
    rounds.poll("10:00")
    trade = {"symbol": "ETH/USD", "side": "buy", "qty": "0.1", "price": "2000", "transaction_time": "2026-11-17T15:10:00Z"}
    rounds.record("10:10", activity_type="FILL", order_id="o", **trade)
    rounds.record("10:11", activity_type="CFEE", symbol="ETHUSD", qty="-0.00025", price="2000", date="2026-11-17", **amount)
    rounds.cash -= 200
    rounds.held = {"ETHUSD": (0.09975, 2_000.0)}
    rounds.poll("10:12")
    assert rounds.day("profit") == pytest.approx(-0.5)
    assert rounds.day("fees") == pytest.approx(-0.5)
    assert rounds.day("other") == pytest.approx(0, abs=1e-9)
