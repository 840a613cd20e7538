"""Fills and other activities into the archive, each once; then the lots of the symbols they touch are matched anew.

Records come late and out of order, so what a sale realised is not added up but derived from all fills of its symbol.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field

from bigdipper_exporter import calendar
from bigdipper_exporter.archive.broker.orders import side_label
from bigdipper_exporter.archive.broker.view import Wash
from bigdipper_exporter.broker.models import Activity, is_option
from bigdipper_exporter.counters import Counters
from bigdipper_exporter.metrics import counters as m
from bigdipper_exporter.money import lots, wash_sale
from bigdipper_exporter.money.returns import ADJUSTMENTS

OPTION_UNITS = 100
MOST_LABELS = 200
_PLACES = ",".join("?" * len(ADJUSTMENTS))


@dataclass
class Touched:
    """What new records changed: symbols whose lots are to be matched anew, moments whose days are to be summed anew."""

    symbols: set[str] = field(default_factory=set)
    moments: set[float] = field(default_factory=set)


def write(
    connection: sqlite3.Connection, items: Iterable[Activity], held: dict[str, list[float]], counters: Counters
) -> Touched:
    """Archive the activities that are new. `held`: the broker's present positions, by symbol [ts, quantity, value]."""
    new = [a for a in items if not _known(connection, a)]
    touched = Touched(moments={a.ts for a in new})
    touched.symbols = {a.symbol for a in new if a.symbol and (a.is_fill or a.type in ADJUSTMENTS)}
    # How many buys fell into a window is a count over the archive; the counter gains what the new records add to it.
    before = {symbol: _inside(connection, symbol) for symbol in touched.symbols}
    labels = _Labels(connection, counters)
    for activity in new:
        if activity.is_fill:
            _write_fill(connection, activity, labels, counters)
        else:
            _write_other(connection, activity)
    for symbol in touched.symbols:
        touched.moments |= rematch(connection, symbol, held.get(symbol, [0, 0, 0])[1] < 0)
        if (more := _inside(connection, symbol) - before[symbol]) > 0:
            counters.inc(m.WASH_SALE_BUYS, labels.of(symbol), amount=more)
    return touched


def _known(connection: sqlite3.Connection, activity: Activity) -> bool:
    table = "fills" if activity.is_fill else "activities"
    row = connection.execute(f"SELECT 1 FROM {table} WHERE activity_id = ?", (activity.id,)).fetchone()
    return row is not None


def _write_fill(connection: sqlite3.Connection, fill: Activity, labels: "_Labels", counters: Counters) -> None:
    assert fill.symbol is not None
    assert fill.quantity is not None
    assert fill.price is not None
    value = abs(fill.quantity) * fill.price * (OPTION_UNITS if is_option(fill.symbol) else 1)
    side = side_label(fill.side)
    connection.execute(
        "INSERT INTO fills (activity_id, ts, date, symbol, side, quantity, price, value, order_id)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            fill.id,
            fill.ts,
            calendar.trading_day(fill.ts).isoformat(),
            fill.symbol,
            side,
            abs(fill.quantity),
            fill.price,
            value,
            fill.order_id,
        ),
    )
    label = labels.of(fill.symbol)
    counters.inc(m.FILLS, label, side)
    counters.inc(m.FILL_VALUE_USD, label, side, amount=value)


def _write_other(connection: sqlite3.Connection, a: Activity) -> None:
    day = a.day or calendar.trading_day(a.ts)
    connection.execute(
        "INSERT INTO activities (activity_id, ts, date, type, sub_type, symbol, quantity, price, net_amount, status,"
        " description) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (a.id, a.ts, day.isoformat(), a.type, a.sub_type, a.symbol, a.quantity, a.price, a.net_amount, a.status, a.description),
    )


class _Labels:
    """Symbols that have a label of their own in the counters of fills; beyond MOST_LABELS they share `other`."""

    def __init__(self, connection: sqlite3.Connection, counters: Counters) -> None:
        known = connection.execute(
            "SELECT DISTINCT json_extract(labels, '$[0]') FROM counters WHERE name = 'bigdipper_fills_total'"
        )
        # Those of this transaction are not among the counters yet.
        recent = connection.execute("SELECT DISTINCT symbol FROM fills LIMIT ?", (MOST_LABELS + 1,)).fetchall()
        self._known = {row[0] for row in known} | {row[0] for row in recent if len(recent) <= MOST_LABELS}
        self._counters = counters

    def of(self, symbol: str) -> str:
        if symbol in self._known:
            return symbol
        if len(self._known) >= MOST_LABELS:
            self._counters.inc(m.EXPORTER_LABEL_OVERFLOW)
            return "other"
        self._known.add(symbol)
        return symbol


