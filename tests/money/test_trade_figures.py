"""Statistics of trades on made lots."""

import math
import statistics

import pytest

from bigdipper_exporter.money.trade_figures import ClosedLot, TradeFigures, figures


def lot(profit: float, sessions: int = 5, worst: float | None = -0.02, best: float | None = 0.04) -> ClosedLot:
    return ClosedLot("AMD", 0.0, 1.0, 10.0, 100.0, 100.0 + profit / 10, profit, sessions, worst, best)


def test_figures_of_a_group() -> None:
    found = figures([lot(100, 2), lot(50, 4), lot(-30, 10), lot(0, 1), lot(-20, 20, None, None)])
    assert (found.lots, found.win_rate, found.expectancy) == (5, 0.4, 20)
    assert found.profit_factor == pytest.approx(3.0)
    assert (found.winner_sessions, found.loser_sessions) == (3, 15)
    assert [found.worst, found.best] == pytest.approx([-0.02, 0.04])
    assert found.quality is None


def test_few_lots_have_no_figures_and_no_loss_no_profit_factor() -> None:
    assert figures([lot(10)] * 4) == TradeFigures(4)
    assert figures([]) == TradeFigures(0)
    assert figures([lot(10)] * 5).profit_factor is None


def test_the_quality_number_is_of_returns_and_counts_100_lots_at_most() -> None:
    lots = [lot(float(n % 7 - 2)) for n in range(140)]
    ratios = [one.ratio for one in lots]
    assert figures(lots).quality == pytest.approx(math.sqrt(100) * statistics.mean(ratios) / statistics.stdev(ratios))
    assert figures([lot(5.0)] * 40).quality is None, "no deviation to divide by"
