"""Compressed files that are damaged, or in a format that is not read, through the command line."""

import gzip
from pathlib import Path

import pytest

from tests.cli.asked import ingest, refused
from tests.cli.test_rotated_by_hand import counted, trades
from tests.running import rows

WHOLE = gzip.compress(trades(0, 1000), mtime=0)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody compresses these files."""
    monkeypatch.setattr("bigdipper_exporter.log.plan.UNREADABLE_SECONDS", 0.3)


def damaged(where: int) -> bytes:
    data = bytearray(WHOLE)
    data[where] ^= 0xFF
    return bytes(data)


@pytest.mark.parametrize("name", ["t.gz", "bot.log.1.gz"])
@pytest.mark.parametrize(
    ("data", "least", "words"),
    [
        (WHOLE[:-100], 900, f"gzip data cut off at byte {len(WHOLE) - 100:,}; lines that can be read: 9"),
        (damaged(-5), 1000, f"gzip data damaged at byte {len(WHOLE) - 5:,}; lines that can be read: 1,000"),
        (WHOLE[:3000] + bytes(3000), 400, "gzip data "),
        (WHOLE + damaged(30), 1000, "gzip data damaged at byte "),
    ],
    ids=["cut", "checksum", "zeros", "second"],
)
def test_what_comes_before_damage_is_read_and_the_damage_is_named(
    tmp_path: Path, name: str, data: bytes, least: int, words: str
) -> None:
    (tmp_path / name).write_bytes(data)
    log, flags = tmp_path / name, []
    if name != "t.gz":
        log, flags = tmp_path / "bot.log", ["--log.rotated=yes"]
        log.write_bytes(trades(1000, 1010))
    out = ingest(log, *flags)
    number, orders, gaps = counted(tmp_path / "a.db")
    assert number == orders >= least
    assert gaps == 1
    assert words in out
    assert words in rows(tmp_path / "a.db", "SELECT detail FROM gaps")[0][0]
    ingest(log, *flags)
    assert counted(tmp_path / "a.db") == (number, orders, 1)


@pytest.mark.parametrize(("rest", "is_named"), [(b"garbage" * 30, True), (b"\x1f", True), (bytes(1000), False)])
@pytest.mark.parametrize("name", ["t.gz", "bot.log.1.gz"])
def test_bytes_after_the_end_of_the_data_are_ignored(tmp_path: Path, name: str, rest: bytes, is_named: bool) -> None:
    (tmp_path / name).write_bytes(WHOLE + gzip.compress(trades(1000, 1010), mtime=0) + rest)
    log, flags = tmp_path / name, []
    if name != "t.gz":
        log, flags = tmp_path / "bot.log", ["--log.rotated=yes"]
        log.write_bytes(trades(1010, 1020))
    out = ingest(log, *flags)
    assert counted(tmp_path / "a.db") == (1010 if name == "t.gz" else 1020,) * 2 + (0,)
    assert ("is ignored; lines that can be read: 1,010" in out) == is_named
    assert "unfinished" not in out


@pytest.mark.parametrize("data", [b"hello" * 100, WHOLE[:12]])
def test_a_file_that_is_no_gzip_data_is_a_gap_with_a_reason(tmp_path: Path, data: bytes) -> None:
    log = tmp_path / "t.gz"
    log.write_bytes(data)
    out = ingest(log)
    assert "1 gap, see the table" in out
    assert "t.gz cannot be read: " in out
    assert "unfinished" not in out


def test_the_rest_of_a_log_is_read_from_a_damaged_file(tmp_path: Path) -> None:
    log = tmp_path / "bot.log"
    log.write_bytes(trades(0, 500))
    ingest(log)
    log.write_bytes(trades(1000, 1010))
    (tmp_path / "bot.log.1.gz").write_bytes(WHOLE[:-4])
    out = ingest(log)
    assert counted(tmp_path / "a.db") == (1010, 1010, 1)
    assert "cut off at byte" in out


@pytest.mark.parametrize("suffix", [".1.xz", ".2.bz2", "-20251017.zst"])
def test_a_format_that_is_not_read_is_named(tmp_path: Path, suffix: str) -> None:
    log, packed = tmp_path / "bot.log", tmp_path / f"bot.log{suffix}"
    log.write_bytes(trades(0, 20))
    packed.write_bytes(b"packed")
    out = ingest(log, "--log.rotated=yes")
    assert f"{packed.name} is not read: " in out
    assert counted(tmp_path / "a.db") == (20, 20, 1)
    assert "gap" not in ingest(log, "--log.rotated=yes")
    log.write_bytes(trades(30, 35))
    out = ingest(log)
    assert f"bot.log from byte {len(trades(0, 20))} on; {packed} is not read" in out
    assert counted(tmp_path / "a.db") == (25, 25, 2)
    assert "is not read: gzip is the only compression that is" in refused("ingest", "--log.path", packed)
