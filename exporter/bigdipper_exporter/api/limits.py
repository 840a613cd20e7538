"""How many requests one client may send: a bucket of tokens for each address."""

import time
from collections import OrderedDict
from collections.abc import Callable

MOST_CLIENTS = 1000
_BURST_SECONDS = 10.0


class ClientLimit:
    """Token buckets by client, the least recently seen client is forgotten first. Used on the event loop's thread alone."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = per_minute / 60
        self._burst = max(1.0, self._rate * _BURST_SECONDS)
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, client: str) -> float:
        """Take a token. Returns 0, or the seconds until there is one."""
        now = self._clock()
        tokens, at = self._buckets.pop(client, (self._burst, now))
        tokens = min(self._burst, tokens + (now - at) * self._rate)
        taken = tokens >= 1
        self._buckets[client] = (tokens - 1 if taken else tokens, now)
        if len(self._buckets) > MOST_CLIENTS:
            self._buckets.popitem(last=False)
        return 0.0 if taken else (1 - tokens) / self._rate
