"""Alpaca's JSON, read field by field: whatever is new, null or missing costs nothing; what is garbage costs its record."""

from collections.abc import Callable
from datetime import date, datetime, time
from decimal import InvalidOperation
from typing import Any, TypeVar

from bigdipper_exporter.broker.fields import Record, Unreadable, number
from bigdipper_exporter.broker.models import Account, Activity, Clock, EquityPoint, Order, Position
from bigdipper_exporter.calendar import NEW_YORK
from bigdipper_exporter.money.flows import OPTION_ENDS

T = TypeVar("T")
NOON, EVENING = time(12), time(20)


def account(raw: Any) -> Account:
    """The account; Unreadable without id, status or equity."""
    r = Record(raw, strict=False)
    blocks = [flag for name in ("trading_blocked", "trade_suspended_by_user") if (flag := r.flag(name)) is not None]
    return Account(
        id=r.needed_text("id"),
        status=r.needed_word("status"),
        equity=r.needed_number("equity"),
        cash=r.number("cash"),
        last_equity=r.number("last_equity"),
        buying_power=r.number("buying_power"),
        long_market_value=r.number("long_market_value"),
        short_market_value=r.number("short_market_value"),
        initial_margin=r.number("initial_margin"),
        maintenance_margin=r.number("maintenance_margin"),
        trading_blocked=any(blocks) if blocks else None,
        transfers_blocked=r.flag("transfers_blocked"),
        account_blocked=r.flag("account_blocked"),
        created=r.time("created_at"),
        balance_day=r.day("balance_asof"),
        intraday_adjustments=r.number("intraday_adjustments"),
        damaged=r.damaged,  # the last argument: by now every field has been read
    )


def position(raw: Any) -> Position:
    """Read one position. Raises Unreadable without symbol or quantity; another figure that cannot be read is None."""
    r = Record(raw, strict=False)
    quantity = r.needed_number("qty")
    return Position(
        symbol=r.needed_symbol("symbol"),
        quantity=-abs(quantity) if r.word("side") == "short" else quantity,
        asset_class=r.word("asset_class") or "other",
        market_value=r.number("market_value"),
        cost_basis=r.number("cost_basis"),
        avg_entry_price=r.number("avg_entry_price"),
        current_price=r.number("current_price"),
        unrealized_pl=r.number("unrealized_pl"),
        unrealized_pl_ratio=r.number("unrealized_plpc"),
        intraday_pl=r.number("unrealized_intraday_pl"),
        damaged=r.damaged,  # the last argument: by now every field has been read
    )


_END = {
    "filled": "filled_at",
    "canceled": "canceled_at",
    "expired": "expired_at",
    "rejected": "failed_at",
    "replaced": "replaced_at",
}


def order(raw: Any) -> Order:
    """One order; Unreadable without id, status and a time. A multi-leg order has no symbol of its own: `MULTI`."""
    r = Record(raw)
    status, updated = r.needed_word("status"), r.time("updated_at")
    submitted = next((t for t in (r.time("submitted_at"), r.time("created_at"), updated) if t is not None), None)
    if submitted is None:
        raise Unreadable("submitted_at is missing")
    end = r.time(_END[status]) if status in _END else None
    return Order(
        id=r.needed_text("id"),
        symbol=r.symbol("symbol") or "MULTI",
        status=status,
        submitted=submitted,
        client_order_id=r.text("client_order_id"),
        side=r.word("side"),
        type=r.word("type"),
        quantity=r.number("qty"),
        notional=r.number("notional"),
        limit_price=r.number("limit_price"),
        filled_quantity=r.number("filled_qty"),
        filled_avg_price=r.number("filled_avg_price"),
        updated=updated,
        filled=r.time("filled_at"),
        # A terminal order without its own stamp ended at its last change at the latest.
        ended=(end if end is not None else updated if updated is not None else submitted) if status in _END else None,
        extended_hours=r.flag("extended_hours"),
        replaced_by=r.text("replaced_by"),
    )


def clock(raw: Any) -> Clock:
    """The clock; Unreadable without `is_open`."""
    r = Record(raw, strict=False)
    return Clock(r.needed_flag("is_open"), r.time("timestamp"), r.time("next_open"), r.time("next_close"), r.damaged)


def activity(raw: Any) -> Activity:
    """One activity; Unreadable without id, type and time, and a fill without symbol, side, quantity and price."""
    r = Record(raw)
    kind, day = r.needed_word("activity_type"), r.day("date")
    ts = next((t for t in (r.time("transaction_time"), r.time("created_at")) if t is not None), None)
    if ts is None and day is not None:
        # Noon lies inside the regular session, half days included: a day without a time falls into its own day. An option
        # ends after the close.
        ts = datetime.combine(day, EVENING if kind in OPTION_ENDS else NOON, NEW_YORK).timestamp()
    if ts is None:
        raise Unreadable("transaction_time is missing")
    fill = kind == "FILL"
    return Activity(
        id=r.needed_text("id"),
        type=kind,
        ts=ts,
        day=day,
        sub_type=r.word("activity_sub_type"),
        symbol=r.needed_symbol("symbol") if fill else r.symbol("symbol"),
        side=r.needed_word("side") if fill else r.word("side"),
        quantity=r.needed_number("qty") if fill else r.number("qty"),
        price=r.needed_number("price") if fill else r.number("price"),
        net_amount=r.number("net_amount"),
        order_id=r.text("order_id"),
        status=r.word("status"),
        description=r.text("description"),
    )


def equity_points(raw: Any) -> list[EquityPoint]:
    """Daily equity from portfolio history, days in order; nulls and days before the first deposit (0) are left out.

    Its daily stamps are 20:00 New York of the trading date, the next day in UTC. Unreadable when it has no lists.
    """
    stamps, equities = (raw.get("timestamp"), raw.get("equity")) if isinstance(raw, dict) else (None, None)
    if not isinstance(stamps, list) or not isinstance(equities, list):
        raise Unreadable("timestamp and equity must be lists")
    points: dict[date, EquityPoint] = {}
    for stamp, equity in zip(stamps, equities, strict=False):
        try:
            day, value = datetime.fromtimestamp(number(stamp), NEW_YORK).date(), number(equity)
        except (ValueError, OverflowError, OSError, InvalidOperation):
            continue
        if value > 0:
            points[day] = EquityPoint(day, value)
    return [points[day] for day in sorted(points)]


def each(parse: Callable[[Any], T], raw: Any) -> tuple[tuple[T, ...], int]:
    """A list read record by record: those that could be read, and the number of those that could not.

    Unreadable when it is no list, or when nothing in it can be read.
    """
    if not isinstance(raw, list):
        raise Unreadable(f"is not a list but {type(raw).__name__}")
    read, problem = [], ""
    for item in raw:
        try:
            read.append(parse(item))
        except Unreadable as error:
            problem = str(error)
    if raw and not read:
        raise Unreadable(f"none of {len(raw)} records can be read: {problem}")
    return tuple(read), len(raw) - len(read)
