"""The metric table, by subject. A new metric is one entry in one of these lists; docs/metrics.md is generated from them."""

from exporter.metrics import bot, broker, day, own
from exporter.metrics.table import Metric

METRICS: tuple[Metric, ...] = (*bot.METRICS, *day.METRICS, *broker.METRICS, *own.METRICS)
BUCKETS: dict[str, tuple[float, ...]] = {metric.name: metric.buckets for metric in METRICS if metric.buckets}

__all__ = ["BUCKETS", "METRICS", "Metric"]
