"""What the bot said: from its log alone."""

import re
from collections.abc import Iterable
from itertools import product

from bigdipper_exporter.log import events as e
from bigdipper_exporter.log.compile import LEVELS
from bigdipper_exporter.metrics.snapshot import Snapshot
from bigdipper_exporter.metrics.table import Metric, Sample

MOVER = re.compile(r"([A-Z0-9./-]{1,15}) ([-+]\d+(?:\.\d+)?)%")


def _symbols(s: Snapshot) -> Iterable[tuple[str]]:
    return [(symbol,) for symbol in s.bot.symbols]


def _reasons(s: Snapshot) -> Iterable[tuple[str, str]]:
    return product(s.bot.symbols, e.REASONS)


def _each(values: Iterable[str]) -> list[tuple[str]]:
    return [(value,) for value in values]


def _one_of(names: Iterable[str], present: str | None) -> list[Sample]:
    return [] if present is None else [((name,), float(name == present)) for name in names]


def _movers(s: Snapshot) -> list[Sample]:
    return [
        ((side, symbol), round(float(percent) / 100, 8))
        for side, text in s.bot.movers.items()
        for symbol, percent in MOVER.findall(text)
    ]


def _braked(s: Snapshot) -> float | None:
    return float(s.bot.brake is not None) if s.bot.cycle_ts or s.bot.brake else None


def _running(s: Snapshot) -> float | None:
    return None if s.bot.running is None else float(s.bot.running)


