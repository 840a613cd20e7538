"""The log against the broker: each difference is a row of `discrepancies`, counted once, with the time that resolved it.

What is a fact of the past (a fill without a log line, a position changed by hand) is open for a day; what is a state of the
present (equity, margin) until it agrees again. An order that appears late on the other side resolves its row.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from bigdipper_exporter import calendar
from bigdipper_exporter.archive import saved
from bigdipper_exporter.archive.broker.checkpoint import Baseline, BrokerCheckpoint, Compared
from bigdipper_exporter.archive.broker.flats import BORDER
from bigdipper_exporter.archive.broker.flows import CHANGES_UNITS
from bigdipper_exporter.archive.broker_tables import DiscrepancyRow
from bigdipper_exporter.archive.table import table_of
from bigdipper_exporter.broker.models import Account, Position, is_option
from bigdipper_exporter.counters import Counters
from bigdipper_exporter.durations import DAY
from bigdipper_exporter.metrics import counters as m

Kind = Literal["fill_without_log", "log_without_order", "position_changed", "equity", "margin"]
LATENESS_SECONDS = 600.0  # of the log or the broker, before a missing order counts
OPEN_SECONDS = DAY
SAME_MINUTE = 60.0
EQUITY_TOLERANCE = 0.01
RATIO_TOLERANCE = 0.02
TIMES = 2  # in a row: a price may move between two looks at it
UNSETTLED_CHECKS = 2  # a record of a fill may come late


def _open(
    connection: sqlite3.Connection,
    counters: Counters,
    kind: Kind,
    at: float,
    detail: str,
    *,
    symbol: str | None = None,
    order_id: str | None = None,
    log_value: float | None = None,
    broker_value: float | None = None,
    watched: float = 0.0,
) -> None:
    """Archive a difference that arose at `at`. What is older than `watched` is history: recorded as resolved, not counted."""
    resolved = at if at < watched else None
    row = DiscrepancyRow(
        id=None,
        ts=at,
        date=calendar.trading_day(at).isoformat(),
        kind=kind,
        symbol=symbol,
        order_id=order_id,
        log_value=log_value,
        broker_value=broker_value,
        detail=detail,
        resolved=resolved,
    )
    if table_of(DiscrepancyRow).add_new(connection, row) and resolved is None:
        counters.inc(m.DISCREPANCIES, kind)


def _log_span(connection: sqlite3.Connection) -> tuple[float, float] | None:
    """From the log's first trade or account line to its newest line; None while it has neither."""
    (trade,) = connection.execute("SELECT min(ts) FROM bot_orders").fetchone()
    (account,) = connection.execute("SELECT min(ts) FROM account_history WHERE source = 'log'").fetchone()
    row = connection.execute("SELECT json_extract(value, '$.log_ts') FROM state WHERE key = ?", (saved.LOG,)).fetchone()
    first = min((t for t in (trade, account) if t is not None), default=None)
    return None if first is None or row is None or row[0] is None else (first, float(row[0]))


def fills_without_log(connection: sqlite3.Connection, now: float, counters: Counters, watched: float) -> None:
    """Fills of orders that no line of the log named. Judged once the log has gone on past them: it may lag, or be off."""
    span = _log_span(connection)
    if span is not None:
        rows = connection.execute(
            "SELECT min(f.ts), f.symbol, f.side, f.order_id, sum(f.quantity) FROM fills AS f WHERE f.ts BETWEEN ? AND ?"
            " AND f.order_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM bot_orders AS b WHERE b.order_id = f.order_id)"
            " AND NOT EXISTS (SELECT 1 FROM discrepancies AS d WHERE d.kind = 'fill_without_log' AND d.order_id = f.order_id)"
            # The design form of the log names no order ids: an order of that symbol and day is taken for the fill's.
            " AND NOT EXISTS (SELECT 1 FROM bot_orders AS b"
            " WHERE b.order_id IS NULL AND b.symbol = f.symbol AND b.date = f.date)"
            " GROUP BY f.order_id",
            (span[0], min(now, span[1]) - LATENESS_SECONDS),
        ).fetchall()
        for ts, symbol, side, order_id, quantity in rows:
            detail = f"{side} {quantity:g} {symbol}: the log names no such order"
            _open(
                connection,
                counters,
                "fill_without_log",
                ts,
                detail,
                symbol=symbol,
                order_id=order_id,
                broker_value=quantity,
                watched=watched,
            )
    connection.execute(
        "UPDATE discrepancies SET resolved = ? WHERE kind = 'fill_without_log' AND resolved IS NULL"
        " AND (ts < ? OR EXISTS (SELECT 1 FROM bot_orders AS b WHERE b.order_id = discrepancies.order_id))",
        (now, now - OPEN_SECONDS),
    )


