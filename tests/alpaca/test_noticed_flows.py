"""Money that moves before its record: noticed in a jump of equity or in `intraday_adjustments`, forgotten if it was none."""

from __future__ import annotations

import pytest

from bigdipper_exporter.archive.broker.repository import BrokerRepository
from bigdipper_exporter.archive.store import Store
from bigdipper_exporter.broker.models import Position
from bigdipper_exporter.broker.results import Positions
from tests.alpaca.rounds import Rounds, at

MONDAY, WEDNESDAY = "2026-11-16", "2026-11-18"


@pytest.fixture
def rounds(store: Store) -> Rounds:
    """10,000 dollars, 8,000 of them in shares, polled on Monday at the close and on Tuesday morning."""
    found = Rounds(store, 2_000, {"X": (80, 100.0)})
    found.poll("15:58", MONDAY)
    found.poll("10:00", times=30)
    return found


def settled(rounds: Rounds, flow: float, profit: float = 0.0) -> None:
    """Assert Tuesday's figures."""
    assert rounds.day("cash_flow") == pytest.approx(flow)
    assert rounds.day("profit") == pytest.approx(profit)
    assert rounds.day("other") == pytest.approx(profit)


@pytest.mark.parametrize(("kind", "amount"), [("CSD", 1_000), ("CSW", -1_000), ("JNLC", 250), ("CSW", -300)])
@pytest.mark.parametrize("record", [{"date": WEDNESDAY}, {"date": "2026-11-17"}, {"created_at": "2026-11-17T18:00:00Z"}])
def test_a_flow_far_below_a_jump_counts_on_the_day_that_the_broker_adjusts(
    rounds: Rounds, kind: str, amount: float, record: dict[str, str]
) -> None:
    rounds.adjustments = 0.0
    rounds.poll("10:30")
    rounds.cash += amount
    rounds.adjustments = amount
    rounds.poll("10:31", times=4)
    assert rounds.view.cash_flow_today == amount
    assert rounds.view.day_profit == pytest.approx(0)
    rounds.poll("15:58")
    rounds.last_equity, rounds.adjustments = rounds.equity, 0.0
    rounds.poll("10:00", WEDNESDAY)
    rounds.record("10:05", WEDNESDAY, activity_type=kind, net_amount=str(amount), **record)
    rounds.poll("11:00", WEDNESDAY)
    settled(rounds, amount)
    assert rounds.view.cash_flow_today == 0
    assert rounds.view.chain.drawdown == pytest.approx(0)
    assert rounds.returns()["all"] == pytest.approx(0)


def test_a_deposit_that_is_invested_in_the_same_minute_is_noticed(rounds: Rounds) -> None:
    rounds.held["Y"] = (25, 100.0)
    rounds.cash += 5_000 - 2_500
    rounds.poll("10:30", times=3)
    assert rounds.view.cash_flow_today == pytest.approx(5_000)
    settled(rounds, 5_000)


@pytest.mark.parametrize("clock", ["10:30", "11:10"])
def test_a_purchase_that_has_gained_when_it_is_polled_is_no_deposit(rounds: Rounds, clock: str) -> None:
    rounds.cash, rounds.held["Y"] = 0.0, (20, 120.0)  # bought for 2,000
    rounds.poll(clock, times=4)
    settled(rounds, 0, 400)
    assert rounds.sql("SELECT * FROM noticed_flows") == []


def test_a_sale_of_all_while_the_rest_rises_is_no_deposit(rounds: Rounds) -> None:
    rounds.held = {"X": (76, 100.0), "S": (4, 100.0)}
    rounds.poll("10:30", times=2)
    rounds.cash += 400
    rounds.held = {"X": (76, 103.0)}
    rounds.poll("10:32", times=4)
    settled(rounds, 0, 228)
    assert rounds.sql("SELECT * FROM noticed_flows") == []


def test_a_short_position_that_is_closed_while_the_rest_falls_is_no_withdrawal(rounds: Rounds) -> None:
    rounds.cash, rounds.held = 2_400, {"X": (80, 100.0), "S": (-4, 100.0)}
    rounds.poll("10:30", times=2)
    rounds.cash, rounds.held = 2_000, {"X": (80, 96.0)}
    rounds.poll("10:32", times=4)
    settled(rounds, 0, -320)
    assert rounds.sql("SELECT * FROM noticed_flows") == []


