"""Everything is counted once: over restarts, failed transactions, pages of history and records that come late."""

from __future__ import annotations

import itertools
import random
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from bigdipper_exporter.archive.broker import activities
from bigdipper_exporter.demo.simulator.ledger import Ledger
from bigdipper_exporter.demo.simulator.units import cents
from tests.alpaca.conftest import OPTION

OVER_HTTP = True

WRITTEN = (
    ("SELECT order_id, status, ended, slippage_bps FROM orders ORDER BY 1", "orders"),
    ("SELECT activity_id, symbol, quantity, realized_pl FROM fills ORDER BY 1", "fills"),
    ("SELECT activity_id, type, net_amount FROM activities ORDER BY 1", "activities"),
    ("SELECT name, labels, value FROM counters WHERE name GLOB 'bigdipper_[fow]*' ORDER BY 1, 2", "counters"),
)


def busy(ledger: Ledger, orders: int, now: float) -> None:
    """An account with a long history: filled, canceled and expired orders, some of one instant."""
    draw = random.Random(5)
    ledger.created = now - 3700 * orders
    for i in range(orders):
        at = now - 3600 * (orders - i)
        symbol, price = f"SYM{chr(65 + i % 20)}", draw.randrange(5_000, 20_000)
        ledger.marks.setdefault(symbol, price)
        order = ledger.place(symbol, 1, None, at - at % 72_000)
        if i % 10 < 8:
            ledger.fill(order, order.qty, price, at)
        else:
            ledger.finish(order, "canceled" if i % 10 == 8 else "expired", at)
    ledger.activities.sort(key=lambda a: a.at)


