"""What every thread that polls Alpaca has in common: its time, its share of the rate limit, waiting, and stopping at once."""

import random
import threading
import time
from abc import ABC, abstractmethod
from typing import Protocol

from bigdipper_exporter.broker.client import Access, Client
from bigdipper_exporter.broker.rate_budget import Budget

STOP_SECONDS = 0.5
JITTER = 0.03


class Timing(Protocol):
    """Time as a poller sees it; tests let it pass faster."""

    def time(self) -> float:
        """Return unix seconds."""

    def monotonic(self) -> float:
        """Return seconds of a clock that is never set."""

    def wait(self, wake: threading.Event, seconds: float) -> None:
        """Wait until `wake` is set, at most `seconds`."""

    def spread(self, seconds: float) -> float:
        """Return `seconds`, at most a share `JITTER` more or less, so that many exporters do not ask at once."""


class SystemTiming:
    """The machine's time."""

    def time(self) -> float:
        """Return unix seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds of a clock that is never set."""
        return time.monotonic()

    def wait(self, wake: threading.Event, seconds: float) -> None:
        """Wait until `wake` is set, at most `seconds`."""
        wake.wait(seconds)

    def spread(self, seconds: float) -> float:
        """Return `seconds`, at most a share `JITTER` more or less."""
        return seconds * (1 + random.uniform(-JITTER, JITTER))


class Stopped(Exception):
    """The exporter stops."""


class PollingThread(ABC):
    """A thread that polls until `stop`. `per_minute`: its share of the rate limit, in requests a minute."""

    def __init__(self, name: str, access: Access, per_minute: int, timing: Timing | None) -> None:
        self._access = access
        self._timing = timing or SystemTiming()
        self._budget = Budget(per_minute, self._timing.monotonic)
        self._stopping = False
        self._wake = threading.Event()
        self._client: Client | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin; the SDK is loaded on the thread itself."""
        self._thread.start()

    def stop(self) -> None:
        """End within a second, even while a request hangs: the thread is left behind and emits nothing any more."""
        self._stopping = True
        self._wake.set()
        if self._client is not None:
            self._client.close()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)

    @abstractmethod
    def _run(self) -> None:
        """Poll until Stopped is raised."""

    def _connect(self) -> Client:
        """Return the client, which `stop` closes. Raises ImportError when the SDK cannot be loaded."""
        self._client = Client(self._access, self._budget, self._pause)
        return self._client

    def _sleep(self, seconds: float) -> None:
        """Wait, or less when woken. Raises Stopped when the exporter stops."""
        if not self._stopping:
            self._timing.wait(self._wake, seconds)
        if self._stopping:
            raise Stopped
        self._wake.clear()

    def _pause(self, seconds: float) -> None:
        """Wait all of `seconds`, however often the thread is woken. Raises Stopped when the exporter stops."""
        end = self._timing.monotonic() + seconds
        while (left := end - self._timing.monotonic()) > 0:
            self._sleep(left)
