"""The connection to Alpaca, its clock, and how far the history of the account was read."""

from dataclasses import asdict

from bigdipper_exporter.archive.broker.view import BrokerView
from bigdipper_exporter.broker.stream import REFUSALS
from bigdipper_exporter.metrics.reading import of_broker
from bigdipper_exporter.metrics.table import Gauge, Metric, Sample


def _history(b: BrokerView) -> list[Sample] | None:
    return None if b.history is None else [((state,), float(days)) for state, days in asdict(b.history).items()]


def _status(b: BrokerView) -> list[Sample]:
    return [] if b.account is None else [((b.mode, b.account.status), 1.0)]


METRICS: tuple[Metric, ...] = (
    Gauge(
        "bigdipper_market_open",
        "1 while the regular session is open, by Alpaca's clock.",
        read=of_broker(lambda b: None if b.clock is None else float(b.clock.is_open)),
    ),
    Gauge(
        "bigdipper_market_next_open_timestamp_seconds",
        "Next opening, by Alpaca's clock.",
        read=of_broker(lambda b: None if b.clock is None else b.clock.next_open),
    ),
    Gauge(
        "bigdipper_market_next_close_timestamp_seconds",
        "Next close, by Alpaca's clock.",
        read=of_broker(lambda b: None if b.clock is None else b.clock.next_close),
    ),
    Gauge(
        "bigdipper_alpaca_configured", "1 when there are credentials for Alpaca.", read=lambda s: float(s.broker is not None)
    ),
    Gauge(
        "bigdipper_alpaca_info",
        "The account: paper or live, and Alpaca's status of it.",
        ("mode", "account_status"),
        read=of_broker(_status),
    ),
    Gauge(
        "bigdipper_alpaca_up",
        "1 when the last poll worked.",
        ("endpoint",),
        read=of_broker(lambda b: [((endpoint,), float(up)) for endpoint, up in b.up.items()]),
    ),
    Gauge(
        "bigdipper_alpaca_last_success_timestamp_seconds",
        "Last poll that worked.",
        ("endpoint",),
        read=of_broker(lambda b: [((endpoint,), at) for endpoint, at in b.success.items()]),
    ),
    Gauge(
        "bigdipper_alpaca_rate_limit",
        "Alpaca's limit of requests a minute, shared with the bot.",
        read=of_broker(lambda b: b.rate_limit),
    ),
    Gauge("bigdipper_alpaca_rate_limit_remaining", "What is left of it.", read=of_broker(lambda b: b.rate_remaining)),
    Gauge("bigdipper_alpaca_clock_skew_seconds", "Alpaca's clock minus ours.", read=of_broker(lambda b: b.clock_skew)),
    Gauge(
        "bigdipper_alpaca_stream_up",
        "1 while Alpaca's stream of orders is listened to; without it polling goes on.",
        read=of_broker(lambda b: None if b.stream is None else float(b.stream.up)),
    ),
    Gauge(
        "bigdipper_alpaca_stream_last_event_timestamp_seconds",
        "When the stream last brought an event; silence is normal for days.",
        read=of_broker(lambda b: None if b.stream is None else b.stream.last_event),
    ),
    Gauge(
        "bigdipper_alpaca_stream_refused",
        "1 for the reason why the stream is down: auth, limit (too many listeners), mute (named no fills), network.",
        ("reason",),
        read=of_broker(lambda b: [((reason,), float(b.stream.refused == reason)) for reason in REFUSALS] if b.stream else None),
    ),
    Gauge(
        "bigdipper_history_days",
        "Trading days before today, at most `alpaca.history` back: wanted, of them with the broker's equity, and complete "
        "(every part of the profit is known).",
        ("state",),
        read=of_broker(_history),
    ),
    Gauge(
        "bigdipper_alpaca_stream_missed_fills",
        "Fills in a row that polling found and the stream did not name; at 2 it connects again.",
        read=of_broker(lambda b: None if b.stream is None else float(b.stream.missed)),
    ),
    Gauge(
        "bigdipper_alpaca_backfill_ratio",
        "Progress of the history of orders and activities.",
        read=of_broker(lambda b: b.backfill),
    ),
)
