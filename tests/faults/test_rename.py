"""Cases 1-12: the log is renamed while it is being read."""

import gzip
import logging
import logging.handlers
import lzma
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bigdipper_exporter.log import segment
from tests.faults.harness import PAUSE, Archive, Clock, Consumer, Writer, check

Start = Callable[..., Consumer]


def test_lines_appended_in_two_goes_are_all_read(start: Start, writer: Writer) -> None:
    consumer = start()
    for count in (3, 5):
        writer.write(count)
        consumer.drain()
    check(consumer.archive, writer)
    assert consumer.archive.lines() == writer.lines
    assert consumer.archive.total("rotations") == consumer.archive.total("truncations") == 0


def test_a_file_missing_at_the_start_is_read_from_its_beginning(start: Start, writer: Writer, log: Path) -> None:
    log.unlink()
    consumer = start()
    read = consumer.drain()
    assert not read.up
    assert read.problem == f"{log} does not exist (yet)"
    writer.reopen()
    writer.write(4)
    read = consumer.drain()
    assert read.up
    assert read.problem is None
    check(consumer.archive, writer)


def test_a_folder_missing_at_the_start_is_waited_for(start: Start, writer: Writer, log: Path) -> None:
    log.unlink()
    log.parent.rmdir()
    consumer = start(start="end")
    assert consumer.drain().problem == f"{log.parent} does not exist (yet)"
    log.parent.mkdir()
    writer.reopen()
    writer.write(4)
    consumer.drain()
    check(consumer.archive, writer)


def test_a_rename_and_a_new_file_lose_nothing(start: Start, writer: Writer) -> None:
    consumer = start()
    writer.write(4)
    consumer.drain()
    writer.rotate()
    writer.write(3)
    consumer.drain()
    check(consumer.archive, writer)
    assert consumer.archive.total("rotations") == 1


def test_late_lines_through_the_old_descriptor_are_read(start: Start, writer: Writer) -> None:
    consumer = start()
    writer.write(2)
    consumer.drain()
    writer.rename()
    old = writer.open()
    writer.write(2)
    consumer.drain()
    writer.write(3, fd=old)
    consumer.drain()
    writer.write(1)
    os.close(old)
    consumer.drain()
    check(consumer.archive, writer)


def test_a_renamed_file_is_given_up_only_when_it_is_quiet_and_the_new_one_grows(
    start: Start, writer: Writer, clock: Clock
) -> None:
    consumer = start(quiet=30)
    writer.write(2)
    consumer.drain()
    writer.rename()
    old = writer.open()
    consumer.drain()
    for _ in range(3):  # a bot that never reopens its log writes to the renamed file for ever, at its own pace
        clock.ahead += 3600
        consumer.drain()
        writer.write(1, fd=old)
        consumer.drain()
    writer.write(1)
    consumer.drain()
    clock.ahead += 31
    consumer.drain()
    check(consumer.archive, writer)
    assert sum(c.ended for c in consumer.archive.checkpoints()) == 1
    os.close(old)


def test_lines_written_while_no_file_bears_the_name_are_read(start: Start, writer: Writer) -> None:
    consumer = start()
    writer.write(2)
    consumer.drain()
    writer.rename()
    writer.write(1)
    assert not consumer.drain().up
    writer.write(1)
    consumer.drain()
    writer.reopen()
    writer.write(3)
    assert consumer.drain().up
    check(consumer.archive, writer)


def test_a_backlog_in_a_renamed_file_is_read_before_the_new_one(start: Start, writer: Writer) -> None:
    consumer = start(limit=1000)
    writer.write(3)
    consumer.drain()
    writer.write(500)
    writer.rotate()
    writer.write(3)
    consumer.drain()
    check(consumer.archive, writer)
    assert consumer.archive.lines() == writer.lines


def test_a_file_rotated_twice_between_two_looks_is_read_between_its_neighbours(start: Start, writer: Writer) -> None:
    consumer = start()
    writer.write(3)
    consumer.drain()
    writer.rotate()
    writer.write(4)
    writer.shift()
    writer.rotate()
    writer.write(2)
    consumer.drain()
    check(consumer.archive, writer)
    assert consumer.archive.lines() == writer.lines


def test_a_clock_set_back_does_not_hide_a_file_in_the_middle(start: Start, writer: Writer, clock: Clock) -> None:
    consumer = start()
    writer.write(3)
    consumer.drain()
    clock.ahead -= 3600
    consumer.drain()
    writer.rotate()
    writer.write(4)
    os.utime(writer.path, (clock(), clock()))
    writer.shift()
    writer.rotate()
    writer.write(2)
    consumer.drain()
    check(consumer.archive, writer)


