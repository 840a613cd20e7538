"""Logs that are rotated, copied and restored otherwise than by logrotate's defaults, through the command line.

Every event counts once, none is lost, and no gap is told where nothing is missing.
"""

import gzip
import os
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.asked import ingest
from tests.running import Exporter, command, exporter, rows, wait_for


def trade(number: int) -> bytes:
    message = f"[TRADE] BUY MSFT: 1.0000 shares @ $100.00 = $100.00 (order 6f1c2a9e-0000-4000-8000-{number:012})"
    return f"2025-10-17 09:{number // 60:02}:{number % 60:02} [INFO] {message}\n".encode()


def trades(first: int, last: int) -> bytes:
    return b"".join(map(trade, range(first, last)))


def cycle(number: int) -> bytes:
    return f"2025-10-17 09:31:02 [INFO] Cycle #{number} - 09:31:02\n".encode()


def counted(archive: Path) -> tuple[int, int, int]:
    """Trades, orders and gaps."""
    sql = "SELECT count(*), count(DISTINCT order_id), (SELECT count(*) FROM gaps) FROM trades"
    return rows(archive, sql)[0]


def wait_trades(one: Exporter, number: int) -> None:
    wait_for(lambda: (one.value("bigdipper_trades_total", symbol="MSFT") or 0) >= number, f"{number} trades")


def test_a_backup_of_the_log_that_is_ingested_beside_it_brings_nothing_twice_and_no_gap(tmp_path: Path) -> None:
    log, backup, archive = tmp_path / "bot.log", tmp_path / "backup" / "bot.log", tmp_path / "a.db"
    backup.parent.mkdir()
    log.write_bytes(b"".join(trade(n) + cycle(n) for n in range(10)))
    backup.write_bytes(b"".join(trade(n) + cycle(n) for n in range(5)) + trade(5)[:50])
    for path in (log, backup, log, backup):
        ingest(path, archive=archive)
        assert counted(archive) == (10, 10, 0)
    log.write_bytes(log.read_bytes() + trade(10))
    ingest(log, archive=archive)
    backup.unlink()
    ingest(log, archive=archive)
    assert counted(archive) == (11, 11, 0)
    assert rows(archive, "SELECT cycles FROM daily_stats") == [(10,)]


def test_lost_lines_are_found_in_a_whole_copy_without_a_new_gap(tmp_path: Path) -> None:
    log, whole, archive = tmp_path / "bot.log", tmp_path / "copy" / "bot.log", tmp_path / "a.db"
    log.write_bytes(trades(0, 5))
    ingest(log, archive=archive)
    log.write_bytes(trades(8, 12))  # emptied by hand, with three lines that nobody had read
    ingest(log, archive=archive)
    assert counted(archive) == (9, 9, 1)
    whole.parent.mkdir()
    whole.write_bytes(trades(0, 12))
    for path in (whole, log, whole, log):
        ingest(path, archive=archive)
        assert counted(archive) == (12, 12, 1)


def test_a_log_that_is_copied_over_in_place_counts_each_event_once(tmp_path: Path) -> None:
    source = b"".join(trade(n) + b"2025-10-17 09:31:02 [DEBUG] x\n" * 100 + cycle(n) for n in range(40))
    log = tmp_path / "big_dipper.log"
    log.write_bytes(source)
    with exporter(tmp_path) as one:
        wait_trades(one, 40)
        for number in (40, 41):
            source += trade(number) + cycle(number)
            lines = one.value("bigdipper_log_lines_total") or 0
            with log.open("wb", 0) as file:
                for start in range(0, len(source), 40_000):
                    file.write(source[start : start + 40_000])
                    one.get("/metrics")
            wait_trades(one, number + 1)
            assert one.value("bigdipper_log_lines_total") == lines + 2
    assert counted(one.archive) == (42, 42, 0)
    assert rows(one.archive, "SELECT cycles, trades_count FROM daily_stats") == [(42, 42)]


def no_copy(log: Path, number: int) -> None:
    """`rotate 0`, or a copy in a folder that is not mounted."""


