"""Flows and other entries of the account's history, read from the archive for `money.flows`."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from bigdipper_exporter import calendar
from bigdipper_exporter.archive.broker.contracts import multiplier
from bigdipper_exporter.archive.broker.days import close_of, previous_trading_day, trading_day_of
from bigdipper_exporter.archive.broker_tables import PAID_IN_SHARES, NoticedFlowRow
from bigdipper_exporter.archive.table import sql_list, table_of
from bigdipper_exporter.money import flows
from bigdipper_exporter.money.flows import Flow

OPENING = 60.0  # seconds within which a new account has its first balance
HALF_DAY = 43200.0
OPENED = 0.001  # of it: what the account may have earned or paid by its first answer
TAKEN_BACK = 3600.0  # seconds: a balance that is wrong for longer is believed
SAME_ANSWER = 0.5  # seconds: several flows of one answer are noted this near to it
PRICE_SECONDS = 4 * 86400.0  # a snapshot's price stands for a transfer at most this far away
SPLIT_NEAR = 2 * 86400.0  # seconds: how far the price, the quantity and the record of a split may be apart at the broker
SPLIT_PRICE = 0.05  # of the value: how far a snapshot's price may be from that of the account answer
NOT_BOOKED = sql_list(flows.NOT_BOOKED)
BOOKED = f"lower(coalesce(status, 'executed')) NOT IN ({NOT_BOOKED})"
# Records of money that moved: also those whose money went back later, as `_reversals` and `income` say.
MOVED = f"({BOOKED} OR reversed_at IS NOT NULL)"
TYPES = sql_list(flows.FLOWS)
# Conditions on rows of activities.
STOCK_DIVIDEND = f"(type IN ({sql_list(flows.DIVIDENDS)}) AND {PAID_IN_SHARES})"
# Dollars of a row: the fee of a trade in coins is taken in coins, and its record has no amount.
AMOUNT = "(CASE WHEN type = 'CFEE' AND coalesce(net_amount, 0) = 0 THEN -abs(quantity * price) ELSE net_amount END)"
CHANGES_UNITS = f"(type IN ({sql_list(flows.ADJUSTMENTS)}) OR {STOCK_DIVIDEND})"


def is_booked(status: str | None) -> bool:
    """Whether a record with this status has moved money."""
    return (status or "executed").lower() not in flows.NOT_BOOKED


def between(connection: sqlite3.Connection, first: float, last: float) -> list[Flow]:
    """All flows in (first, last], booked or noticed, each once."""
    window = (first - flows.LATER, last + flows.LATER)
    booked = _booked(connection, *window)
    noticed = [
        Flow(*row)
        for row in connection.execute("SELECT ts, amount FROM noticed_flows WHERE ts > ? AND ts <= ?", window).fetchall()
    ]
    noticed += _reversals(connection, *window)
    others = _other_cash(connection, *window) if noticed else []
    return [flow for flow in flows.merge(booked, noticed, others) if first < flow.ts <= last]


def net(connection: sqlite3.Connection, first: float, last: float) -> float:
    """Return what all known flows in (first, last] add up to, US dollars."""
    return flows.total(between(connection, first, last)).net


def _booked(connection: sqlite3.Connection, first: float, last: float) -> list[Flow]:
    """The flows in (first, last] that have a record, those included whose money went back later."""
    return [
        Flow(ts, _amount(connection, ts, kind, *values))
        for ts, kind, *values in connection.execute(
            f"SELECT ts, type, symbol, quantity, price, net_amount FROM activities WHERE ts > ? AND ts <= ?"
            f" AND type IN ({TYPES}) AND {MOVED}",
            (first, last),
        ).fetchall()
    ]


def _other_cash(connection: sqlite3.Connection, first: float, last: float) -> list[Flow]:
    """Money of records in (first, last] that are no flows."""
    rows = connection.execute(
        f"SELECT ts, net_amount FROM activities WHERE ts > ? AND ts <= ? AND type NOT IN ({TYPES}) AND {MOVED}"
        " AND net_amount <> 0",
        (first, last),
    )
    return [Flow(ts, amount, is_income=True) for ts, amount in rows.fetchall()]


def opening_balance(connection: sqlite3.Connection, created: float) -> float | None:
    """Return what an account opened with (US dollars): its first `last_equity`, as a poll of that day would have seen it."""
    first = next((flow for flow in _of_creation(connection, created) if flow.amount != 0), None)
    return None if first is None or first.amount is None or first.amount < 0 else first.amount


def opening(connection: sqlite3.Connection, created: float, start: float) -> tuple[Flow, ...]:
    """Return the flows that an account opened with and that its first `last_equity`, `start` (US dollars), holds already.

    The record often has a date without a time, or a time some minutes later, so the amount decides: the first flows of the
    account that add up to `start`.
    """
    found = _of_creation(connection, created)
    sum_ = 0.0
    for number, flow in enumerate(found, 1):
        sum_ += flow.amount or 0.0
        if abs(sum_ - start) <= max(flows.CENT, OPENED * abs(start)):
            return tuple(found[:number])
    return tuple(flow for flow in found if flow.ts <= created + OPENING)


def _of_creation(connection: sqlite3.Connection, created: float) -> list[Flow]:
    """The flows of the first trading day of an account; a record without a time counts at noon, also before that moment."""
    return between(connection, created - HALF_DAY, max(close_of(trading_day_of(created)), created + HALF_DAY))


def _reversals(connection: sqlite3.Connection, first: float, last: float) -> list[Flow]:
    """Flows of canceled records that went back in (first, last]; an activity of its own may arrive for it."""
    rows = connection.execute(
        "SELECT reversed_at, ts, type, symbol, quantity, price, net_amount FROM activities"
        f" WHERE reversed_at > ? AND reversed_at <= ? AND type IN ({TYPES})",
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
    if kind in flows.CASH or kind in flows.PARTS or symbol is None:
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
    """Dividends, fees and interest in (first, last], less those that went back then.

    What went back counts once where the broker posts the opposite record of the same type and symbol for it, too. A canceled
    record that never moved any money comes and goes at its own time.
    """
    sums: dict[flows.Part, float] = {"dividends": 0.0, "fees": 0.0, "interest": 0.0}
    window = (first - flows.LATER, last + flows.LATER)
    left = "coalesce(reversed_at, ts)"
    booked = _by_kind(connection, f"SELECT type, symbol, ts, {AMOUNT} FROM activities WHERE ts > ? AND ts <= ?", window)
    gone_back = f"SELECT type, symbol, {left}, -{AMOUNT} FROM activities WHERE NOT {BOOKED} AND {left} > ? AND {left} <= ?"
    taken = _by_kind(connection, gone_back, window)
    for key in {*booked, *taken}:
        merged = flows.merge(booked.get(key, []), taken.get(key, []))
        sums[flows.PARTS[key[0]]] += sum(flow.amount or 0.0 for flow in merged if first < flow.ts <= last)
    return sums


def _by_kind(
    connection: sqlite3.Connection, query: str, window: tuple[float, float]
) -> dict[tuple[str, str | None], list[Flow]]:
    """Income by type and symbol. query: types, symbols, times and amounts of activities whose time is in the window."""
    found: dict[tuple[str, str | None], list[Flow]] = {}
    for kind, symbol, ts, amount in connection.execute(query, window):
        if kind in flows.PARTS:
            found.setdefault((kind, symbol), []).append(Flow(ts, amount or 0.0))
    return found


def notice(connection: sqlite3.Connection, at: float, amount: float) -> None:
    """Remember a flow that the account answer shows before its activity arrives.

    One that takes back a jump that was noticed less than TAKEN_BACK ago, and has no record, was none: the broker's answers
    between were wrong, or the money was there for some minutes only. Both are forgotten. Two that were no jumps count both:
    answers with little money in them say too much about the prices of that time to be set aside.
    """
    if (first := _taken_back(connection, at, amount)) is not None:
        connection.execute("DELETE FROM noticed_flows WHERE ts >= ? AND ts <= ?", (first, at))
        set_aside(connection, first, at, including=True)
        return
    while connection.execute("SELECT 1 FROM noticed_flows WHERE ts = ?", (at,)).fetchone():
        at += 0.001  # the same answer showed another one
    table_of(NoticedFlowRow).write(connection, [NoticedFlowRow(at, amount)])


def _taken_back(connection: sqlite3.Connection, at: float, amount: float) -> float | None:
    """When the newest noticed flows began that a flow of `amount` takes back together; None where it takes back none."""
    since = max(at - TAKEN_BACK, close_of(previous_trading_day(trading_day_of(at))))
    noticed = connection.execute("SELECT ts, amount FROM noticed_flows WHERE ts > ? AND ts <= ? ORDER BY ts DESC", (since, at))
    booked = _booked(connection, since - flows.EARLIER, at + flows.LATER)
    others = _other_cash(connection, since - flows.EARLIER, at + flows.LATER)
    sum_ = 0.0
    for ts, value in noticed.fetchall():
        if flows.records_of(Flow(ts, value), booked, others):
            return None
        sum_ += value
        if abs(sum_ + amount) <= max(flows.CENT, flows.SAME * abs(amount)):
            return float(ts) if _was_jump(connection, ts) else None
    return None


def _was_jump(connection: sqlite3.Connection, at: float) -> bool:
    """Whether the answer that showed a noticed flow was the last of those that confirmed a jump."""
    query = "SELECT 1 FROM implausible_answers WHERE endpoint = 'account' AND reason = 'jump' AND ts BETWEEN ? AND ?"
    return connection.execute(query, (at - SAME_ANSWER, at)).fetchone() is not None


def forget_split(connection: sqlite3.Connection, symbol: str, units: float, day: date) -> set[float]:
    """Forget what was noticed of the units that a split, spin-off or merger added (below 0: took) around `day`: no transfer.

    Returns when that was noticed, unix seconds.
    """
    start = calendar.day_start(day)
    rows = connection.execute(
        "SELECT ts, amount FROM noticed_flows WHERE ts BETWEEN ? AND ?", (start - SPLIT_NEAR, start + SPLIT_NEAR)
    ).fetchall()
    moments = set()
    for ts, amount in rows:
        price = _price(connection, symbol, ts)
        if price is not None and abs(units * price - amount) <= SPLIT_PRICE * abs(amount):
            connection.execute("DELETE FROM noticed_flows WHERE ts = ?", (ts,))
            moments.add(float(ts))
    return moments


def set_aside(connection: sqlite3.Connection, first: float, last: float, including: bool = False) -> set[float]:
    """Move the account answers in (first, last), which were wrong, out of account_history; returns their times.

    including: also the one at `first`.
    """
    span = f"FROM account_history WHERE source = 'alpaca' AND ts {'>=' if including else '>'} ? AND ts < ?"
    moments = {row[0] for row in connection.execute(f"SELECT ts {span}", (first, last))}
    names = "equity, cash, long_market_value, short_market_value, last_equity"
    connection.execute(
        f"INSERT OR REPLACE INTO implausible_answers (ts, endpoint, reason, {names})"
        f" SELECT ts, 'account', 'jump', {names} {span}",
        (first, last),
    )
    connection.execute(f"DELETE {span}", (first, last))
    return moments


def time_of_reversal(connection: sqlite3.Connection, activity_id: str, at: float) -> float | None:
    """When the money of a record that had been booked, but no longer is at `at`, went back; None when it never moved.

    Decided by a flow that was noticed, else by a step in the cash, else by whether the record's day adds up with it.
    """
    row = connection.execute(
        f"SELECT ts, type, symbol, quantity, price, net_amount FROM activities WHERE activity_id = ?"
        f" AND type IN ({TYPES}, {sql_list(flows.PARTS)}) AND {BOOKED}",
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
) -> float:
    """Note what `intraday_adjustments` hold beyond the known flows, and return it (US dollars).

    starts: moments from which the broker may be counting.
    """
    if adjustments is None or (adjustments == 0 and (step is None or not step.adjustments)):
        return 0.0
    known = []
    for since in starts:
        total = net(connection, since, at)
        known += [total, total + sum(income(connection, since, at).values())]
    if step is not None and step.adjustments is not None:
        known.append(adjustments - step.adjustments + net(connection, step.since, at))
    if rest := flows.unbooked(adjustments, *known, moved=None if step is None else step.cash):
        notice(connection, at, rest)
    return rest
