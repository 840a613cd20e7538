"""The positions of the last poll, one row of `state` that each poll overwrites: values of the same moment as the account's.

`position_snapshots` has the history, with prices of up to 15 minutes ago.
"""

import json
import sqlite3
from dataclasses import astuple, dataclass

from bigdipper_exporter.archive import saved
from bigdipper_exporter.archive.broker.checkpoint import BrokerCheckpoint
from bigdipper_exporter.archive.broker.snapshots import row_of
from bigdipper_exporter.archive.broker_tables import PositionRow
from bigdipper_exporter.archive.queries.positions import newest_snapshots
from bigdipper_exporter.broker.models import Position
from bigdipper_exporter.broker.results import Positions

KEY = "positions"


@dataclass(frozen=True, slots=True)
class Polled:
    """Positions as one answer of the broker gave them. at: unix seconds; unreadable: how many records could not be read."""

    at: float
    positions: tuple[Position, ...]
    unreadable: int


def save(connection: sqlite3.Connection, positions: Positions, at: float) -> None:
    """Store the positions of a poll, in the caller's transaction."""
    stored = {"at": at, "unreadable": positions.unreadable, "positions": [astuple(p) for p in positions.items]}
    saved.save(connection, KEY, json.dumps(stored))


def forget(connection: sqlite3.Connection) -> None:
    """Remove the positions of another account, in the caller's transaction."""
    connection.execute("DELETE FROM state WHERE key = ?", (KEY,))


def load(connection: sqlite3.Connection) -> Polled | None:
    """Return the positions of the last poll; None where an exporter without this row has polled last."""
    text = saved.load(connection, KEY)
    if text is None:
        return None
    stored = json.loads(text)
    checked = BrokerCheckpoint.load(connection).positions_at
    if checked is not None and checked > stored["at"]:
        return None
    return Polled(stored["at"], tuple(saved.listed(Position, values) for values in stored["positions"]), stored["unreadable"])


def held(connection: sqlite3.Connection) -> list[PositionRow]:
    """Return each position that is held, largest first; those that the last poll could not read as they were before."""
    polled, snapshots = load(connection), newest_snapshots(connection)
    if polled is None:
        return snapshots
    rows = [row_of(position, polled.at) for position in polled.positions]
    if polled.unreadable:
        read = {row.symbol for row in rows}
        rows += [row for row in snapshots if row.symbol not in read]
    return sorted(rows, key=lambda row: (-abs(row.market_value or 0.0), row.symbol))
