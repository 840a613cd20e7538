"""The bot's rule for a dip on made series, beside the words of its source; and episodes of dips with what followed them."""

from __future__ import annotations

import statistics
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigdipper_exporter import calendar
from bigdipper_exporter.calendar import NEW_YORK
from bigdipper_exporter.money import dips, episodes, prices
from bigdipper_exporter.money.episodes import Followed, Sighting
from bigdipper_exporter.money.prices import Bar, Dividend, Prices, Split

MONDAY = date(2025, 11, 3)


def days(count: int, first: date = MONDAY) -> list[date]:
    return [day for day in (first + timedelta(days=n) for n in range(2 * count + 9)) if day.weekday() < 5][:count]


def bars(closes: list[float]) -> list[Bar]:
    return [Bar(day, c, c * 1.01, c * 0.99, c) for day, c in zip(days(len(closes)), closes, strict=True)]


PRICE = st.floats(1, 1000).map(lambda price: round(price, 2))


@given(st.lists(PRICE, min_size=20, max_size=60), PRICE, st.sampled_from([0.03, 0.05, 0.08]))
def test_the_trigger_is_the_rule_of_the_bot(closes: list[float], price: float, own: float) -> None:
    threshold = dips.effective(own)
    found = dips.trigger(bars(closes), price, threshold, dips.LOOKBACK)
    assert found is not None
    window = closes[-20:]  # dip_logic: max of the closes of the last LOOKBACK_DAYS bars
    high = max(window)
    percent = (price - high) / high
    bought = percent < 0 and not abs(percent) < 0.05 and not abs(percent) < own
    assert found.high == high
    assert dips.is_signal(found.dip, threshold) == bought
    if abs(price - found.line) > 1e-9:
        assert bought == (found.distance < 0)


def test_at_the_threshold_it_buys_and_above_it_does_not() -> None:
    series = bars([100.0] * 20)
    for price, bought in ((95.0, True), (95.01, False), (94.99, True), (101.0, False)):
        found = dips.trigger(series, price, 0.05, dips.LOOKBACK)
        assert found is not None
        assert dips.is_signal(found.dip, 0.05) is bought


def test_a_new_listing_has_no_dip() -> None:
    assert dips.trigger(bars([100.0] * 19), 50.0, 0.05, dips.LOOKBACK) is None
    assert dips.lines([(bar.day, bar.close) for bar in bars([100.0] * 19)], [0.05] * 19, [dips.LOOKBACK] * 19) == []


def test_thresholds_below_the_minimum_never_decide() -> None:
    assert dips.effective(0.03) == dips.effective(None) == 0.05
    assert dips.effective(0.08) == 0.08


def test_a_high_drops_out_after_twenty_sessions_and_the_line_steps() -> None:
    closes = [120.0] + [100.0] * 24
    thresholds = [0.05] * 22 + [0.10] * 3
    found = dips.lines([(bar.day, bar.close) for bar in bars(closes)], thresholds, [dips.LOOKBACK] * len(closes))
    assert [(round(high), round(line)) for _, high, line in found] == [(120, 114)] + [(100, 95)] * 2 + [(100, 90)] * 3
    assert [day for day, _, _ in found] == days(25)[19:]


@given(st.lists(PRICE, min_size=2, max_size=60), st.lists(st.integers(2, 40), min_size=60, max_size=60))
def test_each_day_has_the_lookback_that_held_on_it(closes: list[float], lookback: list[int]) -> None:
    series = bars(closes)
    found = dips.lines([(bar.day, bar.close) for bar in series], [0.05] * len(closes), lookback)
    expected = [(series[i].day, max(closes[i + 1 - n : i])) for i, n in enumerate(lookback[: len(closes)]) if i + 1 >= n]
    assert [(day, high) for day, high, _ in found] == expected
    last = dips.trigger(series, closes[-1], 0.05, lookback[0])
    assert (last is None) == (len(closes) < lookback[0])
    assert last is None or last.high == max(closes[-lookback[0] :])


def test_a_split_looks_like_a_dip_to_the_bot() -> None:
    found = dips.trigger(bars([100.0] * 19 + [10.0]), 10.0, 0.05, dips.LOOKBACK)
    assert found is not None
    assert found.dip == pytest.approx(-0.9)


