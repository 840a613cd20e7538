"""Market prices as a source of the pipeline: the poller's thread on one side of a queue, the transaction on the other."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from bigdipper_exporter import calendar, logs
from bigdipper_exporter.archive.prices.figures import Figures, derive
from bigdipper_exporter.archive.prices.repository import PriceRepository
from bigdipper_exporter.archive.prices.view import PriceView
from bigdipper_exporter.archive.prices.wanted import Scope, wanted, with_watched
from bigdipper_exporter.archive.store import Store, connect_readonly
from bigdipper_exporter.broker.client import Access
from bigdipper_exporter.broker.polling import Timing
from bigdipper_exporter.config.settings import Settings
from bigdipper_exporter.counters import Counters
from bigdipper_exporter.pipeline import Sources
from bigdipper_exporter.prices.models import PriceResult, Wanted
from bigdipper_exporter.prices.poller import DATA_HOST, PricePoller, Schedule
from bigdipper_exporter.result_queue import ResultQueue

MOST_WAITING = 4  # pages; while the archive cannot be written, no more are read

log = logs.get("market-data")


class Prices:
    """Pages of the price poller on their way into the archive. `wake` rouses the main loop; the rest is `pipeline.Source`.

    `beside`: the other sources, of which come the watched symbols and whether the exchange is open.
    """

    def __init__(
        self, settings: Settings, store: Store, wake: Callable[[], None], beside: Sources, timing: Timing | None = None
    ) -> None:
        assert settings.alpaca_key
        assert settings.alpaca_secret
        self._settings, self._path, self._beside = settings, store.path, beside
        self._queue: ResultQueue[PriceResult | Figures] = ResultQueue(log, wake, MOST_WAITING)
        self.repository = PriceRepository(store.connection, settings.benchmark_symbol, settings.market_data_minute_retention)
        access = Access(
            key=settings.alpaca_key,
            secret=settings.alpaca_secret,
            paper=settings.alpaca_paper,
            url=settings.market_data_url or settings.alpaca_url or DATA_HOST,
            timeout=settings.alpaca_timeout,
        )
        schedule = Schedule(settings.market_data_interval, settings.market_data_requests_per_minute)
        self.poller = PricePoller(access, schedule, self._wanted, self._queue.put, self._queue.is_full, self._derive, timing)
        self.poller.start()

    def _wanted(self, now: float) -> Wanted:
        """Called on the poller's thread, so with a connection of its own."""
        with closing(connect_readonly(Path(self._path))) as connection:
            return wanted(connection, with_watched(connection, self._scope(now)), now)

    def _derive(self, now: float) -> bool:
        """Make the figures once everything that was read is durable; called on the poller's thread."""
        if len(self._queue):
            return False
        with closing(connect_readonly(Path(self._path))) as connection:
            self._queue.put(derive(connection, with_watched(connection, self._scope(now)), now))
        return True

    def _scope(self, now: float) -> Scope:
        settings, config, broker = self._settings, self._beside.config, self._beside.broker
        clock = None if broker is None else broker.view.clock
        return Scope(
            benchmark=settings.benchmark_symbol,
            history=settings.market_data_history,
            minute_retention=settings.market_data_minute_retention,
            watched=() if config is None else tuple(config.view.thresholds),
            is_open=calendar.session(now) == "regular" if clock is None else clock.is_open,
        )

    def pending(self) -> bool:
        """Return whether a page waits."""
        return len(self._queue) > 0

    def write(self, connection: sqlite3.Connection, counters: Counters) -> None:
        """Write the pages that wait; they stay until `commit`."""
        self.repository.rollback()
        self._queue.write(connection, counters, self.repository.write)

    def commit(self) -> None:
        """Forget what is durable."""
        self._queue.commit()
        self.repository.commit()

    def order_logged(self) -> None:
        """An order changes no price."""

    def close(self) -> None:
        """Stop reading, within a second."""
        self.poller.stop()

    @property
    def view(self) -> PriceView:
        """What the snapshot shows of market prices."""
        return self.repository.view


def start(settings: Settings, store: Store, wake: Callable[[], None], beside: Sources) -> Prices | None:
    """Begin to read prices; None without credentials, or when market data is switched off."""
    if not settings.market_data_enabled or not settings.alpaca_key or not settings.alpaca_secret:
        return None
    return Prices(settings, store, wake, beside)
