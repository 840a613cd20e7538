"""Counters and histograms that survive a restart: increments are staged, and committed with the events that they count.

A counter that steps back by one is read by Prometheus as a reset, so what is exposed is only ever what the archive holds.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any, TypeVarTuple, cast

from bigdipper_exporter.archive import saved
from bigdipper_exporter.metrics.table import Counter, Histogram, Labels
from bigdipper_exporter.symbols import MAX_SYMBOLS

# Series name -> label values -> value.
Values = Mapping[str, Mapping[Labels, float]]
Names = TypeVarTuple("Names")


def total(values: Values, counter: Counter[*tuple[Any, ...]]) -> float:
    """Return the sum over all series of a counter."""
    return sum(values.get(counter.name, {}).values())


class SymbolLabels:
    """Label values of symbols: the first 200 have one of their own, later ones share `other`, so that series stay few."""

    def __init__(self, known: Iterable[str], counters: "Counters", overflow: Counter[()]) -> None:
        """`known` have a label already; `overflow` counts the times that a symbol became `other`."""
        self.known = dict.fromkeys(known, True)
        self._counters, self._overflow = counters, overflow

    def of(self, symbol: str) -> str:
        """Return the label value of `symbol`, and remember it."""
        if symbol in self.known:
            return symbol
        if len(self.known) >= MAX_SYMBOLS:
            self._counters.inc(self._overflow)
            return "other"
        self.known[symbol] = True
        return symbol


class Counters:
    """Every counter of the exporter. `values` is the committed truth: series name -> label values -> value.

    A histogram `h` is held as the series `h_bucket` (one more label: the upper bound, not cumulative) and `h_sum`.
    """

    def __init__(self) -> None:
        self._staged: dict[tuple[str, Labels], float] = {}
        self._values: dict[str, dict[Labels, float]] = {}

    @property
    def values(self) -> Values:
        """Committed values; the inner mappings are never changed once handed out."""
        return dict(self._values)

    def inc(self, counter: Counter[*Names], *labels: *Names, amount: float = 1.0) -> None:
        """Stage an increment of `amount` (>= 0)."""
        if amount:
            key, staged = (counter.name, labels), self._staged
            staged[key] = staged.get(key, 0.0) + amount  # type: ignore[index, arg-type]  # a call of cast() takes as long

    def observe(self, histogram: Histogram[*Names], value: float, *labels: *Names) -> None:
        """Stage one observation, in the unit of the histogram's name."""
        bound = next((str(b) for b in histogram.buckets if value <= b), "+Inf")
        self._add(histogram.bucket_series, (*labels, bound), 1.0)
        self._add(histogram.sum_series, labels, value)

    def _add(self, series: str, labels: tuple[object, ...], amount: float) -> None:
        if amount:
            key = (series, cast(Labels, labels))
            self._staged[key] = self._staged.get(key, 0.0) + amount

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
        for name, labels, value in saved.load_counters(connection):
            self._values.setdefault(name, {})[labels] = value

    def flush(self, connection: sqlite3.Connection) -> None:
        """Write the staged increments inside the caller's transaction."""
        saved.save_counters(
            connection,
            (
                (name, labels, self._values.get(name, {}).get(labels, 0.0) + amount)
                for (name, labels), amount in self._staged.items()
            ),
        )

    def commit(self) -> None:
        """Publish what was counted: its transaction is committed."""
        changed: dict[str, dict[Labels, float]] = {}
        for (name, labels), amount in self._staged.items():
            series = changed.get(name)
            if series is None:
                series = changed[name] = dict(self._values.get(name, {}))
            series[labels] = series.get(labels, 0.0) + amount
        self._values.update(changed)
        self._staged.clear()

    def rollback(self) -> None:
        """Forget what was counted since the last commit."""
        self._staged.clear()
