"""What the broker says, to the cent, and what follows from it: money figures come from here, never from the log."""

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

from bigdipper_exporter.archive.broker.orders import RESULTS
from bigdipper_exporter.archive.broker.view import BrokerView
from bigdipper_exporter.broker.models import Account, Position
from bigdipper_exporter.broker.stream import REFUSALS
from bigdipper_exporter.metrics.snapshot import Snapshot
from bigdipper_exporter.metrics.table import Gauge, Labels, Metric, Sample
from bigdipper_exporter.money import limits
from bigdipper_exporter.symbols import MAX_SYMBOLS
from bigdipper_exporter.thresholds import BRAKE_SILENCE_SECONDS

Value = float | None
Read = Callable[[Snapshot], float | Iterable[Sample] | None]


def _view(read: Callable[[BrokerView], Any]) -> Read:
    return lambda s: None if s.broker is None else read(s.broker)


def _account(read: Callable[[Account], Value | list[Sample]]) -> Read:
    return _view(lambda b: None if b.account is None else read(b.account))


def _some(values: Iterable[tuple[Labels, Value]]) -> list[Sample]:
    """Samples without those that are not known."""
    return [(labels, value) for labels, value in values if value is not None]


def _blocked(a: Account) -> list[Sample]:
    kinds = {"trading": a.trading_blocked, "transfers": a.transfers_blocked, "account": a.account_blocked}
    return _some(((kind,), None if flag is None else float(flag)) for kind, flag in kinds.items())


def _shown(b: BrokerView) -> list[Position]:
    positions = list(b.positions or ())
    if len(positions) > MAX_SYMBOLS:
        positions.sort(key=lambda p: -abs(p.market_value or 0.0))
    return positions[:MAX_SYMBOLS]


def _position(name: str) -> Read:
    return _view(lambda b: _some(((p.symbol,), getattr(p, name)) for p in _shown(b)))


def _unpriced(b: BrokerView) -> list[Sample]:
    return [((p.symbol,), 1.0) for p in _shown(b) if p.is_unpriced]


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


def _history(b: BrokerView) -> list[Sample] | None:
    return None if b.history is None else [((state,), float(days)) for state, days in asdict(b.history).items()]


def _status(b: BrokerView) -> list[Sample]:
    return [] if b.account is None else [((b.mode, b.account.status), 1.0)]


def _limits_of_log(s: Snapshot) -> dict[str, limits.Distance | None]:
    """Brake and hard limit by the log's last figures, with the limits of the configuration or of the log's own lines."""
    bot, config = s.bot, s.config
    if config is not None and not config.uses_margin:
        return {}
    configured = (None, None) if config is None else (config.brake, config.hard)
    said = _stocks_and_equity_of_log(s)
    found: dict[str, limits.Distance | None] = {}
    for name, logged, ratio in (("brake", bot.brake_limit, configured[0]), ("hard", bot.hard_limit, configured[1])):
        limit = logged if ratio is None else ratio
        if limit is not None and bot.equity is not None:
            found[name] = None if said is None else limits.bot_limit(limit, *said)
    return found


def _stocks_and_equity_of_log(s: Snapshot) -> tuple[float, float] | None:
    """By the account line, or by a later report of the brake, under which v2.18 prints none. None if both are too old."""
    oldest = time.time() - BRAKE_SILENCE_SECONDS
    bot, held, account_ts = s.bot, s.bot.brake, s.bot.account_ts or 0.0
    if held is not None and held.last_seen > max(oldest, account_ts):
        if held.equity is not None and held.margin_debt is not None:
            return held.equity + held.margin_debt, held.equity
        if held.position_value is not None and held.reduce_usd is not None and bot.brake_limit is not None:
            return held.position_value, limits.equity_of_brake(bot.brake_limit, held.position_value, held.reduce_usd)
    if account_ts < oldest or bot.equity is None or bot.cash is None:
        return None
    return limits.positions_of(bot.equity, bot.cash, bot.leverage_ratio), bot.equity


