"""How far the account is from its limits; differences between log and broker; wash-sale windows."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bigdipper_exporter.archive.broker.view import BrokerView
from bigdipper_exporter.broker.models import Account
from bigdipper_exporter.metrics.reading import Value, known, of_broker
from bigdipper_exporter.metrics.snapshot import Snapshot
from bigdipper_exporter.metrics.table import Gauge, Metric, Read
from bigdipper_exporter.money import limits
from bigdipper_exporter.money.limits import LimitName
from bigdipper_exporter.thresholds import BRAKE_SILENCE_SECONDS

if TYPE_CHECKING:
    from bigdipper_exporter.botconfig.reader import BotConfigView
    from bigdipper_exporter.projection.state import BotState


def own_limits(
    bot: BotState, config: BotConfigView | None, kept: limits.OwnLimits, *, has_keys: bool, has_log: bool = False
) -> limits.OwnLimits:
    """The bot's limits by its config.py, else by the settings (`kept`), else by its log; with keys its defaults come last.

    An account without a bot has only those of the settings, a bot that uses no margin has none. has_log: a log is configured,
    though perhaps none of its lines was read.
    """
    if config is not None and not config.uses_margin:
        return limits.OwnLimits()
    own = kept if config is None else limits.OwnLimits(config.brake, config.hard).or_else(kept)
    own = own.or_else(limits.OwnLimits(bot.brake_limit, bot.hard_limit))
    has_bot = has_log or config is not None or bot.last_line is not None
    return own.or_else(limits.DEFAULTS) if has_keys and has_bot else own


def _own(s: Snapshot) -> dict[LimitName, float]:
    return own_limits(s.bot, s.config, s.limits, has_keys=s.broker is not None, has_log=s.own.log_configured).by_name()


def _limits_of_log(s: Snapshot) -> dict[LimitName, limits.Distance | None]:
    """Brake and hard limit by the log's last figures."""
    said = _stocks_and_equity_of_log(s)
    if said is None and s.bot.equity is None:
        return {}
    return {name: None if said is None else limits.bot_limit(limit, *said) for name, limit in _own(s).items()}


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


def limits_of(s: Snapshot) -> dict[LimitName, limits.Distance | None]:
    """The limits of the account by name; None where a figure that the distance needs is missing. Without keys by the log."""
    b = s.broker
    if b is None:
        return _limits_of_log(s)
    if b.account is None or b.account.equity <= 0:
        return {}
    found = {name: _bot_limit(b, b.account, ratio) for name, ratio in _own(s).items()}
    return {**found, LimitName.MAINTENANCE: _maintenance(b.account)}


def _bot_limit(b: BrokerView, account: Account, limit: float) -> limits.Distance | None:
    if b.stock_value is None or b.leverage_ratio is None:
        return None
    return limits.bot_limit(limit, b.stock_value, account.equity)


def _maintenance(account: Account) -> limits.Distance | None:
    long, short, margin = account.long_market_value, account.short_market_value, account.maintenance_margin
    if long is None or short is None or margin is None:
        return None
    return limits.maintenance(long, short, account.equity, margin)


def distances(s: Snapshot) -> dict[LimitName, limits.Distance]:
    """The limits whose distance is known, by name."""
    return {name: distance for name, distance in limits_of(s).items() if distance is not None}


def _each(read: Callable[[limits.Distance], Value]) -> Read:
    return lambda s: known(((limit,), read(distance)) for limit, distance in distances(s).items())


def _running(windows: Callable[[BrokerView], Any], value: float | None = None) -> Read:
    """Wash-sale windows that are still running; they end by time alone, without a poll."""
    return of_broker(lambda b: [((s,), end if value is None else value) for s, end in windows(b).items() if end >= time.time()])


METRICS: tuple[Metric, ...] = (
    Gauge(
        "bigdipper_limit_ratio",
        "The limit as debt over equity: 0.15 is 15 % margin, or 115 % leverage.",
        ("limit",),
        read=_each(lambda d: d.limit),
    ),
    Gauge(
        "bigdipper_limit_level_ratio",
        "Where it stands now, on the same scale as bigdipper_limit_ratio.",
        ("limit",),
        read=_each(lambda d: d.level),
    ),
    Gauge(
        "bigdipper_limit_distance_usd",
        "Dollars of positions until the limit is met; negative beyond it.",
        ("limit",),
        read=_each(lambda d: d.usd),
    ),
    Gauge(
        "bigdipper_limit_distance_ratio",
        "Uniform market drop until the limit is met; negative beyond it, 1 if none leads there.",
        ("limit",),
        read=_each(lambda d: d.drop),
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
        read=of_broker(lambda b: [((kind,), float(count)) for kind, count in b.discrepancies.items()]),
    ),
    Gauge(
        "bigdipper_wash_sale_window_end_timestamp_seconds",
        "End of the 30 days after the latest loss sale (an aid, not tax advice).",
        ("symbol",),
        read=_running(lambda b: b.wash.windows),
    ),
    Gauge(
        "bigdipper_wash_sale_unknown",
        "1 if a sale of the last 30 days may be a wash sale, but its lots are incomplete.",
        ("symbol",),
        read=_running(lambda b: b.wash.unknown, 1.0),
    ),
    Gauge(
        "bigdipper_wash_sale_disallowed_loss_usd",
        "Loss deferred by wash sales this year, not reduced by sales that release it: an estimate, not tax advice.",
        ("symbol",),
        read=of_broker(lambda b: [((s,), usd) for s, usd in b.wash.disallowed.items()]),
    ),
)
