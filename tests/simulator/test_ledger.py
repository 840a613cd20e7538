"""The books against sums done by hand."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigdipper_exporter.calendar import NEW_YORK
from bigdipper_exporter.demo.simulator import shapes
from bigdipper_exporter.demo.simulator.books import Asset
from bigdipper_exporter.demo.simulator.ledger import Ledger
from bigdipper_exporter.demo.simulator.orders import Rejected
from bigdipper_exporter.demo.simulator.units import cents, decimal, instant, money, nanoseconds, quantity, ratio

FRIDAY = datetime(2025, 10, 31, 11, tzinfo=NEW_YORK).timestamp()
MONDAY = datetime(2025, 11, 3, 4, tzinfo=NEW_YORK).timestamp()


@pytest.fixture
def books() -> Ledger:
    return Ledger(10_000, opened=FRIDAY)


def test_buying_twice_averages_the_cost_and_selling_takes_its_share(books: Ledger) -> None:
    books.trade("XYL", 10, 100)
    books.trade("XYL", 30, 108)
    books.trade("XYL", -8, 120)
    position = shapes.position(books, "XYL")
    assert (position["qty"], position["avg_entry_price"], position["cost_basis"]) == ("32", "106", "3392")
    assert (position["market_value"], position["unrealized_pl"]) == ("3840", "448")
    assert books.today.realized == money(8 * (120 - 106))
    assert books.cash == money(10_000 - 1000 - 3240 + 960)


def test_overnight_the_cost_becomes_that_of_the_lots_first_in_first_out(books: Ledger) -> None:
    books.trade("XYL", 10, 100)
    books.trade("XYL", 30, 108)
    books.trade("XYL", -8, 120)
    books.close_day(date(2025, 10, 31))
    assert shapes.position(books, "XYL")["avg_entry_price"] == "106"
    books.open_day(date(2025, 11, 3), MONDAY)
    assert shapes.position(books, "XYL")["cost_basis"] == str(2 * 100 + 30 * 108)


def test_selling_through_zero_opens_a_short_and_buying_back_realises_it(books: Ledger) -> None:
    books.trade("AAPL", 2, 200)
    books.trade("AAPL", -3, 210)
    short = shapes.position(books, "AAPL")
    assert (short["qty"], short["side"], short["cost_basis"], short["market_value"]) == ("-1", "short", "-210", "-210")
    books.marks["AAPL"] = cents(205)
    assert shapes.position(books, "AAPL")["unrealized_pl"] == "5"
    assert shapes.account(books)["short_market_value"] == "-205"
    books.trade("AAPL", 1, 205)
    assert books.positions == {}
    assert books.today.realized == money(20 + 5)


def test_a_position_sold_out_is_gone(books: Ledger) -> None:
    books.trade("MP", 3.1172, 60)
    books.trade("MP", -3.1172, 61)
    assert books.positions == {}
    assert books.equity() == books.cash == money(Decimal("10000") + Decimal("3.1172"))


def test_intraday_profit_counts_from_yesterdays_close_or_from_todays_fill(books: Ledger) -> None:
    books.trade("XPO", 12, 80)
    books.marks["XPO"] = cents(90.29)
    books.close_day(date(2025, 10, 31))
    books.open_day(date(2025, 11, 3), MONDAY)
    books.marks["XPO"] = cents(88.22)
    assert shapes.position(books, "XPO")["unrealized_intraday_pl"] == "-24.84"
    books.trade("XPO", 1, 87, MONDAY)
    books.marks["XPO"] = cents(88)
    assert shapes.position(books, "XPO")["unrealized_intraday_pl"] == decimal(money(12 * (88 - 90.29) + 1), money(1))
    assert Decimal(shapes.position(books, "XPO")["change_today"]) == Decimal(ratio(8800 - 9029, 9029))


def test_yesterdays_equity_is_that_of_the_closing_bell(books: Ledger) -> None:
    books.trade("XYL", 10, 100)
    books.marks["XYL"] = cents(103)
    books.close_day(date(2025, 10, 31))
    books.marks["XYL"] = cents(110)  # after hours
    assert shapes.account(books)["last_equity"] == "10000"
    books.open_day(date(2025, 11, 3), MONDAY)
    account = shapes.account(books)
    assert (account["last_equity"], account["equity"], account["balance_asof"]) == ("10030", "10100", "2025-10-31")


def test_margin_figures_are_half_and_thirty_percent_and_options_count_in_full(books: Ledger) -> None:
    books.assets["NVDA260909C00222500"] = Asset("NVDA260909C00222500", "", "us_option", 100)
    books.trade("XYL", 100, 80)
    books.trade("NVDA260909C00222500", 2, 5)
    account = shapes.account(books)
    assert (account["initial_margin"], account["maintenance_margin"]) == ("5000", "3400")
    assert account["buying_power"] == "10000"  # twice the excess of 10,000 over 5,000


def test_open_buy_orders_take_buying_power_and_too_large_ones_are_refused(books: Ledger) -> None:
    books.place("XYL", 100, 80, FRIDAY)
    assert shapes.account(books)["buying_power"] == "12000"
    with pytest.raises(Rejected, match="insufficient buying power"):
        books.place("MP", 100, 121, FRIDAY)


def test_an_opposite_order_is_a_potential_wash_trade(books: Ledger) -> None:
    books.trade("TER", 5, 170)
    open_order = books.place("TER", -5, 200, FRIDAY, time_in_force="gtc")
    with pytest.raises(Rejected, match="potential wash trade") as refused:
        books.place("TER", 1, 160, FRIDAY)
    assert open_order.id in str(refused.value)


def test_interest_on_a_debit_is_booked_on_the_first_day_of_a_month(books: Ledger) -> None:
    books.trade("XYL", 150, 100)  # 5,000 borrowed
    books.close_day(date(2025, 10, 31))
    books.open_day(date(2025, 11, 3), MONDAY)
    interest = books.activities[-1]
    assert interest.type == "INT"
    assert interest.body["net_amount"] == "-2.6"  # 5,000 * 6.25 % * 3 / 360
    assert books.cash == -money("5002.6")


def test_a_dividend_pays_by_the_share(books: Ledger) -> None:
    books.trade("AVGO", 16.2, 340)
    cash = books.cash
    books.dividend("AVGO", 0.59, FRIDAY)
    assert books.cash - cash == money("9.56")  # 16.2 * 0.59 = 9.558
    assert books.activities[-1].body["qty"] == "16.2"


def test_a_day_order_expires_with_its_session_and_a_lasting_one_does_not(books: Ledger) -> None:
    rows = [
        shapes.order(books, books.place("XYL", 1, 90, FRIDAY, **how))
        for how in ({}, {"extended_hours": True}, {"time_in_force": "gtc"})
    ]
    assert [row["expires_at"] and row["expires_at"][:16] for row in rows] == ["2025-10-31T20:00", "2025-11-01T00:00", None]


def test_an_order_after_hours_is_accepted_for_the_next_day(books: Ledger) -> None:
    friday_night = datetime(2025, 10, 31, 18, tzinfo=NEW_YORK).timestamp()
    row = shapes.order(books, books.place("XYL", 1, 90, friday_night))
    assert (row["status"], row["expires_at"][:16]) == ("accepted", "2025-11-03T21:00")


def test_an_order_cannot_be_overfilled_nor_ended_with_a_living_status(books: Ledger) -> None:
    order = books.place("XYL", 1, 90, FRIDAY)
    with pytest.raises(ValueError, match="cannot fill"):
        books.fill(order, quantity(2), cents(90), FRIDAY)
    with pytest.raises(ValueError, match="ends no order; use one of canceled, expired"):
        books.finish(order, "held", FRIDAY)


@given(st.integers(-(10**15), 10**15), st.sampled_from([100, 10_000, 1_000_000]))
def test_decimals_are_exact_and_have_no_trailing_zeros(value: int, scale: int) -> None:
    text = decimal(value, scale)
    assert Decimal(text) * scale == value
    assert "." not in text or not text.endswith("0")


@given(st.lists(st.tuples(st.sampled_from(["A", "B"]), st.integers(-50_000, 50_000), st.integers(100, 99_999)), max_size=30))
def test_whatever_is_traded_profit_and_cost_explain_the_equity(trades: list[tuple[str, int, int]]) -> None:
    books = Ledger(10**9, opened=FRIDAY)
    for symbol, qty, price in trades:
        if qty:
            books.trade(symbol, Decimal(qty) / 10_000, Decimal(price) / 100)
    unrealized = sum(books.value(s) - p.cost for s, p in books.positions.items())
    assert books.equity() == money(10**9) + books.today.realized + unrealized
    for symbol, position in books.positions.items():
        assert position.day_qty == position.qty == sum(q for s, q, _ in trades if s == symbol)


def test_instants_have_nine_digits() -> None:
    assert instant(nanoseconds(1763653905.809091)) == "2025-11-20T15:51:45.809091000Z"