def limits_of(s: Snapshot) -> dict[str, limits.Distance | None]:
    """The limits of the account by name; None where a figure that the distance needs is missing.

    The bot's own configuration comes first, then the settings, then its defaults. Without keys by the log.
    """
    b = s.broker
    if b is None:
        return _limits_of_log(s)
    if b.account is None or b.account.equity <= 0:
        return {}
    account, stocks = b.account, b.stock_value
    found: dict[str, limits.Distance | None] = {}
    if s.config is None or s.config.uses_margin:
        known = stocks is not None and b.leverage_ratio is not None
        own = (None, None) if s.config is None else (s.config.brake, s.config.hard)
        for name, limit, configured in (("brake", b.brake, own[0]), ("hard", b.hard, own[1])):
            ratio = limit if configured is None else configured
            found[name] = limits.bot_limit(ratio, stocks or 0.0, account.equity) if known else None
    long, short, margin = account.long_market_value, account.short_market_value, account.maintenance_margin
    known = long is not None and short is not None and margin is not None
    found["maintenance"] = limits.maintenance(long or 0.0, short or 0.0, account.equity, margin or 0.0) if known else None
    return found


def distances(s: Snapshot) -> dict[str, limits.Distance]:
    """The limits whose distance is known, by name."""
    return {name: distance for name, distance in limits_of(s).items() if distance is not None}


def _limit(name: str) -> Read:
    return lambda s: _some(((limit,), getattr(distance, name)) for limit, distance in distances(s).items())


def _running(windows: Callable[[BrokerView], Any], value: float | None = None) -> Read:
    """Wash-sale windows that are still running; they end by time alone, without a poll."""
    return _view(lambda b: [((s,), end if value is None else value) for s, end in windows(b).items() if end >= time.time()])


def _money(name: str, meaning: str, read: Callable[[Account], Value]) -> Metric:
    return Gauge(f"bigdipper_account_{name}_usd", meaning, read=_account(read))


def _of_position(name: str, field: str, meaning: str) -> Metric:
    return Gauge(f"bigdipper_position_{name}", f"{meaning} Negative for a short.", ("symbol",), read=_position(field))


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
    Gauge(
        "bigdipper_account_margin_ratio",
        "Margin debt over equity; absent without equity.",
        read=_account(lambda a: a.margin_ratio),
    ),
    Gauge(
        "bigdipper_account_leverage_ratio",
        "Signed value of the stocks over equity, as the bot sums it.",
        read=_view(lambda b: b.leverage_ratio),
    ),
    Gauge(
        "bigdipper_account_gross_exposure_ratio",
        "Long plus absolute short value over equity.",
        read=_account(lambda a: a.gross_exposure_ratio),
    ),
    _money("day_pl", "Equity minus that of the previous close; deposits count in it.", lambda a: a.day_pl),
    Gauge(
        "bigdipper_account_day_pl_ratio",
        "Day's profit or loss over the equity of the previous close.",
        read=_account(lambda a: a.day_pl_ratio),
    ),
    Gauge(
        "bigdipper_account_unrealized_pl_usd",
        "Unrealized profit or loss, summed over the positions.",
        read=_view(lambda b: b.unrealized_pl),
    ),
    Gauge("bigdipper_account_blocked", "1 when Alpaca blocks this.", ("kind",), read=_account(_blocked)),
    Gauge(
        "bigdipper_account_cash_flow_today_usd",
        "Deposits minus withdrawals since the previous close.",
        read=_view(lambda b: b.cash_flow_today),
    ),
    Gauge(
        "bigdipper_account_day_profit_usd",
        "Profit since the previous close, without deposits and withdrawals: what is shown as today's profit.",
        read=_view(lambda b: b.day_profit),
    ),
    Gauge(
        "bigdipper_account_day_return_ratio",
        "The same over the equity of the previous close and today's deposits.",
        read=_view(lambda b: b.day_return),
    ),
    Gauge(
        "bigdipper_account_doubted",
        "1 while the newest answer is not believed: the figures are those of the last one that was.",
        read=_view(lambda b: None if b.account_at is None and not b.doubts else float(bool(b.doubts))),
    ),
    Gauge(
        "bigdipper_account_equity_peak_usd",
        "Highest equity, deposits taken out, in today's dollars.",
        read=_view(lambda b: b.chain.peak),
    ),
    Gauge(
        "bigdipper_account_drawdown_ratio",
        "How far equity is below its peak, deposits taken out (0 or positive).",
        read=_view(lambda b: b.chain.drawdown),
    ),
    Gauge(
        "bigdipper_account_adjusted_return_ratio",
        "Return without deposits and withdrawals, by window of days.",
        ("window",),
        read=_view(lambda b: [((window,), value) for window, value in b.chain.returns]),
    ),
)

