"""What holds for any sequence of sessions, prices, flows and answers, and what established libraries say of the same days."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import empyrical
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bigdipper_exporter import calendar
from bigdipper_exporter.archive.broker import doubts
from bigdipper_exporter.archive.broker.checkpoint import BrokerCheckpoint
from bigdipper_exporter.archive.broker.repository import BrokerRepository
from bigdipper_exporter.archive.store import Store
from bigdipper_exporter.broker.models import Account
from bigdipper_exporter.broker.results import PollResult
from bigdipper_exporter.counters import Counters
from bigdipper_exporter.money.flows import Flow, Flows, merge, total, unbooked
from bigdipper_exporter.money.returns import Attribution, DayEquity, chain, daily_return, profit

FIRST = date(2025, 11, 3)
returns = st.floats(-0.6, 1.5)
sums = st.floats(0, 1e6)
anything = st.one_of(st.none(), st.floats(-1e9, 1e9))
session_days = st.lists(st.tuples(returns, sums, sums), min_size=1, max_size=30)


def sessions(rows: list[tuple[float, float, float]], start: float = 10_000.0) -> list[DayEquity]:
    """Days on which all money, deposits included, earned a return; withdrawals never take more than half."""
    days = []
    for i, (earned, deposit, wanted) in enumerate(rows):
        worth = (start + deposit) * (1 + earned)
        withdrawal = min(wanted, worth / 2)
        days.append(DayEquity(FIRST + timedelta(days=i), start, worth - withdrawal, Flows(deposit, withdrawal)))
        start = worth - withdrawal
    return days


@given(session_days)
def test_flows_do_not_change_a_return(rows: list[tuple[float, float, float]]) -> None:
    linked = chain(sessions(rows))
    alone = chain(sessions([(earned, 0.0, 0.0) for earned, _, _ in rows]))
    assert dict(linked.returns)["all"] == pytest.approx(math.prod(1 + earned for earned, _, _ in rows) - 1, rel=1e-6, abs=1e-9)
    assert linked.drawdowns == pytest.approx(alone.drawdowns, abs=1e-9)


@given(st.lists(st.tuples(anything, anything, sums, sums, anything, st.booleans()), max_size=20))
def test_a_drawdown_is_at_least_0_and_less_than_1(rows: list[tuple[Any, ...]]) -> None:
    days = [
        DayEquity(FIRST + timedelta(days=i), start, end, Flows(deposit, withdrawal), peak, live)
        for i, (start, end, deposit, withdrawal, peak, live) in enumerate(rows)
    ]
    linked = chain(days)
    assert len(linked.drawdowns) == len(linked.peaks) == len(days)
    assert all(drawdown is not None and -1 < drawdown <= 0 for drawdown in linked.drawdowns), "no day is missing"
    assert linked.drawdown is None or 0 <= linked.drawdown < 1


@given(sums, sums, sums, st.lists(anything, min_size=2, max_size=2), st.lists(sums, min_size=3, max_size=3))
def test_the_parts_of_a_day_add_up_to_its_change_of_equity(
    start: float, end: float, flow: float, gains: list[float | None], income: list[float]
) -> None:
    realized, unrealized = gains
    other = Attribution(realized, unrealized, income[0], income[1], income[2], flow).other(start, end)
    if realized is None or unrealized is None:
        assert other is None
    else:
        assert other is not None
        assert realized + unrealized + sum(income) + flow + other == pytest.approx(end - start, abs=1e-2)
    assert profit(start, end, Flows(flow)) == pytest.approx(end - start - flow)


@given(session_days)
def test_return_and_drawdown_are_those_of_empyrical(rows: list[tuple[float, float, float]]) -> None:
    days = sessions(rows)
    daily = pandas.Series([day.ratio for day in days])
    linked = chain(days)
    assert dict(linked.returns)["all"] == pytest.approx(empyrical.cum_returns_final(daily), rel=1e-9, abs=1e-9)
    assert min(one for one in linked.drawdowns if one is not None) == pytest.approx(empyrical.max_drawdown(daily), abs=1e-9)


@given(returns, sums, sums)
def test_the_return_of_a_day_is_its_money_weighted_return(earned: float, deposit: float, wanted: float) -> None:
    """The rate at which the start and the deposits, at the day's start, grow to the end and the withdrawals, at its end."""
    (day,) = sessions([(earned, deposit, wanted)])
    assert day.start is not None
    assert day.end is not None
    low, high = -1.0, 10.0
    for _ in range(100):
        rate = (low + high) / 2
        if (day.start + day.flows.deposits) * (1 + rate) < day.end + day.flows.withdrawals:
            low = rate
        else:
            high = rate
    assert daily_return(day.start, day.end, day.flows) == pytest.approx(rate, abs=1e-9)


@given(st.lists(st.tuples(st.floats(0, 1e5), st.integers(-100_000, 100_000).filter(bool)), max_size=6))
def test_a_flow_that_was_noticed_before_its_activity_counts_once(rows: list[tuple[float, int]]) -> None:
    booked = [Flow(ts, float(amount)) for ts, amount in rows]
    seen = [Flow(flow.ts - 3600, flow.amount) for flow in booked]
    assert total(merge(booked, seen)).net == pytest.approx(sum(amount for _, amount in rows), rel=0.01 * len(rows), abs=2000)
    if len(rows) == 1:
        assert merge(booked, seen) == seen


