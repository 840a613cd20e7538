"""Whatever JSON the data host sends, nothing but sound bars and actions come out, and nothing but Unreadable is raised."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigdipper_exporter.broker.fields import Unreadable
from bigdipper_exporter.prices import decode

GOOD: dict[str, Any] = {
    "t": "2026-02-17T05:00:00Z",
    "o": 10.0,
    "h": 12.0,
    "l": 9.5,
    "c": 11.0,
    "v": 1000,
    "n": 40,
    "vw": 10.9,
}
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(JSON | st.fixed_dictionaries({"bars": JSON, "next_page_token": JSON}))
def test_any_json_is_a_page_or_unreadable(raw: Any) -> None:
    for read in (decode.bars, decode.actions):
        with contextlib.suppress(Unreadable):
            read(raw, ("AMD",))


@given(st.dictionaries(st.sampled_from("tohlcvn"), JSON), st.integers(0, 3))
def test_one_damaged_bar_costs_itself_only(damage: dict[str, Any], place: int) -> None:
    records: list[Any] = [GOOD] * 3
    records.insert(place, GOOD | damage)
    page = decode.bars({"bars": {"AMD": records}, "next_page_token": None}, ("AMD",))
    assert len(page.bars) + page.rejected == 4
    assert len(page.bars) >= 3
    for bar in page.bars:
        assert 0 < bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high


@pytest.mark.parametrize(
    "damage", [{"h": 10.5}, {"l": 11.5}, {"c": 0}, {"o": -1}, {"h": 1e7}, {"o": "ten"}, {"t": None}, {"t": "2026-02-30"}]
)
def test_a_bar_that_cannot_be_right_is_rejected(damage: dict[str, Any]) -> None:
    page = decode.bars({"bars": {"AMD": [GOOD, GOOD | damage]}, "next_page_token": None}, ("AMD",))
    assert (len(page.bars), page.rejected) == (1, 1)


def test_a_volume_that_is_missing_or_odd_is_unknown_and_not_0() -> None:
    odd = {key: value for key, value in GOOD.items() if key not in ("n", "vw")} | {"v": -3}
    [bar] = decode.bars({"bars": {"AMD": [odd]}, "next_page_token": None}, ("AMD",)).bars
    assert (bar.volume, bar.trades, bar.vwap) == (None, None, None)


def test_bars_that_nobody_asked_for_are_left_out() -> None:
    page = decode.bars({"bars": {"AMD": [GOOD], "XYZ": [GOOD]}, "next_page_token": "t"}, ("AMD",))
    assert ([bar.symbol for bar in page.bars], page.rejected, page.token) == (["AMD"], 1, "t")


def test_no_bars_are_an_empty_page() -> None:
    empty: list[Any] = [None, {}, {"AMD": None}, {"AMD": []}]
    for bars in empty:
        assert decode.bars({"bars": bars, "next_page_token": None}, ("AMD",)) == decode.Page()


def test_unknown_kinds_of_actions_pass_and_broken_splits_do_not() -> None:
    raw = {
        "corporate_actions": {
            "partial_calls": [{"id": "1", "symbol": "AMD", "process_date": "2026-01-05"}],
            "forward_splits": [
                {"id": "2", "symbol": "AMD", "ex_date": "2026-01-06", "old_rate": 1, "new_rate": 0},
                {"id": "3", "symbol": "AMD", "ex_date": "2026-01-07", "old_rate": 1, "new_rate": 4},
            ],
            "spin_offs": [{"id": "4", "source_symbol": "AMD", "new_symbol": "SPIN", "ex_date": "2026-01-08"}],
        },
        "next_page_token": None,
    }
    page = decode.actions(raw, ("AMD",))
    assert [(a.id, a.kind, a.new_rate) for a in page.actions] == [
        ("1", "partial_call", None),
        ("3", "forward_split", 4.0),
        ("4", "spin_off", None),
    ]
    assert page.rejected == 1