@pytest.mark.parametrize(
    ("dip", "volatility", "share"), [(-0.05, 1.0, 0.0729), (-0.06, 1.0, 0.0875), (-0.06, 2.0, 0.04375), (-0.10, 0.5, 0.15)]
)
def test_sizes_are_those_that_the_bot_computes(dip: float, volatility: float, share: float) -> None:
    assert dips.size(100_000, dip, volatility) == pytest.approx(100_000 * share, rel=1e-3)


def test_volatility_leaves_out_the_newest_bar_and_is_clamped() -> None:
    calm = bars([100.0] * 20)
    wild = Bar(days(21)[20], 100, 200, 50, 100)
    assert dips.volatility([*calm, wild]) == pytest.approx(1.0)
    assert dips.volatility([Bar(day, 100, 150, 60, 100) for day in days(21)]) == 2.0
    assert dips.volatility([Bar(day, 100, 100, 100, 100) for day in days(21)]) == 0.5
    assert dips.volatility(calm) is None


# -- episodes


def sighting(day: date, reason: str = "brake", price: float | None = 100.0, symbol: str = "AMD") -> Sighting:
    first = float(day.toordinal() * 86400)
    return Sighting(symbol, reason, day, first, first + 600, 10, -0.07, price)


def test_consecutive_sessions_are_one_episode_over_weekends_too() -> None:
    sessions = days(15)
    seen = [sighting(sessions[i]) for i in (3, 4, 5, 8)] + [sighting(sessions[4], "capital")]
    found = episodes.episodes(seen, sessions)
    assert [(e.start.session, e.start.reason, e.days, e.count) for e in found] == [
        (sessions[3], "brake", 3, 30),
        (sessions[4], "capital", 1, 10),
        (sessions[8], "brake", 1, 10),
    ]


def test_a_holiday_does_not_end_an_episode_and_a_session_without_a_dip_does() -> None:
    sessions = [day for day in days(15) if day != days(15)[4]]
    assert len(episodes.episodes([sighting(days(15)[3]), sighting(days(15)[5])], sessions)) == 1
    assert len(episodes.episodes([sighting(days(15)[3]), sighting(days(15)[6])], sessions)) == 2


def rising(count: int, step: float = 1.0, start: float = 100.0) -> list[Bar]:
    return bars([start + step * n for n in range(count)])


def test_what_followed_is_counted_in_sessions_and_is_unknown_before_its_time() -> None:
    own, spy = Prices(rising(12)), Prices(rising(12, 0.5, 500))
    sessions = own.days
    found = episodes.outcome(sighting(sessions[2], price=100.0), own, spy, sessions, None)
    assert list(found.own[:2]) == pytest.approx([0.03, 0.07])
    assert list(found.benchmark[:2]) == pytest.approx([501.5 / 501 - 1, 503.5 / 501 - 1])
    assert (found.own[2], found.benchmark[2]) == (None, None)
    assert found.lowest is None
    whole = episodes.outcome(sighting(days(40)[2], price=100.0), Prices(rising(40)), spy, days(40), None)
    assert whole.own[2] == pytest.approx(0.22)
    assert whole.lowest == pytest.approx(103 * 0.99 / 100 - 1)


def test_a_missing_day_is_unknown_and_a_split_and_a_dividend_are_no_move() -> None:
    series = bars([100.0] * 4 + [10.0] * 20)
    sessions = [bar.day for bar in series]
    split = Prices(series, [Split(sessions[4], 10)], [Dividend(sessions[6], 0.1)])
    found = episodes.outcome(sighting(sessions[1], price=100.0), split, split, sessions, None)
    assert list(found.own[:2]) == pytest.approx([0.0, 0.01])
    holed = Prices([bar for bar in series if bar.day != sessions[2]], split.splits)
    assert episodes.outcome(sighting(sessions[1]), holed, split, sessions, None).own[0] is None
    assert episodes.outcome(sighting(sessions[1], price=None), split, split, sessions, None).own == (None, None, None)


