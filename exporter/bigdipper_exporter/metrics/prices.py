"""Market prices: how reading them goes, and what the newest say."""

from collections.abc import Callable, Iterable

from bigdipper_exporter.archive.prices.view import PriceView
from bigdipper_exporter.metrics.snapshot import Snapshot
from bigdipper_exporter.metrics.table import Gauge, Metric, Sample

Read = Callable[[Snapshot], float | Iterable[Sample] | None]


def _view(read: Callable[[PriceView], float | Iterable[Sample] | None]) -> Read:
    return lambda s: None if s.prices is None else read(s.prices)


METRICS: tuple[Metric, ...] = (
    Gauge(
        "bigdipper_market_data_up",
        "1 when the last reading of prices brought all that was wanted.",
        read=_view(lambda p: None if p.up is None else float(p.up)),
    ),
    Gauge(
        "bigdipper_market_data_last_success_timestamp_seconds",
        "When prices were last read completely.",
        read=_view(lambda p: p.success),
    ),
    Gauge(
        "bigdipper_market_data_symbols_without_prices",
        "Followed symbols that Alpaca has no prices of, or refuses.",
        read=_view(lambda p: float(len(p.problems))),
    ),
)
