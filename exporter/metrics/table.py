"""The form of a metric: one entry says its name, its meaning and where its value comes from."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from prometheus_client import PLATFORM_COLLECTOR, PROCESS_COLLECTOR
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family

from exporter.counters import Labels
from exporter.metrics.snapshot import Snapshot

Sample = tuple[Labels, float]
UNITS = ("usd", "ratio", "seconds", "bytes")


@dataclass(frozen=True)
class Metric:
    """One metric family.

    name: as exposed (counters end in `_total`). read: for gauges, what the snapshot holds: a number, None for "unknown" (no
    series), or samples. Counters and histograms are read from the committed counters; `known` lists the label sets that exist
    from the start with 0, so that the first incident is visible to `increase()`.
    """

    name: str
    type: Literal["gauge", "counter", "histogram"]
    help: str
    labels: Labels = ()
    read: Callable[[Snapshot], float | Iterable[Sample] | None] | None = None
    known: Callable[[Snapshot], Iterable[Labels]] | None = None
    buckets: tuple[float, ...] = ()

    @property
    def family(self) -> str:
        """Name of the family: a counter's without `_total`."""
        return self.name.removesuffix("_total") if self.type == "counter" else self.name

    @property
    def unit(self) -> str:
        """The unit that the name ends in, or an empty string."""
        return next((unit for unit in UNITS if self.family.endswith("_" + unit)), "")

    def collect(self, snapshot: Snapshot) -> Family:
        """The family as Prometheus sees it at the moment of `snapshot`."""
        if self.type == "gauge":
            return self._gauge(snapshot)
        return self._counter(snapshot) if self.type == "counter" else self._histogram(snapshot)

    def _gauge(self, snapshot: Snapshot) -> Family:
        family = GaugeMetricFamily(self.family, self.help, labels=self.labels, unit=self.unit)
        assert self.read is not None
        value = self.read(snapshot)
        if isinstance(value, int | float):
            family.add_metric((), float(value))
        else:
            for labels, number in value or ():
                family.add_metric(labels, number)
        return family

    def _series(self, snapshot: Snapshot, name: str) -> dict[Labels, float]:
        known = self.known(snapshot) if self.known else () if self.labels else ((),)
        return dict.fromkeys(known, 0.0) | dict(snapshot.counters.get(name, {}))

    def _counter(self, snapshot: Snapshot) -> Family:
        family = CounterMetricFamily(self.family, self.help, labels=self.labels, unit=self.unit)
        for labels, value in self._series(snapshot, self.name).items():
            family.add_metric(labels, value, created=snapshot.created)
        return family

    def _histogram(self, snapshot: Snapshot) -> Family:
        family = HistogramMetricFamily(self.family, self.help, labels=self.labels, unit=self.unit)
        counts = snapshot.counters.get(f"{self.name}_bucket", {})
        for labels, total in self._series(snapshot, f"{self.name}_sum").items():
            cumulated, buckets = 0.0, []
            for bound in [*map(str, self.buckets), "+Inf"]:
                cumulated += counts.get((*labels, bound), 0.0)
                buckets.append((bound, cumulated))
            family.add_metric(labels, buckets, total)
        return family


class Collector:
    """Turns the newest published snapshot into metric families: a scrape waits for nothing, and all of it is of one moment."""

    def __init__(self, metrics: Iterable[Metric], latest: Callable[[], Snapshot]) -> None:
        self._metrics = tuple(metrics)
        self._latest = latest

    def collect(self) -> Iterator[Family]:
        """Every family of the table, also those without a series at the moment; then what the Python client says of itself."""
        snapshot = self._latest()
        for metric in self._metrics:
            yield metric.collect(snapshot)
        yield from PROCESS_COLLECTOR.collect()
        yield from PLATFORM_COLLECTOR.collect()
