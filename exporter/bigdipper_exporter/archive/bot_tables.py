"""Tables of what the bot says: the lines of its log, and its config.py."""

from dataclasses import dataclass

from bigdipper_exporter.archive.table import Day, Moment, Percent, Ratio, RowId, Seconds, Usd, table


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


@table("dip_outcome_days", key=("date", "symbol", "outcome"), counted=False)
@dataclass(slots=True)
class DipOutcomeDayRow:
    """Sums of `dip_days` by day, symbol and outcome, kept by triggers.

    score: the highest; dip_percent, ts: of that dip.
    """

    date: Day
    symbol: str
    outcome: str
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


@table("scan_days", key=("date",), counted=False)
@dataclass(slots=True)
class ScanDayRow:
    """Sums of `scans` by day, kept by triggers. found: dips that the scans found."""

    date: Day
    scans: int
    found: int


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
