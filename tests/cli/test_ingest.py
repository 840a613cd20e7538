"""`ingest`: to the end of the log, once."""

import gzip
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.asked import here
from tests.running import command, content, monitor, rows


def test_ingest_says_what_it_read_and_a_second_run_adds_nothing(tmp_path: Path, log: Path) -> None:
    args = ("ingest", "--log.path", log, "--archive.path", tmp_path / "bigdipper.db", "--log.timezone", "America/New_York")
    first = command(*args)
    assert first.returncode == 0
    (_, archived) = first.stdout.splitlines()
    assert archived.startswith(
        "the archive holds 2025-11-04: 794 cycles, 14 orders, 159 missed trades, equity $20,000.00 to $19,923.61"
    )
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
    monkeypatch.setattr("bigdipper_exporter.log.plan.UNREADABLE_SECONDS", 0.5)
    monkeypatch.chdir(tmp_path)
    data = log.read_bytes()
    half = data.index(b"\n", len(data) // 2) + 1
    packed = gzip.compress(data[:half])
    Path("big_dipper.log.1.gz").write_bytes(b"\0" * 100 + packed)
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


@pytest.mark.parametrize("run", [" ", "\t", "\r", " \t"])
def test_a_line_with_a_long_run_of_blanks_is_read_at_once(tmp_path: Path, run: str) -> None:
    path = tmp_path / "big_dipper.log"
    starts = ("❌ Cycle error: <html>", "[SKIP] S ", "❌ Failed to place order for S: ", "🔍 Scan complete: ", "Cycle #")
    lines = [f"2025-10-17 09:31:00 [ERROR] {start}{run * 100_000}x{run * 100_000}x" for start in starts]
    trade = "2025-10-17 09:31:02 [INFO] [TRADE] BUY MSFT 10 @ $483.08 = $4830.80"
    path.write_text("\n".join([*lines, trade, ""]), newline="")
    done = command("ingest", "--log.path", path, "--archive.path", tmp_path / "a.db", "--log.timezone", "UTC")
    assert done.returncode == 0, done.stderr
    assert rows(tmp_path / "a.db", "SELECT count(*) FROM trades") == [(1,)]
