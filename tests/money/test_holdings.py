"""What was held after each event, against the lots of the same events."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from bigdipper_exporter import calendar
from bigdipper_exporter.money.holdings import Holding
from bigdipper_exporter.money.lots import Book, Event

TRADE = st.tuples(
    st.sampled_from(["buy", "buy", "sell", "sell_short", "split", "flat"]), st.integers(1, 50), st.integers(1, 900)
)


def after(*events: Event) -> Holding:
    holding = Holding()
    for event in events:
        holding.apply(event)
    return holding


@given(st.lists(TRADE, max_size=30))
def test_the_quantity_is_that_of_the_open_lots(trades: list[tuple[str, int, int]]) -> None:
    holding, book = Holding(), Book()
    for number, (kind, quantity, price) in enumerate(trades):
        if kind == "split":
            quantity = int(sum(lot.quantity for lot in book.open))  # two for one
        event = Event(float(number), kind, str(number), float(quantity), float(price))  # type: ignore[arg-type]
        book.apply(event)
        holding.apply(event)
        if book.known and holding.known:
            assert abs(holding.quantity - sum(lot.quantity for lot in book.open)) < 1e-6
            assert (holding.cost > -1e-6) if holding.quantity >= 0 else (holding.cost < 1e-6)
        assert holding.known == book.known


def test_a_sale_takes_its_share_of_the_average_cost() -> None:
    held = after(Event(1, "buy", "a", 10, 100), Event(2, "buy", "b", 10, 120), Event(3, "sell", "c", 5, 200))
    assert (held.quantity, held.cost) == (15, 1650)


def test_overnight_what_is_left_costs_what_its_own_lots_cost() -> None:
    """Ten of 100 and ten of 200, ten sold: 150 each until the day is over, then 200, because the first ten are gone."""
    night = calendar.day_start(date(2026, 11, 10))
    held = after(
        Event(night - 3000, "buy", "a", 10, 100),
        Event(night - 2000, "buy", "b", 10, 200),
        Event(night - 1000, "sell", "c", 10, 200),
    )
    assert (held.quantity, held.cost) == (10, 1500)
    held.begin(date(2026, 11, 10))
    assert (held.quantity, held.cost) == (10, 2000), "realized were 1,000, so nothing is left unrealized at 200"
    held.apply(Event(night + 1000, "buy", "d", 10, 300))
    held.apply(Event(night + 2000, "sell", "e", 5, 300))
    assert (held.quantity, held.cost) == (15, 3750)
    held.apply(Event(night + 86400, "buy", "f", 1, 300))
    assert (held.quantity, held.cost) == (16, 5 * 200 + 10 * 300 + 300)


def test_a_sale_through_nothing_and_a_short() -> None:
    assert after(Event(1, "sell", "a", 1, 100)).known is False
    short = after(Event(1, "sell_short", "a", 4, 100), Event(2, "buy", "b", 6, 90))
    assert (short.quantity, short.cost) == (2, 180)


def test_a_split_changes_no_cost_and_a_transfer_makes_all_unknown_until_flat() -> None:
    split = after(Event(1, "buy", "a", 10, 100), Event(2, "split", quantity=90))
    assert (split.quantity, split.cost) == (100, 1000)
    assert after(Event(1, "buy", "a", 10, 100), Event(2, "break")).known is False
    assert after(Event(1, "break"), Event(2, "flat"), Event(3, "buy", "b", 2, 50)).cost == 100
