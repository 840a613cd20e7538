"""Writes the bot's own settings and what is wrong with them: the tables `bot_config` and `bot_config_findings`."""

import sqlite3
from collections.abc import Iterable, Mapping

from bigdipper_exporter.archive.bot_tables import BotConfigRow, FindingRow
from bigdipper_exporter.archive.table import table_of


def last_change(connection: sqlite3.Connection) -> float | None:
    """Return the time of the newest change, in unix seconds; None before the first."""
    (changed,) = connection.execute("SELECT max(ts) FROM bot_config").fetchone()
    return None if changed is None else float(changed)


def record_changes(connection: sqlite3.Connection, values: Mapping[str, str], at: float, author: str | None) -> bool:
    """Add a row for each setting that differs from its newest row; return whether there was one.

    author: who wrote the file. The first reading of a file has no author: it is not a change.
    """
    known: dict[str, str | None] = dict(
        connection.execute(
            "SELECT setting, value FROM bot_config WHERE id IN (SELECT max(id) FROM bot_config GROUP BY setting)"
        ).fetchall()
    )
    changes = [
        BotConfigRow(None, at, name, values.get(name), known.get(name), author if known else None)
        for name in {**known, **values}
        if values.get(name) != known.get(name)
    ]
    table_of(BotConfigRow).add(connection, changes)
    return bool(changes)


def replace_findings(connection: sqlite3.Connection, findings: Iterable[FindingRow]) -> None:
    """Replace all findings by those about the present file."""
    connection.execute("DELETE FROM bot_config_findings")
    table_of(FindingRow).add(connection, findings)
