"""daily_stats: the bridge from close to close against an account whose every dollar is known."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest

from bigdipper_exporter.archive.broker import daily
from bigdipper_exporter.archive.broker.checkpoint import BrokerCheckpoint
from bigdipper_exporter.archive.broker.days import trading_day_of
from bigdipper_exporter.broker.models import Account, EquityPoint
from bigdipper_exporter.calendar import NEW_YORK
from bigdipper_exporter.demo.simulator.units import cents, money
from tests.alpaca.conftest import every

COLUMNS = (
    "starting_equity, ending_equity, realized_pl, unrealized_change, dividends, fees, interest, cash_flow, other, return_ratio,"
    " fills_count, equity_source"
)


def at(day: int, clock: str) -> float:
    return datetime.fromisoformat(f"2025-11-{day:02d}T{clock}").replace(tzinfo=NEW_YORK).timestamp()


def until(desk: Any, day: int, clock: str) -> None:
    desk.advance(at(day, clock) - desk.timing.time(), step=300)


def row(desk: Any, day: int) -> dict[str, Any]:
    values = desk.sql(f"SELECT {COLUMNS} FROM daily_stats WHERE date = '2025-11-{day:02d}'")
    return dict(zip(COLUMNS.split(", "), values[0], strict=True))


@pytest.fixture
def days(open_desk: Callable[..., Any]) -> Any:
    """A desk that asks every five minutes, since days pass; its first round of polls is archived."""
    desk = open_desk(**every(300))
    desk.advance(60)
    return desk


def night(desk: Any, closed: int, opens: int) -> None:
    """The bell of one day and the morning of the next."""
    until(desk, closed, "16:00")
    desk.broker.ledger.close_day(date(2025, 11, closed))
    until(desk, opens, "04:00")
    desk.broker.ledger.open_day(date(2025, 11, opens), at(opens, "04:00"))


def test_the_bridge_of_a_day_explains_every_dollar(days: Any) -> None:
    desk, ledger = days, days.broker.ledger
    night(desk, 4, 5)
    until(desk, 5, "11:00")
    ledger.book("CSD", money(1000), desk.timing.time(), "deposit")
    ledger.dividend("AMD", "0.50", desk.timing.time())
    ledger.book("FEE", -money("0.12"), desk.timing.time(), "fee")
    ledger.book("INT", -money("3.40"), desk.timing.time(), "interest")
    ledger.trade("BRK.B", -3, 530, desk.timing.time())
    ledger.marks["AMD"] = cents(210)
    until(desk, 5, "15:00")
    start = ledger.last_equity / 1e6
    got = row(desk, 5)
    assert got["starting_equity"] == pytest.approx(start)
    assert got["ending_equity"] == pytest.approx(ledger.equity() / 1e6)
    assert got["realized_pl"] == pytest.approx(3 * (530 - 512.07))
    assert got["unrealized_change"] == pytest.approx(11.5036 * (210 - 203.78), abs=0.01), "the AMD shares alone"
    assert got["dividends"] == pytest.approx(5.75)
    assert got["fees"] == pytest.approx(-0.12)
    assert got["interest"] == pytest.approx(-3.40)
    assert got["cash_flow"] == 1000
    assert got["other"] == pytest.approx(0, abs=0.01)
    assert got["return_ratio"] == pytest.approx(ledger.equity() / 1e6 / (start + 1000) - 1), "a deposit is money of the start"
    assert (got["fills_count"], got["equity_source"]) == (1, "alpaca")
    metrics = desk.metrics()
    assert metrics["bigdipper_account_cash_flow_today_usd"] == 1000
    assert metrics['bigdipper_account_adjusted_return_ratio{window="1d"}'] == pytest.approx(got["return_ratio"])


def test_a_day_that_is_over_ends_with_the_brokers_close_and_the_next_begins_there(days: Any) -> None:
    desk, ledger = days, days.broker.ledger
    until(desk, 4, "16:00")
    ledger.close_day(date(2025, 11, 4))
    close = ledger.equity() / 1e6
    ledger.marks["AMD"] = cents(190)  # after hours: the next day's money
    until(desk, 4, "19:00")
    assert row(desk, 4)["ending_equity"] == pytest.approx(ledger.equity() / 1e6)
    until(desk, 5, "04:00")
    ledger.open_day(date(2025, 11, 5), at(5, "04:00"))
    until(desk, 5, "10:00")
    first, second = row(desk, 4), row(desk, 5)
    assert first["ending_equity"] == second["starting_equity"] == pytest.approx(close)
    assert second["return_ratio"] == pytest.approx(ledger.equity() / 1e6 / close - 1)
    assert first["ending_equity"] == pytest.approx(close)
    assert first["other"] is None, "no poll before the first day: how much was unrealized then is not known"
    assert second["other"] == pytest.approx(0, abs=0.01)


def test_the_log_told_equity_first_and_the_broker_takes_over(open_desk: Callable[..., Any]) -> None:
    desk = open_desk()
    desk.sql(
        "INSERT INTO daily_stats (date, ts, trading_day, cycles, equity_source, starting_equity, ending_equity, peak_equity,"
        " trough_equity, max_margin_ratio) VALUES ('2025-11-04', 0, 1, 7, 'log', 1, 2, 999999, 1, 0.9)"
    )
    desk.advance(120)
    got = desk.sql(
        "SELECT cycles, equity_source, starting_equity, peak_equity, trough_equity, max_margin_ratio FROM daily_stats"
    )
    equity = desk.view.account.equity
    assert got == [(7, "alpaca", desk.view.account.last_equity, equity, equity, desk.view.account.margin_ratio)]


def test_peak_trough_and_the_worst_ratios_are_those_of_all_polls(desk: Any) -> None:
    seen = [desk.view]
    for price in (150, 260, 220):
        desk.broker.ledger.marks["AMD"] = cents(price)
        desk.advance(130)
        seen.append(desk.view)
    desk.broker.ledger.marks["AMD"] = cents(300)
    desk.advance(60)  # one poll alone makes no peak
    seen_once = desk.view
    desk.broker.ledger.marks["AMD"] = cents(220)
    desk.advance(60)
    (got,) = desk.sql("SELECT peak_equity, trough_equity, max_leverage_ratio FROM daily_stats WHERE date = '2025-11-04'")
    assert got[:2] == (max(v.account.equity for v in seen), min(v.account.equity for v in seen))
    assert seen_once.account.equity > got[0]
    assert got[2] == pytest.approx(max(v.leverage_ratio for v in (*seen, seen_once)))


def test_portfolio_history_gives_performance_a_past_on_the_first_day(open_desk: Callable[..., Any], ledger: Any) -> None:
    ledger.days = {}
    for day, equity in ((28, 19_000), (29, 19_500), (30, 18_525), (31, 19_200)):
        ledger.close_day(date(2025, 10, day))
        ledger.days[date(2025, 10, day)].equity = money(equity)
    desk = open_desk()
    desk.advance(60)
    rows = desk.sql(
        "SELECT date, starting_equity, ending_equity, return_ratio, peak_equity FROM daily_stats"
        " WHERE date < '2025-11' ORDER BY 1"
    )
    assert [r[0] for r in rows] == ["2025-10-28", "2025-10-29", "2025-10-30", "2025-10-31"], "20:00 New York is that day"
    assert [r[2] for r in rows] == [19_000, 19_500, 18_525, 19_200]
    assert rows[0][3] is None
    assert rows[2][3] == pytest.approx(-0.05)
    assert {r[4] for r in rows} == {None}, "what was the highest within those days is not known"


def test_days_without_any_poll_get_their_closes_when_the_broker_is_back(
    open_desk: Callable[..., Any], ledger: Any, broker: Any
) -> None:
    desk = open_desk(**every(3600))
    desk.advance(60)
    broker.faults.set("*", "503")
    desk.advance(70 * 3600, step=7200)  # from Tuesday morning to Friday morning: every try of that day's history fails as well
    ledger.days = {}
    for day, equity in ((4, 20_000), (5, 19_000), (6, 19_500)):
        ledger.close_day(date(2025, 11, day))
        ledger.days[date(2025, 11, day)].equity = money(equity)
    broker.faults.clear("*")
    desk.advance(2 * 3600, step=1800)
    rows = desk.sql("SELECT date, equity_source, ending_equity, return_ratio FROM daily_stats WHERE date = '2025-11-05'")
    assert rows == [("2025-11-05", "alpaca", 19_000, pytest.approx(-0.05))]


def test_a_saturday_in_the_portfolio_history_is_passed_over_and_the_monday_is_not(archive: sqlite3.Connection) -> None:
    points = [EquityPoint(date(2025, 11, day), 1000.0 + day) for day in (7, 8, 10)]
    daily.write_history(archive, points, at(12, "12:00"), BrokerCheckpoint())
    rows = archive.execute("SELECT date, starting_equity, ending_equity FROM daily_stats ORDER BY date").fetchall()
    assert rows == [("2025-11-07", None, 1007), ("2025-11-10", 1007, 1010)]


@pytest.mark.parametrize(
    ("moment", "day"),
    [((4, "15:59"), 4), ((4, "16:01"), 5), ((7, "18:00"), 10), ((8, "12:00"), 10), ((28, "12:59"), 28), ((28, "13:01"), 1)],
)
def test_money_after_the_close_belongs_to_the_next_trading_day(moment: tuple[int, str], day: int) -> None:
    assert trading_day_of(at(*moment)).day == day


def test_another_account_begins_its_own_history(desk: Any) -> None:
    ledger = desk.broker.ledger
    desk.advance(300)
    ledger.id = "another-account"
    desk.advance(65)
    assert desk.metrics()['bigdipper_account_adjusted_return_ratio{window="1d"}'] is not None
    assert desk.one("SELECT json_extract(value, '$.account_id') FROM state WHERE key = 'broker'") == "another-account"


def test_early_in_the_morning_the_last_equity_of_the_broker_may_be_a_day_older(archive: sqlite3.Connection) -> None:
    checkpoint, seen = BrokerCheckpoint(), []
    for moment, equity, last, closed in (
        (at(4, "15:00"), 1100.0, 1000.0, 3),
        (at(5, "04:30"), 1105.0, 1000.0, 3),
        (at(5, "09:00"), 1106.0, 1101.0, 4),
    ):
        daily.write_account(
            archive, Account("1", "ACTIVE", equity, last_equity=last, balance_day=date(2025, 11, closed)), moment, checkpoint
        )
        seen.append(archive.execute("SELECT starting_equity, ending_equity FROM daily_stats ORDER BY date").fetchall())
    assert seen == [[(1000, 1100)], [(1000, 1100), (1100, 1105)], [(1000, 1101), (1101, 1106)]]


def test_days_of_another_account_are_no_part_of_the_returns(archive: sqlite3.Connection) -> None:
    for day in (3, 4, 5):
        daily.write_account(archive, Account("1", "ACTIVE", 1000.0), at(day, "12:00"), BrokerCheckpoint())
    days = daily.equity_days(archive, BrokerCheckpoint(since="2025-11-04"))
    assert [one.day.day for one in days] == [4, 5], "version 0.1 left the days of another account where they were"
    archive.execute("INSERT INTO accounts (account_id, first_seen, present) VALUES ('2', 0, 0)")
    assert len(daily.equity_days(archive, BrokerCheckpoint(since="2025-11-04"))) == 3, "those of the other one were put aside"
