"""What the broker says, to the cent, and what follows from it: money figures come from here, never from the log."""

import time
from collections.abc import Callable, Iterable
from typing import Any

from bigdipper_exporter.archive.broker.orders import SIDES
from bigdipper_exporter.archive.broker.reconcile import KINDS
from bigdipper_exporter.archive.broker.view import BrokerView
from bigdipper_exporter.broker.models import TERMINAL, Account, Position
from bigdipper_exporter.broker.results import ENDPOINTS, REASONS
from bigdipper_exporter.counters import Labels
from bigdipper_exporter.metrics.snapshot import Snapshot
from bigdipper_exporter.metrics.table import Metric, Sample
from bigdipper_exporter.money import limits

MOST_POSITIONS = 200  # series by symbol; the largest are shown
SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
FILL_SECONDS = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 14400.0)
SLIPPAGE = (-0.02, -0.01, -0.005, -0.002, -0.001, -0.0005, 0.0, 0.0005, 0.001, 0.002, 0.005)

Value = float | None
Read = Callable[[Snapshot], float | Iterable[Sample] | None]


def _view(read: Callable[[BrokerView], Any]) -> Read:
    return lambda s: None if s.broker is None else read(s.broker)


def _account(read: Callable[[Account], Value | list[Sample]]) -> Read:
    return _view(lambda b: None if b.account is None else read(b.account))


def _known(*labels: Labels) -> Callable[[Snapshot], Iterable[Labels]]:
    return lambda s: () if s.broker is None else labels


def _known_later(*labels: Labels) -> Callable[[Snapshot], Iterable[Labels]]:
    """Zeros only once the history is read: before, old rejections would look to `increase()` like new ones."""
    return lambda s: () if s.broker is None or s.broker.backfill < 1 else labels


def _some(values: Iterable[tuple[Labels, Value]]) -> list[Sample]:
    """Samples without those that are not known."""
    return [(labels, value) for labels, value in values if value is not None]


def _blocked(a: Account) -> list[Sample]:
    kinds = {"trading": a.trading_blocked, "transfers": a.transfers_blocked, "account": a.account_blocked}
    return _some(((kind,), None if flag is None else float(flag)) for kind, flag in kinds.items())


def _shown(b: BrokerView) -> list[Position]:
    positions = list(b.positions or ())
    if len(positions) > MOST_POSITIONS:
        positions.sort(key=lambda p: -abs(p.market_value or 0.0))
    return positions[:MOST_POSITIONS]


def _position(name: str) -> Read:
    return _view(lambda b: _some(((p.symbol,), getattr(p, name)) for p in _shown(b)))


def _classes(b: BrokerView) -> list[Sample] | None:
    if b.positions is None:
        return None
    counts = {"us_equity": 0.0}
    for p in b.positions:
        counts[p.asset_class] = counts.get(p.asset_class, 0.0) + 1
    return [((name,), count) for name, count in counts.items()]


def _open_orders(b: BrokerView) -> list[Sample] | None:
    if b.open_orders is None:
        return None
    counts = {"buy": 0.0, "sell": 0.0}
    for side, _ in b.open_orders:
        counts[side] = counts.get(side, 0.0) + 1
    return [((side,), count) for side, count in counts.items()]


def _status(b: BrokerView) -> list[Sample]:
    return [] if b.account is None else [((b.mode, b.account.status), 1.0)]


def distances(s: Snapshot) -> dict[str, limits.Distance]:
    """The limits that are known, by name. The bot's own configuration comes first, then the settings, then its defaults."""
    b = s.broker
    if b is None or b.account is None:
        return {}
    found: dict[str, limits.Distance | None] = {}
    brake, hard = b.brake, b.hard
    if s.config is not None:
        brake = s.config.brake if s.config.brake is not None else brake
        hard = s.config.hard if s.config.hard is not None else hard
    stocks, value, margin = b.stock_value, b.account.net_value, b.account.maintenance_margin
    if stocks is not None and b.leverage_ratio is not None and (s.config is None or s.config.uses_margin):
        found["brake"] = limits.bot_limit(brake, stocks, b.account.equity)
        found["hard"] = limits.bot_limit(hard, stocks, b.account.equity)
    if value is not None and margin is not None:
        found["maintenance"] = limits.maintenance(value, b.account.equity, margin)
    return {name: distance for name, distance in found.items() if distance is not None}


def _limit(name: str) -> Read:
    return lambda s: _some(((limit,), getattr(distance, name)) for limit, distance in distances(s).items())


