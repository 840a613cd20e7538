"""What happened to the lots of a symbol, in order of time: executions, splits, transfers, ends of options, empty positions."""

import sqlite3
from collections.abc import Sequence
from datetime import date

from bigdipper_exporter import calendar
from bigdipper_exporter.archive.broker import flats, flows
from bigdipper_exporter.archive.broker.contracts import multiplier
from bigdipper_exporter.archive.broker_tables import IN_SHARES
from bigdipper_exporter.archive.table import sql_list
from bigdipper_exporter.broker.models import is_option
from bigdipper_exporter.money import lots
from bigdipper_exporter.money.flows import OPTION_ENDS


def lot_events(connection: sqlite3.Connection, symbol: str) -> list[lots.Event]:
    """Everything that happened to the lots of `symbol`, in order of time."""
    kinds: dict[str, lots.Kind] = {"buy": "buy", "sell_short": "sell_short"}
    units = multiplier(connection, symbol)
    events = [
        lots.Event(ts, kinds.get(side, "sell"), i, quantity, price * (units or 1), order or i)
        for i, ts, side, quantity, price, order in connection.execute(
            "SELECT activity_id, ts, side, quantity, price, order_id FROM fills WHERE symbol = ? ORDER BY ts, activity_id",
            (symbol,),
        )
    ]
    if units is None:
        # Without dollars no result: a break before each sale leaves all of them unknown.
        events += [event._replace(kind="break", id="", order="") for event in events if event.kind != "buy"]
        return sorted(events, key=lambda e: (e.ts, e.kind != "break"))
    events += _option_ends(connection, symbol, events)
    changes = _adjustments(connection, symbol)
    if changes or any(e.kind == "sell" for e in events):
        events += [*changes, *(lots.Event(ts, "flat") for ts in flats.moments(connection, symbol, events))]
    return sorted(events, key=lambda e: e.ts)


def _option_ends(connection: sqlite3.Connection, symbol: str, trades: Sequence[lots.Event]) -> list[lots.Event]:
    """Return expiries, exercises and assignments of a contract, and the shares that were delivered, as trades without an order.

    trades: the executions of the symbol. What cannot be told from the records breaks the lots.
    """
    rows = connection.execute(
        f"SELECT activity_id, ts, date, quantity, price, net_amount FROM activities WHERE symbol = ?"
        f" AND type IN ({sql_list(OPTION_ENDS)}) AND {flows.BOOKED} ORDER BY ts, activity_id",
        (symbol,),
    ).fetchall()
    found: list[lots.Event] = []
    for i, ts, day, quantity, price, net_amount in rows:
        before = [event for event in (*trades, *found) if event.ts <= ts]
        held = sum(lots.signed(event) for event in before)
        if is_option(symbol):
            quantity, price, is_bought = abs(quantity or held), 0.0, held < 0
        else:
            is_bought = net_amount < 0 if net_amount else bool(quantity and quantity > 0)
            quantity, price = abs(quantity or 0.0), price or (abs(net_amount / quantity) if quantity and net_amount else None)
        is_closing = held < -lots.DUST if is_bought else held > lots.DUST
        if not quantity or price is None or (is_option(symbol) and not is_closing):
            found.append(lots.Event(ts, "break"))
            continue
        if is_closing:
            ts = min(ts, _emptied(connection, symbol, calendar.day_start(date.fromisoformat(day)), ts, before))
        kind: lots.Kind = "buy" if is_bought else "sell" if is_closing else "sell_short"
        found.append(lots.Event(ts, kind, i, quantity, price))
    return found


def _emptied(connection: sqlite3.Connection, symbol: str, first: float, last: float, trades: Sequence[lots.Event]) -> float:
    """Return when the position was seen empty in [first, last] for good, before its record says so; else `last`."""
    (polled,) = connection.execute(
        "SELECT max(ts) FROM position_snapshots WHERE symbol = ? AND quantity = 0 AND ts BETWEEN ? AND ?", (symbol, first, last)
    ).fetchone()
    return last if polled is None or any(trade.ts > polled for trade in trades) else float(polled)


def _adjustments(connection: sqlite3.Connection, symbol: str) -> list[lots.Event]:
    """Splits and dividends in shares, by what they added, and everything else that changes lots without a fill."""
    rows = connection.execute(
        f"SELECT CASE WHEN {flows.STOCK_DIVIDEND} THEN coalesce(sub_type, 'DIV') ELSE type END AS kind, date, min(ts),"
        f" sum(quantity), count(*) = count(quantity) FROM activities WHERE symbol = ? AND {flows.CHANGES_UNITS}"
        f" AND type NOT IN ({sql_list(OPTION_ENDS)}) AND {flows.BOOKED} GROUP BY kind, date",
        (symbol,),
    ).fetchall()
    events = []
    for kind, day, ts, added, complete in rows:
        if kind not in ("SPLIT", "DIV", IN_SHARES):
            events.append(lots.Event(ts, "break"))
            continue
        # It holds from the first trade of its day, whenever its record says.
        start = calendar.day_start(date.fromisoformat(day))
        change = _change_at_broker(connection, symbol, start)
        if kind == "DIV" and (change is None or abs(change - added) > lots.DUST * max(1.0, abs(added))):
            continue  # its quantity is that of the shares that earned it
        change = change if change is not None else added if complete else None
        events.append(lots.Event(start, "break") if not change else lots.Event(start, "split", quantity=change))
    return events


def _change_at_broker(connection: sqlite3.Connection, symbol: str, start: float) -> float | None:
    """Units that the position gained from `start` on, before the first fill after it; None where no poll saw it change."""
    query = "SELECT quantity FROM position_snapshots WHERE symbol = ? AND ts {} ORDER BY ts DESC LIMIT 1"
    before = connection.execute(query.format("< ?"), (symbol, start)).fetchone()
    (fill,) = connection.execute("SELECT min(ts) FROM fills WHERE symbol = ? AND ts >= ?", (symbol, start)).fetchone()
    end = start + flows.SPLIT_NEAR if fill is None else min(fill, start + flows.SPLIT_NEAR)
    after = connection.execute(query.format(">= ? AND ts < ?"), (symbol, start, end)).fetchone()
    if before is None or after is None or not before[0] or not after[0] or before == after:
        return None
    return float(after[0] - before[0])
