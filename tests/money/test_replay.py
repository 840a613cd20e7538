"""Other thresholds over daily bars, beside the words of the bot's source; and the check against what it really bought."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigdipper_exporter.calendar import is_half_day, is_trading_day
from bigdipper_exporter.money import dips, replay
from bigdipper_exporter.money.prices import Bar, Dividend, Prices, Split
from bigdipper_exporter.money.replay import Check, Purchase

FIRST = date(2025, 10, 1)


def sessions(count: int, first: date = FIRST) -> list[date]:
    """Days on which the exchange opens: Thanksgiving and Christmas are not among them, the half days beside them are."""
    days = [first + timedelta(days=n) for n in range(2 * count + 9)]
    return [day for day in days if is_trading_day(day)][:count]


def bars(closes: list[float], low: float = 0.99) -> list[Bar]:
    return [Bar(day, c, c * 1.01, c * low, c) for day, c in zip(sessions(len(closes)), closes, strict=True)]


def bought(closes: list[float], price: float, threshold: float) -> bool:
    """utils.py and dip_logic.py of v2.18: the high is that of the last 20 closes, the forming bar's among them."""
    window = [*closes[-19:], price]
    if len(window) < 20:
        return False
    high = max(window)
    percent = (price - high) / high
    if percent >= 0:
        return False
    return not abs(percent) < threshold


def judged_as_released(series: list[Bar]) -> list[replay.Judged]:
    return replay.judged(series, lambda day: dips.LOOKBACK)


CENTS = st.integers(500, 20_000).map(lambda cents: cents / 100)
DAY = st.tuples(CENTS, CENTS, CENTS).map(lambda three: (max(three), min(three), sorted(three)[1]))


@given(st.lists(DAY, min_size=15, max_size=45), st.sampled_from(replay.THRESHOLDS))
def test_a_session_is_a_signal_where_the_bot_buys_at_its_low_or_its_close(
    made: list[tuple[float, float, float]], threshold: float
) -> None:
    series = [Bar(day, close, high, low, close) for day, (high, low, close) in zip(sessions(len(made)), made, strict=True)]
    closes = [bar.close for bar in series]
    judged = judged_as_released(series)
    for reached in replay.REACHED:
        found = {one.day: one for one in replay.signals(judged, threshold, reached)}
        prices = [bar.low if reached == "touched" else bar.close for bar in series]
        expected = {bar.day for n, bar in enumerate(series) if bought(closes[:n], prices[n], threshold)}
        assert set(found) == expected
        assert all(bar.low <= found[bar.day].price <= bar.high for bar in series if bar.day in found)


@given(st.lists(DAY, min_size=20, max_size=40))
def test_a_deeper_threshold_meets_less_and_a_close_is_touched(made: list[tuple[float, float, float]]) -> None:
    series = [Bar(day, c, h, low, c) for day, (h, low, c) in zip(sessions(len(made)), made, strict=True)]
    judged = judged_as_released(series)
    wider = {one.bar.day for one in judged}
    for threshold in replay.THRESHOLDS:
        touched = {one.day for one in replay.signals(judged, threshold, "touched")}
        closed = {one.day for one in replay.signals(judged, threshold, "close")}
        assert closed <= touched <= wider
        wider = touched


def test_the_present_line_is_that_of_the_trigger() -> None:
    series = bars([100.0 + n % 7 for n in range(25)])
    for session in judged_as_released(series):
        n = series.index(session.bar)
        found = dips.trigger(series[: n + 1], session.bar.close, 0.05, dips.LOOKBACK)
        assert found is not None
        assert (replay.signal(session, 0.05, "close") is not None) == dips.is_signal(found.dip, 0.05)


@pytest.mark.parametrize("percent", range(2, 16))
def test_exactly_at_the_threshold_it_buys(percent: int) -> None:
    series = [*bars([100.0] * 19), Bar(sessions(20)[19], 100.0, 100.0, 100.0 - percent, 100.0 - percent)]
    threshold = percent / 100
    assert [one.price for one in replay.signals(judged_as_released(series), threshold, "touched")] == [100.0 - percent]
    assert replay.signals(judged_as_released(series), threshold + 0.0001, "touched") == []


def test_a_gap_below_the_line_is_bought_at_the_open() -> None:
    series = [*bars([100.0] * 19), Bar(sessions(20)[19], 90.0, 96.0, 89.0, 96.0)]
    assert [one.price for one in replay.signals(judged_as_released(series), 0.05, "touched")] == [90.0]
    assert replay.signals(judged_as_released(series), 0.05, "close") == []


