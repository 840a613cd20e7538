"""A normal trading week of a bot, minute by minute: with the small troubles that are no incident.

Time begins on a Monday at 00:00 New York; Friday is a half day. Each metric is a function of the time in seconds.
"""

import math
from collections.abc import Callable, Iterator

STEP = 300
DAY, HOUR = 86400, 3600
WEEK = 7 * DAY
CLOSES = [day * DAY + (13 if day == 4 else 16) * HOUR for day in range(5)]
RESTART = 2 * DAY + 11 * HOUR  # Wednesday: an upgrade of the bot, silent for four minutes
OUTAGE = range(DAY + 14 * HOUR, DAY + 14 * HOUR + 6 * 60)  # Tuesday: the broker does not answer for six minutes
SCRAPE_GAP = 3 * DAY + 10 * HOUR  # Thursday: the exporter restarts and misses one scrape

Metric = Callable[[int], float | None]


def session(t: int) -> str:
    """The exchange's session."""
    day, second = divmod(t, DAY)
    if day > 4 or not 4 * HOUR <= second < 20 * HOUR or (day == 4 and second >= 17 * HOUR):
        return "closed"
    return "regular" if 9.5 * HOUR <= second < CLOSES[day] - day * DAY else "extended"


def last_close(t: int) -> float:
    """The last close of the regular session; on Monday morning it is Friday's."""
    return max([close for close in CLOSES if close <= t], default=-2 * DAY - 8 * HOUR)


def next_open(t: int) -> float:
    """The next opening bell of the regular session; after Friday's it is the next Monday's."""
    bells = [day * DAY + 9.5 * HOUR for day in (0, 1, 2, 3, 4, 7)]
    return min(bell for bell in bells if bell > t)


def open_seconds(t: int) -> int:
    """Seconds of regular session in the week so far."""
    return sum(max(0, min(t, close) - (day * DAY + int(9.5 * HOUR))) for day, close in enumerate(CLOSES))