def _events(connection: sqlite3.Connection, symbol: str) -> list[lots.Event]:
    """Everything that happened to the lots of `symbol`, in order of time."""
    units = OPTION_UNITS if is_option(symbol) else 1
    events = [
        lots.Event(ts, "buy" if side == "buy" else "sell_short" if side == "sell_short" else "sell", i, quantity, price * units)
        for i, ts, side, quantity, price in connection.execute(
            "SELECT activity_id, ts, side, quantity, price FROM fills WHERE symbol = ? ORDER BY ts, activity_id", (symbol,)
        )
    ]
    breaks = connection.execute(
        f"SELECT ts FROM activities WHERE symbol = ? AND type IN ({_PLACES}) ORDER BY ts", (symbol, *sorted(ADJUSTMENTS))
    ).fetchall()
    if breaks or any(e.kind == "sell" for e in events):
        events += [lots.Event(ts, "break") for (ts,) in breaks]
        rows = connection.execute("SELECT ts FROM position_snapshots WHERE symbol = ? AND quantity = 0", (symbol,))
        events += [lots.Event(ts, "flat") for (ts,) in rows]
        events.sort(key=lambda e: e.ts)
    return events


def _buys(events: Iterable[lots.Event]) -> list[wash_sale.Buy]:
    return [wash_sale.Buy(e.id, e.ts, e.quantity) for e in events if e.kind == "buy"]


def rematch(connection: sqlite3.Connection, symbol: str, short_held: bool) -> set[float]:
    """Derive realised profit and loss sales of `symbol` from all its fills; returns the moments of fills that changed."""
    events = _events(connection, symbol)
    closings = lots.match(events, short_held).closings
    realized = {c.id: c.realized for c in closings}
    changed = set()
    fills = connection.execute("SELECT activity_id, ts, realized_pl FROM fills WHERE symbol = ?", (symbol,)).fetchall()
    for i, ts, old in fills:
        if realized.get(i) != old:
            connection.execute("UPDATE fills SET realized_pl = ? WHERE activity_id = ?", (realized.get(i), i))
            changed.add(float(ts))
    connection.execute("DELETE FROM wash_sales WHERE symbol = ?", (symbol,))
    if "/" not in symbol:  # crypto is no security
        connection.executemany(
            "INSERT INTO wash_sales (activity_id, symbol, sold, date, quantity, loss, window_end, bought_before, bought_after,"
            " status) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    s.id,
                    symbol,
                    s.sold,
                    s.day.isoformat(),
                    s.quantity,
                    s.loss,
                    s.window_end,
                    s.bought_before,
                    s.bought_after,
                    "unknown" if s.loss is None else "known",
                )
                for s in wash_sale.loss_sales(closings, _buys(events))
            ],
        )
    return changed


def _inside(connection: sqlite3.Connection, symbol: str) -> int:
    """Buys of `symbol` that landed inside the window of a known loss sale, over all the archive."""
    (count,) = connection.execute(
        "SELECT count(*) FROM fills AS f WHERE f.symbol = ? AND f.side = 'buy' AND EXISTS (SELECT 1 FROM wash_sales AS w"
        " WHERE w.symbol = f.symbol AND w.loss IS NOT NULL AND f.ts > w.sold AND f.ts <= w.window_end)",
        (symbol,),
    ).fetchone()
    return int(count)


def wash(connection: sqlite3.Connection, now: float) -> Wash:
    """The present of the wash-sale aid, over all symbols."""
    windows: dict[str, float] = {}
    unknown: dict[str, float] = {}
    running = connection.execute("SELECT symbol, loss, window_end FROM wash_sales WHERE window_end >= ?", (now,))
    for symbol, loss, end in running:
        target = unknown if loss is None else windows
        target[symbol] = max(end, target.get(symbol, 0.0))
    year = calendar.new_york_date(now).year
    disallowed = {}
    rows = connection.execute("SELECT DISTINCT symbol FROM wash_sales WHERE loss IS NOT NULL AND date >= ?", (f"{year}-01-01",))
    for (symbol,) in rows.fetchall():
        events = _events(connection, symbol)
        sales = wash_sale.loss_sales(lots.match(events).closings, _buys(events))
        disallowed[symbol] = sum(sale.disallowed for sale in sales if sale.day.year == year)
    return Wash(windows, unknown, disallowed)