@pytest.mark.parametrize("rotations", [3, 20, 40])
def test_many_rotations_between_two_looks_lose_nothing(start: Start, writer: Writer, rotations: int) -> None:
    consumer = start(limit=200)
    writer.write(3)
    consumer.drain()
    for _ in range(rotations):
        writer.write(5)
        writer.shift()
        writer.rotate()
    writer.write(2)
    consumer.drain()
    check(consumer.archive, writer)


def test_rotated_files_that_were_deleted_unread_are_a_gap(start: Start, writer: Writer) -> None:
    consumer = start()
    writer.write(3)
    consumer.drain()
    for _ in range(3):  # one backup is kept, so that the file in the middle goes unseen
        writer.rotate()
        writer.write(4)
    lost = writer.lines[3:7]
    writer.lines = [line for line in writer.lines if line not in lost]
    consumer.drain()
    check(consumer.archive, writer, gaps=["unreachable"])


def test_a_rotating_file_handler_of_python_is_followed(start: Start, log: Path) -> None:
    handler = logging.handlers.RotatingFileHandler(log, maxBytes=2000, backupCount=5)
    consumer = start()
    _log_and_read(handler, consumer)
    assert consumer.archive.total("rotations") > 3


def test_dated_names_of_python_and_logrotate_are_followed(start: Start, writer: Writer) -> None:
    consumer = start()
    for name in (".2025-10-17", "-20251018", "-20251019-1760000000"):
        writer.write(2)
        consumer.drain()
        writer.write(3)
        writer.rotate(name)
        writer.write(1)
        writer.rotate(name + "1")
    writer.write(2)
    consumer.drain()
    check(consumer.archive, writer)
    assert consumer.archive.lines() == writer.lines


def test_a_renamed_file_compressed_at_once_is_read_to_its_end(start: Start, writer: Writer) -> None:
    consumer = start()
    writer.write(3)
    consumer.drain()
    writer.write(200)
    writer.rotate()
    writer.gzip()
    writer.write(3)
    consumer.drain()
    check(consumer.archive, writer)


def test_a_file_rotated_and_compressed_between_two_looks_is_read_from_its_gz(start: Start, writer: Writer) -> None:
    consumer = start(limit=500)
    writer.write(3)
    consumer.drain()
    writer.rotate()
    writer.write(200)
    writer.shift()
    writer.rotate()
    writer.gzip()
    writer.write(3)
    consumer.drain()
    check(consumer.archive, writer)
    assert consumer.archive.lines() == writer.lines


