"""All metric families, and how often each is to be scraped. docs/metrics.md is generated from them."""

from bigdipper_exporter.metrics import (
    account,
    alpaca,
    bot,
    bot_config,
    counters,
    day,
    exporter,
    limits,
    orders,
    positions,
    prices,
)
from bigdipper_exporter.metrics.table import Metric

BOT = (*bot.METRICS, *counters.BOT)
DAY = day.METRICS
BROKER = (
    *account.METRICS,
    *positions.METRICS,
    *orders.METRICS,
    *limits.METRICS,
    *alpaca.METRICS,
    *bot_config.METRICS,
    *counters.BROKER,
)
PRICES = (*prices.METRICS, *counters.PRICES)
EXPORTER = (*exporter.METRICS, *counters.EXPORTER)
METRICS: tuple[Metric, ...] = (*BOT, *DAY, *BROKER, *PRICES, *EXPORTER)

# The state of this moment, about 80 series: what must be on the screen, or become an alert, within seconds.
# Prometheus scrapes these every 2 s and the rest every 30 s: each series here costs as much as fifteen of those.
_NOW = """
bot_running bot_info bot_last_cycle_timestamp_seconds bot_cycle_number market_session scan_opportunities
bot_equity_usd bot_cash_usd bot_unrealized_pl_usd bot_leverage_ratio bot_margin_ratio bot_positions
bot_day_profit_usd bot_day_return_ratio bot_last_account_timestamp_seconds
brake_active brake_level_ratio brake_started_timestamp_seconds day_brake_seconds
day_trades day_deployed_usd day_orders day_orders_by_hand day_fills day_missed_trades
account_equity_usd account_cash_usd account_buying_power_usd account_day_profit_usd account_day_return_ratio
account_unrealized_pl_usd account_leverage_ratio account_gross_exposure_ratio account_margin_debt_usd account_margin_ratio
account_maintenance_margin_usd account_drawdown_ratio account_equity_peak_usd account_doubted
limit_ratio limit_level_ratio limit_distance_usd limit_distance_ratio limit_known positions
alpaca_up alpaca_last_success_timestamp_seconds calendar_session
exporter_build_info log_up log_last_line_timestamp_seconds log_lag_bytes archive_up exporter_ready exporter_loop_age_seconds
"""
NOW = frozenset(f"bigdipper_{name}" for name in _NOW.split())
