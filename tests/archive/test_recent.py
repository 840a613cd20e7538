"""What the page reads from the archive: today only, bounded, whose order it was, and a problem in words."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from bigdipper_exporter.archive import recent as module
from bigdipper_exporter.archive.recent import MOST_ROWS, recent
from bigdipper_exporter.archive.store import Store

NOW = 1_790_000_000.0
START = NOW - 5 * 3600


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "bigdipper.db"
    store = Store(path)
    with store.transaction() as c:
        c.execute("INSERT INTO account_history (id, ts, date, source) VALUES (1, ?, '2026-09-21', 'log')", (NOW,))
    store.close()
    return path


def execute(path: Path, sql: str, *rows: tuple[object, ...]) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(sql, rows)


TRADE = "INSERT INTO trades VALUES (?, ?, '2026-09-21', 1, ?, 2, 50, 100, ?)"
SKIP = "INSERT INTO skips VALUES (?, ?, '2026-09-21', 1, ?, ?, '', ?)"
ORDER = (
    "INSERT INTO orders (order_id, symbol, side, quantity, limit_price, status, date, submitted, in_log)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
BRAKED = (
    "INSERT INTO opportunities (id, ts, date, symbol, dip_percent, outcome)"
    " VALUES (9, ?, '2026-09-21', 'KO', -5, 'missed_brake')"
)


def test_an_order_is_one_line_whoever_told_of_it(archive: Path) -> None:
    execute(archive, TRADE, (1, NOW - 100, "AMD", "a"), (2, NOW - 50, "MSFT", "b"), (3, START - 1, "OLD", "c"))
    execute(
        archive,
        ORDER,
        ("a", "AMD", "buy", 2, 50, "filled", "2026-09-21", NOW - 99, 1),
        ("d", "TSLA", "sell", 1, 9, "new", "2026-09-21", NOW - 20, 0),
    )
    lines = [(line.symbol, line.status, bool(line.by_hand)) for line in recent(archive, START, NOW).orders]
    assert lines == [("TSLA", "new", True), ("MSFT", "submitted", False), ("AMD", "filled", False)]


def test_a_line_without_an_order_id_is_the_order_of_its_symbol(archive: Path) -> None:
    execute(archive, TRADE, (1, NOW - 100, "AMD", None), (2, NOW - 50, "MSFT", None))
    execute(archive, ORDER, ("a", "AMD", "buy", 2, 50, "filled", "2026-09-21", NOW - 99, 1))
    assert [line.symbol for line in recent(archive, START, NOW).orders] == ["MSFT", "AMD"]


def test_missed_dips_are_one_row_for_each_symbol_and_reason(archive: Path) -> None:
    execute(
        archive,
        SKIP,
        (1, NOW - 300, "AMD", "no_quote", -4.0),
        (2, NOW - 200, "AMD", "no_quote", -6.5),
        (3, START - 5, "AMD", "no_quote", -9.0),
        (4, NOW - 100, "T", "buying_power", None),
    )
    execute(archive, BRAKED, (NOW - 400,))
    lines = [(line.symbol, line.reason, line.times, line.deepest) for line in recent(archive, START, NOW).missed]
    assert lines == [("T", "buying_power", 1, None), ("AMD", "no_quote", 2, -6.5), ("KO", "missed_brake", 1, -5.0)]


def test_errors_are_those_of_the_last_hour_and_gaps_of_the_last_day(archive: Path) -> None:
    event = "INSERT INTO bot_events VALUES (?, ?, '2026-09-21', ?, ?, ?)"
    execute(
        archive,
        event,
        (1, NOW - 60, "error", "cycle", "broke"),
        (2, NOW - 30, "error", "cycle", "broke"),
        (3, NOW - 3700, "error", "scan", "old"),
        (4, NOW - 10, "start", "start", ""),
    )
    gap = "INSERT INTO gaps (ts, generation, reason, detail) VALUES (?, 1, 'truncated', ?)"
    execute(archive, gap, (NOW - 60, "new"), (NOW - 90_000, "old"))
    found = recent(archive, START, NOW)
    assert [(line.cause, line.times, line.latest) for line in found.errors] == [("cycle", 2, NOW - 30)]
    assert [line.detail for line in found.gaps] == ["new"]


def test_the_curve_is_of_one_source(archive: Path) -> None:
    day = "INSERT INTO daily_stats (date, ts, trading_day, equity_source, ending_equity) VALUES (?, ?, ?, ?, ?)"
    execute(
        archive,
        day,
        ("2026-09-14", 1.0, 1, "log", 1.0),
        ("2026-09-17", 4.0, 1, "alpaca", 100.0),
        ("2026-09-19", 6.0, 0, "alpaca", 101.0),
        ("2026-09-21", 8.0, 1, "alpaca", 102.0),
    )
    assert [point.equity for point in recent(archive, START, NOW).curve] == [100.0, 102.0]


def test_no_more_rows_are_read_than_the_page_shows(archive: Path) -> None:
    execute(archive, TRADE, *((number, NOW - number, f"S{number}", f"o{number}") for number in range(1, 500)))
    assert len(recent(archive, START, NOW).orders) == MOST_ROWS


def test_what_cannot_be_read_is_said(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "there is no archive" in (recent(tmp_path / "none.db", START, NOW).problem or "")
    execute(archive, SKIP, *((number, START + 1, f"S{number}", "no_quote", -5.0) for number in range(1, 20_000)))
    monkeypatch.setattr(module, "DEADLINE_SECONDS", -1.0)
    begun = time.monotonic()
    assert recent(archive, START, NOW).problem == "it did not answer in time"
    assert time.monotonic() - begun < 10
