"""How a table of the archive is declared: a dataclass is its row, and `@table` gives the rest.

INSERT statements, the check against the migrations, retention, counting and `export` are derived from the declaration, so a
column is added in one place and a test names what was forgotten.
"""

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from itertools import chain, islice
from operator import attrgetter
from types import UnionType
from typing import Annotated, Any, Generic, Literal, Protocol, TypeVar, Union, get_args, get_origin, get_type_hints

from bigdipper_exporter.log.rule import Event, fields_of

Row = TypeVar("Row")

# What a column holds, in words.
Usd = Annotated[float, "US dollars"]
Percent = Annotated[float, "percent"]
Ratio = Annotated[float, "ratio (15 % is 0.15)"]
Seconds = Annotated[float, "seconds"]
Moment = Annotated[float, "unix seconds"]
Day = Annotated[str, "New York trading day, YYYY-MM-DD"]
RowId = Annotated[int, "log: file number << 40 | byte offset of the line; broker: -(unix milliseconds of the answer)"]

# Columns that every line gives, and those that a table of orders must have.
OF_RECORD = ("id", "ts", "date", "cycle_number")
OF_ORDER = ("ts", "date", "symbol", "quantity", "price", "order_id")
Side = Literal["buy", "sell"]

# Rows that one statement inserts. SQLite prepares to undo each statement that it runs, its triggers included, which costs as
# much as inserting a row.
ROWS_AT_ONCE = 32

SQL_TYPES: dict[type, str] = {int: "INTEGER", bool: "INTEGER", float: "REAL", str: "TEXT", bytes: "BLOB"}


@dataclass(frozen=True)
class Column:
    """One column: its SQL type, whether it may be NULL, and its unit ('' where there is none)."""

    name: str
    sql_type: str
    nullable: bool
    unit: str


