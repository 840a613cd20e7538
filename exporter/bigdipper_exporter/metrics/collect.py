"""Turns a snapshot into metric families, for prometheus_client to write.

Apart from the table, because only who serves scrapes needs it, and the library takes 10 MiB.
"""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import PLATFORM_COLLECTOR, PROCESS_COLLECTOR
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family

from bigdipper_exporter.metrics.registry import NOW
from bigdipper_exporter.metrics.snapshot import Snapshot
from bigdipper_exporter.metrics.table import Counter, Gauge, Histogram, Known, Labels, Metric, Part


class Collector:
    """Turns the newest published snapshot into metric families: a scrape waits for nothing, and all of it is of one moment."""

    def __init__(self, metrics: Iterable[Metric], latest: Callable[[], Snapshot]) -> None:
        known = tuple(metrics)
        self._parts: dict[Part, tuple[Metric, ...]] = {
            "all": known,
            "now": tuple(metric for metric in known if metric.name in NOW),
            "rest": tuple(metric for metric in known if metric.name not in NOW),
        }
        self._latest = latest

    def collect(self, part: Part = "all") -> Iterator[Family]:
        """Yield every family of `part`, also those without a series at the moment. `rest` has the Python client's own."""
        snapshot = self._latest()
        for metric in self._parts[part]:
            yield _family(metric, snapshot)
        if part != "now":
            yield from PROCESS_COLLECTOR.collect()
            yield from PLATFORM_COLLECTOR.collect()


def _family(metric: Metric, snapshot: Snapshot) -> Family:
    match metric:
        case Gauge():
            return _gauge(metric, snapshot)
        case Counter():
            return _counter(metric, snapshot)
        case Histogram():
            return _histogram(metric, snapshot)
    raise TypeError(f"{metric.name}: {type(metric).__name__} is no kind of metric")


def _gauge(metric: Gauge, snapshot: Snapshot) -> Family:
    family = GaugeMetricFamily(metric.family, metric.help, labels=metric.labels, unit=metric.unit)
    value = metric.read(snapshot)
    if isinstance(value, int | float):
        family.add_metric((), float(value))
    else:
        for labels, number in value or ():
            family.add_metric(labels, number)
    return family


def _series(snapshot: Snapshot, series: str, labels: Labels, known: Known | None) -> dict[Labels, float]:
    """Committed values, and 0 for the label values that are known in advance."""
    expected = known(snapshot) if known else () if labels else ((),)
    return dict.fromkeys(expected, 0.0) | dict(snapshot.counters.get(series, {}))


def _counter(metric: Counter[*tuple[str, ...]], snapshot: Snapshot) -> Family:
    family = CounterMetricFamily(metric.family, metric.help, labels=metric.labels, unit=metric.unit)
    for labels, value in _series(snapshot, metric.name, metric.labels, metric.known).items():
        family.add_metric(labels, value, created=snapshot.created)
    return family


def _histogram(metric: Histogram[*tuple[str, ...]], snapshot: Snapshot) -> Family:
    family = HistogramMetricFamily(metric.family, metric.help, labels=metric.labels, unit=metric.unit)
    counts = snapshot.counters.get(metric.bucket_series, {})
    for labels, total in _series(snapshot, metric.sum_series, metric.labels, metric.known).items():
        cumulated, buckets = 0.0, []
        for bound in [*map(str, metric.buckets), "+Inf"]:
            cumulated += counts.get((*labels, bound), 0.0)
            buckets.append((bound, cumulated))
        family.add_metric(labels, buckets, total)
    return family
