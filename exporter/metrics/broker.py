"""What the broker says."""

from exporter.metrics.table import Metric

METRICS: tuple[Metric, ...] = ()
