"""Flows and other entries of the account's history, read from the archive for `money.flows`."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from bigdipper_exporter.archive.broker.contracts import multiplier
from bigdipper_exporter.archive.broker.days import trading_day_of
from bigdipper_exporter.archive.broker_tables import NoticedFlowRow
from bigdipper_exporter.archive.table import table_of
from bigdipper_exporter.money import flows
from bigdipper_exporter.money.flows import Flow

OPENING = 60.0  # seconds within which a new account has its first balance
PRICE_SECONDS = 4 * 86400.0  # a snapshot's price stands for a transfer at most this far away
NOT_BOOKED = ", ".join(f"'{word}'" for word in sorted(flows.NOT_BOOKED))
BOOKED = f"lower(coalesce(status, 'executed')) NOT IN ({NOT_BOOKED})"
TYPES = ", ".join(f"'{kind}'" for kind in sorted(flows.FLOWS))


def is_booked(status: str | None) -> bool:
    """Whether a record with this status has moved money."""
    return (status or "executed").lower() not in flows.NOT_BOOKED


def between(connection: sqlite3.Connection, first: float, last: float) -> list[Flow]:
    """All flows in (first, last], booked or noticed, each once."""
    window = (first - flows.LATER, last + flows.LATER)
    booked = [
        Flow(ts, _amount(connection, ts, kind, *values))
        for ts, kind, *values in connection.execute(
            f"SELECT ts, type, symbol, quantity, price, net_amount FROM activities WHERE ts > ? AND ts <= ?"
            f" AND type IN ({TYPES}) AND ({BOOKED} OR reversed_at IS NOT NULL)",
            window,
        ).fetchall()
    ]
    noticed = [
        Flow(*row)
        for row in connection.execute("SELECT ts, amount FROM noticed_flows WHERE ts > ? AND ts <= ?", window).fetchall()
    ]
    noticed += _reversals(connection, *window)
    return [flow for flow in flows.merge(booked, noticed) if first < flow.ts <= last]


def opening_balance(connection: sqlite3.Connection, created: float) -> float | None:
    """Return what an account opened with (US dollars): its first `last_equity`, as a poll of that day would have seen it."""
    found = flows.total(between(connection, created - OPENING, created + OPENING))
    return found.net if found.known and found.net > 0 else None


def _reversals(connection: sqlite3.Connection, first: float, last: float) -> list[Flow]:
    """Money of canceled records that went back in (first, last]; an activity of its own may arrive for it."""
    rows = connection.execute(
        "SELECT reversed_at, ts, type, symbol, quantity, price, net_amount FROM activities"
        " WHERE reversed_at > ? AND reversed_at <= ?",
        (first, last),
    ).fetchall()
    amounts = [(back, _amount(connection, *values)) for back, *values in rows]
    return [Flow(back, None if amount is None else -amount) for back, amount in amounts]


def _amount(
    connection: sqlite3.Connection,
    ts: float,
    kind: str,
    symbol: str | None,
    quantity: float | None,
    price: float | None,
    net_amount: float | None,
) -> float | None:
    if kind in flows.CASH or symbol is None:
        return net_amount
    price = price or _price(connection, symbol, ts)
    units = multiplier(connection, symbol)
    return flows.transfer_value(quantity, None if price is None or units is None else price * units, net_amount)


def _price(connection: sqlite3.Connection, symbol: str, ts: float) -> float | None:
    """Price of `symbol` in the snapshot nearest to `ts`."""
    row = connection.execute(
        "SELECT current_price FROM position_snapshots WHERE symbol = ? AND ts BETWEEN ? AND ? AND current_price > 0"
        " ORDER BY abs(ts - ?) LIMIT 1",
        (symbol, ts - PRICE_SECONDS, ts + PRICE_SECONDS, ts),
    ).fetchone()
    return None if row is None else float(row[0])


def income(connection: sqlite3.Connection, first: float, last: float) -> dict[flows.Part, float]:
    """Dividends, fees and interest in (first, last]."""
    sums: dict[flows.Part, float] = {"dividends": 0.0, "fees": 0.0, "interest": 0.0}
    rows = connection.execute(
        f"SELECT type, sum(net_amount) FROM activities WHERE ts > ? AND ts <= ? AND {BOOKED} GROUP BY type", (first, last)
    )
    for kind, amount in rows:
        if kind in flows.PARTS:
            sums[flows.PARTS[kind]] += amount or 0.0
    return sums


def notice(connection: sqlite3.Connection, at: float, amount: float) -> None:
    """Remember a flow that the account answer shows before its activity arrives."""
    table_of(NoticedFlowRow).write(connection, [NoticedFlowRow(at, amount)])


def time_of_reversal(connection: sqlite3.Connection, activity_id: str, at: float) -> float | None:
    """When the money of a record that had been booked, but no longer is at `at`, went back; None when it never moved.

    Decided by a flow that was noticed, else by a step in the cash, else by whether the record's day adds up with it.
    """
    row = connection.execute(
        f"SELECT ts, type, symbol, quantity, price, net_amount FROM activities WHERE activity_id = ?"
        f" AND type IN ({TYPES}) AND {BOOKED}",
        (activity_id,),
    ).fetchone()
    if row is None:
        return None
    since, amount = row[0], _amount(connection, *row)
    if not amount:
        return None
    tolerance = max(flows.CENT, flows.SAME * abs(amount))
    if (noticed := _first(connection, NOTICED, (since, at, -amount, tolerance))) is not None:
        connection.execute("DELETE FROM noticed_flows WHERE ts = ?", (noticed,))
        return noticed
    if (stepped := _first(connection, CASH_STEP, (since, at, -amount, tolerance))) is not None:
        return stepped
    day = trading_day_of(since)
    return at if day != trading_day_of(at) and _moved(connection, day, since, amount, tolerance) else None


def _moved(connection: sqlite3.Connection, day: date, since: float, amount: float, tolerance: float) -> bool:
    """Whether a booked flow moved the equity: its day adds up with it, or the cash made a step so large; True if unknown."""
    (other,) = connection.execute("SELECT max(other) FROM daily_stats WHERE date = ?", (day.isoformat(),)).fetchone()
    if other is not None:
        return bool(abs(other + amount) > abs(amount) / 2)
    polled = (since - flows.EARLIER, since + flows.LATER)
    least, most = connection.execute(f"SELECT min(step), max(step) FROM ({STEPS})", polled).fetchone()
    if least is None:
        return True
    return bool(most >= amount - tolerance if amount > 0 else least <= amount + tolerance)


NOTICED = "SELECT ts FROM noticed_flows WHERE ts > ? AND ts <= ? AND abs(amount - ?) <= ? ORDER BY ts DESC LIMIT 1"
STEPS = """
    SELECT ts, cash - lag(cash) OVER (ORDER BY ts) AS step FROM account_history
    WHERE source = 'alpaca' AND ts > ? AND ts <= ?"""
CASH_STEP = f"SELECT ts FROM ({STEPS}) WHERE abs(step - ?) <= ? ORDER BY ts DESC LIMIT 1"


def _first(connection: sqlite3.Connection, query: str, values: tuple[float, ...]) -> float | None:
    row = connection.execute(query, values).fetchone()
    return None if row is None else float(row[0])


@dataclass(frozen=True, slots=True)
class Step:
    """What changed since the account answer at `since`: `adjustments` (within a day of the broker) and `cash`, in dollars."""

    since: float
    adjustments: float | None
    cash: float | None


def notice_adjustments(
    connection: sqlite3.Connection, adjustments: float | None, at: float, starts: Iterable[float], step: Step | None
) -> None:
    """Note what `intraday_adjustments` hold beyond the known flows; `starts`: moments from which the broker may be counting."""
    if adjustments is None or (adjustments == 0 and (step is None or not step.adjustments)):
        return
    known = []
    for since in starts:
        total = flows.total(between(connection, since, at)).net
        known += [total, total + sum(income(connection, since, at).values())]
    if step is not None and step.adjustments is not None:
        known.append(adjustments - step.adjustments + flows.total(between(connection, step.since, at)).net)
    if rest := flows.unbooked(adjustments, *known, moved=None if step is None else step.cash):
        notice(connection, at, rest)
