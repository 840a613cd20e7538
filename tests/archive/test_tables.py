"""The declared tables against the schema that the migrations make: each names what the other one lacks."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from bigdipper_exporter.archive import bot_tables, draft
from bigdipper_exporter.archive.migrate import migrations
from bigdipper_exporter.archive.store import Store
from bigdipper_exporter.archive.table import Moment, Table, Usd, table
from bigdipper_exporter.archive.tables import EXPORTS, TABLES

DECLARED = {declared.name: declared for declared in TABLES.values()}
INTERNAL = {"sqlite_sequence", "sqlite_stat1", "sqlite_stat4"}


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    store = Store(tmp_path_factory.mktemp("schema") / "archive.db")
    yield store.connection
    store.close()


def test_no_two_migrations_have_one_number() -> None:
    numbers = [version for version, _ in migrations()]
    assert numbers == list(range(1, len(numbers) + 1)), "two branches took the same number: the later one renumbers its file"


def test_tables_of_lines_are_where_the_projection_sees_them() -> None:
    places = {declared.row.__module__ for declared in TABLES.values() if declared.event is not None}
    assert places <= {bot_tables.__name__}, "declare these in archive/bot_tables.py: no other is imported by every command"


def test_every_table_of_the_schema_is_declared_and_no_other(schema: sqlite3.Connection) -> None:
    made = {row[0] for row in schema.execute("SELECT name FROM sqlite_master WHERE type = 'table'")} - INTERNAL
    assert made - set(DECLARED) == set(), "declare these in archive/*_tables.py"
    assert set(DECLARED) - made == set(), "run `make migration NAME=...`, which writes the file under archive/migrations/"


@pytest.mark.parametrize("declared", DECLARED.values(), ids=DECLARED)
def test_columns_are_those_of_the_schema(declared: Table[object], schema: sqlite3.Connection) -> None:
    found = schema.execute(f"PRAGMA table_info({declared.name})").fetchall()
    in_schema = {name: (kind, not required and not key) for _, name, kind, required, _, key in found}
    in_code = {column.name: (column.sql_type, column.nullable) for column in declared.columns}
    generated = {"id"} if declared.name in {"gaps", "discrepancies", "bot_config"} else set()
    for name in generated:  # AUTOINCREMENT: unknown before the INSERT
        in_code[name] = (in_code[name][0], False)
    assert in_code == in_schema
    key = [name for _, name, _, _, _, number in sorted(found, key=lambda column: column[5]) if number]
    assert set(declared.key) == set(key)


@pytest.mark.parametrize("declared", DECLARED.values(), ids=DECLARED)
def test_time_is_a_column_and_an_exported_table_is_sorted_by_it(declared: Table[object]) -> None:
    if declared.retention or declared.export:
        assert declared.time in {column.name for column in declared.columns}
    assert declared.export is None or EXPORTS[declared.export] is declared


def test_the_schema_is_what_is_declared() -> None:
    with closing(draft.schema()) as connection:
        missing = draft.draft(connection)
        assert not missing, f"run `make migration NAME=...`, which writes:\n{missing}"


def test_a_row_is_inserted_by_the_names_of_its_columns_and_replaced_by_its_key(schema: sqlite3.Connection) -> None:
    @dataclass
    class Row:
        # Not the order of the columns in the table.
        amount: Usd | None
        at: Moment
        id: int

    declared = Table("made_for_this_test", Row, ("id",), time="at")
    schema.execute("CREATE TEMP TABLE made_for_this_test (id INTEGER PRIMARY KEY, at REAL NOT NULL, amount REAL)")
    declared.write(schema, [Row(1.5, 10.0, 7), Row(2.5, 11.0, 8)])
    declared.write(schema, [Row(None, 12.0, 7)])
    assert schema.execute("SELECT id, at, amount FROM made_for_this_test ORDER BY id").fetchall() == [
        (7, 12.0, None),
        (8, 11.0, 2.5),
    ]


def test_only_a_dataclass_can_be_a_row() -> None:
    with pytest.raises(TypeError, match="must be a dataclass"):
        table("wrong")(Path)