def _running(windows: Callable[[BrokerView], Any], value: float | None = None) -> Read:
    """Wash-sale windows that are still running; they end by time alone, without a poll."""
    return _view(lambda b: [((s,), end if value is None else value) for s, end in windows(b).items() if end >= time.time()])


def _money(name: str, meaning: str, read: Callable[[Account], Value]) -> Metric:
    return Metric(f"bigdipper_account_{name}_usd", "gauge", meaning, read=_account(read))


def _of_position(name: str, field: str, meaning: str) -> Metric:
    return Metric(f"bigdipper_position_{name}", "gauge", f"{meaning} Negative for a short.", ("symbol",), _position(field))


ACCOUNT = (
    _money("equity", "Equity, as Alpaca says it.", lambda a: a.equity),
    _money("cash", "Cash; negative when money is borrowed.", lambda a: a.cash),
    _money("buying_power", "Buying power.", lambda a: a.buying_power),
    _money("last_equity", "Equity at the close of the previous trading day.", lambda a: a.last_equity),
    _money("long_market_value", "Value of the long positions.", lambda a: a.long_market_value),
    _money("short_market_value", "Value of the short positions (0 or negative).", lambda a: a.short_market_value),
    _money("initial_margin", "Initial margin requirement: collateral, not debt.", lambda a: a.initial_margin),
    _money("maintenance_margin", "Maintenance margin: below this equity the broker calls.", lambda a: a.maintenance_margin),
    _money("margin_debt", "Borrowed money: negative cash.", lambda a: a.margin_debt),
    Metric(
        "bigdipper_account_margin_ratio",
        "gauge",
        "Margin debt over equity; absent without equity.",
        read=_account(lambda a: a.margin_ratio),
    ),
    Metric(
        "bigdipper_account_leverage_ratio",
        "gauge",
        "Signed value of the stocks over equity, as the bot sums it.",
        read=_view(lambda b: b.leverage_ratio),
    ),
    Metric(
        "bigdipper_account_gross_exposure_ratio",
        "gauge",
        "Long plus absolute short value over equity.",
        read=_account(lambda a: a.gross_exposure_ratio),
    ),
    _money("day_pl", "Equity minus that of the previous close; deposits count in it.", lambda a: a.day_pl),
    Metric(
        "bigdipper_account_day_pl_ratio",
        "gauge",
        "Day's profit or loss over the equity of the previous close.",
        read=_account(lambda a: a.day_pl_ratio),
    ),
    Metric(
        "bigdipper_account_unrealized_pl_usd",
        "gauge",
        "Unrealised profit or loss, summed over the positions.",
        read=_view(lambda b: b.unrealized_pl),
    ),
    Metric("bigdipper_account_blocked", "gauge", "1 when Alpaca blocks this.", ("kind",), _account(_blocked)),
    Metric(
        "bigdipper_account_cash_flow_today_usd",
        "gauge",
        "Deposits minus withdrawals since the previous close.",
        read=_view(lambda b: b.cash_flow_today),
    ),
    Metric(
        "bigdipper_account_equity_peak_usd",
        "gauge",
        "Highest equity, deposits taken out, in today's dollars.",
        read=_view(lambda b: b.chain.peak),
    ),
    Metric(
        "bigdipper_account_drawdown_ratio",
        "gauge",
        "How far equity is below its peak, deposits taken out (0 or positive).",
        read=_view(lambda b: b.chain.drawdown),
    ),
    Metric(
        "bigdipper_account_adjusted_return_ratio",
        "gauge",
        "Return without deposits and withdrawals, by window of days.",
        ("window",),
        _view(lambda b: [((window,), value) for window, value in b.chain.returns]),
    ),
)

POSITIONS = (
    Metric("bigdipper_positions", "gauge", "Open positions.", ("asset_class",), _view(_classes)),
    _of_position("quantity", "quantity", "Units held."),
    _of_position("market_value_usd", "market_value", "Market value."),
    _of_position("cost_basis_usd", "cost_basis", "Cost."),
    Metric(
        "bigdipper_position_avg_entry_price_usd", "gauge", "Average entry price.", ("symbol",), _position("avg_entry_price")
    ),
    Metric("bigdipper_position_current_price_usd", "gauge", "Price.", ("symbol",), _position("current_price")),
    Metric(
        "bigdipper_position_unrealized_pl_usd", "gauge", "Unrealised profit or loss.", ("symbol",), _position("unrealized_pl")
    ),
    Metric(
        "bigdipper_position_unrealized_pl_ratio",
        "gauge",
        "Unrealised profit or loss over cost.",
        ("symbol",),
        _position("unrealized_pl_ratio"),
    ),
    Metric(
        "bigdipper_position_intraday_pl_usd",
        "gauge",
        "Profit or loss since the previous close.",
        ("symbol",),
        _position("intraday_pl"),
    ),
)