def test_a_new_listing_is_not_judged_and_a_missing_day_lengthens_the_window() -> None:
    assert judged_as_released(bars([100.0] * 19)) == []
    series = bars([120.0] + [100.0] * 20)
    assert [one.high for one in judged_as_released(series)] == [120.0, 100.0]
    holed = [bar for bar in series if bar is not series[10]]
    assert [one.high for one in judged_as_released(holed)] == [120.0], "the bot takes the last 20 bars that there are"


def test_holidays_and_half_days_do_not_part_an_episode_and_a_missing_bar_does() -> None:
    exchange = sessions(45)
    friday = date(2025, 11, 28)
    assert is_half_day(friday)
    assert date(2025, 11, 27) not in exchange
    place = exchange.index(friday)
    series = [*bars([100.0] * 45)]
    for n in (place - 1, place, place + 1, place + 3):
        series[n] = Bar(exchange[n], 94.0, 94.0, 94.0, 94.0)
    found = replay.signals(judged_as_released(series), 0.05, "close")
    assert [one.day for one in replay.starts(found, exchange)] == [exchange[place - 1], exchange[place + 3]]
    without = [bar for bar in series if bar.day != friday]
    found = replay.signals(judged_as_released(without), 0.05, "close")
    assert [one.day for one in replay.starts(found, exchange)] == [
        exchange[place - 1],
        exchange[place + 1],
        exchange[place + 3],
    ]


def test_a_split_is_a_signal_to_the_bot_and_no_loss_to_the_holder() -> None:
    series = bars([100.0] * 25 + [10.0] * 12)
    split = Prices(series, [Split(series[25].day, 10)], [Dividend(series[27].day, 0.1)])
    found = replay.starts(replay.signals(judged_as_released(series), 0.15, "touched"), split.days)
    assert [one.day for one in found] == [series[25].day]
    assert found[0].price == 10.0
    assert split.growth(found[0].price, found[0].day, series[30].day) == pytest.approx(0.01)


# -- the check


def checked(
    lows: dict[int, float], purchases: dict[int, bool], named: tuple[int, ...] = (), watched: range = range(60)
) -> Check:
    days = sessions(60)
    series = [Bar(day, 100.0, 100.0, lows.get(n, 99.0), 100.0) for n, day in enumerate(days)]
    judged = judged_as_released(series)
    levels = {one.bar.day: 0.05 for one in judged}
    return replay.check(
        judged,
        levels,
        [Purchase(days[n], regular) for n, regular in purchases.items()],
        {days[n] for n in named},
        {days[n] for n in watched},
    )


def test_recall_is_of_purchases_and_precision_of_signals() -> None:
    found = checked({25: 94.0, 30: 94.0, 35: 94.0, 40: 94.0}, {25: True, 26: True, 27: False, 30: False, 3: True}, (35,))
    assert found == Check(4, 2, 1, 1, 4, 3)
    assert (found.recall, found.precision) == (0.5, 0.75)


def test_sessions_that_the_log_cannot_judge_count_for_no_precision() -> None:
    found = checked({25: 94.0, 30: 94.0}, {}, watched=range(28, 60))
    assert (found.signals, found.named, found.precision, found.recall) == (1, 0, 0.0, None)


@pytest.mark.parametrize(
    ("own", "whole", "said"),
    [
        (Check(10, 9), Check(100, 50), None),
        (
            Check(10, 8, 2, 0),
            Check(100, 100),
            "finds 8 of 10 (80%) of the purchases, at least 90% are needed: 2 bought outside",
        ),
        (Check(2, 1, 0, 1), Check(100, 100), "1 at a price that no daily bar has"),
        (Check(), Check(20, 18), None),
        (Check(), Check(19, 19), "too few to compare"),
        (Check(), Check(), "no purchase"),
        (Check(), Check(40, 20, 20, 0), "of all symbols the replay finds 20 of 40 (50%)"),
    ],
)
def test_what_is_not_shown_says_why(own: Check, whole: Check, said: str | None) -> None:
    why = replay.why_not(own, whole)
    assert why is None if said is None else why is not None and said in why


def test_checks_add_up() -> None:
    assert Check(1, 2, 3, 4, 5, 6) + Check(10, 20, 30, 40, 50, 60) == Check(11, 22, 33, 44, 55, 66)
