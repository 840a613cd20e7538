"""Fills that polling found beside those that the stream named: a connection can be up and mute, for days like a quiet one."""

from collections import deque

GRACE_SECONDS = 30.0  # the message may come after the record
MARGIN_SECONDS = 5.0  # a fill at the moment of connecting is never sent; and clocks differ
MOST_MISSED = 2  # in a row; then the connection is made again
REMEMBERED = 500  # orders


class Announced:
    """Which orders the stream named. `found` may be called by any thread, the rest by the stream's. Times are unix seconds."""

    def __init__(self) -> None:
        self.missed = 0  # fills in a row of which the stream said nothing
        self._found: deque[tuple[str, float]] = deque(maxlen=REMEMBERED)
        self._known: dict[str, None] = {}
        self._waiting: dict[str, float] = {}
        self._since = float("inf")

    def connected(self, now: float) -> None:
        """Begin again: what happened before a connection is never sent."""
        self.missed, self._since = 0, now
        self._waiting.clear()

    def named(self, order_id: str) -> None:
        """Note that the stream named an order: it is not mute."""
        self.missed = 0
        self._waiting.pop(order_id, None)
        self._remember(order_id)

    def found(self, order_id: str, at: float) -> None:
        """Note that polling found a fill of this order, executed at `at`."""
        self._found.append((order_id, at))

    def is_mute(self, now: float) -> bool:
        """Return whether the stream said nothing of the last fills, each of them GRACE_SECONDS after polling found it."""
        while self._found:
            order_id, at = self._found.popleft()
            if at > self._since + MARGIN_SECONDS and order_id not in self._known:
                self._waiting.setdefault(order_id, now)
        for order_id in [order_id for order_id, since in self._waiting.items() if now - since >= GRACE_SECONDS]:
            del self._waiting[order_id]
            self._remember(order_id)
            self.missed += 1
        return self.missed >= MOST_MISSED

    def _remember(self, order_id: str) -> None:
        self._known[order_id] = None
        if len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]
