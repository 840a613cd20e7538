"""Every gauge shows the figure that it is named for: one moment in which no two figures are alike."""

from dataclasses import replace
from datetime import datetime
from types import SimpleNamespace

import pytest

from bigdipper_exporter.archive.broker.view import BrokerView, HistoryDays, OrdersToday, Wash
from bigdipper_exporter.archive.price_tables import DipTriggerRow
from bigdipper_exporter.archive.prices.figures import Ahead, Figures
from bigdipper_exporter.archive.prices.view import PriceView
from bigdipper_exporter.archive.queries.settings import SettingChange
from bigdipper_exporter.archive.statistics import Statistics
from bigdipper_exporter.botconfig.reader import BotConfigView
from bigdipper_exporter.broker.models import Account, Clock, Position
from bigdipper_exporter.broker.stream import StreamStatus
from bigdipper_exporter.calendar import NEW_YORK
from bigdipper_exporter.metrics import bot, day, limits
from bigdipper_exporter.metrics import exporter as own
from bigdipper_exporter.metrics.collect import Collector
from bigdipper_exporter.metrics.registry import METRICS
from bigdipper_exporter.metrics.snapshot import Day, ExporterStatus, Snapshot
from bigdipper_exporter.money.benchmark import Comparison
from bigdipper_exporter.money.returns import TimeWeightedReturn
from bigdipper_exporter.projection.state import BotState, Episode
from bigdipper_exporter.symbols import MAX_SYMBOLS
from tests.running import Series, series

# The Friday after Thanksgiving, noon: a half day.
NOON = datetime(2025, 11, 28, 12, tzinfo=NEW_YORK).timestamp()

BOT = BotState(
    version="2.18",
    mode="paper",
    forms="18",
    symbols=("AMD", "MSFT", "TER"),
    running=True,
    started=1001.0,
    session="regular",
    cycle_number=1002,
    cycle_ts=1003.0,
    trade_ts=1004.0,
    scan_found=1005,
    equity=1006.0,
    cash=-1007.0,
    margin_ratio=0.08,
    leverage_ratio=1.09,
    margin_debt=1010.0,
    pl=-1011.0,
    pl_ratio=-0.12,
    account_ts=2001.5,  # of the day that began at 2001
    positions=1014,
    invested=1015.0,
    movers={"winners": "MSFT +14.2%", "losers": "TER -7.6%"},
    brake=Episode(1, 1016.0, 1017.0),
    brake_level=1.18,
)
DAY = Day(
    2001.0,
    2002,
    2003.0,
    2004,
    2005,
    2006,
    2007,
    2008.0,
    2009,
    2010.0,
    2011,
    2012.0,
    (("AMD", 2013),),
    (("AMD", 2014),),
    (("r", 2015),),
    (("r", 2016),),
)
OWN = ExporterStatus(
    3001.0,
    turned=3009.0,
    ready=False,
    log_up=True,
    log_lag=3002,
    last_line=NOON - 3,
    timestamp_skew=3004.0,
    archive_up=False,
    archive=Statistics(size=3005, disk_free=3006, oldest=3007.0, rows={"trades": 3008}),
)
ACCOUNT = Account(
    "id",
    "ACTIVE",
    equity=4000.0,
    cash=-1000.0,
    last_equity=5000.0,
    buying_power=4001.0,
    long_market_value=6000.0,
    short_market_value=-500.0,
    initial_margin=4002.0,
    maintenance_margin=2750.0,
    trading_blocked=True,
    transfers_blocked=False,
    account_blocked=None,
)
BROKER = BrokerView(
    mode="paper",
    stream=StreamStatus(True, 5320, 5321.0, "limit", 1),
    account=ACCOUNT,
    account_at=2001.5,
    positions=(
        Position("AMD", 5001.0, "us_equity", 6000.0, 5003.0, 5004.0, 5005.0, 5006.0, 0.57, 5008.0),
        Position("TER", -5101.0, "us_equity", -500.0, -5103.0, 5104.0, 5105.0, -5106.0, -0.67, -5108.0),
        Position("GONE", 5401.0, "us_equity"),
    ),
    positions_at=2001.5,
    unreadable=5402,
    open_orders=(("sell", 5201.0), ("buy", 5203.0), ("buy", 5202.0)),
    clock=Clock(True, 1.0, 5301.0, 5302.0),
    clock_skew=5303.0,
    up={"account": True, "orders": False},
    success={"account": 5304.0, "activities": 5314.0},
    rate_limit=5305,
    rate_remaining=5306,
    history=HistoryDays(4061, 4062, 4063),
    backfill=0.53,
    orders_today=OrdersToday({"filled": 5501, "partly_filled": 5502, "unfilled": 5307, "open": 5503}, 5504),
    fill_rate=0.54,
    fills_without_value=53,
    discrepancies={"unknown_order": 5308},
    cash_flow_today=-5309.0,
    day_profit=-5313.0,
    day_return=-0.58,
    doubts=("jump",),
    wash=Wash({"AMD": NOON + 1, "OVER": NOON - 1}, {"LATE": NOON + 2, "OVER": NOON - 1}, {"MP": 5311.0}),
    chain=TimeWeightedReturn((), (), 0.55, 5312.0, (("30", 0.56),)),
)
HISTORY = (SettingChange(1000.0, "MAX", "1"), SettingChange(6003.0, "MAX", "2"))
CONFIG = BotConfigView(
    True, "abc", {"MAX": 6001.0}, {"AMD": 0.06}, {"error": 6002, "warning": 0}, 6003.0, 0.25, 0.5, history=HISTORY
)
FIGURES = Figures(
    7002.0,
    triggers=[DipTriggerRow("AMD", 7003.0, 7004.0, 7005.0, "2025-11-03", 0.05, 7006.0, -0.071, -0.021, True)],
    comparison=Comparison(
        days=7007,
        account_return=0.71,
        benchmark_return=0.72,
        difference=7008.0,
        twin=7009.0,
        beta=0.73,
        alpha=0.74,
        correlation=0.75,
        tracking_error=0.76,
        information_ratio=0.77,
        up_capture=0.78,
        down_capture=0.79,
    ),
    ahead=(Ahead("AMD", "forward_split", 7010.0),),
    stale=("TER", "MSFT", "AMD"),
    phantoms={"TER": 7011},
)
PRICES = PriceView("SPY", True, None, 7001.0, {"FB": "renamed to META", "XYZ": "no prices"}, FIGURES)
MOMENT = Snapshot(BOT, {}, 1.0, DAY, OWN, BROKER, CONFIG, PRICES)

