"""The exporter's share of the broker's rate limit: 200 requests a minute that the bot needs more than we do."""

from collections import deque
from collections.abc import Callable

WINDOW = 60.0
RESERVE = 0.2  # of the account's limit: below it the rest belongs to the bot (40 of 200)
LONGEST_PAUSE = 90.0
PAUSE_UNTOLD = 30.0  # when the broker refuses and does not say until when


class Budget:
    """At most `per_minute` requests in any 60 seconds, fewer when the broker says that little is left.

    `clock` is monotonic seconds. Not thread-safe: it belongs to the poller's thread.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._sent: deque[float] = deque()
        self._paused_until = 0.0

    def delay(self) -> float:
        """Seconds until the next request may be sent; 0 when it may be sent now."""
        now = self._clock()
        while self._sent and self._sent[0] <= now - WINDOW:
            self._sent.popleft()
        full = self._sent[0] + WINDOW - now if len(self._sent) >= self._per_minute else 0.0
        return max(full, self._paused_until - now, 0.0)

    def take(self) -> None:
        """Note a request that is being sent."""
        self._sent.append(self._clock())

    def update_from_headers(self, limit: int | None, remaining: int | None, reset_in: float | None) -> None:
        """Take in the rate headers of an answer. `reset_in`: seconds until the broker's limit resets."""
        if remaining is not None and remaining < RESERVE * (limit or 200):
            self.pause(reset_in)

    def pause(self, seconds: float | None) -> None:
        """Send nothing for `seconds`, within reason: a header must not silence the exporter for an hour."""
        wait = PAUSE_UNTOLD if seconds is None else min(max(seconds, 1.0), LONGEST_PAUSE)
        self._paused_until = max(self._paused_until, self._clock() + wait)
