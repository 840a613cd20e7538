"""What can happen to the archive: nothing is lost, nothing counted twice, and it says why it waits."""

import errno
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from bigdipper_exporter.archive.store import Store
from tests.archive.parts import ROOT, SAMPLE, append, as_root, cycles
from tests.running import (
    Exporter,
    Scrapes,
    command,
    content,
    counters,
    exporter,
    monitor,
    rows,
    wait_for,
)


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


def test_a_disk_that_gives_no_answer_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_answer(_: Store) -> bool:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monitor(tmp_path) as one:
        with monkeypatch.context() as patch:
            patch.setattr(Store, "_deleted", no_answer)
            one.say("2025-10-17 09:30:00 [INFO] Cycle #1 - 09:30:00")
            assert "Input/output error" in str(one.pipeline.trouble)
        one.catch_up()
        assert one.pipeline.trouble is None
        assert one.value("bigdipper_bot_cycles_total") == 1


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
        with subprocess.Popen(args, stdout=subprocess.PIPE, cwd=ROOT) as process:
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
