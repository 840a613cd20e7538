"""Turns a snapshot into metric families, for prometheus_client to write.

Apart from the table, because only who serves scrapes needs it, and the library takes 10 MiB.
"""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import PLATFORM_COLLECTOR, PROCESS_COLLECTOR
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family

from bigdipper_exporter.counters import Labels
from bigdipper_exporter.metrics.snapshot import Snapshot
from bigdipper_exporter.metrics.table import Metric


class Collector:
    """Turns the newest published snapshot into metric families: a scrape waits for nothing, and all of it is of one moment."""

    def __init__(self, metrics: Iterable[Metric], latest: Callable[[], Snapshot]) -> None:
        self._metrics = tuple(metrics)
        self._latest = latest

    def collect(self) -> Iterator[Family]:
        """Every family of the table, also those without a series at the moment; then what the Python client says of itself."""
        snapshot = self._latest()
        for metric in self._metrics:
            yield FAMILIES[metric.type](metric, snapshot)
        yield from PROCESS_COLLECTOR.collect()
        yield from PLATFORM_COLLECTOR.collect()


def _gauge(metric: Metric, snapshot: Snapshot) -> Family:
    family = GaugeMetricFamily(metric.family, metric.help, labels=metric.labels, unit=metric.unit)
    assert metric.read is not None
    value = metric.read(snapshot)
    if isinstance(value, int | float):
        family.add_metric((), float(value))
    else:
        for labels, number in value or ():
            family.add_metric(labels, number)
    return family


def _series(metric: Metric, snapshot: Snapshot, name: str) -> dict[Labels, float]:
    known = metric.known(snapshot) if metric.known else () if metric.labels else ((),)
    return dict.fromkeys(known, 0.0) | dict(snapshot.counters.get(name, {}))


def _counter(metric: Metric, snapshot: Snapshot) -> Family:
    family = CounterMetricFamily(metric.family, metric.help, labels=metric.labels, unit=metric.unit)
    for labels, value in _series(metric, snapshot, metric.name).items():
        family.add_metric(labels, value, created=snapshot.created)
    return family


def _histogram(metric: Metric, snapshot: Snapshot) -> Family:
    family = HistogramMetricFamily(metric.family, metric.help, labels=metric.labels, unit=metric.unit)
    counts = snapshot.counters.get(f"{metric.name}_bucket", {})
    for labels, total in _series(metric, snapshot, f"{metric.name}_sum").items():
        cumulated, buckets = 0.0, []
        for bound in [*map(str, metric.buckets), "+Inf"]:
            cumulated += counts.get((*labels, bound), 0.0)
            buckets.append((bound, cumulated))
        family.add_metric(labels, buckets, total)
    return family


FAMILIES: dict[str, Callable[[Metric, Snapshot], Family]] = {"gauge": _gauge, "counter": _counter, "histogram": _histogram}
