"""What the exporter keeps for itself: the tables `state` (one text for each key), `counters` and `sectors`."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from math import isfinite
from typing import Any, TypeVar

from bigdipper_exporter.archive.exporter_tables import CounterRow, SectorRow
from bigdipper_exporter.archive.table import table_of

# Keys of `state`. The first two are JSON.
LOG = "bot"  # what the log's lines add up to
BESIDE = "beside"  # the same of old files that are read in parallel with the log
CREATED = "created"  # when counting began, unix seconds
# Keys whose value is a JSON object.
OBJECTS = (LOG, BESIDE, "broker", "positions")

Part = TypeVar("Part")


def load(connection: sqlite3.Connection, key: str) -> str | None:
    """Return the value of a key; None where nothing was saved."""
    row = connection.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def damage(connection: sqlite3.Connection) -> str:
    """Return what the exporter could not read again of what it keeps in an archive of the newest schema, "" when nothing."""
    for key, value in connection.execute("SELECT key, value FROM state"):
        is_read = _is_number(value) if key == CREATED else key not in OBJECTS or _is_object(value)
        if not is_read:
            return f"the value of {key!r} in the table state"
    for name, labels, value in connection.execute("SELECT name, labels, value FROM counters"):
        if not (isinstance(value, float | int) and isfinite(value) and _is_json(labels, list)):
            return f"the counter {str(name)[:60]!r}"
    types = 'typeof(head) || typeof(tail) || typeof("offset") || typeof(device) || typeof(inode)'
    wrong = connection.execute(
        f"SELECT generation FROM checkpoints WHERE {types} != 'blobblobintegerintegerinteger'"
    ).fetchone()
    return "" if wrong is None else f"the position of the log's generation {wrong[0]}"


def _is_number(value: object) -> bool:
    with suppress(ValueError):
        return isfinite(float(str(value)))
    return False


def _is_object(value: object) -> bool:
    return _is_json(value, dict)


def _is_json(value: object, kind: type) -> bool:
    with suppress(ValueError, RecursionError):
        return isinstance(json.loads(str(value)), kind)
    return False


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