SHOWN = """
bot_equity_usd 1006
bot_cash_usd -1007
bot_margin_ratio 0.08
bot_leverage_ratio 1.09
bot_margin_debt_usd 1010
bot_unrealized_pl_usd -1011
bot_unrealized_pl_ratio -0.12
bot_positions 1014
bot_invested_usd 1015
bot_mover_ratio side=winners symbol=MSFT 0.142
bot_mover_ratio side=losers symbol=TER -0.076
bot_cycle_number 1002
bot_last_cycle_timestamp_seconds 1003
bot_last_account_timestamp_seconds 2001.5
bot_last_trade_timestamp_seconds 1004
bot_start_timestamp_seconds 1001
bot_running 1
bot_watched_symbols 3
bot_info log_form=v2.18 mode=paper version=2.18 1
market_session session=regular 1
market_session session=extended 0
market_session session=closed 0
scan_opportunities 1005
brake_active 1
brake_started_timestamp_seconds 1016
brake_level_ratio 1.18

day_start_timestamp_seconds 2001
day_trades 2002
day_deployed_usd 2003
day_fills 2004
day_fills_by_hand 2011
day_symbol_trades symbol=AMD 2013
day_symbol_fills symbol=AMD 2014
day_missed_symbols reason=r 2015
hour_missed_trades reason=r 2016
day_previous_equity_usd 2012
bot_day_profit_usd -1006
bot_day_return_ratio -0.5
day_missed_trades 2005
day_cycles 2006
day_opportunities 2007
day_brake_seconds 2008
day_brake_episodes 2009
day_start_equity_usd 2010
calendar_session session=regular 1
calendar_session session=extended 0
calendar_session session=closed 0
calendar_trading_day 1
calendar_last_close_timestamp_seconds 2025-11-26T16:00
calendar_next_open_timestamp_seconds 2025-12-01T09:30
calendar_next_close_timestamp_seconds 2025-11-28T13:00

exporter_start_timestamp_seconds 3001
exporter_ready 0
exporter_loop_age_seconds 11
log_configured 1
log_up 1
log_last_line_timestamp_seconds 1764349197
log_timestamp_skew_seconds 3004
log_lag_bytes 3002
archive_up 0
archive_rows table=trades 3008
archive_size_bytes 3005
archive_disk_free_bytes 3006
archive_oldest_timestamp_seconds 3007

account_equity_usd 4000
account_cash_usd -1000
account_buying_power_usd 4001
account_last_equity_usd 5000
account_long_market_value_usd 6000
account_short_market_value_usd -500
account_initial_margin_usd 4002
account_maintenance_margin_usd 2750
account_margin_debt_usd 1000
account_margin_ratio 0.25
account_leverage_ratio 1.375
account_gross_exposure_ratio 1.625
account_day_pl_usd -1000
account_day_pl_ratio -0.2
account_unrealized_pl_usd -100
account_blocked kind=trading 1
account_blocked kind=transfers 0
account_cash_flow_today_usd -5309
account_day_profit_usd -5313
account_day_return_ratio -0.58
account_doubted 1
account_equity_peak_usd 5312
account_drawdown_ratio 0.55
account_adjusted_return_ratio window=30 0.56

positions asset_class=us_equity 3
positions_unreadable 5402
position_unpriced symbol=GONE 1
position_quantity symbol=GONE 5401
position_quantity symbol=AMD 5001
position_quantity symbol=TER -5101
position_market_value_usd symbol=AMD 6000
position_market_value_usd symbol=TER -500
position_cost_basis_usd symbol=AMD 5003
position_cost_basis_usd symbol=TER -5103
position_avg_entry_price_usd symbol=AMD 5004
position_avg_entry_price_usd symbol=TER 5104
position_current_price_usd symbol=AMD 5005
position_current_price_usd symbol=TER 5105
position_unrealized_pl_usd symbol=AMD 5006
position_unrealized_pl_usd symbol=TER -5106
position_unrealized_pl_ratio symbol=AMD 0.57
position_unrealized_pl_ratio symbol=TER -0.67
position_intraday_pl_usd symbol=AMD 5008
position_intraday_pl_usd symbol=TER -5108
orders_open side=buy 2
orders_open side=sell 1
order_oldest_open_timestamp_seconds 5201
order_oldest_open_buy_timestamp_seconds 5202
orders_unfilled 5307
day_orders result=filled 5501
day_orders result=partly_filled 5502
day_orders result=unfilled 5307
day_orders result=open 5503
day_orders_by_hand 5504
fill_rate_ratio 0.54
fills_without_value 53

limit_ratio limit=brake 0.25
limit_ratio limit=hard 0.5
limit_ratio limit=maintenance 1.36363636
limit_known limit=brake 1
limit_known limit=hard 1
limit_known limit=maintenance 1
limit_level_ratio limit=brake 0.375
limit_level_ratio limit=hard 0.375
limit_level_ratio limit=maintenance 0.625
limit_distance_usd limit=brake -500
limit_distance_usd limit=hard 500
limit_distance_usd limit=maintenance 2954.54545455
limit_distance_ratio limit=brake -0.36363636
limit_distance_ratio limit=hard 0.18181818
limit_distance_ratio limit=maintenance 0.45454545
discrepancies_open kind=unknown_order 5308
wash_sale_window_end_timestamp_seconds symbol=AMD 2025-11-28T12:00:01
wash_sale_unknown symbol=LATE 1
wash_sale_disallowed_loss_usd symbol=MP 5311

market_open 1
market_next_open_timestamp_seconds 5301
market_next_close_timestamp_seconds 5302
alpaca_configured 1
alpaca_info account_status=ACTIVE mode=paper 1
alpaca_up endpoint=account 1
alpaca_up endpoint=orders 0
alpaca_last_success_timestamp_seconds endpoint=account 5304
alpaca_last_success_timestamp_seconds endpoint=activities 5314
alpaca_rate_limit 5305
alpaca_rate_limit_remaining 5306
alpaca_clock_skew_seconds 5303
history_days state=wanted 4061
history_days state=equity 4062
history_days state=complete 4063
alpaca_backfill_ratio 0.53
alpaca_stream_up 1
alpaca_stream_last_event_timestamp_seconds 5321
alpaca_stream_missed_fills 1
alpaca_stream_refused reason=auth 0
alpaca_stream_refused reason=limit 1
alpaca_stream_refused reason=mute 0
alpaca_stream_refused reason=network 0

bot_config_up 1
bot_config_info hash=abc 1
bot_config_setting setting=MAX 6001
bot_config_threshold_ratio symbol=AMD 0.06
bot_config_findings severity=error 6002
bot_config_findings severity=warning 0
bot_config_changed_timestamp_seconds 6003
bot_config_pending 1
bot_config_setting_pending setting=MAX 1
market_data_up 1
market_data_last_success_timestamp_seconds 7001
market_data_symbols_without_prices 2
market_data_stale_symbols 3
price_usd symbol=AMD 7004
dip_ratio symbol=AMD -0.071
dip_trigger_price_usd symbol=AMD 7006
phantom_dips symbol=TER 7011
corporate_action_ex_timestamp_seconds kind=forward_split symbol=AMD 7010
benchmark_info symbol=SPY 1
benchmark_days 7007
benchmark_account_return_ratio 0.71
benchmark_return_ratio 0.72
benchmark_excess_return_ratio -0.01
benchmark_twin_usd 7009
benchmark_difference_usd 7008
benchmark_beta 0.73
benchmark_alpha_ratio 0.74
benchmark_correlation 0.75
benchmark_tracking_error_ratio 0.76
benchmark_information_ratio 0.77
benchmark_up_capture_ratio 0.78
benchmark_down_capture_ratio 0.79
"""


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of the metrics that ask for the time."""
    for module in (bot, day, limits):
        monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: NOON))
    monkeypatch.setattr(own, "time", SimpleNamespace(monotonic=lambda: 3020.0))


def gauges(snapshot: Snapshot) -> Series:
    """Every gauge of the table but the exporter's own version."""
    table = [metric for metric in METRICS if metric.type == "gauge" and metric.name != "bigdipper_exporter_build_info"]
    shown = series(Collector(table, lambda: snapshot).collect())
    return {key: round(value, 8) for key, value in shown.items() if not key[0].startswith(("process_", "python_"))}


