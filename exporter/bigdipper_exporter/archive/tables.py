"""Every table of the archive. A new column is a field here and a line in a new migration; tests compare the two."""

from dataclasses import dataclass

from bigdipper_exporter.archive import price_tables, replay_tables
from bigdipper_exporter.archive.table import TABLES, Day, Moment, Percent, Ratio, RowId, Seconds, Usd, table

__all__ = ["EXPORTS", "TABLES", "price_tables", "replay_tables"]


@table("account_history", retention=True, export="account")
@dataclass(slots=True)
class AccountRow:
    """One account line of the log (source 'log') or one account answer of the broker (source 'alpaca')."""

    id: RowId
    ts: Moment
    date: Day
    source: str
    cycle_number: int | None = None
    equity: Usd | None = None
    cash: Usd | None = None
    margin_ratio: Ratio | None = None
    leverage_ratio: Ratio | None = None
    margin_debt: Usd | None = None
    pl_dollar: Usd | None = None
    pl_percent: Percent | None = None
    market_status: str | None = None
    last_equity: Usd | None = None
    buying_power: Usd | None = None
    long_market_value: Usd | None = None
    short_market_value: Usd | None = None
    initial_margin: Usd | None = None
    maintenance_margin: Usd | None = None


@table("trades", export="trades", submits="buy")
@dataclass(slots=True)
class TradeRow:
    """Orders that the bot submitted, as its log says. Whether they filled is in `orders`."""

    id: RowId
    ts: Moment
    date: Day
    cycle_number: int | None
    symbol: str
    quantity: float
    price: Usd
    total_value: Usd
    order_id: str | None


@table("skips", retention=True, export="skips")
@dataclass(slots=True)
class SkipRow:
    """Missed trades, one by one. Routine skips are in `skip_counts`."""

    id: RowId
    ts: Moment
    date: Day
    cycle_number: int | None
    symbol: str
    reason: str
    detail: str
    dip_percent: Percent | None


@table("skip_counts", key=("hour", "symbol", "reason"), time="hour", retention=True)
@dataclass(slots=True)
class SkipCountRow:
    """Routine skips: sums per hour (its start in unix seconds), symbol and reason."""

    hour: int
    symbol: str
    reason: str
    count: int


@table("opportunities", retention=True, export="opportunities")
@dataclass(slots=True)
class OpportunityRow:
    """Dips that qualified, one row per cycle and symbol.

    outcome: submitted, rejected, capital, too_small, missed_brake or unknown; reason: the reason code of a rejection.
    """

    id: RowId
    ts: Moment
    date: Day
    cycle_number: int | None
    symbol: str
    dip_percent: Percent | None
    price: Usd | None
    score: float | None
    outcome: str
    reason: str | None = None
    threshold_percent: Percent | None = None
    volatility_factor: float | None = None
    size_factor: float | None = None


@table("dip_days", key=("date", "symbol", "outcome", "depth"), counted=False)
@dataclass(slots=True)
class DipDayRow:
    """Sums of `opportunities` by day, symbol, outcome and depth (whole percents, 1: unknown), kept by triggers.

    score: the highest; dip_percent, ts: of that dip.
    """

    date: Day
    symbol: str
    outcome: str
    depth: int
    dips: int
    score: float | None
    dip_percent: Percent | None
    ts: Moment


@table("brake_events", time="started", export="brakes")
@dataclass(slots=True)
class BrakeRow:
    """Brake episodes; `ended` is NULL while one is open.

    duration_seconds: up to the last line of the episode. Ratios: the level that started it, and the worst that was logged.
    """

    id: RowId
    started: Moment
    ended: Moment | None
    date: Day
    duration_seconds: Seconds | None
    cycles: int
    margin_ratio: Ratio | None
    leverage_ratio: Ratio | None
    peak_ratio: Ratio | None
    margin_debt: Usd | None
    equity: Usd | None
    position_value: Usd | None
    reduce_usd: Usd | None
    missed_opportunities: int
    last_seen: Moment


@table("bot_events")
@dataclass(slots=True)
class BotEventRow:
    """Starts and stops of the bot, halts and errors. kind: start, stop, halt, error, capital; cause: the metric's label."""

    id: RowId
    ts: Moment
    date: Day
    kind: str
    cause: str
    detail: str


