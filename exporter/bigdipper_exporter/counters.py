"""Counters and histograms that survive a restart: staged by whoever counts, committed with the events that were counted.

A counter that steps back by one is read by Prometheus as a reset, so what is exposed is only ever what the archive holds.
"""

import json
import sqlite3
from collections.abc import Mapping

Labels = tuple[str, ...]
Values = Mapping[str, Mapping[Labels, float]]


class Counters:
    """Every counter of the exporter. `values` is the committed truth: series name -> label values -> value.

    A histogram `h` is held as the series `h_bucket` (one more label: the upper bound, not cumulative) and `h_sum`.
    """

    def __init__(self, buckets: Mapping[str, tuple[float, ...]]) -> None:
        self._buckets = buckets
        self._staged: dict[tuple[str, Labels], float] = {}
        self._values: dict[str, dict[Labels, float]] = {}

    @property
    def values(self) -> Values:
        """Committed values; the inner mappings are never changed once handed out."""
        return dict(self._values)

    def inc(self, name: str, labels: Labels = (), amount: float = 1.0) -> None:
        """PendingRows an increment (>= 0) of counter `name`, its full exposed name with `_total`."""
        if not amount:
            return
        key = (name, labels)
        self._staged[key] = self._staged.get(key, 0.0) + amount

    def observe(self, name: str, labels: Labels, value: float) -> None:
        """PendingRows one observation of histogram `name`, in its own unit."""
        bound = next((str(b) for b in self._buckets[name] if value <= b), "+Inf")
        self.inc(f"{name}_bucket", (*labels, bound))
        self.inc(f"{name}_sum", labels, value)

    def savepoint(self) -> dict[tuple[str, Labels], float]:
        """What is staged now, for `rollback_to`."""
        return dict(self._staged)

    def rollback_to(self, mark: dict[tuple[str, Labels], float]) -> None:
        """Forget what was staged since `mark`."""
        self._staged = mark

    def load(self, connection: sqlite3.Connection) -> None:
        """Start from what the archive holds."""
        self._staged.clear()
        self._values = {}
        for name, labels, value in connection.execute("SELECT name, labels, value FROM counters"):
            self._values.setdefault(name, {})[tuple(json.loads(labels))] = value

    def flush(self, connection: sqlite3.Connection) -> None:
        """Write the staged increments inside the caller's transaction."""
        connection.executemany(
            "INSERT INTO counters (name, labels, value) VALUES (?, ?, ?)"
            " ON CONFLICT (name, labels) DO UPDATE SET value = excluded.value",
            [
                (name, json.dumps(labels), self._values.get(name, {}).get(labels, 0.0) + amount)
                for (name, labels), amount in self._staged.items()
            ],
        )

    def commit(self) -> None:
        """The transaction is durable: what was staged is now the truth."""
        changed: dict[str, dict[Labels, float]] = {}
        for (name, labels), amount in self._staged.items():
            series = changed.get(name)
            if series is None:
                series = changed[name] = dict(self._values.get(name, {}))
            series[labels] = series.get(labels, 0.0) + amount
        self._values.update(changed)
        self._staged.clear()

    def rollback(self) -> None:
        """The transaction failed: nothing was counted."""
        self._staged.clear()
