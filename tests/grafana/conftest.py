"""Archives by the real schema: a life of sixty days, the same without a broker, and an empty one."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.grafana import synthetic

UNTIL = datetime(2026, 3, 6, 21, 31, tzinfo=UTC)  # a Friday after the close


def _reader(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True)


@pytest.fixture(scope="session")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """Sixty days with a broker."""
    path = synthetic.archive(tmp_path_factory.mktemp("lived") / "archive.db", 60, UNTIL)
    connection = _reader(path)
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """Ten days of the log alone."""
    path = synthetic.archive(tmp_path_factory.mktemp("alone") / "archive.db", 10, UNTIL, broker=False)
    connection = _reader(path)
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """The schema and nothing else."""
    connection = synthetic.empty(tmp_path_factory.mktemp("empty") / "archive.db")
    yield connection
    connection.close()


@pytest.fixture
def empty(schema: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """An archive without rows; what a test writes and does not commit is taken back after it."""
    yield schema
    schema.rollback()