@table("scans", retention=True)
@dataclass(slots=True)
class ScanRow:
    """Scans of the bot: how many dips each found."""

    id: RowId
    ts: Moment
    date: Day
    cycle_number: int | None
    found: int
    largest_dip_symbol: str | None
    largest_dip_percent: Percent | None


@table("position_snapshots", key=("symbol", "ts"), retention=True)
@dataclass(slots=True)
class PositionRow:
    """Positions at the broker, every 15 minutes and at every change of quantity; quantity 0 marks the close of a position."""

    ts: Moment
    symbol: str
    date: Day
    asset_class: str | None = None
    quantity: float | None = None
    market_value: Usd | None = None
    cost_basis: Usd | None = None
    unrealized_pl: Usd | None = None
    unrealized_pl_pct: Percent | None = None
    intraday_pl: Usd | None = None
    avg_entry_price: Usd | None = None
    current_price: Usd | None = None


@table("orders", key=("order_id",), time="submitted", export="orders", kept=("in_log", "counted"))
@dataclass(slots=True)
class OrderRow:
    """Orders at the broker, followed to their end.

    in_log: 1 when a line of the log named the order. counted: 1 once it is in the counters of the bot's orders.
    """

    order_id: str
    client_order_id: str | None
    symbol: str
    side: str | None
    type: str | None
    quantity: float | None
    notional: Usd | None
    limit_price: Usd | None
    filled_quantity: float | None
    filled_avg_price: Usd | None
    status: str
    date: Day
    submitted: Moment
    updated: Moment | None
    filled: Moment | None
    ended: Moment | None
    time_to_fill_seconds: Seconds | None
    slippage_bps: float | None
    extended_hours: bool | None
    replaced_by: str | None
    in_log: bool = False
    counted: bool = False


@table("fills", key=("activity_id",), export="fills")
@dataclass(slots=True)
class FillRow:
    """Executions. value: NULL for an option of unknown size; realized_pl: against FIFO lots, NULL where they are incomplete."""

    activity_id: str
    ts: Moment
    date: Day
    symbol: str
    side: str
    quantity: float
    price: Usd
    value: Usd | None
    order_id: str | None
    realized_pl: Usd | None = None


@table("activities", key=("activity_id",), export="activities")
@dataclass(slots=True)
class ActivityRow:
    """Everything else on the account: dividends, fees, interest, deposits, withdrawals, splits, transfers."""

    activity_id: str
    ts: Moment
    date: Day
    type: str
    sub_type: str | None
    symbol: str | None
    quantity: float | None
    price: Usd | None
    net_amount: Usd | None
    status: str | None
    description: str | None
    reversed_at: Moment | None = None


@table("daily_stats", key=("date",), export="daily")
@dataclass(slots=True)
class DailyRow:
    """One row per New York trading day. equity_source: whose equity the five equity columns hold, never a mixture."""

    date: Day
    ts: Moment
    trading_day: bool
    cycles: int = 0
    trades_count: int = 0
    total_deployed: Usd = 0.0
    equity_source: str | None = None
    starting_equity: Usd | None = None
    ending_equity: Usd | None = None
    peak_equity: Usd | None = None
    trough_equity: Usd | None = None
    max_margin_ratio: Ratio | None = None
    max_leverage_ratio: Ratio | None = None
    brake_events: int = 0
    brake_seconds: Seconds = 0.0
    missed_trades: int = 0
    wash_trade_rejections: int = 0
    opportunities: int = 0
    fills_count: int = 0
    realized_pl: Usd | None = None
    unrealized_change: Usd | None = None
    dividends: Usd | None = None
    fees: Usd | None = None
    interest: Usd | None = None
    cash_flow: Usd | None = None
    other: Usd | None = None
    return_ratio: Ratio | None = None
    drawdown_ratio: Ratio | None = None
    fills_by_hand: int = 0
    profit: Usd | None = None
    deposits: Usd | None = None
    withdrawals: Usd | None = None
    adjusted_peak: Usd | None = None


@table("noticed_flows", key=("ts",), counted=False)
@dataclass(slots=True)
class NoticedFlowRow:
    """Flows seen in the account answer before their activity."""

    ts: Moment
    amount: Usd


@table("portfolio_history", key=("date",), counted=False)
@dataclass(slots=True)
class PortfolioHistoryRow:
    """The broker's closes from portfolio history, rounded to the cent."""

    date: Day
    equity: Usd


