"""`doctor`: what is wrong, and what to do."""

import os
import socket
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from bigdipper_exporter.archive.migrate import migrate
from tests.alpaca.test_bot_config import GOOD
from tests.cli.asked import damaged_archive, fresh
from tests.running import command, exporter


def doctor(tmp_path: Path, log: Path, *flags: str | Path) -> tuple[int, dict[str, str], list[str]]:
    """Exit code, what is wrong by part, and the parts that are fine."""
    args = ("--log.path", log, "--archive.path", tmp_path / "a.db", "--log.timezone", "America/New_York")
    done = command("doctor", *args, "--web.listen-address", "127.0.0.1:0", *flags)
    lines = [(line[:5], *line[7:].split(maxsplit=1)) for line in done.stdout.splitlines()]
    wrong = {part: sentence for state, part, sentence in lines if state == "WRONG"}
    return done.returncode, wrong, [part for state, part, _ in lines if state == "fine "]


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
        (age_log, "log", "has not grown for 2 h"),
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
    assert wrong["rotated"].startswith("2 rotated files such as big_dipper.log.3.xz cannot be read")
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


def test_the_doctor_says_that_alertmanager_does_not_answer(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        code, wrong, _ = doctor(tmp_path, fresh(tmp_path / "big_dipper.log"), "--alertmanager.url", address)
    assert code == 1
    assert wrong["alerting"].startswith(f"no answer from Alertmanager at {address} (")


def test_the_doctor_names_who_has_the_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        code, wrong, _ = doctor(tmp_path, fresh(tmp_path / "big_dipper.log"), "--web.listen-address", address)
    assert code == 1
    assert f"process {os.getpid()}" in wrong["port"]
    assert "it is an exporter" not in wrong["port"]


def test_the_doctor_knows_the_exporter_that_serves_there(tmp_path: Path) -> None:
    with exporter(tmp_path) as one:
        one.wait_ready()
        address = one.url.removeprefix("http://")
        flags = ("--web.listen-address", address, "--archive.path", one.archive)
        _, wrong, fine = doctor(tmp_path, fresh(one.log), *flags)
        assert (wrong, "port" in fine) == ({}, True)
        _, wrong, _ = doctor(tmp_path, one.log, "--web.listen-address", address)  # of another archive
    assert f"process {one.process.pid}" in wrong["port"]
    assert wrong["port"].endswith("if it is this one, give `doctor` the flags of its `run`")


def bot_config(tmp_path: Path, *changes: tuple[str, str]) -> Path:
    text = GOOD
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (file := tmp_path / "config.py").write_text(text)
    return file


def test_the_bots_config_is_read_not_only_found(tmp_path: Path) -> None:
    log = fresh(tmp_path / "big_dipper.log")
    code, wrong, fine = doctor(tmp_path, log, "--bot.config", bot_config(tmp_path))
    assert (code, wrong, "bot" in fine) == (0, {}, True)
    file = bot_config(tmp_path, ("class Config:", "class Config"))
    _, wrong, _ = doctor(tmp_path, log, "--bot.config", file)
    assert wrong["bot"].startswith(f"{file}: ")
    assert "name the bot's config.py" in wrong["bot"]
    file = bot_config(tmp_path, ("SCAN_INTERVAL_SEC: int = SECONDS", "SCAN_INTERVAL_SEC: int = -1"))
    assert "SCAN_INTERVAL_SEC: line 32: -1 is not allowed" in doctor(tmp_path, log, "--bot.config", file)[1]["bot"]
    _, wrong, _ = doctor(tmp_path, log, "--bot.config", tmp_path / "none.py")
    assert "No such file" in wrong["bot"]


def test_prices_must_reach_back_as_far_as_the_bot_looks(tmp_path: Path) -> None:
    log = fresh(tmp_path / "big_dipper.log")
    file = bot_config(tmp_path, ("LOOKBACK_DAYS: int = 20", "LOOKBACK_DAYS: int = 60"))
    _, wrong, _ = doctor(tmp_path, log, "--bot.config", file, "--market-data.history", "60d")
    assert "is 60 sessions" in wrong["prices"]
    assert "--market-data.history to 88d" in wrong["prices"]
    assert doctor(tmp_path, log, "--bot.config", file, "--market-data.history", "88d")[1] == {}


def test_the_zone_of_a_copied_log_is_named_as_taken(tmp_path: Path) -> None:
    log = fresh(tmp_path / "big_dipper.log")
    os.utime(log, (time.time() + 40 * 3600,) * 2)
    done = command("doctor", "--log.path", log, "--archive.path", tmp_path / "a.db", "--log.timezone", "America/New_York")
    assert "assuming America/New_York" in done.stdout
