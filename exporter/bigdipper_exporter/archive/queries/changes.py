"""The live channel's source: what was committed, in order."""

import sqlite3
from dataclasses import dataclass

from bigdipper_exporter.archive.bot_tables import AccountRow, BrakeRow, OpportunityRow, SkipRow
from bigdipper_exporter.archive.broker_tables import PositionRow
from bigdipper_exporter.archive.exporter_tables import ChangeRow
from bigdipper_exporter.archive.queries.brake import EPISODES
from bigdipper_exporter.archive.queries.opportunities import MISSED, OPPORTUNITIES
from bigdipper_exporter.archive.queries.positions import HISTORY
from bigdipper_exporter.archive.queries.rows import Listing, columns_of, fetch
from bigdipper_exporter.archive.queries.trades import TRADES, Trade

Changed = Trade | AccountRow | OpportunityRow | BrakeRow | SkipRow | PositionRow

_BY_ID: dict[str, Listing[Trade] | Listing[AccountRow] | Listing[OpportunityRow] | Listing[BrakeRow] | Listing[SkipRow]] = {
    "trades": TRADES,
    "account": Listing(AccountRow, "account_history"),
    "opportunities": OPPORTUNITIES,
    "brake": EPISODES,
    "skips": MISSED,
}
CHANNELS = (*_BY_ID, "positions")


@dataclass(frozen=True, slots=True)
class Change:
    """One change and the row as it is now."""

    seq: int
    channel: str
    ts: float
    row: Changed


def bounds(connection: sqlite3.Connection) -> tuple[int, int]:
    """Return the oldest and the newest number that is kept; (1, 0) when nothing changed yet."""
    (oldest,) = connection.execute("SELECT MIN(seq) FROM changes").fetchone()
    (newest,) = connection.execute("SELECT MAX(seq) FROM changes").fetchone()
    return (1, 0) if newest is None else (oldest, newest)


def changes_after(connection: sqlite3.Connection, seq: int, limit: int) -> tuple[int, list[Change]]:
    """Return the number of the last change that was read, and the changes after `seq` whose rows are still there."""
    sql = f"SELECT {columns_of(ChangeRow)} FROM changes WHERE seq > ? ORDER BY seq LIMIT ?"
    found = fetch(connection, ChangeRow, sql, (seq, limit))
    changes = [
        Change(change.seq, change.channel, change.ts, row)
        for change in found
        for row in _rows(connection, change)
        if change.channel in CHANNELS
    ]
    return (found[-1].seq if found else seq), changes


def _rows(connection: sqlite3.Connection, change: ChangeRow) -> list[Changed]:
    """The row of a change; none where it was deleted since."""
    if change.channel == "positions":
        key = {"symbol": change.symbol, "ts": change.ts}
        return [*HISTORY.page(connection, 1, None, "symbol = :symbol AND ts = :ts", key).rows]
    listing = _BY_ID.get(change.channel)
    return [] if listing is None else [*listing.page(connection, 1, None, "id = :id", {"id": change.row}).rows]
