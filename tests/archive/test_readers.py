"""Readers, Grafana among them, beside the exporter and after it."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.archive.parts import ROOT, SAMPLE, append, as_root, cycles
from tests.running import NOBODY, Exporter, command, exporter, monitor


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
            # The same orders each time.
            assert reader.execute("SELECT count(*) FROM trades").fetchone() == (14,)
            assert reader.execute("SELECT count(*) FROM scans").fetchone() == (20 * SAMPLE.read_text().count("Scan complete"),)
        one.store.connection.execute("PRAGMA journal_size_limit = 100000")
        one.write(*SAMPLE.read_text().splitlines())
        one.catch_up()
        one.say("2025-11-05 09:30:00 [INFO] Cycle #1")
        assert one.archive.with_name("bigdipper.db-wal").stat().st_size < grown


def as_grafana(archive: Path) -> str:
    """What a reader of another user id sees that is in the archive's group, as compose and the unit have it."""
    group = archive.stat().st_gid
    seen, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        # Nothing but SQLite: other users may not even be able to read this Python's library.
        os.setgroups([group])
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


def ingest_again(one: Exporter) -> None:
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
        one.terminate(),
        command("doctor", "--archive.path", one.archive),
        command("export", "trades", "--archive.path", one.archive),
        command("backup", one.archive.with_name("copy.db"), "--archive.path", one.archive),
    ),
    "ingested": ingest_again,
}


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
    broken = (
        "import sys; from bigdipper_exporter import cli, service; service.Service._run_once = lambda self: 1 / 0; cli.entry()"
    )
    (shared / "big_dipper.log").write_bytes(cycles(1, 50))
    args: list[str | Path] = ["--log.path", shared / "big_dipper.log", "--archive.path", shared / "bigdipper.db"]
    assert command("ingest", *args).returncode == 0
    crashed = subprocess.run(
        [sys.executable, "-c", broken, "run", *args, "--web.listen-address", "127.0.0.1:0"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert crashed.returncode == 1
    assert "ZeroDivisionError" in crashed.stderr
    assert as_grafana(shared / "bigdipper.db") == "(50, 50.0)"
