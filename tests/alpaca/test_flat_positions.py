"""Positions lag behind executions: a list without a symbol may be older than a purchase of it, or than the sale before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bigdipper_exporter.archive.broker import flats
from bigdipper_exporter.archive.broker.lot_events import lot_events
from bigdipper_exporter.money.lots import Event, match
from tests.alpaca.rounds import Rounds, archive, at


@pytest.fixture
def rounds(tmp_path: Path) -> Iterator[Rounds]:
    with archive(tmp_path) as store:
        yield Rounds(store, 10_000)


def fill(rounds: Rounds, clock: str, side: str, units: float, price: float) -> None:
    """An execution at that time of the broker's clock, read in the afternoon."""
    time = datetime.fromtimestamp(at(clock), UTC).isoformat()
    fields = {"symbol": "X", "side": side, "qty": str(units), "price": str(price), "order_id": clock}
    rounds.record("15:00", id=clock, activity_type="FILL", transaction_time=time, **fields)


def hold(rounds: Rounds, clock: str, units: float) -> None:
    rounds.held, rounds.cash = ({"X": (units, 90.0)} if units else {}), 10_000 - units * 90
    rounds.poll(clock)


# A name: executions, and polls with the units that they show.
BOUGHT_AGAIN = {
    "three seconds after the sale, not in the list two seconds later": (
        [("09:40:00", "buy", 10, 100), ("10:00:00", "sell", 10, 90), ("10:00:03", "buy", 5, 80), ("11:00:00", "sell", 5, 85)],
        [("09:41", 10), ("10:00:05", 0), ("10:01:05", 5), ("11:01", 0)],
    ),
    "our clock 20 seconds ahead": (
        [("09:40:00", "buy", 10, 100), ("10:00:00", "sell", 10, 90), ("10:00:10", "buy", 5, 80), ("11:00:00", "sell", 5, 85)],
        [("09:41", 10), ("10:00:28", 0), ("10:01:28", 5), ("11:01", 0)],
    ),
    "our clock behind, the list before the sale it shows": (
        [("09:40:00", "buy", 10, 100), ("10:00:00", "sell", 10, 90), ("10:00:03", "buy", 5, 80), ("11:00:00", "sell", 5, 85)],
        [("09:41", 10), ("09:59:57", 0), ("10:00:57", 5), ("11:01", 0)],
    ),
    "in two executions, one sold again at once": (
        [("09:40:00", "buy", 10, 100), ("10:00:00", "sell", 10, 90), ("10:00:02", "buy", 5, 80), ("10:00:04", "buy", 5, 80),
         ("10:00:06", "sell", 5, 81), ("11:00:00", "sell", 5, 85)],
        [("09:41", 10), ("10:00:07", 0), ("10:01:07", 5), ("11:01", 0)],
    ),
    "long after": (
        [("09:40:00", "buy", 10, 100), ("10:00:00", "sell", 10, 90), ("10:30:00", "buy", 5, 80), ("11:00:00", "sell", 5, 85)],
        [("09:41", 10), ("10:00:30", 0), ("10:31", 5), ("11:01", 0)],
    ),
    "never": ([("09:40:00", "buy", 10, 100), ("10:00:00", "sell", 10, 90)], [("09:41", 10), ("09:59:58", 0)]),
    "a short, covered": (
        [("09:40:00", "sell_short", 10, 100), ("10:00:00", "buy", 10, 90), ("11:00:00", "buy", 5, 80),
         ("11:30:00", "sell", 5, 85)],
        [("09:41", -10), ("09:59:58", 0), ("11:01", 5), ("11:31", 0)],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("executions", "polls"), BOUGHT_AGAIN.values(), ids=BOUGHT_AGAIN)
def test_every_sale_has_its_result(
    rounds: Rounds, executions: list[tuple[str, str, float, float]], polls: list[tuple[str, float]]
) -> None:
    for clock, units in polls:
        hold(rounds, clock, units)
    for execution in executions:
        fill(rounds, *execution)
    closings = match(lot_events(rounds.store.connection, "X")).closings
    assert None not in [closing.realized for closing in closings]
    earned = sum((-1 if side == "buy" else 1) * units * price for _, side, units, price in executions)
    assert sum(closing.realized or 0.0 for closing in closings) == pytest.approx(earned)


def test_lots_that_are_unknown_are_known_again_after_the_list_is_empty(rounds: Rounds) -> None:
    """Ten units were bought before the history begins; their sale has no result, the next one has."""
    for clock, units in (("09:41", 10), ("10:00:05", 0), ("10:01:05", 5), ("11:01", 0)):
        hold(rounds, clock, units)
    for execution in (("10:00:00", "sell", 10, 90), ("10:00:03", "buy", 5, 80), ("11:00:00", "sell", 5, 85)):
        fill(rounds, *execution)
    assert [closing.realized for closing in match(lot_events(rounds.store.connection, "X")).closings] == [None, 25]


def test_many_round_trips_take_time_in_proportion(rounds: Rounds) -> None:
    """Counted in looks at an execution, not in seconds."""
    count, looks = 2_000, 0

    class Watched(float):
        def __lt__(self, other: float) -> bool:
            nonlocal looks
            looks += 1
            return float(self) < float(other)

        def __gt__(self, other: float) -> bool:
            nonlocal looks
            looks += 1
            return float(self) > float(other)

        def __sub__(self, other: float) -> float:
            nonlocal looks
            looks += 1
            return float(self) - float(other)

        __le__, __ge__ = __lt__, __gt__

    trades = []
    with rounds.store.transaction() as connection:
        for number in range(count):
            start = number * 7200.0
            trades += [Event(Watched(start), "buy", quantity=0.1), Event(Watched(start + 600), "sell", quantity=0.1)]
            for late, units in ((10, 0.1), (610, 0.0)):
                row = (start + late, "X", "2026-11-17", units)
                connection.execute("INSERT INTO position_snapshots (ts, symbol, date, quantity) VALUES (?, ?, ?, ?)", row)
    found = flats.moments(rounds.store.connection, "X", trades)
    assert found == [number * 7200.0 + 600 for number in range(count)]
    assert looks < 100 * count
