"""Damaged lines are named by the number that `sed -n 41p` takes, however the file was read, through the command line."""

import gzip
import json
import os
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.asked import doctor, ingest
from tests.forms import TRADE, docker
from tests.running import exporter, rows

NAMED = re.compile(r"(\S+) line (\d+) \(byte ([\d,]+)\): (\w+): .*?bad-(\d+)")


def line(message: str) -> bytes:
    return f"2025-10-17 09:31:05 [INFO] {message}".encode()


def good(number: int) -> bytes:
    return line(TRADE.format("AMD", number)) + b"\n"


def bad(number: int) -> bytes:
    return line(f"[TRADE] bad-{number:06}") + b"\n"


def text(*damaged: int, lines: int, first: int = 1) -> bytes:
    """Lines of a log, of which these numbers are damaged, and name their number."""
    return b"".join(bad(number) if number in damaged else good(number) for number in range(first, first + lines))


def named(out: str, log: Path, *numbers: int) -> None:
    """Assert that exactly these lines are named, each where it is in the file."""
    found = NAMED.findall(out)
    assert [int(number) for *_, number in found] == list(numbers)
    content = gzip.decompress(log.read_bytes()) if log.suffix == ".gz" else log.read_bytes()
    for path, number, offset, _, mark in found:
        assert path == str(log)
        assert f"bad-{mark}".encode() in content.split(b"\n")[int(number) - 1]
        assert content[: int(offset.replace(",", ""))].count(b"\n") == int(number) - 1


def objects(data: bytes) -> bytes:
    """Docker's json-file, with each second message in two pieces."""
    out = list[str]()
    for number, one in enumerate(data.decode().splitlines(keepends=True)):
        pieces = [one[:45], one[45:]] if number % 2 else [one]
        out += [docker(piece, "2025-10-17T13:31:05.1Z") for piece in pieces]
    return "\n".join(out).encode() + b"\n"


WAYS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda data: data,
    "crlf": lambda data: data.replace(b"\n", b"\r\n"),
    "a byte order mark": lambda data: b"\xef\xbb\xbf" + data,
    "utf-16": lambda data: data.decode().encode("utf-16"),
    "docker": objects,
    "compose": lambda data: b"".join(b"bot-1  | " + one for one in data.splitlines(keepends=True)),
    "a prefix of its own": lambda data: b"".join(b"worker 7 >> " + one for one in data.splitlines(keepends=True)),
    "tracebacks": lambda data: data.replace(b"09:31:05 [INFO] [TRADE] BUY", b"09:31:05 [ERROR] no\n  File x\n\n=====\nBUY"),
    "a hole of NULs": lambda data: good(1) * 2 + b"\0" * 70_000 + data,
    "a line that is too long": lambda data: good(1) + b"x" * (3 << 20) + b"\n" + data,
}


@pytest.mark.parametrize("way", WAYS)
def test_a_damaged_line_has_its_number_in_whatever_it_is_carried(tmp_path: Path, way: str) -> None:
    log, data = tmp_path / "big_dipper.log", text(4, 7, 40, lines=41)
    log.write_bytes(WAYS[way](data))
    content = log.read_bytes().replace(b"\0", b"").split(b"\n")
    found = {int(mark): int(number) for _, number, _, _, mark in NAMED.findall(ingest(log))}
    assert found == {
        number: next(place for place, one in enumerate(content, 1) if b"bad-%06d" % number in one) for number in (4, 7, 40)
    }


def test_numbers_go_on_over_portions_and_restarts(tmp_path: Path) -> None:
    log = tmp_path / "big_dipper.log"
    log.write_bytes(text(3, 25_000, 49_999, lines=50_000))  # more than is read and committed at once
    named(ingest(log), log, 3, 25_000, 49_999)
    for first in (50_001, 50_101, 50_201):
        with log.open("ab") as file:
            file.write(text(first, first + 50, lines=100, first=first))
        out = ingest(log)
        assert [int(number) for _, number, *_ in NAMED.findall(out)] == [first, first + 50]


