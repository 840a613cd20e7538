"""What the bot said: from its log alone."""

import time
from collections.abc import Iterable
from itertools import product

from bigdipper_exporter.log.lines.cycles import SESSIONS
from bigdipper_exporter.log.lines.skips import REASONS
from bigdipper_exporter.metrics.snapshot import Snapshot
from bigdipper_exporter.metrics.table import Gauge, Metric, Sample
from bigdipper_exporter.symbols import movers


def _symbols(s: Snapshot) -> Iterable[tuple[str]]:
    return [(symbol,) for symbol in s.bot.symbols]


def _reasons(s: Snapshot) -> Iterable[tuple[str, str]]:
    return product(s.bot.symbols, REASONS)


def _each(values: Iterable[str]) -> list[tuple[str]]:
    return [(value,) for value in values]


def _one_of(names: Iterable[str], present: str | None) -> list[Sample]:
    return [] if present is None else [((name,), float(name == present)) for name in names]


def _movers(s: Snapshot) -> list[Sample]:
    return [
        ((side, symbol), round(percent / 100, 8)) for side, text in s.bot.movers.items() for symbol, percent in movers(text)
    ]


def braked(s: Snapshot) -> float | None:
    """Return 1.0 while a brake episode is open, 0.0 while none is, None when that is unknown."""
    if s.log_silent_since(time.time()) is not None or not (s.bot.cycle_ts or s.bot.brake):
        return None
    return float(s.bot.brake is not None)


def _brake_started(s: Snapshot) -> float | None:
    return s.bot.brake.started if s.bot.brake is not None and braked(s) else None


def _running(s: Snapshot) -> float | None:
    return None if s.bot.running is None else float(s.bot.running)


METRICS: tuple[Metric, ...] = (
    Gauge("bigdipper_bot_equity_usd", "Equity, from the last account line.", read=lambda s: s.bot.equity),
    Gauge("bigdipper_bot_cash_usd", "Cash, from the last account line; negative when borrowed.", read=lambda s: s.bot.cash),
    Gauge(
        "bigdipper_bot_margin_ratio", "Margin debt by equity as the bot said (before v2.18).", read=lambda s: s.bot.margin_ratio
    ),
    Gauge("bigdipper_bot_leverage_ratio", "Positions by equity as the bot said (v2.18).", read=lambda s: s.bot.leverage_ratio),
    Gauge(
        "bigdipper_bot_margin_debt_usd",
        "Margin debt as the bot said. Wrong by construction in v2.18 (about 0): see bigdipper_account_margin_debt_usd.",
        read=lambda s: s.bot.margin_debt,
    ),
    Gauge(
        "bigdipper_bot_unrealized_pl_usd", "Unrealized profit, from the last account line that had it.", read=lambda s: s.bot.pl
    ),
    Gauge(
        "bigdipper_bot_unrealized_pl_ratio",
        "Unrealized profit by cost, from the last account line that had it.",
        read=lambda s: s.bot.pl_ratio,
    ),
    Gauge("bigdipper_bot_positions", "Stocks held, from the last positions line.", read=lambda s: s.bot.positions),
    Gauge(
        "bigdipper_bot_invested_usd",
        "Market value of the stocks held, from the last positions line.",
        read=lambda s: s.bot.invested,
    ),
    Gauge(
        "bigdipper_bot_mover_ratio",
        "Unrealized profit by cost of the top three winners and losers.",
        ("side", "symbol"),
        read=_movers,
    ),
    Gauge(
        "bigdipper_bot_cycle_number", "Number of the last cycle; restarts at 1 with the bot.", read=lambda s: s.bot.cycle_number
    ),
    Gauge(
        "bigdipper_bot_last_cycle_timestamp_seconds",
        "Start of the last cycle, by the bot's clock.",
        read=lambda s: s.bot.cycle_ts,
    ),
    Gauge(
        "bigdipper_bot_last_account_timestamp_seconds",
        "Time of the last account line. There is none while the brake holds or the market is closed.",
        read=lambda s: s.bot.account_ts,
    ),
    Gauge("bigdipper_bot_last_trade_timestamp_seconds", "Time of the last order submitted.", read=lambda s: s.bot.trade_ts),
    Gauge("bigdipper_bot_start_timestamp_seconds", "Time of the last start-up line.", read=lambda s: s.bot.started),
    Gauge("bigdipper_bot_running", "0 after the bot shut down or died of a fatal error, until it cycles again.", read=_running),
    Gauge(
        "bigdipper_bot_watched_symbols",
        "Symbols that the bot scans, from its start-up lines.",
        read=lambda s: len(s.bot.symbols) or None,
    ),
    Gauge(
        "bigdipper_bot_info",
        "Version (as the bot prints it, which may be wrong), paper or live, form of the log.",
        ("version", "mode", "log_form"),
        read=lambda s: [((s.bot.version, s.bot.mode, s.bot.form), 1.0)] if s.bot.cycle_ts or s.bot.started else None,
    ),
    Gauge(
        "bigdipper_market_session",
        "The session as the bot believes it: by time of day, weekends included.",
        ("session",),
        read=lambda s: _one_of(SESSIONS, s.bot.session),
    ),
    Gauge("bigdipper_scan_opportunities", "Opportunities that the last scan found.", read=lambda s: s.bot.scan_found),
    Gauge(
        "bigdipper_brake_active",
        "1 while a brake episode is open. No series when the bot has written nothing for 15 minutes: unknown.",
        read=braked,
    ),
    Gauge(
        "bigdipper_brake_started_timestamp_seconds",
        "Start of the open brake episode.",
        read=_brake_started,
    ),
    Gauge(
        "bigdipper_brake_level_ratio",
        "The margin or leverage that the last brake line named.",
        read=lambda s: s.bot.brake_level,
    ),
)
