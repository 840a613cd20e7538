"""Cases 13-22: the log is cut in place while it is being read."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bigdipper_exporter.log.chunks import Read
from tests.faults.harness import PAUSE, Clock, Consumer, Writer, check

Start = Callable[..., Consumer]


def test_a_copytruncate_of_an_idle_log_loses_nothing_and_is_no_gap(start: Start, writer: Writer) -> None:
    consumer = start()
    writer.write(5)
    consumer.drain()
    writer.copytruncate()
    consumer.drain()
    writer.write(3)
    consumer.drain()
    check(consumer.archive, writer)
    assert consumer.archive.total("truncations") == 1
    assert consumer.archive.total("rotations") == 0


def test_a_backlog_is_read_from_the_copy(start: Start, writer: Writer) -> None:
    consumer = start()
    writer.write(5)
    consumer.drain()
    writer.write(4)
    writer.copytruncate()
    writer.write(2)
    consumer.drain()
    check(consumer.archive, writer)
    assert consumer.archive.lines() == writer.lines


def test_a_backlog_of_many_portions_is_read_from_the_copy(start: Start, writer: Writer) -> None:
    consumer = start(limit=300)
    writer.write(5)
    consumer.drain()
    writer.write(400)
    consumer.step()
    writer.copytruncate()
    writer.write(200)
    consumer.drain()
    check(consumer.archive, writer)
    assert consumer.archive.lines() == writer.lines


def test_a_log_refilled_beyond_the_old_position_is_seen_as_cut(start: Start, writer: Writer) -> None:
    consumer = start()
    writer.write(3)
    consumer.drain()
    writer.write(1)
    writer.copytruncate()
    writer.write(20)
    consumer.drain()
    check(consumer.archive, writer)


def test_a_log_refilled_to_the_same_size_is_seen_as_cut(start: Start, writer: Writer, log: Path) -> None:
    consumer = start()
    writer.number = 1000
    writer.write(5)
    consumer.drain()
    size = log.stat().st_size
    writer.copytruncate()
    writer.write(5)
    assert log.stat().st_size == size
    consumer.drain()
    check(consumer.archive, writer)


def test_a_half_line_before_the_cut_is_not_glued_to_the_next(start: Start, writer: Writer) -> None:
    consumer = start()
    writer.write(2)
    consumer.drain()
    writer.raw(b"half a li")
    consumer.drain()
    writer.copytruncate()
    writer.forget_half()
    writer.write(3)
    consumer.drain()
    check(consumer.archive, writer)


def test_a_half_line_and_nothing_else_before_the_cut_is_not_glued_to_the_next(start: Start, writer: Writer) -> None:
    consumer = start()
    writer.raw(b"half a li")
    consumer.drain()
    writer.copytruncate()
    writer.forget_half()
    writer.write(3)
    consumer.drain()
    check(consumer.archive, writer)


@pytest.mark.parametrize("lines", [3, 50_000])
def test_the_hole_of_a_writer_that_does_not_append_is_stripped(start: Start, writer: Writer, log: Path, lines: int) -> None:
    consumer = start()
    with log.open("wb", buffering=0) as file:

        def write(count: int) -> None:
            data = [writer.line() for _ in range(count)]
            writer.lines += data
            file.write(b"".join(data))

        write(lines)
        consumer.drain()
        write(2)
        writer.copytruncate()
        write(1)
        consumer.drain()
        write(2)
        consumer.drain()
        writer.copytruncate(".2")
        write(2)
        consumer.drain()
    check(consumer.archive, writer)
    assert not any(b"\0" in line for line in consumer.archive.lines())


def test_a_cut_without_a_copy_while_there_was_a_backlog_is_a_gap(start: Start, writer: Writer, clock: Clock) -> None:
    consumer = start()
    writer.write(2)
    consumer.drain()
    lost = writer.write(3)
    writer.truncate()
    clock.ahead += PAUSE
    writer.write(2)
    writer.lines = [line for line in writer.lines if line not in lost]
    consumer.drain()
    check(consumer.archive, writer, gaps=["truncated"])
    assert consumer.archive.total("truncations") == 1


def test_a_cut_without_a_copy_of_what_was_read_to_its_end_is_a_rotation(start: Start, writer: Writer) -> None:
    consumer = start()
    for _ in range(3):
        writer.write(3)
        consumer.drain()
        writer.truncate()
        consumer.drain()
    check(consumer.archive, writer)
    assert consumer.archive.total("truncations") == 3


def test_a_cut_without_a_copy_of_a_half_line_is_a_gap(start: Start, writer: Writer) -> None:
    consumer = start()
    writer.write(3)
    writer.raw(b"2025-10-17 09:31")
    consumer.drain()
    writer.truncate()
    writer.forget_half()
    writer.write(1)
    consumer.drain()
    check(consumer.archive, writer, gaps=["truncated"])


def test_a_line_read_between_copy_and_cut_is_stored_once(start: Start, writer: Writer) -> None:
    consumer = start()
    writer.write(30)
    consumer.drain()
    writer.copy()
    writer.write(1)
    consumer.drain()
    writer.truncate()
    writer.write(2)
    consumer.drain()
    check(consumer.archive, writer)


def test_a_line_written_unread_between_copy_and_cut_costs_only_itself(start: Start, writer: Writer) -> None:
    """Nobody ever saw the line: there is no trace of it by which a reader could count a gap."""
    consumer = start()
    writer.write(3)
    consumer.drain()
    writer.write(2)
    writer.copy()
    writer.lines.remove(*writer.write(1))
    writer.truncate()
    writer.write(2)
    consumer.drain()
    check(consumer.archive, writer)


def test_the_same_banner_before_and_after_the_cut_is_no_identity(start: Start, writer: Writer) -> None:
    banner = b"".join(b"Big Dipper banner, line %d, always the same whatever happens\n" % number for number in range(30))
    consumer = start()
    writer.raw(banner)
    writer.write(3)
    consumer.drain()
    writer.write(2)
    writer.copytruncate()
    writer.raw(banner)
    writer.write(10)
    consumer.drain()
    check(consumer.archive, writer)


def test_a_log_trimmed_from_the_front_goes_on_behind_what_was_read(start: Start, writer: Writer, log: Path) -> None:
    consumer = start()
    writer.write(60)
    consumer.drain()
    writer.write(2)
    log.write_bytes(log.read_bytes()[-1000:])  # tail -c 1000 log > tmp; cat tmp > log
    writer.write(3)
    consumer.drain()
    check(consumer.archive, writer)
    assert consumer.archive.total("truncations") == 1


def test_a_log_trimmed_beyond_what_was_read_is_read_again_and_is_a_gap(start: Start, writer: Writer, log: Path) -> None:
    consumer = start()
    writer.write(10)
    consumer.drain()
    writer.write(50)
    kept = b"".join(writer.lines[-20:])
    log.write_bytes(kept)
    del writer.lines[10:40]
    consumer.drain()
    check(consumer.archive, writer, gaps=["truncated"])


def test_two_cuts_between_two_looks_lose_nothing(start: Start, writer: Writer) -> None:
    consumer = start()
    writer.write(5)
    consumer.drain()
    writer.write(1)
    writer.copytruncate()
    writer.write(4)
    writer.shift()
    writer.copytruncate()
    writer.write(2)
    consumer.drain()
    check(consumer.archive, writer)
    assert consumer.archive.lines() == writer.lines


def test_a_file_filled_and_cut_before_the_first_look_is_read_from_its_copy(start: Start, writer: Writer) -> None:
    consumer = start()
    writer.write(2)
    consumer.drain()
    writer.rotate()
    consumer.drain()
    writer.write(5)
    writer.shift()
    writer.copytruncate()
    writer.write(2)
    consumer.drain()
    check(consumer.archive, writer)


@pytest.mark.parametrize("running", [True, False])
def test_an_older_copy_beside_that_of_a_cut_log_is_read_no_more_than_that(start: Start, writer: Writer, running: bool) -> None:
    consumer = start()
    writer.write(10)
    consumer.drain()
    if not running:
        consumer.close()
    writer.copy()
    writer.write(7)
    writer.shift()
    writer.copytruncate()
    writer.write(1)
    if not running:
        consumer = start()
    consumer.drain()
    check(consumer.archive, writer)


def test_a_copy_compressed_at_once_is_read_and_waited_for(start: Start, writer: Writer, clock: Clock) -> None:
    consumer = start()
    writer.write(5)
    consumer.drain()
    writer.write(400)
    writer.copytruncate()
    packed = writer.gzip()
    whole = packed.read_bytes()
    packed.write_bytes(whole[:-20])
    writer.write(2)
    consumer.drain()
    assert consumer.archive.gaps() == []
    packed.write_bytes(whole)
    clock.ahead += 1
    consumer.drain()
    check(consumer.archive, writer)


def test_a_copy_that_never_becomes_whole_is_a_gap_after_a_while(start: Start, writer: Writer, clock: Clock) -> None:
    consumer = start()
    writer.write(5)
    consumer.drain()
    writer.lines = writer.lines[:5] if writer.write(400) else []
    writer.copytruncate()
    packed = writer.gzip()
    packed.write_bytes(packed.read_bytes()[:-20])
    writer.write(2)
    consumer.drain()
    clock.ahead += 60
    consumer.drain()
    check(consumer.archive, writer, gaps=["truncated"])


def test_a_copy_that_overwrites_the_previous_one_in_place_is_followed(start: Start, writer: Writer) -> None:
    """`cp log log.1 && : > log` by hand, after a rename: the renamed file's inode now holds a copy of its successor."""
    consumer = start()
    writer.write(5)
    consumer.drain()
    writer.rotate()
    writer.write(3)
    consumer.drain()
    writer.write(4)
    writer.copytruncate()
    writer.write(2)
    consumer.drain()
    stored = consumer.archive.lines()
    assert sorted(stored) == sorted(writer.lines)
    os.stat(writer.path)


def test_a_truncation_or_rotation_is_stored_even_if_nothing_else_is() -> None:
    assert Read().is_empty
    assert not Read(truncations=1).is_empty
    assert not Read(rotations=1).is_empty