POSITIONS = (
    Gauge(
        "bigdipper_position_unpriced",
        "1 for a position without value, price or profit at the broker: it is left out of the sums of these.",
        ("symbol",),
        read=_view(_unpriced),
    ),
    Gauge(
        "bigdipper_positions_unreadable",
        "Positions in the broker's last answer that could not be read: they are left out of every sum.",
        read=_view(lambda b: b.unreadable),
    ),
    Gauge("bigdipper_positions", "Open positions.", ("asset_class",), read=_view(_classes)),
    _of_position("quantity", "quantity", "Units held."),
    _of_position("market_value_usd", "market_value", "Market value."),
    _of_position("cost_basis_usd", "cost_basis", "Cost."),
    Gauge("bigdipper_position_avg_entry_price_usd", "Average entry price.", ("symbol",), read=_position("avg_entry_price")),
    Gauge("bigdipper_position_current_price_usd", "Price.", ("symbol",), read=_position("current_price")),
    Gauge("bigdipper_position_unrealized_pl_usd", "Unrealized profit or loss.", ("symbol",), read=_position("unrealized_pl")),
    Gauge(
        "bigdipper_position_unrealized_pl_ratio",
        "Unrealized profit or loss over cost.",
        ("symbol",),
        read=_position("unrealized_pl_ratio"),
    ),
    Gauge(
        "bigdipper_position_intraday_pl_usd",
        "Profit or loss since the previous close.",
        ("symbol",),
        read=_position("intraday_pl"),
    ),
)

ORDERS = (
    Gauge("bigdipper_orders_open", "Open orders.", ("side",), read=_view(_open_orders)),
    Gauge(
        "bigdipper_order_oldest_open_timestamp_seconds",
        "Submission of the oldest open order.",
        read=_view(lambda b: min((submitted for _, submitted in b.open_orders or ()), default=None)),
    ),
    Gauge(
        "bigdipper_order_oldest_open_buy_timestamp_seconds",
        "Submission of the oldest open order to buy: the bot only buys, what sells is the owner's own.",
        read=_view(lambda b: min((at for side, at in b.open_orders or () if side == "buy"), default=None)),
    ),
    Gauge(
        "bigdipper_orders_unfilled",
        "Orders of today's log that ended without a single share.",
        read=_view(lambda b: b.orders_today and b.orders_today.results["unfilled"]),
    ),
    Gauge(
        "bigdipper_day_orders",
        f"Orders of today's log by what became of them at the broker: {', '.join(RESULTS)}.",
        ("result",),
        read=_view(lambda b: b.orders_today and [((result,), float(n)) for result, n in b.orders_today.results.items()]),
    ),
    Gauge(
        "bigdipper_day_orders_by_hand",
        "Orders executed today that the log does not name: the owner's own.",
        read=_view(lambda b: b.orders_today and b.orders_today.by_hand),
    ),
    Gauge(
        "bigdipper_fill_rate_ratio",
        "Mean executed part of the bot's orders that ended, last 30 trading days; replaced ones left out.",
        read=_view(lambda b: b.fill_rate),
    ),
    Gauge(
        "bigdipper_fills_without_value",
        "Executions of unknown value: options of a contract size that neither symbol nor position shows.",
        read=_view(lambda b: b.fills_without_value),
    ),
)