def today(per_day: Callable[[int], float]) -> Metric:
    """A figure that starts from 0 at 04:00, from one of the week."""
    return lambda t: per_day(t) - per_day(max(0, (t - 4 * HOUR) // DAY * DAY + 4 * HOUR))


def counted(per_hour: float) -> Callable[[int], float]:
    """A counter that grows while the regular session is open."""
    return lambda t: math.floor(open_seconds(t) * per_hour / HOUR)


def at(*moments: int) -> Metric:
    """A counter that grew at a few moments."""
    return lambda t: float(sum(t >= moment for moment in moments))


def constant(value: float) -> Metric:
    """A gauge that does not move."""
    return lambda t: value


def equity(t: int) -> float:
    """Three percent up and down within days, and a deposit on Thursday."""
    return 34830 * (1 + 0.03 * math.sin(open_seconds(t) / 30000)) + (3000 if t >= 3 * DAY + 12 * HOUR else 0)


def yesterday(t: int) -> float:
    """Equity at the last close before today's session."""
    return equity(max([close for close in CLOSES if close // DAY < t // DAY], default=0))


def deposit(t: int) -> float:
    """The deposit, on its day."""
    return 3000.0 if 3 * DAY + 12 * HOUR <= t < 4 * DAY else 0.0


def log_arrival(t: int) -> float:
    """The log moves every minute, except around the upgrade."""
    return float(RESTART if RESTART <= t < RESTART + 240 else t // 60 * 60)


def answered(t: int) -> float:
    """The last good answer of the broker."""
    return float(OUTAGE.start if t in OUTAGE else t // 60 * 60)


LOG: dict[str, Metric] = {
    "up": constant(1),
    "bigdipper_log_last_line_timestamp_seconds": log_arrival,
    "bigdipper_log_lag_bytes": constant(0),
    "bigdipper_log_lines_total": lambda t: 50.0 * (t // 60),
    "bigdipper_log_configured": constant(1),
    "bigdipper_log_up": constant(1),
    'bigdipper_log_gaps_total{reason="truncated"}': constant(0),
    'bigdipper_log_malformed_total{kind="account"}': at(DAY + 3 * HOUR, DAY + 3 * HOUR + 60),
    "bigdipper_log_timestamp_skew_seconds": lambda t: 0.2 + t % 5 / 10,
    "bigdipper_bot_running": lambda t: float(not RESTART <= t < RESTART + 240),
    "bigdipper_bot_last_cycle_timestamp_seconds": log_arrival,
    "bigdipper_bot_starts_total": at(0, RESTART + 240),
    'bigdipper_bot_errors_total{kind="cycle"}': at(*(day * DAY + 10 * HOUR for day in range(5))),
    'bigdipper_bot_errors_total{kind="scan"}': counted(3),
    'bigdipper_halts_total{cause="positions_unavailable"}': at(OUTAGE.start, OUTAGE.start + 60),
    'bigdipper_halts_total{cause="equity_not_positive"}': constant(0),
    "bigdipper_bot_cycles_total": lambda t: float(t // 60),
    "bigdipper_bot_closed_cycles_total": constant(0),
    'bigdipper_halts_total{cause="brake"}': constant(0),
    "bigdipper_exporter_loop_age_seconds": constant(0.2),
    "bigdipper_bot_cycle_duration_seconds_sum": lambda t: t / 60 * (20 if session(t) == "regular" else 4),
    "bigdipper_bot_cycle_duration_seconds_count": lambda t: t / 60,
    "bigdipper_bot_equity_usd": equity,
    "bigdipper_bot_unrealized_pl_usd": lambda t: 0.05 * equity(t) * math.sin(t / DAY),
    "bigdipper_bot_day_profit_usd": lambda t: equity(t) - yesterday(t),
    "bigdipper_bot_day_return_ratio": lambda t: equity(t) / yesterday(t) - 1,
    "bigdipper_day_start_equity_usd": yesterday,
    "bigdipper_day_previous_equity_usd": yesterday,
    "bigdipper_bot_config_up": constant(1),
    'bigdipper_bot_config_findings{severity="error"}': constant(0),
    'bigdipper_bot_config_setting{setting="MAX_POSITION_PCT"}': constant(0.15),
    'bigdipper_bot_info{version="v2.16",mode="paper",log_form="v2.18"}': constant(1),
    "bigdipper_brake_active": constant(0),
    "bigdipper_brake_started_timestamp_seconds": lambda t: None,
    'bigdipper_hour_missed_trades{reason="leverage_limit"}': constant(60),
    'bigdipper_hour_missed_trades{reason="wash_sale_conflict"}': constant(3),
    "bigdipper_day_trades": today(counted(1)),
    **{
        f'bigdipper_calendar_session{{session="{name}"}}': lambda t, name=name: float(session(t) == name)  # type: ignore[misc]
        for name in ("regular", "extended", "closed")
    },
    "bigdipper_calendar_last_close_timestamp_seconds": last_close,
    "bigdipper_calendar_next_open_timestamp_seconds": next_open,
    "bigdipper_exporter_ready": lambda t: float(t > SCRAPE_GAP + STEP or t < SCRAPE_GAP),
    "bigdipper_exporter_start_timestamp_seconds": lambda t: float(SCRAPE_GAP if t >= SCRAPE_GAP else -DAY),
    "bigdipper_exporter_label_overflow_total": constant(0),
    "bigdipper_archive_up": constant(1),
    "bigdipper_archive_errors_total": constant(1),
    "bigdipper_archive_disk_free_bytes": lambda t: 9e9 - t * 10,
}

BROKER: dict[str, Metric] = {
    'bigdipper_alpaca_up{endpoint="account"}': lambda t: float(t not in OUTAGE),
    'bigdipper_alpaca_last_success_timestamp_seconds{endpoint="account"}': answered,
    'bigdipper_alpaca_request_failures_total{endpoint="account",reason="unauthorized"}': constant(0),
    'bigdipper_alpaca_request_failures_total{endpoint="account",reason="timeout"}': at(*OUTAGE[::60]),
    "bigdipper_market_data_last_success_timestamp_seconds": answered,
    "bigdipper_market_data_stale_symbols": lambda t: float(session(t) == "extended"),
    'bigdipper_corporate_action_ex_timestamp_seconds{symbol="NVDA",kind="split"}': constant(60 * DAY),
    'bigdipper_phantom_dips{symbol="NVDA"}': constant(0),
    "bigdipper_alpaca_rate_limit": constant(200),
    "bigdipper_alpaca_rate_limit_remaining": lambda t: 120 + t % 70,
    'bigdipper_alpaca_rejected_records_total{endpoint="positions"}': constant(0),
    "bigdipper_alpaca_clock_skew_seconds": lambda t: 0.3 * math.sin(t),
    'bigdipper_alpaca_info{mode="paper",account_status="ACTIVE"}': constant(1),
    'bigdipper_account_blocked{kind="trading"}': constant(0),
    "bigdipper_account_equity_usd": equity,
    "bigdipper_account_maintenance_margin_usd": lambda t: 0.3 * equity(t),
    "bigdipper_account_last_equity_usd": yesterday,
    "bigdipper_account_day_profit_usd": lambda t: equity(t) - yesterday(t) - (deposit(t) or 0.0),
    "bigdipper_account_day_return_ratio": lambda t: (equity(t) - yesterday(t) - (deposit(t) or 0.0)) / yesterday(t),
    "bigdipper_account_unrealized_pl_usd": lambda t: 0.05 * equity(t) * math.sin(t / DAY),
    "bigdipper_account_drawdown_ratio": lambda t: 0.04 + 0.03 * math.cos(t / DAY),
    'bigdipper_limit_known{limit="brake"}': constant(1),
    'bigdipper_limit_distance_ratio{limit="brake"}': lambda t: 0.07 + 0.02 * math.sin(t / DAY),
    'bigdipper_limit_distance_usd{limit="hard"}': lambda t: 3800 + 700 * math.sin(t / DAY),
    'bigdipper_limit_distance_ratio{limit="maintenance"}': constant(0.55),
    'bigdipper_position_market_value_usd{symbol="NVDA"}': lambda t: 0.13 * equity(t),
    'bigdipper_position_unrealized_pl_ratio{symbol="NVDA"}': lambda t: -0.08 + 0.05 * math.sin(t / DAY),
    "bigdipper_order_oldest_open_buy_timestamp_seconds": lambda t: t // 600 * 600 if session(t) == "regular" else None,
    'bigdipper_bot_orders_total{status="rejected"}': constant(2),
    "bigdipper_day_fills": today(counted(0.9)),
    'bigdipper_wash_sale_buys_total{symbol="NVDA"}': constant(1),
    "bigdipper_alpaca_backfill_ratio": constant(1),
    'bigdipper_discrepancies_open{kind="log_without_order"}': lambda t: float(t % (6 * HOUR) < 300),
    'bigdipper_discrepancies_total{kind="position_changed"}': constant(3),
}

STACK: dict[str, Metric] = {
    'up{job="alertmanager",instance="alertmanager:9093"}': constant(1),
    'prometheus_notifications_errors_total{job="prometheus",instance="localhost:9090"}': at(DAY),
    'alertmanager_notifications_failed_total{job="alertmanager",instance="alertmanager:9093",integration="email"}': constant(4),
    'prometheus_rule_evaluation_failures_total{job="prometheus",instance="localhost:9090",rule_group="x"}': constant(0),
    'prometheus_config_last_reload_successful{job="prometheus",instance="localhost:9090"}': constant(1),
    'alertmanager_config_last_reload_successful{job="alertmanager",instance="alertmanager:9093"}': constant(1),
}


def series(metrics: dict[str, Metric]) -> Iterator[tuple[str, str]]:
    """Names and values in promtool's notation, one every STEP seconds. The exporter's own miss one scrape."""
    for name, metric in metrics.items():
        values = [
            None if metrics is not STACK and t == SCRAPE_GAP and name != "up" else metric(t) for t in range(0, WEEK + 1, STEP)
        ]
        yield name, " ".join("_" if value is None else f"{value:.6g}" if value % 1 else str(int(value)) for value in values)
