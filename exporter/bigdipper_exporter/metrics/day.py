"""Today, the New York trading day, and the NYSE's calendar: exact, without a broker."""

import time
from collections.abc import Callable

from bigdipper_exporter import calendar
from bigdipper_exporter.metrics.snapshot import Snapshot
from bigdipper_exporter.metrics.table import Gauge, Metric, Sample
from bigdipper_exporter.money.account import change_since_close, ratio_of_equity
from bigdipper_exporter.symbols import MAX_SYMBOLS


def _session(_: Snapshot) -> list[Sample]:
    now = calendar.session(time.time())
    return [((name,), float(name == now)) for name in ("regular", "extended", "closed")]


def _from_broker(s: Snapshot, count: int | None) -> int | None:
    """Return `count` once today's activities have arrived: before that, or without keys, a 0 would only mean "not asked"."""
    known = s.broker is not None and s.broker.success.get("activities", 0.0) >= s.day.start
    return count if known else None


def _by_name(counts: tuple[tuple[str, int], ...]) -> list[Sample]:
    """Return the largest counts, as many as one metric may have symbols."""
    return [((name,), float(count)) for name, count in sorted(counts, key=lambda one: -one[1])[:MAX_SYMBOLS]]


def log_profit(s: Snapshot) -> tuple[float | None, float | None]:
    """Profit of today in dollars and as a ratio; unknown without an account line of today.

    Without one of the day before, they begin with today's first.
    """
    if s.bot.account_ts is None or s.bot.account_ts < s.day.start:
        return None, None
    base = s.day.start_equity if s.day.previous_equity is None else s.day.previous_equity
    if s.bot.equity is None or base is None:
        return None, None
    profit = change_since_close(s.bot.equity, base)
    return profit, ratio_of_equity(profit, base)


def _logged(read: Callable[[Snapshot], float]) -> Callable[[Snapshot], float | None]:
    """What only the log can say: without one a 0 would mean that nobody looked."""
    return lambda s: read(s) if s.own.log_configured else None


METRICS: tuple[Metric, ...] = (
    Gauge("bigdipper_day_start_timestamp_seconds", "Start of the trading day: 04:00 New York.", read=lambda s: s.day.start),
    Gauge("bigdipper_day_trades", "Orders submitted today.", read=_logged(lambda s: s.day.trades)),
    Gauge("bigdipper_day_deployed_usd", "Value of the orders submitted today.", read=_logged(lambda s: s.day.deployed)),
    Gauge(
        "bigdipper_day_fills",
        "Executions of the bot's orders today, from the broker.",
        read=lambda s: _from_broker(s, s.day.fills),
    ),
    Gauge(
        "bigdipper_day_fills_by_hand",
        "Executions today of orders that the log does not name, from the broker.",
        read=lambda s: _from_broker(s, s.day.fills_by_hand),
    ),
    Gauge(
        "bigdipper_day_missed_trades",
        "Missed trades today (skips other than the routine ones).",
        read=_logged(lambda s: s.day.missed_trades),
    ),
    Gauge(
        "bigdipper_day_symbol_trades",
        "Orders submitted today, by symbol: of those that have any.",
        ("symbol",),
        read=lambda s: _by_name(s.day.trades_by_symbol),
    ),
    Gauge(
        "bigdipper_day_symbol_fills",
        "Executions of the bot's orders today, from the broker, by symbol: of those that have any.",
        ("symbol",),
        read=lambda s: _by_name(s.day.fills_by_symbol),
    ),
    Gauge(
        "bigdipper_day_missed_symbols",
        "Symbols of which a trade was missed today, by reason: the brake (missed_brake) or a skip that is not routine.",
        ("reason",),
        read=lambda s: _by_name(s.day.missed_symbols),
    ),
    Gauge(
        "bigdipper_hour_missed_trades",
        "Missed trades of the last hour by reason, by their timestamps in the log; those of the brake are not counted.",
        ("reason",),
        read=lambda s: _by_name(s.day.missed_in_hour),
    ),
    Gauge("bigdipper_day_cycles", "Cycles today.", read=_logged(lambda s: s.day.cycles)),
    Gauge(
        "bigdipper_day_opportunities",
        "Dips that qualified today, one per cycle and symbol.",
        read=_logged(lambda s: s.day.opportunities),
    ),
    Gauge(
        "bigdipper_day_brake_seconds",
        "Time under the brake today, up to now while the bot cycles.",
        read=_logged(lambda s: s.brake_seconds_today(time.time())),
    ),
    Gauge("bigdipper_day_brake_episodes", "Brake episodes begun today.", read=_logged(lambda s: s.day.brake_episodes)),
    Gauge(
        "bigdipper_day_start_equity_usd",
        "Equity at the start of today: the broker's where there is one.",
        read=lambda s: s.day.start_equity,
    ),
    Gauge(
        "bigdipper_day_previous_equity_usd",
        "Equity at the previous close: of the last account line before it, on its own day.",
        read=lambda s: s.day.previous_equity,
    ),
    Gauge(
        "bigdipper_bot_day_profit_usd",
        "Profit since the previous close, from the log alone: deposits count in it.",
        read=lambda s: log_profit(s)[0],
    ),
    Gauge(
        "bigdipper_bot_day_return_ratio",
        "The same over the equity of the previous close.",
        read=lambda s: log_profit(s)[1],
    ),
    Gauge(
        "bigdipper_calendar_session",
        "The true session of the NYSE, holidays and half days included.",
        ("session",),
        read=_session,
    ),
    Gauge(
        "bigdipper_calendar_trading_day",
        "1 on a day on which the NYSE opens (New York date).",
        read=lambda s: float(calendar.is_trading_day(calendar.trading_day(time.time()))),
    ),
    Gauge(
        "bigdipper_calendar_last_close_timestamp_seconds",
        "Last close of the regular session.",
        read=lambda s: calendar.last_close(time.time()),
    ),
    Gauge(
        "bigdipper_calendar_next_open_timestamp_seconds",
        "Next opening of the regular session.",
        read=lambda s: calendar.next_open(time.time()),
    ),
    Gauge(
        "bigdipper_calendar_next_close_timestamp_seconds",
        "Next close of the regular session.",
        read=lambda s: calendar.next_close(time.time()),
    ),
)
