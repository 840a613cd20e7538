"""Executions into the archive, each counted once. The broker may correct one later, or cancel (bust) it."""

import sqlite3
from collections.abc import Iterable

from bigdipper_exporter import calendar
from bigdipper_exporter.archive.broker import flows
from bigdipper_exporter.archive.broker.contracts import multiplier
from bigdipper_exporter.archive.broker.orders import side_label
from bigdipper_exporter.archive.broker_tables import FillRow
from bigdipper_exporter.archive.table import table_of
from bigdipper_exporter.broker.models import Activity
from bigdipper_exporter.counters import Counters, SymbolLabels
from bigdipper_exporter.metrics import counters as m
from bigdipper_exporter.symbols import MAX_SYMBOLS


def is_known(connection: sqlite3.Connection, a: Activity) -> bool:
    """Return whether the archive has an execution as it is now."""
    row = connection.execute(
        "SELECT ts, symbol, side, quantity, price, order_id FROM fills WHERE activity_id = ?", (a.id,)
    ).fetchone()
    if not flows.is_booked(a.status):
        return row is None
    return bool(row == (a.ts, a.symbol, side_label(a.side), abs(a.quantity or 0.0), a.price, a.order_id))


def former(connection: sqlite3.Connection, changed: Iterable[Activity]) -> list[tuple[float, str]]:
    """Return times (unix seconds) and symbols of executions as the archive has them, which are not so any more."""
    query = "SELECT ts, symbol FROM fills WHERE activity_id = ?"
    return [row for a in changed if a.is_fill and (row := connection.execute(query, (a.id,)).fetchone()) is not None]


def write(connection: sqlite3.Connection, fill: Activity, labels: SymbolLabels, counters: Counters) -> None:
    """Archive an execution, or what the broker has made of it since; one that was canceled goes."""
    earlier = connection.execute("SELECT 1 FROM fills WHERE activity_id = ?", (fill.id,)).fetchone()
    if not flows.is_booked(fill.status):
        connection.execute("DELETE FROM fills WHERE activity_id = ?", (fill.id,))
        return
    assert fill.symbol is not None
    assert fill.quantity is not None
    assert fill.price is not None
    units = multiplier(connection, fill.symbol)
    value = None if units is None else abs(fill.quantity) * fill.price * units
    side = side_label(fill.side)
    row = FillRow(
        activity_id=fill.id,
        ts=fill.ts,
        date=calendar.trading_day(fill.ts).isoformat(),
        symbol=fill.symbol,
        side=side,
        quantity=abs(fill.quantity),
        price=fill.price,
        value=value,
        order_id=fill.order_id,
    )
    table_of(FillRow).write(connection, [row])
    if earlier is not None:
        return
    label = labels.of(fill.symbol)
    counters.inc(m.FILLS, label, side)
    if value is not None:
        counters.inc(m.FILL_VALUE_USD, label, side, amount=value)


def labels(connection: sqlite3.Connection, counters: Counters) -> SymbolLabels:
    """Return the symbols that have a label of their own in the counters of fills."""
    known = connection.execute("SELECT DISTINCT json_extract(labels, '$[0]') FROM counters WHERE name = ?", (m.FILLS.name,))
    # Those of this transaction are not among the counters yet.
    recent = connection.execute("SELECT DISTINCT symbol FROM fills LIMIT ?", (MAX_SYMBOLS + 1,)).fetchall()
    symbols = {row[0] for row in known} | {row[0] for row in recent if len(recent) <= MAX_SYMBOLS}
    return SymbolLabels(symbols, counters, m.EXPORTER_LABEL_OVERFLOW)
