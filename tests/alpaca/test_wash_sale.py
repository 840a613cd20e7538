"""Wash sales by hand-computed examples, and against a slow reference that walks share by share."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigdipper_exporter.calendar import NEW_YORK
from bigdipper_exporter.money.lots import Event
from bigdipper_exporter.money.wash_sale import LossSale, wash_sales, window_end


def at(day: str, clock: str = "11:00") -> float:
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=NEW_YORK).timestamp()


def trades(*rows: tuple[str, str, float, float] | tuple[str, str, float, float, str]) -> list[Event]:
    """(day and perhaps time, kind, quantity, price[, order]) -> events with ids 0, 1, 2, ..."""
    events = []
    for i, (day, kind, quantity, price, *order) in enumerate(rows):
        moment = at(*day.split())
        events.append(Event(moment, kind, str(i), quantity, price, order[0] if order else f"order {i}"))  # type: ignore[arg-type]
    return events


def sales(events: list[Event], short_held: bool = False) -> list[LossSale]:
    return list(wash_sales(events, short_held).sales)


def test_the_window_ends_with_the_30th_day_even_over_the_clock_change() -> None:
    # Sold 2025-10-10; 30 days later is 2025-11-09; the clocks went back on 2025-11-02.
    assert window_end(date(2025, 10, 10)) == at("2025-11-09", "23:59:59")
    # The clocks change between the midnight after the last day and 04:00.
    assert window_end(date(2026, 2, 5)) == at("2026-03-07", "23:59:59")
    assert window_end(date(2026, 10, 1)) == at("2026-10-31", "23:59:59")


def test_a_buy_within_30_days_defers_the_loss_share_for_share() -> None:
    # 10 sold with a loss of 10 each; 4 bought back on day 30, 3 on day 31: four tenths of the loss are deferred.
    events = trades(
        ("2025-01-02", "buy", 10, 100),
        ("2025-03-03", "sell", 10, 90),
        ("2025-04-02", "buy", 4, 80),
        ("2025-04-03", "buy", 3, 80),
    )
    (sale,) = sales(events)
    assert (sale.loss, sale.quantity, sale.bought_before, sale.bought_after) == (100, 10, 0, 4)
    assert sale.disallowed == pytest.approx(40)
    assert wash_sales(events).buys_inside == 1


def test_a_buy_before_counts_if_it_is_still_held() -> None:
    # 10 @ 100 in January, 5 @ 95 twenty days before the sale of the first ten at 90.
    (sale,) = sales(trades(("2025-01-02", "buy", 10, 100), ("2025-03-03", "buy", 5, 95), ("2025-03-23", "sell", 10, 90)))
    assert (sale.bought_before, sale.disallowed) == (5, 50)


def test_a_share_replaces_only_one_share() -> None:
    # Two losses of 10 shares each; 12 bought back: the first loss takes 10, the second what is left.
    events = trades(
        ("2025-01-02", "buy", 20, 100),
        ("2025-03-03", "sell", 10, 90),
        ("2025-03-04", "sell", 10, 80),
        ("2025-03-05", "buy", 12, 70),
    )
    first, second = sales(events)
    assert [first.disallowed, second.disallowed] == pytest.approx([100, 40])


def test_one_loss_can_have_several_replacements() -> None:
    events = trades(
        ("2025-01-02", "buy", 10, 100),
        ("2025-02-20", "buy", 2, 92),
        ("2025-03-03", "sell", 10, 90),
        ("2025-03-10", "buy", 3, 85),
        ("2025-03-20", "buy", 4, 85),
    )
    (sale,) = sales(events)
    assert (sale.bought_before, sale.bought_after, sale.disallowed) == (2, 7, 90)
    assert [(d.order, d.quantity, d.loss) for d in sale.deferrals] == [
        ("order 1", 2, 10),
        ("order 3", 3, 10),
        ("order 4", 4, 10),
    ]


def test_what_is_left_of_a_lot_does_not_replace_what_was_sold_of_it() -> None:
    (sale,) = sales(trades(("2025-02-10", "buy", 20, 100), ("2025-02-20", "sell", 10, 90)))
    assert (sale.loss, sale.disallowed) == (100, 0)


@pytest.mark.parametrize("second", ["2025-02-10 11:05", "2025-02-11"])
def test_executions_of_one_order_are_one_lot(second: str) -> None:
    events = trades(("2025-02-10", "buy", 8, 100, "a"), (second, "buy", 12, 100, "a"), ("2025-02-20", "sell", 10, 90))
    (sale,) = sales(events)
    assert (sale.loss, sale.disallowed) == (100, 0)


def test_a_sale_is_complete_with_the_last_execution_of_its_order() -> None:
    # Two lots; after the first execution the second lot is still held, after the last one nothing is.
    events = trades(
        ("2025-02-10", "buy", 10, 100),
        ("2025-02-12", "buy", 10, 100),
        ("2025-02-20", "sell", 10, 90, "s"),
        ("2025-02-20 11:30", "sell", 10, 90, "s"),
    )
    (sale,) = sales(events)
    assert (sale.id, sale.quantity, sale.loss, sale.disallowed) == ("3", 20, 200, 0)


def test_the_deferred_loss_is_part_of_the_basis_of_the_replacement() -> None:
    events = trades(
        ("2025-01-05", "buy", 100, 50),
        ("2025-01-12", "sell", 100, 40),
        ("2025-01-15", "buy", 100, 40),
        ("2025-02-20", "sell", 100, 45),
        ("2025-03-01", "buy", 10, 45),
    )
    first, second = sales(events)
    assert (first.loss, first.disallowed) == (1000, 1000)
    assert (second.loss, second.disallowed, second.bought_after) == (500, 50, 10)
    assert second.window_end == at("2025-03-22", "23:59:59")
    # The ten shares have been held since 5 January, less the days without any: 7 and 36 days.
    assert [d.held for d in second.deferrals] == [timedelta(days=7 + 36)]


def test_a_replacement_in_part_is_sold_first_with_its_higher_basis() -> None:
    # 4 of the 10 bought back carry 10 dollars each: basis 90, of the others 80. Six sold at 85: -20 and +10.
    events = trades(
        ("2025-01-02", "buy", 4, 100),
        ("2025-03-03", "sell", 4, 90),
        ("2025-03-05", "buy", 10, 80),
        ("2025-06-05", "sell", 6, 85),
    )
    assert [(s.quantity, s.loss) for s in sales(events)] == [(4, 40), (4, 20)]


def test_buying_and_selling_within_a_day() -> None:
    events = trades(
        ("2025-03-03 10:00", "buy", 10, 100),
        ("2025-03-03 11:00", "sell", 10, 90),
        ("2025-03-03 12:00", "buy", 10, 91),
        ("2025-03-03 13:00", "sell", 10, 89),
    )
    first, second = sales(events)
    assert (first.loss, first.disallowed) == (100, 100)
    assert (second.loss, second.disallowed) == (120, 0), "all is sold: the loss of the day counts"


def test_a_buy_that_was_sold_before_the_loss_replaces_nothing() -> None:
    events = trades(
        ("2025-01-02", "buy", 10, 100),
        ("2025-03-03", "buy", 5, 95),
        ("2025-03-04", "sell", 15, 101),
        ("2025-03-05", "buy", 3, 95),
    )
    assert sales(events) == []


def test_fractions_of_shares() -> None:
    events = trades(("2025-01-02", "buy", 3.1172, 100), ("2025-03-03", "sell", 3.1172, 90), ("2025-03-05", "buy", 1.5586, 80))
    (sale,) = sales(events)
    assert [sale.loss, sale.disallowed] == pytest.approx([31.172, 15.586])


def test_a_loss_on_a_short_sale_is_deferred_into_another_short_sale_and_not_into_a_buy() -> None:
    events = trades(
        ("2025-01-02", "sell_short", 10, 100),
        ("2025-03-03", "buy", 10, 110),
        ("2025-03-05", "buy", 5, 110),
        ("2025-03-06", "sell", 5, 112),
        ("2025-03-10", "sell_short", 4, 112),
    )
    (sale,) = sales(events)
    assert (sale.long, sale.loss, sale.disallowed) == (False, 100, 40)
    assert wash_sales(events).buys_inside == 0


def test_covering_a_short_replaces_no_shares() -> None:
    events = trades(
        ("2025-01-02", "buy", 10, 100),
        ("2025-03-03", "sell", 10, 90),
        ("2025-03-04", "sell_short", 10, 90),
        ("2025-03-05", "buy", 10, 89),
    )
    (sale,) = sales(events)
    assert sale.disallowed == 0
    assert wash_sales(events).buys_inside == 0


def test_a_split_between_sale_and_replacement() -> None:
    # 10 of 20 sold at -10 each, then two for one (10 become 20): the 10 sold are 20 new ones at -5; 6 bought back defer 30.
    events = trades(("2025-01-02", "buy", 20, 100), ("2025-03-03", "sell", 10, 90))
    events += [Event(at("2025-03-04"), "split", quantity=10), *trades(("2025-03-05", "buy", 6, 45))]
    events[-1] = events[-1]._replace(id="x", order="x")
    (sale,) = sales(events)
    assert [sale.loss, sale.disallowed] == pytest.approx([100, 30])


@pytest.mark.parametrize("hoarded", [False, True])
def test_many_sales_of_one_symbol_cost_no_more_than_their_number(hoarded: bool) -> None:
    """Eight times as many sales: eight times the processor time, not sixty-four. hoarded: all bought, sold, bought again."""

    def cost(count: int) -> float:
        bought = [(i * 3 * 3600, Event(0, "buy", f"b{i}", 10, 100)) for i in range(count)]
        sold = [(at + 3600, Event(0, "sell", f"s{i}", 10, 99)) for i, (at, _) in enumerate(bought)]
        if hoarded:
            again = [Event(0, "buy", f"c{i}", 10, 98) for i in range(count)]
            rows = list(enumerate([*(e for _, e in bought), *(e for _, e in sold), *again]))
        else:
            rows = sorted([*bought, *sold], key=lambda row: row[0])
        events = [event._replace(ts=1.7e9 + at) for at, event in rows]
        least = float("inf")
        for _ in range(3):
            begun = time.thread_time()
            assert wash_sales(events).buys_inside == (count if hoarded else count - 1)
            least = min(least, time.thread_time() - begun)
        return least

    assert cost(4000) < 20 * cost(500)


def test_a_gain_opens_no_window_and_an_unknown_sale_is_named() -> None:
    assert sales(trades(("2025-01-02", "buy", 1, 100), ("2025-03-03", "sell", 1, 101))) == []
    events = trades(("2025-03-03", "sell", 1, 101), ("2025-03-04", "buy", 1, 90))
    (sale,) = sales(events)
    assert (sale.loss, sale.quantity, sale.disallowed) == (None, 1, 0)
    assert wash_sales(events).buys_inside == 0


def test_a_buy_after_a_transfer_still_replaces() -> None:
    events = trades(("2025-01-02", "buy", 10, 100), ("2025-03-03", "sell", 5, 90))
    events += [Event(at("2025-03-04"), "break"), Event(at("2025-03-05"), "buy", "x", 2, 90, "x")]
    (sale,) = sales(events)
    assert sale.disallowed == 20


# -- the reference: one share after the other, in exact fractions


@dataclass
class Share:
    order: int
    execution: int
    bought: date
    basis: Fraction
    replaces: bool = False


@dataclass
class Loss:
    sale: int
    order: int
    sold: date
    dollars: Fraction


def by_the_share(orders: list[tuple[int, int, list[int], int]]) -> dict[int, tuple[Fraction, Fraction]]:
    """Loss and deferred loss of each sale. orders: (day, +1 or -1, executions, price), one after the other."""
    held: list[Share] = []
    waiting: list[Loss] = []
    result: dict[int, tuple[Fraction, Fraction]] = {}

    def defer(loss: Loss, share: Share) -> None:
        share.basis += loss.dollars
        share.replaces = True
        total, deferred = result[loss.sale]
        result[loss.sale] = total, deferred + loss.dollars

    for number, (offset, side, executions, price) in enumerate(orders):
        day = date(2025, 1, 2) + timedelta(days=offset)
        if side > 0:
            new = [Share(number, i, day, Fraction(price)) for i, count in enumerate(executions) for _ in range(count)]
            for loss in list(waiting):
                free = next((s for s in new if not s.replaces), None)
                if free is not None and (day - loss.sold).days <= 30:
                    defer(loss, free)
                    waiting.remove(loss)
            held += new
            continue
        losses = []
        result[number] = Fraction(0), Fraction(0)
        for _ in range(sum(executions)):
            share = min(held, key=lambda s: (s.order, s.execution, not s.replaces))
            held.remove(share)
            if price < share.basis:
                losses.append(Loss(number, share.order, day, share.basis - price))
                result[number] = result[number][0] + share.basis - price, Fraction(0)
        for loss in losses:
            near = [s for s in held if not s.replaces and s.order != loss.order and (day - s.bought).days <= 30]
            if near:
                defer(loss, min(near, key=lambda s: (s.order, s.execution)))
            else:
                waiting.append(loss)
    return result


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[int, int, list[int], int]]:
    """Orders of one symbol that never sell more than is held."""
    orders, held, day = [], 0, 0
    for _ in range(draw(st.integers(2, 12))):
        day += draw(st.sampled_from((0, 0, 1, 7, 29, 30, 31)))
        executions = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
        side = draw(st.sampled_from((1, -1))) if held >= sum(executions) else 1
        orders.append((day, side, executions, draw(st.integers(5, 15))))
        held += side * sum(executions)
    return orders


@given(histories())
def test_the_share_by_share_reference_agrees(orders: list[tuple[int, int, list[int], int]]) -> None:
    events, names = [], {}
    for number, (offset, side, executions, price) in enumerate(orders):
        for i, count in enumerate(executions):
            moment = at((date(2025, 1, 2) + timedelta(days=offset)).isoformat(), "10:00") + 60 * number + i
            kind = "buy" if side > 0 else "sell"
            events.append(Event(moment, kind, f"{number}.{i}", count, price, str(number)))  # type: ignore[arg-type]
        names[f"{number}.{len(executions) - 1}"] = number
    found = {names[s.id]: (s.loss, s.disallowed) for s in sales(events)}
    expected = {n: values for n, values in by_the_share(orders).items() if values[0] > 0}
    assert set(found) == set(expected)
    for number, (loss, deferred) in expected.items():
        assert found[number] == pytest.approx((float(loss), float(deferred)))