@pytest.mark.parametrize("units", [5.0, -5.0])
def test_a_trade_is_no_flow_even_where_cash_positions_and_account_tell_it_one_after_the_other(
    rounds: Rounds, units: float
) -> None:
    value = units * 100
    rounds.cash -= value  # the cash shows it a moment before anything else does
    rounds.poll("10:30")
    rounds.held["X"] = (80 + units, 100.0)
    rounds.poll("10:31", times=3)
    settled(rounds, 0)
    rounds.held["X"] = (80, 100.0)  # and here the positions do
    rounds.poll("10:40")
    rounds.cash += value
    rounds.poll("10:41", times=3)
    settled(rounds, 0)
    assert rounds.sql("SELECT * FROM noticed_flows") == []


def test_a_market_that_moves_is_no_flow(rounds: Rounds) -> None:
    for minute, price in enumerate((101.0, 108.0, 99.0, 103.0)):
        rounds.held["X"] = (80, price)
        rounds.poll(f"10:3{minute}")
    settled(rounds, 0, 240)


def test_cash_of_a_single_answer_is_no_flow(rounds: Rounds) -> None:
    rounds.cash += 800
    rounds.poll("10:30")
    rounds.cash -= 800
    rounds.poll("10:31", times=3)
    settled(rounds, 0)
    assert rounds.sql("SELECT * FROM noticed_flows") == []


def test_a_deposit_of_which_the_broker_tells_in_its_adjustments_counts_once(rounds: Rounds) -> None:
    rounds.adjustments = 0.0
    rounds.poll("10:30")
    rounds.cash += 1_000
    rounds.adjustments = 1_000.0
    rounds.poll("10:31", times=4)
    settled(rounds, 1_000)


@pytest.mark.parametrize("minutes", [2, 4, 15, 50])
@pytest.mark.parametrize("amount", [6_000.0, -5_000.0, 40_000.0])
def test_cash_that_is_astray_for_some_minutes_does_not_change_the_day(rounds: Rounds, amount: float, minutes: int) -> None:
    """A deposit and a withdrawal that were none would make the base of the day's return too large."""
    rounds.cash += amount
    rounds.poll("10:30", times=minutes)
    rounds.cash -= amount
    rounds.held["X"] = (80, 102.0)
    rounds.poll("11:20", times=8)
    assert rounds.sql("SELECT * FROM noticed_flows") == []
    settled(rounds, 0, 160)
    assert rounds.day("deposits") == rounds.day("withdrawals") == 0
    assert rounds.day("return_ratio") == pytest.approx(0.016)
    assert rounds.view.chain.peak == pytest.approx(10_160)
    assert rounds.view.chain.drawdown == pytest.approx(0)


def test_cash_that_goes_astray_twice_and_comes_back_at_once_was_never_there(rounds: Rounds) -> None:
    for clock, more in (("10:30", 5_000), ("10:36", 20_000), ("10:42", -25_000)):
        rounds.cash += more
        rounds.poll(clock, times=6)
    assert rounds.sql("SELECT * FROM noticed_flows") == []
    settled(rounds, 0)
    assert rounds.view.chain.peak == pytest.approx(10_000)


def test_a_deposit_with_a_record_and_a_withdrawal_soon_after_it_are_two_flows(rounds: Rounds) -> None:
    rounds.cash += 5_000
    rounds.poll("10:30", times=3)
    rounds.record("10:35", activity_type="CSD", date="2026-11-17", net_amount="5000")
    rounds.cash -= 5_000
    rounds.poll("10:50", times=3)
    settled(rounds, 0)
    assert (rounds.day("deposits"), rounds.day("withdrawals")) == (5_000, 5_000)


def test_a_deposit_that_is_withdrawn_hours_later_is_two_flows(rounds: Rounds) -> None:
    rounds.cash += 5_000
    rounds.poll("10:30", times=3)
    rounds.poll("13:58", times=3)
    rounds.cash -= 5_000
    rounds.poll("14:01", times=3)
    assert (rounds.day("deposits"), rounds.day("withdrawals")) == (5_000, 5_000)


INCOME = [("DIV", 50.0), ("FEE", -12.5), ("INT", -80.0), ("INT", 3.4), ("DIVNRA", -7.5), ("MA", 400.0)]