def test_a_line_in_pieces_that_a_restart_parts_has_its_number(tmp_path: Path) -> None:
    log, data = tmp_path / "big_dipper.log", objects(text(4, lines=4)).splitlines(keepends=True)
    log.write_bytes(b"".join(data[:-1]))
    assert NAMED.findall(ingest(log)) == []
    with log.open("ab") as file:
        file.write(data[-1] + objects(text(lines=2, first=5)))
    assert [number for _, number, *_ in NAMED.findall(ingest(log))] == ["5"]


def test_a_held_line_has_its_number_after_a_restart(tmp_path: Path) -> None:
    log = tmp_path / "big_dipper.log"
    log.write_bytes(text(lines=3) + line("❌ Cycle error: no") + b"\nworker 7 >> " + bad(5))
    assert NAMED.findall(ingest(log)) == []
    with log.open("ab") as file:
        file.write(good(6))
    assert [(number, kind) for _, number, _, kind, _ in NAMED.findall(ingest(log))] == [("5", "joined")]


def test_every_file_has_numbers_of_its_own_over_a_rotation(tmp_path: Path) -> None:
    log, old, packed = tmp_path / "big_dipper.log", tmp_path / "big_dipper.log.1", tmp_path / "big_dipper.log.2.gz"
    packed.write_bytes(gzip.compress(text(2, 9, lines=10)))
    os.utime(packed, (1, 1))
    old.write_bytes(text(5, lines=10, first=101).replace(b"bad-000005", b"bad-000105") + bad(111))
    log.write_bytes(text(lines=2, first=201) + bad(203))
    found = NAMED.findall(ingest(log, "--log.rotated"))
    assert [(Path(path).name, number, mark) for path, number, _, _, mark in found] == [
        (packed.name, "2", "000002"),
        (packed.name, "9", "000009"),
        (old.name, "11", "000111"),
        (log.name, "3", "000203"),
    ]


def test_numbers_begin_again_when_the_log_is_cut(tmp_path: Path) -> None:
    log = tmp_path / "big_dipper.log"
    log.write_bytes(text(5, lines=10))
    with exporter(tmp_path) as one:
        one.wait_lines(10)
        (tmp_path / "big_dipper.log.1").write_bytes(log.read_bytes())
        os.truncate(log, 0)
        with log.open("ab") as file:
            file.write(text(lines=2, first=11) + bad(13))
        one.wait_lines(13)
        page = one.get("/")[1]
    assert re.findall(r"big_dipper\.log line (\d+) .*?bad-(\d+)", page) == [("5", "000005"), ("3", "000013")]


@pytest.mark.parametrize("before", ["of an earlier release", "from its end"])
def test_lines_that_were_not_counted_are_counted_once(tmp_path: Path, before: str) -> None:
    log, archive = tmp_path / "big_dipper.log", tmp_path / "a.db"
    log.write_bytes(text(lines=20))
    ingest(log, *(["--log.from", "end"] if before == "from its end" else []))
    if before == "of an earlier release":
        with closing(sqlite3.connect(archive)) as connection, connection:
            connection.execute("UPDATE checkpoints SET lines = NULL")
            ((state,),) = connection.execute("SELECT value FROM state WHERE key = 'bot'")
            old = {key: value for key, value in json.loads(state).items() if key != "places"}
            old["damaged"] = [{"ts": 0.0, "path": "old.log", "offset": 1234, "kind": "trade", "text": "BUY"}]
            connection.execute("UPDATE state SET value = ? WHERE key = 'bot'", (json.dumps(old),))
    with log.open("ab") as file:
        file.write(text(23, lines=3, first=21))
    named(ingest(log), log, 23)
    assert rows(archive, "SELECT lines FROM checkpoints") == [(23,)]
    if before == "of an earlier release":
        assert "old.log byte 1,234: trade: BUY" in doctor(log)


def test_the_doctor_counts_the_lines_before_the_end_that_it_looks_at(tmp_path: Path) -> None:
    log = tmp_path / "big_dipper.log"
    log.write_bytes(text(9_999, lines=10_000))
    named(doctor(log), log, 9_999)
