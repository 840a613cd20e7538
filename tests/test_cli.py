"""The command line, as a person meets it: one clear line for what is wrong, exit codes, clean stops, exports."""

import csv
import gzip
import io
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing, redirect_stderr, redirect_stdout
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from exporter import __version__
from exporter.archive.migrate import migrate
from exporter.cli import EXPORTS, main, parser
from tests.bench.make_log import make_log
from tests.oracle import NEW_YORK, trading_day, unix
from tests.running import command, content, exporter, monitor, rounded, rows, wait_for

SAMPLE = Path(__file__).parent / "samples" / "big_dipper_v2.18.log"
SUBCOMMANDS = next(iter(action.choices for action in parser()._actions if action.choices))


def refused(*args: str | Path, env: dict[str, str] | None = None) -> str:
    """The one line that a command which cannot start says."""
    done = command(*args, env=env)
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("big-dipper-exporter: ")
    return lines[0].removeprefix("big-dipper-exporter: ")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "big_dipper.log"
    path.write_bytes(SAMPLE.read_bytes())
    return path


# -- bad starts


def test_a_missing_log_setting_is_named_with_the_ways_to_give_it(tmp_path: Path) -> None:
    line = refused("run", "--archive.path", tmp_path / "a.db")
    assert line.startswith("log.path: is required")
    assert "--log.path" in line
    assert "LOG_PATH" in line


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
)  # fmt: skip
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
    assert (done.returncode, done.stdout) == (0, "none of the 1,200 new lines is Big Dipper's: is this the bot's log?\n")


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
        wait_for(lambda: "lines were gone before they could be read" in one.said())
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


# -- ingest


def test_ingest_says_what_it_read_and_a_second_run_adds_nothing(tmp_path: Path, log: Path) -> None:
    args = ("ingest", "--log.path", log, "--archive.path", tmp_path / "bigdipper.db", "--log.timezone", "America/New_York")
    first = command(*args)
    assert first.returncode == 0
    assert first.stdout.count("\n") == 1
    assert first.stdout.startswith("21,417 lines, 11,934 events (6,498 skip, ")
    before = content(tmp_path / "bigdipper.db")
    second = command(*args)
    assert (second.returncode, second.stdout.startswith("0 lines, 0 events (nothing new) in ")) == (0, True)
    assert content(tmp_path / "bigdipper.db") == before


