"""The books in Alpaca's JSON: every number a string, nanosecond instants, nulls where Alpaca has them.

The pattern-day-trader fields left GET /v2/account in July 2026 and are not here either.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from bigdipper_exporter.calendar import NEW_YORK
from bigdipper_exporter.demo.simulator.ledger import Ledger
from bigdipper_exporter.demo.simulator.orders import Order
from bigdipper_exporter.demo.simulator.units import DOLLAR, SHARE, decimal, instant, nanoseconds, ratio

Json = dict[str, Any]


def asset_id(symbol: str) -> str:
    """The asset's UUID: the same for a symbol in every run."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{symbol}.asset.invalid"))


def new_york(ts: float) -> str:
    """An instant the way the clock writes it: New York time with its offset."""
    return datetime.fromtimestamp(ts, NEW_YORK).isoformat()


def account(ledger: Ledger) -> Json:
    long, short = ledger.sides()
    initial, maintenance = ledger.margins()
    equity = ledger.cash + long + short
    power = decimal(ledger.buying_power(), DOLLAR)
    return {
        "id": ledger.id,
        "admin_configurations": {},
        "user_configurations": None,
        "account_number": "PA3SIMULATED",
        "status": "ACTIVE",
        "crypto_status": "INACTIVE",
        "options_approved_level": 2,
        "options_trading_level": 2,
        "currency": "USD",
        "buying_power": power,
        "regt_buying_power": power,
        "effective_buying_power": power,
        "non_marginable_buying_power": decimal(max(ledger.cash, 0), DOLLAR),
        "options_buying_power": decimal(ledger.buying_power() // 2, DOLLAR),
        "cash": decimal(ledger.cash, DOLLAR),
        "accrued_fees": "0",
        "pending_transfer_in": "0",
        "portfolio_value": decimal(equity, DOLLAR),
        "trading_blocked": False,
        "transfers_blocked": False,
        "account_blocked": False,
        "created_at": instant(nanoseconds(ledger.created)),
        "trade_suspended_by_user": False,
        "multiplier": "2",
        "shorting_enabled": True,
        "equity": decimal(equity, DOLLAR),
        "last_equity": decimal(ledger.last_equity, DOLLAR),
        "long_market_value": decimal(long, DOLLAR),
        "short_market_value": decimal(short, DOLLAR),
        "position_market_value": decimal(long - short, DOLLAR),
        "initial_margin": decimal(initial, DOLLAR),
        "maintenance_margin": decimal(maintenance, DOLLAR),
        "last_maintenance_margin": decimal(ledger.last_maintenance, DOLLAR),
        "sma": decimal(max(equity - initial, 0), DOLLAR),
        "balance_asof": ledger.balance_day.isoformat(),
        "crypto_tier": 1,
        "intraday_adjustments": decimal(ledger.adjustments, DOLLAR),
        "pending_reg_taf_fees": "0",
    }


def position(ledger: Ledger, symbol: str) -> Json:
    held, asset, price = ledger.positions[symbol], ledger.asset(symbol), ledger.marks[symbol]
    value = ledger.value(symbol)
    lastday = held.lastday_price if held.lastday_price is not None else price
    overnight = held.qty - held.day_qty
    intraday = overnight * (price - lastday) * asset.multiplier + held.day_qty * price * asset.multiplier
    intraday -= held.day_cost
    before = abs(overnight * lastday * asset.multiplier + held.day_cost)
    reserved = sum(o.remaining for o in ledger.open_orders.values() if o.symbol == symbol and o.side == "sell")
    return {
        "asset_id": asset_id(symbol),
        "symbol": symbol,
        "exchange": asset.exchange,
        "asset_class": asset.asset_class,
        "asset_marginable": asset.marginable,
        "qty": decimal(held.qty, SHARE),
        "avg_entry_price": ratio(held.cost, held.qty * asset.multiplier * (DOLLAR // SHARE)),
        "side": "long" if held.qty > 0 else "short",
        "market_value": decimal(value, DOLLAR),
        "cost_basis": decimal(held.cost, DOLLAR),
        "unrealized_pl": decimal(value - held.cost, DOLLAR),
        "unrealized_plpc": ratio(value - held.cost, abs(held.cost)),
        "unrealized_intraday_pl": decimal(intraday, DOLLAR),
        "unrealized_intraday_plpc": ratio(intraday, before),
        "current_price": decimal(price, 100),
        "lastday_price": decimal(lastday, 100),
        "change_today": ratio(price - lastday, lastday),
        "qty_available": decimal(held.qty - reserved if held.qty > 0 else held.qty, SHARE),
    }


def order(ledger: Ledger, placed: Order) -> Json:
    submitted = instant(placed.submitted_at)
    ended = instant(placed.ended_at) if placed.ended_at is not None else None

    def when(status: str) -> str | None:
        return ended if placed.status == status else None

    average = ratio(placed.filled_value, placed.filled_qty * 100) if placed.filled_qty else None
    return {
        "id": placed.id,
        "client_order_id": placed.client_order_id,
        "created_at": submitted,
        "updated_at": ended or submitted,
        "submitted_at": submitted,
        "filled_at": when("filled"),
        "expired_at": when("expired"),
        "expires_at": instant(placed.expires_at) if placed.expires_at is not None else None,
        "canceled_at": when("canceled"),
        "failed_at": when("rejected"),
        "replaced_at": when("replaced"),
        "replaced_by": None,
        "replaces": None,
        "asset_id": asset_id(placed.symbol),
        "symbol": placed.symbol,
        "asset_class": ledger.asset(placed.symbol).asset_class,
        "notional": None,
        "qty": decimal(placed.qty, SHARE),
        "filled_qty": decimal(placed.filled_qty, SHARE),
        "filled_avg_price": average,
        "order_class": "",
        "order_type": placed.type,
        "type": placed.type,
        "side": placed.side,
        "position_intent": "buy_to_open" if placed.side == "buy" else "sell_to_close",
        "time_in_force": placed.time_in_force,
        "limit_price": decimal(placed.limit, 100) if placed.limit is not None else None,
        "stop_price": None,
        "status": placed.status,
        "extended_hours": placed.extended_hours,
        "legs": None,
        "trail_percent": None,
        "trail_price": None,
        "hwm": None,
        "subtag": None,
        "source": placed.source,
    }
