"""A backup of the log, older and shorter than what was read, takes its place: nothing is repeated, nothing new is lost."""

import gzip
import os
import random
import shutil
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bigdipper_exporter.archive import store
from bigdipper_exporter.archive.store import Store
from bigdipper_exporter.log import checksums, common
from bigdipper_exporter.log.checksums import LineSums
from bigdipper_exporter.log.segment import Checkpoint, Source
from tests.cli.asked import ingest
from tests.running import Monitor, exporter, monitor, rows, wait_for

# Every kind of row, some lines twice within a second, and a line that no event has.
KINDS = (
    "Cycle #{0} - 09:31:02",
    "[ACCOUNT] equity=${0}.00 cash=$20.00 leverage=0.0%",
    "[SKIP] AMD cooldown",
    "[SKIP] AMD cooldown",
    "[SKIP] MP wash_sale_conflict",
    "❌ Cycle error: no {0}",
    "❌ Cycle error: twice",
    "❌ Cycle error: twice",
    "a line of debugging",
    "[TRADE] BUY MSFT: 1.0000 shares @ $100.00 = $100.00 (order 6f1c2a9e-0000-4000-8000-{0:012})",
)
Way = Callable[[bytes, Path], None]


def lines(first: int, last: int) -> list[bytes]:
    """Lines of these cycles, a second each."""
    found = []
    for n in range(first, last):
        stamp = f"2025-10-17 {9 + n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}"
        found += [f"{stamp} [INFO] {kind.format(n)}\n".encode() for kind in KINDS]
    return found


def expected(written: list[bytes]) -> dict[str, int]:
    """Rows and sums that these lines make."""
    messages = Counter(line.split(b"] ", 1)[1].split(b" ")[0] for line in written)
    trades = sum(b"[TRADE]" in line for line in written)
    return {
        "lines": len(written),
        "cycles": messages[b"Cycle"],
        "accounts": messages[b"[ACCOUNT]"],
        "errors": messages["❌".encode()],
        "routine": sum(b"cooldown" in line for line in written),
        "missed": sum(b"wash_sale" in line for line in written),
        "trades": trades,
    }


def archived(archive: Path) -> dict[str, int]:
    """The same from the archive."""
    (found,) = rows(
        archive,
        "SELECT (SELECT value FROM counters WHERE name = 'bigdipper_log_lines_total'),"
        " (SELECT sum(cycles) FROM daily_stats), (SELECT count(*) FROM account_history),"
        " (SELECT count(*) FROM bot_events WHERE kind = 'error'), (SELECT sum(count) FROM skip_counts),"
        " (SELECT count(*) FROM skips), (SELECT count(*) FROM trades)",
    )
    return dict(zip(expected([]), map(int, found), strict=True))


def over(data: bytes, log: Path) -> None:
    """`cp backup log`: the same file, emptied and filled."""
    log.write_bytes(data)


def replaced(data: bytes, log: Path) -> None:
    """`mv backup log`: another file."""
    part = log.with_name("backup")
    part.write_bytes(data)
    os.replace(part, log)


def deleted_first(data: bytes, log: Path) -> None:
    """`rm log; cp backup log`."""
    log.unlink()
    log.write_bytes(data)


def set_aside(data: bytes, log: Path) -> None:
    """`mv log log.broken; cp backup log`."""
    log.rename(log.with_name(log.name + ".broken"))
    log.write_bytes(data)


def synced(data: bytes, log: Path) -> None:
    """`rsync -a`: another file, with an old time."""
    replaced(data, log)
    os.utime(log, (1_760_000_000, 1_760_000_000))


def synced_in_place(data: bytes, log: Path) -> None:
    """`rsync --inplace`: overwritten from the beginning, then cut."""
    with log.open("rb+") as file:
        file.write(data)
        file.truncate()


WAYS = (over, replaced, deleted_first, set_aside, synced, synced_in_place)