@pytest.mark.parametrize(
    ("source", "seen", "price"),
    [
        ("log", datetime(2026, 11, 6, 17, tzinfo=NEW_YORK), 500.0),
        ("minute", datetime(2026, 11, 6, 19, 59, tzinfo=NEW_YORK), 500.0),
        ("log", datetime(2026, 11, 9, 4, 1, tzinfo=NEW_YORK), 49.0),  # before the opening of the ex-day: a new share
        ("line", datetime(2026, 11, 6, 17, tzinfo=NEW_YORK), 49.0),  # priced by the bar of the ex-day
    ],
)
def test_a_split_and_a_dividend_of_the_next_day_are_no_move_of_what_was_seen_after_the_close(
    source: str, seen: datetime, price: float
) -> None:
    """On Monday one share of 500 becomes ten of 49, with a dollar for each."""
    eve, *after = [date(2026, 11, day) for day in (6, 9, 10, 11, 12, 13, 16)]
    own = Prices(
        [Bar(eve, 500, 500, 500, 500), *(Bar(day, 49, 49, 49, 49) for day in after)],
        [Split(after[0], 10)],
        [Dividend(after[0], 1.0)],
    )
    start = Sighting("X", "bought", after[0], seen.timestamp(), seen.timestamp(), 1, -0.1, price, source)
    found = episodes.outcome(start, own, own, own.days, 500.0 if seen.day == eve.day else 49.0)
    assert list(found.own[:2]) == pytest.approx([0.0, 0.0])
    assert list(found.benchmark[:2]) == pytest.approx([0.0, 0.0])
    assert list(episodes.outcome(start, own, own, own.days, None).benchmark[:2]) == pytest.approx([0.0, 0.0])


def test_the_lowest_price_after_the_eve_of_a_split_is_in_shares_of_the_eve() -> None:
    eve, *after = days(22)
    own = Prices([Bar(eve, 500, 500, 500, 500), *(Bar(day, 50, 50, 45, 50) for day in after)], [Split(after[0], 10)])
    seen = calendar.day_start(eve) + 13 * 3600.0
    found = episodes.outcome(Sighting("X", "bought", after[0], seen, seen, 1, -0.1, 500.0), own, own, own.days, None)
    assert found.lowest == pytest.approx(-0.1)


def test_jumps_without_a_split_and_splits_without_a_jump_are_findings() -> None:
    jump = bars([100.0] * 3 + [10.0] * 3)
    assert Prices(jump).jumps() == [jump[3].day]
    assert Prices(jump, [Split(jump[3].day, 10)]).jumps() == []
    assert Prices(bars([100.0] * 6), [Split(jump[3].day, 10)]).jumps() == [jump[3].day]


@given(st.lists(PRICE, min_size=3, max_size=30), st.integers(0, 27), st.sampled_from([0.1, 0.5, 2.0, 10.0]))
def test_a_split_changes_no_return(closes: list[float], place: int, ratio: float) -> None:
    place = min(place, len(closes) - 2)
    plain = bars(closes)
    raw = [
        b if i <= place else Bar(b.day, b.open / ratio, b.high / ratio, b.low / ratio, b.close / ratio)
        for i, b in enumerate(plain)
    ]
    split = Prices(raw, [Split(plain[place + 1].day, ratio)])
    for first in plain:
        for last in plain[plain.index(first) :]:
            expected = last.close / first.close - 1
            assert split.growth(split.by_day[first.day].close, first.day, last.day) == pytest.approx(expected)


def test_after_counts_sessions() -> None:
    sessions = days(6)
    assert prices.after(sessions, sessions[4], 1) == sessions[5]
    assert prices.after(sessions, sessions[4], 2) is None
    assert prices.after(sessions, date(2025, 11, 9), 1) is None, "a Sunday"


def test_a_summary_has_quartiles_from_twenty_episodes_on() -> None:
    returns = [n / 100 for n in range(-5, 15)]
    group = [Followed(f"w{n % 3}", value, 0.01, 1000.0 if n else None) for n, value in enumerate(returns)]
    found = episodes.summary([*group, Followed("w9", None, None, 500.0)])
    low, middle, high = statistics.quantiles(returns, n=4, method="inclusive")
    assert (found.episodes, found.known, found.weeks) == (21, 20, 3)
    assert found.lower == pytest.approx(low)
    assert found.median == pytest.approx(middle)
    assert found.upper == pytest.approx(high)
    assert found.excess == pytest.approx(middle - 0.01)
    assert found.positive == pytest.approx(14 / 20)
    assert found.dollars == pytest.approx(1000 * sum(returns[1:]))
    few = episodes.summary(group[:19])
    assert (few.known, few.median, few.positive) == (19, None, None)
    assert few.dollars == pytest.approx(1000 * sum(returns[1:19]))
    assert episodes.summary([]).dollars is None


@pytest.mark.parametrize(
    ("days", "bars"),
    [(20, 20), (30.0, 30), (2, 2), (250, 250), (1, None), (251, None), (20.5, None), (float("nan"), None), (None, None)],
)
def test_a_lookback_that_the_bot_cannot_use_is_none(days: float | None, bars: int | None) -> None:
    assert dips.usable_lookback(days) == bars
