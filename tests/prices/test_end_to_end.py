"""A simulated account from its log and its broker to the figures of prices, against the simulator's own books.

What must come out is computed here from the ledger, the tape and the bot's own notes, with none of the project's formulas.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from bigdipper_exporter import calendar
from bigdipper_exporter.archive.broker.days import previous_trading_day
from bigdipper_exporter.calendar import NEW_YORK
from bigdipper_exporter.commands.ingest import ingest
from bigdipper_exporter.config.settings import Settings
from bigdipper_exporter.demo.simulator.truth import dollars
from bigdipper_exporter.demo.simulator.world import World, start_of_history
from bigdipper_exporter.pipeline import Sources
from bigdipper_exporter.price_source import Prices
from tests.alpaca.conftest import Desk, Timing
from tests.prices import actions

END = datetime(2025, 12, 5, 17, 0, tzinfo=NEW_YORK).timestamp()
HALF_DAY = date(2025, 11, 28)
MISSED = ("leverage_limit", "buying_power", "wash_sale_conflict", "not_fractionable", "order_failed")


@dataclass
class Told:
    """What the bot did: (symbol, reason or `bought`, unix seconds), in order."""

    acts: list[tuple[str, str, float]] = field(default_factory=list)
    actions: set[str] = field(default_factory=set)


@dataclass
class Life:
    """An account with its world, and the desk of an exporter that started after it."""

    world: World
    told: Told
    desk: Desk

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        return self.desk.store.connection.execute(query).fetchall()


def ex_dates(days: int) -> list[date]:
    """Two days of the life on which stocks that are held split, or pay a special dividend."""
    day = calendar.trading_day(END)
    found = []
    for back in range(days):
        found += [day] if back in (3, days // 2) else []
        day = previous_trading_day(day)
    return sorted(found)


def closes(world: World, symbol: str) -> dict[date, float]:
    """The last price of each regular session, in dollars."""
    tape = world.tape
    prices = tape.prices
    column = tape.symbols.index(symbol)
    found = {day: cents[column] / 100 for day, cents in tape.before.items()}
    for index, minute in enumerate(tape.minutes):
        if tape.regular_minutes[index]:
            found[datetime.fromtimestamp(minute, NEW_YORK).date()] = prices[index][column] / 100
    return found


def dividends(world: World, symbol: str) -> dict[date, float]:
    """Dollars a share by ex-day."""
    paid: dict[date, float] = defaultdict(float)
    for action in world.tape.actions.get("cash_dividends", []):
        if action["symbol"] == symbol:
            paid[date.fromisoformat(action["ex_date"])] += float(action["rate"])
    return paid


def lived(folder: Path, seed: int, days: int) -> Life:
    """Simulate, read the log, then the account, then daily prices."""
    world = World(seed, start_of_history(END, days), clock=lambda: END, log_path=folder / "bot.log")
    told = Told()
    trade, missed = world.tally.trade, world.tally.missed

    def traded(symbol: str, cents: int, ts: float) -> None:
        told.acts.append((symbol, "bought", ts))
        trade(symbol, cents, ts)

    def was_missed(symbol: str, reason: str, ts: float) -> None:
        told.acts.append((symbol, reason, ts))
        missed(symbol, reason, ts)

    world.tally.trade, world.tally.missed = traded, was_missed  # type: ignore[method-assign]
    for day in ex_dates(days):
        world.history(calendar.day_start(day) - 3600)  # nothing is traded then
        told.actions |= actions.announce(world, day)
    world.history(END)
    archive = folder / "archive.db"
    ingest(Settings(log_path=folder / "bot.log", archive_path=archive, log_timezone=NEW_YORK), lambda left: None)
    world.broker.start()
    desk = Desk(archive, world.broker, Timing(END))
    while desk.view.backfill < 1:
        desk.advance(60)
    timing = Timing(desk.timing.time())
    settings = Settings(
        alpaca_key=desk.settings.alpaca_key,
        alpaca_secret=desk.settings.alpaca_secret,
        alpaca_url=world.broker.url,
        market_data_minute_retention=0.0,
    )
    with closing(Prices(settings, desk.store, lambda: None, Sources(), timing)) as prices:
        for _ in range(4):
            world.now = timing.time() + 60  # the broker's clock goes on
            timing.advance(60)
            while prices.pending():
                with desk.store.transaction() as connection:
                    prices.write(connection, desk.counters)
                    desk.counters.flush(connection)
                desk.counters.commit()
                prices.commit()
        assert prices.view.figures is not None
    return Life(world, told, desk)


@pytest.fixture(
    scope="module",
    params=[(5, 24), *(pytest.param(one, marks=pytest.mark.soak) for one in ((5, 90), (11, 66), (23, 66)))],
    ids=lambda one: f"seed {one[0]}, {one[1]} days",
)
def life(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    one = lived(tmp_path_factory.mktemp("life"), *request.param)
    yield one
    one.desk.source.close()
    one.desk.store.close()
    one.world.close()


def test_the_benchmark_is_that_of_the_books(life: Life) -> None:
    rows = life.sql("SELECT date, account, twin, account_index, benchmark_index FROM benchmark_days ORDER BY date")
    spy, paid = closes(life.world, "SPY"), dividends(life.world, "SPY")
    books = life.world.ledger.days
    days = sorted(books)
    compared = [date.fromisoformat(row[0]) for row in rows]
    assert compared == days[: len(compared)]
    assert len(compared) >= len(days) - 1, "all but the one that goes on"
    opening = float(life.world.ledger.cash_deposit)
    twin = own = opening
    account_index = benchmark_index = 100.0
    for before, day, row in zip([max(spy.keys() - {*days}), *days], compared, rows, strict=False):
        opened = opening if day == days[0] else 0.0  # no flow: what the account begins with
        deposits, flow = float(dollars(books[day].deposits)) - opened, float(dollars(books[day].cash_flow)) - opened
        growth = (spy[day] + paid.get(day, 0.0)) / spy[before]
        twin = (twin + deposits) * growth + flow - deposits
        end = float(dollars(books[day].equity))
        account_index *= (end + deposits - flow) / (own + deposits)
        benchmark_index *= growth
        own = end
        assert row[1:] == (
            pytest.approx(end, abs=0.006),
            pytest.approx(twin, rel=1e-6),
            pytest.approx(account_index, rel=1e-6),
            pytest.approx(benchmark_index, rel=1e-9),
        ), day
    difference = rows[-1][1] - rows[-1][2]
    assert difference == pytest.approx(own - twin, abs=0.02)
    assert any(books[day].deposits for day in compared[1:])
    assert any(books[day].cash_flow < books[day].deposits for day in compared), "a withdrawal too"


def test_episodes_and_what_followed_are_those_of_the_bots_own_notes(life: Life) -> None:
    over = sorted(closes(life.world, "SPY"))
    sessions = [*over, date(2025, 12, 8)]  # what is seen after the last close counts in the next session
    ends = [
        datetime(day.year, day.month, day.day, 13 if day == HALF_DAY else 16, tzinfo=NEW_YORK).timestamp() for day in sessions
    ]
    expected: dict[tuple[str, str, date], tuple[int, int]] = {}  # first session -> sessions, sightings
    last: dict[tuple[str, str], tuple[date, int]] = {}
    for symbol, reason, ts in life.told.acts:
        session = bisect_left(ends, ts)
        start, seen = last.get((symbol, reason), (date.min, -2))
        if session - seen > 1:
            start = sessions[session]
        count, times = expected.get((symbol, reason, start), (0, 0))
        expected[symbol, reason, start] = count + (session != seen), times + 1
        last[symbol, reason] = start, session
    rows = life.sql(
        "SELECT symbol, reason, date, days, sightings, price, after_1, after_5, after_20 FROM dip_episodes"
        f" WHERE reason IN ('bought', {', '.join(map(repr, MISSED))}) ORDER BY ts"
    )
    found = {(row[0], row[1], date.fromisoformat(row[2])): (row[3], row[4]) for row in rows}
    assert found == expected
    assert {reason for _, reason, _ in found} >= {"bought", "wash_sale_conflict", "leverage_limit"}
    known = over_a_split = 0
    tape = {symbol: closes(life.world, symbol) for symbol in {row[0] for row in rows}}
    for symbol, _, day, _, _, price, *after in rows:
        own, paid, new = tape[symbol], dividends(life.world, symbol), actions.splits(life.world, symbol)
        first = sessions.index(date.fromisoformat(day))
        for horizon, value in zip((1, 5, 20), after, strict=True):
            end = first + horizon
            if price is None or end >= len(over):
                assert value is None
                continue
            shares, dividend = 1.0, 0.0
            for later in over[first + 1 : end + 1]:
                shares *= new.get(later, 1.0)
                dividend += paid.get(later, 0.0) * shares
            assert value == pytest.approx((own[over[end]] * shares + dividend) / price - 1, abs=1e-9), (symbol, day, horizon)
            known += 1
            over_a_split += shares != 1
    assert known > 50
    assert over_a_split > 0
    assert life.told.actions == {"forward_splits", "reverse_splits", "cash_dividends"}