LIMITS = (
    Gauge(
        "bigdipper_limit_ratio",
        "The limit as debt over equity: 0.15 is 15 % margin, or 115 % leverage.",
        ("limit",),
        read=_limit("limit"),
    ),
    Gauge(
        "bigdipper_limit_level_ratio",
        "Where it stands now, on the same scale as bigdipper_limit_ratio.",
        ("limit",),
        read=_limit("level"),
    ),
    Gauge(
        "bigdipper_limit_distance_usd",
        "Dollars of positions until the limit is met; negative beyond it.",
        ("limit",),
        read=_limit("usd"),
    ),
    Gauge(
        "bigdipper_limit_distance_ratio",
        "Uniform market drop until the limit is met; negative beyond it, 1 if none leads there.",
        ("limit",),
        read=_limit("drop"),
    ),
    Gauge(
        "bigdipper_limit_known",
        "1 when the distance to the limit is known, 0 when a figure that it needs is missing.",
        ("limit",),
        read=lambda s: [((name,), float(distance is not None)) for name, distance in limits_of(s).items()],
    ),
    Gauge(
        "bigdipper_discrepancies_open",
        "Differences between log and broker that are open.",
        ("kind",),
        read=_view(lambda b: [((kind,), float(count)) for kind, count in b.discrepancies.items()]),
    ),
    Gauge(
        "bigdipper_wash_sale_window_end_timestamp_seconds",
        "End of the 30 days after the latest loss sale (an aid, not tax advice).",
        ("symbol",),
        read=_running(lambda b: b.wash.windows),
    ),
    Gauge(
        "bigdipper_wash_sale_unknown",
        "1: sold within 30 days, lots incomplete, cannot say.",
        ("symbol",),
        read=_running(lambda b: b.wash.unknown, 1.0),
    ),
    Gauge(
        "bigdipper_wash_sale_disallowed_loss_usd",
        "Loss deferred by wash sales this calendar year, before later sales give it back: an estimate, not tax advice.",
        ("symbol",),
        read=_view(lambda b: [((s,), usd) for s, usd in b.wash.disallowed.items()]),
    ),
)

