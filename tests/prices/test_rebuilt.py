"""An archive that starts today and reads the past has the figures of one that was there all the time, column by column."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bigdipper_exporter import calendar
from bigdipper_exporter.calendar import NEW_YORK, next_trading_day
from bigdipper_exporter.demo.simulator.world import World, start_of_history
from tests.prices import actions
from tests.prices.watcher import Watcher

END = datetime(2025, 12, 5, 17, 0, tzinfo=NEW_YORK).timestamp()
HOUR, MINUTE = 3600.0, 60.0
CENT = 0.0051  # the broker's history is rounded: half a cent at each end of a day
TABLES = {
    "daily_stats": "date",
    "positions_daily": "symbol, date",
    "wash_sales": "activity_id",
    "benchmark_days": "date",
    "dip_episodes": "symbol, reason, ts",
    "dip_outcomes": "grouping, name, horizon",
    "dip_lines": "symbol, date",
    "dip_triggers": "symbol",
    "lots": "id",
    "trade_figures": "grouping, name",
    "fills": "activity_id",
    "orders": "order_id",
    "activities": "activity_id",
    "replay_checks": "symbol",
}
# What only polls see: extremes within a day, and which of the two a row was made of. docs/prices.md names them.
ONLY_LIVE = {
    ("daily_stats", "peak_equity"),
    ("daily_stats", "trough_equity"),
    ("daily_stats", "max_margin_ratio"),
    ("daily_stats", "max_leverage_ratio"),
    ("positions_daily", "rebuilt"),
}
# A peak between two closes is known to polls only: a rebuilt one is lower or the same, and so is the fall from it.
PEAK, DRAWDOWN = ("daily_stats", "adjusted_peak"), ("daily_stats", "drawdown_ratio")
# In these the cents of every close before add up, or they follow from the equity of a day.
RELATIVE = {
    ("benchmark_days", "account_index"),
    ("dip_episodes", "size"),
    ("dip_outcomes", "dollars"),
}
SMALL = 1e-6


def is_right(column: tuple[str, str], live: Any, rebuilt: Any) -> bool:
    """Whether a rebuilt figure is as exact as the broker's history permits."""
    if live == rebuilt or column in ONLY_LIVE:
        return True
    if not isinstance(live, float) or not isinstance(rebuilt, float):
        return False
    if column == PEAK:
        return rebuilt <= live + CENT
    if column == DRAWDOWN:
        return rebuilt >= live - SMALL
    if column in RELATIVE:
        return abs(live - rebuilt) <= max(SMALL * abs(live), 2 * CENT)
    by_ratio = column[1].endswith("ratio") or column[1].endswith("return")
    return abs(live - rebuilt) <= (SMALL * max(abs(live), 1.0) if by_ratio else 2 * CENT)


@dataclass
class Pair:
    """Two archives of one account: `live` was there from its first minute, `rebuilt` began at the end."""

    world: World
    live: Watcher
    rebuilt: Watcher
    happened: set[str]

    def rows(self, table: str) -> Iterator[tuple[str, str, Any, Any]]:
        """Yield (key, column, live, rebuilt) of every cell; a row that only one of them has raises AssertionError."""
        keys = TABLES[table]
        for one, other in zip(*(self._read(watcher, table, keys) for watcher in (self.live, self.rebuilt)), strict=True):
            key = " ".join(str(one[name]) for name in keys.split(", "))
            assert key == " ".join(str(other[name]) for name in keys.split(", ")), table
            yield from ((key, name, one[name], other[name]) for name in one)

    @staticmethod
    def _read(watcher: Watcher, table: str, keys: str) -> list[dict[str, Any]]:
        # Minutes of a span that goes on are read again once an hour: whoever starts now has newer ones of the last hour.
        where = f"WHERE ts < {END - HOUR}" if table == "dip_episodes" else ""
        cursor = watcher.store.connection.execute(f"SELECT * FROM {table} {where} ORDER BY {keys}")
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, values, strict=True)) for values in cursor]


