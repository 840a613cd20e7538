"""What can happen to the archive: nothing is lost, nothing counted twice, and it says why it waits."""

import os
import random
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from exporter.archive import migrate, retention
from exporter.archive.errors import ArchiveError
from exporter.archive.store import Store
from tests.running import (
    NOBODY,
    Exporter,
    Monitor,
    Scrapes,
    command,
    content,
    counters,
    exporter,
    monitor,
    rows,
    wait_for,
)

SAMPLE = Path(__file__).parent / "samples" / "big_dipper_v2.18.log"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: another user, a mount")


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that other users can reach; pytest's own they cannot."""
    folder = Path(tempfile.mkdtemp(prefix="bigdipper-"))
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def cycles(first: int, count: int) -> bytes:
    """Cycles that each leave an account row and a trade."""
    return "".join(
        f"2025-10-17 {9 + n // 60:02}:{n % 60:02}:00 [INFO] Cycle #{n}\n"
        f"2025-10-17 {9 + n // 60:02}:{n % 60:02}:01 [INFO] [ACCOUNT] equity=${n}.00 cash=$1.00 leverage=0.0%\n"
        f"2025-10-17 {9 + n // 60:02}:{n % 60:02}:02 [INFO] [TRADE] BUY AMD 10 @ $1.00 = $10.00\n"
        for n in range(first, first + count)
    ).encode()


def append(one: Exporter, data: bytes) -> None:
    with one.log.open("ab") as log:
        log.write(data)


def held_then_recovered(one: Exporter, spoil: Callable[[], Callable[[], None]], why: str) -> None:
    """Spoil the archive under a running exporter, write lines, see it say why, mend, see every line counted once."""
    scrapes = Scrapes()
    append(one, cycles(1, 50))
    one.wait_lines(150)
    scrapes.take(one.samples())
    mend = spoil()
    append(one, cycles(51, 50))
    status, body = wait_for(lambda: (reply := one.get("/-/ready"))[0] == 503 and reply, "a 503")
    assert why in body
    assert str(one.archive) in body
    assert one.get("/-/healthy")[0] == 200
    assert status == 503
    scrapes.take(one.samples())
    assert one.value("bigdipper_archive_up") == 0
    assert one.value("bigdipper_exporter_ready") == 0
    assert one.value("bigdipper_log_lines_total") == 150
    assert why in one.get("/")[1]
    mend()
    one.wait_lines(300)
    one.wait_ready()
    scrapes.take(one.samples())
    assert one.value("bigdipper_archive_up") == 1
    assert one.value("bigdipper_bot_cycles_total") == 100
    assert (one.value("bigdipper_archive_errors_total") or 0) >= 1
    assert rows(one.archive, "SELECT count(*), count(DISTINCT id), max(equity) FROM account_history") == [(100, 100, 100.0)]
    assert rows(one.archive, "SELECT count(*) FROM trades") == [(100,)]
    assert rows(one.archive, "PRAGMA integrity_check") == [("ok",)]
    assert "waiting: the archive" in one.said()