@table("implausible_answers", key=("ts", "endpoint", "reason"), retention=True, counted=False)
@dataclass(slots=True)
class ImplausibleAnswerRow:
    """Answers of the broker that were not believed."""

    ts: Moment
    endpoint: str
    reason: str
    equity: Usd | None = None
    cash: Usd | None = None
    long_market_value: Usd | None = None
    short_market_value: Usd | None = None
    last_equity: Usd | None = None


@table("accounts", key=("account_id",), time="first_seen", counted=False)
@dataclass(slots=True)
class AccountIdRow:
    """The accounts seen under these keys. checkpoint: where reading goes on when the account comes back (JSON)."""

    account_id: str
    first_seen: Moment
    present: int
    checkpoint: str | None = None


@table("discrepancies")
@dataclass(slots=True)
class DiscrepancyRow:
    """Differences between the log and the broker. resolved: when the difference went away."""

    id: int | None
    ts: Moment
    date: Day
    kind: str
    symbol: str | None
    order_id: str | None
    log_value: float | None
    broker_value: float | None
    detail: str
    resolved: Moment | None


@table("gaps")
@dataclass(slots=True)
class GapRow:
    """Places where lines of the log are or may be lost."""

    id: int | None
    ts: Moment
    generation: int
    reason: str
    detail: str


@table("wash_sales", key=("activity_id",), time="sold", counted=False)
@dataclass(slots=True)
class WashSaleRow:
    """Loss sales and their 61 days: an aid, not tax advice.

    side: long or short, the position that was closed. disallowed: the loss deferred. status: known, or unknown where the lots
    are incomplete.
    """

    activity_id: str
    symbol: str
    sold: Moment
    date: Day
    quantity: float
    loss: Usd | None
    window_end: Moment
    bought_before: float
    bought_after: float
    status: str
    side: str = "long"
    disallowed: Usd | None = None


@table("bot_config", counted=False)
@dataclass(slots=True)
class BotConfigRow:
    """Changes of the bot's own settings; the newest row of a setting is the present. value NULL: removed.

    ts: when the file was written, or when that was noticed. author: NULL where it was changed by other means.
    """

    id: int | None
    ts: Moment
    setting: str
    value: str | None
    previous: str | None
    author: str | None = None


@table("bot_config_findings", key=(), counted=False)
@dataclass(slots=True)
class FindingRow:
    """What is wrong with the bot's present configuration. severity: error, warning or info."""

    ts: Moment
    severity: str
    setting: str
    message: str


@table("checkpoints", key=("generation",), time="updated", counted=False)
@dataclass(slots=True)
class CheckpointRow:
    """How far each file of the log has been read; committed together with what was read."""

    generation: int
    path: str
    device: int
    inode: int
    offset: int
    head: bytes
    tail: bytes
    skipping: bool
    ended: bool
    updated: Moment


@table("log_checksums", key=("generation", "start"), counted=False)
@dataclass(slots=True)
class LogChecksumRow:
    """Checksums of the log's lines: by them an older copy of the log is recognised that was put in its place."""

    generation: int
    start: int
    size: int
    sums: bytes


@table("state", key=("key",), counted=False)
@dataclass(slots=True)
class StateRow:
    """What a restart needs, as JSON."""

    key: str
    value: str


@table("counters", key=("name", "labels"), counted=False)
@dataclass(slots=True)
class CounterRow:
    """Values of Prometheus counters, which go on after a restart. labels: a JSON array in the order of the declaration."""

    name: str
    labels: str
    value: float


@table("sectors", key=("symbol",), counted=False)
@dataclass(slots=True)
class SectorRow:
    """Sectors of the symbols, loaded at the start from the setting sectors.file."""

    symbol: str
    sector: str


@table("changes", key=("seq",), counted=False)
@dataclass(slots=True)
class ChangeRow:
    """The newest 50,000 changes, in the order of the commits, written by triggers: the live channel of the API.

    channel: trades, account, opportunities, brake, skips or positions. row: id in its table; for positions `symbol` and `ts`.
    """

    seq: int
    channel: str
    ts: Moment
    row: int | None
    symbol: str | None


@table("schema_version", key=("version",), time="applied", counted=False)
@dataclass(slots=True)
class SchemaVersionRow:
    """Migrations that were applied, and by which version of the exporter."""

    version: int
    applied: Moment
    exporter: str


# Name in `big-dipper-exporter export` -> table.
EXPORTS = {table.export: table for table in TABLES.values() if table.export is not None}
