"""Starts that cannot be are one clear line; what may come yet is waited for; a signal ends all cleanly."""

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from bigdipper_exporter.archive.migrate import migrate
from tests.bench.make_log import make_log
from tests.cli.asked import SAMPLE, refused
from tests.running import command, exporter, rows, wait_for

# -- bad starts


def test_a_missing_log_setting_is_named_with_the_ways_to_give_it(tmp_path: Path) -> None:
    line = refused("run", "--archive.path", tmp_path / "a.db")
    assert line.startswith("log.path or alpaca.key: is required")
    assert "--log.path" in line
    assert "LOG_PATH" in line
    assert "ALPACA_KEY" in line


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--log.timezone", "Mars/Olympus"], "log.timezone: 'Mars/Olympus'"),
        (["--archive.path", "{tmp}/nowhere/a.db"], "archive.path {tmp}/nowhere/a.db: the folder {tmp}/nowhere does not exist"),
        (["--archive.path", "{tmp}"], "archive.path {tmp} is a folder"),
        (["--archive.path", "{tmp}/big_dipper.log"], "archive {tmp}/big_dipper.log cannot be opened: file is not a database"),
        (["--archive.path", "{tmp}/newer.db"], "archive {tmp}/newer.db has schema version 999"),
        (["--archive.path", "{tmp}/pets.db"], "{tmp}/pets.db: this SQLite file is none of Big Dipper Monitor's"),
        (["--config.file", "{tmp}/broken.yml"], "{tmp}/broken.yml"),
        (["--config.file", "{tmp}/unknown.yml"], "unknown key 'log.pth'; did you mean log.path?"),
        (["--config.file", "{tmp}/missing.yml"], "{tmp}/missing.yml"),
        (["--web.listen-address", "127.0.0.1:{port}"], "cannot listen on 127.0.0.1:{port}: the port is taken by process {pid}"),
        (["--web.listen-address", "127.0.0.1:99999"], "web.listen-address: '127.0.0.1:99999'"),
        (["--web.config.file", "{tmp}/missing.yml"], "web.config.file: {tmp}/missing.yml: cannot be read"),
        (["--archive.retention", "a while"], "archive.retention: 'a while'"),
        (["--log.level", "loud"], "log.level: 'loud'"),
    ],
)
def test_a_start_that_cannot_be_is_one_clear_line(tmp_path: Path, log: Path, flags: list[str], said: str) -> None:
    (tmp_path / "broken.yml").write_text("log: [path\n")
    (tmp_path / "unknown.yml").write_text("log:\n  pth: x\n")
    with closing(sqlite3.connect(tmp_path / "newer.db")) as newer:
        migrate(newer, tmp_path / "newer.db")
        newer.execute("INSERT INTO schema_version VALUES (999, 0, '9.9.9')")
        newer.commit()
    with closing(sqlite3.connect(tmp_path / "pets.db")) as pets:
        pets.execute("CREATE TABLE pets (name TEXT)")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        known = {"tmp": str(tmp_path), "port": taken.getsockname()[1], "pid": os.getpid()}
        args: list[str | Path] = ["run", "--log.path", log, "--archive.path", tmp_path / "a.db"]
        args += ["--web.listen-address", "127.0.0.1:0"]
        args += [flag.format(**known) for flag in flags]
        assert said.format(**known) in refused(*args)


def test_ingest_refuses_a_log_that_is_not_there_or_may_not_be_read(tmp_path: Path, log: Path) -> None:
    archive = tmp_path / "a.db"
    missing = tmp_path / "no.log"
    assert refused("ingest", "--log.path", missing, "--archive.path", archive) == f"log.path: {missing} does not exist"
    log.chmod(0)
    assert f"{log} is not a file that user id {os.geteuid()} can read" in refused(
        "ingest", "--log.path", log, "--archive.path", archive
    )
    assert not archive.exists()


@pytest.mark.parametrize("name", ["export", "backup"])
def test_reading_an_archive_that_is_not_there_never_makes_one(tmp_path: Path, name: str) -> None:
    archive = tmp_path / "a.db"
    what = "trades" if name == "export" else str(tmp_path / "copy.db")
    assert f"there is no archive at {archive}" in refused(name, what, "--archive.path", archive)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["export", "backup"])
