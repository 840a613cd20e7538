"""Orders followed to their end: archive rows, and what counts once when an order reaches its end."""

import sqlite3
from collections.abc import Iterable
from datetime import timedelta

from bigdipper_exporter import calendar
from bigdipper_exporter.broker.models import SIDES, TERMINAL, Order
from bigdipper_exporter.broker.results import Orders
from bigdipper_exporter.counters import Counters
from bigdipper_exporter.metrics import counters as m

FILL_RATE_DAYS = 30
COLUMNS = (
    "order_id",
    "client_order_id",
    "symbol",
    "side",
    "type",
    "quantity",
    "notional",
    "limit_price",
    "filled_quantity",
    "filled_avg_price",
    "status",
    "date",
    "submitted",
    "updated",
    "filled",
    "ended",
    "time_to_fill_seconds",
    "slippage_bps",
    "extended_hours",
    "replaced_by",
)
UPSERT = (
    f"INSERT INTO orders ({', '.join(COLUMNS)}, in_log) VALUES ({', '.join('?' * len(COLUMNS))},"
    " EXISTS (SELECT 1 FROM trades WHERE order_id = ?)) ON CONFLICT (order_id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in (*COLUMNS[1:], "in_log"))
)


def side_label(side: str | None) -> str:
    """The side as a label: one of SIDES, or `other`."""
    return side if side in SIDES else "other"


def slippage(order: Order) -> float | None:
    """Fill against limit as a ratio, positive when worse for us; None without both prices. Never positive for a true limit."""
    if not order.limit_price or order.filled_avg_price is None:
        return None
    ratio = order.filled_avg_price / order.limit_price - 1
    return ratio if order.side == "buy" else -ratio


def time_to_fill(order: Order) -> float | None:
    """Seconds from submission to the last fill; None unless filled."""
    return max(0.0, order.filled - order.submitted) if order.status == "filled" and order.filled is not None else None


def write(connection: sqlite3.Connection, orders: Orders, at: float, counters: Counters) -> None:
    """Archive the orders; one that ends is counted in the transaction that archives its end."""
    for order in orders.items:
        _write_one(connection, order, counters)
    for order_id in orders.lost:
        connection.execute(
            "UPDATE orders SET status = 'unknown', ended = ? WHERE order_id = ? AND ended IS NULL", (at, order_id)
        )
    # A line of the log may be read after its order was seen at the broker.
    connection.execute(
        "UPDATE orders SET in_log = 1 WHERE in_log = 0"
        " AND EXISTS (SELECT 1 FROM trades AS t WHERE t.order_id = orders.order_id)"
    )


def _write_one(connection: sqlite3.Connection, order: Order, counters: Counters) -> None:
    row = connection.execute("SELECT status, updated, filled_quantity FROM orders WHERE order_id = ?", (order.id,)).fetchone()
    if row is not None and row[0] in TERMINAL:
        return  # the end is the end: an older answer cannot reopen an order
    if row is not None and row == (order.status, order.updated, order.filled_quantity):
        return
    seconds, worse = time_to_fill(order), slippage(order) if order.status == "filled" else None
    connection.execute(
        UPSERT,
        (
            order.id,
            order.client_order_id,
            order.symbol,
            order.side,
            order.type,
            order.quantity,
            order.notional,
            order.limit_price,
            order.filled_quantity,
            order.filled_avg_price,
            order.status,
            calendar.trading_day(order.submitted).isoformat(),
            order.submitted,
            order.updated,
            order.filled,
            order.ended,
            seconds,
            None if worse is None else worse * 1e4,
            order.extended_hours,
            order.replaced_by,
            order.id,
        ),
    )
    if not order.is_terminal:
        return
    counters.inc(m.ORDERS, order.status)
    if seconds is not None:
        counters.observe(m.ORDER_TIME_TO_FILL_SECONDS, seconds)
    if worse is not None:
        counters.observe(m.ORDER_SLIPPAGE_RATIO, worse)


def open_orders(items: Iterable[Order]) -> tuple[tuple[str, float], ...]:
    """(side, submitted) of those that are open."""
    return tuple((side_label(o.side), o.submitted) for o in items if not o.is_terminal)


def unfilled_today(connection: sqlite3.Connection, now: float) -> int:
    """Orders named in the log of today that ended at the broker without being filled."""
    start = calendar.day_start(calendar.trading_day(now))
    return int(
        connection.execute(
            "SELECT count(*) FROM trades AS t JOIN orders AS o USING (order_id)"
            " WHERE t.ts >= ? AND o.ended IS NOT NULL AND o.status != 'filled'",
            (start,),
        ).fetchone()[0]
    )


def fill_rate(connection: sqlite3.Connection, now: float) -> float | None:
    """Orders filled / orders ended, of those submitted in the last 30 trading days. A replaced order lives on in another."""
    day, left = calendar.trading_day(now), FILL_RATE_DAYS - calendar.is_trading_day(calendar.trading_day(now))
    while left:
        day -= timedelta(days=1)
        left -= calendar.is_trading_day(day)
    filled, ended = connection.execute(
        "SELECT count(*) FILTER (WHERE status = 'filled'), count(*) FROM orders"
        " WHERE submitted >= ? AND status IN ('filled', 'canceled', 'expired', 'rejected')",
        (calendar.day_start(day),),
    ).fetchone()
    return filled / ended if ended else None
