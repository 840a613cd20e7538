"""More rotated files than are remembered or may be open at once."""

import os
import resource
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from bigdipper_exporter.archive.store import Store
from bigdipper_exporter.log.tail import Tail
from tests.faults.harness import Clock, Consumer, Writer, check

Start = Callable[..., Consumer]


def test_a_kill_while_a_hundred_rotated_files_are_caught_up_with_doubles_nothing(
    writer: Writer, log: Path, archive: Path
) -> None:
    store, stored = Store(archive), list[bytes]()

    def look(tail: Tail) -> bool:
        read = tail.read()
        with store.transaction():
            store.write_position(read.checkpoints, read.gaps)
        stored.extend(line for batch in read.batches for line in batch.data.splitlines(keepends=True))
        tail.commit()
        return read.more

    tail = Tail(log, store.checkpoints())
    look(tail)
    tail.close()
    for number in range(120):
        writer.write(4)
        writer.rotate(f"-2025{1000 + number}")
    tail = Tail(log, store.checkpoints(), limit=100)
    while len(stored) < 400:
        look(tail)
    tail.close()
    tail = Tail(log, store.checkpoints())
    while look(tail):
        pass
    tail.close()
    store.close()
    assert Counter(stored) == Counter(writer.lines)


def test_more_rotated_files_than_may_be_open_are_read_in_their_order(start: Start, writer: Writer) -> None:
    for number in range(300):
        writer.write(2)
        writer.rotate(f"-2025{1000 + number}")
    writer.write(1)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    open_here = max(int(number) for number in os.listdir("/proc/self/fd"))  # other tests of this process have files, too
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_here + 100, limits[1]))
    try:
        consumer = start(rotated=True)
        consumer.drain()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    check(consumer.archive, writer)


@pytest.mark.parametrize("killed", [False, True])
def test_more_rotated_files_than_may_be_open_delay_the_log_for_seconds_only(
    start: Start, writer: Writer, clock: Clock, killed: bool
) -> None:
    consumer = start(limit=500)
    writer.write(1)
    consumer.drain()
    for number in range(150):
        writer.rotate(f"-2025{1000 + number}")
        writer.write(40)
    consumer.step()
    assert consumer.tail._state.crowded
    clock.ahead += 6
    for _ in range(5):
        (new,) = writer.write(1)
        read = consumer.step()
    assert new in b"".join(batch.data for batch in read.batches if not batch.late)
    assert consumer.tail._state.crowded
    if killed:
        consumer.close()
        consumer = start(limit=500)
    consumer.drain()
    check(consumer.archive, writer)


def test_files_that_were_given_up_are_not_remembered_for_ever(start: Start, writer: Writer, clock: Clock) -> None:
    consumer = start(quiet=0)
    for number in range(20):
        writer.write(1)
        consumer.drain()
        writer.rotate(f"-2025{1000 + number}")
        writer.write(1)
        consumer.drain()
    check(consumer.archive, writer)
    assert consumer.tail._state.skipped_files
    for number in range(20):
        writer.sibling(f"-2025{1000 + number}").unlink()
    clock.ahead += 60
    writer.rotate("-20251020")
    consumer.drain()
    assert len(consumer.tail._state.skipped_files) <= 2
