"""Wash sales, splits and odd options from the broker's answers to the archive and /metrics."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bigdipper_exporter.archive.retention import forget
from bigdipper_exporter.calendar import NEW_YORK
from bigdipper_exporter.demo.simulator.books import Asset
from bigdipper_exporter.demo.simulator.broker import Broker
from bigdipper_exporter.demo.simulator.ledger import Ledger
from bigdipper_exporter.demo.simulator.units import cents, quantity
from tests.alpaca.conftest import Desk, Timing, every

Account = Callable[[str], Desk]
ADJUSTED = "NVDA1260909C00222500"


def at(day: str, clock: str = "11:00") -> float:
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=NEW_YORK).timestamp()


@pytest.fixture
def ledger() -> Ledger:
    books = Ledger(500_000, seed=10, opened=at("2025-01-02", "09:00"))
    books.assets[ADJUSTED] = Asset(ADJUSTED, "", "us_option", 10)
    return books


@pytest.fixture
def timing() -> Timing:
    return Timing(at("2025-03-03"))


def in_parts(ledger: Ledger, symbol: str, parts: list[float], price: float, ts: float) -> None:
    """One order in several executions, a minute apart."""
    ledger.marks[symbol] = cents(price)
    order = ledger.place(symbol, sum(parts), None, ts)
    for i, part in enumerate(parts):
        ledger.fill(order, abs(quantity(part)), cents(price), ts + 60 * i)


def disallowed(desk: Desk, symbol: str = "AMD") -> float:
    return desk.metrics()[f'bigdipper_wash_sale_disallowed_loss_usd{{symbol="{symbol}"}}']


def test_selling_a_part_of_a_lot_defers_nothing(open_desk: Any, broker: Broker) -> None:
    broker.ledger.trade("AMD", 20, 100, at("2025-02-10"))
    broker.ledger.trade("AMD", -10, 90, at("2025-02-20"))
    desk = open_desk()
    desk.advance(60)
    assert disallowed(desk) == 0
    assert desk.sql("SELECT loss, quantity FROM wash_sales") == [(100, 10)]
    assert desk.view.wash.windows == {"AMD": at("2025-03-22", "23:59:59")}
    assert "bigdipper_wash_sale_buys_total" not in desk.metrics()


def test_a_lot_bought_in_two_executions_defers_nothing(open_desk: Any, broker: Broker) -> None:
    in_parts(broker.ledger, "AMD", [12, 8], 100, at("2025-02-10"))
    broker.ledger.trade("AMD", -10, 90, at("2025-02-20"))
    desk = open_desk()
    desk.advance(60)
    assert disallowed(desk) == 0


def test_all_sold_by_one_order_in_two_executions_defers_nothing(open_desk: Any, broker: Broker) -> None:
    broker.ledger.trade("AMD", 10, 100, at("2025-02-10"))
    broker.ledger.trade("AMD", 10, 100, at("2025-02-12"))
    in_parts(broker.ledger, "AMD", [-10, -10], 90, at("2025-02-20"))
    desk = open_desk()
    desk.advance(60)
    assert disallowed(desk) == 0
    assert desk.sql("SELECT loss FROM wash_sales") == [(200,)]


def test_a_deferred_loss_is_lost_with_the_replacement(open_desk: Any, broker: Broker) -> None:
    for day, shares, price in (
        ("2025-01-05", 100, 50),
        ("2025-01-12", -100, 40),
        ("2025-01-15", 100, 40),
        ("2025-02-20", -100, 45),
        ("2025-03-01", 10, 45),
    ):
        broker.ledger.trade("AMD", shares, price, at(day))
    desk = open_desk()
    desk.advance(60)
    assert desk.sql("SELECT loss, disallowed FROM wash_sales ORDER BY sold") == [(1000, 1000), (500, 50)]
    assert disallowed(desk) == 1050
    assert desk.view.wash.windows == {"AMD": at("2025-03-22", "23:59:59")}
    # What the sales realized in dollars stays what it was: the bridge of the equity knows no tax.
    assert desk.sql("SELECT sum(realized_pl) FROM fills") == [(-500,)]


def test_the_parts_of_an_order_that_come_late_are_put_together(open_desk: Any, broker: Broker) -> None:
    ledger = broker.ledger
    in_parts(ledger, "AMD", [12, 8], 100, at("2025-02-10"))
    ledger.trade("AMD", -10, 90, at("2025-02-20"))
    missing = ledger.activities.pop(-2)
    desk = open_desk()
    desk.advance(60)
    ledger.activities.insert(-1, missing)
    desk.advance(310)
    assert disallowed(desk) == 0
    assert desk.sql("SELECT quantity, loss FROM wash_sales") == [(10, 100)]


def test_an_archive_of_the_old_rule_is_derived_again(open_desk: Any, broker: Broker) -> None:
    broker.ledger.trade("AMD", 20, 100, at("2025-02-10"))
    broker.ledger.trade("AMD", -10, 90, at("2025-02-20"))
    desk = open_desk()
    desk.advance(60)
    desk.sql("UPDATE wash_sales SET disallowed = NULL, bought_before = 10, loss = 1")
    desk.sql("UPDATE state SET value = json_remove(value, '$.rules') WHERE key = 'broker'")
    desk.close()
    again = open_desk()
    again.advance(310)
    assert again.sql("SELECT disallowed, bought_before, loss FROM wash_sales") == [(0, 0, 100)]


@pytest.mark.parametrize("records", [["60"], ["-20", "80"]], ids=["what was added", "out and in"])
def test_a_split_keeps_the_lots(records: list[str], open_desk: Any, broker: Broker) -> None:
    ledger = broker.ledger
    ledger.trade("AMD", 10, 100, at("2025-02-10"))
    ledger.trade("AMD", 10, 120, at("2025-02-11"))
    for record in records:
        ledger.book("SPLIT", 0, at("2025-02-12"), "4-for-1", symbol="AMD", qty=record)
    ledger.positions["AMD"].qty *= 4
    ledger.trade("AMD", -40, 24, at("2025-02-12", "10:00"))  # before noon, the time that a record without one gets
    desk = open_desk()
    desk.advance(60)
    assert desk.sql("SELECT realized_pl FROM fills WHERE side = 'sell'") == [(pytest.approx(-40),)]
    assert desk.view.wash.unknown == {}


def after_a_split(open_desk: Any, broker: Broker) -> Any:
    """Ten shares became forty on the day after their purchase; the record names the new quantity."""
    ledger = broker.ledger
    ledger.trade("AMD", 10, 100, at("2025-02-10"))
    desk = open_desk(**every(300))
    desk.advance(18 * 3600, step=600)  # 05:00 of the next day
    ledger.positions["AMD"].qty *= 4
    ledger.marks["AMD"] = cents(25)
    desk.advance(600)
    ledger.book("SPLIT", 0, desk.timing.time(), "4-for-1", symbol="AMD", qty="40")
    desk.advance(600)
    return desk


def test_a_split_whose_record_names_the_new_quantity_is_read_by_the_position(open_desk: Any, broker: Broker) -> None:
    ledger, desk = broker.ledger, after_a_split(open_desk, broker)
    ledger.trade("AMD", -40, 24, desk.timing.time())
    desk.advance(600)
    assert desk.sql("SELECT realized_pl FROM fills WHERE side = 'sell'") == [(-40,)]


def test_a_split_of_unknown_ratio_leaves_the_lots_unknown(open_desk: Any, broker: Broker) -> None:
    ledger = broker.ledger
    ledger.trade("AMD", 10, 100, at("2025-02-10"))
    ledger.book("SPLIT", 0, at("2025-02-12"), "a split", symbol="AMD")
    ledger.positions["AMD"].qty *= 4
    ledger.trade("AMD", -40, 24, at("2025-02-13"))
    desk = open_desk()
    desk.advance(60)
    assert desk.sql("SELECT realized_pl FROM fills WHERE side = 'sell'") == [(None,)]
    assert list(desk.view.wash.unknown) == ["AMD"]


def test_an_adjusted_option_counts_with_the_size_that_its_position_shows(open_desk: Any, broker: Broker) -> None:
    broker.ledger.trade(ADJUSTED, 3, 4, at("2025-02-20"))
    broker.ledger.trade(ADJUSTED, -1, 3, at("2025-02-21"))
    desk = open_desk()
    desk.advance(60)
    assert desk.sql("SELECT side, value, realized_pl FROM fills ORDER BY ts") == [("buy", 120, None), ("sell", 30, -10)]
    assert desk.metrics()["bigdipper_fills_without_value"] == 0


def test_an_adjusted_option_of_unknown_size_has_no_value_and_is_counted(open_desk: Any, broker: Broker) -> None:
    broker.ledger.trade(ADJUSTED, 3, 4, at("2025-02-20"))
    broker.ledger.trade(ADJUSTED, -3, 3, at("2025-02-21"))
    desk = open_desk()
    desk.advance(60)
    assert desk.sql("SELECT DISTINCT value, realized_pl FROM fills") == [(None, None)]
    metrics = desk.metrics()
    assert metrics["bigdipper_fills_without_value"] == 2
    assert metrics[f'bigdipper_fills_total{{symbol="{ADJUSTED}",side="sell"}}'] == 1
    assert not [name for name in metrics if name.startswith("bigdipper_fill_value") and ADJUSTED in name]
    assert list(desk.view.wash.unknown) == [ADJUSTED]


def test_the_archive_of_before_keeps_its_executions(tmp_path: Path) -> None:
    import sqlite3

    from bigdipper_exporter.archive import migrate
    from bigdipper_exporter.archive.store import Store

    path = tmp_path / "old.db"
    old = sqlite3.connect(path)
    old.executescript(migrate.migrations()[0][1])
    old.execute("INSERT INTO schema_version VALUES (1, 0, 'old')")
    old.execute("INSERT INTO fills VALUES ('a', 1, '2025-01-02', 'AMD', 'buy', 2, 3, 6, 'o', NULL)")
    old.commit()
    old.close()
    store = Store(path)
    assert store.connection.execute("SELECT activity_id, value, realized_pl FROM fills").fetchall() == [("a", 6.0, None)]
    store.connection.close()
    store.close()


def test_what_a_sale_realized_outlives_the_snapshots_that_the_retention_forgets(open_desk: Any, broker: Broker) -> None:
    """Unknown lots are sold, and known again because the position was seen flat; a split is known by the broker's change."""
    ledger = broker.ledger
    ledger.trade("AMD", 10, 100, at("2025-03-03", "10:00"))
    ledger.activities.clear()  # from before the account's history
    ledger.trade("NVDA", 10, 900, at("2025-03-03", "10:00"))
    desk = open_desk()
    desk.advance(60)
    ledger.trade("AMD", -10, 100, desk.timing.time())
    desk.advance(600)
    desk.timing.jump(86400.0 * 2)
    ledger.trade("AMD", 10, 100, desk.timing.time())
    desk.advance(60)
    ledger.trade("AMD", -10, 110, desk.timing.time())
    desk.advance(600)
    realized = desk.sql("SELECT activity_id, realized_pl FROM fills WHERE symbol = 'AMD' ORDER BY ts")
    assert [gain for _, gain in realized] == [None, None, 100]
    while forget(desk.store, desk.timing.time() + 86400.0):
        pass
    ledger.trade("AMD", 1, 100, desk.timing.time())
    desk.advance(600)
    assert desk.sql("SELECT activity_id, realized_pl FROM fills WHERE symbol = 'AMD' ORDER BY ts")[:3] == realized
    assert [row[0] for row in desk.sql("SELECT quantity FROM position_snapshots WHERE symbol = 'NVDA'")] == [10]


def test_a_split_that_only_the_position_shows_outlives_the_retention(open_desk: Any, broker: Broker) -> None:
    ledger, desk = broker.ledger, after_a_split(open_desk, broker)
    ledger.trade("AMD", -10, 24, desk.timing.time())
    desk.advance(600)
    while forget(desk.store, desk.timing.time() + 86400.0):
        pass
    ledger.trade("AMD", -30, 24, desk.timing.time())
    desk.advance(600)
    assert desk.sql("SELECT realized_pl FROM fills WHERE side = 'sell' ORDER BY ts") == [(-10,), (-30,)]
