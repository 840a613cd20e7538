"""Market prices: how reading them goes, and what the newest say."""

from collections.abc import Callable, Iterable

from bigdipper_exporter.archive.price_tables import DipTriggerRow
from bigdipper_exporter.archive.prices.figures import Figures
from bigdipper_exporter.archive.prices.view import PriceView
from bigdipper_exporter.metrics.table import Gauge, Metric, Read, Sample
from bigdipper_exporter.money.benchmark import LEAST_DAYS, Comparison


def _view(read: Callable[[PriceView], float | Iterable[Sample] | None]) -> Read:
    return lambda s: None if s.prices is None else read(s.prices)


def _figures(read: Callable[[Figures], float | Iterable[Sample] | None]) -> Read:
    return _view(lambda p: None if p.figures is None else read(p.figures))


def _compared(read: Callable[[Comparison], float | None]) -> Read:
    return _figures(lambda f: read(f.comparison))


def _by_symbol(read: Callable[[DipTriggerRow], float]) -> Read:
    return _figures(lambda f: [((row.symbol,), read(row)) for row in f.triggers])


MANY_DAYS = f"From {LEAST_DAYS} common days on, riskless rate 0."

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
    Gauge(
        "bigdipper_market_data_stale_symbols",
        "Watched symbols without a price of the last session, though they had prices before: halted, renamed or delisted.",
        read=_figures(lambda f: float(len(f.stale))),
    ),
    Gauge("bigdipper_price_usd", "Newest price, at least 16 minutes old.", ("symbol",), read=_by_symbol(lambda r: r.price)),
    Gauge(
        "bigdipper_dip_ratio",
        "Newest price against the highest close of the last LOOKBACK_DAYS sessions, as the bot computes its dip; 20 sessions "
        "without its config.py.",
        ("symbol",),
        read=_by_symbol(lambda r: r.dip_ratio),
    ),
    Gauge(
        "bigdipper_dip_trigger_price_usd",
        "Price at which the bot would buy: that close, less the threshold.",
        ("symbol",),
        read=_by_symbol(lambda r: r.line),
    ),
    Gauge(
        "bigdipper_phantom_dips",
        "Dips of the last 24 hours whose price in the log is more than 2 % off the market's price of that minute.",
        ("symbol",),
        read=_figures(lambda f: [((symbol,), float(count)) for symbol, count in f.phantoms.items()]),
    ),
    Gauge(
        "bigdipper_corporate_action_ex_timestamp_seconds",
        "Ex-date of a split, spin-off or special dividend of a watched or held symbol: announced, or within LOOKBACK_DAYS.",
        ("symbol", "kind"),
        read=_figures(lambda f: [((action.symbol, action.kind), action.ex) for action in f.ahead]),
    ),
    Gauge(
        "bigdipper_benchmark_info",
        "1, with the benchmark's symbol.",
        ("symbol",),
        read=_view(lambda p: [((p.benchmark,), 1.0)]),
    ),
    Gauge(
        "bigdipper_benchmark_days",
        "Trading days on which both the account and the benchmark have a return.",
        read=_figures(lambda f: float(f.comparison.days)),
    ),
    Gauge(
        "bigdipper_benchmark_account_return_ratio",
        "Time-weighted return of the account over the common days.",
        read=_compared(lambda c: c.account_return),
    ),
    Gauge(
        "bigdipper_benchmark_return_ratio",
        "Total return of the benchmark over the common days.",
        read=_compared(lambda c: c.benchmark_return),
    ),
    Gauge(
        "bigdipper_benchmark_excess_return_ratio",
        "Return of the account less that of the benchmark.",
        read=_compared(lambda c: c.excess_return),
    ),
    Gauge(
        "bigdipper_benchmark_twin_usd",
        "What the same deposits in the benchmark were worth at the last common close.",
        read=_compared(lambda c: c.twin),
    ),
    Gauge(
        "bigdipper_benchmark_difference_usd",
        "Equity of the account at that close less the same deposits in the benchmark: above 0 it is ahead.",
        read=_compared(lambda c: c.difference),
    ),
    Gauge("bigdipper_benchmark_beta", f"Beta of the daily returns. {MANY_DAYS}", read=_compared(lambda c: c.beta)),
    Gauge("bigdipper_benchmark_alpha_ratio", f"Annual alpha, arithmetic. {MANY_DAYS}", read=_compared(lambda c: c.alpha)),
    Gauge(
        "bigdipper_benchmark_correlation",
        f"Correlation of the daily returns. {MANY_DAYS}",
        read=_compared(lambda c: c.correlation),
    ),
    Gauge(
        "bigdipper_benchmark_tracking_error_ratio",
        f"Annual deviation of the difference of daily returns. {MANY_DAYS}",
        read=_compared(lambda c: c.tracking_error),
    ),
    Gauge(
        "bigdipper_benchmark_information_ratio",
        f"Annual mean of the difference of daily returns over its deviation. {MANY_DAYS}",
        read=_compared(lambda c: c.information_ratio),
    ),
    Gauge(
        "bigdipper_benchmark_up_capture_ratio",
        f"Mean return of the account over the benchmark's, on days on which the benchmark rose. {MANY_DAYS}",
        read=_compared(lambda c: c.up_capture),
    ),
    Gauge(
        "bigdipper_benchmark_down_capture_ratio",
        f"The same on days on which it fell. {MANY_DAYS}",
        read=_compared(lambda c: c.down_capture),
    ),
)