def with_extension(log: Path, number: int) -> None:
    shutil.copyfile(log, log.with_name(f"big_dipper-2026101{number}.log"))


def in_another_folder(log: Path, number: int) -> None:
    (log.parent / "old").mkdir(exist_ok=True)
    shutil.copyfile(log, log.parent / "old" / f"big_dipper.log.{number}")


@pytest.mark.parametrize("copy", [no_copy, with_extension, in_another_folder])
def test_what_was_read_to_its_end_before_the_cut_is_no_gap(tmp_path: Path, copy: Callable[[Path, int], None]) -> None:
    log = tmp_path / "big_dipper.log"
    log.touch()
    with exporter(tmp_path) as one:
        one.wait_ready()
        for number in range(4):
            with log.open("ab") as file:
                file.write(trades(4 * number, 4 * number + 4))
            wait_trades(one, 4 * number + 4)
            copy(log, number)
            wait_for(lambda: one.value("bigdipper_log_lag_bytes") == 0)
            os.truncate(log, 0)
            wait_for(lambda n=number: one.value("bigdipper_log_truncations_total") == n + 1)  # type: ignore[misc]
    assert counted(one.archive) == (16, 16, 0)


def test_rotated_files_that_come_with_old_times_are_read(tmp_path: Path) -> None:
    """A folder that is fetched with `rsync -a`: new files under the old names, with the times that they have there."""
    there = tmp_path / "there"
    there.mkdir()
    source = there / "big_dipper.log"

    def fetch() -> None:
        for file in sorted(there.iterdir(), reverse=True):
            shutil.copy2(file, tmp_path / f".{file.name}.part")
            (tmp_path / f".{file.name}.part").rename(tmp_path / file.name)

    source.write_bytes(trades(0, 10))
    fetch()
    with exporter(tmp_path) as one:
        wait_trades(one, 10)
        source.write_bytes(trades(0, 17))
        written = source.stat().st_mtime
        source.rename(there / "big_dipper.log.1")
        source.write_bytes(trades(17, 22))
        wait_for(lambda: time.time() > written + 4)  # until then the old time would be new enough
        fetch()
        wait_trades(one, 22)
    assert counted(one.archive) == (22, 22, 0)


def test_a_link_to_somebody_elses_file_is_no_rotated_log(tmp_path: Path) -> None:
    secret, folder = tmp_path / "elsewhere" / "secret.txt", tmp_path / "logs"
    for path in (secret.parent, folder):
        path.mkdir()
    secret.write_bytes(b"secret\n" + trades(0, 3))
    log = folder / "bot.log"
    log.write_bytes(trades(5, 6))
    (folder / "bot.log.1").symlink_to(secret)
    (folder / "bot.log.3").write_bytes(trades(3, 4))
    (folder / "bot.log.2").symlink_to("bot.log.3")
    ingest(log, "--log.rotated=yes", archive=tmp_path / "a.db")
    assert counted(tmp_path / "a.db") == (2, 2, 0)
    assert b"secret" not in (tmp_path / "a.db").read_bytes()


def test_pipes_in_place_of_rotated_files_stall_nothing(tmp_path: Path) -> None:
    log = tmp_path / "bot.log"
    log.write_bytes(trades(0, 2))
    for name in ("bot.log.1", "bot.log.2.gz", "bot.log-20251017"):
        os.mkfifo(tmp_path / name)
    ingest(log)
    assert counted(tmp_path / "a.db") == (2, 2, 0)


@pytest.mark.parametrize("what", ["ingest", "doctor"])
def test_a_pipe_in_place_of_the_log_is_refused_at_once(tmp_path: Path, what: str) -> None:
    os.mkfifo(tmp_path / "bot.log")
    args = ("--log.path", tmp_path / "bot.log", "--archive.path", tmp_path / "a.db")
    done = command(what, *args)
    assert re.search("(is a FIFO, not a regular file|is not a file)", done.stdout + done.stderr)