@pytest.mark.parametrize("first_sign", ["adjustments", "cash"])
@pytest.mark.parametrize(("kind", "amount"), INCOME)
def test_income_that_is_seen_before_its_record_is_no_deposit(rounds: Rounds, first_sign: str, kind: str, amount: float) -> None:
    times = abs(2_000 / amount) if first_sign == "cash" else 1  # a jump is noticed without a word of the broker
    rounds.adjustments = 0.0
    rounds.poll("10:30")
    rounds.cash += amount * times
    rounds.adjustments = amount if first_sign == "adjustments" else None
    rounds.poll("10:31", times=3)
    rounds.record("10:35", activity_type=kind, date="2026-11-17", net_amount=str(amount * times), symbol="KO")
    rounds.poll("10:36", times=2)
    assert rounds.view.cash_flow_today == 0
    assert rounds.view.day_profit == pytest.approx(amount * times)
    assert rounds.day("cash_flow") == 0
    assert rounds.day("profit") == pytest.approx(amount * times)


def test_a_dividend_and_the_tax_on_it_are_no_deposit_either(rounds: Rounds) -> None:
    rounds.adjustments = 0.0
    rounds.poll("10:30")
    rounds.cash += 42.5
    rounds.adjustments = 42.5
    rounds.poll("10:31", times=2)
    rounds.record("10:35", activity_type="DIV", date="2026-11-17", net_amount="50", symbol="KO")
    rounds.record("10:36", activity_type="DIVNRA", date="2026-11-17", net_amount="-7.5", symbol="KO")
    settled_flow, profit = rounds.day("cash_flow"), rounds.day("profit")
    assert (settled_flow, profit) == (0, pytest.approx(42.5))
    assert rounds.day("dividends") == pytest.approx(42.5)


def test_a_deposit_that_comes_with_a_dividend_counts_without_it(rounds: Rounds) -> None:
    rounds.adjustments = 0.0
    rounds.poll("10:30")
    rounds.cash += 1_050
    rounds.adjustments = 1_050.0
    rounds.poll("10:31", times=2)
    rounds.record("10:35", activity_type="CSD", date="2026-11-17", net_amount="1000")
    rounds.record("10:36", activity_type="DIV", date="2026-11-17", net_amount="50", symbol="KO")
    assert rounds.day("cash_flow") == 1_000
    assert rounds.day("profit") == pytest.approx(50)


def test_a_deposit_as_large_as_a_dividend_of_the_same_day_is_one(rounds: Rounds) -> None:
    rounds.adjustments = 0.0
    rounds.record("09:50", activity_type="DIV", date="2026-11-17", net_amount="50", symbol="KO")
    rounds.cash += 50
    rounds.poll("10:30")
    rounds.cash += 50
    rounds.adjustments = 50.0
    rounds.poll("10:31", times=2)
    rounds.record("10:35", activity_type="CSD", date="2026-11-17", net_amount="50")
    assert rounds.day("cash_flow") == 50
    assert rounds.day("profit") == pytest.approx(50)


@pytest.mark.parametrize("amount", [1.0, 500.0, 5_000.0])
def test_a_deposit_that_the_adjustments_show_and_take_back_leaves_the_prices_between(rounds: Rounds, amount: float) -> None:
    for clock, adjustments, price in (("10:30", 0.0, 100.0), ("10:31", amount, 95.0), ("10:50", 0.0, 100.0)):
        rounds.cash += adjustments - (rounds.adjustments or 0.0)
        rounds.adjustments = adjustments
        rounds.held["X"] = (80, price)
        rounds.poll(clock, times=4)
    settled(rounds, 0)
    assert rounds.sql("SELECT amount FROM noticed_flows ORDER BY ts") == [(amount,), (-amount,)]
    assert rounds.sql("SELECT count(*), sum(equity) FROM account_history WHERE cash > 2000") == [(4, 4 * (9_600 + amount))]
    assert rounds.sql("SELECT * FROM implausible_answers") == []


def test_positions_that_nobody_polled_were_not_sold(rounds: Rounds) -> None:
    rounds.book = BrokerRepository(rounds.store.connection, True, 0.0)  # a restart
    rounds.cash += 5_000
    for minute in range(30, 36):
        rounds.ask_account(at(f"10:{minute}"))
    assert rounds.view.cash_flow_today == pytest.approx(5_000)
    assert rounds.sql("SELECT amount FROM noticed_flows") == [(pytest.approx(5_000),)]


