"""Executions that the broker corrects or cancels (busts) later, under the same id."""

from __future__ import annotations

from typing import Any

import pytest

from bigdipper_exporter.archive.store import Store
from bigdipper_exporter.broker import decode
from bigdipper_exporter.broker.results import Activities
from bigdipper_exporter.metrics import counters as m
from tests.alpaca.rounds import Rounds, at


@pytest.fixture
def rounds(store: Store) -> Rounds:
    """Ten shares bought at 100 and sold at 110."""
    found = Rounds(store, 10_000)
    found.poll("15:58", "2026-11-16")
    found.poll("10:00")
    fill(found, "1", "buy", 100)
    fill(found, "2", "sell", 110)
    found.cash += 100
    found.poll("10:40")
    return found


def fields(number: str, side: str, price: float, quantity: float = 10, symbol: str = "MP", **more: str) -> dict[str, Any]:
    when = f"2026-11-17T15:3{number}:00Z"
    named = {"symbol": symbol, "side": side, "qty": str(quantity), "price": str(price)}
    return {"activity_type": "FILL", "id": f"f{number}", "order_id": f"o{number}", "transaction_time": when} | named | more


def fill(rounds: Rounds, *values: Any, **more: Any) -> None:
    rounds.record("10:45", **fields(*values, **more))


def realized(rounds: Rounds) -> list[Any]:
    return [row[0] for row in rounds.sql("SELECT realized_pl FROM fills WHERE side = 'sell' ORDER BY ts")]


def test_a_corrected_price_corrects_what_the_sale_realized(rounds: Rounds) -> None:
    assert realized(rounds) == [100]
    fill(rounds, "1", "buy", 105)
    assert realized(rounds) == [50]
    assert rounds.day("realized_pl") == 50
    assert rounds.sql("SELECT price, value FROM fills WHERE activity_id = 'f1'") == [(105, 1_050)]
    fill(rounds, "2", "sell", 110, quantity=4)
    assert realized(rounds) == [20]


def test_a_corrected_symbol_is_matched_under_both(rounds: Rounds) -> None:
    fill(rounds, "3", "buy", 90, symbol="AMD")
    fill(rounds, "4", "sell", 95, symbol="AMD")
    assert realized(rounds) == [100, 50]
    fill(rounds, "3", "buy", 90, symbol="XYL")
    assert realized(rounds) == [100, None], "what AMD was bought for is unknown"


def test_a_busted_trade_is_gone(rounds: Rounds) -> None:
    fill(rounds, "2", "sell", 110, status="canceled")
    assert realized(rounds) == []
    assert rounds.day("realized_pl") == 0
    assert rounds.day("fills_count") == 1
    fill(rounds, "5", "sell", 120, status="canceled")
    assert rounds.sql("SELECT count(*) FROM fills") == [(1,)]


def test_each_execution_is_counted_once(rounds: Rounds) -> None:
    fill(rounds, "1", "buy", 105)
    twice = [decode.activity(fields("6", "buy", 50)) for _ in range(2)]
    rounds.put("activities", at("10:50"), Activities(tuple(twice)))
    with rounds.store.transaction() as connection:
        rounds.counters.flush(connection)
    rounds.counters.commit()
    assert rounds.counters.values[m.FILLS.name]["MP", "buy"] == 2
    assert rounds.sql("SELECT count(*) FROM fills WHERE side = 'buy'") == [(2,)]