def expected() -> Series:
    """`SHOWN`; times of the calendar are those of New York."""
    found: Series = {}
    for name, *labels, value in (line.split() for line in SHOWN.splitlines() if line):
        number = datetime.fromisoformat(value).replace(tzinfo=NEW_YORK).timestamp() if "T" in value else float(value)
        pairs = [label.split("=") for label in labels]
        found[f"bigdipper_{name}", tuple((label, text) for label, text in pairs)] = number
    return found


def test_every_gauge_shows_its_own_figure() -> None:
    assert gauges(MOMENT) == expected()


def test_every_gauge_is_there() -> None:
    assert {name for name, _ in gauges(MOMENT)} == {
        metric.name for metric in METRICS if metric.type == "gauge" and metric.name != "bigdipper_exporter_build_info"
    }


def test_what_is_not_known_of_account_and_positions_has_no_series_and_is_not_0() -> None:
    nothing = replace(MOMENT, broker=BrokerView("paper"), config=BotConfigView(), day=Day(1.0), bot=BotState(), prices=None)
    told = {name.removeprefix("bigdipper_") for name, _ in gauges(nothing)}
    assert {name for name in told if name.startswith(("account_", "position", "order", "limit", "wash", "market_"))} == set()
    assert not told & {"day_fills", "day_start_equity_usd", "bot_config_info", "bot_running", "brake_active", "fill_rate_ratio"}


def test_the_largest_positions_have_series_however_many_there_are() -> None:
    many = tuple(Position(f"S{n}", 1.0, "us_equity", (-1) ** n * float(n)) for n in range(MAX_SYMBOLS + 20))
    shown = {
        dict(labels)["symbol"]
        for name, labels in gauges(replace(MOMENT, broker=replace(BROKER, positions=many)))
        if name == "bigdipper_position_quantity"
    }
    assert shown == {f"S{n}" for n in range(20, MAX_SYMBOLS + 20)}