def test_a_position_that_could_not_be_read_was_not_sold(rounds: Rounds) -> None:
    rounds.held = {"X": (60, 100.0), "O": (20, 100.0)}
    rounds.poll("10:30", times=2)
    readable = Position("X", 60, "us_equity", 6_000, 6_000, 100, 100, 0, 0, 0)
    for minute in range(32, 40):
        rounds.cash = 2_000 if minute < 34 else 7_000
        rounds.put("positions", at(f"10:{minute}"), Positions((readable,), unreadable=1))
        rounds.ask_account(at(f"10:{minute}") + 1)
    assert rounds.sql("SELECT amount FROM noticed_flows") == [(pytest.approx(5_000),)]


@pytest.mark.parametrize("kind", ["SPIN", "MA", "REORG"])
@pytest.mark.parametrize("is_first", [True, False])
def test_shares_that_a_company_hands_out_are_no_deposit(rounds: Rounds, kind: str, is_first: bool) -> None:
    def record(clock: str) -> None:
        rounds.record(clock, activity_type=kind, symbol="CHILD", qty="40", date="2026-11-17")

    if is_first:
        record("10:30")
    rounds.held["CHILD"] = (40, 60.0)  # what X lost by it, it had lost before
    rounds.poll("10:31", times=5)
    if not is_first:
        assert rounds.view.cash_flow_today == 2_400, "nothing says yet where they come from"
        record("10:40")
    rounds.poll("12:00", times=2)
    settled(rounds, 0, profit=2_400)


def test_a_merger_in_which_the_new_shares_come_hours_later_is_no_flow(rounds: Rounds) -> None:
    rounds.held = {}
    rounds.poll("10:31", times=90)
    rounds.held = {"Y": (50, 160.0)}
    rounds.poll("12:01", times=5)
    for number, (symbol, quantity) in enumerate((("X", -80), ("Y", 50))):
        rounds.record("12:10", activity_type="MA", id=f"m{number}", symbol=symbol, qty=str(quantity), date="2026-11-17")
    rounds.poll("12:15")
    settled(rounds, 0)
    assert (rounds.day("deposits"), rounds.day("withdrawals")) == (0, 0)


def test_cash_of_a_merger_that_comes_hours_after_the_shares_are_gone_is_no_flow(rounds: Rounds) -> None:
    rounds.held = {}
    rounds.poll("10:31", times=90)
    rounds.cash += 8_160
    rounds.poll("12:01", times=5)
    rounds.record("12:10", activity_type="MA", id="m1", symbol="X", qty="-80", date="2026-11-17")
    rounds.record("12:11", activity_type="MA", id="m2", symbol="X", net_amount="8160", date="2026-11-17")
    rounds.poll("12:15")
    settled(rounds, 0, profit=160)


@pytest.mark.parametrize("record", [None, "X", "NEWX"])
def test_a_company_that_is_renamed_while_its_price_jumps_is_no_withdrawal(rounds: Rounds, record: str | None) -> None:
    """80 shares of 100 are 80 of another symbol at 40: a loss of 4,800, whichever symbol the record names, or none yet."""
    if record is not None:
        quantity = -80 if record == "X" else 80
        rounds.record("10:29", activity_type="NC", symbol=record, qty=str(quantity), date="2026-11-17")
    rounds.held = {"NEWX": (80, 40.0)}
    rounds.poll("10:30", times=90)
    settled(rounds, 0, -4_800)
    assert rounds.view.cash_flow_today == 0
    assert rounds.view.chain.drawdown == pytest.approx(0.48)


def test_a_remnant_that_goes_does_not_hide_a_transfer_that_comes(rounds: Rounds) -> None:
    """Shares of 3 dollars vanish between the two answers in which shares of 50,000 arrive."""
    rounds.held["REST"] = (3, 1.0)
    rounds.cash -= 3
    rounds.poll("10:29")
    del rounds.held["REST"]
    rounds.held["NEW"] = (500, 100.0)
    rounds.poll("10:30", times=90)
    settled(rounds, 49_997)
    rounds.record("12:30", activity_type="ACATS", symbol="NEW", qty="500", net_amount="0", date="2026-11-17")
    rounds.poll("12:31")
    assert rounds.day("deposits") == pytest.approx(50_000, abs=3)