def test_reading_what_is_no_archive_is_one_clear_line(tmp_path: Path, log: Path, name: str) -> None:
    what = "trades" if name == "export" else str(tmp_path / "copy.db")
    assert str(log) in refused(name, what, "--archive.path", log)
    assert [path.name for path in tmp_path.iterdir()] == [log.name]


@pytest.mark.parametrize("name", ["demo", "simulate"])
@pytest.mark.parametrize(
    ("flag", "value"), [("--days", "0"), ("--days", "-3"), ("--speed", "0"), ("--speed", "nan"), ("--speed", "x")]
)
def test_the_demo_refuses_what_it_cannot_show(tmp_path: Path, name: str, flag: str, value: str) -> None:
    log = ("--log", tmp_path / "sim.log") if name == "simulate" else ()
    line = refused(name, *log, f"{flag}={value}")
    assert line.startswith(f"argument {flag}: '{value}' is not a")
    assert "allowed: " in line
    assert list(tmp_path.iterdir()) == []


def test_ingest_into_an_archive_that_cannot_be_used_is_one_clear_line(tmp_path: Path, log: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "a.db")) as damaged:
        migrate(damaged, tmp_path / "a.db")
        damaged.execute("DROP TABLE state")
    line = refused("ingest", "--log.path", log, "--archive.path", tmp_path / "a.db")
    assert line.startswith(f"archive {tmp_path / 'a.db'} cannot be opened: no such table: state")


