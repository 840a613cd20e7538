"""Distances to the limits, by hand and by walking there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigdipper_exporter.money.limits import bot_limit, maintenance


def test_the_brake_by_hand() -> None:
    # Equity 10,000, positions 11,000: leverage 110 %, limit 115 %. Room 500. A drop of 30.3 %: 7,666.67 / 6,666.67 = 1.15.
    distance = bot_limit(0.15, 11_000, 10_000)
    assert distance is not None
    assert distance.limit == 0.15
    assert distance.level == pytest.approx(0.10)
    assert distance.usd == pytest.approx(500)
    assert distance.drop == pytest.approx(500 / 1650)


def test_beyond_the_limit_distances_are_negative() -> None:
    distance = bot_limit(0.15, 12_000, 10_000)
    assert distance is not None
    assert distance.usd == pytest.approx(-500)
    assert distance.drop is not None
    assert distance.drop < 0


def test_nothing_borrowed_means_that_no_drop_leads_there() -> None:
    distance = bot_limit(0.15, 8_000, 10_000)
    assert distance is not None
    assert [distance.usd, distance.drop, distance.level] == pytest.approx([3_500, 1.0, 0.0])


@pytest.mark.parametrize("equity", [0, -5])
def test_without_equity_there_is_no_distance(equity: float) -> None:
    assert bot_limit(0.15, 1, equity) is None
    assert maintenance(1, 0, equity, 1) is None


def test_a_limit_of_zero_cannot_be_reached_by_a_drop() -> None:
    distance = bot_limit(0, 11_000, 10_000)
    assert distance is not None
    assert (distance.usd, distance.drop) == (-1_000, None)


def test_the_maintenance_call_by_hand() -> None:
    # Positions 20,000 at 30 %: 6,000 needed, equity 10,000. Drop d: 10,000 - 20,000 d = 6,000 (1 - d), d = 4,000 / 14,000.
    distance = maintenance(20_000, 0, 10_000, 6_000)
    assert distance is not None
    assert distance.drop == pytest.approx(2 / 7)
    assert distance.usd == pytest.approx(4_000 / 0.3)
    assert distance.limit == pytest.approx(0.7 / 0.3)


def test_longs_and_shorts_have_a_distance_to_the_maintenance_call() -> None:
    # A fall by d takes 20,000 d from the equity of 60,000 and 30,000 d from the requirement of 30,000: no call.
    distance = maintenance(60_000, -40_000, 60_000, 30_000)
    assert distance is not None
    assert distance.drop == 1
    assert distance.usd == pytest.approx(100_000), "30,000 of room at 30 % for what is bought"
    assert [distance.limit, distance.level] == pytest.approx([0.7 / 0.3, 2 / 3])


def test_a_few_shorts_move_the_call_away_but_not_out_of_reach() -> None:
    # 50,000 long, 5,000 short, equity 20,000: d = (20,000 - 16,500) / (45,000 - 16,500).
    distance = maintenance(50_000, -5_000, 20_000, 16_500)
    assert distance is not None
    assert distance.drop == pytest.approx(3_500 / 28_500)


def test_past_the_call_with_more_short_than_long_no_fall_can_be_named() -> None:
    distance = maintenance(10_000, -30_000, 5_000, 12_000)
    assert distance is not None
    assert distance.drop is None
    assert distance.usd == pytest.approx(-7_000 / 0.3)


@pytest.mark.parametrize(("long", "margin"), [(0, 0), (1_000, 0)], ids=["nothing held", "nothing required"])
def test_without_a_requirement_no_fall_leads_to_the_call(long: float, margin: float) -> None:
    distance = maintenance(long, 0, 5_000, margin)
    assert distance is not None
    assert (distance.limit, distance.usd, distance.drop) == (None, None, 1)


def test_what_is_required_in_full_is_called_at_no_fall() -> None:
    distance = maintenance(1_000, 0, 5_000, 1_000)  # options: equity and requirement fall together
    assert distance is not None
    assert (distance.limit, distance.usd, distance.drop) == (0, 4_000, 1)


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(-1e6, 1e6), st.floats(0.01, 1.2))
def test_walking_down_meets_the_call_exactly_at_the_drop(long: float, short: float, cash: float, share: float) -> None:
    equity, margin = cash + long - short, share * (long + short)
    distance = maintenance(long, -short, equity, margin)
    if distance is None or distance.drop is None or equity < margin + 1:
        return
    for step in range(1, 100):
        fall = step / 100
        room = cash + (long - short) * (1 - fall) - margin * (1 - fall)
        if fall < distance.drop - 0.001:
            assert room > 0
        elif fall > distance.drop + 0.001:
            assert room < 0


@given(st.floats(1.01, 3), st.floats(0.01, 0.9), st.floats(1, 1e7))
def test_after_the_drop_the_limit_is_met_exactly(leverage: float, limit: float, equity: float) -> None:
    positions = leverage * equity
    distance = bot_limit(limit, positions, equity)
    assert distance is not None
    assert distance.drop is not None
    assert distance.usd is not None
    if distance.drop < 1:
        d = distance.drop
        assert positions * (1 - d) == pytest.approx((1 + limit) * (equity - positions * d), rel=1e-6)
    assert positions + distance.usd == pytest.approx((1 + limit) * equity)


@given(st.floats(1.01, 3), st.floats(0.25, 0.9), st.floats(1, 1e7))
def test_after_the_drop_equity_is_the_maintenance_margin(leverage: float, fraction: float, equity: float) -> None:
    positions = leverage * equity
    distance = maintenance(positions, 0, equity, fraction * positions)
    assert distance is not None
    assert distance.drop is not None
    d = distance.drop
    assert equity - positions * d == pytest.approx(fraction * positions * (1 - d), rel=1e-6, abs=1e-6)
