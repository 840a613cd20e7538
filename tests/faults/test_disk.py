"""The disk, or the network, does not give what is on it: for a while, or for ever."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bigdipper_exporter.log import segment
from tests.faults.harness import Clock, Consumer, Writer, check

Start = Callable[..., Consumer]


@contextmanager
def failing(call: str, inode: int, number: int = errno.EIO) -> Iterator[None]:
    """os.`call` fails for open files with this inode."""
    real, stat = getattr(os, call), os.fstat

    def fail(descriptor: int, *arguments: Any) -> Any:
        if stat(descriptor).st_ino == inode:
            raise OSError(number, os.strerror(number))
        return real(descriptor, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, call, fail)
        yield


@pytest.mark.parametrize(("call", "number"), [("pread", errno.EIO), ("fstat", errno.ESTALE)])
def test_a_log_that_the_disk_does_not_give_for_a_while_is_neither_cut_nor_read_again(
    start: Start, writer: Writer, log: Path, clock: Clock, call: str, number: int
) -> None:
    consumer = start()
    writer.write(5)
    consumer.drain()
    with failing(call, log.stat().st_ino, number):
        for _ in range(3):
            writer.write(2)
            read = consumer.drain()
            assert not read.up
            assert read.problem == f"{log}: {os.strerror(number)}"
            clock.ahead += 60
    read = consumer.drain()
    assert read.up
    assert read.problem is None
    check(consumer.archive, writer)
    assert consumer.archive.total("truncations") == 0


def test_a_log_that_the_disk_does_not_give_at_the_start_goes_on_when_it_does(start: Start, writer: Writer, log: Path) -> None:
    consumer = start()
    writer.write(5)
    consumer.drain()
    consumer.close()
    writer.write(2)
    consumer = start()
    with failing("pread", log.stat().st_ino):
        assert consumer.drain().problem == f"{log}: {os.strerror(errno.EIO)}"
    consumer.drain()
    check(consumer.archive, writer)


def test_a_log_that_got_its_name_back_is_waited_for_like_any_other(
    start: Start, writer: Writer, log: Path, clock: Clock
) -> None:
    consumer = start()
    writer.write(5)
    consumer.drain()
    aside = writer.rename(".aside")
    consumer.drain()
    aside.rename(log)
    consumer.drain()
    with failing("pread", log.stat().st_ino):
        for _ in range(3):
            writer.write(2)
            assert not consumer.drain().up
            clock.ahead += 11
    consumer.drain()
    check(consumer.archive, writer)


def test_the_end_of_a_renamed_file_is_waited_for_while_the_log_is_read(start: Start, writer: Writer, log: Path) -> None:
    consumer = start(quiet=0)
    writer.write(5)
    consumer.drain()
    writer.write(3)
    writer.rotate()
    writer.write(2)
    with failing("pread", writer.sibling(".1").stat().st_ino):
        for _ in range(3):
            read = consumer.drain()
        assert consumer.archive.count() == 7
        assert read.up
        assert read.problem
    consumer.drain()
    check(consumer.archive, writer)


def test_a_renamed_file_that_the_disk_never_gives_again_is_one_gap(
    start: Start, writer: Writer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment, "TICK", 0)  # nothing else moves in the folder that would make it look there
    consumer = start()
    writer.write(5)
    consumer.drain()
    lost = writer.write(3)
    writer.rotate()
    writer.write(2)
    writer.lines = [line for line in writer.lines if line not in lost]
    with failing("pread", writer.sibling(".1").stat().st_ino):
        for _ in range(4):
            consumer.drain()
            clock.ahead += 11
        check(consumer.archive, writer, gaps=["unreachable"])
        writer.write(2)
        assert consumer.drain().problem is None
        check(consumer.archive, writer, gaps=["unreachable"])
