"""Writes the next migration: `python -m bigdipper_exporter.archive.draft NAME` compares the declared tables with the schema.

New tables and new columns that may be NULL are written; every other difference needs a migration by hand.
"""

import re
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from bigdipper_exporter.archive.migrate import NEWEST, migrations
from bigdipper_exporter.archive.table import Column, Table
from bigdipper_exporter.archive.tables import TABLES

FOLDER = Path(__file__).parent / "migrations"


class ByHand(Exception):
    """A difference that SQLite cannot make with ALTER TABLE ADD COLUMN."""


def schema() -> sqlite3.Connection:
    """Return an empty archive in memory with every migration applied."""
    connection = sqlite3.connect(":memory:")
    for _, sql in migrations():
        connection.executescript(sql)
    return connection


def bot_orders() -> str:
    """Return the statement that creates the view `bot_orders`: every table whose rows are orders that the bot submitted."""
    columns = "ts, date, symbol, quantity, price, order_id"
    parts = [f"SELECT {columns}, '{t.submits}' AS side FROM {t.name}" for t in TABLES.values() if t.submits is not None]
    return "CREATE VIEW bot_orders AS\n" + "\nUNION ALL ".join(parts)


def draft(connection: sqlite3.Connection) -> str:
    """Return the statements that bring the schema to the declared tables; empty when it has them. Raises ByHand."""
    statements: list[str] = []
    for table in TABLES.values():
        have = {row[1] for row in connection.execute(f"PRAGMA table_info({table.name})")}
        if not have:
            statements += _create(table)
        elif surplus := have - {column.name for column in table.columns}:
            raise ByHand(f"{table.name}.{min(surplus)} is in the schema and not in {table.row.__name__}")
        else:
            statements += [_add(table, column) for column in table.columns if column.name not in have]
    (view,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'bot_orders'").fetchone()
    if view != bot_orders():
        statements = ["DROP VIEW bot_orders", bot_orders(), *statements]  # views first: see migration 013
    return "".join(f"{statement};\n" for statement in statements)


def _create(table: Table[Any]) -> list[str]:
    one = table.key[0] if len(table.key) == 1 else None
    lines = [f"  {_column(column)}{' PRIMARY KEY' if column.name == one else ''}" for column in table.columns]
    if len(table.key) > 1:
        lines.append(f"  PRIMARY KEY ({', '.join(table.key)})")
    statements = [f"CREATE TABLE {table.name} (\n" + ",\n".join(lines) + "\n)"]
    if table.retention or table.export:
        statements.append(f"CREATE INDEX {table.name}_{table.time} ON {table.name} ({table.time})")
    if table.submits is not None:
        statements.append(f"CREATE INDEX {table.name}_order ON {table.name} (order_id) WHERE order_id IS NOT NULL")
        statements.append(f"CREATE INDEX {table.name}_without_order ON {table.name} (symbol, date) WHERE order_id IS NULL")
    return statements


def _column(column: Column) -> str:
    return f'"{column.name}" {column.sql_type}{"" if column.nullable else " NOT NULL"}'


def _add(table: Table[Any], column: Column) -> str:
    if not column.nullable:
        raise ByHand(f"{table.name}.{column.name} is new and not `| None`: rows of today would have no value")
    return f"ALTER TABLE {table.name} ADD COLUMN {_column(column)}"


def main(arguments: list[str]) -> int:
    """Write the migration. Returns the exit code: 1 when it must be written by hand, 2 for a wrong name."""
    if len(arguments) != 1 or not re.fullmatch(r"[a-z]\w*", arguments[0]):
        print("usage: make migration NAME=sells (lower-case letters, digits and underscores)", file=sys.stderr)
        return 2
    try:
        with closing(schema()) as connection:
            sql = draft(connection)
    except ByHand as difference:
        print(f"write {NEWEST + 1:03}_{arguments[0]}.sql in {FOLDER} by hand: {difference}", file=sys.stderr)
        return 1
    if not sql:
        print("the schema has every declared table and column: nothing to write")
        return 0
    path = FOLDER / f"{NEWEST + 1:03}_{arguments[0]}.sql"
    path.write_text(sql, encoding="utf-8")
    print(f"wrote {path}: read it before you commit it")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
