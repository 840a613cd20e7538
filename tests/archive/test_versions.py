"""Archives of other versions, and what is none."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bigdipper_exporter.archive import migrate
from bigdipper_exporter.archive.errors import ArchiveError
from bigdipper_exporter.archive.store import Store
from tests.archive.parts import SAMPLE
from tests.running import content, monitor, rows


def with_migration(monkeypatch: pytest.MonkeyPatch, sql: str) -> int:
    """Pretend that the exporter knows one more migration; its version."""
    known = migrate.migrations()
    version = known[-1][0] + 1
    monkeypatch.setattr(migrate, "migrations", lambda: [*known, (version, sql)])
    monkeypatch.setattr(migrate, "NEWEST", version)
    return version


def test_an_older_archive_is_migrated_and_a_copy_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monitor(tmp_path) as one:
        one.log.write_bytes(SAMPLE.read_bytes())
        one.catch_up()
        before = content(one.archive)
    old = migrate.NEWEST
    new = with_migration(monkeypatch, "ALTER TABLE bot_config ADD COLUMN note TEXT;")
    (tmp_path / f"bigdipper.db.v{old}.bak.part").write_bytes(b"what a start left that was killed while it copied" * 100)
    with monitor(tmp_path) as one:
        assert one.rows("SELECT max(version) FROM schema_version") == [(new,)]
        assert one.rows("SELECT note FROM bot_config") == []
        assert content(one.archive) == before
    kept = tmp_path / f"bigdipper.db.v{old}.bak"
    assert content(kept) == before
    assert rows(kept, "SELECT max(version) FROM schema_version") == [(old,)]
    with monitor(tmp_path):
        assert [file.name for file in tmp_path.iterdir() if "bak" in file.name] == [kept.name]


def test_a_migration_that_fails_leaves_the_archive_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monitor(tmp_path) as one:
        one.log.write_bytes(SAMPLE.read_bytes()[:100_000])
        one.catch_up()
        before = content(one.archive)
    known = migrate.NEWEST
    with monkeypatch.context() as patch:
        with_migration(patch, "ALTER TABLE trades ADD COLUMN note TEXT; ALTER TABLE absent ADD COLUMN note TEXT;")
        with pytest.raises(ArchiveError, match="no such table: absent"):
            Store(tmp_path / "bigdipper.db")
    with monitor(tmp_path) as one:
        assert one.rows("SELECT max(version) FROM schema_version") == [(known,)]
        assert content(one.archive) == before


def spoiled_archive(path: Path, kind: str) -> None:
    if kind == "text":
        path.write_text("no database at all, just a text of more than sixteen bytes\n" * 100)
        return
    with closing(sqlite3.connect(path)) as connection:
        if kind == "newer":
            migrate.migrate(connection, path)
            connection.execute("INSERT INTO schema_version VALUES (999, 0, '9.9.9')")
        else:
            connection.execute("CREATE TABLE pets (name TEXT)")
        connection.commit()


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("newer", "schema version 999"),
        ("foreign", "none of Big Dipper Monitor's"),
        ("text", "file is not a database"),
    ],
)
def test_what_is_not_its_archive_is_refused_and_left_alone(tmp_path: Path, kind: str, said: str) -> None:
    path = tmp_path / "bigdipper.db"
    spoiled_archive(path, kind)
    before = path.read_bytes()
    with pytest.raises(ArchiveError, match=said) as caught:
        Store(path)
    assert str(caught.value).count(str(path)) == 1
    assert path.read_bytes()[100:] == before[100:]


@pytest.mark.parametrize("sample", ["big_dipper_v2.16.log", "big_dipper_v2.17.log", "big_dipper_v2.18.log"])
def test_days_of_version_0_1_get_the_trades_that_the_brake_let_pass(tmp_path: Path, sample: str) -> None:
    days = "SELECT date, missed_trades FROM daily_stats ORDER BY date"
    with monitor(tmp_path) as one:
        one.log.write_bytes(SAMPLE.with_name(sample).read_bytes())
        one.catch_up()
        right = one.rows(days)
    (missed_by_brake,) = (sql for version, sql in migrate.migrations() if version == 19)
    with closing(sqlite3.connect(tmp_path / "bigdipper.db")) as connection:
        connection.executescript(missed_by_brake)
        assert connection.execute(days).fetchall() == right
        # As that version counted them: its rows of `skips` and no more.
        connection.execute("UPDATE daily_stats SET missed_trades = (SELECT count(*) FROM skips WHERE date = daily_stats.date)")
        assert connection.execute(days).fetchall() != right
        connection.executescript(missed_by_brake)
        assert connection.execute(days).fetchall() == right


def test_what_a_brake_of_two_days_let_pass_is_added_to_neither(tmp_path: Path) -> None:
    (missed_by_brake,) = (sql for version, sql in migrate.migrations() if version == 19)
    with closing(sqlite3.connect(tmp_path / "archive.db")) as connection:
        migrate.migrate(connection, tmp_path / "archive.db")
        connection.executemany(
            "INSERT INTO daily_stats (date, ts, trading_day, missed_trades) VALUES (?, ?, 1, 2)",
            [("2025-11-03", 1762160400.0), ("2025-11-04", 1762246800.0)],
        )
        connection.executemany(
            "INSERT INTO brake_events (id, started, date, cycles, missed_opportunities, last_seen) VALUES (?, ?, ?, 9, 5, ?)",
            [(1, 1762230000.0, "2025-11-03", 1762250000.0), (2, 1762251000.0, "2025-11-04", 1762252000.0)],
        )
        connection.executescript(missed_by_brake)
        found = connection.execute("SELECT date, missed_trades FROM daily_stats ORDER BY date").fetchall()
        assert found == [("2025-11-03", 2), ("2025-11-04", 5)]
