"""Logs that are cut, encoded or carried otherwise than the bot writes them, through the command line: read right, or named."""

import gzip
import json
import re
import shutil
from pathlib import Path

import pytest

from tests.cli.asked import doctor, ingest
from tests.forms import TRADE, docker
from tests.running import exporter, rows

CASES = Path(__file__).parent.parent / "cases" / "log"


class Read:
    """What `ingest` made of a log."""

    def __init__(self, folder: Path, log: Path, *flags: str) -> None:
        archive = folder / "a.db"
        self.out = ingest(log, *flags, archive=archive)
        self.counts = {table: rows(archive, f"SELECT count(*) FROM {table}")[0][0] for table in ("trades", "skips", "gaps")}
        self.symbols = [symbol for (symbol,) in rows(archive, "SELECT symbol FROM trades ORDER BY id")]
        self.times = [ts for (ts,) in rows(archive, "SELECT ts FROM trades ORDER BY id")]
        self.kinds = dict(rows(archive, "SELECT kind, count(*) FROM bot_events GROUP BY kind"))
        self.state = json.loads(rows(archive, "SELECT value FROM state WHERE key = 'bot'")[0][0])
        malformed = "SELECT labels, value FROM counters WHERE name = 'bigdipper_log_malformed_total'"
        self.malformed = {json.loads(labels)[0]: int(value) for labels, value in rows(archive, malformed)}


def case(name: str, folder: Path, log: str, *flags: str) -> Read:
    shutil.copytree(CASES / name, folder / name)
    return Read(folder, folder / name / log, *flags)


def test_a_byte_order_mark_costs_no_line(tmp_path: Path) -> None:
    assert case("bom", tmp_path, "bom.log").symbols == ["AMD", "MSFT"]


def test_what_is_on_standard_output_does_not_swallow_what_is_on_standard_error(tmp_path: Path) -> None:
    read = case("docker-two-streams", tmp_path, "docker.log")
    assert (read.symbols, read.state["split"]) == (["AMD", "MSFT"], {})


@pytest.mark.parametrize("log", ["docker.log", "plain.log"])
def test_the_goodbye_of_the_bot_is_read_in_every_carrier(tmp_path: Path, log: str) -> None:
    read = case("docker-stop", tmp_path, log)
    assert (read.kinds, read.state["running"]) == ({"start": 1, "stop": 1}, False)


@pytest.mark.parametrize("log", ["docker.log", "whole.log"])
def test_a_message_whose_pieces_lie_in_two_files_is_read(tmp_path: Path, log: str) -> None:
    read = case("docker-split-over-rotation", tmp_path, log, "--log.rotated")
    assert read.counts == {"trades": 2, "skips": 1, "gaps": 0}
    assert (read.malformed, read.state["split"]) == ({}, {})


