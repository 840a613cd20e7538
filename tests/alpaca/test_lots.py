"""First in, first out by hand-computed examples, and the wash-sale windows that follow from it."""

from __future__ import annotations

from datetime import date, datetime
from fractions import Fraction
from typing import Any

import pytest
from bigdipper_exporter.calendar import NEW_YORK
from bigdipper_exporter.money.lots import Event, match
from bigdipper_exporter.money.wash_sale import Buy, buys_inside, loss_sales, window_end
from hypothesis import given
from hypothesis import strategies as st


def at(day: str, clock: str = "11:00") -> float:
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=NEW_YORK).timestamp()


def fills(*rows: tuple[str, str, float, float]) -> list[Event]:
    """(day, kind, quantity, price) -> events with ids 0, 1, 2, …"""
    return [Event(at(day), kind, str(i), quantity, price) for i, (day, kind, quantity, price) in enumerate(rows)]  # type: ignore[arg-type]


def sales(events: list[Event]) -> list[Any]:
    buys = [Buy(e.id, e.ts, e.quantity) for e in events if e.kind == "buy"]
    return loss_sales(match(events).closings, buys)


def test_a_sale_takes_the_oldest_shares_first() -> None:
    # 10 @ 100 and 10 @ 120; 15 @ 110 sell 10 with +100 and 5 with -50.
    events = fills(("2025-03-03", "buy", 10, 100), ("2025-03-04", "buy", 10, 120), ("2025-03-05", "sell", 15, 110))
    (closing,) = match(events).closings
    assert closing.realized == 50
    assert (closing.loss_quantity, closing.loss) == (5, 50)
    assert closing.held == (("1", 5),)


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


def test_a_split_makes_the_lots_unknown() -> None:
    split, sale = Event(at("2025-03-04"), "break"), Event(at("2025-03-05"), "sell", "s", 2, 60)
    events = [*fills(("2025-03-03", "buy", 1, 100)), split, sale]
    assert match(events).closings[0].realized is None


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(1, 500), st.integers(1, 50), st.integers(1, 500)), max_size=20))
def test_realised_plus_what_is_still_held_is_all_that_was_earned(rounds: list[tuple[int, int, int, int]]) -> None:
    """Conservation: proceeds - cost = realised - cost of what is left, whatever the order of lots."""
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


def test_the_window_ends_with_the_30th_day_even_over_the_clock_change() -> None:
    # Sold 2025-10-10; 30 days later is 2025-11-09; the clocks went back on 2025-11-02.
    assert window_end(date(2025, 10, 10)) == at("2025-11-09", "23:59:59")


def test_a_buy_within_30_days_defers_the_loss_share_for_share() -> None:
    # 10 sold with a loss of 10 each; 4 bought back on day 30, 3 on day 31: four tenths of the loss are deferred.
    events = fills(
        ("2025-01-02", "buy", 10, 100),
        ("2025-03-03", "sell", 10, 90),
        ("2025-04-02", "buy", 4, 80),
        ("2025-04-03", "buy", 3, 80),
    )
    (sale,) = sales(events)
    assert (sale.loss, sale.quantity, sale.bought_before, sale.bought_after) == (100, 10, 0, 4)
    assert sale.disallowed == pytest.approx(40)
    assert buys_inside([sale], [Buy("x", at("2025-04-02", "23:00"), 1), Buy("y", at("2025-04-03"), 1)]) == 1


def test_a_buy_before_counts_if_it_is_still_held() -> None:
    # 10 @ 100 in January, 5 @ 95 twenty days before the sale of the first ten at 90.
    (sale,) = sales(fills(("2025-01-02", "buy", 10, 100), ("2025-03-03", "buy", 5, 95), ("2025-03-23", "sell", 10, 90)))
    assert (sale.bought_before, sale.disallowed) == (5, 50)


def test_a_share_replaces_only_one_share() -> None:
    # Two losses of 10 shares each; 12 bought back: the first loss takes 10, the second what is left.
    events = fills(
        ("2025-01-02", "buy", 20, 100),
        ("2025-03-03", "sell", 10, 90),
        ("2025-03-04", "sell", 10, 80),
        ("2025-03-05", "buy", 12, 70),
    )
    first, second = sales(events)
    assert (first.disallowed, second.disallowed) == (pytest.approx(100), pytest.approx(40))


def test_a_gain_opens_no_window_and_an_unknown_sale_says_so() -> None:
    assert sales(fills(("2025-01-02", "buy", 1, 100), ("2025-03-03", "sell", 1, 101))) == []
    (sale,) = sales(fills(("2025-03-03", "sell", 1, 101)))
    assert (sale.loss, sale.quantity) == (None, 1)
    assert buys_inside([sale], [Buy("x", at("2025-03-04"), 1)]) == 0