METRICS = (
    Metric("bigdipper_bot_equity_usd", "gauge", "Equity, from the last account line.", read=lambda s: s.bot.equity),
    Metric(
        "bigdipper_bot_cash_usd",
        "gauge",
        "Cash, from the last account line; negative when borrowed.",
        read=lambda s: s.bot.cash,
    ),
    Metric(
        "bigdipper_bot_margin_ratio",
        "gauge",
        "Margin debt by equity as the bot said (before v2.18).",
        read=lambda s: s.bot.margin_ratio,
    ),
    Metric(
        "bigdipper_bot_leverage_ratio",
        "gauge",
        "Positions by equity as the bot said (v2.18).",
        read=lambda s: s.bot.leverage_ratio,
    ),
    Metric(
        "bigdipper_bot_margin_debt_usd",
        "gauge",
        "Margin debt as the bot said. Wrong by construction in v2.18 (about 0): see bigdipper_account_margin_debt_usd.",
        read=lambda s: s.bot.margin_debt,
    ),
    Metric(
        "bigdipper_bot_unrealized_pl_usd",
        "gauge",
        "Unrealized profit, from the last account line that had it.",
        read=lambda s: s.bot.pl,
    ),
    Metric(
        "bigdipper_bot_unrealized_pl_ratio",
        "gauge",
        "Unrealized profit by cost, from the last account line that had it.",
        read=lambda s: s.bot.pl_ratio,
    ),
    Metric("bigdipper_bot_positions", "gauge", "Stocks held, from the last positions line.", read=lambda s: s.bot.positions),
    Metric(
        "bigdipper_bot_invested_usd",
        "gauge",
        "Market value of the stocks held, from the last positions line.",
        read=lambda s: s.bot.invested,
    ),
    Metric(
        "bigdipper_bot_mover_ratio",
        "gauge",
        "Unrealized profit by cost of the top three winners and losers.",
        ("side", "symbol"),
        read=_movers,
    ),
    Metric(
        "bigdipper_bot_cycle_number",
        "gauge",
        "Number of the last cycle; restarts at 1 with the bot.",
        read=lambda s: s.bot.cycle_number,
    ),
    Metric("bigdipper_bot_cycles_total", "counter", "Cycles started."),
    Metric(
        "bigdipper_bot_cycle_duration_seconds",
        "histogram",
        "How long cycles took that ended in the normal way.",
        buckets=(0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 20.0, 30.0, 45.0, 60.0, 120.0),
    ),
    Metric(
        "bigdipper_bot_last_cycle_timestamp_seconds",
        "gauge",
        "Start of the last cycle, by the bot's clock.",
        read=lambda s: s.bot.cycle_ts,
    ),
    Metric(
        "bigdipper_bot_last_account_timestamp_seconds",
        "gauge",
        "Time of the last account line. There is none while the brake holds or the market is closed.",
        read=lambda s: s.bot.account_ts,
    ),
    Metric(
        "bigdipper_bot_last_trade_timestamp_seconds",
        "gauge",
        "Time of the last order submitted.",
        read=lambda s: s.bot.trade_ts,
    ),
    Metric("bigdipper_bot_start_timestamp_seconds", "gauge", "Time of the last start-up line.", read=lambda s: s.bot.started),
    Metric("bigdipper_bot_starts_total", "counter", "Start-up lines."),
    Metric(
        "bigdipper_bot_running",
        "gauge",
        "0 after the bot said goodbye or died of a fatal error, until it cycles again.",
        read=_running,
    ),
    Metric(
        "bigdipper_bot_watched_symbols",
        "gauge",
        "Symbols that the bot scans, from its start-up lines.",
        read=lambda s: len(s.bot.symbols) or None,
    ),
    Metric(
        "bigdipper_bot_info",
        "gauge",
        "Version (as the bot prints it, which may be wrong), paper or live, form of the log.",
        ("version", "mode", "log_form"),
        read=lambda s: [((s.bot.version, s.bot.mode, s.bot.form), 1.0)] if s.bot.cycle_ts or s.bot.started else None,
    ),
    Metric(
        "bigdipper_market_session",
        "gauge",
        "The session as the bot believes it: by time of day, weekends included.",
        ("session",),
        read=lambda s: _one_of(e.SESSIONS, s.bot.session),
    ),
    Metric(
        "bigdipper_trades_total", "counter", "Orders submitted. Fills are bigdipper_fills_total.", ("symbol",), known=_symbols
    ),
    Metric("bigdipper_trade_value_usd_total", "counter", "Value of the orders submitted.", ("symbol",), known=_symbols),
    Metric(
        "bigdipper_opportunities_total",
        "counter",
        "Dips that qualified, one per cycle and symbol.",
        ("symbol",),
        known=_symbols,
    ),
    Metric("bigdipper_scan_opportunities", "gauge", "Opportunities that the last scan found.", read=lambda s: s.bot.scan_found),
    Metric("bigdipper_skips_total", "counter", "Symbols not bought, by reason code.", ("symbol", "reason"), known=_reasons),
    Metric(
        "bigdipper_missed_trades_total",
        "counter",
        "Skips that are missed trades, and dips that the brake let pass.",
        ("reason",),
        known=lambda s: _each((*e.MISSED_REASONS, "missed_brake")),
    ),
    Metric("bigdipper_brake_active", "gauge", "1 while a brake episode is open.", read=_braked),
    Metric(
        "bigdipper_brake_started_timestamp_seconds",
        "gauge",
        "Start of the open brake episode.",
        read=lambda s: s.bot.brake.started if s.bot.brake else None,
    ),
    Metric("bigdipper_brake_episodes_total", "counter", "Brake episodes begun."),
    Metric("bigdipper_brake_seconds_total", "counter", "Time under the brake, up to its last line."),
    Metric(
        "bigdipper_brake_level_ratio",
        "gauge",
        "The margin or leverage that the last brake line named.",
        read=lambda s: s.bot.brake_level,
    ),
    Metric(
        "bigdipper_halts_total",
        "counter",
        "Cycles in which trading was halted.",
        ("cause",),
        known=lambda s: _each(e.HALT_CAUSES),
    ),
    Metric("bigdipper_bot_errors_total", "counter", "Errors of the bot.", ("kind",), known=lambda s: _each(e.ERROR_KINDS)),
    Metric(
        "bigdipper_log_records_total",
        "counter",
        "Lines of the log with a header, by level.",
        ("level",),
        known=lambda s: _each(LEVELS),
    ),
)
