"""Flows and other entries of the account's history, read from the archive for `money.flows`."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from bigdipper_exporter.broker.models import is_option
from bigdipper_exporter.money import flows
from bigdipper_exporter.money.flows import Flow

OPTION_UNITS = 100
PRICE_SECONDS = 4 * 86400.0  # a snapshot's price stands for a transfer at most this far away
NOT_BOOKED = ", ".join(f"'{word}'" for word in sorted(flows.NOT_BOOKED))
BOOKED = f"lower(coalesce(status, 'executed')) NOT IN ({NOT_BOOKED})"
TYPES = ", ".join(f"'{kind}'" for kind in sorted(flows.FLOWS))


def between(connection: sqlite3.Connection, first: float, last: float) -> list[Flow]:
    """All flows in (first, last], booked or noticed, each once."""
    window = (first - flows.LATER, last + flows.LATER)
    booked = [
        Flow(ts, _amount(connection, ts, kind, *values))
        for ts, kind, *values in connection.execute(
            f"SELECT ts, type, symbol, quantity, price, net_amount FROM activities WHERE ts > ? AND ts <= ?"
            f" AND type IN ({TYPES}) AND {BOOKED}",
            window,
        ).fetchall()
    ]
    noticed = [
        Flow(*row)
        for row in connection.execute("SELECT ts, amount FROM noticed_flows WHERE ts > ? AND ts <= ?", window).fetchall()
    ]
    return [flow for flow in flows.merge(booked, noticed) if first < flow.ts <= last]


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
    units = OPTION_UNITS if is_option(symbol) else 1
    return flows.transfer_value(quantity, None if price is None else price * units, net_amount)


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
    connection.execute("INSERT OR REPLACE INTO noticed_flows (ts, amount) VALUES (?, ?)", (at, amount))


@dataclass(frozen=True, slots=True)
class Step:
    """What changed since the account answer at `since`: `adjustments` (within a day of the broker) and `cash`, in dollars."""

    since: float
    adjustments: float | None
    cash: float | None


def notice_adjustments(
    connection: sqlite3.Connection, adjustments: float | None, at: float, starts: Iterable[float], step: Step | None
) -> None:
    """Notice what `intraday_adjustments` hold beyond the known flows; `starts`: moments since which the broker may count."""
    if not adjustments:
        return
    known = []
    for since in starts:
        total = flows.total(between(connection, since, at)).net
        known += [total, total + sum(income(connection, since, at).values())]
    if step is not None and step.adjustments is not None:
        known.append(adjustments - step.adjustments + flows.total(between(connection, step.since, at)).net)
    if rest := flows.unbooked(adjustments, *known, moved=None if step is None else step.cash):
        notice(connection, at, rest)