def test_locked_by_another_process_it_waits_says_so_and_still_stops_at_once(tmp_path: Path) -> None:
    with exporter(tmp_path) as one:
        one.wait_ready()
        other = sqlite3.connect(one.archive, isolation_level=None)

        def spoil() -> Callable[[], None]:
            other.execute("BEGIN IMMEDIATE")
            def mend() -> None:
                other.execute("ROLLBACK")

            return mend

        held_then_recovered(one, spoil, "database is locked")
        other.execute("BEGIN IMMEDIATE")
        append(one, cycles(101, 1))
        begun = time.monotonic()
        assert one.terminate() == 0
        assert time.monotonic() - begun < 4  # twice the promise, for a busy machine
        other.close()


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], capture_output=True, check=False)
    if made.returncode:
        pytest.skip(f"no mount here: {made.stderr.decode()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@as_root
def test_a_full_disk_is_waited_for(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk, exporter(tmp_path, "--archive.path", disk / "bigdipper.db") as one:
        one.archive = disk / "bigdipper.db"
        one.wait_ready()

        def spoil() -> Callable[[], None]:
            filler = disk / "filler"
            with filler.open("wb", buffering=0) as file, suppress(OSError):
                while file.write(bytes(4096)):
                    pass
            return filler.unlink

        held_then_recovered(one, spoil, "full")


def test_a_full_archive_is_waited_for(tmp_path: Path) -> None:
    with monitor(tmp_path) as one:
        one.log.write_bytes(SAMPLE.read_bytes()[:200_000])
        one.catch_up()
        before = counters(one.samples())
        pages = one.rows("PRAGMA page_count")[0][0]
        one.store.connection.execute(f"PRAGMA max_page_count = {pages + 1}")
        one.log.write_bytes(SAMPLE.read_bytes())
        for _ in range(3):
            assert one.pipeline.step() is False
        assert "full" in str(one.pipeline.trouble)
        assert counters(one.samples()) == before
        one.store.connection.execute("PRAGMA max_page_count = 1073741823")
        one.catch_up()
        (whole := tmp_path / "whole").mkdir()
        with monitor(whole) as other:
            other.log.write_bytes(SAMPLE.read_bytes())
            other.catch_up()
            assert content(one.archive) == content(other.archive)
            assert counters(one.samples()) == pytest.approx(counters(other.samples()))


@pytest.mark.parametrize("suffixes", [[""], ["", "-wal", "-shm", ".lock"], ["-wal"]], ids=["file", "all", "wal"])
def test_a_deleted_archive_comes_back_whole(tmp_path: Path, suffixes: list[str]) -> None:
    with exporter(tmp_path) as one:
        scrapes = Scrapes()
        append(one, cycles(1, 50))
        one.wait_lines(150)
        scrapes.take(one.samples())
        for suffix in suffixes:
            one.archive.with_name(one.archive.name + suffix).unlink()
        append(one, cycles(51, 50))
        one.wait_lines(300)
        scrapes.take(one.samples())
        one.wait_ready()
        assert rows(one.archive, "SELECT count(*), max(equity) FROM account_history") == [(100, 100.0)]
        assert "has been deleted" in one.said()
        second = command("run", "--log.path", one.log, "--archive.path", one.archive, "--web.listen-address", "127.0.0.1:0")
        assert (second.returncode, f"process {one.process.pid}" in second.stderr) == (2, True)
        one.kill()
        one.start()
        one.wait_ready()
        scrapes.take(one.samples())
        assert one.value("bigdipper_bot_cycles_total") == 100
        assert rows(one.archive, "PRAGMA integrity_check") == [("ok",)]


def test_an_archive_that_was_replaced_is_not_written_until_a_restart(tmp_path: Path) -> None:
    with exporter(tmp_path) as one:
        append(one, cycles(1, 10))
        one.wait_lines(30)
        assert command("backup", tmp_path / "copy.db", "--archive.path", one.archive).returncode == 0
        append(one, cycles(11, 10))
        one.wait_lines(60)
        (tmp_path / "copy.db").replace(one.archive)
        append(one, cycles(21, 10))
        wait_for(lambda: "replaced by another file" in one.get("/-/ready")[1])
        one.kill()
        for suffix in ("-wal", "-shm"):  # as one restores a backup
            one.archive.with_name(one.archive.name + suffix).unlink()
        one.start()
        one.wait_lines(90)
        assert rows(one.archive, "SELECT count(*), max(equity) FROM account_history") == [(30, 30.0)]


def test_a_read_only_folder_is_refused_at_the_start_and_does_not_stop_a_running_exporter(shared: Path) -> None:
    with exporter(shared) as one:
        append(one, cycles(1, 10))
        one.wait_lines(30)
        shared.chmod(0o555)
        append(one, cycles(11, 10))
        one.wait_lines(60)
        one.wait_ready()
    other = shared / "other.db"
    refused = command("run", "--log.path", one.log, "--archive.path", other, "--web.listen-address", "127.0.0.1:0")
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert f"cannot write in {shared} as user id {os.geteuid()}" in refused.stderr


CHECKPOINTING = """
import sys
from pathlib import Path
from tests.running import Monitor
one = Monitor(Path(sys.argv[1]))
one.store.connection.execute("PRAGMA wal_autocheckpoint = 1")
one.pipeline.tail._limit = 20_000
one.catch_up()
print("done", flush=True)
"""


def test_killed_during_checkpoints_of_the_write_ahead_log_it_is_whole(tmp_path: Path) -> None:
    """Every commit is followed by a checkpoint: a kill at any instant lands in one now and then."""
    rng = random.Random(3)
    data = SAMPLE.read_bytes()
    (folder := tmp_path / "killed").mkdir()
    (folder / "big_dipper.log").write_bytes(data)
    kills = 0
    while True:
        args = [sys.executable, "-c", CHECKPOINTING, str(folder)]
        with subprocess.Popen(args, stdout=subprocess.PIPE, cwd=Path(__file__).parent.parent) as process:
            try:
                out, _ = process.communicate(timeout=60 if kills >= 6 else rng.uniform(0.3, 1.0))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                kills += 1
                continue
        assert out == b"done\n"
        break
    (whole := tmp_path / "whole").mkdir()
    with monitor(whole) as other:
        other.log.write_bytes(data)
        other.catch_up()
        assert content(folder / "bigdipper.db") == content(other.archive)
    assert rows(folder / "bigdipper.db", "PRAGMA integrity_check") == [("ok",)]


def test_a_second_exporter_is_refused_and_told_of_the_first(tmp_path: Path) -> None:
    with exporter(tmp_path) as one:
        append(one, cycles(1, 1))
        one.wait_lines(3)
        for name in ("run", "ingest"):
            second = command(name, "--log.path", one.log, "--archive.path", one.archive, "--web.listen-address", "127.0.0.1:0")
            assert second.returncode == 2
            assert second.stderr.count("\n") == 1
            assert f"in use by process {one.process.pid} " in second.stderr
        one.kill()
        assert command("ingest", "--log.path", one.log, "--archive.path", one.archive).returncode == 0


# -- schema versions


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


# -- readers


def test_a_reader_that_stays_does_not_hold_up_the_writer_and_the_space_comes_back(tmp_path: Path) -> None:
    with monitor(tmp_path) as one:
        one.say("2025-10-17 09:30:00 [INFO] Cycle #1")
        with closing(sqlite3.connect(f"file:{one.archive}?mode=ro", uri=True, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            assert reader.execute("SELECT count(*) FROM trades").fetchone() == (0,)
            before = reader.execute("SELECT count(*) FROM skip_counts").fetchone()
            for _ in range(20):
                one.write(*SAMPLE.read_text().splitlines())
                one.catch_up()
            assert one.pipeline.trouble is None
            assert reader.execute("SELECT count(*) FROM skip_counts").fetchone() == before
            grown = one.archive.with_name("bigdipper.db-wal").stat().st_size
            assert grown > 4096 * 1000
            reader.execute("COMMIT")
            assert reader.execute("SELECT count(*) FROM trades").fetchone() == (280,)
        one.store.connection.execute("PRAGMA journal_size_limit = 100000")
        one.write(*SAMPLE.read_text().splitlines())
        one.catch_up()
        one.say("2025-11-05 09:30:00 [INFO] Cycle #1")
        assert one.archive.with_name("bigdipper.db-wal").stat().st_size < grown


def as_grafana(archive: Path) -> str:
    """What a reader of another user id sees."""
    seen, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        # Nothing but SQLite: other users may not even be able to read this Python's library.
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        try:
            connection = sqlite3.connect(f"file:{archive}?mode=ro", uri=True, timeout=5)
            os.write(tell, str(connection.execute("SELECT count(*), max(equity) FROM account_history").fetchone()).encode())
            connection.close()
        except sqlite3.Error as error:
            os.write(tell, str(error).encode())
        finally:
            os._exit(0)
    os.close(tell)
    with open(seen) as answer:
        text = answer.read()
    os.waitpid(pid, 0)
    return text


def kill_in_a_transaction(one: Exporter) -> None:
    one.kill()
    pid = os.fork()
    if pid == 0:
        connection = sqlite3.connect(one.archive, isolation_level=None)
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE account_history SET equity = -1")
        connection.execute("INSERT INTO gaps (ts, generation, reason, detail) SELECT 1, 1, 'x', hex(zeroblob(100000))")
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)


def ingest_anew(one: Exporter) -> None:
    one.terminate()
    for suffix in ("", "-wal", "-shm"):
        one.archive.with_name(f"{one.archive.name}{suffix}").unlink()
    command("ingest", "--log.path", one.log, "--archive.path", one.archive)


ENDS: dict[str, Callable[[Exporter], object]] = {
    "running": lambda one: None,
    "killed": Exporter.kill,
    "killed in a transaction": kill_in_a_transaction,
    "stopped": Exporter.terminate,
    "stopped and looked at by the other commands": lambda one: (
        one.terminate(), command("doctor", "--archive.path", one.archive),
        command("export", "trades", "--archive.path", one.archive),
        command("backup", one.archive.with_name("copy.db"), "--archive.path", one.archive),
    ),
    "ingested": ingest_anew,
}  # fmt: skip


@as_root
@pytest.mark.parametrize(("end", "mode"), [*((end, 0o755) for end in ENDS), ("stopped", 0o777)])
def test_grafana_can_read_it_however_the_exporter_ended(shared: Path, end: str, mode: int) -> None:
    shared.chmod(mode)
    with exporter(shared) as one:
        append(one, cycles(1, 50))
        one.wait_lines(150)
        ENDS[end](one)
        assert as_grafana(one.archive) == "(50, 50.0)"
        assert as_grafana(one.archive) == "(50, 50.0)"
        if end != "running":
            one.start()
        append(one, cycles(51, 1))
        one.wait_lines(153)
        assert as_grafana(one.archive) == "(51, 51.0)"
        owners = {path.stat().st_uid for path in shared.glob("bigdipper.db*")}
        assert owners == {0}


@as_root
def test_a_crash_leaves_it_readable_too(shared: Path) -> None:
    broken = "import sys; from exporter import cli, service; service.Service._turn = lambda self: 1 / 0; cli.entry()"
    (shared / "big_dipper.log").write_bytes(cycles(1, 50))
    args: list[str | Path] = ["--log.path", shared / "big_dipper.log", "--archive.path", shared / "bigdipper.db"]
    assert command("ingest", *args).returncode == 0
    crashed = subprocess.run(
        [sys.executable, "-c", broken, "run", *args, "--web.listen-address", "127.0.0.1:0"],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parent.parent,
    )  # fmt: skip
    assert crashed.returncode == 1
    assert "ZeroDivisionError" in crashed.stderr
    assert as_grafana(shared / "bigdipper.db") == "(50, 50.0)"


# -- retention, backup


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
        for table, column in (("account_history", "ts"), ("opportunities", "ts"), ("skips", "ts"), ("scans", "ts"),
                              ("skip_counts", "hour"), ("position_snapshots", "ts")):  # fmt: skip
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


# -- where it may lie


@pytest.mark.parametrize("name", ["a#b", "what?", "100%25", "with blank", "ümläut"])
def test_an_archive_is_read_where_it_was_written_whatever_signs_its_path_has(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    log, archive = folder / "big_dipper.log", folder / "bigdipper.db"
    log.write_bytes(cycles(1, 5))
    assert command("ingest", "--log.path", log, "--archive.path", archive).returncode == 0
    done = command("export", "trades", "--archive.path", archive)
    assert len(done.stdout.splitlines()) == 6, done.stderr
    assert command("backup", folder / "copy.db", "--archive.path", archive).returncode == 0
    assert rows(folder / "copy.db", "SELECT count(*) FROM trades") == [(5,)]
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_an_archive_behind_a_link_is_used_and_locked_as_the_one_that_it_is(tmp_path: Path) -> None:
    (tmp_path / "big_dipper.log").write_bytes(cycles(1, 5))
    real, link = tmp_path / "disk" / "real.db", tmp_path / "link.db"
    real.parent.mkdir()
    link.symlink_to(real)
    args = ("--log.path", tmp_path / "big_dipper.log", "--archive.path")
    done = command("ingest", *args, link)
    assert done.returncode == 0, done.stderr
    assert rows(real, "SELECT count(*) FROM trades") == [(5,)]
    store = Store(link)
    with pytest.raises(ArchiveError, match="is in use by process"):
        Store(real)
    store.close()
    assert "0 lines" in command("ingest", *args, real).stdout


def test_a_database_that_is_somebody_elses_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "pets.db"
    with closing(sqlite3.connect(path)) as pets:
        pets.execute("CREATE TABLE pets (name TEXT)")
    before = path.read_bytes()
    with pytest.raises(ArchiveError, match="none of Big Dipper Monitor's"):
        Store(path)
    assert path.read_bytes() == before


def test_a_port_that_is_taken_is_told_before_an_archive_is_made(tmp_path: Path) -> None:
    (tmp_path / "big_dipper.log").write_bytes(cycles(1, 1))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        args = ("--log.path", tmp_path / "big_dipper.log", "--archive.path", tmp_path / "bigdipper.db")
        done = command("run", *args, "--web.listen-address", address)
    assert done.returncode == 2
    assert "the port is taken" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["big_dipper.log"]
