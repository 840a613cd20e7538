"""Every counter and histogram, as an object to import where something is counted. Their values are kept in the archive."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import TYPE_CHECKING

from bigdipper_exporter.broker.models import SIDES, TERMINAL
from bigdipper_exporter.broker.results import ENDPOINTS, REASONS
from bigdipper_exporter.log.chunks import GAP_REASONS
from bigdipper_exporter.log.compile import LEVELS
from bigdipper_exporter.log.grammar import EVENT_KINDS, TAGS
from bigdipper_exporter.log.lines import skips
from bigdipper_exporter.log.lines.errors import ERROR_KINDS, HALT_CAUSES
from bigdipper_exporter.log.rule import kind_of
from bigdipper_exporter.metrics.table import Counter, Histogram, Known, Labels, Metric
from bigdipper_exporter.money import plausibility

if TYPE_CHECKING:
    from bigdipper_exporter.metrics.snapshot import Snapshot

MALFORMED = sorted({kind_of(tag.event) for tag in TAGS} | {"timestamp", "docker", "joined", "length", "form", "unfinished"})
DISCREPANCY_KINDS = ("fill_without_log", "log_without_order", "position_changed", "equity", "margin")

# Upper bounds of buckets, in seconds; of the slippage, in ratios of the limit price.
FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
REQUEST = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
CYCLE = (0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 20.0, 30.0, 45.0, 60.0, 120.0)
TIME_TO_FILL = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 14400.0)
SLIPPAGE = (-0.02, -0.01, -0.005, -0.002, -0.001, -0.0005, 0.0, 0.0005, 0.001, 0.002, 0.005)


def _each(values: Iterable[str]) -> list[Labels]:
    return [(value,) for value in values]


def _always(values: Iterable[str]) -> Known:
    labels = _each(values)
    return lambda s: labels


def _with_broker(labels: Iterable[Labels]) -> Known:
    listed = list(labels)
    return lambda s: () if s.broker is None else listed


def _with_prices(labels: Iterable[Labels]) -> Known:
    listed = list(labels)
    return lambda s: () if s.prices is None else listed


def _after_history(labels: Iterable[Labels]) -> Known:
    """Zeros only once the history has been read: before that, `increase()` would take old rejections for new ones."""
    listed = list(labels)
    return lambda s: () if s.broker is None or s.broker.backfill < 1 else listed


def _declared(names: dict[str, object], *earlier: tuple[Metric, ...]) -> tuple[Metric, ...]:
    """The metrics declared above that are not in `earlier`, so that there is no list that somebody could forget to extend."""
    listed = {metric.name for metrics in earlier for metric in metrics}
    return tuple(value for value in names.values() if isinstance(value, Metric) and value.name not in listed)


def _symbols(s: Snapshot) -> Iterable[Labels]:
    return _each(s.bot.symbols)


def _reasons(s: Snapshot) -> Iterable[Labels]:
    return product(s.bot.symbols, skips.REASONS)


# What the bot did, from its log.
BOT_CYCLES = Counter("bigdipper_bot_cycles_total", "Cycles started.", ())
BOT_CYCLE_DURATION_SECONDS = Histogram(
    "bigdipper_bot_cycle_duration_seconds", "Duration of the cycles that were completed.", (), buckets=CYCLE
)
BOT_CLOSED_CYCLES = Counter(
    "bigdipper_bot_closed_cycles_total", "Cycles that ended at once, because the bot took the market for closed.", ()
)
BOT_STARTS = Counter("bigdipper_bot_starts_total", "Start-up lines.", ())
TRADES = Counter("bigdipper_trades_total", "Orders submitted. Fills are bigdipper_fills_total.", ("symbol",), known=_symbols)
TRADE_VALUE_USD = Counter("bigdipper_trade_value_usd_total", "Value of the orders submitted.", ("symbol",), known=_symbols)
OPPORTUNITIES = Counter(
    "bigdipper_opportunities_total", "Dips that qualified, one per cycle and symbol.", ("symbol",), known=_symbols
)
SKIPS = Counter("bigdipper_skips_total", "Symbols not bought, by reason code.", ("symbol", "reason"), known=_reasons)
MISSED_TRADES = Counter(
    "bigdipper_missed_trades_total",
    "Skips that are missed trades, and dips missed because of the brake.",
    ("reason",),
    known=_always((*skips.MISSED_REASONS, "missed_brake")),
)
BRAKE_EPISODES = Counter("bigdipper_brake_episodes_total", "Brake episodes begun.", ())
BRAKE_SECONDS = Counter("bigdipper_brake_seconds_total", "Time under the brake, up to its last line.", ())
HALTS = Counter("bigdipper_halts_total", "Cycles in which trading was halted.", ("cause",), known=_always(HALT_CAUSES))
BOT_ERRORS = Counter("bigdipper_bot_errors_total", "Errors of the bot.", ("kind",), known=_always(ERROR_KINDS))
LOG_RECORDS = Counter(
    "bigdipper_log_records_total", "Lines of the log with a header, by level.", ("level",), known=_always(LEVELS)
)

BOT = _declared(globals())

# What the broker said.
ORDERS = Counter("bigdipper_orders_total", "Orders that reached their end.", ("status",), known=_after_history(_each(TERMINAL)))
BOT_ORDERS = Counter(
    "bigdipper_bot_orders_total",
    "Orders of the bot (named by its log) that reached their end.",
    ("status",),
    known=_after_history(_each(TERMINAL)),
)
ORDER_TIME_TO_FILL_SECONDS = Histogram(
    "bigdipper_order_time_to_fill_seconds",
    "From submission to the last fill, of the bot's orders.",
    (),
    buckets=TIME_TO_FILL,
    known=_with_broker([()]),
)
ORDER_SLIPPAGE_RATIO = Histogram(
    "bigdipper_order_slippage_ratio",
    "Fill price against limit price of the bot's orders; positive is worse for us.",
    (),
    buckets=SLIPPAGE,
    known=_with_broker([()]),
)
FILLS = Counter(
    "bigdipper_fills_total",
    f"Executions as they came, also those that the broker corrected or busted later; side is {', '.join(SIDES)}.",
    ("symbol", "side"),
)
FILL_VALUE_USD = Counter(
    "bigdipper_fill_value_usd_total", "Value of the executions as they came, before any correction.", ("symbol", "side")
)
DISCREPANCIES = Counter(
    "bigdipper_discrepancies_total",
    "Differences between log and broker found.",
    ("kind",),
    known=_after_history(_each(DISCREPANCY_KINDS)),
)
WASH_SALE_BUYS = Counter(
    "bigdipper_wash_sale_buys_total", "Buys that landed inside the 30 days after a loss sale.", ("symbol",)
)
ACCOUNT_IMPLAUSIBLE = Counter(
    "bigdipper_account_implausible_total",
    "Answers for account or positions that contradict themselves, each other, or the last believed ones.",
    ("reason",),
    known=_with_broker(_each(plausibility.REASONS)),
)
ALPACA_REQUESTS = Counter(
    "bigdipper_alpaca_requests_total", "Requests sent.", ("endpoint",), known=_with_broker(_each(ENDPOINTS))
)
ALPACA_REQUEST_FAILURES = Counter(
    "bigdipper_alpaca_request_failures_total",
    "Requests without a usable answer.",
    ("endpoint", "reason"),
    known=_with_broker(product(ENDPOINTS, REASONS)),
)
ALPACA_REQUEST_DURATION_SECONDS = Histogram(
    "bigdipper_alpaca_request_duration_seconds",
    "Duration of a request.",
    ("endpoint",),
    buckets=REQUEST,
    known=_with_broker(_each(ENDPOINTS)),
)
ALPACA_REJECTED_RECORDS = Counter(
    "bigdipper_alpaca_rejected_records_total",
    "Records in otherwise good answers that could not be read.",
    ("endpoint",),
    known=_with_broker(_each(ENDPOINTS)),
)

BROKER = _declared(globals(), BOT)

# What the data host said.
DATA_ENDPOINTS = ("bars", "corporate_actions")
MARKET_DATA_REQUESTS = Counter(
    "bigdipper_market_data_requests_total",
    "Requests for prices sent.",
    ("endpoint",),
    known=_with_prices(_each(DATA_ENDPOINTS)),
)
MARKET_DATA_REQUEST_FAILURES = Counter(
    "bigdipper_market_data_request_failures_total",
    "Requests for prices without a usable answer.",
    ("endpoint", "reason"),
    known=_with_prices(product(DATA_ENDPOINTS, REASONS)),
)
MARKET_DATA_REJECTED_RECORDS = Counter(
    "bigdipper_market_data_rejected_records_total",
    "Bars and corporate actions that could not be read or contradict themselves.",
    (),
    known=_with_prices([()]),
)

PRICES = _declared(globals(), BOT, BROKER)

# What the exporter did.
EXPORTER_LABEL_OVERFLOW = Counter(
    "bigdipper_exporter_label_overflow_total", "Times that a symbol beyond the first 200 became `other`.", ()
)
LOG_LINES = Counter("bigdipper_log_lines_total", "Lines read.", ())
LOG_BYTES = Counter("bigdipper_log_bytes_total", "Bytes read.", ())
LOG_EVENTS = Counter("bigdipper_log_events_total", "Events recognised.", ("kind",), known=_always(EVENT_KINDS.values()))
LOG_MALFORMED = Counter(
    "bigdipper_log_malformed_total",
    "Lines with a known tag or shape that could not be read.",
    ("kind",),
    known=_always(MALFORMED),
)
LOG_ROTATIONS = Counter("bigdipper_log_rotations_total", "Times that the log was replaced by a new file.", ())
LOG_TRUNCATIONS = Counter("bigdipper_log_truncations_total", "Times that the log was truncated.", ())
LOG_GAPS = Counter(
    "bigdipper_log_gaps_total",
    "Places where lines may have been lost before anyone could read them.",
    ("reason",),
    known=_always(GAP_REASONS),
)
LOG_INGEST_DELAY_SECONDS = Histogram(
    "bigdipper_log_ingest_delay_seconds", "From a line readable in the file to its figures in /metrics.", (), buckets=FAST
)
ARCHIVE_COMMIT_DURATION_SECONDS = Histogram("bigdipper_archive_commit_duration_seconds", "Time of a commit.", (), buckets=FAST)
ARCHIVE_ERRORS = Counter("bigdipper_archive_errors_total", "Commits that failed.", ())

EXPORTER = _declared(globals(), BOT, BROKER, PRICES)
