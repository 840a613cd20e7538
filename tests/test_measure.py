"""The size of the archive: counted beside the log, never in its way."""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bigdipper_exporter.archive.statistics import Measure, counted
from bigdipper_exporter.archive.store import Store
from tests.running import wait_for


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    one = Store(tmp_path / "archive.db")
    yield one
    one.close()


def test_every_table_is_counted_and_the_oldest_row_named(store: Store) -> None:
    with store.transaction() as connection:
        connection.execute("INSERT INTO account_history (id, ts, date, source) VALUES (1, 1000.0, '1970-01-01', 'log')")
        connection.execute("INSERT INTO account_history (id, ts, date, source) VALUES (-2, 10.0, '1970-01-01', 'alpaca')")
    measure = Measure(store)
    wait_for(lambda: measure.take().oldest == 10.0)
    taken = measure.take()
    measure.close()
    assert taken.rows == dict.fromkeys(counted(), 0) | {"account_history": 2}
    assert taken.size is not None
    assert taken.size > 0
    assert taken.disk_free is not None
    assert taken.disk_free > 0


def test_what_grows_is_counted_again(store: Store) -> None:
    measure = Measure(store)
    wait_for(lambda: "trades" in measure.take().rows)
    with store.transaction() as connection:
        connection.execute(
            "INSERT INTO trades (id, ts, date, symbol, quantity, price, total_value)"
            " VALUES (1, 1.0, '1970-01-01', 'AMD', 1, 1, 1)"
        )
    wait_for(lambda: measure.take().rows["trades"] == 1)
    measure.close()


def test_an_archive_that_is_away_for_a_while_is_counted_when_it_is_back(store: Store, tmp_path: Path) -> None:
    store.path.rename(tmp_path / "away")
    measure = Measure(store)
    time.sleep(0.1)
    assert measure.take().rows == {}
    (tmp_path / "away").rename(store.path)
    wait_for(lambda: "gaps" in measure.take().rows)
    measure.close()


def test_a_file_system_that_does_not_tell_is_unknown_and_not_full(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_store: Store) -> int:
        raise OSError("stale file handle")

    measure = Measure(store)
    monkeypatch.setattr(Store, "disk_free", broken)
    taken = measure.take()
    measure.close()
    assert taken.disk_free is None


def test_taking_waits_for_no_count(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = []

    def slow(path: Path) -> sqlite3.Connection:
        begun.append(time.monotonic())
        time.sleep(0.5)
        return sqlite3.connect(path)

    monkeypatch.setattr("bigdipper_exporter.archive.statistics.connect_readonly", slow)
    measure = Measure(store)
    wait_for(lambda: bool(begun))
    assert measure.take().rows == {}
    assert time.monotonic() - begun[0] < 0.4
    measure.close()
