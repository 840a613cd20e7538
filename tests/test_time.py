"""Clocks and zones: clock changes, half days, midnight in New York wherever the machine stands, a zone set wrong."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bigdipper_exporter.commands import doctor
from bigdipper_exporter.config.settings import Settings
from bigdipper_exporter.log.localtime import LocalTime
from bigdipper_exporter.log.parser import Reader
from bigdipper_exporter.log.records import ParsedChunk
from tests.running import Exporter, command, exporter, monitor, wait_for

NEW_YORK = ZoneInfo("America/New_York")
BERLIN = ZoneInfo("Europe/Berlin")


def utc(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def minutes(start: str, end: str, zone: ZoneInfo) -> list[tuple[float, str]]:
    """Every minute between two moments in UTC: its unix seconds, and what the clock on the wall shows."""
    moment, last = datetime.fromisoformat(start).replace(tzinfo=UTC), datetime.fromisoformat(end).replace(tzinfo=UTC)
    shown = []
    while moment < last:
        shown.append((moment.timestamp(), moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")))
        moment += timedelta(minutes=1)
    return shown


@pytest.mark.parametrize(
    ("zone", "start", "end"),
    [
        (NEW_YORK, "2025-11-02T03:00", "2025-11-02T09:00"),  # autumn: 01:00-02:00 twice
        (NEW_YORK, "2025-03-09T04:00", "2025-03-09T10:00"),  # spring: no 02:00-03:00
        (BERLIN, "2025-10-25T22:00", "2025-10-26T04:00"),
        (BERLIN, "2025-03-29T22:00", "2025-03-30T04:00"),
        (ZoneInfo("Australia/Lord_Howe"), "2025-04-05T12:00", "2025-04-05T18:00"),  # half an hour twice
        (ZoneInfo("Asia/Tokyo"), "2025-11-02T03:00", "2025-11-02T09:00"),
    ],
)
def test_every_minute_of_a_clock_change_is_read_right(zone: ZoneInfo, start: str, end: str) -> None:
    read = LocalTime(zone)
    for ts, shown in minutes(start, end, zone):
        assert read(shown.encode()) == ts
        assert read((shown[:17] + "59").encode()) == ts + 59


def test_the_repeated_hour_is_read_right_through_restarts_in_it(tmp_path: Path) -> None:
    shown = minutes("2025-11-02T05:00", "2025-11-02T07:30", NEW_YORK)
    with monitor(tmp_path) as one:
        for number, (_, stamp) in enumerate(shown):
            one.say(f"{stamp} [INFO] Cycle #{number}", f"{stamp} [INFO] [ACCOUNT] equity=$1.00 cash=$1.00 leverage=0.0%")
            if number % 7 == 0:
                one.restart()
        assert one.rows("SELECT ts FROM account_history ORDER BY id") == [(ts,) for ts, _ in shown]


def test_a_brake_over_the_clock_change_lasts_as_long_as_it_lasted(tmp_path: Path) -> None:
    lines = []
    for number, (_, stamp) in enumerate(minutes("2025-11-02T03:00", "2025-11-02T08:00", NEW_YORK)):
        lines += [f"{stamp} [INFO] Cycle #{number}", f"{stamp} [INFO] ⚠️  EMERGENCY BRAKE: Leverage 115.7% > 115.0%"]
    with monitor(tmp_path) as one:
        one.say(*lines)
        assert one.value("bigdipper_brake_seconds_total") == 299 * 60
        assert one.rows("SELECT cycles FROM brake_events") == [(300,)]


@pytest.mark.parametrize(
    "stamp",
    [
        b"2025-13-01 00:00:00",
        b"2025-02-30 00:00:00",
        b"2025-01-01 24:00:00",
        b"2025-01-01 00:60:00",
        b"2025-01-01 00:00:60",
        b"9999-12-31 23:59:59",
        b"0001-01-01 00:00:00",
        b"2025-W42-5 00:00:00",
        b"2025-01-01x00:00:00",
        b"2025-01-01 00:00:+1",
        b"\xff025-01-01 00:00:00",
        b"2025-01-01 00:00: 1",
    ],
)
def test_what_is_no_time_is_malformed_and_disturbs_nothing(stamp: bytes) -> None:
    portion = ParsedChunk()
    good = b"2025-10-17 09:30:00 [INFO] Cycle #1\n"
    Reader(NEW_YORK).read(1, 0, good + stamp + b" [INFO] Cycle #2\n" + good, portion)
    kinds = [type(record.event).__name__ for record in portion.records]
    assert kinds in (["Cycle", "Malformed", "Cycle"], ["Cycle", "Cycle"])
    assert {record.ts for record in portion.records} == {utc("2025-10-17T13:30")}


# -- the trading day


@pytest.mark.parametrize("machine", ["UTC", "Asia/Tokyo", "America/Los_Angeles", "America/New_York"])
def test_a_trading_day_is_new_yorks_wherever_bot_and_machine_stand(tmp_path: Path, machine: str) -> None:
    """The log is in the machine's zone, and so is the machine; New York's midnight and 04:00 fall anywhere."""
    moments = {
        "2025-10-16T23:59:00-04:00": "2025-10-16",
        "2025-10-17T00:01:00-04:00": "2025-10-16",
        "2025-10-17T03:59:59-04:00": "2025-10-16",
        "2025-10-17T04:00:00-04:00": "2025-10-17",
        "2025-10-17T20:30:00-04:00": "2025-10-17",
        "2025-11-28T13:30:00-05:00": "2025-11-28",
        "2025-12-25T12:00:00-05:00": "2025-12-25",
    }
    log = tmp_path / "big_dipper.log"
    with log.open("w") as file:
        for moment in moments:
            stamp = datetime.fromisoformat(moment).astimezone(ZoneInfo(machine)).strftime("%Y-%m-%d %H:%M:%S")
            file.write(f"{stamp} [INFO] Cycle #1\n{stamp} [INFO] [TRADE] BUY AMD 10 @ $1.00 = $10.00\n")
    archive = tmp_path / "bigdipper.db"
    done = command("ingest", "--log.path", log, "--archive.path", archive, env={"TZ": machine})
    assert done.returncode == 0, done.stderr
    with monitor(tmp_path, zone=machine) as one:
        assert one.rows("SELECT ts, date FROM trades ORDER BY id") == [
            (datetime.fromisoformat(moment).timestamp(), day) for moment, day in moments.items()
        ]
        days = {day: list(moments.values()).count(day) for day in moments.values()}
        assert dict(one.rows("SELECT date, trades_count FROM daily_stats")) == days
        # Half days are trading days, holidays are not; both keep their row.
        trading = dict(one.rows("SELECT date, trading_day FROM daily_stats"))
        assert (trading["2025-11-28"], trading["2025-12-25"]) == (1, 0)
        starts = dict(one.rows("SELECT date, ts FROM daily_stats"))
        assert starts["2025-10-17"] == datetime(2025, 10, 17, 4, tzinfo=NEW_YORK).timestamp()


# -- a zone that is wrong


@contextmanager
def live_log(folder: Path, zone: str) -> Iterator[Path]:
    """A log that a bot in `zone` has just written to."""
    log = folder / "big_dipper.log"
    stamp = datetime.now(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S")
    log.write_text(f"{stamp} [INFO] Cycle #1\n{stamp} [INFO] 📊 Positions: None\n")
    yield log


def time_findings(log: Path, zone: str) -> list[tuple[bool, str]]:
    settings = Settings(log_path=log, log_timezone=ZoneInfo(zone), archive_path=log.with_name("bigdipper.db"))
    return [(finding.fine, finding.sentence) for finding in doctor.examine(settings) if finding.part == "time zone"]


@pytest.mark.parametrize(
    ("bot", "set_to", "said"),
    [
        ("Asia/Tokyo", "America/New_York", "after the file's last change"),
        ("UTC", "Asia/Tokyo", "before the file's last change"),
        ("Asia/Kolkata", "UTC", "(+5.5 h from UTC)"),
    ],
)
def test_the_doctor_says_so_when_the_zone_is_wrong(tmp_path: Path, bot: str, set_to: str, said: str) -> None:
    with live_log(tmp_path, bot) as log:
        ((fine, sentence),) = time_findings(log, set_to)
        assert not fine
        assert said in sentence
        assert "--log.timezone" in sentence
        assert [fine for fine, _ in time_findings(log, bot)] == [True]


def test_the_doctor_sees_a_wrong_zone_in_an_old_log_by_the_bots_own_sessions(tmp_path: Path) -> None:
    log = tmp_path / "big_dipper.log"
    log.write_text("2025-10-17 15:31:00 [INFO] Cycle #1\n2025-10-17 15:31:00 [INFO] ☀️ Regular Hours (regular hours)\n")
    os.utime(log, (utc("2025-10-17T13:31"),) * 2)
    assert time_findings(log, "Europe/Berlin")[-1][0]
    fine, sentence = time_findings(log, "Asia/Tokyo")[-1]
    assert not fine
    assert "would have been written at 02:31 in New York" in sentence


def test_a_live_line_tells_the_skew_of_a_wrong_zone_as_a_metric(tmp_path: Path) -> None:
    with exporter(tmp_path, "--log.timezone", "America/New_York") as one:
        one.log.touch()
        one.wait_ready()
        assert one.value("bigdipper_log_timestamp_skew_seconds") is None
        say_now(one, "America/New_York")
        wait_for(lambda: one.value("bigdipper_bot_cycles_total") == 1)
        assert one.value("bigdipper_log_timestamp_skew_seconds") == pytest.approx(0, abs=5)
        say_now(one, "UTC")
        wait_for(lambda: one.value("bigdipper_bot_cycles_total") == 2)
        offset = datetime.now(NEW_YORK).utcoffset()
        assert offset is not None
        assert one.value("bigdipper_log_timestamp_skew_seconds") == pytest.approx(offset.total_seconds(), abs=5)


def say_now(one: Exporter, zone: str) -> None:
    with one.log.open("a") as log:
        log.write(f"{datetime.fromtimestamp(time.time(), ZoneInfo(zone)):%Y-%m-%d %H:%M:%S} [INFO] Cycle #1\n")
