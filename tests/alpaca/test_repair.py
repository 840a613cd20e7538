"""An archive of the last release, with the peak that a deposit after the close left in it: migrated, repaired, continued."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from bigdipper_exporter.archive.store import Store
from tests.running import command, rows

RELEASE = Path(__file__).with_name("archive_of_release_0_1.sql")
ACCOUNT = "SELECT json_extract(value, '$.account_id') FROM state WHERE key = 'broker'"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """35,000 dollars, 10,000 more deposited at 16:30 on 4 November, nothing earned; one answer of the 5th said 60,000."""
    path = tmp_path / "archive.db"
    connection = sqlite3.connect(path)
    connection.executescript(RELEASE.read_text(encoding="utf-8"))
    connection.close()
    tmp_path.chmod(0o777)
    path.chmod(0o666)
    return path


def test_a_migration_keeps_every_row_and_gives_it_the_present_account(archive: Path) -> None:
    tables = ("orders", "fills", "activities", "position_snapshots", "account_history", "daily_stats")
    before = {table: rows(archive, f"SELECT count(*) FROM {table}") for table in tables}
    (account,) = rows(archive, ACCOUNT)
    store = Store(archive)
    store.connection.close()
    store.close()
    assert {table: rows(archive, f"SELECT count(*) FROM {table}") for table in tables} == before
    assert rows(archive, "SELECT account_id, present FROM accounts") == [(account[0], 1)]
    assert rows(archive, "SELECT date, deposits, withdrawals, profit FROM daily_stats WHERE date > '2025-11-03'") == [
        ("2025-11-04", 0, 0, 0),
        ("2025-11-05", 10_000, 0, 0),
    ]
    wrong = "SELECT count(*) FROM account_history WHERE abs(pl_percent - 100 * pl_dollar / equity) > 1e-9"
    assert rows(archive, wrong) == [(0,)]


def test_repair_says_what_changed_after_a_copy(archive: Path) -> None:
    done = command("archive", "repair", "--from", "2025-11-01", "--archive.path", archive)
    assert done.returncode == 0, done.stderr
    assert "1 account answer that cannot have been right moved" in done.stdout
    assert "2025-11-04 peak_equity: $45,000.00 → $35,000.00" in done.stdout
    assert "2025-11-04 drawdown_ratio: -22.22% → 0.00%" in done.stdout
    assert "2025-11-05 drawdown_ratio: -22.22% → 0.00%" in done.stdout
    figures = "SELECT drawdown_ratio, adjusted_peak, profit FROM daily_stats WHERE date > '2025-11-03'"
    assert rows(archive, figures) == [(0, 35_000, 0), (0, 45_000, 0)]
    assert rows(archive, "SELECT reason, equity FROM implausible_answers") == [("sum", 60_000)]
    (copy,) = archive.parent.glob("*.before-repair-*.bak")
    old = "SELECT min(drawdown_ratio) FROM daily_stats"
    assert rows(copy, old)[0][0] == pytest.approx(-2 / 9)
    again = command("archive", "repair", "--from", "2025-11-01", "--archive.path", archive)
    assert again.stdout.splitlines()[-1] == "no day since 2025-11-01 changed"


def test_repair_refuses_while_an_exporter_holds_the_archive(archive: Path) -> None:
    store = Store(archive)
    try:
        refused = command("archive", "repair", "--from", "2025-11-01", "--archive.path", archive)
    finally:
        store.connection.close()
        store.close()
    assert refused.returncode == 2
    assert "is in use by process" in refused.stderr
    assert not list(archive.parent.glob("*.before-repair-*.bak"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["repair", "--from", "yesterday"], "'yesterday' is not a date; allowed: YYYY-MM-DD"),
        (["repair", "--from", "2999-01-01"], "is not a date of the past"),
        (["repair"], "required: --from"),
        (["mend", "--from", "2025-11-01"], "invalid choice: 'mend'"),
        (["repair", "--from", "2025-11-01", "--archive.path", "/nowhere/archive.db"], "there is no archive at"),
    ],
)
def test_wrong_input_is_one_line(arguments: list[str], words: str) -> None:
    done = command("archive", *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
