"""The bot's orders, named by its log, and the owner's own are two things in every figure."""

from __future__ import annotations

from typing import Any

import pytest

from bigdipper_exporter.demo.simulator.units import cents, quantity
from tests.alpaca.conftest import TUESDAY
from tests.alpaca.test_reconcile import account_said, said


def recount(desk: Any) -> dict[str, float]:
    """Metrics after the next full poll of orders and activities."""
    desk.advance(620)
    return dict(desk.metrics())


def results(metrics: dict[str, float]) -> dict[str, float]:
    return {
        name: metrics[f'bigdipper_day_orders{{result="{name}"}}'] for name in ("filled", "partly_filled", "unfilled", "open")
    }


def test_three_orders_open_and_three_fills_by_hand_are_told_apart(open_desk: Any, broker: Any) -> None:
    ledger = broker.ledger
    desk = open_desk()
    account_said(desk, TUESDAY - 86_400, 20_000)
    for symbol in ("MSFT", "AMD", "TER"):
        ledger.marks.setdefault(symbol, cents(100))
        said(desk, desk.timing.time(), order=ledger.place(symbol, 1, 50, desk.timing.time()).id, symbol=symbol)
    metrics = recount(desk)
    assert results(metrics) == {"filled": 0, "partly_filled": 0, "unfilled": 0, "open": 3}
    assert metrics["bigdipper_day_orders_by_hand"] == 4, "the four trades of this morning"
    assert metrics["bigdipper_orders_unfilled"] == 0
    assert desk.sql("SELECT fills_count, fills_by_hand FROM daily_stats WHERE date = '2025-11-04'") == [(0, 4)]
    assert "bigdipper_fill_rate_ratio" not in metrics, "no order of the bot has ended"
    assert metrics["bigdipper_order_time_to_fill_seconds_count"] == 0
    assert metrics['bigdipper_orders_total{status="filled"}'] == 4, "of the whole account"
    assert metrics['bigdipper_bot_orders_total{status="filled"}'] == 0


def test_an_order_filled_in_part_and_cancelled_counts_by_quantity(open_desk: Any, broker: Any) -> None:
    ledger = broker.ledger
    desk = open_desk()
    account_said(desk, TUESDAY - 86_400, 20_000)
    now = desk.timing.time()
    ledger.marks["TER"] = cents(100)
    orders = [ledger.place("TER", 100, 20, now) for _ in range(3)]
    for order in orders:
        said(desk, now, order=order.id, symbol="TER", quantity=100)
    ledger.fill(orders[0], quantity(100), cents(20), now + 30)
    ledger.fill(orders[1], quantity(99), cents(20), now + 30)
    for order in orders[1:]:
        ledger.finish(order, "canceled", now + 60)
    metrics = recount(desk)
    assert results(metrics) == {"filled": 1, "partly_filled": 1, "unfilled": 1, "open": 0}
    assert metrics["bigdipper_orders_unfilled"] == 1
    assert metrics["bigdipper_fill_rate_ratio"] == pytest.approx((1 + 0.99 + 0) / 3)
    assert metrics['bigdipper_bot_orders_total{status="canceled"}'] == 2
    assert metrics["bigdipper_order_time_to_fill_seconds_count"] == 1


def test_an_order_whose_line_is_read_after_its_end_becomes_the_bots_once(open_desk: Any, broker: Any) -> None:
    ledger = broker.ledger
    desk = open_desk()
    account_said(desk, TUESDAY - 86_400, 20_000)
    now = desk.timing.time()
    ledger.marks["TER"] = cents(100)
    order = ledger.place("TER", 10, 101, now)
    ledger.fill(order, order.qty, cents(100), now + 30)
    metrics = recount(desk)
    assert metrics["bigdipper_day_orders_by_hand"] == 5
    said(desk, now, order=order.id, symbol="TER", quantity=10)
    for _ in range(2):
        metrics = recount(desk)
        assert metrics["bigdipper_day_orders_by_hand"] == 4
        assert metrics["bigdipper_fill_rate_ratio"] == 1
        assert metrics['bigdipper_bot_orders_total{status="filled"}'] == 1
        assert metrics["bigdipper_order_time_to_fill_seconds_count"] == 1
        assert metrics['bigdipper_order_slippage_ratio_bucket{le="+Inf"}'] == 1
    assert desk.sql("SELECT fills_count, fills_by_hand FROM daily_stats WHERE date = '2025-11-04'") == [(1, 4)]


def test_the_design_form_without_order_ids_names_an_order_by_symbol_day_and_side(open_desk: Any, broker: Any) -> None:
    desk = open_desk()
    said(desk, TUESDAY - 3600, symbol="AMD")
    metrics = recount(desk)
    assert results(metrics)["filled"] == 1
    assert metrics["bigdipper_day_orders_by_hand"] == 3


def test_without_a_log_every_order_counts(open_desk: Any) -> None:
    desk = open_desk()
    metrics = recount(desk)
    assert results(metrics) == {"filled": 4, "partly_filled": 0, "unfilled": 0, "open": 1}
    assert metrics["bigdipper_day_orders_by_hand"] == 0
    assert metrics["bigdipper_fill_rate_ratio"] == 1


def test_the_next_account_answer_names_orders_of_a_log_that_was_read_after_them(
    open_desk: Any, broker: Any, timing: Any
) -> None:
    """At a first start the history of orders comes while the log is still being read; the next poll of orders is far away."""
    ledger, now = broker.ledger, timing.time()
    ledger.marks["TER"] = cents(100)
    order = ledger.place("TER", 10, 101, now)
    ledger.fill(order, order.qty, cents(100), now)
    for still_open in list(ledger.open_orders.values()):
        ledger.finish(still_open, "canceled", now)
    desk = open_desk(alpaca_orders_interval=86_400.0)
    account_said(desk, TUESDAY - 86_400, 20_000)
    desk.advance(620)
    assert desk.one("SELECT in_log FROM orders WHERE order_id = ?", order.id) == 0
    said(desk, now, order=order.id, symbol="TER", quantity=10)
    desk.advance(70)
    assert desk.one("SELECT in_log FROM orders WHERE order_id = ?", order.id) == 1
    assert desk.metrics()['bigdipper_bot_orders_total{status="filled"}'] == 1
