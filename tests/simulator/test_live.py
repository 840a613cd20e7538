"""A simulated world that goes on in real time."""

from __future__ import annotations

import threading
from datetime import date, datetime
from pathlib import Path
from typing import Any

from bigdipper_exporter import calendar
from bigdipper_exporter.calendar import NEW_YORK
from bigdipper_exporter.demo.simulator import queries
from bigdipper_exporter.demo.simulator.world import World, start_of_history

MONDAY = datetime(2026, 11, 16, 4, tzinfo=NEW_YORK).timestamp()


class Clock:
    """Real time under the test's control: waiting is what makes it pass."""

    def __init__(self, now: float, until: float) -> None:
        self.now, self.until = now, until

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float | None = None) -> bool:
        self.now += seconds or 0
        return self.now >= self.until


SUNDAY = datetime(2026, 11, 22, 11, 3, 7, tzinfo=NEW_YORK).timestamp()


def live(world: World, clock: Clock, **how: Any) -> None:
    world.live(stop=clock, **how)  # type: ignore[arg-type]


def test_on_a_sunday_the_pretended_session_is_open_and_the_bot_trades(tmp_path: Path) -> None:
    clock = Clock(SUNDAY, SUNDAY + 3 * 3600)
    world = World(3, start_of_history(SUNDAY, 3), log_path=tmp_path / "log", clock=clock)
    world.history(SUNDAY)
    before = world.truth()
    live(world, clock, market_open_now=True)
    after = world.truth()
    answer = queries.answer(world.ledger, "/v2/clock", {}, world.now)
    assert answer["is_open"]
    assert datetime.fromisoformat(answer["next_close"]).timestamp() == calendar.day_start(date(2026, 11, 23))
    assert sum(after["fills"].values()) > sum(before["fills"].values())
    assert {"wash-trade", "cycle-errors", "brake"} <= {n for _, n in after["incidents"][len(before["incidents"]) :]}
    assert "2026-11-22 13:59:" in (tmp_path / "log").read_text()
    assert "2026-11-22 14:04:" not in (tmp_path / "log").read_text()
    world.close()


def test_the_pretended_days_follow_each_other_at_four_in_the_morning() -> None:
    clock = Clock(SUNDAY, SUNDAY + 2 * 86400 / 600)
    world = World(3, start_of_history(SUNDAY, 2), clock=clock)
    world.history(SUNDAY)
    live(world, clock, market_open_now=True, speed=600.0)
    assert {date(2026, 11, 22), date(2026, 11, 23)} <= set(world.ledger.days)
    assert world.ledger.last_equity == world.ledger.days[calendar.trading_day(world.now - 86400)].equity


def test_live_at_speed_one_stays_on_real_time_and_faster_runs_ahead() -> None:
    clock = Clock(MONDAY, MONDAY + 600)
    world = World(1, MONDAY, clock=clock)
    live(world, clock)
    assert clock.now - 1 <= world.now <= clock.now
    clock.until = clock.now + 60
    live(world, clock, speed=60.0)
    assert 3500 <= world.now - (clock.now - 60) <= 3700


def test_live_runs_in_a_thread_and_stops_at_once() -> None:
    world, stop = World(1, MONDAY), threading.Event()
    thread = threading.Thread(target=world.live, args=(10_000.0, stop))
    thread.start()
    deadline = threading.Event()
    while world.truth()["cycles"] < 30 and not deadline.wait(0.01):
        pass
    stop.set()
    thread.join(5)
    assert not thread.is_alive()


def test_the_bots_calls_count_against_the_accounts_rate_limit() -> None:
    world = World(1, MONDAY, incidents=())
    world.run_until(MONDAY + 3600)
    assert 4 <= world.broker.rate.peak <= 20
    world.broker.rate.limit = 3
    world.run_until(MONDAY + 3720)
    assert world.truth()["errors"]["cycle"] > 0
