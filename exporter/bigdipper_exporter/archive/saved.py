"""What the exporter keeps for itself: the tables `state` (one text for each key), `counters` and `sectors`."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar

from bigdipper_exporter.archive.exporter_tables import CounterRow, SectorRow
from bigdipper_exporter.archive.table import table_of

# Keys of `state`. The first two are JSON.
LOG = "bot"  # what the log's lines add up to
BESIDE = "beside"  # the same of old files that are read in parallel with the log
CREATED = "created"  # when counting began, unix seconds

Part = TypeVar("Part")


def load(connection: sqlite3.Connection, key: str) -> str | None:
    """Return the value of a key; None where nothing was saved."""
    row = connection.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def save(connection: sqlite3.Connection, key: str, value: str) -> None:
    """Store the value of a key, in the caller's transaction."""
    connection.execute("INSERT OR REPLACE INTO state (key, value) VALUES (?, ?)", (key, value))


def load_counters(connection: sqlite3.Connection) -> Iterator[tuple[str, tuple[str, ...], float]]:
    """Yield name, label values and value of every series that was saved."""
    for name, labels, value in connection.execute("SELECT name, labels, value FROM counters"):
        yield name, tuple(json.loads(labels)), value


def save_counters(connection: sqlite3.Connection, series: Iterable[tuple[str, tuple[str, ...], float]]) -> None:
    """Store new values of series, in the caller's transaction."""
    rows = (CounterRow(name, json.dumps(labels), value) for name, labels, value in series)
    table_of(CounterRow).write(connection, rows)


def replace_sectors(connection: sqlite3.Connection, sectors: Mapping[str, str]) -> None:
    """Replace the sectors of all symbols, in the caller's transaction."""
    connection.execute("DELETE FROM sectors")
    table_of(SectorRow).add(connection, (SectorRow(symbol, sector) for symbol, sector in sectors.items()))


def named(part: type[Part], values: Mapping[str, Any]) -> Part:
    """Build a dataclass from stored fields; those that only a later version has are left out."""
    known = {f.name for f in fields(part)}  # type: ignore[arg-type]
    return part(**{name: value for name, value in values.items() if name in known})


def listed(part: type[Part], values: Sequence[Any]) -> Part:
    """Build a dataclass from a stored list of its fields, in their order; what a later version has added is left out."""
    return part(*values[: len(fields(part))])  # type: ignore[arg-type]