def test_an_unfinished_last_line_is_named_by_ingest_and_read_once_it_has_its_end(tmp_path: Path) -> None:
    read = case("no-last-newline", tmp_path, "bot.log")
    assert read.symbols == ["AMD"]
    assert "1 unfinished line left: " in read.out
    assert "bot.log line 2 (byte 123): 2025-10-17 09:31:07 [INFO] [TRADE] BUY MSFT" in read.out
    log = tmp_path / "no-last-newline" / "bot.log"
    log.write_bytes(log.read_bytes() + b"\n")
    assert Read(tmp_path, log).symbols == ["AMD", "MSFT"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
@pytest.mark.parametrize("before", [0, 2, 5000])
def test_the_doctor_names_an_unfinished_last_line(tmp_path: Path, before: int, encoding: str) -> None:
    log = tmp_path / "big_dipper.log"
    line = "2025-10-17 09:31:00 [INFO] Cycle #1 - 09:31:00\n"
    log.write_bytes((line * before + line[:41] + "\x1b[2J").encode(encoding))
    (said,) = [text for text in doctor(log).splitlines() if "  unfinished " in text]
    assert said.startswith(f"fine   unfinished {log} line {before + 1} (byte ")
    assert f"): {line[:41]}" in said
    assert said.endswith("; the last line is read once it ends in a newline")
    assert "\x1b" not in said
    log.write_bytes((line * before + line).encode(encoding))
    assert "unfinished" not in doctor(log)


def test_an_unfinished_last_line_of_a_file_that_is_done_is_counted_and_named(tmp_path: Path) -> None:
    data = (CASES / "no-last-newline" / "bot.log").read_bytes()
    (tmp_path / "bot.log.2.gz").write_bytes(gzip.compress(data))
    (tmp_path / "bot.log").write_bytes(line("[TRADE] BUY NVDA 1 @ $1.00 = $1.00") + b"\n")
    read = Read(tmp_path, tmp_path / "bot.log", "--log.rotated")
    assert read.symbols == ["AMD", "NVDA"]
    assert read.malformed == {"unfinished": 1}
    assert re.search(
        r"1 line could not be read:\n  .*bot.log.2.gz line 2 \(byte 123\): unfinished: 2025-10-17 09:31:07 .* BUY MSFT",
        read.out,
    )


def line(message: str, at: str = "2025-10-17 09:31:05") -> bytes:
    return f"{at} [INFO] {message}".encode()


LINES = [
    line("🌟 Big Dipper v2.16 started in PAPER mode"),
    line("Cycle #1 - 09:31:05"),
    line(TRADE.format("AMD", 1)),
    line("❌ Cycle error: no"),
    b"Traceback (most recent call last):",
    line(TRADE.format("MSFT", 2), "2025-10-17 09:31:07"),
    line("") + b"\n" + "👋 Shutting down gracefully...".encode(),
]
PLAIN = b"\n".join(LINES) + b"\n"
UTC = "2025-10-17T13:31:05.123456789Z"


def prefixed(prefix: str) -> bytes:
    return b"".join(prefix.encode() + one + b"\n" for one in PLAIN.split(b"\n")[:-1])


def stamped(stamp: str) -> bytes:
    return re.sub(rb"(?m)^(2025-10-17) (09:31:0(\d))", lambda m: stamp.format(m[3].decode()).encode(), PLAIN)


WAYS = {
    "plain": PLAIN,
    "crlf": PLAIN.replace(b"\n", b"\r\n"),
    "utf-8 with a byte order mark": b"\xef\xbb\xbf" + PLAIN,
    "utf-16": PLAIN.decode().encode("utf-16"),
    "utf-16 without a mark": PLAIN.decode().encode("utf-16-le"),
    "big-endian utf-16": b"\xfe\xff" + PLAIN.decode().encode("utf-16-be"),
    "big-endian utf-16 without a mark": PLAIN.decode().encode("utf-16-be"),
    "big-endian utf-16 with crlf": PLAIN.replace(b"\n", b"\r\n").decode().encode("utf-16-be"),
    "utf-16 with crlf": PLAIN.replace(b"\n", b"\r\n").decode().encode("utf-16"),
    "colours": PLAIN.replace(b"INFO", b"\x1b[32mINFO\x1b[0m").replace(b"[TRADE]", b"\x1b[1m[TRADE]\x1b[0m"),
    "compose": prefixed("bot-1  | "),
    "compose with times": prefixed(f"bot-1  | {UTC} "),
    "docker logs --timestamps": prefixed(f"{UTC} "),
    "kubernetes": prefixed(f"{UTC} stderr F "),
    "kubectl": prefixed("[pod/bot-0/bot] "),
    "journald": prefixed("Oct 17 09:31:05 host python3[812]: "),
    "journald short-iso": prefixed("2025-10-17T09:31:05-0400 host python3[812]: "),
    "syslog": prefixed("<14>Oct  7 09:31:05 host bot: "),
    "rfc 5424": prefixed(f"<14>1 {UTC} host bot 812 - - "),
    "pm2": prefixed("0|bot  | "),
    "a prefix of their own": prefixed("worker 7 >> "),
    "milliseconds": stamped("2025-10-17 09:31:0{},123"),
    "iso": stamped("2025-10-17T09:31:0{}"),
    "iso with a zone": stamped("2025-10-17T13:31:0{}.5Z"),
    "iso with an offset": stamped("2025-10-17T15:31:0{}+02:00"),
    "wide levels": PLAIN.replace(b"[INFO]", b"[INFO    ]"),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_log_is_read_in_whatever_it_is_carried(tmp_path: Path, way: str) -> None:
    log = tmp_path / "bot.log"
    log.write_bytes(WAYS[way])
    read = Read(tmp_path, log)
    assert read.symbols == ["AMD", "MSFT"], read.out
    assert read.kinds == {"start": 1, "error": 1, "stop": 1}
    assert read.malformed == {}
    assert [int(ts) for ts in read.times] in ([1760707865, 1760707867], [1760707865, 1760707865])  # by the carrier's own time


DAMAGED = {
    "free text, with another behind it": (line("❌ Cycle error: ab") + line(TRADE.format("MSFT", 2)), "joined"),
    "cut in its header": (b"2025-10-17 09:31:05 [IN", "timestamp"),
    "a level that there is not": (line("Cycle #1").replace(b"[INFO]", b"[INxO]"), "timestamp"),
    "the far future": (line("Cycle #1", "2099-10-17 09:31:05"), "timestamp"),
    "1970": (line("Cycle #1", "1970-01-01 00:00:00"), "timestamp"),
    "no such day": (line("Cycle #1", "2025-02-30 09:31:05"), "timestamp"),
    "docker, cut": (b'{"log":"2025-10-17 09:31:05 [INFO] Cyc', "docker"),
    "docker, the far future": (b'{"log":"2025-10-17 09:31:05 [INFO] Cycle #1\\n","time":"2099-10-17T13:31:05Z"}', "docker"),
    "too long": (line("❌ Cycle error: ") + b"x" * (1 << 20), "length"),
    "signs for the terminal": (line("[TRADE] \x1b]0;evil\x07 \u202e"), "trade"),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_line_is_counted_and_named_and_costs_no_other(tmp_path: Path, damage: str) -> None:
    log, (bad, kind) = tmp_path / "bot.log", DAMAGED[damage]
    log.write_bytes(line(TRADE.format("AMD", 1)) + b"\n" + bad + b"\n" + line(TRADE.format("NVDA", 3)) + b"\n")
    read = Read(tmp_path, log)
    assert read.symbols == ["AMD", "NVDA"]
    assert read.malformed == {kind: 1}
    assert f"1 line could not be read:\n  {log} line 2 (byte 123): {kind}: " in read.out
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", read.out)
    assert f"  damaged    {log} line 2 (byte 123): {kind}: " in doctor(log)


JOINED = {
    "cut": (line("[TRADE] BUY AM"), b"", "joined"),
    "cut at a blank": (line("[TRADE] BUY AMD: 1.0000 shares @ "), b"", "joined"),
    "cut in its header": (b"2025-10-17 09:31:05 [IN", b"", "joined"),
    "cut in its year": (b"202", b"", "joined"),
    "its newline alone is missing": (line("Cycle #7 - 09:31:05"), b"", "joined"),
    "text of another program": (line("foo bar"), b"", "joined"),
    "two that are cut": (line("[SKIP] AMD Di") + line("[ACCOUNT] eq"), b"", "joined"),
    "docker": (
        b'{"log":"2025-10-17 09:31:05 [INFO] [TRADE] BU',
        docker(line(TRADE.format("MSFT", 2)).decode() + "\n", UTC).encode(),
        "docker",
    ),
    "docker, within an object": (
        b"",
        docker((line("[TRADE] BUY AM") + line(TRADE.format("MSFT", 2))).decode() + "\n", UTC).encode(),
        "joined",
    ),
}


@pytest.mark.parametrize("how", JOINED)
def test_a_line_behind_one_that_is_cut_is_read(tmp_path: Path, how: str) -> None:
    cut, whole, kind = JOINED[how]
    log, bad = tmp_path / "bot.log", cut + (whole or line(TRADE.format("MSFT", 2)))
    log.write_bytes(line(TRADE.format("AMD", 1)) + b"\n" + bad + b"\n" + line(TRADE.format("NVDA", 3)) + b"\n")
    read = Read(tmp_path, log)
    assert read.symbols == ["AMD", "MSFT", "NVDA"]
    assert read.malformed == {kind: 1}
    said = json.loads(bad)["log"] if how == "docker, within an object" else bad.decode()
    assert f"1 line could not be read:\n  {log} line 2 (byte 123): {kind}: {said[:30]}" in read.out


def test_a_form_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    log = tmp_path / "bot.log"
    log.write_bytes(b"INFO:root:[TRADE] BUY AMD 1 @ $1.00 = $1.00\n" * 3)
    read = Read(tmp_path, log)
    assert read.malformed == {"form": 3}
    assert f"{log} line 1 (byte 0): form: INFO:root:[TRADE] BUY AMD" in read.out


def test_the_last_ten_damaged_lines_are_kept_and_shown_on_the_page(tmp_path: Path) -> None:
    log = tmp_path / "big_dipper.log"
    log.write_bytes(b"".join(line(f"[TRADE] <b>{number}") + b"\n" for number in range(1000)))
    with exporter(tmp_path) as one:
        one.wait_lines(1000)
        page = one.get("/")[1]
    assert "could not be read" not in page, "they are older than a day"
    assert [
        (int(row), int(number))
        for row, number in re.findall(r"line (\d+) \(byte [\d,]+\): trade: .*? \[TRADE\] &lt;b&gt;(\d+)", page)
    ] == [(n + 1, n) for n in range(990, 1000)]


def test_text_inside_a_message_never_becomes_an_event(tmp_path: Path) -> None:
    log = tmp_path / "bot.log"
    inner = line(TRADE.format("EVIL", 9)).decode()
    quoted = docker(inner + "\n", UTC)
    bodies = [inner, f"bot-1  | {inner}", f"{UTC} stderr F {inner}", quoted, f"worker 7 >> {inner}"]
    log.write_bytes(PLAIN + b"".join(line(f"❌ Cycle error: {body}") + b"\n  " + body.encode() + b"\n" for body in bodies))
    assert Read(tmp_path, log).symbols == ["AMD", "MSFT"]


def test_lines_just_below_the_limit_delay_nobody(tmp_path: Path) -> None:
    log, blanks = tmp_path / "big_dipper.log", b" " * 900_000
    log.write_bytes(
        PLAIN + line("❌ Cycle error: <html>") + blanks + b"\n" + blanks + b"\n" + line(TRADE.format("NVDA", 3)) + b"\n"
    )
    with exporter(tmp_path) as one:
        one.wait_lines(PLAIN.count(b"\n") + 3)
    assert [symbol for (symbol,) in rows(one.archive, "SELECT symbol FROM trades ORDER BY id")] == ["AMD", "MSFT", "NVDA"]


def test_a_log_with_an_unknown_prefix_is_read_while_it_grows(tmp_path: Path) -> None:
    log = tmp_path / "big_dipper.log"
    log.write_bytes(b"")
    with exporter(tmp_path) as one:
        for number in range(1, 9):
            prefix = f"worker {number} >> " if number < 5 else f"[{number:8.3f}] "
            with log.open("ab") as file:
                file.write(prefix.encode() + line(TRADE.format("AMD", number)) + b"\n")
            one.wait_lines(number)
    assert rows(one.archive, "SELECT count(*) FROM trades") == [(8,)]


def test_lines_that_are_not_decided_yet_are_named_by_ingest_and_read_once_they_are(tmp_path: Path) -> None:
    log = tmp_path / "bot.log"
    lines = [b"worker 7 >> " + line(TRADE.format("AMD", number)) + b"\n" for number in range(8)]
    log.write_bytes(line("❌ Cycle error: no") + b"\n" + b"".join(lines[:5]))
    read = Read(tmp_path, log)
    first = f"{log} line 2 (byte {len(line('❌ Cycle error: no')) + 1}): worker 7 >> 2025"
    assert f"5 lines at the end may be the bot's or quoted by its last error; later lines show which:\n  {first}" in read.out
    for archive in (tmp_path / "a.db", tmp_path / "none.db"):
        said = [text for text in doctor(log, archive=archive).splitlines() if "  undecided  " in text]
        assert len(said) == 5
        assert said[0].startswith(f"fine   undecided  {first}")
        assert said[0].endswith("; it may be the bot's or quoted by its last error; later lines show which")
    assert (read.symbols, read.malformed) == ([], {})
    with log.open("ab") as file:
        file.write(b"".join(lines[5:]))
    assert Read(tmp_path, log).symbols == ["AMD"] * 8
