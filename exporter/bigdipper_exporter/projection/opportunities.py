"""Scans, dips that qualified, orders submitted, and skips with their reasons."""

from bigdipper_exporter.archive.bot_tables import OpportunityRow, ScanRow, SkipRow, TradeRow
from bigdipper_exporter.log.lines.brake import MissedByBrake
from bigdipper_exporter.log.lines.orders import CapitalExhausted, Filters, LeftOut, Opportunity, Scan, Trade
from bigdipper_exporter.log.lines.skips import ROUTINE_REASONS, Skip
from bigdipper_exporter.log.records import Record
from bigdipper_exporter.metrics import counters as m
from bigdipper_exporter.projection.context import DETAIL_LIMIT, Context, handles, ratio
from bigdipper_exporter.words import dollars

# The outcome of an opportunity by the reason of its skip; `rejected` for every other reason.
OUTCOMES = {"leverage_limit": "capital", "buying_power": "capital", "too_small": "too_small"}


@handles(Scan)
def scan(c: Context, record: Record, event: Scan) -> None:
    """A scan ended."""
    c.state.scan_found = event.found
    row = ScanRow(
        id=record.id,
        ts=record.ts,
        date=c.date(record.ts),
        cycle_number=c.state.cycle_number,
        found=event.found,
        largest_dip_symbol=event.symbol,
        largest_dip_percent=event.dip_percent,
    )
    c.rows.put(row)


@handles(Opportunity)
def opportunity(c: Context, record: Record, event: Opportunity) -> None:
    """A dip qualified."""
    _qualified(c, record, event.symbol, event.dip_percent, event.price, event.score, "unknown")


@handles(MissedByBrake)
def missed_by_brake(c: Context, record: Record, event: MissedByBrake) -> None:
    """A dip qualified while the brake held."""
    _qualified(c, record, event.symbol, event.dip_percent, event.price, event.score, "missed_brake")


@handles(LeftOut)
def left_out(c: Context, record: Record, event: LeftOut) -> None:
    """A dip qualified for which no capital was left."""
    _qualified(c, record, event.symbol, event.dip_percent, None, event.score, "capital")


@handles(Filters)
def filters(c: Context, record: Record, event: Filters) -> None:
    """The factors that the bot applied to the dip of the line before."""
    row = c.state.opportunities.get(c.state.last_symbol or "")
    if row is not None:
        row.threshold_percent = event.threshold_percent
        row.volatility_factor = event.volatility_factor
        row.size_factor = event.size_factor
        c.rows.put(row)


@handles(Trade)
def trade(c: Context, record: Record, event: Trade) -> None:
    """The bot submitted an order. Orders are identified by their id: each counts once, however often the log mentions it."""
    if c.is_known(event.order_id):
        _outcome(c, event.symbol, "submitted", None)
        return
    label = c.label(event.symbol)
    c.state.trade_ts = record.ts
    ident, ts, (symbol, quantity, price, total, order_id) = record.id, record.ts, event
    c.rows.put(TradeRow(ident, ts, c.date(ts), c.state.cycle_number, symbol, quantity, price, total, order_id))
    c.counters.inc(m.TRADES, label)
    c.counters.inc(m.TRADE_VALUE_USD, label, amount=event.total)
    c.add_to_day(record.ts, "trades_count")
    c.add_to_day(record.ts, "total_deployed", event.total)
    _outcome(c, event.symbol, "submitted", None)


@handles(Skip)
def skip(c: Context, record: Record, event: Skip) -> None:
    """A symbol was not bought. Routine skips are only counted, missed trades get a row each."""
    row = c.state.opportunities.get(event.symbol)
    if event.reason in ROUTINE_REASONS:
        c.routine_skips.add(record.ts, event)
        if row is not None:
            _outcome(c, event.symbol, OUTCOMES.get(event.reason, "rejected"), event.reason)
        return
    if event.leverage_limit_percent is not None:
        c.state.hard_limit = round(event.leverage_limit_percent / 100 - 1, 6)
    elif event.margin_limit_percent is not None:
        c.state.hard_limit = ratio(event.margin_limit_percent)
    missed = SkipRow(
        id=record.id,
        ts=record.ts,
        date=c.date(record.ts),
        cycle_number=c.state.cycle_number,
        symbol=event.symbol,
        reason=event.reason,
        detail=event.detail[:DETAIL_LIMIT],
        dip_percent=row.dip_percent if row is not None else event.dip_percent,
    )
    c.rows.put(missed)
    c.counters.inc(m.SKIPS, c.label(event.symbol), event.reason)
    c.counters.inc(m.MISSED_TRADES, event.reason)
    c.add_to_day(record.ts, "missed_trades")
    if event.reason == "wash_sale_conflict":
        c.add_to_day(record.ts, "wash_trade_rejections")
    if event.reason == "order_failed":
        c.counters.inc(m.BOT_ERRORS, "order")
    _outcome(c, event.symbol, OUTCOMES.get(event.reason, "rejected"), event.reason)


@handles(CapitalExhausted)
def capital_exhausted(c: Context, record: Record, event: CapitalExhausted) -> None:
    """The bot has spent what it may spend in a cycle."""
    c.add_bot_event(record, "capital", "exhausted", f"{event.skipped} skipped after {dollars(event.deployed)}")


def _qualified(c: Context, record: Record, symbol: str, dip: float, price: float | None, score: float, outcome: str) -> None:
    """Add one row per cycle and symbol; the first line that names the dip makes it."""
    c.state.last_symbol = symbol
    row = c.state.opportunities.get(symbol)
    if row is None:
        ident, ts = record.id, record.ts
        row = OpportunityRow(ident, ts, c.date(ts), c.state.cycle_number, symbol, dip, price, score, outcome)
        c.state.opportunities[symbol] = row
        c.rows.put(row)
        c.counters.inc(m.OPPORTUNITIES, c.label(symbol))
        c.add_to_day(record.ts, "opportunities")
    elif outcome != "unknown":
        _outcome(c, symbol, outcome, row.reason)


def _outcome(c: Context, symbol: str, outcome: str, reason: str | None) -> None:
    row = c.state.opportunities.get(symbol)
    if row is not None:
        row.outcome, row.reason = outcome, reason
        c.rows.put(row)
