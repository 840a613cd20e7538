"""Rotated files under any name: lines that nobody has read before are read, each once, through the command line."""

import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.asked import ingest
from tests.cli.test_rotated_by_hand import counted, trades
from tests.running import rows

Pack = Callable[[bytes], bytes]


def as_it_is(data: bytes) -> bytes:
    return data


NAMES: dict[str, Pack] = {
    ".old": as_it_is,
    ".bak": as_it_is,
    "_backup": as_it_is,
    ".prev2": as_it_is,
    "~": as_it_is,
    ".OLD.GZ": gzip.compress,
    ".2.GZ": gzip.compress,
    ".gz": gzip.compress,
    ".2": gzip.compress,
    "-20251017": gzip.compress,
    ".aa": as_it_is,
    "ab": as_it_is,
    ".00": as_it_is,
}


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_came_and_went_while_nobody_looked_is_read_under_any_name(tmp_path: Path, name: str) -> None:
    log, pack = tmp_path / "big_dipper.log", NAMES[name]
    log.write_bytes(trades(0, 5))
    ingest(log)
    with log.open("ab") as file:
        file.write(trades(5, 10))
    log.rename(tmp_path / "big_dipper.log.9")
    (tmp_path / f"big_dipper.log{name}").write_bytes(pack(trades(10, 15)))
    log.write_bytes(trades(15, 20))
    for _ in range(2):
        ingest(log)
        assert counted(tmp_path / "a.db") == (20, 20, 0)


@pytest.mark.parametrize("name", NAMES)
def test_the_very_first_start_reads_it_too_if_asked(tmp_path: Path, name: str) -> None:
    log = tmp_path / "big_dipper.log"
    (tmp_path / f"big_dipper.log{name}").write_bytes(NAMES[name](trades(0, 5)))
    log.write_bytes(trades(5, 10))
    ingest(log, "--log.rotated")
    assert counted(tmp_path / "a.db") == (10, 10, 0)
    assert rows(tmp_path / "a.db", "SELECT count(*) FROM trades a JOIN trades b ON a.id < b.id AND a.ts > b.ts") == [(0,)]


@pytest.mark.parametrize("name", [".aa", "aa", ".00", ".000"])
def test_a_log_that_is_split_and_emptied_loses_no_line_that_was_not_read(tmp_path: Path, name: str) -> None:
    log, archive = tmp_path / "big_dipper.log", tmp_path / "a.db"
    log.write_bytes(trades(0, 10))
    ingest(log)
    for number in range(3):
        part = name[:-1] + chr(ord(name[-1]) + number)
        (tmp_path / f"big_dipper.log{part}").write_bytes(trades(10 * number, 10 * number + 10))
    log.write_bytes(trades(30, 35))
    ingest(log)
    assert counted(archive) == (35, 35, 0)


def test_a_packed_copy_without_its_suffix_has_the_lines_that_were_cut_off(tmp_path: Path) -> None:
    log = tmp_path / "big_dipper.log"
    log.write_bytes(trades(0, 5))
    ingest(log)
    (tmp_path / "big_dipper.log.1").write_bytes(gzip.compress(trades(0, 9)))
    log.write_bytes(trades(9, 12))
    ingest(log)
    assert counted(tmp_path / "a.db") == (12, 12, 0)


def test_a_rotated_file_in_another_format_is_a_gap_that_names_it_once(tmp_path: Path) -> None:
    log, rotated = tmp_path / "big_dipper.log", tmp_path / "big_dipper.log.1"
    rotated.write_bytes(lzma.compress(trades(0, 5)))
    log.write_bytes(trades(5, 10))
    assert f"{rotated} is not read: it holds xz data" in ingest(log, "--log.rotated")
    ingest(log)
    assert counted(tmp_path / "a.db") == (5, 5, 1)