ORDERS = (
    Metric("bigdipper_orders_open", "gauge", "Open orders.", ("side",), _view(_open_orders)),
    Metric(
        "bigdipper_order_oldest_open_timestamp_seconds",
        "gauge",
        "Submission of the oldest open order.",
        read=_view(lambda b: min((submitted for _, submitted in b.open_orders or ()), default=None)),
    ),
    Metric(
        "bigdipper_order_oldest_open_buy_timestamp_seconds",
        "gauge",
        "Submission of the oldest open order to buy: the bot only buys, what sells is the owner's own.",
        read=_view(lambda b: min((at for side, at in b.open_orders or () if side == "buy"), default=None)),
    ),
    Metric(
        "bigdipper_orders_total",
        "counter",
        "Orders that reached their end.",
        ("status",),
        known=_known_later(*((status,) for status in TERMINAL)),
    ),
    Metric(
        "bigdipper_order_time_to_fill_seconds",
        "histogram",
        "From submission to the last fill.",
        buckets=FILL_SECONDS,
        known=_known(()),
    ),
    Metric(
        "bigdipper_order_slippage_ratio",
        "histogram",
        "Fill price against limit price; positive is worse for us.",
        buckets=SLIPPAGE,
        known=_known(()),
    ),
    Metric(
        "bigdipper_orders_unfilled",
        "gauge",
        "Orders in today's log that ended without being filled.",
        read=_view(lambda b: b.unfilled),
    ),
    Metric(
        "bigdipper_fill_rate_ratio",
        "gauge",
        "Orders filled of those ended, last 30 trading days; replaced ones left out.",
        read=_view(lambda b: b.fill_rate),
    ),
    Metric("bigdipper_fills_total", "counter", f"Executions; side is {', '.join(SIDES)}.", ("symbol", "side")),
    Metric("bigdipper_fill_value_usd_total", "counter", "Value of the executions.", ("symbol", "side")),
)

LIMITS = (
    Metric(
        "bigdipper_limit_ratio",
        "gauge",
        "The limit as debt over equity: 0.15 is 15 % margin, or 115 % leverage.",
        ("limit",),
        _limit("limit"),
    ),
    Metric(
        "bigdipper_limit_level_ratio",
        "gauge",
        "Where it stands now, on the same scale as bigdipper_limit_ratio.",
        ("limit",),
        _limit("level"),
    ),
    Metric(
        "bigdipper_limit_distance_usd",
        "gauge",
        "Dollars of positions until the limit is met; negative beyond it.",
        ("limit",),
        _limit("usd"),
    ),
    Metric(
        "bigdipper_limit_distance_ratio",
        "gauge",
        "Uniform market drop until the limit is met; negative beyond it, 1 if none leads there.",
        ("limit",),
        _limit("drop"),
    ),
    Metric(
        "bigdipper_discrepancies_total",
        "counter",
        "Differences between log and broker found.",
        ("kind",),
        known=_known_later(*((kind,) for kind in KINDS)),
    ),
    Metric(
        "bigdipper_discrepancies_open",
        "gauge",
        "Differences between log and broker that are open.",
        ("kind",),
        _view(lambda b: [((kind,), float(count)) for kind, count in b.discrepancies.items()]),
    ),
    Metric(
        "bigdipper_wash_sale_window_end_timestamp_seconds",
        "gauge",
        "End of the 30 days after the latest loss sale (an aid, not tax advice).",
        ("symbol",),
        _running(lambda b: b.wash.windows),
    ),
    Metric(
        "bigdipper_wash_sale_unknown",
        "gauge",
        "1: sold within 30 days, lots incomplete, cannot say.",
        ("symbol",),
        _running(lambda b: b.wash.unknown, 1.0),
    ),
    Metric("bigdipper_wash_sale_buys_total", "counter", "Buys that landed inside the 30 days after a loss sale.", ("symbol",)),
    Metric(
        "bigdipper_wash_sale_disallowed_loss_usd",
        "gauge",
        "Loss deferred by wash sales this calendar year: an estimate, not tax advice.",
        ("symbol",),
        _view(lambda b: [((s,), usd) for s, usd in b.wash.disallowed.items()]),
    ),
)

