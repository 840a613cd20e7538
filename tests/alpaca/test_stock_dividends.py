"""A dividend in shares changes the units of every lot, not their cost, and nobody has traded by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bigdipper_exporter.archive import retention
from bigdipper_exporter.archive.broker.activities import is_stock_dividend
from bigdipper_exporter.archive.broker.flows import STOCK_DIVIDEND
from bigdipper_exporter.archive.broker.lot_events import lot_events
from bigdipper_exporter.archive.store import Store
from bigdipper_exporter.broker.models import Activity
from bigdipper_exporter.broker.results import Activities, Orders
from bigdipper_exporter.money.lots import match
from tests.alpaca.rounds import Rounds, archive, at

MONDAY = "2026-11-16"


@pytest.fixture
def rounds(tmp_path: Path) -> Iterator[Rounds]:
    """100 shares, bought for 20 each; polled on Monday."""
    with archive(tmp_path) as store:
        yield _bought(store)


def _bought(store: Store) -> Rounds:
    found = Rounds(store, 8_000, {"X": (100, 20.0)})
    found.poll("10:00", MONDAY)
    found.put("orders", at("10:01", MONDAY), Orders((), backfill=True, done=True))
    fill(found, "buy", 100, 20, "10:02", MONDAY, "2026-11-02T15:00:00Z")
    return found


def fill(rounds: Rounds, side: str, units: float, price: float, clock: str, day: str, time: str) -> None:
    fields: dict[str, Any] = {"symbol": "X", "side": side, "qty": str(units), "price": str(price)}
    rounds.record(clock, day, activity_type="FILL", transaction_time=time, order_id=time, **fields)


RECORDS = [
    {"activity_type": "DIV", "activity_sub_type": "SDIV", "net_amount": "0"},
    {"activity_type": "DIV", "activity_sub_type": "SDIV"},
    {"activity_type": "DIV", "net_amount": "0"},
    {"activity_type": "SPLIT"},
]


@pytest.mark.parametrize("record", RECORDS)
def test_shares_that_a_dividend_added_are_neither_a_trade_nor_a_gap_in_the_lots(rounds: Rounds, record: dict[str, str]) -> None:
    rounds.held["X"] = (105, 2_000 / 105)
    for minute in (0, 5, 10, 15):
        rounds.poll(f"10:{minute:02d}")
        rounds.record(f"10:{minute + 1:02d}", id="dividend", date="2026-11-17", symbol="X", qty="5", **record)
    assert rounds.sql("SELECT detail FROM discrepancies") == []
    rounds.cash += 105 * 19.5
    rounds.held = {}
    rounds.poll("11:00")
    fill(rounds, "sell", 105, 19.5, "11:05", "2026-11-17", "2026-11-17T15:59:00Z")
    assert rounds.sql("SELECT realized_pl FROM fills WHERE side = 'sell'") == [(pytest.approx(105 * 19.5 - 2_000),)]


@pytest.mark.parametrize("kind", ["DIV", "DIVNRA", "SPLIT", "INT"])
@pytest.mark.parametrize("sub_type", [None, "SDIV", "CDIV"])
@pytest.mark.parametrize("quantity", [None, 0.0, 5.0])
@pytest.mark.parametrize("net_amount", [None, 0.0, 12.5])
def test_records_and_rows_are_judged_by_one_rule(
    rounds: Rounds, kind: str, sub_type: str | None, quantity: float | None, net_amount: float | None
) -> None:
    record = Activity("one", kind, at("10:00"), sub_type=sub_type, symbol="Y", quantity=quantity, net_amount=net_amount)
    rounds.put("activities", at("10:30"), Activities((record,), caught_up=True))
    (in_sql,) = rounds.sql(f"SELECT coalesce({STOCK_DIVIDEND}, 0) FROM activities WHERE activity_id = 'one'")
    assert in_sql == (int(is_stock_dividend(record)),)


def test_the_lots_of_a_dividend_in_shares_that_was_never_polled_follow_its_record(tmp_path: Path) -> None:
    with archive(tmp_path) as store:
        rounds = Rounds(store, 10_000)
        rounds.poll("12:00")
        fill(rounds, "buy", 100, 20, "12:01", "2026-11-17", "2026-11-02T15:00:00Z")
        rounds.record(
            "12:02", activity_type="DIV", activity_sub_type="SDIV", date="2026-11-05", symbol="X", qty="5", net_amount="0"
        )
        fill(rounds, "sell", 105, 20, "12:03", "2026-11-17", "2026-11-10T15:00:00Z")
        assert rounds.sql("SELECT realized_pl FROM fills WHERE side = 'sell'") == [(pytest.approx(100),)]


@pytest.mark.parametrize(
    "record",
    [
        {"activity_sub_type": "CDIV", "net_amount": "12.5"},
        {"activity_sub_type": "CDIV", "net_amount": "0"},
        {"net_amount": "12.5"},
        {"net_amount": "0"},  # a fraction of a cent; the position did not change
    ],
)
def test_a_dividend_in_cash_leaves_the_lots_as_they_are(rounds: Rounds, record: dict[str, str]) -> None:
    rounds.record("10:05", activity_type="DIV", date="2026-11-17", symbol="X", qty="100", **record)
    rounds.poll("10:10")
    kinds = [event.kind for event in lot_events(rounds.store.connection, "X")]
    assert kinds == ["buy"]
    fill(rounds, "sell", 100, 21, "10:12", "2026-11-17", "2026-11-17T15:11:00Z")
    assert [c.realized for c in match(lot_events(rounds.store.connection, "X")).closings] == [100]


@pytest.mark.parametrize("record", RECORDS)
def test_what_a_sale_realized_stays_when_retention_has_passed_the_dividend(rounds: Rounds, record: dict[str, str]) -> None:
    rounds.held["X"] = (105, 2_000 / 105)
    rounds.poll("10:00")
    rounds.record("10:01", date="2026-11-17", symbol="X", qty="5", **record)
    rounds.cash += 105 * 20
    rounds.held = {}
    rounds.poll("12:00", "2026-11-18")
    fill(rounds, "sell", 105, 20, "12:05", "2026-11-18", "2026-11-18T16:59:00Z")
    realized = rounds.sql("SELECT realized_pl FROM fills WHERE side = 'sell'")
    assert realized == [(pytest.approx(100),)]
    while retention.forget(rounds.store, at("12:00", "2027-02-01")):
        pass
    fill(rounds, "buy", 1, 20, "12:05", "2027-02-01", "2027-02-01T16:59:00Z")  # derives all lots again
    assert rounds.sql("SELECT realized_pl FROM fills WHERE side = 'sell'") == realized
