"""An exporter without threads and sockets: log, broker and prices of a simulated world into one archive, step by step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bigdipper_exporter.archive.broker.repository import BrokerRepository
from bigdipper_exporter.archive.prices.figures import derive
from bigdipper_exporter.archive.prices.repository import PriceRepository
from bigdipper_exporter.archive.prices.view import PriceView
from bigdipper_exporter.archive.prices.wanted import Scope, wanted, with_watched
from bigdipper_exporter.archive.store import Store
from bigdipper_exporter.broker import fetch
from bigdipper_exporter.broker.client import Access, Client
from bigdipper_exporter.broker.fetch import Resume
from bigdipper_exporter.broker.results import Data, Endpoint, PollResult
from bigdipper_exporter.calendar import NEW_YORK
from bigdipper_exporter.config.settings import Settings
from bigdipper_exporter.counters import Counters
from bigdipper_exporter.demo.simulator import marketdata, queries
from bigdipper_exporter.demo.simulator.world import World
from bigdipper_exporter.durations import YEAR
from bigdipper_exporter.pipeline import Pipeline, Sources
from bigdipper_exporter.prices.models import PriceResult, Wanted
from bigdipper_exporter.prices.poller import PricePoller, Schedule
from tests.alpaca.conftest import Timing


class DataHost(Client):
    """The client of the price poller, answered from the tape."""

    def __init__(self, world: World) -> None:
        self._world = world

    def get(self, path: str, query: Mapping[str, str | int] | None = None, version: str = "v2") -> Any:
        asked = {name: str(value) for name, value in (query or {}).items()}
        return json.loads(json.dumps(marketdata.answer(self._world.tape, f"/{version}{path}", asked, self._world.now)))

    def drain(self) -> tuple[()]:
        return ()


class Watcher:
    """One exporter with an archive of its own, started at the world's present."""

    def __init__(self, folder: Path, world: World, log: Path, **settings: Any) -> None:
        folder.mkdir(exist_ok=True)
        self.world = world
        self.settings = Settings(log_path=log, archive_path=folder / "archive.db", log_timezone=NEW_YORK, **settings)
        self.store = Store(self.settings.archive_path)
        self.pipeline = Pipeline(self.settings, self.store, Sources())
        self.counters = Counters()
        self.book = BrokerRepository(self.store.connection, True, world.now)
        self.prices = PriceRepository(self.store.connection, "SPY", self.settings.market_data_minute_retention)
        self._orders = fetch.OrdersFollower(Resume(), world.now)
        self._backfill = fetch.OrdersBackfill(Resume(), world.now - YEAR)
        self._activities = fetch.ActivitiesReader(Resume())
        self._pages = PricePoller(
            Access("", ""), Schedule(), self._wanted, self._write_prices, lambda: False, self._derive, Timing(world.now)
        )

    def close(self) -> None:
        self.pipeline.tail.close()
        self.store.connection.close()
        self.store.close()

    def sql(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.store.connection.execute(query, values).fetchall()

    # -- log and broker

    def look(self) -> None:
        """Read the log to its end and poll every endpoint of the broker once."""
        self.world.log.flush()
        while self.pipeline.step():
            pass
        self._write("positions", fetch.positions(self._get))
        self._write("account", fetch.account(self._get))
        self._write("orders", self._orders.poll(self._get, full=True))
        self._write("activities", self._activities.poll(self._get, self.world.now))
        while not self._activities.caught_up:
            self._write("activities", self._activities.poll(self._get, self.world.now))
        while not self._backfill.done:
            self._write("orders", self._backfill.page(self._get), side=True)

    def read_history(self) -> None:
        """Read the broker's closes, as on every trading day."""
        self._write("account", fetch.history(self._get, 365), side=True)

    def _get(self, path: str, query: Mapping[str, str | int] | None = None) -> Any:
        asked = {name: str(value) for name, value in (query or {}).items()}
        return json.loads(json.dumps(queries.answer(self.world.ledger, f"/v2{path}", asked, self.world.now)))

    def _write(self, endpoint: Endpoint, fetched: fetch.Fetched[Data], side: bool = False) -> None:
        with self.store.transaction() as connection:
            result = PollResult(endpoint, self.world.now, data=fetched.data, rejected=fetched.rejected, side=side)
            self.book.write(connection, result, self.counters)
        self.book.commit()

    # -- prices

    def read_prices(self) -> PriceView:
        """Read what is lacking of prices, and derive what follows from them."""
        self._pages._timing = Timing(self.world.now)
        self._pages._round(DataHost(self.world))
        self.prices.commit()
        assert self.prices.view.up, self.prices.view.why
        return self.prices.view

    def _scope(self) -> Scope:
        scope = Scope("SPY", YEAR, self.settings.market_data_minute_retention)
        return with_watched(self.store.connection, scope)

    def _wanted(self, now: float) -> Wanted:
        return wanted(self.store.connection, self._scope(), now)

    def _write_prices(self, result: PriceResult) -> None:
        with self.store.transaction() as connection:
            self.prices.write(connection, result, self.counters)

    def _derive(self, now: float) -> bool:
        found = derive(self.store.connection, self._scope(), now)
        with self.store.transaction() as connection:
            self.prices.write(connection, found, self.counters)
        return True
