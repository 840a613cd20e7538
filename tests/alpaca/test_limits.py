"""Distances to the limits, by hand and by walking there."""

from __future__ import annotations

import pytest
from bigdipper_exporter.money.limits import bot_limit, maintenance
from hypothesis import given
from hypothesis import strategies as st


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
    assert maintenance(1, equity, 1) is None


def test_a_limit_of_zero_cannot_be_reached_by_a_drop() -> None:
    distance = bot_limit(0, 11_000, 10_000)
    assert distance is not None
    assert (distance.usd, distance.drop) == (-1_000, None)


def test_the_maintenance_call_by_hand() -> None:
    # Positions 20,000 at 30 %: 6,000 needed, equity 10,000. Drop d: 10,000 - 20,000 d = 6,000 (1 - d), d = 4,000 / 14,000.
    distance = maintenance(20_000, 10_000, 6_000)
    assert distance is not None
    assert distance.drop == pytest.approx(2 / 7)
    assert distance.usd == pytest.approx(4_000 / 0.3)
    assert distance.limit == pytest.approx(0.7 / 0.3)


@given(st.floats(1.01, 3), st.floats(0.01, 0.9), st.floats(1, 1e7))
def test_after_the_drop_the_limit_is_met_exactly(leverage: float, limit: float, equity: float) -> None:
    positions = leverage * equity
    distance = bot_limit(limit, positions, equity)
    assert distance is not None
    assert distance.drop is not None
    if distance.drop < 1:
        d = distance.drop
        assert positions * (1 - d) == pytest.approx((1 + limit) * (equity - positions * d), rel=1e-6)
    assert positions + distance.usd == pytest.approx((1 + limit) * equity)


@given(st.floats(1.01, 3), st.floats(0.25, 0.9), st.floats(1, 1e7))
def test_after_the_drop_equity_is_the_maintenance_margin(leverage: float, fraction: float, equity: float) -> None:
    positions = leverage * equity
    distance = maintenance(positions, equity, fraction * positions)
    assert distance is not None
    assert distance.drop is not None
    d = distance.drop
    assert equity - positions * d == pytest.approx(fraction * positions * (1 - d), rel=1e-6, abs=1e-6)