ALPACA = (
    Metric(
        "bigdipper_market_open",
        "gauge",
        "1 while the regular session is open, by Alpaca's clock.",
        read=_view(lambda b: None if b.clock is None else float(b.clock.is_open)),
    ),
    Metric(
        "bigdipper_market_next_open_timestamp_seconds",
        "gauge",
        "Next opening, by Alpaca's clock.",
        read=_view(lambda b: None if b.clock is None else b.clock.next_open),
    ),
    Metric(
        "bigdipper_market_next_close_timestamp_seconds",
        "gauge",
        "Next close, by Alpaca's clock.",
        read=_view(lambda b: None if b.clock is None else b.clock.next_close),
    ),
    Metric(
        "bigdipper_alpaca_configured",
        "gauge",
        "1 when there are credentials for Alpaca.",
        read=lambda s: float(s.broker is not None),
    ),
    Metric(
        "bigdipper_alpaca_info",
        "gauge",
        "The account: paper or live, and Alpaca's status of it.",
        ("mode", "account_status"),
        _view(_status),
    ),
    Metric(
        "bigdipper_alpaca_up",
        "gauge",
        "1 when the last poll worked.",
        ("endpoint",),
        _view(lambda b: [((endpoint,), float(up)) for endpoint, up in b.up.items()]),
    ),
    Metric(
        "bigdipper_alpaca_last_success_timestamp_seconds",
        "gauge",
        "Last poll that worked.",
        ("endpoint",),
        _view(lambda b: [((endpoint,), at) for endpoint, at in b.success.items()]),
    ),
    Metric(
        "bigdipper_alpaca_requests_total",
        "counter",
        "Requests sent.",
        ("endpoint",),
        known=_known(*((endpoint,) for endpoint in ENDPOINTS)),
    ),
    Metric(
        "bigdipper_alpaca_request_failures_total",
        "counter",
        "Requests without a usable answer.",
        ("endpoint", "reason"),
        known=_known(*((endpoint, reason) for endpoint in ENDPOINTS for reason in REASONS)),
    ),
    Metric(
        "bigdipper_alpaca_request_duration_seconds",
        "histogram",
        "Duration of a request.",
        ("endpoint",),
        buckets=SECONDS,
        known=_known(*((endpoint,) for endpoint in ENDPOINTS)),
    ),
    Metric(
        "bigdipper_alpaca_rejected_records_total",
        "counter",
        "Records in otherwise good answers that could not be read.",
        ("endpoint",),
        known=_known(*((endpoint,) for endpoint in ENDPOINTS)),
    ),
    Metric(
        "bigdipper_alpaca_rate_limit",
        "gauge",
        "Alpaca's limit of requests a minute, shared with the bot.",
        read=_view(lambda b: b.rate_limit),
    ),
    Metric("bigdipper_alpaca_rate_limit_remaining", "gauge", "What is left of it.", read=_view(lambda b: b.rate_remaining)),
    Metric("bigdipper_alpaca_clock_skew_seconds", "gauge", "Alpaca's clock minus ours.", read=_view(lambda b: b.clock_skew)),
    Metric(
        "bigdipper_alpaca_backfill_ratio",
        "gauge",
        "Progress of the history of orders and activities.",
        read=_view(lambda b: b.backfill),
    ),
)

CONFIG = (
    Metric(
        "bigdipper_bot_config_up",
        "gauge",
        "1 when the bot's config.py could be read.",
        read=lambda s: None if s.config is None else float(s.config.up),
    ),
    Metric(
        "bigdipper_bot_config_info",
        "gauge",
        "The bot's configuration, by a hash of the file.",
        ("hash",),
        lambda s: [] if s.config is None or s.config.hash is None else [((s.config.hash,), 1.0)],
    ),
    Metric(
        "bigdipper_bot_config_setting",
        "gauge",
        "A number or a switch of the bot's config.py, as it stands there.",
        ("setting",),
        lambda s: [] if s.config is None else [((k,), v) for k, v in s.config.numbers.items()],
    ),
    Metric(
        "bigdipper_bot_config_threshold_ratio",
        "gauge",
        "Dip at which the bot buys, as config.py gives it.",
        ("symbol",),
        lambda s: [] if s.config is None else [((k,), v) for k, v in s.config.thresholds.items()],
    ),
    Metric(
        "bigdipper_bot_config_findings",
        "gauge",
        "What is wrong or unknown in the bot's config.py.",
        ("severity",),
        lambda s: [] if s.config is None else [((k,), float(v)) for k, v in s.config.counts.items()],
    ),
    Metric(
        "bigdipper_bot_config_changed_timestamp_seconds",
        "gauge",
        "Last change of a setting.",
        read=lambda s: None if s.config is None else s.config.changed,
    ),
)

METRICS: tuple[Metric, ...] = (*ACCOUNT, *POSITIONS, *ORDERS, *LIMITS, *ALPACA, *CONFIG)