ALPACA = (
    Gauge(
        "bigdipper_market_open",
        "1 while the regular session is open, by Alpaca's clock.",
        read=_view(lambda b: None if b.clock is None else float(b.clock.is_open)),
    ),
    Gauge(
        "bigdipper_market_next_open_timestamp_seconds",
        "Next opening, by Alpaca's clock.",
        read=_view(lambda b: None if b.clock is None else b.clock.next_open),
    ),
    Gauge(
        "bigdipper_market_next_close_timestamp_seconds",
        "Next close, by Alpaca's clock.",
        read=_view(lambda b: None if b.clock is None else b.clock.next_close),
    ),
    Gauge(
        "bigdipper_alpaca_configured", "1 when there are credentials for Alpaca.", read=lambda s: float(s.broker is not None)
    ),
    Gauge(
        "bigdipper_alpaca_info",
        "The account: paper or live, and Alpaca's status of it.",
        ("mode", "account_status"),
        read=_view(_status),
    ),
    Gauge(
        "bigdipper_alpaca_up",
        "1 when the last poll worked.",
        ("endpoint",),
        read=_view(lambda b: [((endpoint,), float(up)) for endpoint, up in b.up.items()]),
    ),
    Gauge(
        "bigdipper_alpaca_last_success_timestamp_seconds",
        "Last poll that worked.",
        ("endpoint",),
        read=_view(lambda b: [((endpoint,), at) for endpoint, at in b.success.items()]),
    ),
    Gauge(
        "bigdipper_alpaca_rate_limit",
        "Alpaca's limit of requests a minute, shared with the bot.",
        read=_view(lambda b: b.rate_limit),
    ),
    Gauge("bigdipper_alpaca_rate_limit_remaining", "What is left of it.", read=_view(lambda b: b.rate_remaining)),
    Gauge("bigdipper_alpaca_clock_skew_seconds", "Alpaca's clock minus ours.", read=_view(lambda b: b.clock_skew)),
    Gauge(
        "bigdipper_alpaca_stream_up",
        "1 while Alpaca's stream of orders is listened to; without it polling goes on.",
        read=_view(lambda b: None if b.stream is None else float(b.stream.up)),
    ),
    Gauge(
        "bigdipper_alpaca_stream_last_event_timestamp_seconds",
        "When the stream last brought an event; silence is normal for days.",
        read=_view(lambda b: None if b.stream is None else b.stream.last_event),
    ),
    Gauge(
        "bigdipper_alpaca_stream_refused",
        "1 for the reason why the stream is down: auth, limit (too many listeners), mute (named no fills), network.",
        ("reason",),
        read=_view(lambda b: [((reason,), float(b.stream.refused == reason)) for reason in REFUSALS] if b.stream else None),
    ),
    Gauge(
        "bigdipper_history_days",
        "Trading days before today, at most `alpaca.history` back: wanted, of them with the broker's equity, and complete "
        "(every part of the profit is known).",
        ("state",),
        read=_view(_history),
    ),
    Gauge(
        "bigdipper_alpaca_stream_missed_fills",
        "Fills in a row that polling found and the stream did not name; at 2 it connects again.",
        read=_view(lambda b: None if b.stream is None else float(b.stream.missed)),
    ),
    Gauge(
        "bigdipper_alpaca_backfill_ratio", "Progress of the history of orders and activities.", read=_view(lambda b: b.backfill)
    ),
)

CONFIG = (
    Gauge(
        "bigdipper_bot_config_up",
        "1 when the bot's config.py could be read.",
        read=lambda s: None if s.config is None else float(s.config.up),
    ),
    Gauge(
        "bigdipper_bot_config_pending",
        "Settings changed on disk since the bot started: it reads its file at its start only. No series: not known.",
        read=lambda s: None if s.config is None else s.config.pending(s.bot.started),
    ),
    Gauge(
        "bigdipper_bot_config_info",
        "The bot's configuration, by a hash of the file.",
        ("hash",),
        read=lambda s: [] if s.config is None or s.config.hash is None else [((s.config.hash,), 1.0)],
    ),
    Gauge(
        "bigdipper_bot_config_setting",
        "A number or a switch of the bot's config.py, as it stands there.",
        ("setting",),
        read=lambda s: [] if s.config is None else [((k,), v) for k, v in s.config.numbers.items()],
    ),
    Gauge(
        "bigdipper_bot_config_threshold_ratio",
        "Dip at which the bot buys, as config.py gives it.",
        ("symbol",),
        read=lambda s: [] if s.config is None else [((k,), v) for k, v in s.config.thresholds.items()],
    ),
    Gauge(
        "bigdipper_bot_config_findings",
        "What is wrong or unknown in the bot's config.py.",
        ("severity",),
        read=lambda s: [] if s.config is None else [((k,), float(v)) for k, v in s.config.counts.items()],
    ),
    Gauge(
        "bigdipper_bot_config_changed_timestamp_seconds",
        "Last change of a setting.",
        read=lambda s: None if s.config is None else s.config.changed,
    ),
)

METRICS: tuple[Metric, ...] = (*ACCOUNT, *POSITIONS, *ORDERS, *LIMITS, *ALPACA, *CONFIG)
