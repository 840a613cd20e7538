"""Files that overlap without beginning alike, through the command line: each event counts once, none is lost."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.asked import ingest
from tests.forms import docker
from tests.running import rows


def trade(number: int) -> bytes:
    """A line of v2.17, which names no order, and one that is only counted."""
    at = f"2025-10-17 09:{number // 60:02}:{number % 60:02}"
    text = f"{at} [INFO] [TRADE] BUY MSFT {number + 1} @ $100.00 = ${100 * (number + 1):.2f}\n"
    return (text + f"{at} [INFO] Cycle #{number} - {at[11:]}\n").encode()


def trades(first: int, last: int) -> bytes:
    return b"".join(map(trade, range(first, last)))


def counted(archive: Path) -> tuple[int, int, int, int, int]:
    """Trades, different ones, trades and cycles of the day, and gaps."""
    days = "(SELECT sum(trades_count) FROM daily_stats), (SELECT sum(cycles) FROM daily_stats)"
    return rows(archive, f"SELECT count(*), count(DISTINCT quantity), {days}, (SELECT count(*) FROM gaps) FROM trades")[0]


def test_parts_of_what_was_read_bring_nothing_twice(tmp_path: Path) -> None:
    archive = tmp_path / "a.db"
    for number, (first, last) in enumerate([(0, 40), (20, 40), (10, 30), (0, 40), (38, 45), (5, 45)]):
        log = tmp_path / f"{number}.log"
        log.write_bytes(trades(first, last))
        out = ingest(log, archive=archive)
        total = 45 if number > 3 else 40
        assert counted(archive) == (total, total, total, total, 0)
    assert "0 lines, 0 events (nothing new)" in out
    assert "80 lines skipped, already read from another file" in out


def test_what_was_skipped_is_said_also_where_the_rest_is_not_the_bots(tmp_path: Path) -> None:
    first, second, archive = tmp_path / "first.log", tmp_path / "second.log", tmp_path / "a.db"
    first.write_bytes(trades(0, 40))
    second.write_bytes(trades(20, 40) + b"no line of the bot\n" * 5)
    ingest(first, archive=archive)
    said = ingest(second, archive=archive)
    assert said.startswith("5 lines, none of them Big Dipper's (is this the bot's log?) in ")
    assert said.splitlines()[0].endswith(" s; 40 lines skipped, already read from another file")


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_the_newer_part_is_read_first(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    new, everything = tmp_path / "new.log", tmp_path / ("all.gz" if pack is gzip.compress else "all.log")
    new.write_bytes(trades(20, 40))
    everything.write_bytes(pack(trades(0, 20) + trades(20, 40)))
    ingest(new)
    ingest(everything)
    assert counted(tmp_path / "a.db") == (40, 40, 40, 40, 0)


def test_a_rotated_file_that_overlaps_the_log(tmp_path: Path) -> None:
    (tmp_path / "bot.log.1").write_bytes(trades(0, 30))
    (tmp_path / "bot.log").write_bytes(trades(20, 40))
    ingest(tmp_path / "bot.log", "--log.rotated=yes")
    assert counted(tmp_path / "a.db") == (40, 40, 40, 40, 0)


def test_files_that_are_joined_in_any_order_and_lines_between_them(tmp_path: Path) -> None:
    archive, log = tmp_path / "a.db", tmp_path / "all.log"
    for number, (first, last) in enumerate([(0, 10), (20, 30), (40, 50)]):
        part = tmp_path / f"{number}.log"
        part.write_bytes(trades(first, last))
        ingest(part, archive=archive)
    log.write_bytes(trades(5, 60))
    ingest(log, archive=archive)
    assert counted(archive) == (60, 60, 60, 60, 0)


def test_overlaps_are_found_in_small_portions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "a.db"
    for number, (first, last) in enumerate([(0, 400), (200, 600), (100, 500), (0, 600)]):
        log = tmp_path / f"{number}.log"
        log.write_bytes(trades(first, last))
        ingest(log, archive=archive)
        monkeypatch.setattr("bigdipper_exporter.pipeline.PORTION_BYTES", 1000 + 300 * number)
    assert counted(archive) == (600, 600, 600, 600, 0)


def test_lines_that_the_bot_wrote_twice_count_twice(tmp_path: Path) -> None:
    archive, first, second = tmp_path / "a.db", tmp_path / "1.log", tmp_path / "2.log"
    first.write_bytes(trades(0, 10) + 3 * trade(10))
    # The log was rotated within a second, in which the bot wrote the same lines again.
    second.write_bytes(2 * trade(10) + trades(11, 20))
    ingest(first, archive=archive)
    ingest(second, archive=archive)
    assert counted(archive) == (24, 20, 24, 24, 0)


PREFIXED: dict[str, Callable[[list[bytes]], bytes]] = {
    "windows": lambda lines: b"".join(line.replace(b"\n", b"\r\n") for line in lines),
    "byte-order-mark": lambda lines: b"\xef\xbb\xbf" + b"".join(lines),
    "utf-16": lambda lines: b"\xff\xfe" + b"".join(lines).decode().encode("utf-16-le"),
    "utf-16-big": lambda lines: b"".join(lines).decode().encode("utf-16-be"),
    "colours": lambda lines: b"".join(b"\x1b[32m" + line.replace(b"\n", b"\x1b[0m\n") for line in lines),
    "compose": lambda lines: b"".join(b"bot-1  | " + line for line in lines),
    "compose-timestamps": lambda lines: b"".join(b"bot-1  | 2025-10-17T09:00:00.123456789Z " + line for line in lines),
    "docker-timestamps": lambda lines: b"".join(b"2025-10-17T09:00:00.123456789Z " + line for line in lines),
    "journald": lambda lines: b"".join(b"Oct 17 09:00:00 host bot[71]: " + line for line in lines),
    "journald-iso": lambda lines: b"".join(b"2025-10-17T09:00:00+0000 host bot[71]: " + line for line in lines),
    "cri": lambda lines: b"".join(b"2025-10-17T09:00:00.123456789Z stderr F " + line for line in lines),
    "unknown": lambda lines: b"".join(b"#%d (bot) " % number + line for number, line in enumerate(lines)),
    "docker": lambda lines: b"".join(
        docker(line.decode(), f"{line[:10].decode()}T{line[11:19].decode()}Z").encode() + b"\n" for line in lines
    ),
    "journald-json": lambda lines: b"".join(
        json.dumps({"__REALTIME_TIMESTAMP": "1760691600000000", "MESSAGE": line.decode().rstrip("\n")}).encode() + b"\n"
        for line in lines
    ),
}


@pytest.mark.parametrize("first", ["plain", *PREFIXED])
@pytest.mark.parametrize("second", ["plain", *PREFIXED])
def test_a_copy_in_another_form_brings_nothing_twice(tmp_path: Path, first: str, second: str) -> None:
    """As `docker compose logs` or journald, which repairs a gap, has the lines of the log that was read."""
    forms: dict[str, Callable[[list[bytes]], bytes]] = {"plain": b"".join, **PREFIXED}
    one, other = tmp_path / "one.log", tmp_path / "other.log"
    one.write_bytes(forms[first](trades(0, 40).splitlines(keepends=True)))
    other.write_bytes(forms[second](trades(20, 60).splitlines(keepends=True)))
    ingest(one)
    assert counted(tmp_path / "a.db") == (40, 40, 40, 40, 0)
    ingest(other)
    assert counted(tmp_path / "a.db") == (60, 60, 60, 60, 0)


def cycle(number: int) -> bytes:
    """A cycle as real ones are: all of it in one second."""
    skips = "".join(f"2025-10-17 09:{number:02}:00 [INFO] [SKIP] S{index}: reason {index}\n" for index in range(6))
    head = f"2025-10-17 09:{number:02}:00 [INFO] \n{60 * '='}\n2025-10-17 09:{number:02}:00 [INFO] Cycle #{number}\n"
    text = f"2025-10-17 09:{number:02}:00 [INFO] [TRADE] BUY MSFT {number + 1} @ $100.00 = ${100 * (number + 1):.2f}\n"
    return (head + skips + text).encode()


@pytest.mark.parametrize("form", ["plain", *PREFIXED])
def test_one_cycle_of_a_second_is_enough(tmp_path: Path, form: str) -> None:
    one, other = tmp_path / "one.log", tmp_path / "other.log"
    one.write_bytes(b"".join(map(cycle, range(10))))
    repair = b"".join(map(cycle, range(9, 12))).splitlines(keepends=True)
    other.write_bytes(b"".join(repair) if form == "plain" else PREFIXED[form](repair))
    ingest(one)
    ingest(other)
    assert counted(tmp_path / "a.db") == (12, 12, 12, 12, 0)


FORMS: dict[str, str] = {
    "bot": "{day} {at} [INFO] {text}",
    "iso": "{day}T{at} INFO {text}",
    "slashes": "2025/10/17 {at} [INFO] {text}",
    "loguru": "{day} {at}.123 | INFO     | bot:run:7 - {text}",
    "json": '{{"time": "{day} {at}", "level": "INFO", "message": "{text}"}}',
    "syslog": "<14>1 {day}T{at}Z host bot 1 m - {text}",
    "docker-timestamps": "{day}T{at}.000000001Z {day} {at} [INFO] {text}",
    "dots": "17.10.2025 {at} [INFO] {text}",
    "seconds": "{seconds} [INFO] {text}",
    "milliseconds in brackets": "[{seconds}123] INFO: {text}",
    "seconds behind compose's prefix": "bot-1  | {seconds}.5 [INFO] {text}",
    "json, seconds": '{{"ts": {seconds}.25, "level": "INFO", "msg": "{text}"}}',
    "json, nanoseconds": '{{"level": "INFO", "time": {seconds}123456789, "msg": "{text}"}}',
}


def alike(form: str, first: int, last: int) -> bytes:
    """Lines that differ in their times alone."""
    text = "[TRADE] BUY MSFT 1 @ $100.00 = $100.00"
    times = ((f"09:{number // 60:02}:{number % 60:02}", 1760691600 + number) for number in range(first, last))
    lines = (FORMS[form].format(day="2025-10-17", at=at, seconds=seconds, text=text) for at, seconds in times)
    return "".join(f"{line}\n" for line in lines).encode()


@pytest.mark.parametrize("form", FORMS)
def test_lines_that_differ_in_their_times_alone_are_all_read(tmp_path: Path, form: str) -> None:
    """The time may stand in what looks like a carrier's prefix."""
    one, other = tmp_path / "one.log", tmp_path / "other.log"
    one.write_bytes(alike(form, 0, 40))
    other.write_bytes(alike(form, 0, 20) + alike(form, 60, 90))
    ingest(one)
    ingest(other)
    assert rows(tmp_path / "a.db", "SELECT count(*), count(DISTINCT ts) FROM trades") == [(70, 70)]


