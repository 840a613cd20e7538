"""Lots in the archive: prices in the same shares as the lots, whatever was read first of a split; trades by orders."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from bigdipper_exporter.archive.broker_tables import ActivityRow, FillRow
from bigdipper_exporter.archive.price_tables import CorporateActionRow, DailyPriceRow
from bigdipper_exporter.archive.prices.series import Market
from bigdipper_exporter.archive.prices.trades import figure_rows, lot_rows
from bigdipper_exporter.archive.store import Store
from bigdipper_exporter.archive.table import table_of
from bigdipper_exporter.calendar import NEW_YORK

DAYS = [date(2026, 11, day) for day in (2, 3, 4, 5, 6, 9, 10, 11, 12, 13)]
SPLIT_DAY = date(2026, 11, 16)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    store = Store(tmp_path / "archive.db")
    yield store.connection
    store.connection.close()
    store.close()


def at(day: date, hour: int = 12, minute: int = 0) -> float:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=NEW_YORK).timestamp()


def executed(
    archive: sqlite3.Connection, name: str, ts: float, side: str, quantity: float, price: float, order: str | None = None
) -> None:
    row = FillRow(name, ts, date.fromtimestamp(ts).isoformat(), "X", side, quantity, price, quantity * price, order)
    table_of(FillRow).write(archive, [row])


def bar(archive: sqlite3.Connection, day: date, price: float, is_complete: bool = True, spread: float = 0.0) -> None:
    for symbol in ("SPY", "X"):
        low, high = price - spread, price + spread
        row = DailyPriceRow(symbol, day.isoformat(), price, high, low, price, 1, 1, price, "sip", 0, is_complete)
        table_of(DailyPriceRow).write(archive, [row])


def recorded_split(archive: sqlite3.Connection, day: date, added: float) -> None:
    row = ActivityRow("split", at(day, 8), day.isoformat(), "SPLIT", None, "X", added, None, 0.0, "executed", None)
    table_of(ActivityRow).write(archive, [row])


def announced_split(archive: sqlite3.Connection, day: date, ratio: float = 10) -> None:
    row = CorporateActionRow("a", "X", "forward_split", day.isoformat(), day.isoformat(), 1, ratio, None, None, None, "sip", 0)
    table_of(CorporateActionRow).write(archive, [row])


def lots(archive: sqlite3.Connection) -> list[Any]:
    return lot_rows(archive, Market(archive, "SPY"))


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("recorded", [True, False])
def test_on_the_morning_of_a_split_an_open_lot_has_the_profit_of_the_evening(
    archive: sqlite3.Connection, announced: bool, recorded: bool
) -> None:
    """Ten of 900 stand at 1,000, which was the close: whether the account or the market said first that they are a hundred."""
    executed(archive, "b", at(DAYS[0]), "buy", 10, 900)
    for day in DAYS:
        bar(archive, day, 1000)
    if announced:
        announced_split(archive, SPLIT_DAY)
    if recorded:
        recorded_split(archive, SPLIT_DAY, 90)
    [lot] = lots(archive)
    assert lot.profit == pytest.approx(1000)
    assert lot.price == pytest.approx(100 if recorded else 1000)
    assert (lot.worst_ratio, lot.best_ratio) == (pytest.approx(1000 / 900 - 1), pytest.approx(1000 / 900 - 1))


@pytest.mark.parametrize("announced", [True, False])
def test_with_the_first_bar_of_the_day_a_split_lot_goes_on(archive: sqlite3.Connection, announced: bool) -> None:
    executed(archive, "b", at(DAYS[0]), "buy", 10, 900)
    for day in DAYS:
        bar(archive, day, 1000, spread=100)
    bar(archive, SPLIT_DAY, 101, is_complete=False)
    recorded_split(archive, SPLIT_DAY, 90)
    if announced:
        announced_split(archive, SPLIT_DAY)
    [lot] = lots(archive)
    assert (lot.quantity, lot.entry, lot.price, lot.profit) == (100, 90, 101, pytest.approx(1100))
    assert (lot.worst_ratio, lot.best_ratio) == (pytest.approx(0.0), pytest.approx(1100 / 900 - 1))


def test_a_lot_whose_split_the_account_has_not_recorded_yet_has_no_profit_at_the_new_price(
    archive: sqlite3.Connection,
) -> None:
    executed(archive, "b", at(DAYS[0]), "buy", 10, 900)
    for day in DAYS:
        bar(archive, day, 1000)
    bar(archive, SPLIT_DAY, 101, is_complete=False)
    announced_split(archive, SPLIT_DAY)
    executed(archive, "c", at(SPLIT_DAY), "buy", 5, 99)
    old, new = lots(archive)
    assert (old.price, old.profit, old.worst_ratio, old.best_ratio) == (None, None, None, None)
    assert (new.price, new.profit) == (101, pytest.approx(10))


def test_what_was_sold_on_the_eve_of_a_split_is_compared_with_prices_of_its_own_shares(archive: sqlite3.Connection) -> None:
    executed(archive, "b", at(DAYS[0]), "buy", 10, 900)
    for day in DAYS:
        bar(archive, day, 1000)
    executed(archive, "s", at(DAYS[-1], 17), "sell", 4, 1000)
    announced_split(archive, SPLIT_DAY)
    recorded_split(archive, SPLIT_DAY, 54)
    sold, held = lots(archive)
    assert (sold.quantity, sold.entry, sold.price, sold.profit) == (4, 900, 1000, pytest.approx(400))
    assert (sold.worst_ratio, sold.best_ratio) == (pytest.approx(1000 / 900 - 1), pytest.approx(1000 / 900 - 1))
    assert (held.quantity, held.entry, held.profit) == (60, 90, pytest.approx(600))


def test_a_lot_is_what_one_order_bought_and_a_sale_what_one_order_sold(archive: sqlite3.Connection) -> None:
    """Bought in three executions, sold in two of one order and two of another, the rest open: three trades."""
    for day in DAYS:
        bar(archive, day, 100)
    for number, quantity in enumerate((2, 3, 5)):
        executed(archive, f"b{number}", at(DAYS[0], 12, number), "buy", quantity, 90 + 10 * number, "bought")
    executed(archive, "c", at(DAYS[1]), "buy", 1, 100, "other")
    executed(archive, "s0", at(DAYS[3], 12), "sell", 3, 100, "first")
    executed(archive, "s1", at(DAYS[3], 13), "sell", 3, 120, "first")
    executed(archive, "s2", at(DAYS[4], 12), "sell", 1, 130, "second")
    executed(archive, "s3", at(DAYS[4], 13), "sell", 1, 130, "second")
    first, second, rest, other = lots(archive)
    # 2 @ 90, 3 @ 100 and 1 @ 110 for 660: with 590 paid, a gain of 70.
    assert (first.quantity, first.entry, first.price) == (6, pytest.approx(590 / 6), pytest.approx(110))
    assert (first.ts, first.closed, first.profit) == (at(DAYS[0]), at(DAYS[3], 13), pytest.approx(70))
    assert (second.quantity, second.entry, second.profit) == (2, pytest.approx(110), pytest.approx(40))
    assert (rest.quantity, rest.entry, rest.closed, rest.profit) == (2, pytest.approx(110), None, pytest.approx(-20))
    assert (other.quantity, other.profit) == (1, 0)


def test_one_order_in_five_executions_is_one_trade_with_no_figures(archive: sqlite3.Connection) -> None:
    for day in DAYS:
        bar(archive, day, 100)
    executed(archive, "b", at(DAYS[0]), "buy", 5, 90, "bought")
    for number in range(5):
        executed(archive, f"s{number}", at(DAYS[1], 12, number), "sell", 1, 100, "sold")
    everything = figure_rows(lots(archive))[0]
    assert (everything.grouping, everything.lots, everything.win_rate, everything.quality) == ("all", 1, None, None)
