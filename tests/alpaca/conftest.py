"""A stand-in broker, an archive, and a desk between them where time passes only when a test says so."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from bigdipper_exporter.archive.store import Store
from bigdipper_exporter.broker import polling
from bigdipper_exporter.broker.polling import JITTER
from bigdipper_exporter.broker_source import Broker as Source
from bigdipper_exporter.calendar import NEW_YORK
from bigdipper_exporter.config.settings import Settings
from bigdipper_exporter.counters import Counters
from bigdipper_exporter.demo.simulator.books import Asset
from bigdipper_exporter.demo.simulator.broker import Broker
from bigdipper_exporter.demo.simulator.ledger import Ledger
from bigdipper_exporter.demo.simulator.units import cents
from bigdipper_exporter.metrics.collect import Collector
from bigdipper_exporter.metrics.registry import METRICS
from bigdipper_exporter.metrics.snapshot import Day, ExporterStatus, Snapshot
from bigdipper_exporter.projection.state import BotState
from tests.alpaca.direct import BROKERS, DirectClient

with warnings.catch_warnings():  # the SDK imports a deprecated part of websockets, once
    warnings.simplefilter("ignore", DeprecationWarning)
    import alpaca.trading.client  # noqa: F401

KEY, SECRET = "PKSIMULATED", "simulated-secret"
PATIENCE = 30.0
TUESDAY = datetime(2025, 11, 4, 10, 30, tzinfo=NEW_YORK).timestamp()
OPTION = "NVDA260909C00222500"


def every(seconds: float) -> dict[str, float]:
    """Settings with which everything is asked so often, for tests in which hours or days pass."""
    return {f"alpaca_{part}_interval": seconds for part in ("account", "positions", "orders", "clock", "activities")}


class Timing:
    """The poller's time: it stands still until a test lets it pass, and then passes at once."""

    def __init__(self, start: float) -> None:
        self._start, self._now, self._horizon = start, 0.0, 0.0
        self._idle = False
        self._random = random.Random(4)
        self._changed = threading.Condition()

    def time(self) -> float:
        return self._start + self._now

    def monotonic(self) -> float:
        return self._now

    def wait(self, wake: threading.Event, seconds: float) -> None:
        with self._changed:
            target = self._now + seconds
            while not wake.is_set():
                if target <= self._horizon:
                    self._now = target
                    return
                self._now, self._idle = self._horizon, True
                self._changed.notify_all()
                self._changed.wait(0.02)

    def spread(self, seconds: float) -> float:
        return seconds * (1 + self._random.uniform(-JITTER, JITTER))

    def jump(self, seconds: float) -> None:
        """Time passes while no poller runs."""
        self._horizon += seconds
        self._now = self._horizon

    def advance(self, seconds: float) -> None:
        """Let time pass, and wait until the poller has done all that was due and waits again."""
        with self._changed:
            self._horizon += seconds
            self._idle = False
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: self._idle, PATIENCE), "the poller is stuck"