@pytest.mark.parametrize("way", WAYS)
def test_a_restored_backup_repeats_nothing(way: Way, tmp_path: Path) -> None:
    log, archive = tmp_path / "bot.log", tmp_path / "a.db"
    old, new = lines(0, 40), lines(100, 103)
    log.write_bytes(b"".join(old))
    ingest(log, archive=archive)
    way(b"".join(old[:183]), log)
    with log.open("ab") as file:
        file.write(b"".join(new))
    ingest(log, archive=archive)
    assert archived(archive) == expected(old + new)


def test_a_restored_backup_repeats_nothing_while_the_exporter_runs(tmp_path: Path) -> None:
    log = tmp_path / "big_dipper.log"
    written, content = lines(0, 40), lines(0, 40)
    log.write_bytes(b"".join(content))
    with exporter(tmp_path) as one:
        one.wait_lines(len(written))
        for number, way in enumerate(WAYS):
            content = content[: len(content) - 27]
            files = one.value("bigdipper_log_truncations_total"), one.value("bigdipper_log_rotations_total")
            way(b"".join(content), log)
            if number % 2:  # the bot is stopped for the restore, and its next lines come later
                wait_for(
                    lambda f=files: (  # type: ignore[misc]
                        (one.value("bigdipper_log_truncations_total"), one.value("bigdipper_log_rotations_total")) != f
                    )
                )
            new = lines(100 + 10 * number, 102 + 10 * number)
            with log.open("ab") as file:
                file.write(b"".join(new))
            content, written = content + new, written + new
            one.wait_lines(len(written))
        if shutil.which("rsync"):
            backup = tmp_path / "backup.log"
            backup.write_bytes(b"".join(content[:100]))
            subprocess.run(["rsync", "-a", backup, log], check=True, timeout=30)
            with log.open("ab") as file:
                file.write(b"".join(lines(300, 301)))
            written += lines(300, 301)
            one.wait_lines(len(written))
    assert archived(one.archive) == expected(written)


def test_a_backup_that_ends_within_a_line_costs_that_line_only(tmp_path: Path) -> None:
    log, archive = tmp_path / "bot.log", tmp_path / "a.db"
    old, new = lines(0, 20), lines(100, 102)
    log.write_bytes(b"".join(old))
    ingest(log, archive=archive)
    log.write_bytes(b"".join(old[:90])[:-30] + b"".join(new))  # what was cut is a trade, which was read before
    ingest(log, archive=archive)
    found = archived(archive)
    assert found | {"lines": 0} == expected(old + new) | {"lines": 0}
    assert "1 line could not be read" in ingest(log, archive=tmp_path / "b.db")


def test_a_whole_backup_over_one_that_was_cut_within_a_line_repeats_nothing(tmp_path: Path) -> None:
    backup, small, new, newer = (b"".join(lines(*span)) for span in ((0, 40), (100, 101), (200, 203), (300, 302)))
    with monitor(tmp_path) as one:
        for content in (
            backup,
            small,
            backup[: len(backup) - 300] + lines(150, 151)[8],  # joined to the rest of a line
            backup + new,
            backup + new + newer,
            backup + new,
        ):
            over(content, one.log)
            one.catch_up()
    assert archived(one.archive) | {"lines": 0} == expected(
        [*lines(0, 40), *lines(100, 101), *lines(200, 203), *lines(300, 302)]
    ) | {"lines": 0}


def test_a_large_log_read_in_one_go_is_recognised_to_the_line(tmp_path: Path) -> None:
    log, archive = tmp_path / "bot.log", tmp_path / "a.db"
    old, new = lines(0, 1200), lines(1300, 1303)
    log.write_bytes(b"".join(old))
    assert log.stat().st_size > 600_000
    ingest(log, archive=archive)
    for kept in (6_000, 11_230):
        log.write_bytes(b"".join(old[:kept] + new))
        ingest(log, archive=archive)
        assert archived(archive) == expected(old + new), kept


