"""What is forgotten, and what is copied."""

import stat
from pathlib import Path

from bigdipper_exporter.archive import retention
from tests.archive.parts import SAMPLE, append, cycles
from tests.running import Monitor, command, content, exporter, monitor, rows, wait_for


def fill(one: Monitor, table: str, columns: str, values: str, count: int) -> None:
    numbers = f"WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {count})"
    one.store.connection.execute(f"{numbers} INSERT INTO {table} ({columns}) SELECT {values} FROM n")


def test_what_is_older_than_the_retention_is_forgotten_and_the_space_given_back(tmp_path: Path) -> None:
    with monitor(tmp_path) as one:
        old = 5000
        date = "'2025-01-01'"
        source = "CASE n % 2 WHEN 0 THEN 'log' ELSE 'alpaca' END"
        fill(one, "account_history", "ts, date, source, equity", f"n, {date}, {source}, n", 8000)
        fill(one, "opportunities", "ts, date, symbol, outcome", f"n, {date}, 'AMD', 'unknown'", 8000)
        fill(one, "skips", "ts, date, symbol, reason, detail", f"n, {date}, 'AMD', 'other', hex(zeroblob(200))", 8000)
        fill(one, "scans", "ts, date, found", f"n, {date}, 0", 8000)
        fill(one, "skip_counts", "hour, symbol, reason, count", "n, 'AMD', 'cooldown', 1", 8000)
        fill(one, "position_snapshots", "ts, symbol, date", f"n, 'AMD', {date}", 8000)
        fill(one, "trades", "ts, date, symbol, quantity, price, total_value", f"n, {date}, 'AMD', 1, 1, 1", 100)
        one.store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        before = one.archive.stat().st_size
        steps = 0
        while retention.forget(one.store, old):
            steps += 1
            assert steps < 50
        assert steps >= 3  # a little at a time: the log goes on in between
        for table, column in (
            ("account_history", "ts"),
            ("opportunities", "ts"),
            ("skips", "ts"),
            ("scans", "ts"),
            ("skip_counts", "hour"),
            ("position_snapshots", "ts"),
        ):
            assert one.rows(f"SELECT count(*), min({column}) FROM {table}") == [(3001, old)]
        assert one.rows("SELECT count(*) FROM trades") == [(100,)]
        assert one.rows("PRAGMA freelist_count") == [(0,)]
        one.store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert one.archive.stat().st_size < before * 0.6
        assert one.rows("PRAGMA integrity_check") == [("ok",)]


def test_a_running_exporter_forgets_by_itself(tmp_path: Path) -> None:
    with exporter(tmp_path, "--archive.retention", "1d") as one:
        append(one, cycles(1, 20))
        one.wait_lines(60)
        wait_for(lambda: rows(one.archive, "SELECT count(*) FROM account_history") == [(0,)])
        assert rows(one.archive, "SELECT count(*) FROM trades") == [(20,)]
        assert one.value("bigdipper_bot_cycles_total") == 20


def test_a_backup_of_a_running_exporter_is_whole_and_can_be_gone_on_with(tmp_path: Path) -> None:
    data = SAMPLE.read_bytes()
    middle = data.index(b"\n", len(data) // 2) + 1
    target = tmp_path / "copy.db"
    with exporter(tmp_path) as one:
        append(one, data[:middle])
        one.wait_ready()
        done = command("backup", target, "--archive.path", one.archive)
        assert (done.returncode, str(target) in done.stdout) == (0, True)
        append(one, data[middle:])
        one.wait_lines(data.count(b"\n"))
        assert rows(target, "PRAGMA integrity_check") == [("ok",)]
        assert stat.S_ISREG(target.stat().st_mode)
        more = command("ingest", "--log.path", one.log, "--archive.path", target, "--log.timezone", "America/New_York")
        assert more.returncode == 0, more.stderr
        assert content(target) == content(one.archive)
    missing = command("backup", tmp_path / "nowhere" / "copy.db", "--archive.path", one.archive)
    assert (missing.returncode, missing.stderr.count("\n")) == (2, 1)
