"""Trades in coins: their fee is taken in coins."""

from __future__ import annotations

from typing import Any

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


def test_what_fees_took_of_a_coin_is_no_lot_once_the_position_is_empty(store: Store) -> None:
    """The broker's positions name BTCUSD what its executions name BTC/USD."""
    rounds = Rounds(store, 10_000)

    def trade(clock: str, side: str, quantity: float, price: float) -> None:
        stamp = f"2026-11-17T{clock}:00-05:00"
        fields: dict[str, Any] = {"symbol": "BTC/USD", "qty": quantity, "price": price, "side": side}
        rounds.record(clock, activity_type="FILL", transaction_time=stamp, **fields)

    trade("09:40", "buy", 1, 100)
    rounds.held = {"BTCUSD": (0.9975, 100.0)}
    rounds.poll("09:45")
    trade("10:00", "sell", 0.9975, 110)
    rounds.held = {}
    rounds.poll("10:05")
    trade("11:00", "buy", 1, 200)
    trade("12:00", "sell", 1, 200)
    assert rounds.sql("SELECT realized_pl FROM fills WHERE side = 'sell' ORDER BY ts") == [(pytest.approx(9.975),), (0.0,)]


def test_a_coin_bought_just_before_a_poll_without_it_is_held_less_its_fee(store: Store) -> None:
    """Positions lag behind executions: the next poll has 0.9975 of the coin that was bought."""
    rounds = Rounds(store, 10_000)

    def trade(clock: str, side: str, quantity: float, price: float) -> None:
        stamp = f"2026-11-17T{clock}-05:00"
        fields: dict[str, Any] = {"symbol": "BTC/USD", "qty": quantity, "price": price, "side": side}
        rounds.record(clock, activity_type="FILL", transaction_time=stamp, **fields)

    trade("09:40:00", "buy", 1, 100)
    rounds.held = {"BTCUSD": (0.9975, 100.0)}
    rounds.poll("09:45")
    trade("10:00:00", "sell", 0.9975, 110)
    trade("10:00:03", "buy", 1, 100)
    rounds.held = {}
    rounds.poll("10:00:05")
    rounds.held = {"BTCUSD": (0.9975, 100.0)}
    rounds.poll("10:01:05")
    trade("11:00:00", "sell", 0.9975, 120)
    realized = rounds.sql("SELECT realized_pl FROM fills WHERE side = 'sell' ORDER BY ts")
    assert realized == [(pytest.approx(9.975),), (pytest.approx(19.95),)]
