"""All metric families. docs/metrics.md is generated from them."""

from bigdipper_exporter.metrics import bot, broker, counters, day, exporter
from bigdipper_exporter.metrics.table import Metric

BOT = (*bot.METRICS, *counters.BOT)
DAY = day.METRICS
BROKER = (*broker.METRICS, *counters.BROKER)
EXPORTER = (*exporter.METRICS, *counters.EXPORTER)
METRICS: tuple[Metric, ...] = (*BOT, *DAY, *BROKER, *EXPORTER)