def log_without_order(connection: sqlite3.Connection, now: float, counters: Counters, watched: float) -> None:
    """Orders that the log named and the broker does not know. Trades older than its first order cannot be judged."""
    rows = connection.execute(
        "SELECT b.ts, b.symbol, b.order_id, b.side, b.quantity FROM bot_orders AS b WHERE b.order_id IS NOT NULL AND b.ts < ?"
        " AND b.ts >= (SELECT min(submitted) FROM orders)"
        " AND NOT EXISTS (SELECT 1 FROM orders AS o WHERE o.order_id = b.order_id)"
        " AND NOT EXISTS (SELECT 1 FROM discrepancies AS d WHERE d.kind = 'log_without_order' AND d.order_id = b.order_id)",
        (now - LATENESS_SECONDS,),
    ).fetchall()
    for ts, symbol, order_id, side, quantity in rows:
        detail = f"{side} {quantity:g} {symbol}: the broker knows no such order"
        _open(
            connection,
            counters,
            "log_without_order",
            ts,
            detail,
            symbol=symbol,
            order_id=order_id,
            log_value=quantity,
            watched=watched,
        )
    connection.execute(
        "UPDATE discrepancies SET resolved = ? WHERE kind = 'log_without_order' AND resolved IS NULL"
        " AND (ts < ? OR EXISTS (SELECT 1 FROM orders AS o WHERE o.order_id = discrepancies.order_id))",
        (now, now - OPEN_SECONDS),
    )


def positions_changed(
    connection: sqlite3.Connection,
    positions: Iterable[Position],
    polled: float,
    now: float,
    memory: BrokerCheckpoint,
    counters: Counters,
) -> None:
    """Quantities that moved without fills: by hand elsewhere, or corrected. `positions` is a complete list of `polled`.

    The quantity expected is the last settled one plus the fills since; it is compared when the activities have been read.
    """
    present = {p.symbol: p.quantity for p in positions if p.asset_class in ("us_equity", "us_option") or is_option(p.symbol)}
    first = memory.positions_at is None
    for symbol in {*present, *memory.baseline}:
        actual = present.get(symbol, 0.0)
        base = memory.baseline.get(symbol, Baseline(memory.positions_at or polled, 0.0))
        since, quantity = base.ts, base.quantity
        expected = quantity + _moved(connection, symbol, since, polled)
        # A fill at the border may or may not have been in the quantity from which we add up.
        possible = (expected, *(quantity + _moved(connection, symbol, since + b, polled) for b in (-BORDER, BORDER)))
        same = any(abs(actual - p) <= 1e-6 * max(1.0, abs(actual)) for p in possible)
        settled = first or same or _adjusted(connection, symbol, since)
        if not settled and (_fresh(connection, symbol, polled) or base.misses + 1 < UNSETTLED_CHECKS):
            memory.baseline[symbol] = replace(base, misses=base.misses + (not _fresh(connection, symbol, polled)))
            continue
        if not settled:
            detail = f"{symbol}: {actual:g} held, {expected:g} expected from fills"
            _open(
                connection, counters, "position_changed", polled, detail, symbol=symbol, log_value=expected, broker_value=actual
            )
        if actual or symbol in present:
            memory.baseline[symbol] = Baseline(polled, actual)
        else:
            memory.baseline.pop(symbol, None)
    memory.positions_at = polled
    connection.execute(
        "UPDATE discrepancies SET resolved = ? WHERE kind = 'position_changed' AND resolved IS NULL AND ts < ?",
        (now, now - OPEN_SECONDS),
    )


