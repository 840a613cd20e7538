"""`check-archive`: whole and usable, or one line that says why not."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bigdipper_exporter.archive.migrate import NEWEST
from tests.cli.asked import here


def spoil(path: Path, how: str) -> None:
    data = path.read_bytes()
    if how == "missing":
        path.unlink()
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif how == "rows":
        path.write_bytes(data[: 20 * 4096] + b"\xff" * (len(data) - 20 * 4096))
    elif how == "text":
        path.write_text("no database\n" * 1000)
    else:
        with closing(sqlite3.connect(path)) as connection, connection:
            for statement in how.split(";"):
                connection.execute(statement)


# What the exporter keeps for itself is no JSON, or of another type.
STATE = (
    "UPDATE state SET value = '{' WHERE key = 'bot'",
    "UPDATE state SET value = '[1e999,{}]'",
    "UPDATE state SET value = 'nan' WHERE key = 'created'",
    "INSERT INTO counters (name, labels, value) VALUES ('x', 'x', 1)",
    "UPDATE counters SET value = 9e999",
    "UPDATE checkpoints SET head = 'text'",
    "UPDATE checkpoints SET \"offset\" = 'x'",
)


@pytest.fixture
def copy(tmp_path: Path, archive: Path) -> Path:
    path = tmp_path / "copy.db"
    assert here("backup", path, "--archive.path", archive)[0] == 0
    return path


def test_a_whole_archive_is_said_to_be_whole(copy: Path, archive: Path) -> None:
    before = copy.read_bytes()
    assert here("check-archive", copy)[:2] == (0, f"{copy}: whole, schema version {NEWEST}, {len(before):,} bytes\n")
    assert copy.read_bytes() == before
    assert here("check-archive", "--archive.path", archive)[0] == 0


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("missing", "there is no archive at"),
        ("empty", "is empty"),
        ("cut", ""),
        ("rows", ""),
        ("text", "not a database"),
        ("DROP TABLE schema_version", "none of Big Dipper Monitor's"),
        (f"INSERT INTO schema_version VALUES ({NEWEST + 1}, 0, 'x')", f"has schema version {NEWEST + 1}"),
        ("DROP TABLE gaps", "the table gaps is missing"),
        *((how, "is damaged") for how in STATE),
        ("PRAGMA writable_schema = ON;DELETE FROM sqlite_schema WHERE name = 'trades_ts'", "is damaged"),
    ],
)
def test_anything_else_is_refused_in_one_line(copy: Path, how: str, reason: str) -> None:
    spoil(copy, how)
    code, out, errors = here("check-archive", copy)
    assert (code, out) == (2, "")
    assert errors.count("\n") == 1
    assert str(copy) in errors
    assert reason in errors


@pytest.mark.parametrize("how", STATE)
def test_a_start_refuses_it_in_one_line_too(copy: Path, tmp_path: Path, how: str) -> None:
    (tmp_path / "bot.log").write_text("2025-10-17 09:31:05 [INFO] [SKIP] AMD cooldown\n")
    spoil(copy, how)
    for command in (("ingest", "--log.path", tmp_path / "bot.log"), ("doctor", "--log.path", tmp_path / "bot.log")):
        code, out, errors = here(*command, "--archive.path", copy)
        assert code in (1, 2)
        assert "is damaged" in out + errors
        assert "Traceback" not in out + errors