@dataclass(frozen=True)
class Table(Generic[Row]):
    """One table.

    key: columns of its primary key. time: the column that retention and `export` go by. retention: rows older than
    `archive.retention` are deleted, but for those of which the SQL condition `spared` is true. export: its name in
    `big-dipper-exporter export`. counted: `bigdipper_archive_rows` has it.
    event: every line of this kind becomes one row unchanged; the kind then needs no handler. submits: the side of the orders
    that its rows are, as the bot's log names them; those count as the bot's own wherever orders are shown. kept: columns that
    an upsert leaves alone where the key exists.
    """

    name: str
    row: type[Row]
    key: tuple[str, ...]
    time: str = "ts"
    retention: bool = False
    export: str | None = None
    counted: bool = True
    event: type[Event] | None = None
    submits: Side | None = None
    kept: tuple[str, ...] = ()
    spared: str | None = None

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """Columns, in the order of the dataclass."""
        hints = get_type_hints(self.row, include_extras=True)
        return tuple(_column(field.name, hints[field.name]) for field in fields(self.row))  # type: ignore[arg-type]

    @cached_property
    def values(self) -> Callable[[Row], tuple[Any, ...]]:
        """Return the values of a row, in the order of `columns`."""
        return attrgetter(*(column.name for column in self.columns))

    @cached_property
    def _parameters(self) -> str:
        return f"({', '.join('?' * len(self.columns))})"

    @cached_property
    def insert(self) -> str:
        """INSERT of one row; an existing key is an error."""
        names = [f'"{column.name}"' for column in self.columns]
        return f"INSERT INTO {self.name} ({', '.join(names)}) VALUES {self._parameters}"

    @cached_property
    def upsert(self) -> str:
        """INSERT of one row, or UPDATE of its columns (but for `kept`) where the key exists."""
        rest = [column.name for column in self.columns if column.name not in {*self.key, *self.kept}]
        changes = ", ".join(f'"{name}" = excluded."{name}"' for name in rest)
        return f"{self.insert} ON CONFLICT ({', '.join(self.key)}) DO {f'UPDATE SET {changes}' if rest else 'NOTHING'}"

    @cached_property
    def _insert_many(self) -> str:
        """The same INSERT for ROWS_AT_ONCE rows."""
        return self._for_many(self.insert)

    @cached_property
    def _upsert_many(self) -> str:
        """The same upsert for ROWS_AT_ONCE rows."""
        return self._for_many(self.upsert)

    def _for_many(self, statement: str) -> str:
        return statement.replace(self._parameters, ", ".join([self._parameters] * ROWS_AT_ONCE))

    def add(self, connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
        """Insert rows in the caller's transaction. sqlite3.IntegrityError when a key exists."""
        self._execute(connection, self.insert, self._insert_many, rows)

    def add_new(self, connection: sqlite3.Connection, row: Row) -> bool:
        """Insert a row in the caller's transaction unless a UNIQUE index has it already; return whether it was new."""
        return connection.execute(f"{self.insert} ON CONFLICT DO NOTHING", self.values(row)).rowcount > 0

    def write(self, connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
        """Upsert rows in the caller's transaction."""
        self._execute(connection, self.upsert, self._upsert_many, rows)

    def _execute(self, connection: sqlite3.Connection, one: str, many: str, rows: Iterable[Row]) -> None:
        """Run `many` for each ROWS_AT_ONCE rows, and `one` for each of the rest."""
        values = map(self.values, rows)
        while len(batch := [*islice(values, ROWS_AT_ONCE)]) == ROWS_AT_ONCE:
            connection.execute(many, [*chain.from_iterable(batch)])
        connection.executemany(one, batch)


class LogRow(Protocol):
    """A row that a line of the log made: written whole, by id. A row that grows within its cycle is written again."""

    @property
    def id(self) -> int:
        """File number << 40 | byte offset of the line."""


TABLES: dict[type, Table[Any]] = {}


def table(
    name: str,
    *,
    key: tuple[str, ...] = ("id",),
    time: str = "ts",
    retention: bool = False,
    export: str | None = None,
    counted: bool = True,
    event: type[Event] | None = None,
    submits: Side | None = None,
    kept: tuple[str, ...] = (),
    spared: str | None = None,
) -> Callable[[type[Row]], type[Row]]:
    """Declare the decorated dataclass as the row of table `name`. See `Table` for the arguments."""

    def declare(row: type[Row]) -> type[Row]:
        if not is_dataclass(row):
            raise TypeError(f"{row.__name__} must be a dataclass to be the row of {name}")
        declared = Table(name, row, key, time, retention, export, counted, event, submits, kept, spared)
        names = {column.name for column in declared.columns}
        if event is not None and (unknown := names - {*OF_RECORD, *fields_of(event)}):
            raise TypeError(
                f"{row.__name__}.{min(unknown)}: neither a field of {event.__name__} nor one of {', '.join(OF_RECORD)}"
            )
        if submits is not None and (missing := {*OF_ORDER} - names):
            raise TypeError(f"{row.__name__} lacks {min(missing)}: a table of orders has {', '.join(OF_ORDER)}")
        TABLES[row] = declared
        return row

    return declare


def table_of(row: type[Row]) -> Table[Row]:
    """Return the table of a row's class. KeyError when the class is not declared with `@table`."""
    return TABLES[row]


def sql_list(words: Iterable[str]) -> str:
    """Return words of ours, sorted, as they stand in SQL between the brackets of IN."""
    return ", ".join(f"'{word}'" for word in sorted(words))


def _column(name: str, hint: Any) -> Column:
    unit, nullable = "", False
    if get_origin(hint) is Annotated:
        hint, unit = get_args(hint)[0], get_args(hint)[1]
    if get_origin(hint) in (Union, UnionType):
        (kind,) = (part for part in get_args(hint) if part is not type(None))
        hint, nullable = kind, True
        if get_origin(hint) is Annotated:
            hint, unit = get_args(hint)[0], get_args(hint)[1]
    return Column(name, SQL_TYPES[hint], nullable, unit)