def test_winners_without_end_make_no_series_without_end(tmp_path: Path) -> None:
    log = tmp_path / "big_dipper.log"
    named = ", ".join(f"S{number} +1.0%" for number in range(60_000))
    header = "2025-10-17 09:31:02 [INFO]    "
    log.write_text(f"{header}Winners: {named}\n{header}Losers: AMD -1.0%, AMD -2.0%, BLV -3.0%\n" + trade(1).decode())
    with exporter(tmp_path) as one:
        one.wait_lines(3)
        samples = one.samples()
        shown = [dict(labels) for (name, labels) in samples if dict(labels).get("side") == "winners" or "S59999" in str(labels)]
        assert 0 < len(shown) <= 10
        losers = [dict(labels)["symbol"] for (name, labels) in samples if dict(labels).get("side") == "losers"]
        assert sorted(losers) == ["AMD", "BLV"]
        assert one.value("bigdipper_trades_total", symbol="MSFT") == 1


@pytest.mark.parametrize("content", [b"\0", b"x\n", trade(0)[:20] + b"\n"])
def test_a_small_file_that_holds_gigabytes_does_not_hold_up_the_log(tmp_path: Path, content: bytes) -> None:
    log, size = tmp_path / "big_dipper.log", 300 << 20
    log.write_bytes(trades(0, 2))
    with exporter(tmp_path) as one:
        wait_trades(one, 2)
        with gzip.open(tmp_path / "part", "wb") as file:
            for _ in range(size >> 20):
                file.write(content * ((1 << 20) // len(content)))
        (tmp_path / "part").rename(tmp_path / "big_dipper.log.1.gz")
        with log.open("ab") as living:
            living.write(trades(2, 4))
        wait_trades(one, 4)
        wait_for(lambda: one.value("bigdipper_log_gaps_total", reason="unreachable") == 1)
        assert one.get("/-/ready")[0] == 200
    assert counted(one.archive) == (4, 4, 1)


@pytest.mark.parametrize(
    ("name", "flags"),
    [("big_dipper-20261017.log", ()), ("big_dipper__2026-10-17_00-00-00.log", ()), ("old/any", ("--log.copies", "{}/old/*"))],
)
def test_lines_that_only_a_copy_under_another_name_holds_are_read_from_it(
    tmp_path: Path, name: str, flags: tuple[str, ...]
) -> None:
    log, copy = tmp_path / "big_dipper.log", tmp_path / name
    copy.parent.mkdir(exist_ok=True)
    log.write_bytes(trades(0, 2))
    flags = tuple(flag.format(tmp_path) for flag in flags)
    args: list[str | Path] = ["ingest", "--log.path", log, "--archive.path", tmp_path / "a.db", "--log.timezone", "UTC", *flags]
    assert command(*args).returncode == 0
    copy.write_bytes(trades(0, 5))
    log.write_bytes(trades(5, 7))
    assert command(*args).returncode == 0
    assert counted(tmp_path / "a.db") == (7, 7, 0)


def test_the_log_of_another_bot_beside_it_is_no_copy(tmp_path: Path) -> None:
    log = tmp_path / "bot.log"
    log.write_bytes(trades(0, 2))
    (tmp_path / "bot-2.log").write_bytes(trades(2, 4))
    ingest(log, "--log.rotated=yes", archive=tmp_path / "a.db")
    assert counted(tmp_path / "a.db") == (2, 2, 0)


def test_a_log_that_is_mounted_alone_and_was_replaced_on_the_host_is_named(tmp_path: Path) -> None:
    host = tmp_path / "host.log"
    host.write_bytes(trades(0, 5))
    with host.open() as held:
        host.unlink()
        # The name leads to a file without a name of its own, as a mount of a single file does.
        mounted = Path(f"/proc/{os.getpid()}/fd/{held.fileno()}")
        with exporter(tmp_path, "--log.path", mounted) as one:
            wait_trades(one, 5)
            page, said = one.get("/")[1], one.said()
        done = command(
            "doctor", "--log.path", mounted, "--archive.path", tmp_path / "a.db", "--log.timezone", "America/New_York"
        )
    assert "was replaced on the host" in page
    assert said.count("was replaced on the host") == 1
    assert re.search(r"WRONG +log +\S+ was replaced on the host.*Mount the folder", done.stdout)