def test_1200_orders_are_backfilled_in_pages_and_counted_once(open_desk: Callable[..., Any], ledger: Ledger) -> None:
    busy(ledger, 1200, 1762270200.0)
    desk = open_desk()
    progress = []
    for _ in range(60):
        desk.advance(5, step=5)
        progress.append(desk.metrics()["bigdipper_alpaca_backfill_ratio"])
    metrics = desk.metrics()
    assert progress[0] < 0.9
    assert progress[-1] == 1
    assert all(later > earlier - 0.001 for earlier, later in itertools.pairwise(progress))
    truth = {s: sum(o.status == s for o in ledger.orders.values()) for s in ("filled", "canceled", "expired")}
    assert truth == {"filled": 964, "canceled": 120, "expired": 120}
    for status, count in truth.items():
        assert metrics[f'bigdipper_orders_total{{status="{status}"}}'] == count
        assert desk.one("SELECT count(*) FROM orders WHERE status = ?", status) == count
    fills = list(ledger.fills())
    assert desk.one("SELECT count(*) FROM fills") == len(fills) == 964
    assert sum(v for n, v in metrics.items() if n.startswith("bigdipper_fills_total")) == 964
    minutes = [int(r.at // 60) for r in desk.broker.requests]
    assert max(minutes.count(m) for m in set(minutes)) <= 60


@pytest.mark.parametrize("seconds", [3, 9, 21, 33, 90])
def test_a_restart_in_the_middle_counts_nothing_twice(open_desk: Callable[..., Any], ledger: Ledger, seconds: int) -> None:
    busy(ledger, 1200, 1762270200.0)
    first = open_desk()
    first.advance(seconds, step=3)
    if seconds > 3:
        first.timing.advance(3)  # polled, and lost with the process before it was committed
    first.close()
    second = open_desk()
    second.advance(400, step=20)
    metrics = second.metrics()
    assert metrics['bigdipper_orders_total{status="filled"}'] == 964
    assert metrics['bigdipper_orders_total{status="canceled"}'] == 120
    assert sum(v for n, v in metrics.items() if n.startswith("bigdipper_fills_total")) == 964
    assert metrics["bigdipper_order_time_to_fill_seconds_count"] == 964
    assert metrics["bigdipper_alpaca_backfill_ratio"] == 1


def test_an_order_that_ends_while_the_exporter_is_down_is_counted_at_the_next_start(open_desk: Callable[..., Any]) -> None:
    first = open_desk()
    first.advance(60)
    first.close()
    ledger = first.broker.ledger
    (order,) = ledger.open_orders.values()
    first.timing.jump(7 * 86_400)
    ledger.finish(order, "expired", first.timing.time() - 6 * 86_400)
    second = open_desk()
    second.advance(60)
    assert second.metrics()['bigdipper_orders_total{status="expired"}'] == 1
    assert second.one("SELECT count(*) FROM orders WHERE ended IS NULL") == 0


def test_a_transaction_that_fails_and_is_tried_again_writes_the_same(open_desk: Callable[..., Any], tmp_path: Any) -> None:
    """Twice the same hour: one desk commits every time, the other fails every transaction three times before."""
    outcomes = []
    for failing in (False, True):
        desk = open_desk()
        for _ in range(12):
            desk.timing.advance(5)
            if failing and desk.source.pending():
                for _ in range(3):
                    desk.fail()
            desk.turn()
        outcomes.append({name: desk.sql(query) for query, name in WRITTEN})
        desk.close()
        for left in tmp_path.glob("archive.db*"):
            left.unlink()
    assert outcomes[0] == outcomes[1]
    assert outcomes[0]["counters"]


def test_results_wait_while_the_archive_cannot_be_written_and_then_all_arrive(desk: Any) -> None:
    asked = len(desk.broker.requests)
    for _ in range(200):
        desk.timing.advance(60)
    waiting = len(desk.source._queue)
    assert 100 <= waiting <= 101, "then the broker is left alone"
    assert len(desk.broker.requests) - asked < 260
    before = desk.one("SELECT count(*) FROM account_history")
    desk.turn()
    assert desk.one("SELECT count(*) FROM account_history") > before + 10
    assert not desk.source.pending()


def test_a_late_activity_changes_what_a_sale_realized(desk: Any) -> None:
    ledger, now = desk.broker.ledger, desk.timing.time()
    ledger.marks["LATE"] = cents(100)
    ledger.trade("LATE", 10, 100, now - 1000)
    ledger.trade("LATE", -10, 90, now - 500)
    missing = ledger.activities.pop(-2)
    desk.advance(310)
    assert desk.sql("SELECT realized_pl FROM fills WHERE symbol = 'LATE'") == [(None,)]
    assert list(desk.view.wash.unknown) == ["LATE"]
    ledger.activities.insert(-1, missing)
    desk.advance(310)
    fills = desk.sql("SELECT side, realized_pl FROM fills WHERE symbol = 'LATE' ORDER BY ts")
    assert fills == [("buy", None), ("sell", -100.0)]
    assert desk.metrics()['bigdipper_fills_total{symbol="LATE",side="sell"}'] == 1


def test_a_buy_in_the_window_of_a_loss_sale_is_counted_once(open_desk: Any, broker: Any, timing: Any) -> None:
    buys = 'bigdipper_wash_sale_buys_total{symbol="MP"}'
    for ago, shares, price in ((1000, 10, 100), (900, -5, 90), (800, 1, 91)):
        broker.ledger.trade("MP", shares, price, timing.time() - ago)
    desk = open_desk()
    desk.advance(60)
    assert desk.metrics()[buys] == 1
    broker.ledger.trade("MP", 2, 92, timing.time())
    desk.advance(310)
    assert desk.metrics()[buys] == 2
    desk.close()
    again = open_desk()
    again.advance(310)
    assert again.metrics()[buys] == 2


@pytest.mark.parametrize("error", [ValueError("a bug"), sqlite3.IntegrityError("a constraint"), OverflowError("too large")])
def test_a_result_that_cannot_be_digested_is_dropped_alone(
    desk: Any, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise error

    before = desk.metrics()
    desk.broker.ledger.trade("AMD", 1, 250, desk.timing.time())
    with monkeypatch.context() as patch:
        patch.setattr("bigdipper_exporter.archive.broker.daily.write_account", fail)
        desk.advance(65)
    after = desk.metrics()
    assert after["bigdipper_account_equity_usd"] == before["bigdipper_account_equity_usd"]
    assert after['bigdipper_position_quantity{symbol="AMD"}'] == 12.5036
    requests = 'bigdipper_alpaca_requests_total{endpoint="account"}'
    assert after[requests] == before[requests], "nothing of it is left, its counters neither"
    assert not desk.source.pending()
    desk.advance(65)
    assert desk.metrics()["bigdipper_account_equity_usd"] == float(desk.asked("account")["equity"])


def test_one_record_that_cannot_be_stored_costs_its_page_no_other(
    open_desk: Callable[..., Any], broker: Any, timing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker.ledger.trade("MP", 2, 92, timing.time() - 30)
    honest = activities.rematch

    def fail(connection: sqlite3.Connection, symbol: str, short_held: bool) -> Any:
        if symbol == "BRK.B":
            raise OverflowError("a bug")
        return honest(connection, symbol, short_held)

    monkeypatch.setattr(activities, "rematch", fail)
    desk = open_desk()
    desk.advance(60)
    symbols = {symbol for (symbol,) in desk.sql("SELECT DISTINCT symbol FROM fills")}
    assert symbols == {"AMD", "AAPL", "MP", OPTION}
    assert desk.view.backfill == 1.0, "the history goes on"
    assert desk.metrics()['bigdipper_alpaca_rejected_records_total{endpoint="activities"}'] >= 1
    assert desk.metrics()['bigdipper_fills_total{symbol="AMD",side="buy"}'] == 1