@pytest.mark.parametrize(
    ("adjustments", "known", "rest"),
    [
        (None, (0.0,), 0.0),
        (0.0, (500.0,), 0.0),
        (10_000.0, (0.0, 0.0), 10_000.0),
        (10_000.0, (10_000.0, 10_050.0), 0.0),
        (10_050.0, (10_000.0, 10_050.0), 0.0),
        (6_000.0, (10_000.0,), -4_000.0),
        (-5_000.0, (0.0, -12.0), -4_988.0),
    ],
)
def test_the_brokers_adjustments_less_what_is_known(adjustments: float | None, known: tuple[float, ...], rest: float) -> None:
    assert unbooked(adjustments, *known) == pytest.approx(rest)


@pytest.mark.parametrize(
    ("adjustments", "known", "moved", "rest"),
    [
        (4_000.0, (0.0, 3_000.0), 0.0, 0.0),  # what the broker still shows on a Saturday has been noticed on Friday
        (1_700.55, (0.0, -800.0), 2_500.55, 2_500.55),
        (5_000.0, (0.0, 100.0), 5_000.0, 5_000.0),
        (5_000.0, (0.0, 100.0), 3_210.0, 4_900.0),  # trades moved the cash too: it decides nothing
    ],
)
def test_the_change_of_cash_says_which_sum_the_broker_means(
    adjustments: float, known: tuple[float, ...], moved: float, rest: float
) -> None:
    assert unbooked(adjustments, *known, moved=moved) == pytest.approx(rest)


# -- one bad answer changes nothing a day later


def answers(equities: list[float]) -> list[tuple[float, Account]]:
    """One honest answer a quarter of an hour over two days; all money is in one position."""
    found = []
    for day, last in ((4, equities[0]), (5, equities[len(equities) // 2])):
        opening = datetime(2025, 11, day, 9, 30, tzinfo=calendar.NEW_YORK).timestamp()
        for i, equity in enumerate(equities):
            found.append(
                (
                    opening + 900 * (i + 1),
                    Account(
                        "one", "ACTIVE", equity, 0.0, last if day == 4 else equities[-1],
                        long_market_value=equity, short_market_value=0.0, balance_day=date(2025, 11, day - 1),
                    ),
                )
            )  # fmt: skip
    return found


def figures(polls: list[tuple[float, Account]]) -> list[tuple[Any, ...]]:
    """The days' rows and the drawdown that the polls leave behind."""
    with TemporaryDirectory() as folder:
        store = Store(Path(folder) / "archive.db")
        book, counters = BrokerRepository(store.connection, True, polls[0][0]), Counters()
        for at, account in polls:
            with store.transaction() as connection:
                book.write(connection, PollResult("account", at, data=account), counters)
            book.commit()
        columns = "date, starting_equity, ending_equity, cash_flow, profit, return_ratio, drawdown_ratio, adjusted_peak"
        rows: list[tuple[Any, ...]] = store.connection.execute(f"SELECT {columns} FROM daily_stats ORDER BY date").fetchall()
        store.connection.close()
        store.close()
        return [*rows, (book.view.chain.drawdown, book.view.day_profit, book.view.account and book.view.account.equity)]


BAD = (
    {"equity": 0.0, "long_market_value": 0.0},
    {"equity": 0.0},
    {"long_market_value": 0.0},
    {"last_equity": 0.0},
    {"equity": 109_092.0},
    {"equity": 109_092.0, "cash": 80_000.0},
    {"equity": 3.0e5, "long_market_value": 3.0e5},
    {"equity": 9_000.0, "long_market_value": 9_000.0},
)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(-0.02, 0.02), min_size=6, max_size=12),
    st.sampled_from(range(len(BAD))),
    st.integers(0, 11),
)
def test_one_bad_answer_changes_nothing_a_day_later(moves: list[float], kind: int, place: int) -> None:
    equities = [29_000.0]
    for move in moves:
        equities.append(round(equities[-1] * (1 + move), 2))
    honest = answers(equities)
    at, account = honest[min(place, len(equities) - 2)]
    values = {name: getattr(account, name) for name in Account.__slots__} | BAD[kind]
    wrong = (at + 60, Account(**values))
    with_wrong = sorted([*honest, wrong], key=lambda poll: poll[0])
    if "last_equity" in BAD[kind]:  # the rest of that answer is right, and one more poll of this equity
        honest = sorted([*honest, (at + 60, account)], key=lambda poll: poll[0])
    assert figures(with_wrong) == figures(honest)


@pytest.mark.parametrize("gap", [60.0, 1800.0])
def test_a_last_equity_of_zero_is_doubted_again_without_a_poll_near_the_close(gap: float) -> None:
    def answer(day: int, clock: str, last: float, asof: int) -> tuple[float, Account]:
        at = datetime.fromisoformat(f"2025-11-0{day}T{clock}").replace(tzinfo=calendar.NEW_YORK).timestamp()
        return at, Account(
            "one", "ACTIVE", 15_000.0, 15_000.0, last, long_market_value=0.0, short_market_value=0.0,
            balance_day=date(2025, 11, asof),
        )  # fmt: skip

    first = answer(4, "12:00", 15_000.0, 3)
    at, odd = answer(5, "04:10", 0.0, 4)
    *_, (_, profit_today, equity) = figures([first, (at, odd), (at + gap, odd)])
    assert (profit_today, equity) == (None, 15_000)


@pytest.mark.parametrize("name", ["positions", "last_equity"])
def test_a_doubt_of_long_ago_does_not_confirm_another_one(name: Literal["positions", "last_equity"]) -> None:
    checkpoint = BrokerCheckpoint()
    assert not doubts.lasts(checkpoint, name, 0.0)
    assert not doubts.lasts(checkpoint, name, 90 * 86400.0)
    assert not doubts.lasts(checkpoint, name, 90 * 86400.0 + 1800)
    assert doubts.lasts(checkpoint, name, 90 * 86400.0 + 3600)
