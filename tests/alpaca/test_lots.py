"""First in, first out by hand-computed examples."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigdipper_exporter.calendar import NEW_YORK
from bigdipper_exporter.money.lots import Event, match


def at(day: str, clock: str = "11:00") -> float:
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=NEW_YORK).timestamp()


def fills(*rows: tuple[str, str, float, float]) -> list[Event]:
    """(day, kind, quantity, price) -> events with ids 0, 1, 2, …"""
    return [Event(at(day), kind, str(i), quantity, price) for i, (day, kind, quantity, price) in enumerate(rows)]  # type: ignore[arg-type]


def test_a_sale_takes_the_oldest_shares_first() -> None:
    # 10 @ 100 and 10 @ 120; 15 @ 110 sell 10 with +100 and 5 with -50; what is left cost 120.
    events = fills(
        ("2025-03-03", "buy", 10, 100),
        ("2025-03-04", "buy", 10, 120),
        ("2025-03-05", "sell", 15, 110),
        ("2025-03-06", "sell", 5, 110),
    )
    assert [c.realized for c in match(events).closings] == [50, -50]


def test_buying_more_realises_nothing() -> None:
    assert match(fills(("2025-03-03", "buy", 10, 100), ("2025-03-04", "buy", 10, 90))).closings == ()


def test_a_short_sale_is_closed_by_a_buy() -> None:
    events = fills(("2025-03-03", "sell_short", 5, 200), ("2025-03-04", "buy", 8, 190), ("2025-03-05", "sell", 3, 195))
    first, second = match(events).closings
    assert (first.id, first.long, first.realized) == ("1", False, 50)
    assert (second.id, second.long, second.realized) == ("2", True, 15)


def test_a_sale_without_lots_is_unknown_until_the_position_is_seen_flat() -> None:
    events = fills(
        ("2025-03-03", "buy", 1, 10), ("2025-03-04", "sell", 5, 12), ("2025-03-05", "buy", 2, 10), ("2025-03-06", "sell", 2, 9)
    )
    matched = match(events)
    assert [c.realized for c in matched.closings] == [None, None]
    assert not matched.known
    events += [Event(at("2025-03-07"), "flat"), *fills(("2025-03-10", "buy", 1, 10), ("2025-03-11", "sell", 1, 8))]
    assert [c.realized for c in match(events).closings] == [None, None, -2]


def test_a_plain_sell_opens_a_short_when_the_broker_holds_one() -> None:
    assert match(fills(("2025-03-03", "sell", 1, 10)), short_held=True).closings == ()
    assert match(fills(("2025-03-03", "sell", 1, 10))).closings[0].realized is None


def test_an_event_that_changes_lots_unseen_makes_them_unknown() -> None:
    transfer, sale = Event(at("2025-03-04"), "break"), Event(at("2025-03-05"), "sell", "s", 2, 60)
    events = [*fills(("2025-03-03", "buy", 1, 100)), transfer, sale]
    assert match(events).closings[0].realized is None


def test_a_split_spreads_the_cost_over_the_new_shares() -> None:
    # 10 @ 100 and 10 @ 120, four for one: 60 shares more. 40 @ 24 sell the first ten (@ 25): -40.
    events = [
        *fills(("2025-03-03", "buy", 10, 100), ("2025-03-04", "buy", 10, 120)),
        Event(at("2025-03-05"), "split", quantity=60),
        Event(at("2025-03-06"), "sell", "s", 40, 24),
        Event(at("2025-03-07"), "split", quantity=-36),  # one for ten: 4 @ 300
        Event(at("2025-03-08"), "sell", "t", 4, 310),
    ]
    assert [c.realized for c in match(events).closings] == pytest.approx([-40, 40])


@pytest.mark.parametrize("added", [-10, -11])
def test_a_split_that_leaves_nothing_is_none(added: float) -> None:
    events = [*fills(("2025-03-03", "buy", 10, 100)), Event(at("2025-03-04"), "split", quantity=added)]
    assert not match(events).known


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(1, 500), st.integers(1, 50), st.integers(1, 500)), max_size=20))
def test_realized_plus_what_is_still_held_is_all_that_was_earned(rounds: list[tuple[int, int, int, int]]) -> None:
    """Conservation: proceeds - cost = realized - cost of what is left, whatever the order of lots."""
    events, held, cash = [], 0, Fraction(0)
    for i, (bought, price, sold, sale_price) in enumerate(rounds):
        sold = min(sold, held + bought)
        events.append(Event(2 * i, "buy", f"b{i}", bought, price))
        events.append(Event(2 * i + 1, "sell", f"s{i}", sold, sale_price))
        held += bought - sold
        cash += Fraction(sold * sale_price - bought * price)
    matched = match(events)
    realized = sum(Fraction(c.realized) for c in matched.closings if c.realized is not None)
    # FIFO: what is left are the newest shares.
    left, cost = held, Fraction(0)
    for bought, price, *_ in reversed(rounds):
        part = min(left, bought)
        cost += part * price
        left -= part
    assert realized - cost == cash