def moments(first: float, last: float) -> Iterator[tuple[float, str]]:
    """When the one that is there polls: some times in each session, right before its close, and in the evening."""
    day = calendar.trading_day(first)
    while calendar.day_start(day) < last:
        hours = calendar.open_close(day)
        if hours is not None:
            opened, closed = hours
            yield calendar.day_start(day) + 5 * MINUTE, "morning"
            yield opened + 40 * MINUTE, "events"
            yield from ((opened + hour * HOUR, "session") for hour in (2.0, 3.2))
            yield closed - 30.0, "session"
            yield closed + 35 * MINUTE, "evening"
            yield calendar.day_start(day) + 16.2 * HOUR, "night"
        day += timedelta(days=1)


def lived(folder: Path, seed: int, days: int) -> Pair:
    """Let an account live while one exporter watches it, then start another."""
    log, begin = folder / "bot.log", start_of_history(END, days)
    world = World(seed, begin, clock=lambda: END, log_path=log)
    live = Watcher(folder / "live", world, log)
    happened: set[str] = set()
    number = 0
    for at, what in moments(begin, END):
        if at >= END:
            break
        world.run_until(at)
        if what == "events":
            number += 1
            for name in ("dip", "dip", "slump") if number % 9 == 1 else ("deposit",) if number % 9 == 3 else ():
                assert world.trigger(name)
            if number % 9 == 4:
                assert world.trigger("withdrawal")
        live.look()
        if what == "evening":
            live.read_history()
            live.read_prices()
        if what == "night" and number % 3 == 2:
            happened |= actions.announce(world, next_trading_day(calendar.new_york_date(at)))
    world.run_until(END)
    rebuilt = Watcher(folder / "rebuilt", world, log)
    for watcher in (live, rebuilt):
        watcher.look()
        watcher.read_history()
        watcher.read_prices()
    return Pair(world, live, rebuilt, happened)


@pytest.fixture(
    scope="module",
    params=[(5, 4), *(pytest.param(one, marks=pytest.mark.soak) for one in ((5, 20), (11, 14)))],
    ids=lambda one: f"seed {one[0]}, {one[1]} days",
)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    found = lived(tmp_path_factory.mktemp("lives"), *request.param)
    yield found
    found.live.close()
    found.rebuilt.close()
    found.world.close()


def test_the_account_has_what_is_to_be_compared(pair: Pair) -> None:
    assert pair.happened == {"forward_splits", "reverse_splits", "cash_dividends"}
    for watcher in (pair.live, pair.rebuilt):
        [(deposits, withdrawals, unknown, held)] = watcher.sql(
            "SELECT count(*) FILTER (WHERE deposits > 0), count(*) FILTER (WHERE withdrawals > 0),"
            " count(*) FILTER (WHERE profit IS NULL OR unrealized_change IS NULL OR other IS NULL),"
            " (SELECT count(*) FROM positions_daily) FROM daily_stats WHERE trading_day = 1"
        )
        assert (deposits > 0, withdrawals > 0, unknown, held > 0) == (True, True, 0, True)
        for table in TABLES:
            assert watcher.sql(f"SELECT count(*) FROM {table}") != [(0,)], table
    # One that was bought between the last poll and the close is rebuilt while the exporter watches, too.
    assert pair.live.sql("SELECT total(rebuilt) < 0.05 * count(*) FROM positions_daily") == [(1,)]
    assert pair.rebuilt.sql("SELECT count(*) FROM positions_daily WHERE NOT rebuilt") == [(0,)]


@pytest.mark.parametrize("table", TABLES)
def test_the_past_is_the_same(pair: Pair, table: str) -> None:
    cells = pair.rows(table)
    assert [cell for cell in cells if not is_right((table, cell[1]), *cell[2:])] == []


def test_no_exception_is_idle(pair: Pair) -> None:
    different = {(table, column) for table in TABLES for _, column, one, other in pair.rows(table) if one != other}
    assert different >= ONLY_LIVE | RELATIVE | {PEAK, DRAWDOWN}
