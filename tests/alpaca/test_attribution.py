"""What moved the equity of a day: realized and unrealized profit add up, whatever the broker takes for a position's cost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bigdipper_exporter.archive import figures
from tests.alpaca.rounds import Rounds, archive

CALL = "AMD261120C00100000"
PARTS = "realized_pl, unrealized_change, other"


@pytest.fixture
def rounds(tmp_path: Path) -> Iterator[Rounds]:
    with archive(tmp_path) as store:
        yield Rounds(store, 10_000)


def trade(rounds: Rounds, clock: str, day: str, side: str, quantity: float, price: float, symbol: str = "AMD") -> None:
    """One execution, its cash and its record."""
    units = 100 if symbol == CALL else 1
    rounds.cash += quantity * price * units * (1 if side.startswith("sell") else -1)
    stamp = f"{day}T{clock}:00-05:00"
    fields = {"symbol": symbol, "qty": quantity, "price": price, "side": side, "transaction_time": stamp}
    rounds.record(clock, day, activity_type="FILL", **fields)


def parts(rounds: Rounds, day: str) -> list[float | None]:
    (row,) = rounds.sql(f"SELECT {PARTS} FROM daily_stats WHERE date = '{day}'")
    return [None if value is None else round(value, 6) + 0.0 for value in row]


def test_a_partial_sale_leaves_nothing_unexplained_on_its_day_and_the_next(rounds: Rounds) -> None:
    """Ten of 100 and ten of 200, ten sold at 200: first in first out realized 1,000, by the average 500 are unrealized."""
    rounds.poll("15:50", "2026-11-16")
    trade(rounds, "10:00", "2026-11-17", "buy", 10, 100)
    trade(rounds, "11:00", "2026-11-17", "buy", 10, 200)
    trade(rounds, "12:00", "2026-11-17", "sell", 10, 200)
    rounds.held, rounds.costs = {"AMD": (10, 200)}, {"AMD": 150}
    rounds.poll("15:59", "2026-11-17")
    assert rounds.view.unrealized_pl == 500
    assert parts(rounds, "2026-11-17") == [1000, 0, 0]
    rounds.costs, rounds.last_equity = {"AMD": 200}, 11_000  # overnight
    rounds.held = {"AMD": (10, 203)}
    rounds.poll("15:59", "2026-11-18")
    assert parts(rounds, "2026-11-17") == [1000, 0, 0]
    assert parts(rounds, "2026-11-18") == [0, 30, 0]


def test_what_is_sold_after_the_last_poll_of_a_day_is_not_unrealized_at_its_close(rounds: Rounds) -> None:
    rounds.poll("15:50", "2026-11-16")
    trade(rounds, "10:00", "2026-11-17", "buy", 10, 100)
    trade(rounds, "11:00", "2026-11-17", "buy", 10, 110)
    rounds.held, rounds.costs = {"AMD": (20, 120)}, {"AMD": 105}
    rounds.poll("15:58", "2026-11-17")
    trade(rounds, "15:59", "2026-11-17", "sell", 5, 120)
    rounds.held, rounds.costs, rounds.last_equity = {"AMD": (15, 120)}, {"AMD": (500 + 1100) / 15}, rounds.equity - 600
    rounds.poll("15:58", "2026-11-18")
    assert parts(rounds, "2026-11-17") == [100, 200, 0]
    assert parts(rounds, "2026-11-18") == [0, 0, 0]


def test_a_dividend_whose_record_is_canceled_later_goes_back_on_that_day(rounds: Rounds) -> None:
    rounds.poll("15:50", "2026-11-16")
    record = {"id": "dividend", "activity_type": "DIV", "symbol": "AMD", "qty": "10", "net_amount": "20"}
    record |= {"created_at": "2026-11-17T15:00:00Z"}
    rounds.cash += 20
    rounds.record("10:00", "2026-11-17", **record, status="executed")
    rounds.poll("15:58", "2026-11-17")
    rounds.last_equity, rounds.cash = rounds.equity, rounds.cash - 20
    rounds.poll("10:00", "2026-11-18")
    rounds.record("10:05", "2026-11-18", **record, status="canceled")
    rounds.poll("15:58", "2026-11-18")
    assert rounds.sql("SELECT dividends, other, profit FROM daily_stats WHERE date > '2026-11-16'") == [
        (20, 0, 20),
        (-20, 0, -20),
    ]


@pytest.mark.parametrize(("quantity", "side", "result"), [(2, "buy", -600), (-2, "sell_short", 600)])
def test_an_option_that_expires_realizes_its_premium_after_the_close(
    rounds: Rounds, quantity: float, side: str, result: float
) -> None:
    rounds.poll("15:50", "2026-11-18")
    trade(rounds, "11:00", "2026-11-19", side, abs(quantity), 3, CALL)
    rounds.held, rounds.costs = {CALL: (quantity, 2)}, {CALL: 3}
    rounds.poll("15:59", "2026-11-19")
    rounds.last_equity, rounds.held = rounds.equity, {CALL: (quantity, 0.01)}
    rounds.poll("15:59", "2026-11-20")
    rounds.last_equity, rounds.held = rounds.equity, {}
    rounds.record("08:00", "2026-11-23", activity_type="OPEXP", symbol=CALL, qty=quantity, date="2026-11-20", net_amount=0)
    rounds.poll("10:00", "2026-11-23")
    assert parts(rounds, "2026-11-20") == [0, pytest.approx(result * 1.99 / 3), 0]
    assert parts(rounds, "2026-11-23") == [result, pytest.approx(-result * 2.99 / 3), 0]


def test_an_assigned_call_ends_and_sells_its_shares_at_the_strike(rounds: Rounds) -> None:
    """100 shares of 90, a call of strike 100 sold for 3, assigned at 105: 1,000 of the shares and 300 of the premium."""
    rounds.poll("15:50", "2026-11-18")
    trade(rounds, "10:00", "2026-11-19", "buy", 100, 90)
    trade(rounds, "11:00", "2026-11-19", "sell_short", 1, 3, CALL)
    rounds.held, rounds.costs = {"AMD": (100, 105), CALL: (-1, 5)}, {"AMD": 90, CALL: 3}
    rounds.poll("15:59", "2026-11-20")
    rounds.last_equity, rounds.held, rounds.cash = rounds.equity, {}, rounds.cash + 10_000
    rounds.poll("19:30", "2026-11-20")  # both are gone before their records say so
    rounds.record("09:00", "2026-11-23", activity_type="OPASN", symbol=CALL, qty=1, date="2026-11-20", net_amount=0)
    shares = {"symbol": "AMD", "qty": -100, "price": 100, "net_amount": 10_000}
    rounds.record("09:01", "2026-11-23", activity_type="OPTRD", date="2026-11-20", **shares)
    rounds.poll("10:00", "2026-11-23")
    assert parts(rounds, "2026-11-23") == [1300, -1300, 0]
    assert rounds.sql("SELECT type, realized_pl FROM activities ORDER BY type") == [("OPASN", 300), ("OPTRD", 1000)]
    assert rounds.sql(figures.sale_quality("ts > 0")) == [(1, None, 2, 1300)]


def test_a_day_whose_polls_are_older_than_the_retention_keeps_what_they_said(rounds: Rounds) -> None:
    """A fee that is recorded late changes its day; the unrealized profit of that day is not unknown for it."""
    rounds.poll("15:50", "2026-11-16")
    trade(rounds, "10:00", "2026-11-17", "buy", 10, 100)
    rounds.held, rounds.costs = {"AMD": (10, 96)}, {"AMD": 100}
    rounds.poll("15:59", "2026-11-17")
    rounds.last_equity = rounds.equity
    rounds.poll("15:59", "2026-11-18")
    assert parts(rounds, "2026-11-17") == [0, -40, 0]
    rounds.store.connection.execute("DELETE FROM account_history WHERE date <= '2026-11-17'")
    rounds.store.connection.commit()
    rounds.record("15:59", "2026-11-18", activity_type="FEE", net_amount=-1, date="2026-11-17")
    assert parts(rounds, "2026-11-17") == [0, -40, 1]
    assert rounds.day("fees", "2026-11-17") == -1


@pytest.mark.parametrize("booked", ["2026-11-18", "2026-11-19"])
def test_a_canceled_dividend_that_the_broker_also_takes_back_by_a_record_goes_back_once(rounds: Rounds, booked: str) -> None:
    rounds.poll("15:50", "2026-11-16")
    record = {"id": "dividend", "activity_type": "DIV", "symbol": "AMD", "qty": "10", "net_amount": "20"}
    record |= {"created_at": "2026-11-17T15:00:00Z"}
    rounds.cash += 20
    rounds.record("10:00", "2026-11-17", **record, status="executed")
    rounds.poll("15:58", "2026-11-17")
    rounds.last_equity, rounds.cash = rounds.equity, rounds.cash - 20
    rounds.poll("10:00", "2026-11-18")
    rounds.record("10:05", "2026-11-18", **record, status="canceled")
    rounds.record("10:06", booked, activity_type="DIV", symbol="AMD", qty="10", net_amount="-20", date=booked)
    rounds.poll("15:58", "2026-11-18")
    rounds.last_equity = rounds.equity
    rounds.poll("15:58", "2026-11-19")
    assert rounds.sql("SELECT dividends, other FROM daily_stats WHERE date > '2026-11-16'") == [(20, 0), (-20, 0), (0, 0)]


@pytest.mark.parametrize("until", ["2026-11-16", "2026-11-17"])
def test_a_day_at_the_edge_of_the_retention_keeps_what_its_polls_said(rounds: Rounds, until: str) -> None:
    """The polls of the close before the day are forgotten, or those of the day itself too."""
    rounds.poll("15:50", "2026-11-16")
    trade(rounds, "10:00", "2026-11-17", "buy", 10, 100)
    rounds.held, rounds.costs = {"AMD": (10, 96)}, {"AMD": 100}
    rounds.poll("15:59", "2026-11-17")
    rounds.last_equity = rounds.equity
    rounds.poll("15:59", "2026-11-18")
    rounds.store.connection.execute("DELETE FROM account_history WHERE date <= ?", (until,))
    rounds.store.connection.commit()
    rounds.record("15:59", "2026-11-18", activity_type="FEE", net_amount=-1, date="2026-11-17")
    assert parts(rounds, "2026-11-17") == [0, -40, 1]


def test_a_day_whose_first_polls_are_older_than_the_retention_keeps_its_peak(rounds: Rounds) -> None:
    rounds.poll("15:50", "2026-11-16")
    rounds.held, rounds.cash = {"AMD": (10, 120)}, 9_000
    rounds.poll("10:00", "2026-11-17", times=3)
    rounds.held = {"AMD": (10, 100)}
    rounds.poll("15:50", "2026-11-17", times=3)
    rounds.last_equity = rounds.equity
    rounds.poll("15:59", "2026-11-18")
    assert rounds.day("peak_equity", "2026-11-17") == 10_200
    connection = rounds.store.connection
    connection.execute("DELETE FROM account_history WHERE date <= '2026-11-16' OR (date = '2026-11-17' AND equity > 10100)")
    connection.commit()
    rounds.record("15:59", "2026-11-18", activity_type="FEE", net_amount=-1, date="2026-11-17")
    assert rounds.sql("SELECT peak_equity, trough_equity FROM daily_stats WHERE date = '2026-11-17'") == [(10_200, 10_000)]


def test_a_dividend_that_is_canceled_and_taken_back_before_any_poll_is_none(rounds: Rounds) -> None:
    rounds.poll("15:50", "2026-11-16")
    record = {"activity_type": "DIV", "symbol": "AMD", "created_at": "2026-11-17T15:00:00Z"}
    rounds.record("10:00", "2026-11-17", **record, id="dividend", net_amount="20", status="executed")
    rounds.record("10:05", "2026-11-17", **record, id="dividend", net_amount="20", status="canceled")
    rounds.record("10:06", "2026-11-17", **record, id="back", net_amount="-20")
    rounds.poll("15:58", "2026-11-17")
    assert rounds.sql("SELECT dividends, other FROM daily_stats WHERE date = '2026-11-17'") == [(0, 0)]