def test_an_archive_of_an_older_version_recognises_a_backup_too(tmp_path: Path) -> None:
    log, archive = tmp_path / "bot.log", tmp_path / "a.db"
    old, new = lines(0, 40), lines(100, 103)
    log.write_bytes(b"".join(old))
    ingest(log, archive=archive)
    assert rows(archive, "SELECT sum(size) FROM log_checksums") == [(log.stat().st_size,)]
    with closing(sqlite3.connect(archive)) as connection:
        connection.execute("DELETE FROM log_checksums")
        connection.commit()
    ingest(log, archive=archive)
    log.write_bytes(b"".join(old[:180] + new))
    ingest(log, archive=archive)
    assert archived(archive) == expected(old + new)


def test_ingest_waits_until_nobody_fills_a_log_that_holds_its_first_line_only(tmp_path: Path) -> None:
    log, archive = tmp_path / "bot.log", tmp_path / "a.db"
    log.write_bytes(b"".join(lines(0, 3)))
    ingest(log, archive=archive)
    log.write_bytes(lines(0, 1)[0])
    ingest(log, archive=archive)
    assert archived(archive)["lines"] == 31  # nobody can say whether a single line is old, so it is read


def fail_on_demand(monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
    """Let reads of the checksums raise what is put into the list, once each."""
    real, failures = Store.line_sums, list[Exception]()

    def line_sums(store: Store, generation: int, offset: int = 0) -> Iterator[LineSums]:
        if failures:
            raise failures.pop()
        return real(store, generation, offset)

    monkeypatch.setattr(Store, "line_sums", line_sums)
    return failures


def test_an_archive_that_cannot_be_read_for_a_moment_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = fail_on_demand(monkeypatch)
    with monitor(tmp_path) as one:
        one.log.write_bytes(b"".join(lines(0, 20)))
        one.catch_up()
        one.log.write_bytes(b"".join(lines(0, 10) + lines(50, 52)))
        failures.append(sqlite3.OperationalError("disk I/O error"))
        one.catch_up()
        assert "disk I/O error" in str(one.pipeline.trouble)
        one.catch_up()
        assert one.pipeline.trouble is None
        assert archived(one.archive) == expected(lines(0, 20) + lines(50, 52))


@pytest.mark.parametrize("order", ["{0}.1 {0}", "{0} {0}.1"])
def test_a_log_that_the_shell_joins_to_its_rotated_file_repeats_nothing(tmp_path: Path, order: str) -> None:
    """`cat bot.log.1 bot.log > bot.log`: the shell empties the log first, and what it held is gone, but was read."""
    with monitor(tmp_path) as one:
        one.log.write_bytes(b"".join(lines(0, 20)))
        one.catch_up()
        one.log.rename(one.log.with_name(one.log.name + ".1"))
        one.log.write_bytes(b"".join(lines(30, 40)))
        one.catch_up()
        subprocess.run(f"cat {order.format(one.log)} > {one.log}", shell=True, check=False, stderr=subprocess.DEVNULL)
        one.catch_up()
        with one.log.open("ab") as file:
            file.write(b"".join(lines(50, 52)))
        one.catch_up()
        assert archived(one.archive) == expected(lines(0, 20) + lines(30, 40) + lines(50, 52))


def test_another_log_that_begins_alike_is_read_whole(tmp_path: Path) -> None:
    banner = [b"==== Big Dipper ====\n", b"\n", b"paper mode\n"] * 30
    log, archive = tmp_path / "bot.log", tmp_path / "a.db"
    first, second = banner + lines(0, 20), banner + lines(50, 55)
    log.write_bytes(b"".join(first))
    ingest(log, archive=archive)
    log.write_bytes(b"".join(second))
    ingest(log, archive=archive)
    found = expected(lines(0, 20) + lines(50, 55)) | {"lines": len(first) + len(second)}
    assert archived(archive) == found


def write_live(one: Monitor, rng: random.Random, content: list[bytes], number: int) -> tuple[list[bytes], int]:
    """Some new lines, in pieces as the exporter sees them; often several in one second."""
    fresh = lines(number, number + rng.randint(1, 3))
    for line in fresh:
        with one.log.open("ab") as file:
            file.write(line)
        if rng.random() < 0.2:
            one.catch_up()
    return content + fresh, number + 5


@pytest.mark.parametrize("seed", range(15))
def test_restores_at_random_repeat_and_lose_nothing(tmp_path: Path, seed: int) -> None:
    rng, written, content, number = random.Random(seed), list[bytes](), list[bytes](), 0
    with monitor(tmp_path) as one:
        for _ in range(25):
            before = len(content)
            content, number = write_live(one, rng, content, number)
            written += content[before:]
            one.catch_up()
            if rng.random() < 0.3:
                one.restart()
            if rng.random() < 0.5:
                content = content[: rng.randrange(min(2, len(content)), len(content) + 1)]  # of one line nobody can say
                rng.choice(WAYS)(b"".join(content), one.log)
            elif rng.random() < 0.3:
                packed = one.log.with_name(f"big_dipper.log-2025{1000 + number}.gz")
                packed.write_bytes(gzip.compress(b"".join(content)))
                one.log.write_bytes(b"")
                content = []
        one.catch_up()
        one.restart()
        one.catch_up()
        assert archived(one.archive) == expected(written)


def test_a_first_line_that_two_logs_have_in_common_is_read_twice(tmp_path: Path) -> None:
    with monitor(tmp_path) as one:
        for number in range(3):
            same, other = lines(0, 1)[:1], lines(number, number + 1)[1:]
            one.log.write_bytes(b"".join(same + other))
            one.catch_up()
            one.log.rename(one.log.with_name(f"big_dipper.log-2025101{number}"))
            one.log.touch()
        assert archived(one.archive)["cycles"] == 3


@pytest.mark.parametrize("seed", range(4))
def test_a_log_that_is_overwritten_piece_by_piece_repeats_nothing(tmp_path: Path, seed: int) -> None:
    """`scp` or `cp` of a log of which most lines are of one second: the exporter looks at it in between."""
    rng, at = random.Random(seed), b"2025-10-17 09:31:02 [DEBUG] x\n"
    content = b"".join(lines(n, n + 1)[-1] + at * 100 + b"2025-10-17 09:31:02 [INFO] Cycle #1 - 09:31:02\n" for n in range(40))
    with monitor(tmp_path) as one:
        one.log.write_bytes(content)
        one.catch_up()
        content += b"".join(lines(50, 51))
        with one.log.open("wb", 0) as file:
            start = 0
            while start < len(content):
                size = rng.choice((30, 500, 20_000, 40_000, 70_000))
                file.write(content[start : start + size])
                start += size
                if rng.random() < 0.6:
                    one.pipeline.step()
        one.catch_up()
        assert archived(one.archive)["lines"] == content.count(b"\n")


@pytest.mark.parametrize("after", [b"paper mode\n", b"==== Big Dipper ====\n"])
def test_a_log_whose_first_line_is_a_fixed_banner_is_read_on(tmp_path: Path, after: bytes) -> None:
    """It is seen with the banner alone, like a log that is being restored, and then with another line."""
    banner = b"==== Big Dipper ====\n"
    with monitor(tmp_path) as one:
        one.log.write_bytes(banner + b"".join(lines(0, 3)))
        one.catch_up()
        one.log.with_name("big_dipper.log.1").write_bytes(one.log.read_bytes())
        one.log.write_bytes(banner)
        one.catch_up()
        one.catch_up()
        with one.log.open("ab") as file:
            file.write(after + b"".join(lines(50, 53)))
        one.catch_up()
        assert archived(one.archive) == expected(lines(0, 3) + lines(50, 53)) | {"lines": 63}
        assert not one.pipeline.tail.unsettled


def test_a_log_longer_than_its_checksums_is_recognised_while_it_is_filled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (checksums, common, store):
        monkeypatch.setattr(module, "KEPT_BYTES", 20_000)
    content = b"".join(lines(0, 120))
    assert len(content) > 3 * 20_000
    with monitor(tmp_path) as one:
        for start in range(0, len(content), 5_000):  # in stretches, as a living log is read
            with one.log.open("ab") as file:
                file.write(content[start : start + 5_000])
            one.catch_up()
        assert one.rows("SELECT min(start) > 0 FROM log_checksums") == [(1,)]
        content += b"".join(lines(200, 202))
        with one.log.open("wb", 0) as file:
            for start in range(0, len(content), 7_000):
                file.write(content[start : start + 7_000])
                one.pipeline.step()
        one.catch_up()
        assert archived(one.archive) == expected(lines(0, 120) + lines(200, 202))


@pytest.mark.parametrize("step", [8_000, 33])
def test_a_log_that_is_refilled_slowly_is_compared_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    size = 60 * step
    content = b"".join(lines(0, 3000))[:size]
    content = content[: content.rfind(b"\n") + 1]
    real, read = Source.read, [0]

    def counting(source: Source, offset: int, size: int) -> bytes:
        data = real(source, offset, size)
        read[0] += len(data)
        return data

    with monitor(tmp_path) as one:
        for start in range(0, len(content), size // 3 + 1):  # stretches of different lengths
            with one.log.open("ab") as file:
                file.write(content[start : start + size // 3 + 1])
            one.catch_up()
        before, looks, new = archived(one.archive)["lines"], 0, lines(4000, 4002)
        monkeypatch.setattr(Source, "read", counting)
        with one.log.open("wb", 0) as refilled:
            for start in range(0, len(content), step):
                refilled.write(content[start : start + step])
                one.pipeline.step()
                looks += 1
            refilled.write(b"".join(new))
        one.catch_up()
        # Each look reads the first and the last bytes of what was compared again, and none of the rest.
        assert read[0] < 2 * len(content) + 20_000 * looks
        assert archived(one.archive)["lines"] == before + len(new)
        # The checksums of what was compared are complete: it is recognised once more.
        one.log.write_bytes(content)
        one.catch_up()
        assert archived(one.archive)["lines"] == before + len(new)


def test_checksums_of_old_generations_and_of_the_beginning_of_long_ones_are_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "KEPT_BYTES", 100)
    monkeypatch.setattr(store, "KEPT_GENERATIONS", 2)
    with closing(Store(tmp_path / "a.db")) as archive:
        for generation in range(1, 6):
            ended = generation != 2
            position = Checkpoint(generation, "bot.log", 1, generation, 300, b"x", b"x", False, ended, 1.0)
            sums = [LineSums(generation, start, 50, b"abcd") for start in (0, 150, 250)]
            with archive.transaction():
                archive.write_position([position], [], sums)
        found = archive.connection.execute("SELECT generation, start FROM log_checksums ORDER BY 1, 2").fetchall()
        assert found == [(number, 250) for number in (2, 3, 4, 5)], "of 2, which is still read, and of the newest ones"


def test_an_archive_that_could_not_be_read_is_fine_again_without_a_new_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = fail_on_demand(monkeypatch)
    with monitor(tmp_path) as one:
        one.log.write_bytes(b"".join(lines(0, 20)))
        one.catch_up()
        one.log.write_bytes(b"".join(lines(0, 10)))  # nothing new
        failures.append(sqlite3.OperationalError("disk I/O error"))
        one.catch_up()
        assert "cannot be read: disk I/O error" in str(one.pipeline.trouble)
        one.catch_up()
        one.catch_up()
        assert one.pipeline.trouble is None
        assert archived(one.archive) == expected(lines(0, 20))
