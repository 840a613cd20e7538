"""Tables of what the broker says about the account, and of the days derived from it."""

from dataclasses import dataclass

from bigdipper_exporter.archive.table import Day, Moment, Percent, Ratio, Seconds, Usd, table

IN_SHARES = "SDIV"  # the sub type of a dividend that is paid in shares
# Condition on a dividend's row of activities; one without a sub type may have been paid in shares when it paid no cash.
PAID_IN_SHARES = (
    f"quantity <> 0 AND (coalesce(sub_type, '') = '{IN_SHARES}' OR (sub_type IS NULL AND coalesce(net_amount, 0) = 0))"
)

# Lots are derived again from all executions, and what a sale realized must stay: so the closes of positions stay, and what the
# quantity was around splits, dividends in shares and transfers. A position that does not move gets no new row: its newest one
# stays, however old.
_FOR_LOTS = f"""
  quantity = 0
  OR ts = (SELECT max(q.ts) FROM position_snapshots AS q WHERE q.symbol = position_snapshots.symbol AND q.quantity <> 0)
  OR EXISTS (SELECT 1 FROM activities AS a WHERE a.symbol = position_snapshots.symbol
    AND (a.type NOT LIKE 'DIV%' OR ({PAID_IN_SHARES}))
    AND position_snapshots.date BETWEEN date(a.date, '-10 days') AND date(a.date, '+3 days'))"""


@table("position_snapshots", key=("symbol", "ts"), retention=True, spared=_FOR_LOTS)
@dataclass(slots=True)
class PositionRow:
    """Positions at the broker, every 15 minutes while they move and at every change of quantity; quantity 0 marks the close."""

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
    """Executions. value: NULL for an option of unknown size; realized_pl: against FIFO lots, NULL where they are incomplete.

    average_pl: what was realized against the average cost of the day, by which the broker's unrealized profit counts that day.
    """

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
    average_pl: Usd | None = None


@table("activities", key=("activity_id",), export="activities")
@dataclass(slots=True)
class ActivityRow:
    """Everything else on the account: dividends, fees, interest, deposits, withdrawals, splits, transfers.

    realized_pl: of an option that expired or was exercised, and of the shares delivered then.
    """

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
    realized_pl: Usd | None = None


@table("daily_stats", key=("date",), export="daily")
@dataclass(slots=True)
class DailyRow:
    """One row per day from 04:00 to 04:00 New York; trading_day: whether the NYSE was open.

    equity_source: who reported starting, ending, peak and trough equity, log or alpaca, never a mixture. drawdown_ratio: at the
    end of the day, 0 or negative.
    """

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
    """Deposits and withdrawals inferred from an account response before Alpaca lists their activities."""

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
    """Account and position responses that were rejected as implausible."""

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
