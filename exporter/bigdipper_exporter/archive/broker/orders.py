"""Orders followed to their end: archive rows, and what counts once when an order reaches its end."""

import sqlite3
from collections.abc import Iterable
from datetime import timedelta

from bigdipper_exporter import calendar
from bigdipper_exporter.archive.broker.view import OrdersToday
from bigdipper_exporter.archive.broker_tables import OrderRow
from bigdipper_exporter.archive.table import table_of
from bigdipper_exporter.broker.models import SIDES, TERMINAL, Order
from bigdipper_exporter.broker.results import Orders
from bigdipper_exporter.counters import Counters
from bigdipper_exporter.metrics import counters as m

FILL_RATE_DAYS = 30
RESULTS = ("filled", "partly_filled", "unfilled", "open")
# Orders that the log has named since. Its design form has no order ids: there symbol, day and side must do.
NAMED = (
    "UPDATE orders SET in_log = 1 WHERE in_log = 0"
    " AND (EXISTS (SELECT 1 FROM bot_orders AS b WHERE b.order_id = orders.order_id)"
    " OR EXISTS (SELECT 1 FROM bot_orders AS b WHERE b.order_id IS NULL AND b.symbol = orders.symbol AND b.date = orders.date"
    " AND b.side = orders.side)) RETURNING submitted, filled"
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


def write(connection: sqlite3.Connection, orders: Orders, at: float, counters: Counters) -> set[float]:
    """Archive the orders; one that ends is counted in the transaction that archives its end.

    Returns the moments of orders that turned out to be the bot's.
    """
    for order in orders.items:
        _write_one(connection, order, counters)
    for order_id in orders.lost:
        connection.execute(
            "UPDATE orders SET status = 'unknown', ended = ? WHERE order_id = ? AND ended IS NULL", (at, order_id)
        )
    return name(connection, counters)


def name(connection: sqlite3.Connection, counters: Counters) -> set[float]:
    """Find the orders that the log has named since. Returns the moments of orders that turned out to be the bot's."""
    named = connection.execute(NAMED).fetchall()
    _count_results(connection, counters)
    return {ts for row in named for ts in row if ts is not None}


def _count_results(connection: sqlite3.Connection, counters: Counters) -> None:
    """Count the bot's orders that have ended, each once: a line of the log may be read after its order has ended."""
    rows = connection.execute(
        "SELECT order_id, status, time_to_fill_seconds, slippage_bps FROM order_results"
        " WHERE counted = 0 AND ended IS NOT NULL AND of_bot"
    ).fetchall()
    for order_id, status, seconds, worse in rows:
        connection.execute("UPDATE orders SET counted = 1 WHERE order_id = ?", (order_id,))
        if status in TERMINAL:
            counters.inc(m.BOT_ORDERS, status)
        if seconds is not None:
            counters.observe(m.ORDER_TIME_TO_FILL_SECONDS, seconds)
        if worse is not None:
            counters.observe(m.ORDER_SLIPPAGE_RATIO, worse / 1e4)


def _write_one(connection: sqlite3.Connection, order: Order, counters: Counters) -> None:
    """Archive an order, unless the archive has a newer state of it; its end is counted once, however it is corrected later."""
    row = connection.execute("SELECT status, updated, filled_quantity FROM orders WHERE order_id = ?", (order.id,)).fetchone()
    if row == (order.status, order.updated, order.filled_quantity):
        return
    has_ended = row is not None and row[0] in TERMINAL
    if row is not None and _is_outdated(order, has_ended, row[1]):
        return
    table_of(OrderRow).write(connection, [_row(order)])
    if order.is_terminal and not has_ended:
        counters.inc(m.ORDERS, order.status)


def _is_outdated(order: Order, has_ended: bool, updated: float | None) -> bool:
    """Whether the archive's state, changed at `updated` (unix seconds), is newer than `order`.

    Answers overtake each other. An order that has ended stays so: only a newer end replaces it, as where an execution is
    booked after the cancellation.
    """
    if has_ended:
        return not order.is_terminal or order.updated is None or updated is None or order.updated <= updated
    return order.updated is not None and updated is not None and order.updated < updated


def _row(order: Order) -> OrderRow:
    worse = slippage(order) if order.status == "filled" else None
    return OrderRow(
        order_id=order.id,
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        side=order.side,
        type=order.type,
        quantity=order.quantity,
        notional=order.notional,
        limit_price=order.limit_price,
        filled_quantity=order.filled_quantity,
        filled_avg_price=order.filled_avg_price,
        status=order.status,
        date=calendar.trading_day(order.submitted).isoformat(),
        submitted=order.submitted,
        updated=order.updated,
        filled=order.filled,
        ended=order.ended,
        time_to_fill_seconds=time_to_fill(order),
        slippage_bps=None if worse is None else worse * 1e4,
        extended_hours=order.extended_hours,
        replaced_by=order.replaced_by,
    )


def open_orders(items: Iterable[Order]) -> tuple[tuple[str, float], ...]:
    """(side, submitted) of those that are open."""
    return tuple((side_label(o.side), o.submitted) for o in items if not o.is_terminal)


def orders_today(connection: sqlite3.Connection, now: float) -> OrdersToday:
    """What became of today's orders."""
    start = calendar.day_start(calendar.trading_day(now))
    found = dict.fromkeys(RESULTS, 0)
    query = "SELECT result, count(*) FROM order_results WHERE submitted >= ? AND of_bot GROUP BY result"
    found.update((result, count) for result, count in connection.execute(query, (start,)) if result in found)
    (by_hand,) = connection.execute(
        "SELECT count(DISTINCT coalesce(order_id, activity_id)) FROM fill_sources WHERE ts >= ? AND NOT of_bot", (start,)
    ).fetchone()
    return OrdersToday(found, by_hand)


def fill_rate(connection: sqlite3.Connection, now: float) -> float | None:
    """Mean executed part of the bot's orders that ended, of those submitted in the last 30 trading days.

    A replaced order lives on in another and is left out.
    """
    day, left = calendar.trading_day(now), FILL_RATE_DAYS - calendar.is_trading_day(calendar.trading_day(now))
    while left:
        day -= timedelta(days=1)
        left -= calendar.is_trading_day(day)
    (rate,) = connection.execute(
        "SELECT avg(filled_ratio) FROM order_results WHERE submitted >= ? AND of_bot"
        " AND result IN ('filled', 'partly_filled', 'unfilled')",
        (calendar.day_start(day),),
    ).fetchone()
    return None if rate is None else float(rate)