def test_a_gz_that_is_still_being_written_is_waited_for(start: Start, writer: Writer, clock: Clock) -> None:
    consumer = start()
    writer.write(3)
    consumer.drain()
    writer.rotate()
    writer.write(200)
    writer.shift()
    writer.rotate()
    packed = writer.gzip()
    whole = packed.read_bytes()
    packed.write_bytes(whole[: len(whole) // 2])
    writer.write(3)
    consumer.drain()
    assert consumer.archive.count() == 6
    packed.write_bytes(whole)
    clock.ahead += 1
    consumer.drain()
    check(consumer.archive, writer)


def test_a_gz_that_never_becomes_whole_is_one_gap_also_while_the_log_stays_empty(
    start: Start, writer: Writer, clock: Clock
) -> None:
    consumer = start()
    writer.write(2)
    consumer.drain()
    packed = gzip.compress(b"".join(writer.line() for _ in range(200)))
    writer.sibling("-20251016.gz").write_bytes(packed[:-10])
    writer.rotate("-20251017")
    for _ in range(5):
        clock.ahead += 11
        consumer.drain()
    check(consumer.archive, writer, gaps=["unreachable"])
    assert not consumer.tail.unsettled


def test_a_gz_that_is_still_being_written_is_waited_for_however_long_ago_another_one_was(
    start: Start, writer: Writer, clock: Clock
) -> None:
    consumer = start()
    writer.write(3)
    consumer.drain()
    for name in ("-20251017", "-20251018"):
        writer.rotate(name)
        writer.write(200)
        writer.rotate(name + "1")
        packed = writer.gzip(name + "1")
        whole = packed.read_bytes()
        packed.write_bytes(whole[:-10])
        os.utime(packed, (clock(), clock()))
        consumer.drain()
        assert consumer.archive.gaps() == []
        packed.write_bytes(whole)
        clock.ahead += 31  # nobody looks meanwhile: the machine sleeps
    consumer.drain()
    check(consumer.archive, writer)


def test_a_gz_that_is_still_being_written_is_waited_for_when_another_one_is_given_up(
    start: Start, writer: Writer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment, "TICK", 0)  # nothing else moves in the folder that would make it look there
    consumer = start()
    writer.write(1)
    consumer.drain()
    packed = gzip.compress(b"".join(writer.line() for _ in range(200)))
    writer.sibling("-20251016.gz").write_bytes(packed[:-10])
    consumer.drain()
    clock.ahead += 6
    whole = gzip.compress(b"".join(writer.write_to_memory(200)))
    (second := writer.sibling("-20251017.gz")).write_bytes(whole[:-10])
    consumer.drain()
    clock.ahead += 6
    consumer.drain()
    second.write_bytes(whole)
    consumer.drain()
    check(consumer.archive, writer, gaps=["unreachable"])


@pytest.mark.parametrize("legible", [0, 10])
def test_a_gz_of_which_not_a_byte_is_legible_is_a_gap_unless_the_file_it_is_made_of_is_there(
    start: Start, writer: Writer, clock: Clock, legible: int
) -> None:
    consumer = start()
    writer.write(3)
    consumer.drain()
    writer.rotate()
    writer.write(2)
    begun = gzip.compress(writer.lines[0])[:legible]
    writer.sibling(".1.gz").write_bytes(begun)
    for gaps in ([], ["unreachable"]):
        for _ in range(2):
            consumer.drain()
            clock.ahead += 11
        check(consumer.archive, writer, gaps=gaps)
        (other := writer.sibling(".2.gz")).write_bytes(begun)
        os.utime(other, (clock(), clock()))


def test_an_unterminated_line_whose_rest_arrives_after_the_rename_is_one_line(start: Start, writer: Writer) -> None:
    consumer = start()
    writer.write(2)
    writer.raw(b"2025-10-17 10:00:00 [INFO] half")
    consumer.drain()
    writer.rename()
    old = writer.open()
    consumer.drain()
    writer.raw(b" and half\n", fd=old)
    writer.write(2)
    os.close(old)
    consumer.drain()
    check(consumer.archive, writer)
    assert b"2025-10-17 10:00:00 [INFO] half and half\n" in consumer.archive.lines()


def test_rotated_files_are_read_first_when_asked_for_and_only_then(
    start: Start, writer: Writer, tmp_path: Path, log: Path
) -> None:
    for name in ("-20251015", "-20251016", ".2", ".1"):
        writer.write(3)
        writer.rotate(name)
    writer.gzip("-20251015")
    writer.write(2)
    for path in log.parent.iterdir():
        os.utime(path, (1e9, 1e9))  # copied or checked out: the times say nothing, the names do
    consumer = start(rotated=True)
    consumer.drain()
    assert consumer.archive.lines() == writer.lines
    with Consumer(tmp_path / "other.db", log) as only:
        only.drain()
        assert only.archive.lines() == writer.lines[-2:]


def test_from_the_end_begins_behind_the_last_whole_line(start: Start, writer: Writer) -> None:
    writer.write(3)
    writer.lines.clear()
    writer.raw(b"2025-10-17 10:00:00 [INFO] begun before the start")
    consumer = start(start="end")
    consumer.drain()
    writer.raw(b" and ended after it\n")
    writer.write(2)
    consumer.drain()
    check(consumer.archive, writer)


def _log_and_read(handler: logging.Handler, consumer: Consumer) -> None:
    written = []
    for number in range(120):
        text = f"2025-10-17 09:30:00 [INFO] [SKIP] line {number} of a hundred and twenty, with some padding"
        handler.emit(logging.LogRecord("bot", logging.INFO, "", 0, text, None, None))
        written.append(text.encode() + b"\n")
        if number % 7 == 0:
            consumer.step()
    consumer.drain()
    handler.close()
    archive: Archive = consumer.archive
    assert archive.lines() == written
    assert archive.gaps() == []


@pytest.mark.parametrize("name", [".1", ".elsewhere"])
@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_file_of_another_type_is_no_lag_and_is_closed_once_it_has_lost_the_name(
    start: Start, writer: Writer, log: Path, clock: Clock, name: str, is_restarted: bool
) -> None:
    log.write_bytes(lzma.compress(os.urandom(100_000)))
    consumer = start()
    read = consumer.drain()
    assert read.problem is not None
    assert "xz data" in read.problem
    assert read.lag == 0
    if is_restarted:
        consumer.close()
        consumer = start()
    writer.rotate(name)
    for _ in range(3):
        writer.write(2)
        clock.ahead += PAUSE
        assert consumer.drain().lag == 0
    check(consumer.archive, writer, gaps=["unreachable"])
    consumer.close()
    consumer = start()
    consumer.drain()
    check(consumer.archive, writer, gaps=["unreachable"])
