"""Files that begin alike, that come back, and that are cut or copied between two system calls of the reader."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.harness import PAUSE, Clock, Consumer, Writer, check

Start = Callable[..., Consumer]

SHORT = b"Big Dipper starts\n"
LONG = b"".join(b"Big Dipper banner, line %d, always the same whatever happens\n" % number for number in range(30))


def during(monkeypatch: pytest.MonkeyPatch, name: str, *happenings: Callable[[], Any]) -> None:
    """At each of the next calls of os.`name`, one of `happenings` comes first."""
    real, left = getattr(os, name), list(happenings)

    def call(*arguments: Any) -> Any:
        if left:
            left.pop(0)()
        return real(*arguments)

    monkeypatch.setattr(os, name, call)


def test_a_file_smaller_than_an_earlier_one_with_the_same_banner_is_read(start: Start, writer: Writer) -> None:
    consumer = start(quiet=0)
    writer.raw(LONG)
    writer.write(50)
    consumer.drain()
    writer.rotate()
    writer.raw(LONG)
    writer.write(5)
    for _ in range(2):
        consumer.drain()
    writer.shift()
    writer.rotate()
    writer.raw(LONG)
    writer.write(3)
    writer.shift()
    writer.rotate()
    writer.write(1)
    consumer.drain()
    check(consumer.archive, writer)


def test_a_copy_of_the_beginning_of_a_cut_log_stays_known(start: Start, writer: Writer, log: Path) -> None:
    consumer = start()
    writer.write(30)
    consumer.drain()
    writer.copy()
    writer.write(1)
    consumer.drain()
    writer.truncate()
    consumer.drain()
    consumer.close()
    for _ in range(3):
        consumer = start()
        writer.write(1)
        writer.shift()
        writer.rotate()
        consumer.drain()
        consumer.close()
    check(start().archive, writer)


def test_a_file_that_was_read_to_its_end_is_not_taken_for_the_copy_of_one_that_begins_alike(
    start: Start, writer: Writer, clock: Clock
) -> None:
    consumer = start()
    writer.raw(SHORT)
    writer.write(5)
    consumer.drain()
    writer.rotate()
    writer.raw(SHORT)
    consumer.drain()
    clock.ahead += 31
    consumer.drain()
    lost = writer.write(2)
    writer.truncate()
    clock.ahead += PAUSE
    writer.lines = [line for line in writer.lines if line not in lost]
    consumer.drain()
    writer.write(1)
    consumer.drain()
    check(consumer.archive, writer, gaps=["truncated"])


def test_of_two_lost_logs_that_began_alike_each_gets_its_own_copy_or_a_gap(start: Start, writer: Writer) -> None:
    writer.raw(SHORT)
    writer.write(5)
    consumer = start()
    consumer.drain()
    writer.rotate()
    writer.raw(SHORT)
    consumer.drain()
    consumer.close()
    writer.gzip()
    lost = writer.write(2)
    writer.truncate()
    writer.lines = [line for line in writer.lines if line not in lost]
    writer.write(1)
    consumer = start()
    consumer.drain()
    check(consumer.archive, writer, gaps=["truncated"])


def test_a_log_that_passed_while_an_older_one_was_put_back_is_read(start: Start, writer: Writer, log: Path) -> None:
    consumer = start()
    writer.write(3)
    consumer.drain()
    writer.rename(".aside")
    writer.reopen()
    writer.write(4)
    writer.rename()
    writer.sibling(".aside").rename(log)
    consumer.drain()
    writer.reopen()
    writer.write(2)
    consumer.drain()
    check(consumer.archive, writer)


def test_a_log_that_passed_while_none_was_there_is_read_when_an_older_one_comes_back(
    start: Start, writer: Writer, log: Path, clock: Clock
) -> None:
    consumer = start()
    writer.write(3)
    consumer.drain()
    writer.rename(".aside")
    consumer.drain()
    writer.reopen()
    writer.write(4)
    writer.rename()
    os.utime(writer.sibling(".1"), (clock(), clock()))
    writer.sibling(".aside").rename(log)
    clock.ahead += 5
    consumer.drain()
    writer.reopen()
    writer.write(2)
    consumer.drain()
    check(consumer.archive, writer)


def test_a_log_that_comes_back_while_it_is_being_looked_for_goes_on(
    start: Start, writer: Writer, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    consumer = start()
    writer.write(3)
    consumer.drain()
    consumer.close()
    writer.rotate()
    consumer = start()

    def back() -> None:
        log.rename(writer.sibling(".2"))
        writer.sibling(".1").rename(log)

    with monkeypatch.context() as patch:
        during(patch, "scandir", back)
        consumer.drain()
    writer.reopen()
    writer.write(2)
    consumer.drain()
    check(consumer.archive, writer)


def test_a_log_cut_between_being_compared_with_its_copy_and_being_read_is_read_from_the_copy(
    start: Start, writer: Writer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    consumer = start()
    consumer.drain()
    clock.ahead += 10
    writer.write(3)
    os.utime(writer.copy(), (clock() - 5, clock() - 5))  # cp -p, and the bot was quiet since
    with monkeypatch.context() as patch:
        # A list before the search, one after it: the log is cut before anything of it is read.
        during(patch, "scandir", lambda: None, writer.truncate)
        consumer.step()
    consumer.drain()
    clock.ahead += 31
    consumer.drain()
    writer.write(1)
    consumer.drain()
    check(consumer.archive, writer)


def test_a_copy_that_is_found_before_its_log_and_while_it_is_being_made_is_read_once(
    start: Start, writer: Writer, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    consumer = start()
    writer.write(5)
    consumer.drain()
    writer.copytruncate(".9")
    lines: list[bytes] = []

    def rotated_and_half_copied() -> None:
        writer.rename(".2")
        writer.reopen()
        lines.extend(writer.write(4))
        writer.sibling(".1").write_bytes(b"".join(lines)[:-1])

    with monkeypatch.context() as patch:
        during(patch, "scandir", rotated_and_half_copied)
        consumer.drain()
    writer.sibling(".1").write_bytes(b"".join(lines))
    consumer.drain()
    writer.truncate()
    consumer.drain()
    writer.write(2)
    consumer.drain()
    check(consumer.archive, writer)


def test_a_copy_that_was_taken_for_a_new_log_until_its_own_was_seen_to_be_cut_is_missed_once(
    start: Start, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    consumer = start()
    writer.write(5)
    consumer.drain()
    writer.write(3)
    copy = writer.copy()
    with monkeypatch.context() as patch:
        during(patch, "scandir", writer.truncate)
        consumer.step()
    consumer.close()
    copy.unlink()
    writer.write(1)
    consumer = start()
    consumer.drain()
    check(consumer.archive, writer, gaps=["unreachable"])


def test_of_two_logs_that_are_alike_to_their_ends_the_only_file_that_is_left_is_missed_once(
    start: Start, writer: Writer
) -> None:
    consumer = start()
    writer.raw(SHORT)
    consumer.drain()
    writer.rotate()
    writer.raw(SHORT)
    writer.lines.remove(SHORT)  # the second one is taken for a copy of the first
    consumer.drain()
    writer.truncate()
    consumer.drain()
    consumer.close()
    writer.sibling(".1").unlink()
    writer.write(1)
    consumer = start()
    consumer.drain()
    check(consumer.archive, writer, gaps=["unreachable"])


@pytest.mark.parametrize("packed", [False, True])
def test_a_log_restored_from_a_copy_under_the_eyes_of_the_reader_is_no_gap_after_a_kill(
    start: Start, writer: Writer, log: Path, packed: bool
) -> None:
    consumer = start()
    writer.write(5)
    consumer.drain()
    copy = log.with_name("restored")
    copy.write_bytes(log.read_bytes())
    os.replace(copy, log)
    writer.reopen()
    consumer.drain()
    writer.write(2)
    consumer.drain()
    if packed:
        writer.rotate()
        consumer.drain()
    consumer.close()
    if packed:
        writer.gzip()
    consumer = start()
    consumer.drain()
    writer.write(1)
    consumer.drain()
    check(consumer.archive, writer)
