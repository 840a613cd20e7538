"""The metric table, by subject. A new metric is one entry in one of these lists; docs/metrics.md is generated from them."""

from bigdipper_exporter.metrics import bot, broker, day, exporter
from bigdipper_exporter.metrics.table import Metric

METRICS: tuple[Metric, ...] = (*bot.METRICS, *day.METRICS, *broker.METRICS, *exporter.METRICS)
BUCKETS: dict[str, tuple[float, ...]] = {metric.name: metric.buckets for metric in METRICS if metric.buckets}

__all__ = ["BUCKETS", "METRICS", "Metric"]
