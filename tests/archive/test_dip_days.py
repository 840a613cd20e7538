"""The sums of dips by day are those of the dips, whatever is written, changed and forgotten."""

import random
import sqlite3
from pathlib import Path

import pytest

from bigdipper_exporter.archive.bot_tables import ScanRow
from bigdipper_exporter.archive.migrate import migrations
from bigdipper_exporter.archive.store import Store
from bigdipper_exporter.archive.table import table_of

SUMS = """
SELECT date, symbol, outcome, coalesce(CAST(dip_percent AS INTEGER), 1) AS depth, count(*), max(score)
FROM opportunities GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"""
INSERT = "INSERT INTO opportunities (id, ts, date, symbol, dip_percent, score, outcome) VALUES (?, ?, ?, ?, ?, ?, ?)"
DAYS = "SELECT date, symbol, outcome, depth, dips, score FROM dip_days ORDER BY 1, 2, 3, 4"
OUTCOMES = "SELECT date, symbol, outcome, count(*), max(score) FROM opportunities GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
OUTCOME_DAYS = "SELECT date, symbol, outcome, dips, score FROM dip_outcome_days ORDER BY 1, 2, 3"
BEST = """
SELECT count(*) FROM {} AS d WHERE score IS NOT NULL AND NOT EXISTS (
  SELECT 1 FROM opportunities AS o WHERE o.date = d.date AND o.symbol = d.symbol AND o.outcome = d.outcome
    AND o.score = d.score AND o.ts = d.ts AND o.dip_percent IS d.dip_percent)"""


def named(connection: sqlite3.Connection, chance: random.Random, number: int) -> None:
    day = number // 40
    dip = chance.choice([None, chance.uniform(-12, 0)])
    values = (
        number,
        86400.0 * day + 50_000 + number,
        f"2026-01-{1 + day:02}",
        chance.choice(["AMD", "NVDA"]),
        dip,
        None if dip is None else chance.choice([None, round(-dip / 5, 2)]),
        chance.choice(["submitted", "unknown"]),
    )
    connection.execute(INSERT, values)


@pytest.mark.parametrize("seed", range(5))
def test_sums_follow_what_is_written_changed_and_forgotten(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    store = Store(tmp_path / "archive.db")
    with store.transaction() as connection:
        for number in range(400):
            named(connection, chance, number)
        for _ in range(60):
            change = chance.choice(["outcome = 'rejected'", "score = 1.9, dip_percent = -9.5", "score = NULL", "price = 5"])
            connection.execute(f"UPDATE opportunities SET {change} WHERE id = ?", (chance.randrange(400),))
        assert connection.execute(DAYS).fetchall() == connection.execute(SUMS).fetchall()
        assert connection.execute(OUTCOME_DAYS).fetchall() == connection.execute(OUTCOMES).fetchall()
        for table in ("dip_days", "dip_outcome_days"):
            assert connection.execute(BEST.format(table)).fetchone() == (0,), table
        connection.execute("DELETE FROM opportunities WHERE date <= '2026-01-04'")
        assert connection.execute(DAYS).fetchall() == connection.execute(SUMS).fetchall() != []
        assert connection.execute(OUTCOME_DAYS).fetchall() == connection.execute(OUTCOMES).fetchall() != []
    store.connection.close()
    store.close()


def changed(connection: sqlite3.Connection, chance: random.Random, first: int) -> None:
    """Dips named, given an outcome, changed and forgotten. Scores are round, so that many are the same."""
    for number in range(first, first + 300):
        values = (
            number,
            86400.0 * (number // 100) + number,
            f"2026-01-{1 + number // 100:02}",
            chance.choice("ABC"),
            round(chance.uniform(-9, 0), 1),
            chance.randrange(1, 6) / 2,
            "unknown",
        )
        connection.execute(INSERT, values)
        if chance.random() < 0.3:
            change = chance.choice(["outcome = 'submitted'", "outcome = 'rejected'", "dip_percent = -9.5", "symbol = 'A'"])
            connection.execute(f"UPDATE opportunities SET {change} WHERE id = ?", (chance.randrange(first, number + 1),))
    connection.execute("DELETE FROM opportunities WHERE id < ?", (first - chance.randrange(200),))


@pytest.mark.parametrize("seed", range(5))
def test_sums_of_an_older_archive_go_on_as_its_own_triggers_would_have_kept_them(seed: int, tmp_path: Path) -> None:
    old = sqlite3.connect(tmp_path / "archive.db", isolation_level=None)
    for version, sql in migrations():
        if version < 18:  # the triggers of 018 replace those of 012 and 015
            old.executescript(f"{sql}\nINSERT INTO schema_version VALUES ({version}, 0, 'test');")
    changed(old, random.Random(seed), 0)
    other = sqlite3.connect(":memory:", isolation_level=None)
    old.backup(other)
    old.close()
    store = Store(tmp_path / "archive.db")
    for connection in (store.connection, other):
        changed(connection, random.Random(seed + 100), 300)
    for table in ("dip_days", "dip_outcome_days"):
        kept = store.connection.execute(f"SELECT * FROM {table}").fetchall()
        assert kept == other.execute(f"SELECT * FROM {table}").fetchall() != []
    other.close()
    store.connection.close()
    store.close()


@pytest.mark.parametrize("seed", range(3))
def test_sums_of_scans_follow_what_is_written_changed_and_forgotten(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    store = Store(tmp_path / "archive.db")
    sums, days = "SELECT date, count(*), sum(found) FROM scans GROUP BY date", "SELECT date, scans, found FROM scan_days"
    with store.transaction() as connection:
        for number in range(200):
            row = ScanRow(
                number, 86400.0 * (number // 40), f"2026-01-{1 + number // 40:02}", None, chance.randrange(30), None, None
            )
            table_of(ScanRow).write(connection, [row])
        for _ in range(60):
            change = chance.choice(["found = found + 7", "found = 0", "date = '2026-01-09'", "largest_dip_symbol = 'AMD'"])
            connection.execute(f"UPDATE scans SET {change} WHERE id = ?", (chance.randrange(200),))
        written = connection.execute(days).fetchall()
        assert written == connection.execute(sums).fetchall()
        connection.execute("DELETE FROM scans WHERE date <= '2026-01-03'")
        left = connection.execute(days).fetchall()
        assert left == connection.execute(sums).fetchall() != written
    store.connection.close()
    store.close()
