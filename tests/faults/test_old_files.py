"""Large old files beside the log: it comes first, nothing is read twice, and its figures stay the newest."""

import gzip
import os
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from bigdipper_exporter.log import examination, gunzip, packed, plan
from bigdipper_exporter.log.segment import Checkpoint
from tests.faults.harness import Consumer, Writer, check
from tests.forms import docker
from tests.running import Monitor, monitor

Start = Callable[..., Consumer]
SMALL = 64 * 1024


@pytest.fixture(autouse=True)
def small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Portions so small that a few hundred kilobytes are a large file."""
    monkeypatch.setattr(examination, "ALLOWANCE", SMALL)
    monkeypatch.setattr(packed, "CHUNK", SMALL // 4)
    monkeypatch.setattr(examination, "CHUNK", SMALL // 4)
    monkeypatch.setattr(plan, "LATE_BYTES", SMALL)
    monkeypatch.setattr("bigdipper_exporter.pipeline.PORTION_BYTES", SMALL)


def old_file(writer: Writer, suffix: str, lines: int = 12_000) -> None:
    """Put a rotated file beside the log that nobody has read."""
    data = b"".join(writer.write_to_memory(lines))
    writer.sibling(suffix).write_bytes(gzip.compress(data, 1) if suffix.endswith(".gz") else data)


@pytest.mark.parametrize("suffix", [".1.gz", ".1", "-20251016.gz"])
@pytest.mark.parametrize("killed", [False, True])
def test_the_log_is_read_between_two_portions_of_an_old_file(start: Start, writer: Writer, suffix: str, killed: bool) -> None:
    consumer = start(limit=SMALL)
    writer.write(3)
    consumer.drain()
    old_file(writer, suffix)
    steps = 0
    while True:
        steps += 1
        assert steps < 500
        (new,) = writer.write()
        read = consumer.step()
        assert [batch.data for batch in read.batches if not batch.late] == [new]
        assert all(len(batch.data) <= SMALL for batch in read.batches)
        if not read.more:
            break
        if killed and steps in (7, 60, 75):
            consumer.close()
            consumer = start(limit=SMALL)
            consumer.step()
    assert steps > 5
    check(consumer.archive, writer)


def test_no_seek_in_a_resumed_file_unpacks_more_than_the_allowance(
    start: Start, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpacked, real = list[int](), gunzip.Gunzip.seek

    def counting(file: gunzip.Gunzip, offset: int, step: int) -> int:
        begun = file.position
        unpacked.append(offset - begun if offset >= begun else offset)  # a seek backward begins at the beginning
        return real(file, offset, step)

    consumer = start(limit=SMALL)
    writer.write(3)
    consumer.drain()
    old_file(writer, ".1.gz")
    for _ in range(300):
        consumer.step()
        if sum(len(batch.data) for batch in consumer.last.batches if batch.late):
            break
    for _ in range(6):
        consumer.step()
    consumer.close()
    consumer = start(limit=SMALL)
    monkeypatch.setattr(gunzip.Gunzip, "seek", counting)
    consumer.drain()
    assert sum(unpacked) > 4 * SMALL, "it goes on far behind the beginning"
    assert max(unpacked) <= SMALL
    check(consumer.archive, writer)


@pytest.mark.parametrize("packs", [False, True])
def test_a_large_rest_of_the_log_that_was_rotated_while_nobody_read_it_does_not_delay_the_new_one(
    start: Start, writer: Writer, packs: bool
) -> None:
    consumer = start(limit=SMALL)
    writer.write(2000)
    consumer.drain()
    consumer.close()
    writer.write(12_000)
    writer.rotate()
    if packs:
        writer.gzip()
    consumer = start(limit=SMALL)
    steps = 0
    while True:
        steps += 1
        assert steps < 500
        (new,) = writer.write()
        read = consumer.step()
        assert new in b"".join(batch.data for batch in read.batches if not batch.late)
        if not read.more:
            break
    assert steps > 5
    check(consumer.archive, writer)


def test_a_bomb_is_refused_in_portions_beside_the_log(start: Start, writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "BOMB_BYTES", 40 * SMALL)
    consumer = start()
    writer.write(3)
    consumer.drain()
    writer.sibling(".1.gz").write_bytes(gzip.compress(bytes(400 * SMALL)))
    steps, more = 0, True
    while more:
        steps += 1
        (new,) = writer.write()
        read = consumer.step()
        assert [batch.data for batch in read.batches] == [new]
        more = read.more
    assert 10 < steps < 60
    check(consumer.archive, writer, gaps=["unreachable"])


def test_two_large_copies_of_one_file_are_read_once(start: Start, writer: Writer) -> None:
    consumer = start(limit=SMALL)
    writer.write(3)
    consumer.drain()
    old_file(writer, ".2.gz")
    for name in (".1.gz", ".3.gz"):
        writer.sibling(name).write_bytes(gzip.compress(gzip.decompress(writer.sibling(".2.gz").read_bytes()), 6))
    consumer.drain()
    consumer.close()
    consumer = start(limit=SMALL)
    os.utime(writer.sibling(".1.gz"))
    consumer.drain()
    check(consumer.archive, writer)


CYCLE = "{} [INFO] Cycle #{} - 09:31:05"
ACCOUNT = "{} [INFO] [ACCOUNT] equity=${}.00 cash=$10.00 leverage=100.0%"
TRADE = "{} [INFO] [TRADE] BUY {}: 1.0000 shares @ $1.00 = $1.00 (order order-{:06})"


def day(date: str, first: int, number: int, equity: int) -> list[str]:
    """Lines of cycles with an account line and a trade each."""
    lines = []
    for n in range(first, first + number):
        at = f"{date} {9 + n % 10:02}:{n % 60:02}:05"
        lines += [CYCLE.format(at, n), ACCOUNT.format(at, equity + n), TRADE.format(at, f"S{n % 150}", n)]
    return lines


def put_beside(one: Monitor, lines: list[str]) -> None:
    one.log.with_name("big_dipper.log.1.gz").write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode()))


def present(one: Monitor) -> tuple[float | None, float | None, int]:
    cycle = one.pipeline.snapshot.bot.cycle_number
    return one.value("bigdipper_bot_equity_usd"), cycle, len(one.rows("SELECT * FROM trades"))


@pytest.mark.parametrize("killed", [False, True])
def test_an_old_file_does_not_change_what_is_known_of_the_present(tmp_path: Path, killed: bool) -> None:
    with monitor(tmp_path) as one:
        one.say(*day("2025-10-17", 5000, 3, 20_000))
        before = present(one)
        assert before == (25002, 5002, 3)
        put_beside(one, day("2025-10-16", 0, 3000, 10_000))
        steps, number = 0, 6000
        while True:
            number += 1
            assert number < 6500
            one.write(CYCLE.format("2025-10-17 19:00:05", number))
            more = one.pipeline.step()
            assert (present(one)[:2]) == (before[0], number)
            steps += 1
            if killed and steps in (5, 60, 75):
                one.restart()
            if not more:
                break
        assert steps > 5
        assert one.pipeline.caught_up
        assert present(one)[2] == 3003
        assert one.rows("SELECT date, cycles, trades_count FROM daily_stats ORDER BY date") == [
            ("2025-10-16", 3000, 3000),
            ("2025-10-17", 3 + number - 6000, 3),
        ]
        assert one.rows("SELECT count(*) FROM account_history WHERE cycle_number IS NULL") == [(0,)]
        one.say(CYCLE.format("2025-10-17 19:00:06", 9999))
        one.restart()
        assert present(one)[:2] == (before[0], 9999)
        assert one.pipeline.snapshot.bot.running


def test_a_large_rest_of_a_log_continues_its_cycle_and_describes_the_present_while_the_new_log_is_empty(tmp_path: Path) -> None:
    with monitor(tmp_path) as one:
        lines = day("2025-10-16", 0, 3000, 10_000)
        one.say(*lines[:100])
        one.close()
        one.write(*lines[100:])
        one.log.rename(one.log.with_name("big_dipper.log.1"))
        one.log.touch()
        one._open()
        one.catch_up()
        assert present(one)[1:] == (2999, 3000)
        assert one.rows("SELECT count(*), count(DISTINCT cycle_number) FROM account_history") == [(3000, 3000)]
        one.say(CYCLE.format("2025-10-17 09:00:05", 1))
        assert present(one)[1] == 1


def brake(minute: int) -> list[str]:
    """A cycle under the brake."""
    at = f"2025-10-17 {9 + minute // 60:02}:{minute % 60:02}:05"
    return [CYCLE.format(at, minute), f"{at} [ERROR] ⚠️  EMERGENCY BRAKE: Leverage {116 + minute % 7}.0% > 115.0%"]


def free(minute: int) -> list[str]:
    """A cycle without it."""
    at = f"2025-10-17 {9 + minute // 60:02}:{minute % 60:02}:05"
    return [CYCLE.format(at, minute), ACCOUNT.format(at, 20_000)]


def debug(minute: int) -> list[str]:
    """Lines that make a file large."""
    return [f"2025-10-17 {9 + minute // 60:02}:{minute % 60:02}:06 [DEBUG] {'x' * 400}"] * 400


Minutes = list[list[str]]
REPORT = (
    "2025-10-17 09:02:05 [INFO]    Position value: $23,048.62 (115.7% of equity)",
    "2025-10-17 09:02:05 [INFO]    Must reduce positions by $144.22",
)
BORDERS: dict[str, tuple[Minutes, Minutes]] = {
    "goes on": ([free(0), brake(1), debug(1), brake(2)], [brake(3), brake(4)]),
    "goes on and ends": ([free(0), brake(1), debug(1), brake(2)], [brake(3), free(4), brake(5), free(6)]),
    "ended": ([brake(1), debug(1), brake(2)], [free(3), brake(4)]),
    "had ended": ([brake(1), debug(1), free(2)], [brake(3), brake(4), free(5)]),
    "ended in silence": ([brake(1), debug(1), brake(2)], [brake(300), free(301)]),
    "ends at the border": ([brake(1), debug(1), brake(2)], [["2025-10-17 09:03:05 [INFO] Cycle #3 - 09:31:05"]]),
    "none": ([free(0), debug(1)], [free(3)]),
    "told its figures before": ([brake(1), [*brake(2), *REPORT], debug(2)], [brake(3), brake(4)]),
}


def border(folder: Path, before: list[str], after: list[str], restarts: bool) -> Monitor:
    """Read a log that was rotated at the border while nobody read it: the rest of the old file is read beside the new one."""
    folder.mkdir()
    one = Monitor(folder)
    one.say(before[0])
    one.close()
    one.write(*before[1:])
    one.log.with_name("big_dipper.log.1.gz").write_bytes(gzip.compress(one.log.read_bytes()))
    one.log.unlink()
    one.write(*after)
    one._open()
    steps = 0
    while one.pipeline.step():
        steps += 1
        if restarts and steps in (2, 5, 9):
            one.restart()
    return one


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("case", BORDERS)
def test_a_brake_episode_over_the_border_of_an_old_file_is_one(tmp_path: Path, case: str, restarts: bool) -> None:
    before, after = ([line for minute in part for line in minute] for part in BORDERS[case])
    with monitor(tmp_path) as whole:
        whole.say(*before, *after)
        one = border(tmp_path / "apart", before, after, restarts)
        try:
            for sql in (
                "SELECT started, ended, last_seen, duration_seconds, cycles, peak_ratio, leverage_ratio, equity, margin_debt,"
                " position_value, reduce_usd FROM brake_events",
                "SELECT date, brake_events, brake_seconds, cycles FROM daily_stats",
                "SELECT name, labels, value FROM counters WHERE name LIKE '%brake%' OR name LIKE '%halts%' ORDER BY 1, 2",
            ):
                assert one.rows(sql) == whole.rows(sql)
            held, expected = one.pipeline.snapshot.bot.brake, whole.pipeline.snapshot.bot.brake
            assert (held and replace(held, id=0)) == (expected and replace(expected, id=0))
        finally:
            one.close()


def entry(text: str, second: int) -> str:
    return docker(text, f"2025-10-17T13:31:{second:02}.5Z")


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("pieces", [1, 2, 3])
def test_a_containers_message_over_the_border_of_an_old_file_is_one(tmp_path: Path, pieces: int, restarts: bool) -> None:
    message = TRADE.format("2025-10-17 09:31:05", "MSFT", 5000)
    before = [entry(TRADE.format("2025-10-17 09:31:05", "AMD", n) + "\n", 1) for n in range(600)]
    parts = [message[20 * n : 20 * n + 20 if n < 3 else None] for n in range(4)]
    after = [entry(TRADE.format("2025-10-17 09:31:06", "AMD", n) + "\n", 9) for n in range(1000, 1003)]
    split = [entry(part, 5) for part in parts[:-1]] + [entry(parts[-1] + "\n", 5)]
    one = border(tmp_path / "apart", [*before, *split[:pieces]], [*split[pieces:], *after], restarts)
    try:
        assert one.rows("SELECT count(*) FROM trades") == [(604,)]
        assert one.rows("SELECT count(*) FROM trades WHERE symbol = 'MSFT'") == [(1,)]
        assert one.pipeline._streams.log.reader.messages.rests is None
    finally:
        one.close()


def test_a_failing_disk_during_an_examination_is_tried_again(
    start: Start, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    consumer = start()
    writer.write(3)
    consumer.drain()
    old_file(writer, ".1.gz")
    real, calls = os.preadv, 0

    def preadv(fd: int, buffers: list[bytearray], offset: int) -> int:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise OSError(5, "Input/output error")
        return real(fd, buffers, offset)

    monkeypatch.setattr(os, "preadv", preadv)
    consumer.drain()
    assert consumer.tail.unsettled
    consumer.drain()
    check(consumer.archive, writer)


def test_an_examination_keeps_the_end_of_each_prefix(tmp_path: Path) -> None:
    data = b"".join(b"line %d\n" % number for number in range(50_000))
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(data))
    with closing(packed.open_source(path)) as source, closing(packed.open_source(path)) as other:
        for end in (10, 1024, 5000, SMALL, len(data)):
            checkpoint = consumed(data, end)
            deadline = time.monotonic() + 20
            for one in (source, other):
                while (fits := one.fits(checkpoint)) is None and time.monotonic() < deadline:
                    assert isinstance(one, packed.Packed)
                    one._examinations.renew()
                assert fits is True, end
                assert one.fits(consumed(data[: end - 1] + b"x", end)) is False


def consumed(data: bytes, end: int) -> Checkpoint:
    blank = Checkpoint(1, "", 0, 0, 0, b"", b"", False, False, 0.0)
    return blank.advanced(data, end)
