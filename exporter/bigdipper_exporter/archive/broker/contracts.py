"""How much one unit of a symbol stands for: 1 share, or what an option contract delivers."""

import sqlite3

from bigdipper_exporter.broker.models import contract_units, is_option


def multiplier(connection: sqlite3.Connection, symbol: str) -> int | None:
    """Units of the underlying per unit of `symbol`: 1 for a stock; None for an option contract of unknown size.

    The broker's own record comes first: the cost of a position is quantity x price x multiplier.
    """
    if is_option(symbol):
        row = connection.execute(
            "SELECT cost_basis / (quantity * avg_entry_price) FROM position_snapshots"
            " WHERE symbol = ? AND quantity * avg_entry_price <> 0 AND cost_basis IS NOT NULL ORDER BY ts DESC LIMIT 1",
            (symbol,),
        ).fetchone()
        if row is not None and (units := round(row[0])) >= 1 and abs(row[0] / units - 1) < 0.01:
            return int(units)
    return contract_units(symbol)
