"""Fills and other activities into the archive, each once; then the lots of the symbols they touch are matched again.

Records come late and out of order, so what a sale realized is not added up but derived from all fills of its symbol.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from bigdipper_exporter import calendar
from bigdipper_exporter.archive.broker import fills, flows
from bigdipper_exporter.archive.broker.checkpoint import Held
from bigdipper_exporter.archive.broker.lot_events import lot_events
from bigdipper_exporter.archive.broker.view import Wash
from bigdipper_exporter.archive.broker_tables import IN_SHARES, ActivityRow, WashSaleRow
from bigdipper_exporter.archive.table import sql_list, table_of
from bigdipper_exporter.broker.models import Activity
from bigdipper_exporter.counters import Counters
from bigdipper_exporter.metrics import counters as m
from bigdipper_exporter.money import lots
from bigdipper_exporter.money.flows import ADJUSTMENTS, CORPORATE, DIVIDENDS, OPTION_ENDS
from bigdipper_exporter.money.holdings import profits_at_average
from bigdipper_exporter.money.wash_sale import WashSales, wash_sales

# Increase this when lots or wash sales are computed differently: older archives then derive theirs again, once.
RULES = 5


@dataclass
class Touched:
    """What new records changed: symbols whose lots have to be matched, moments whose days have to be summed again."""

    symbols: set[str] = field(default_factory=set)
    moments: set[float] = field(default_factory=set)


def write(
    connection: sqlite3.Connection,
    items: Iterable[Activity],
    at: float,
    held: Mapping[str, Held],
    counters: Counters,
    buys_inside: dict[str, int],
) -> Touched:
    """Archive the activities that are new at `at`.

    held: the broker's present positions, by symbol. buys_inside: by symbol, the buys inside a window when its lots were matched
    last; changed here, so that each symbol is matched once for a page.
    """
    new = [a for a in items if not _known(connection, a)]
    corrected = fills.former(connection, new)
    touched = Touched(moments={a.ts for a in new} | _former_moments(connection, new) | {ts for ts, _ in corrected})
    touched.symbols = {symbol for _, symbol in corrected}
    touched.symbols |= {a.symbol for a in new if a.symbol and (a.is_fill or a.type in ADJUSTMENTS or is_stock_dividend(a))}
    # How many buys fell into a window is derived from all fills; the counter gains what the new records add to it.
    before = {s: buys_inside[s] if s in buys_inside else _inside(connection, s, held) for s in touched.symbols}
    labels = fills.labels(connection, counters)
    for activity in new:
        if activity.is_fill:
            fills.write(connection, activity, labels, counters)
        else:
            _write_other(connection, activity, at, touched)
    for symbol in touched.symbols:
        matched = rematch(connection, symbol, _short(held, symbol))
        touched.moments |= matched.moments
        buys_inside[symbol] = matched.buys_inside
        if (more := matched.buys_inside - before[symbol]) > 0:
            counters.inc(m.WASH_SALE_BUYS, labels.of(symbol), amount=more)
    return touched


def _known(connection: sqlite3.Connection, a: Activity) -> bool:
    """Whether the archive has the record as it is now; it can be corrected or canceled later."""
    if a.is_fill:
        return fills.is_known(connection, a)
    row = connection.execute(
        "SELECT ts, type, symbol, quantity, price, net_amount, status FROM activities WHERE activity_id = ?", (a.id,)
    ).fetchone()
    return bool(row == (a.ts, a.type, a.symbol, a.quantity, a.price, a.net_amount, a.status))


def is_stock_dividend(a: Activity) -> bool:
    """Return whether a record may be a dividend in shares, by the rule of `flows.STOCK_DIVIDEND`, before it has a row."""
    in_shares = a.sub_type == IN_SHARES or (a.sub_type is None and not a.net_amount)
    return a.type in DIVIDENDS and bool(a.quantity) and in_shares


def _former_moments(connection: sqlite3.Connection, changed: Iterable[Activity]) -> set[float]:
    """When the records that changed had been before."""
    found = (connection.execute("SELECT ts FROM activities WHERE activity_id = ?", (a.id,)).fetchone() for a in changed)
    return {row[0] for row in found if row is not None}


def _write_other(connection: sqlite3.Connection, a: Activity, at: float, touched: Touched) -> None:
    day = a.day or calendar.trading_day(a.ts)
    reversed_at = None
    if not flows.is_booked(a.status):
        row = connection.execute("SELECT reversed_at FROM activities WHERE activity_id = ?", (a.id,)).fetchone()
        reversed_at = row[0] if row and row[0] is not None else flows.time_of_reversal(connection, a.id, at)
    if reversed_at is not None:
        touched.moments.add(reversed_at)
    if a.symbol and a.quantity and (a.type in CORPORATE or is_stock_dividend(a)):
        touched.moments |= flows.forget_split(connection, a.symbol, a.quantity, day)
    activity = ActivityRow(
        activity_id=a.id,
        ts=a.ts,
        date=day.isoformat(),
        type=a.type,
        sub_type=a.sub_type,
        symbol=a.symbol,
        quantity=a.quantity,
        price=a.price,
        net_amount=a.net_amount,
        status=a.status,
        description=a.description,
        reversed_at=reversed_at,
    )
    table_of(ActivityRow).write(connection, [activity])


class Rematched(NamedTuple):
    """The outcome for one symbol. moments: of fills whose result changed; buys_inside: see `WashSales`."""

    moments: set[float]
    buys_inside: int


def rematch(connection: sqlite3.Connection, symbol: str, short_held: bool) -> Rematched:
    """Derive realized profit and loss sales of `symbol` from all its fills."""
    events = lot_events(connection, symbol)
    matched = lots.match(events, short_held)
    realized = {c.id: c.realized for c in matched.closings}
    average = profits_at_average(events, short_held)
    changed = set()
    query = "SELECT activity_id, ts, realized_pl, average_pl FROM fills WHERE symbol = ?"
    for i, ts, *old in connection.execute(query, (symbol,)).fetchall():
        new = [realized.get(i), average.get(i)]
        if new != old:
            connection.execute("UPDATE fills SET realized_pl = ?, average_pl = ? WHERE activity_id = ?", (*new, i))
            changed.add(float(ts))
    # An end that closed nothing realized nothing, unless the lots that it may have closed are unknown.
    nothing = {event.id for event in events} - matched.unknown
    query = f"SELECT activity_id, ts, realized_pl FROM activities WHERE symbol = ? AND type IN ({sql_list(OPTION_ENDS)})"
    for i, ts, former in connection.execute(query, (symbol,)).fetchall():
        result = realized.get(i, 0.0 if i in nothing else None)
        if result != former:
            connection.execute("UPDATE activities SET realized_pl = ? WHERE activity_id = ?", (result, i))
            changed.add(float(ts))
    connection.execute("DELETE FROM wash_sales WHERE symbol = ?", (symbol,))
    if "/" in symbol:  # crypto is no security
        return Rematched(changed, 0)
    found = wash_sales(events, short_held)
    _write_wash_sales(connection, symbol, found)
    return Rematched(changed, found.buys_inside)


def rematch_all(connection: sqlite3.Connection, held: Mapping[str, Held], buys_inside: dict[str, int]) -> set[float]:
    """Derive the lots of every symbol again, as after an upgrade; returns the moments of fills that changed."""
    changed: set[float] = set()
    traded = (
        "SELECT symbol FROM fills"
        f" UNION SELECT symbol FROM activities WHERE symbol IS NOT NULL AND type IN ({sql_list(OPTION_ENDS)})"
    )
    for (symbol,) in connection.execute(traded).fetchall():
        matched = rematch(connection, symbol, _short(held, symbol))
        changed |= matched.moments
        buys_inside[symbol] = matched.buys_inside
    return changed


def _short(held: Mapping[str, Held], symbol: str) -> bool:
    return symbol in held and held[symbol].quantity < 0


def _write_wash_sales(connection: sqlite3.Connection, symbol: str, found: WashSales) -> None:
    table_of(WashSaleRow).write(
        connection,
        (
            WashSaleRow(
                activity_id=s.id,
                symbol=symbol,
                sold=s.sold,
                date=s.day.isoformat(),
                quantity=s.quantity,
                loss=s.loss,
                window_end=s.window_end,
                bought_before=s.bought_before,
                bought_after=s.bought_after,
                status="unknown" if s.loss is None else "known",
                side="long" if s.long else "short",
                disallowed=s.disallowed,
            )
            for s in found.sales
        ),
    )


def _inside(connection: sqlite3.Connection, symbol: str, held: Mapping[str, Held]) -> int:
    """Count the orders that bought `symbol` inside the window of a known loss sale, over all the archive."""
    return 0 if "/" in symbol else wash_sales(lot_events(connection, symbol), _short(held, symbol)).buys_inside


def wash(connection: sqlite3.Connection, now: float) -> Wash:
    """The present of the wash-sale aid, over all symbols."""
    windows: dict[str, float] = {}
    unknown: dict[str, float] = {}
    running = connection.execute(
        "SELECT symbol, loss, window_end FROM wash_sales WHERE window_end >= ? AND side = 'long'", (now,)
    )
    for symbol, loss, end in running:
        target = unknown if loss is None else windows
        target[symbol] = max(end, target.get(symbol, 0.0))
    disallowed = connection.execute(
        "SELECT symbol, sum(disallowed) FROM wash_sales WHERE loss IS NOT NULL AND date >= ? GROUP BY symbol",
        (f"{calendar.new_york_date(now).year}-01-01",),
    )
    return Wash(windows, unknown, dict(disallowed.fetchall()))


def without_value(connection: sqlite3.Connection) -> int:
    """Count the executions whose value is not known."""
    return int(connection.execute("SELECT count(*) FROM fills WHERE value IS NULL").fetchone()[0])
