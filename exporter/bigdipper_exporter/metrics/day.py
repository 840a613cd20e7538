"""Today, the New York trading day, and the NYSE's calendar: exact, without a broker."""

import time

from bigdipper_exporter import calendar
from bigdipper_exporter.metrics.snapshot import Snapshot
from bigdipper_exporter.metrics.table import Metric, Sample


def _session(_: Snapshot) -> list[Sample]:
    now = calendar.session(time.time())
    return [((name,), float(name == now)) for name in ("regular", "extended", "closed")]


METRICS = (
    Metric(
        "bigdipper_day_start_timestamp_seconds",
        "gauge",
        "Start of the trading day: 04:00 New York.",
        read=lambda s: s.day.start,
    ),
    Metric("bigdipper_day_trades", "gauge", "Orders submitted today.", read=lambda s: s.day.trades),
    Metric("bigdipper_day_deployed_usd", "gauge", "Value of the orders submitted today.", read=lambda s: s.day.deployed),
    Metric("bigdipper_day_fills", "gauge", "Executions today, from the broker.", read=lambda s: s.day.fills),
    Metric(
        "bigdipper_day_missed_trades",
        "gauge",
        "Missed trades today (skips other than the routine ones).",
        read=lambda s: s.day.missed_trades,
    ),
    Metric("bigdipper_day_cycles", "gauge", "Cycles today.", read=lambda s: s.day.cycles),
    Metric(
        "bigdipper_day_opportunities",
        "gauge",
        "Dips that qualified today, one per cycle and symbol.",
        read=lambda s: s.day.opportunities,
    ),
    Metric("bigdipper_day_brake_seconds", "gauge", "Time under the brake today.", read=lambda s: s.day.brake_seconds),
    Metric("bigdipper_day_brake_episodes", "gauge", "Brake episodes begun today.", read=lambda s: s.day.brake_episodes),
    Metric(
        "bigdipper_day_start_equity_usd",
        "gauge",
        "Equity at the start of today: the broker's where there is one.",
        read=lambda s: s.day.start_equity,
    ),
    Metric(
        "bigdipper_calendar_session",
        "gauge",
        "The true session of the NYSE, holidays and half days included.",
        ("session",),
        read=_session,
    ),
    Metric(
        "bigdipper_calendar_trading_day",
        "gauge",
        "1 on a day on which the NYSE opens (New York date).",
        read=lambda s: float(calendar.is_trading_day(calendar.trading_day(time.time()))),
    ),
    Metric(
        "bigdipper_calendar_last_close_timestamp_seconds",
        "gauge",
        "Last close of the regular session.",
        read=lambda s: calendar.last_close(time.time()),
    ),
    Metric(
        "bigdipper_calendar_next_open_timestamp_seconds",
        "gauge",
        "Next opening of the regular session.",
        read=lambda s: calendar.next_open(time.time()),
    ),
    Metric(
        "bigdipper_calendar_next_close_timestamp_seconds",
        "gauge",
        "Next close of the regular session.",
        read=lambda s: calendar.next_close(time.time()),
    ),
)
