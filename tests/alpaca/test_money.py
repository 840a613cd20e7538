"""Days that real accounts have: deposits at any hour, holidays, transfers, resets, and answers that cannot be right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bigdipper_exporter import calendar
from bigdipper_exporter.calendar import NEW_YORK
from bigdipper_exporter.demo.simulator.broker import Broker
from bigdipper_exporter.demo.simulator.ledger import Ledger
from bigdipper_exporter.demo.simulator.units import cents, money
from tests.alpaca.answers import Answers
from tests.alpaca.conftest import Desk, Timing

DRAWDOWN, PEAK = "bigdipper_account_drawdown_ratio", "bigdipper_account_equity_peak_usd"
PROFIT, RETURN = "bigdipper_account_day_profit_usd", "bigdipper_account_day_return_ratio"
EQUITY, FLOW = "bigdipper_account_equity_usd", "bigdipper_account_cash_flow_today_usd"
ALL = 'bigdipper_account_adjusted_return_ratio{window="all"}'


def stamp(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).timestamp()


def odd(metrics: dict[str, float], reason: str) -> float:
    return metrics[f'bigdipper_account_implausible_total{{reason="{reason}"}}']


class Account:
    """A desk at an account with `cash` dollars and shares of AAPL, that the broker has had since the trading day before."""

    def __init__(self, folder: Path, start: str, cash: float, shares: float = 0, price: float = 100) -> None:
        self.stack = ExitStack()
        now = stamp(start)
        before = calendar.new_york_date(now) - timedelta(days=1)
        while not calendar.is_trading_day(before):
            before -= timedelta(days=1)
        opened = calendar.open_close(before)
        assert opened is not None
        self.ledger = Ledger(cash + shares * price, seed=11, opened=opened.open + 60)
        if shares:
            self.ledger.trade("AAPL", shares, price, opened.open + 120)
        self.ledger.close_day(before)
        self.ledger.open_day(before + timedelta(days=1), now)
        self.timing = Timing(now)
        self.broker = self.stack.enter_context(Broker(self.ledger, clock=self.timing.time))
        self.answers = Answers(self.broker)
        self.folder = folder
        self.desk = self.open()

    def open(self, every: float = 60.0) -> Desk:
        """Start an exporter that asks for account and positions so often (seconds)."""
        rarely = {f"alpaca_{endpoint}_interval": max(every, 300.0) for endpoint in ("orders", "clock", "activities")}
        often = {f"alpaca_{endpoint}_interval": every for endpoint in ("account", "positions")}
        self.desk = Desk(self.folder / "archive.db", self.broker, self.timing, **rarely, **often)
        return self.desk

    def until(self, when: str) -> dict[str, float]:
        """Let time pass up to `when`, with the bells of the exchange; the metrics at that moment."""
        end = stamp(when)
        slow = end - self.timing.time() > 3 * 3600
        if slow:  # nights and days pass with fewer questions, and with restarts
            self.desk.close()
            self.open(3600.0)
        while self.timing.time() < end - 1:
            bell = min((at for at in self._bells(self.timing.time()) if at < end), default=end)
            self.desk.advance(max(bell - self.timing.time(), 1), step=3600)
            day = calendar.new_york_date(bell)
            if bell == calendar.day_start(day) and calendar.is_trading_day(day):
                self.ledger.open_day(day, bell)
            elif bell < end:
                self.ledger.close_day(day)
        if slow:
            self.desk.close()
            self.open()
        self.desk.advance(1)
        return self.desk.metrics()

    @staticmethod
    def _bells(now: float) -> Iterator[float]:
        for ahead in range(-1, 8):
            day = calendar.new_york_date(now) + timedelta(days=ahead)
            if calendar.is_trading_day(day):
                hours = calendar.open_close(day)
                assert hours is not None
                yield from (bell for bell in (calendar.day_start(day), hours.close) if bell > now + 1)

    def book(self, kind: str, amount: float) -> Any:
        return self.ledger.book(kind, money(amount), self.timing.time(), kind)

    def day(self, day: str, column: str) -> Any:
        return self.desk.one(f"SELECT {column} FROM daily_stats WHERE date = ?", day)


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Callable[..., Account]]:
    opened: list[Account] = []

    def build(*args: Any, **more: Any) -> Account:
        opened.append(Account(tmp_path, *args, **more))
        return opened[-1]

    yield build
    for one in opened:
        one.desk.close()
        one.stack.close()


def test_a_day_on_which_a_deposit_dwarfs_the_account_has_the_return_of_its_money(account: Callable[..., Account]) -> None:
    one = account("2025-11-04T09:40", 100)
    one.until("2025-11-04T10:30")
    one.book("CSD", 10_000)
    one.ledger.trade("AAPL", 50, 100, one.timing.time())
    one.until("2025-11-04T14:00")
    one.ledger.marks["AAPL"] = cents(97)
    metrics = one.until("2025-11-04T15:59")
    assert metrics[EQUITY] == 9_950
    assert metrics[PROFIT] == -150
    assert metrics[RETURN] == pytest.approx(-150 / 10_100)
    assert metrics[DRAWDOWN] == pytest.approx(150 / 10_100)
    assert metrics[ALL] == pytest.approx(-150 / 10_100)
    assert one.day("2025-11-04", "profit") == -150
    later = one.until("2025-11-06T12:00")
    assert later[DRAWDOWN] == pytest.approx(150 / 10_100)
    assert later[PEAK] == pytest.approx(9_950 * 10_100 / 9_950)


def test_portfolio_history_of_a_first_start_gives_the_same_return(account: Callable[..., Account]) -> None:
    one = account("2025-11-04T09:40", 100)
    one.until("2025-11-04T10:30")
    one.book("CSD", 10_000)
    one.ledger.trade("AAPL", 50, 100, one.timing.time())
    one.ledger.marks["AAPL"] = cents(97)
    one.until("2025-11-06T12:00")
    one.desk.close()
    (one.folder / "archive.db").unlink()
    one.open()
    metrics = one.until("2025-11-06T12:10")
    assert one.day("2025-11-04", "return_ratio") == pytest.approx(-150 / 10_100)
    assert metrics[DRAWDOWN] == pytest.approx(150 / 10_100)


@pytest.mark.parametrize(
    ("start", "moment", "next_day"),
    [
        ("2025-11-04T15:30", "2025-11-04T16:30", "2025-11-05T12:00"),
        ("2025-11-04T15:30", "2025-11-05T02:00", "2025-11-05T12:00"),
        ("2025-11-04T15:30", "2025-11-05T06:00", "2025-11-05T12:00"),
        ("2025-11-28T12:30", "2025-11-28T13:30", "2025-12-01T12:00"),
        ("2025-11-28T12:30", "2025-11-29T11:00", "2025-12-01T12:00"),
    ],
)
def test_a_deposit_outside_the_session_is_neither_a_peak_nor_a_loss(
    account: Callable[..., Account], start: str, moment: str, next_day: str
) -> None:
    one = account(start, 5_000, shares=300)
    one.until(moment)
    one.book("CSD", 10_000)
    soon = one.until((datetime.fromisoformat(moment) + timedelta(minutes=40)).isoformat())
    assert soon[PROFIT] == pytest.approx(0)
    assert soon[DRAWDOWN] == pytest.approx(0)
    for when in (next_day, (datetime.fromisoformat(next_day) + timedelta(days=2)).isoformat()):
        metrics = one.until(when)
        assert metrics[DRAWDOWN] == pytest.approx(0)
        assert metrics[PEAK] == pytest.approx(45_000)
        assert metrics[ALL] == pytest.approx(0)
    assert one.desk.one("SELECT sum(profit) FROM daily_stats") == pytest.approx(0)


@pytest.mark.parametrize("part", ["equity", "cash", "long_market_value"])
def test_equity_that_goes_astray_for_a_quarter_of_an_hour_is_never_believed(account: Callable[..., Account], part: str) -> None:
    """28,864 -> 51,374 -> 109,092 -> 29,347 on a real account: equity alone, or with a part that makes the sum agree."""
    one = account("2025-11-04T10:00", -11_136, shares=400)
    one.until("2025-11-04T10:10")
    for equity, minutes in ((51_374, 5), (109_092, 10)):
        wrong = {"equity": equity}
        if part != "equity":
            honest = {"cash": -11_136, "long_market_value": 40_000}
            wrong[part] = honest[part] + equity - 28_864
        one.answers.account(**wrong)
        one.desk.advance(minutes * 60)
    during = one.desk.metrics()
    if part != "cash":  # cash that stays is taken for a deposit, and is no profit either
        assert during[EQUITY] == 28_864
        assert during["bigdipper_account_doubted"] == 1
    assert sum(v for n, v in during.items() if n.startswith("bigdipper_account_implausible_total")) >= 5
    assert during[PROFIT] == pytest.approx(0, abs=1)
    one.answers.clear()
    one.ledger.marks["AAPL"] = cents(101.2075)
    for when in ("2025-11-04T10:40", "2025-11-05T12:00", "2025-11-07T12:00"):
        metrics = one.until(when)
        assert metrics[EQUITY] == 29_348
        assert metrics["bigdipper_account_doubted"] == 0
        assert metrics[DRAWDOWN] < 0.001
        assert metrics[PEAK] == pytest.approx(one.ledger.equity() / 1e6, rel=0.01)
    assert one.desk.one("SELECT max(equity) FROM account_history") < 30_000 or part == "cash"


@pytest.mark.parametrize(("kind", "amount"), [("CSW", -5_000), ("CSD", 5_000)])
def test_money_that_moves_on_a_holiday_on_which_banks_are_open_is_no_profit(
    account: Callable[..., Account], kind: str, amount: float
) -> None:
    one = account("2026-04-02T15:00", 5_000, shares=300)
    one.until("2026-04-03T10:30")
    one.book(kind, amount)
    metrics = one.until("2026-04-03T12:00")
    assert metrics[FLOW] == amount
    assert metrics[PROFIT] == metrics[RETURN] == 0
    assert metrics[DRAWDOWN] == one.day("2026-04-03", "-drawdown_ratio") == 0
    assert one.day("2026-04-03", "profit") is None
    monday = one.until("2026-04-06T12:00")
    assert one.desk.one("SELECT sum(profit) FROM daily_stats") == 0
    assert monday[ALL] == 0
    assert one.day("2026-04-06", "cash_flow") == amount


def test_a_weekend_with_crypto_counts_once_on_the_next_trading_day(account: Callable[..., Account]) -> None:
    one = account("2025-11-07T15:00", 5_000, shares=100)
    one.until("2025-11-08T11:00")
    one.ledger.marks["AAPL"] = cents(105)
    saturday = one.until("2025-11-08T12:00")
    assert saturday[PROFIT] == pytest.approx(500)
    assert saturday[ALL] == pytest.approx(500 / 15_000)
    one.until("2025-11-10T12:00")
    assert one.desk.one("SELECT sum(profit) FROM daily_stats") == pytest.approx(500)
    assert one.day("2025-11-10", "profit") == pytest.approx(500)


def test_another_account_has_lots_returns_and_history_of_its_own(account: Callable[..., Account]) -> None:
    one = account("2025-11-04T10:00", 5_000, shares=10, price=200)
    one.until("2025-11-04T10:30")
    first = one.ledger
    second = Ledger(100_000, seed=99, opened=stamp("2025-11-04T10:31"))
    one.ledger = one.broker.ledger = second
    metrics = one.until("2025-11-04T10:34")
    assert metrics[EQUITY] == 100_000
    second.trade("AAPL", 10, 100, one.timing.time())
    one.until("2025-11-04T11:00")
    second.trade("AAPL", -10, 110, one.timing.time())
    metrics = one.until("2025-11-04T11:20")
    assert one.desk.one("SELECT sum(realized_pl) FROM fills") == pytest.approx(100)
    assert one.desk.one("SELECT count(*) FROM wash_sales") == 0
    assert metrics[PROFIT] == pytest.approx(100)
    assert metrics[DRAWDOWN] == 0
    assert metrics["bigdipper_alpaca_backfill_ratio"] == 1
    one.ledger = one.broker.ledger = first
    first.trade("AAPL", -10, 190, one.timing.time())
    metrics = one.until("2025-11-04T11:40")
    assert metrics[EQUITY] == 6_900
    assert metrics[PROFIT] == pytest.approx(-100)
    assert one.desk.one("SELECT sum(realized_pl) FROM fills") == pytest.approx(-100)
    assert one.desk.one("SELECT count(*) FROM wash_sales") == 1
    assert one.desk.sql("SELECT count(*) FROM former_fills") == [(2,)]


@pytest.mark.parametrize("missing", [(), ("long_market_value",), ("long_market_value", "short_market_value")])
def test_an_empty_list_of_positions_that_the_account_contradicts_is_not_believed(
    account: Callable[..., Account], missing: tuple[str, ...]
) -> None:
    one = account("2025-11-04T10:00", 100, shares=19)
    before = one.until("2025-11-04T10:10")
    one.answers.change("positions", lambda body: [])
    one.answers.change("account", lambda body: body | dict.fromkeys(missing))
    during = one.until("2025-11-04T10:13")
    assert odd(during, "positions") >= 1
    assert during["bigdipper_account_doubted"] == 1
    assert during['bigdipper_position_quantity{symbol="AAPL"}'] == 19
    assert during["bigdipper_account_leverage_ratio"] == before["bigdipper_account_leverage_ratio"]
    one.answers.clear()
    after = one.until("2025-11-04T10:15")
    assert after["bigdipper_account_doubted"] == 0
    one.ledger.trade("AAPL", -19, 105, one.timing.time())
    one.until("2025-11-04T10:25")
    assert one.desk.one("SELECT sum(realized_pl) FROM fills") == pytest.approx(95), "the lots were kept"
    assert "bigdipper_position_quantity" not in " ".join(one.desk.metrics())


def test_everything_sold_in_one_minute_is_believed_within_it(account: Callable[..., Account]) -> None:
    one = account("2025-11-04T10:00", 100, shares=19)
    one.until("2025-11-04T10:10")
    one.ledger.trade("AAPL", -19, 100, one.timing.time())
    one.desk.advance(62)
    metrics = one.desk.metrics()
    assert metrics["bigdipper_account_long_market_value_usd"] == 0
    assert not [name for name in metrics if name.startswith("bigdipper_position_quantity")]
    assert odd(metrics, "positions") == odd(metrics, "jump") == 0


@pytest.mark.parametrize("fields", [{"equity": 0, "cash": 0, "long_market_value": 0, "last_equity": 0}, {"cash": 0}])
def test_balances_that_vanish_are_shown_as_such_and_change_nothing(
    account: Callable[..., Account], fields: dict[str, float]
) -> None:
    one = account("2025-11-04T10:00", 5_000, shares=100)
    one.until("2025-11-04T10:10")
    one.answers.account(**fields)
    during = one.until("2025-11-04T10:40")
    assert during[EQUITY] == 15_000
    assert during[PROFIT] == 0
    assert during["bigdipper_account_doubted"] == 1
    one.answers.clear()
    after = one.until("2025-11-05T12:00")
    assert after[EQUITY] == 15_000
    assert after[DRAWDOWN] == 0


def test_a_last_equity_of_zero_is_no_close(account: Callable[..., Account]) -> None:
    one = account("2025-11-04T15:00", 5_000, shares=100)
    one.until("2025-11-05T03:50")
    one.answers.account(last_equity=0, balance_asof="2025-11-04")
    during = one.until("2025-11-05T04:30")
    assert odd(during, "last_equity") > 0
    assert during[EQUITY] == 15_000
    assert PROFIT not in during
    assert one.day("2025-11-04", "ending_equity") == one.day("2025-11-05", "starting_equity") == 15_000
    one.answers.clear()
    assert one.until("2025-11-05T12:00")[DRAWDOWN] == 0


@pytest.mark.parametrize("kind", ["ACATS", "JNLS", "JNL", "FOPT"])
@pytest.mark.parametrize("known", ["price", "net_amount", "snapshot", "unknown"])
def test_shares_that_are_moved_in_are_no_profit(account: Callable[..., Account], kind: str, known: str) -> None:
    one = account("2025-11-04T10:00", 10_000)
    one.until("2025-11-04T10:10")
    extra = {"symbol": "MSFT", "qty": "10"}
    extra |= {"price": {"price": "500"}, "net_amount": {"net_amount": "5000"}}.get(known, {})
    one.ledger.book(kind, 0, one.timing.time(), "moved in", **extra)
    one.ledger.trade("MSFT", 10, 500, one.timing.time())
    one.ledger.cash += money(5_000)
    one.ledger.activities = [a for a in one.ledger.activities if a.body.get("symbol") != "MSFT" or a.type != "FILL"]
    if known == "unknown":
        one.answers.change("positions", lambda body: [p | {"current_price": None, "market_value": None} for p in body])
    for when in ("2025-11-04T10:40", "2025-11-05T12:00"):
        metrics = one.until(when)
        assert metrics[EQUITY] == 15_000
        assert metrics.get(PROFIT, 0) == pytest.approx(0)
        assert metrics.get(DRAWDOWN, 0) == pytest.approx(0)
        assert metrics.get(ALL, 0) == pytest.approx(0)


def test_a_deposit_counts_once_from_the_first_sign_of_it(account: Callable[..., Account]) -> None:
    one = account("2025-11-04T10:00", 5_000, shares=100)
    one.until("2025-11-04T10:10")
    one.ledger.cash += money(10_000)
    one.answers.account(intraday_adjustments=10_000)
    first = one.until("2025-11-04T10:12")
    assert first[EQUITY] == 25_000
    assert first[FLOW] == 10_000
    assert first[PROFIT] == 0
    one.until("2025-11-04T12:00")
    one.ledger.cash -= money(10_000)
    one.book("CSD", 10_000)
    for when in ("2025-11-04T12:30", "2025-11-04T15:00"):
        metrics = one.until(when)
        assert metrics[FLOW] == 10_000
        assert metrics[PROFIT] == metrics[DRAWDOWN] == 0
    one.answers.clear()
    assert one.until("2025-11-06T12:00")[ALL] == 0
    assert one.desk.one("SELECT sum(cash_flow) FROM daily_stats WHERE date >= '2025-11-04'") == 10_000


def test_profit_today_is_the_same_everywhere(account: Callable[..., Account]) -> None:
    one = account("2025-11-04T10:00", 5_000, shares=300)
    one.until("2025-11-04T10:10")
    one.book("CSD", 10_000)
    metrics = one.until("2025-11-04T12:00")
    assert metrics["bigdipper_account_day_pl_usd"] == 10_000, "the contract's name: equity less last_equity"
    assert metrics[PROFIT] == one.day("2025-11-04", "profit") == one.desk.view.day_profit == 0


def test_a_deposit_that_is_cancelled_later_is_none(account: Callable[..., Account]) -> None:
    one = account("2025-11-04T10:00", 50_000)
    one.until("2025-11-04T10:10")
    deposit = one.book("CSD", 500)
    assert one.until("2025-11-04T10:40")[FLOW] == 500
    deposit.body["status"] = "canceled"
    one.ledger.cash -= money(500)
    metrics = one.until("2025-11-04T11:40")
    assert metrics[FLOW] == metrics[PROFIT] == 0


@pytest.mark.parametrize("first_sign", ["activity", "adjustments"])
def test_a_deposit_that_is_cancelled_days_later_went_back_then(account: Callable[..., Account], first_sign: str) -> None:
    one = account("2025-11-04T10:00", 5_000, shares=100)
    one.until("2025-11-04T10:10")
    if first_sign == "adjustments":
        one.ledger.cash += money(5_000)
        one.answers.account(intraday_adjustments=5_000)
        assert one.until("2025-11-04T10:20")[FLOW] == 5_000
        one.ledger.cash -= money(5_000)
        one.answers.account(intraday_adjustments=10_000)
    deposit = one.book("CSD", 5_000)
    one.book("CSD", 5_000)  # of the same day and amount; it stays
    one.until("2025-11-04T12:00")
    one.answers.clear()
    one.until("2025-11-06T11:00")
    deposit.body["status"] = "canceled"
    one.ledger.cash -= money(5_000)
    metrics = one.until("2025-11-06T15:00")
    assert metrics[FLOW] == -5_000
    assert metrics[PROFIT] == metrics[DRAWDOWN] == metrics[ALL] == 0
    one.until("2025-11-07T12:00")
    days = one.desk.sql("SELECT cash_flow, profit FROM daily_stats WHERE date BETWEEN '2025-11-04' AND '2025-11-06'")
    assert days == [(10_000, 0), (0, 0), (-5_000, 0)]


def test_a_deposit_that_never_arrived_and_is_cancelled_is_none(account: Callable[..., Account]) -> None:
    one = account("2025-11-04T10:00", 5_000, shares=100)
    one.until("2025-11-04T10:10")
    deposit = one.book("CSD", 5_000)
    one.ledger.cash -= money(5_000)
    one.until("2025-11-06T11:00")
    deposit.body["status"] = "canceled"
    one.until("2025-11-07T12:00")
    assert one.desk.one("SELECT sum(cash_flow) FROM daily_stats WHERE date >= '2025-11-04'") == 0
    assert one.desk.one("SELECT max(abs(profit)) FROM daily_stats WHERE date >= '2025-11-04'") == 0


def test_a_deposit_that_is_noticed_and_cancelled_the_same_day_is_none(account: Callable[..., Account]) -> None:
    one = account("2025-11-04T10:00", 5_000, shares=100)
    one.until("2025-11-04T10:10")
    one.ledger.cash += money(5_000)
    one.answers.account(intraday_adjustments=5_000)
    assert one.until("2025-11-04T11:00")[FLOW] == 5_000
    one.ledger.cash -= money(5_000)
    one.answers.account(intraday_adjustments=0)
    metrics = one.until("2025-11-04T11:05")
    assert metrics[FLOW] == metrics[PROFIT] == 0
    assert one.until("2025-11-05T12:00")[ALL] == 0


def test_a_new_account_reads_its_history_at_once(account: Callable[..., Account]) -> None:
    one = account("2025-11-05T10:00", 5_000, shares=10)
    one.until("2025-11-05T10:30")
    second = Ledger(50_000, seed=99, opened=stamp("2025-10-01T10:00"))
    second.trade("MSFT", 10, 500, stamp("2025-10-02T10:00"))
    second.days = {}
    second.close_day(date(2025, 11, 3))
    second.close_day(date(2025, 11, 4))
    second.open_day(date(2025, 11, 5), one.timing.time())
    one.ledger = one.broker.ledger = second
    one.until("2025-11-05T10:33")
    assert one.desk.sql("SELECT symbol FROM fills") == [("MSFT",)]
    assert one.day("2025-11-04", "ending_equity") == 50_000


def test_a_small_deposit_is_known_as_soon_as_the_cash_has_moved(account: Callable[..., Account]) -> None:
    """Its record would be read minutes later, and until then it would look like a profit."""
    one = account("2025-11-04T10:00", 5_000, shares=300)
    one.until("2025-11-04T10:31")
    one.book("CSD", 500)
    metrics = one.until("2025-11-04T10:33")
    assert (metrics[EQUITY], metrics[FLOW], metrics[PROFIT]) == (35_500, 500, 0)