class Desk:
    """Poller, archive and metrics of one exporter, in steps. `turn` is what the main loop does."""

    def __init__(self, path: Path, broker: Broker, timing: Timing, **settings: Any) -> None:
        self.settings = Settings(alpaca_key=KEY, alpaca_secret=SECRET, alpaca_url=broker.url, **settings)
        self.timing, self.broker = timing, broker
        BROKERS[broker.url] = broker
        self.store = Store(path)
        self.counters = Counters()
        self.counters.load(self.store.connection)
        self.source = Source(self.settings, self.store.connection, lambda: None, timing)

    def turn(self) -> None:
        """Commit everything that the poller has brought."""
        if self.source.pending():
            with self.store.transaction() as connection:
                self.source.write(connection, self.counters)
                self.counters.flush(connection)
            self.counters.commit()
            self.source.commit()

    def fail(self) -> None:
        """What the main loop does when the disk is full at the end of the transaction."""
        try:
            with self.store.transaction() as connection:
                self.source.write(connection, self.counters)
                self.counters.flush(connection)
                raise sqlite3.OperationalError("disk full")
        except sqlite3.OperationalError:
            self.counters.rollback()

    def advance(self, seconds: float, step: float = 60.0) -> None:
        """Let time pass in steps, committing after each."""
        while seconds > 0:
            self.timing.advance(min(step, seconds))
            self.turn()
            seconds -= step

    @property
    def view(self) -> Any:
        return self.source.repository.view

    def snapshot(self) -> Snapshot:
        return Snapshot(BotState(), self.counters.values, 0.0, Day(0.0), ExporterStatus(0.0), broker=self.view)

    def metrics(self) -> dict[str, float]:
        """All samples as Prometheus would see them: `name{label="value"}` -> value."""
        samples = {}
        for family in Collector(METRICS, self.snapshot).collect():
            for s in family.samples:
                labels = ",".join(f'{k}="{v}"' for k, v in s.labels.items())
                samples[s.name + (f"{{{labels}}}" if labels else "")] = s.value
        return samples

    def asked(self, path: str, **query: Any) -> Any:
        """The stand-in's own JSON, over HTTP, past everything of ours."""
        headers = {"APCA-API-KEY-ID": KEY, "APCA-API-SECRET-KEY": SECRET}
        return requests.get(f"{self.broker.url}/v2/{path}", params=query, headers=headers, timeout=5).json()

    def sql(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.store.connection.execute(query, values).fetchall()

    def one(self, query: str, *values: Any) -> Any:
        return self.sql(query, *values)[0][0]

    def close(self) -> None:
        self.source.close()
        self.store.connection.close()
        self.store.close()


@pytest.fixture(autouse=True)
def answers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without sockets, except where a module says that it is about them."""
    if not getattr(request.module, "OVER_HTTP", False):
        monkeypatch.setattr(polling, "Client", DirectClient)


@pytest.fixture
def ledger() -> Ledger:
    """Longs, a short, an option, an open order, on a Tuesday morning."""
    books = Ledger(20_000, seed=7, opened=TUESDAY - 86_400)
    books.assets[OPTION] = Asset(OPTION, "", "us_option", 100)
    books.trade("AMD", 11.5036, 214.23, TUESDAY - 3600)
    books.trade("BRK.B", 3, 512.07, TUESDAY - 3500)
    books.trade("AAPL", -1, 197.91, TUESDAY - 3400)
    books.trade(OPTION, 2, 3.9, TUESDAY - 3300)
    books.place("MSFT", 3.1172, 477.94, TUESDAY)
    books.marks["AMD"] = cents(203.78)
    return books


@pytest.fixture
def timing() -> Timing:
    return Timing(TUESDAY + 60)


@pytest.fixture
def broker(ledger: Ledger, timing: Timing) -> Iterator[Broker]:
    with Broker(ledger, clock=timing.time) as running:
        yield running


@pytest.fixture
def open_desk(tmp_path: Path, broker: Broker, timing: Timing) -> Iterator[Callable[..., Desk]]:
    desks: list[Desk] = []

    def opened(**settings: Any) -> Desk:
        desks.append(Desk(tmp_path / "archive.db", broker, timing, **settings))
        return desks[-1]

    yield opened
    for desk in desks:
        desk.close()


@pytest.fixture
def desk(open_desk: Callable[..., Desk]) -> Desk:
    """A desk whose first round of polls, history included, is archived."""
    one = open_desk()
    one.advance(60)
    return one


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty archive with its schema."""
    opened = Store(tmp_path / "empty.db")
    yield opened
    opened.connection.close()
    opened.close()


@pytest.fixture
def archive(store: Store) -> sqlite3.Connection:
    """The connection of an empty archive."""
    return store.connection


def wait_until(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait for a condition with a deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