@pytest.mark.parametrize("form", FORMS)
def test_overlaps_are_found_in_logs_of_other_forms(tmp_path: Path, form: str) -> None:
    one, other = tmp_path / "one.log", tmp_path / "other.log"
    one.write_bytes(alike(form, 0, 40))
    other.write_bytes(alike(form, 20, 60))
    ingest(one)
    ingest(other)
    assert rows(tmp_path / "a.db", "SELECT count(*), count(DISTINCT ts) FROM trades") == [(60, 60)]


def test_lines_that_were_written_again_within_a_second_are_read(tmp_path: Path) -> None:
    """The bot started twice in a second, and the log was rotated between."""
    one, other = tmp_path / "one.log", tmp_path / "other.log"
    steps = "".join(f"2025-10-17 09:30:01 [INFO] boot step {number}\n" for number in range(9)).encode()
    one.write_bytes(trades(0, 5) + steps)
    other.write_bytes(b"2025-10-17 09:30:01 [INFO] started again\n" + steps + b"2025-10-17 09:30:02 [INFO] Cycle #1\n")
    ingest(one)
    ingest(other)
    assert rows(tmp_path / "a.db", "SELECT value FROM counters WHERE name = 'bigdipper_log_lines_total'") == [(19 + 11,)]


def encoded(lines: list[bytes], way: str) -> bytes:
    return PREFIXED[way](lines) if way in PREFIXED else b"".join(lines)