def _moved(connection: sqlite3.Connection, symbol: str, since: float, until: float) -> float:
    """Signed sum of the fills between two moments."""
    (moved,) = connection.execute(
        "SELECT coalesce(sum(CASE side WHEN 'buy' THEN quantity ELSE -quantity END), 0) FROM fills"
        " WHERE symbol = ? AND ts > ? AND ts <= ?",
        (symbol, since, until),
    ).fetchone()
    return float(moved)


def _fresh(connection: sqlite3.Connection, symbol: str, polled: float) -> bool:
    """Whether a fill is so near to the poll that the position may not show it yet."""
    row = connection.execute(
        "SELECT 1 FROM fills WHERE symbol = ? AND ts BETWEEN ? AND ?", (symbol, polled - BORDER, polled + BORDER)
    ).fetchone()
    return row is not None


def _adjusted(connection: sqlite3.Connection, symbol: str, since: float) -> bool:
    """Whether a split, a dividend in shares or a transfer explains any change."""
    row = connection.execute(
        f"SELECT 1 FROM activities WHERE symbol = ? AND ts > ? AND {CHANGES_UNITS}", (symbol, since - OPEN_SECONDS)
    ).fetchone()
    return row is not None


def compare_account(
    connection: sqlite3.Connection,
    account: Account,
    leverage: float | None,
    at: float,
    memory: BrokerCheckpoint,
    counters: Counters,
) -> None:
    """Equity and margin as the log's newest account line of the same minute said them, against the broker's."""
    row = connection.execute(
        "SELECT id, equity, margin_ratio, leverage_ratio FROM account_history WHERE source = 'log' AND ts BETWEEN ? AND ?"
        " ORDER BY ts DESC LIMIT 1",
        (at - SAME_MINUTE, at + SAME_MINUTE),
    ).fetchone()
    if row is None:
        return
    log_id, equity, margin, levered = row
    if equity is not None and account.equity > 0:
        differs = abs(equity - account.equity) > EQUITY_TOLERANCE * account.equity
        _state(connection, counters, memory, "equity", differs, log_id, at, equity, account.equity)
    said, true = (margin, account.margin_ratio) if margin is not None else (levered, leverage)
    if said is not None and true is not None:
        _state(connection, counters, memory, "margin", abs(said - true) > RATIO_TOLERANCE, log_id, at, said, true)


def _state(
    connection: sqlite3.Connection,
    counters: Counters,
    memory: BrokerCheckpoint,
    kind: Kind,
    differs: bool,
    log_id: int,
    at: float,
    said: float,
    true: float,
) -> None:
    last = memory.differs.get(kind, Compared())
    if last.row_id == log_id:
        return
    memory.differs[kind] = now = Compared(log_id, last.times + 1 if differs else 0)
    if not differs:
        connection.execute("UPDATE discrepancies SET resolved = ? WHERE kind = ? AND resolved IS NULL", (at, kind))
    elif now.times >= TIMES and not _is_open(connection, kind):
        detail = f"{kind}: the log says {said:.4f}, the broker {true:.4f}"
        _open(connection, counters, kind, at, detail, log_value=said, broker_value=true)


def _is_open(connection: sqlite3.Connection, kind: Kind) -> bool:
    row = connection.execute("SELECT 1 FROM discrepancies WHERE kind = ? AND resolved IS NULL", (kind,)).fetchone()
    return row is not None


def open_by_kind(connection: sqlite3.Connection) -> dict[str, int]:
    """How many of each kind are open now."""
    found: dict[str, int] = dict.fromkeys(m.DISCREPANCY_KINDS, 0)
    found.update(connection.execute("SELECT kind, count(*) FROM discrepancies WHERE resolved IS NULL GROUP BY kind").fetchall())
    return found
