"""The broker as a source of the pipeline: the poller's thread on one side of a queue, the transaction on the other."""

import sqlite3
import time
from collections import deque
from collections.abc import Callable

from bigdipper_exporter import logs
from bigdipper_exporter.archive.broker.checkpoint import resume
from bigdipper_exporter.archive.broker.repository import BrokerRepository
from bigdipper_exporter.archive.broker.view import BrokerView
from bigdipper_exporter.botconfig.reader import BotConfig
from bigdipper_exporter.broker.client import Access
from bigdipper_exporter.broker.poller import Plan, Poller, Timing
from bigdipper_exporter.broker.results import PollResult
from bigdipper_exporter.config.settings import Settings
from bigdipper_exporter.counters import Counters
from bigdipper_exporter.pipeline import Sources

INDIGESTIBLE = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError, sqlite3.ProgrammingError)
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
            settings.alpaca_key, settings.alpaca_secret, settings.alpaca_paper, settings.alpaca_url, settings.alpaca_timeout
        )
        plan = Plan(
            settings.alpaca_account_interval,
            settings.alpaca_positions_interval,
            settings.alpaca_orders_interval,
            settings.alpaca_clock_interval,
            settings.alpaca_activities_interval,
            settings.alpaca_requests_per_minute,
        )
        self._wake = wake
        self._queue: deque[PollResult] = deque()
        self._writing = 0
        now = timing.time() if timing else time.time()
        self.book = BrokerRepository(connection, settings.alpaca_paper, now, settings.limits_brake, settings.limits_hard)
        self.poller = Poller(access, plan, self._emit, resume(connection), self._busy, timing=timing)
        self.poller.start()

    def _emit(self, result: PollResult) -> None:
        self._queue.append(result)
        self._wake()

    def _busy(self) -> bool:
        return len(self._queue) >= MOST_WAITING

    def pending(self) -> bool:
        """Whether a result waits."""
        return bool(self._queue)

    def write(self, connection: sqlite3.Connection, counters: Counters) -> None:
        """Write all results that wait; they stay until `commit`."""
        self.book.rollback()
        waiting = list(self._queue)
        for result in waiting:
            self._digest(connection, result, counters)
        self._writing = len(waiting)

    def _digest(self, connection: sqlite3.Connection, result: PollResult, counters: Counters) -> None:
        """Write one result. One that fails is dropped and logged; the others and the log go on."""
        mark = counters.savepoint()
        connection.execute("SAVEPOINT result")
        try:
            self.book.write(connection, result, counters)
        except Exception as error:
            if isinstance(error, OSError | sqlite3.Error) and not isinstance(error, INDIGESTIBLE):
                raise  # the archive is at fault: all of it is tried again
            log.exception("an answer could not be digested and is dropped; please report this", endpoint=result.endpoint)
            connection.execute("ROLLBACK TO result")
            counters.rollback_to(mark)
        connection.execute("RELEASE result")

    def commit(self) -> None:
        """What was written is durable."""
        for _ in range(self._writing):
            self._queue.popleft()
        self._writing = 0
        self.book.commit()

    def close(self) -> None:
        """Stop polling, within a second."""
        self.poller.stop()

    @property
    def view(self) -> BrokerView:
        """What the snapshot shows of the broker."""
        return self.book.view

    def traded(self) -> None:
        """The log named a new order: poll it at once."""
        self.poller.poll_now()


def start(settings: Settings, connection: sqlite3.Connection, wake: Callable[[], None]) -> Broker | None:
    """Begin to ask the broker; None without credentials."""
    if not settings.alpaca_key or not settings.alpaca_secret:
        return None
    return Broker(settings, connection, wake)


def sources(settings: Settings, connection: sqlite3.Connection, wake: Callable[[], None]) -> Sources:
    """Everything beside the log that the settings name: the bot's configuration, the broker."""
    config = BotConfig(settings.bot_config, connection) if settings.bot_config is not None else None
    return Sources(config=config, broker=start(settings, connection, wake))
