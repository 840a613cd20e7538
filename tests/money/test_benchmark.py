"""The comparison with a benchmark against made accounts and an oracle; the classic mistakes visibly break it."""

from __future__ import annotations

import math
import random
import warnings
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigdipper_exporter.money.benchmark import LEAST_DAYS, Comparison, compare
from bigdipper_exporter.money.flows import Flows
from bigdipper_exporter.money.prices import Bar, Dividend, Prices, Split
from bigdipper_exporter.money.returns import DayEquity

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import empyrical
    import pandas

START = date(2025, 1, 6)
Moves = list[float]


def weekdays(count: int) -> list[date]:
    days = [START + timedelta(days=n) for n in range(2 * count + 10)]
    return [day for day in days if day.weekday() < 5][:count]


def market(moves: Moves, price: float = 500.0) -> Prices:
    """One more bar than moves: the close before the first."""
    closes = [price]
    for move in moves:
        closes.append(closes[-1] * (1 + move))
    return Prices([Bar(day, c, c, c, c) for day, c in zip(weekdays(len(closes)), closes, strict=True)])


def account(moves: Moves, flows: dict[int, Flows] | None = None, equity: float = 10_000.0) -> list[DayEquity]:
    """An account that moves so, with deposits at the start of a day and withdrawals at its end."""
    days = []
    for index, (day, move) in enumerate(zip(weekdays(len(moves) + 1)[1:], moves, strict=True)):
        flow = (flows or {}).get(index, Flows())
        end = (equity + flow.deposits) * (1 + move) - flow.withdrawals
        days.append(DayEquity(day, equity, end, flow))
        equity = end
    return days


def noise(seed: int, count: int) -> Moves:
    chance = random.Random(seed)
    return [chance.gauss(0.0005, 0.012) for _ in range(count)]


MOVE = st.floats(-0.2, 0.2).map(lambda move: round(move, 6))
FLOW = st.builds(Flows, st.floats(0, 5000), st.floats(0, 50))


@given(st.lists(MOVE, min_size=1, max_size=80), st.dictionaries(st.integers(0, 79), FLOW, max_size=6))
def test_the_account_that_is_the_benchmark_is_neither_ahead_nor_behind(moves: Moves, flows: dict[int, Flows]) -> None:
    found = compare(account(moves, flows), market(moves))
    assert found.days == len(moves)
    if found.exhausted is None:
        assert found.difference == pytest.approx(0, abs=1e-6)
    assert found.excess_return == pytest.approx(0, abs=1e-9)


def test_the_account_that_is_the_benchmark_has_beta_1_and_nothing_else() -> None:
    moves = noise(1, 100)
    found = compare(account(moves, {10: Flows(3000, 0), 40: Flows(0, 2000)}), market(moves))
    assert [found.beta, found.correlation, found.up_capture, found.down_capture] == pytest.approx([1, 1, 1, 1])
    assert [found.alpha, found.tracking_error] == pytest.approx([0, 0], abs=1e-9)
    assert found.information_ratio is None, "there is nothing to divide by"


def test_shifted_by_one_day_it_is_visibly_another() -> None:
    moves = noise(2, 101)
    found = compare(account(moves[1:]), market(moves[:-1]))
    assert abs(found.beta or 0) < 0.4
    assert (found.tracking_error or 0) > 0.1


@pytest.mark.parametrize("seed", range(8))
def test_the_figures_are_those_of_empyrical(seed: int) -> None:
    ours, theirs = noise(seed, 120), noise(seed + 100, 120)
    found = compare(account(ours), market(theirs))
    index = pandas.date_range("2025-01-07", periods=120)
    a, b = pandas.Series(ours, index), pandas.Series(theirs, index)
    assert found.beta == pytest.approx(empyrical.beta(a, b))
    assert found.information_ratio == pytest.approx(empyrical.excess_sharpe(a, b) * math.sqrt(252))
    assert found.tracking_error == pytest.approx((a - b).std() * math.sqrt(252))
    assert found.correlation == pytest.approx(a.corr(b))
    assert found.account_return == pytest.approx(empyrical.cum_returns_final(a))
    assert found.benchmark_return == pytest.approx(empyrical.cum_returns_final(b))
    # empyrical's alpha is geometric; this one is arithmetic: both from the same daily mean.
    daily = (a - empyrical.beta(a, b) * b).mean()
    assert found.alpha == pytest.approx(daily * 252)
    assert empyrical.alpha(a, b) == pytest.approx((1 + daily) ** 252 - 1)