def test_ingest_that_cannot_write_what_it_read_says_so_and_goes_on_from_there(tmp_path: Path, log: Path) -> None:
    archive = tmp_path / "a.db"
    args = ("ingest", "--log.path", log, "--archive.path", archive)
    with closing(sqlite3.connect(archive)) as full:
        migrate(full, archive)
        full.execute("CREATE TRIGGER full BEFORE INSERT ON trades BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    assert refused(*args) == f"the archive {archive} cannot be written: disk full"
    with closing(sqlite3.connect(archive)) as full:
        full.execute("DROP TRIGGER full")
    assert command(*args).stdout.startswith("21,417 lines, 11,934 events")


def test_ingest_of_another_programs_log_asks_whether_it_is_the_bots(tmp_path: Path, log: Path) -> None:
    log.write_text("Nov 25 21:44:29 host sshd[1]: nothing of ours\n" * 1200)
    done = command("ingest", "--log.path", log, "--archive.path", tmp_path / "a.db")
    assert done.returncode == 0
    assert re.fullmatch(r"1,200 lines, none of them Big Dipper's \(is this the bot's log\?\) in \d+\.\d s\n", done.stdout)


# -- waiting where it can


def test_a_log_that_is_not_there_yet_is_waited_for_and_said(tmp_path: Path) -> None:
    with exporter(tmp_path) as one:
        one.wait_ready()
        assert one.value("bigdipper_log_up") == 0
        assert f"{one.log} does not exist (yet)" in one.get("/")[1]
        wait_for(lambda: f"waiting: {one.log} does not exist (yet)" in one.said())
        assert "caught up" not in one.said()
        one.log.write_bytes(SAMPLE.read_bytes())
        one.wait_lines(SAMPLE.read_bytes().count(b"\n"))
        assert one.value("bigdipper_log_up") == 1
        assert "the log is fine again" in one.said()


def test_a_folder_that_is_not_there_yet_is_waited_for_too(tmp_path: Path) -> None:
    folder = tmp_path / "later"
    with exporter(tmp_path, "--log.path", folder / "big_dipper.log") as one:
        one.wait_ready()
        wait_for(lambda: f"{folder} does not exist (yet)" in one.said())
        folder.mkdir()
        (folder / "big_dipper.log").write_bytes(SAMPLE.read_bytes())
        one.wait_lines(SAMPLE.read_bytes().count(b"\n"))


def test_a_log_that_may_not_be_read_is_waited_for_and_said(tmp_path: Path, log: Path) -> None:
    log.chmod(0)
    with exporter(tmp_path) as one:
        wait_for(lambda: f"{log} may not be read by user id {os.geteuid()}" in one.said())
        assert one.value("bigdipper_log_up") == 0
        log.chmod(0o644)
        one.wait_lines(SAMPLE.read_bytes().count(b"\n"))


def test_lines_that_were_lost_are_said_with_the_place(tmp_path: Path, log: Path) -> None:
    with exporter(tmp_path) as one:
        one.wait_lines(SAMPLE.read_bytes().count(b"\n"))
        one.kill()
        log.unlink()
        log.write_text("2025-11-05 10:00:00 [INFO] Cycle #1 - 10:00:00\n" * 3)
        one.start()
        wait_for(lambda: "lines may have been lost before they could be read" in one.said())
    assert f"{log} from byte {SAMPLE.stat().st_size} on" in one.said()


# -- stopping


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_run_at_once_with_0(tmp_path: Path, number: signal.Signals) -> None:
    with exporter(tmp_path) as one:
        one.wait_ready()
        begun = time.monotonic()
        one.process.send_signal(number)
        assert one.process.wait(20) == 0
        assert time.monotonic() - begun < 4  # twice the promise, for a busy machine
        assert one.said().rstrip().endswith("stopped")


def test_a_signal_ends_run_at_once_while_it_is_catching_up_and_the_rest_is_read_later(tmp_path: Path) -> None:
    make_log(tmp_path / "big_dipper.log", 200_000)
    total = (tmp_path / "big_dipper.log").read_bytes().count(b"\n")
    with exporter(tmp_path) as one:
        wait_for(lambda: (one.value("bigdipper_log_lines_total") or 0) > 0)
        status, body = one.get("/-/ready")
        begun = time.monotonic()
        assert one.terminate() == 0
        assert time.monotonic() - begun < 4
        read = rows(one.archive, "SELECT value FROM counters WHERE name = 'bigdipper_log_lines_total'")[0][0]
        if read < total:
            assert (status, body.startswith("catching up with the log: ")) == (503, True)
        one.start()
        one.wait_lines(total)


def test_simulate_makes_the_folder_of_its_log_and_prints_what_connects_an_exporter(tmp_path: Path) -> None:
    log = tmp_path / "a new folder" / "sim.log"
    words = ["simulate", "--log", log, "--listen", "127.0.0.1:0", "--days", "1", "--bot-config", tmp_path / "config.py"]
    ours = [sys.executable, "-m", "bigdipper_exporter"]
    with subprocess.Popen([*ours, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:
        try:
            assert running.stdout is not None
            said = []
            for line in running.stdout:
                said.append(line)
                if line.startswith("big-dipper-exporter run "):
                    break
            exports = "".join(line for line in said if line.startswith("export "))
            script = f'{exports}exec "$@" doctor --archive.path "$0"'
            watching = ["sh", "-ec", script, str(tmp_path / "a.db"), *ours]
            checked = subprocess.run(watching, capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin"})
        finally:
            running.terminate()
    assert said[0].startswith("broker http://127.0.0.1:")
    assert said[-1] == "big-dipper-exporter run --archive.path simulated.db\n"
    verdicts = dict(re.findall(r"^(?:fine|WRONG) +(log|form|time zone|bot|broker) +(.*)", checked.stdout, re.M))
    assert verdicts["broker"].endswith("knows the keys and answers")
    assert verdicts.keys() == set(re.findall(r"^fine +(log|form|time zone|bot|broker) ", checked.stdout, re.M))
    assert verdicts.keys() == {"log", "form", "time zone", "bot", "broker"}


@pytest.mark.parametrize("name", ["demo", "simulate"])
def test_incidents_are_listed_as_they_are_typed(tmp_path: Path, name: str) -> None:
    log = ("--log", tmp_path / "sim.log") if name == "simulate" else ()
    line = refused(name, *log, "--incident", "war")
    assert "cycle-errors" in line
    assert "cycle errors" not in line
    for typed in ("cycle-errors", "cycle errors"):
        assert "--days" in refused(name, *log, "--incident", typed, "--days=0")