def test_ingest_reads_rotated_siblings_first_when_told_to(tmp_path: Path, log: Path) -> None:
    data = log.read_bytes()
    third = data.index(b"\n", len(data) // 3) + 1, data.index(b"\n", 2 * len(data) // 3) + 1
    (tmp_path / "big_dipper.log.2.gz").write_bytes(gzip.compress(data[: third[0]]))
    (tmp_path / "big_dipper.log.1").write_bytes(data[third[0] : third[1]])
    log.write_bytes(data[third[1] :])
    for age, name in enumerate(("big_dipper.log", "big_dipper.log.1", "big_dipper.log.2.gz")):
        os.utime(tmp_path / name, (time.time() - 86400 * age,) * 2)
    args = ("ingest", "--log.path", log, "--archive.path", tmp_path / "bigdipper.db", "--log.timezone", "America/New_York")
    done = command(*args, "--log.rotated")
    assert done.stdout.startswith("21,417 lines, 11,934 events (6,498 skip, "), done.stderr
    (whole := tmp_path / "whole").mkdir()
    with monitor(whole) as one:
        one.log.write_bytes(data)
        one.catch_up()
        assert without_ids(content(tmp_path / "bigdipper.db")) == without_ids(content(one.archive))
    assert command(*args, "--log.rotated").stdout.startswith("0 lines")


@pytest.mark.parametrize("relative", [True, False])
def test_ingest_waits_for_a_rotated_file_that_is_never_whole_and_then_tells_one_gap(
    tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch, relative: bool
) -> None:
    monkeypatch.setattr("exporter.log.search.GRACE", 0.5)
    monkeypatch.chdir(tmp_path)
    data = log.read_bytes()
    half = data.index(b"\n", len(data) // 2) + 1
    packed = gzip.compress(data[:half])
    Path("big_dipper.log.1.gz").write_bytes(packed[: len(packed) // 2])
    log.write_bytes(data[half:])
    where = "." if relative else tmp_path
    code, out, errors = here("ingest", "--log.path", f"{where}/{log.name}", "--archive.path", "a.db", "--log.rotated=yes")
    assert (code, errors) == (0, "")
    assert "; 1 gap, see" in out
    gaps = rows(tmp_path / "a.db", "SELECT reason, detail FROM gaps")
    assert [reason for reason, _ in gaps] == ["unreachable"]
    assert "big_dipper.log.1.gz cannot be read" in gaps[0][1]


def test_ingest_reads_a_rotated_file_that_becomes_whole_while_it_waits(tmp_path: Path, log: Path) -> None:
    data = log.read_bytes()
    half = data.index(b"\n", len(data) // 2) + 1
    packed, target = gzip.compress(data[:half]), tmp_path / "big_dipper.log.1.gz"
    target.write_bytes(packed[: len(packed) // 2])
    log.write_bytes(data[half:])
    whole = threading.Timer(1.5, target.write_bytes, (packed,))
    whole.start()
    done = command("ingest", "--log.path", log, "--archive.path", tmp_path / "a.db", "--log.rotated=yes")
    whole.join()
    assert "gap" not in done.stdout
    assert done.stdout.startswith("21,417 lines")


def without_ids(tables: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[tuple[Any, ...]]]:
    """Rows without their identity (generation and offset), which differs when the same lines come from other files."""
    plain = ("skip_counts", "daily_stats", "gaps")
    return {name: rows if name in plain else sorted((row[1:] for row in rows), key=repr) for name, rows in tables.items()}


# -- doctor


def here(*args: str | Path) -> tuple[int, str, str]:
    """Exit code, output and errors of a command in this process."""
    out, errors = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(errors):
        try:
            code = main([str(arg) for arg in args])
        except SystemExit as end:
            code = int(end.code or 0)
    return code, out.getvalue(), errors.getvalue()


def doctor(tmp_path: Path, log: Path, *flags: str | Path) -> tuple[int, dict[str, str], list[str]]:
    """Exit code, what is wrong by part, and the parts that are fine."""
    args = ("--log.path", log, "--archive.path", tmp_path / "a.db", "--log.timezone", "America/New_York")
    done = command("doctor", *args, "--web.listen-address", "127.0.0.1:0", *flags)
    lines = [(line[:5], *line[7:].split(maxsplit=1)) for line in done.stdout.splitlines()]
    wrong = {part: sentence for state, part, sentence in lines if state == "WRONG"}
    return done.returncode, wrong, [part for state, part, _ in lines if state == "fine "]


def fresh(log: Path) -> Path:
    """A log that is being written by a v2.18 bot in New York."""
    stamp = datetime.now(NEW_YORK).strftime("%Y-%m-%d %H:%M:%S")
    log.write_text(f"{stamp} [INFO] Cycle #1 - {stamp[11:]}\n{stamp} [INFO] [ACCOUNT] equity=$1.00 cash=$1.00 leverage=0.0%\n")
    return log


def test_the_doctor_finds_nothing_where_nothing_is_wrong(tmp_path: Path) -> None:
    code, wrong, fine = doctor(tmp_path, fresh(tmp_path / "big_dipper.log"))
    assert (code, wrong) == (0, {})
    assert fine == ["config", "log", "form", "time", "archive", "disk", "port", "broker"]
    assert not (tmp_path / "a.db").exists()


def spoil_log(tmp_path: Path, log: Path) -> list[str | Path]:
    log.unlink()
    return []


def forbid_log(tmp_path: Path, log: Path) -> list[str | Path]:
    log.chmod(0)
    return []


def age_log(tmp_path: Path, log: Path) -> list[str | Path]:
    os.utime(log, (time.time() - 7300,) * 2)
    return []


def other_log(tmp_path: Path, log: Path) -> list[str | Path]:
    log.write_text("GET / HTTP/1.1\n" * 20)
    return []


def damaged_archive(tmp_path: Path, log: Path) -> list[str | Path]:
    with monitor(tmp_path) as one:
        one.log.write_bytes(SAMPLE.read_bytes())
        one.catch_up()
        one.store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(one.archive.read_bytes())
    data[20 * 4096 : 40 * 4096] = os.urandom(20 * 4096)
    (tmp_path / "damaged.db").write_bytes(data)
    fresh(log)
    return ["--archive.path", tmp_path / "damaged.db"]


def read_only_archive(tmp_path: Path, log: Path) -> list[str | Path]:
    (folder := tmp_path / "fixed").mkdir()
    folder.chmod(0o555)
    return ["--archive.path", folder / "a.db"]


def newer_archive(tmp_path: Path, log: Path) -> list[str | Path]:
    with closing(sqlite3.connect(tmp_path / "newer.db")) as newer:
        migrate(newer, tmp_path / "newer.db")
        newer.execute("INSERT INTO schema_version VALUES (999, 0, '9.9.9')")
        newer.commit()
    return ["--archive.path", tmp_path / "newer.db"]


@pytest.mark.parametrize(
    ("spoil", "part", "said"),
    [
        (spoil_log, "log", "there is no such file"),
        (forbid_log, "log", f"permission denied for user id {os.geteuid()}"),
        (age_log, "log", "has not grown for 2.0 h"),
        (other_log, "form", "is this the bot's log?"),
        (lambda tmp_path, log: ["--log.timezone", "Asia/Tokyo"], "time", "set --log.timezone"),
        (lambda tmp_path, log: ["--sectors.file", tmp_path / "none.csv"], "config", "sectors.file: "),
        (lambda tmp_path, log: ["--web.config.file", tmp_path / "none.yml"], "config", "web.config.file: "),
        (lambda tmp_path, log: ["--archive.path", log], "archive", "file is not a database"),
        (lambda tmp_path, log: ["--archive.path", tmp_path / "nowhere" / "a.db"], "archive", "is missing, or not writable"),
        (damaged_archive, "archive", "damaged"),
        (read_only_archive, "archive", "not writable for user id"),
        (newer_archive, "archive", "newer exporter (schema 999)"),
    ],
)
def test_the_doctor_names_what_is_wrong_and_what_to_do(
    tmp_path: Path, spoil: Callable[[Path, Path], list[str | Path]], part: str, said: str
) -> None:
    log = fresh(tmp_path / "big_dipper.log")
    flags = spoil(tmp_path, log)
    code, wrong, _ = doctor(tmp_path, log, *flags)
    assert code == 1
    assert said in wrong[part]
    assert set(wrong) <= {part, "time"}


def test_the_doctor_warns_of_rotated_files_that_nobody_can_read(tmp_path: Path) -> None:
    log = fresh(tmp_path / "big_dipper.log")
    for name in (".1", ".2.gz", ".3.xz", "-20251017.zst"):
        (tmp_path / f"big_dipper.log{name}").touch()
    code, wrong, _ = doctor(tmp_path, log)
    assert code == 1
    assert wrong.keys() == {"rotated"}
    assert wrong["rotated"].startswith("of the rotated files 2 cannot be read, such as big_dipper.log.3.xz")
    assert "gzip" in wrong["rotated"]


def test_the_doctor_says_which_rotated_files_are_found_in_a_folder_that_may_not_be_listed(tmp_path: Path) -> None:
    folder = tmp_path / "container"
    folder.mkdir()
    log = fresh(folder / "big_dipper.log")
    folder.chmod(0o311)
    code, wrong, fine = doctor(tmp_path, log)
    folder.chmod(0o755)
    assert (code, wrong) == (0, {})
    assert "rotated" in fine


def test_the_doctor_has_nothing_against_an_archive_that_is_still_empty(tmp_path: Path) -> None:
    (tmp_path / "a.db").touch()  # as a start on a full disk leaves it
    code, wrong, fine = doctor(tmp_path, fresh(tmp_path / "big_dipper.log"))
    assert (code, wrong, "archive" in fine) == (0, {}, True)


def test_the_doctor_names_who_has_the_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        code, wrong, _ = doctor(tmp_path, fresh(tmp_path / "big_dipper.log"), "--web.listen-address", address)
    assert code == 1
    assert f"process {os.getpid()}" in wrong["port"]


def test_the_doctor_knows_the_exporter_that_serves_there(tmp_path: Path) -> None:
    with exporter(tmp_path) as one:
        one.wait_ready()
        address = one.url.removeprefix("http://")
        flags = ("--web.listen-address", address, "--archive.path", one.archive)
        _, wrong, fine = doctor(tmp_path, fresh(one.log), *flags)
        assert (wrong, "port" in fine) == ({}, True)
        _, wrong, _ = doctor(tmp_path, one.log, "--web.listen-address", address)  # of another archive
    assert f"process {one.process.pid}" in wrong["port"]


# -- export


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All samples in one archive, and rows of the broker's tables."""
    folder = tmp_path_factory.mktemp("export")
    with monitor(folder) as one:
        one.log.write_bytes(b"".join(path.read_bytes() for path in sorted(SAMPLE.parent.glob("*.log"))))
        one.catch_up()
        execute = one.store.connection.execute
        for day in (15, 17):
            ts = unix(f"2025-10-{day} 12:00:00")
            order = f"('o{day}', 'AMD', 'filled', 'x', {ts})"
            execute(f"INSERT INTO orders (order_id, symbol, status, date, submitted) VALUES {order}")
            execute(f"INSERT INTO fills VALUES ('f{day}', {ts}, 'x', 'A,\"M\nD', 'buy', 1, 2.5, 2.5, NULL, NULL)")
            execute(f"INSERT INTO activities (activity_id, ts, date, type) VALUES ('a{day}', {ts}, 'x', 'DIV')")
        return one.archive


TIMES = {"brakes": ("brake_events", "started"), "orders": ("orders", "submitted"), "account": ("account_history", "ts"),
         "daily": ("daily_stats", "ts")}  # fmt: skip


@pytest.mark.parametrize("what", EXPORTS)
def test_an_export_holds_every_row_of_its_days_as_csv_and_json(archive: Path, what: str) -> None:
    table, column = TIMES.get(what, (what, "ts"))
    for flags, first, last in [
        ([], "0000", "9999"),
        (["--from", "2025-10-16"], "2025-10-16", "9999"),
        (["--to", "2025-10-17"], "0000", "2025-10-17"),
        (["--from", "2025-10-17", "--to", "2025-10-17"], "2025-10-17", "2025-10-17"),
    ]:
        args: tuple[str | Path, ...] = ("export", what, "--archive.path", archive, *flags)
        as_json = json.loads(here(*args, "--format", "json")[1])
        expected = rows(archive, f"SELECT * FROM {table} ORDER BY {column}")
        times = rows(archive, f"SELECT {column} FROM {table} ORDER BY {column}")
        wanted = [
            row for row, (ts,) in zip(expected, times, strict=True)
            if first <= datetime.fromtimestamp(ts, NEW_YORK).date().isoformat() <= last
        ]  # fmt: skip
        assert sorted(repr(rounded(tuple(row.values())[1:])) for row in as_json) == sorted(repr(rounded(row)) for row in wanted)
        assert [row[column] for row in as_json] == sorted(row[column] for row in as_json)
        as_csv = list(csv.DictReader(io.StringIO(here(*args)[1], newline="")))
        assert [dict(row) for row in as_csv] == [
            {key: "" if value is None else str(value) for key, value in row.items()} for row in as_json
        ]
    assert wanted or what not in ("trades", "fills", "orders")


def test_the_days_of_an_export_have_23_24_or_25_hours(tmp_path: Path) -> None:
    ends = ["2025-11-02T00:00:00-04:00", "2025-11-02T23:59:59-05:00", "2025-03-09T23:59:59-04:00", "2025-03-10T00:00:00-04:00"]
    with monitor(tmp_path) as one:
        for end in ends:
            ts = datetime.fromisoformat(end).timestamp()
            row = "INSERT INTO skips (ts, date, symbol, reason, detail) VALUES (?, '', 'A', '', '')"
            one.store.connection.execute(row, (ts,))
    for day, expected in (("2025-11-02", ends[:2]), ("2025-03-09", [ends[2]]), ("2025-03-10", [ends[3]])):
        out = here("export", "skips", "--archive.path", one.archive, "--from", day, "--to", day, "--format", "json")[1]
        assert [row["time"] for row in json.loads(out)] == expected


def test_an_export_has_times_of_new_york_and_names_of_the_archive(archive: Path) -> None:
    lines = command("export", "trades", "--archive.path", archive).stdout.splitlines()
    assert lines[0] == "time,id,ts,date,cycle_number,symbol,quantity,price,total_value,order_id"
    assert lines[1].startswith("2025-10-17T09:31:00-04:00,")
    assert trading_day(float(lines[1].split(",")[2])) == "2025-10-17"


@pytest.mark.parametrize("args", [["--from", "yesterday"], ["--to", "2025-13-01"], ["--format", "xml"]])
def test_an_export_of_no_date_or_form_is_refused(archive: Path, args: list[str]) -> None:
    code, _, errors = here("export", "trades", "--archive.path", archive, *args)
    assert code == 2
    assert args[1] in errors


def test_a_reader_that_goes_away_is_no_error(archive: Path) -> None:
    pipe = f"{sys.executable} -m exporter export skips --archive.path {archive} | head -1"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {pipe}"], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.startswith("time,id,ts,")


def test_an_export_that_ends_before_it_begins_is_refused(archive: Path) -> None:
    code, out, errors = here("export", "trades", "--archive.path", archive, "--from", "2025-10-18", "--to", "2025-10-17")
    assert (code, out) == (2, "")
    assert "--to: is before --from" in errors


def test_an_export_that_finds_no_room_is_one_clear_line(archive: Path) -> None:
    line = f"{sys.executable} -m exporter export account --archive.path {archive} > /dev/full"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "big-dipper-exporter: the export cannot be written: No space left on device\n"


# -- backup


def test_a_backup_never_replaces_the_archive_itself(tmp_path: Path) -> None:
    with exporter(tmp_path) as one:
        one.wait_ready()
        inode = one.archive.stat().st_ino
        (tmp_path / "link.db").symlink_to(one.archive)
        for name in (one.archive, f"{one.archive}-wal", f"{one.archive}.lock", tmp_path / "link.db"):
            assert "that is the archive itself" in refused("backup", name, "--archive.path", one.archive)
        assert one.archive.stat().st_ino == inode


def test_a_backup_replaces_an_older_backup_and_nothing_else(tmp_path: Path, archive: Path, log: Path) -> None:
    target = tmp_path / "copy.db"
    target.touch()
    for _ in range(2):
        assert command("backup", target, "--archive.path", archive).stdout.startswith(f"{target}: ")
        assert rows(target, "SELECT count(*) FROM trades") == rows(archive, "SELECT count(*) FROM trades")
    assert "what is there is no backup" in refused("backup", log, "--archive.path", archive)
    assert log.read_bytes() == SAMPLE.read_bytes()
    assert "it is no file" in refused("backup", tmp_path, "--archive.path", archive)


def test_a_backup_that_cannot_be_written_is_one_clear_line(tmp_path: Path, archive: Path) -> None:
    (folder := tmp_path / "fixed").mkdir()
    folder.chmod(0o555)
    line = refused("backup", folder / "copy.db", "--archive.path", archive)
    assert line.startswith(f"cannot back up to {folder}/copy.db: unable to open database file")


@pytest.mark.parametrize("name", ["export", "backup", "backfill"])
def test_a_damaged_archive_is_one_line_and_no_reason_to_lose_an_older_backup(tmp_path: Path, log: Path, name: str) -> None:
    damaged_archive(tmp_path, log)
    damaged, older = tmp_path / "damaged.db", tmp_path / "copy.db"
    data = damaged.read_bytes()
    damaged.write_bytes(data[: 20 * 4096] + b"\xff" * (len(data) - 20 * 4096))  # the schema is whole, and no row
    older.touch()
    args = {"export": "skips", "backup": str(older), "backfill": f"--out={tmp_path / 'blocks'}"}
    done = command(name, args[name], "--archive.path", damaged)
    assert done.returncode == 2
    assert done.stderr.startswith(f"big-dipper-exporter: archive {damaged} ")
    assert done.stderr.count("\n") == 1
    assert "damaged" in done.stderr
    assert older.stat().st_size == 0


# -- help


def test_the_version_is_said() -> None:
    done = command("--version")  # through a pipe: it must reach its end before the process leaves
    assert (done.returncode, done.stdout) == (0, f"big-dipper-exporter {__version__}\n")


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    code, out, errors = here(name, "--help")
    assert (code, errors) == (0, "")
    assert out.startswith(f"usage: big-dipper-exporter {name}")


@pytest.mark.parametrize("name", ["export", "backup", "backfill"])
def test_help_of_a_command_is_about_that_command(name: str) -> None:
    out = here(name, "--help")[1]
    assert "--archive.path" in out
    assert not any(word in out for word in ("--alpaca", "--web", "--log.timezone"))


def test_help_lists_every_command() -> None:
    done = command("--help")
    assert all(f"\n    {name}" in done.stdout for name in SUBCOMMANDS)


def test_the_old_names_of_the_environment_work(tmp_path: Path, log: Path) -> None:
    done = command("ingest", env={"LOG_PATH": str(log), "DB_PATH": str(tmp_path / "old.db"), "LOG_LEVEL": "ERROR"})
    assert done.returncode == 0
    assert (tmp_path / "old.db").exists()


def test_check_config_refuses_the_files_that_run_would_refuse(tmp_path: Path, log: Path) -> None:
    code, _, errors = here("check-config", "--log.path", log, "--sectors.file", log, "--web.config.file", tmp_path / "none.yml")
    assert code == 2
    assert errors.splitlines() == [
        f"big-dipper-exporter: sectors.file: {log}:1: the first line must be `symbol,sector`",
        f"big-dipper-exporter: web.config.file: {tmp_path / 'none.yml'}: cannot be read: No such file or directory",
    ]


def test_settings_in_force_are_printed_with_their_origin_and_secrets_masked(log: Path) -> None:
    done = command("check-config", "--log.path", log, env={"ALPACA_KEY": "PKVERYSECRET", "ALPACA_SECRET": "hidden-too"})
    assert done.returncode == 0
    assert f"{log}" in done.stdout
    assert "flag --log.path" in done.stdout
    assert "SECRET" not in done.stdout.replace("ALPACA_SECRET", "")
    assert "hidden-too" not in done.stdout