def test_figures_need_60_days() -> None:
    moves = noise(3, LEAST_DAYS)
    assert compare(account(moves[1:]), market(moves[1:])).beta is None
    assert compare(account(moves), market(moves)).beta == pytest.approx(1)


def test_a_deposit_is_no_gain_and_counts_for_both() -> None:
    flat, up = [0.0] * 5, [0.0, 0.10, 0.0, 0.0, 0.0]
    found = compare(account(flat, {1: Flows(10_000, 0)}), market(up))
    assert found.account_return == 0
    assert found.twin == pytest.approx(22_000), "the deposit is there at the day's start"
    assert found.difference == pytest.approx(-2_000)
    later = compare(account(flat, {2: Flows(10_000, 0)}), market(up))
    assert later.difference == pytest.approx(-1_000)


def test_withdrawals_beyond_the_twin_end_it_and_it_does_not_go_short() -> None:
    found = compare(account([1.0, 0.0, 0.0], {1: Flows(0, 15_000)}), market([-0.5, 0.0, 0.0]))
    assert (found.twin, found.difference) == (None, None)
    assert found.exhausted == weekdays(4)[2]
    assert found.excess_return is not None


def test_a_flow_of_unknown_value_leaves_the_difference_unknown() -> None:
    found = compare(account([0.0, 0.0, 0.0], {1: Flows(known=False)}), market([0.0] * 3))
    assert (found.days, found.left_out, found.difference) == (2, 1, None)


def test_a_day_without_a_price_drops_from_both_and_its_deposit_does_not() -> None:
    moves = [0.01, 0.02, 0.03, 0.04]
    whole = market(moves)
    holed = Prices([bar for bar in whole.bars if bar.day != weekdays(5)[2]])
    found = compare(account(moves, {1: Flows(1000, 0)}), holed)
    assert (found.days, found.left_out) == (2, 2)
    assert found.account_return == pytest.approx(1.01 * 1.04 - 1)
    assert found.benchmark_return == pytest.approx(1.01 * 1.04 - 1)
    assert found.twin == pytest.approx((10_000 * 1.01 + 1000) * 1.02 * 1.03 * 1.04)
    assert found.difference == pytest.approx(0, abs=1e-6)


def test_a_day_of_the_account_that_is_missing_is_in_the_next_and_both_are_left_out() -> None:
    moves = [0.01, 0.02, -0.03, 0.01]
    days = account(moves, {1: Flows(5_000)})
    held = DayEquity(days[2].day, days[1].start, days[2].end, Flows(5_000))
    found = compare([days[0], held, days[3]], market(moves))
    assert (found.days, found.left_out) == (2, 2)
    assert found.account_return == pytest.approx(found.benchmark_return)
    assert found.difference == pytest.approx(0)


def test_the_benchmark_gets_its_dividends_and_a_split_is_none() -> None:
    moves = [0.0] * 10
    days = weekdays(11)
    plain = market(moves)
    bars = [bar if bar.day < days[5] else Bar(bar.day, 50, 50, 50, 50) for bar in plain.bars]
    split = Prices(bars, [Split(days[5], 10)], [Dividend(days[3], 5.0), Dividend(days[8], 0.5)])
    found = compare(account(moves), split)
    assert found.benchmark_return == pytest.approx(1.01 * 1.01 - 1)


def test_a_day_that_goes_on_and_days_before_the_first_price_are_left_out() -> None:
    moves = noise(5, 20)
    days = account(moves)
    live = [*days[:-1], DayEquity(days[-1].day, days[-1].start, days[-1].end, live=True)]
    late = Prices(market(moves).bars[8:])
    found = compare(live, late)
    assert [point.day for point in found.points] == [day.day for day in days[8:-1]]
    assert found.left_out == 0
    assert found.points[0].account_index == pytest.approx(100 * (1 + moves[8]))
    assert found.points[0].benchmark_index == pytest.approx(100 * (1 + moves[8]))


def test_nothing_in_common_is_nothing() -> None:
    assert compare([], market([0.1])) == Comparison()
    assert compare(account([0.1]), Prices([])) == Comparison()
    assert compare([DayEquity(START, None, 5.0)], market([0.1])) == Comparison()