@pytest.mark.parametrize("way", ["windows", "utf-16", "compose", "byte-order-mark"])
@pytest.mark.parametrize("added", [1, 2])
def test_a_file_that_is_converted_again_and_again_repeats_no_line(tmp_path: Path, way: str, added: int) -> None:
    """As by editors that disagree on line ends, while the bot writes single lines between."""
    log, archive = tmp_path / "bot.log", tmp_path / "a.db"
    lines = trades(0, 20).splitlines(keepends=True)
    more = trades(20, 40).splitlines(keepends=True)
    for number in range(10):
        part = tmp_path / "part"
        part.write_bytes(encoded(lines, way if number % 2 else "plain"))
        part.rename(log)
        ingest(log, archive=archive)
        lines += more[number * added : (number + 1) * added]
        log.write_bytes(encoded(lines, way if number % 2 else "plain"))
        ingest(log, archive=archive)
    assert counted(archive)[:4] == (20 + 5 * added,) * 4


def test_a_single_line_behind_an_error_of_a_converted_file_is_read_after_a_restart(tmp_path: Path) -> None:
    """Its prefix is new, but no message of the other file goes on in this one."""
    log, archive = tmp_path / "bot.log", tmp_path / "a.db"
    lines = [*trades(0, 10).splitlines(keepends=True), b"2025-10-17 09:10:00 [ERROR] \xe2\x9d\x8c Cycle error: no\n"]
    log.write_bytes(b"".join(lines))
    ingest(log, archive=archive)
    part = tmp_path / "part"
    part.write_bytes(PREFIXED["journald"]([*lines, b"2025-10-17 09:11:00 [INFO] [TRADE] BUY MSFT 11 @ $100.00 = $1100.00\n"]))
    part.rename(log)
    ingest(log, archive=archive)
    assert counted(archive)[0] == 11
