"""The broker as a source of the pipeline: the poller's thread on one side of a queue, the transaction on the other."""

import sqlite3
import time
from collections.abc import Callable
from dataclasses import replace

from bigdipper_exporter import logs
from bigdipper_exporter.archive.broker.checkpoint import resume
from bigdipper_exporter.archive.broker.repository import BrokerRepository
from bigdipper_exporter.archive.broker.view import BrokerView
from bigdipper_exporter.broker.client import Access
from bigdipper_exporter.broker.poller import Poller, PollSettings
from bigdipper_exporter.broker.polling import Timing
from bigdipper_exporter.broker.results import Activities, PollResult, without_bad_records
from bigdipper_exporter.broker.stream import Stream
from bigdipper_exporter.config.settings import Settings
from bigdipper_exporter.counters import Counters
from bigdipper_exporter.result_queue import ResultQueue

MOST_WAITING = 100  # results; while the archive cannot be written, the broker is not asked for more


log = logs.get("alpaca")


class Broker:
    """Results of the poller on their way into the archive. `wake` rouses the main loop; the rest is `pipeline.Source`."""

    def __init__(
        self, settings: Settings, connection: sqlite3.Connection, wake: Callable[[], None], timing: Timing | None = None
    ) -> None:
        assert settings.alpaca_key
        assert settings.alpaca_secret
        access = Access(
            key=settings.alpaca_key,
            secret=settings.alpaca_secret,
            paper=settings.alpaca_paper,
            url=settings.alpaca_url,
            timeout=settings.alpaca_timeout,
        )
        poll_settings = PollSettings(
            account=settings.alpaca_account_interval,
            positions=settings.alpaca_positions_interval,
            orders=settings.alpaca_orders_interval,
            clock=settings.alpaca_clock_interval,
            activities=settings.alpaca_activities_interval,
            per_minute=settings.alpaca_requests_per_minute,
            history=settings.alpaca_history,
        )
        self._queue: ResultQueue[PollResult] = ResultQueue(log, wake, MOST_WAITING)
        now = timing.time() if timing else time.time()
        self.repository = BrokerRepository(connection, settings.alpaca_paper, now, settings.alpaca_history)
        self.stream: Stream | None = None
        self.poller = Poller(access, poll_settings, self._polled, resume(connection), self._queue.is_full, timing=timing)
        self.poller.start()

    def _polled(self, result: PollResult) -> None:
        """Called on the poller's thread."""
        if self.stream is not None and isinstance(result.data, Activities):
            self.stream.compare_fills(result.data.items)
        self._queue.put(result)

    def pending(self) -> bool:
        """Return whether a result waits."""
        return len(self._queue) > 0

    def write(self, connection: sqlite3.Connection, counters: Counters) -> None:
        """Write all results that wait; they stay until `commit`."""
        self.repository.rollback()
        self._queue.write(connection, counters, self.repository.write, self._salvage)

    def _salvage(self, result: PollResult, can_be_written: Callable[[PollResult], bool]) -> PollResult | None:
        mark = self.repository.savepoint()
        rest = without_bad_records(result, can_be_written)
        self.repository.rollback_to(mark)
        return rest

    def commit(self) -> None:
        """Mark the results of the last `write()` as committed."""
        self._queue.commit()
        self.repository.commit()

    def listen(self, settings: Settings) -> None:
        """Let the stream of orders wake the poller."""
        from alpaca.common.enums import BaseURL

        standard = BaseURL.TRADING_PAPER if settings.alpaca_paper else BaseURL.TRADING_LIVE
        url = settings.alpaca_url or str(standard.value)
        self.stream = Stream(url, settings.alpaca_key or "", settings.alpaca_secret or "", self.poller.orders_changed)
        self.stream.start()

    def close(self) -> None:
        """Stop polling, within a second."""
        if self.stream is not None:
            self.stream.stop()
        self.poller.stop()

    @property
    def view(self) -> BrokerView:
        """What the snapshot shows of the broker."""
        return self.repository.view if self.stream is None else replace(self.repository.view, stream=self.stream.status)

    def order_logged(self) -> None:
        """The log named a new order: poll it at once."""
        self.poller.poll_now()


def start(settings: Settings, connection: sqlite3.Connection, wake: Callable[[], None]) -> Broker | None:
    """Begin to ask the broker; None without credentials."""
    if not settings.alpaca_key or not settings.alpaca_secret:
        return None
    broker = Broker(settings, connection, wake)
    if settings.alpaca_stream:
        broker.listen(settings)
    return broker
