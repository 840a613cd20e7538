"""Orders at the broker: those of the bot, and those placed by hand."""

from bigdipper_exporter.archive.broker.orders import RESULTS
from bigdipper_exporter.archive.broker.view import BrokerView
from bigdipper_exporter.metrics.reading import of_broker
from bigdipper_exporter.metrics.table import Gauge, Metric, Sample


def _open_orders(b: BrokerView) -> list[Sample] | None:
    if b.open_orders is None:
        return None
    counts = {"buy": 0.0, "sell": 0.0}
    for side, _ in b.open_orders:
        counts[side] = counts.get(side, 0.0) + 1
    return [((side,), count) for side, count in counts.items()]


METRICS: tuple[Metric, ...] = (
    Gauge("bigdipper_orders_open", "Open orders.", ("side",), read=of_broker(_open_orders)),
    Gauge(
        "bigdipper_order_oldest_open_timestamp_seconds",
        "Submission of the oldest open order.",
        read=of_broker(lambda b: min((submitted for _, submitted in b.open_orders or ()), default=None)),
    ),
    Gauge(
        "bigdipper_order_oldest_open_buy_timestamp_seconds",
        "Submission of the oldest open order to buy. The bot only buys: orders to sell are the owner's.",
        read=of_broker(lambda b: min((at for side, at in b.open_orders or () if side == "buy"), default=None)),
    ),
    Gauge(
        "bigdipper_orders_unfilled",
        "Orders of today's log that ended without a single share.",
        read=of_broker(lambda b: b.orders_today and b.orders_today.results.get("unfilled")),
    ),
    Gauge(
        "bigdipper_day_orders",
        f"Orders of today's log by what became of them at the broker: {', '.join(RESULTS)}.",
        ("result",),
        read=of_broker(lambda b: b.orders_today and [((result,), float(n)) for result, n in b.orders_today.results.items()]),
    ),
    Gauge(
        "bigdipper_day_orders_by_hand",
        "Orders executed today that the log does not name: the owner's own.",
        read=of_broker(lambda b: b.orders_today and b.orders_today.by_hand),
    ),
    Gauge(
        "bigdipper_fill_rate_ratio",
        "Mean executed part of the bot's orders that ended, last 30 trading days; replaced ones left out.",
        read=of_broker(lambda b: b.fill_rate),
    ),
    Gauge(
        "bigdipper_fills_without_value",
        "Executions of unknown value: options of a contract size that neither symbol nor position shows.",
        read=of_broker(lambda b: b.fills_without_value),
    ),
)
