"""What the tailer itself costs: reading a long log, and looking when there is nothing to read.

Run with `pytest tests/bench/bench_tail.py -m bench -s`; it prints figures and asserts nothing about time.
"""

import resource
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bigdipper_exporter.log.tail import Tail
from tests.bench.make_log import make_log

pytestmark = pytest.mark.bench

MEGABYTES = 100


def spent() -> float:
    """CPU seconds of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def seconds(act: Callable[[], object], times: int) -> float:
    """CPU seconds of one call."""
    begun = spent()
    for _ in range(times):
        act()
    return (spent() - begun) / times


def read_all(tail: Tail) -> int:
    """Bytes handed out until there is no more."""
    size = 0
    while True:
        read = tail.read()
        size += sum(len(batch.data) for batch in read.batches)
        tail.commit()
        if not read.more:
            return size


def test_reading_and_idling(tmp_path: Path) -> None:
    log = tmp_path / "bot.log"
    make_log(log, 10_000)
    piece = log.read_bytes()
    with log.open("ab") as file:
        while file.tell() < MEGABYTES * 1_000_000:
            file.write(piece)
    tail = Tail(log)
    begun, wall = spent(), time.perf_counter()
    size = read_all(tail)
    cpu, wall = spent() - begun, time.perf_counter() - wall
    assert size == log.stat().st_size
    print(f"\nread {size / 1e6:.0f} MB in {wall:.2f} s, {cpu:.2f} s of CPU: {size / cpu / 1e6:,.0f} MB per CPU second")

    deadline = time.monotonic() + 10
    while not tail._state.segments[0].is_signature_reliable and time.monotonic() < deadline:
        tail.read()
    print(f"idle read(): {seconds(tail.read, 20_000) * 1e6:.1f} us")

    for number in range(8):
        log.rename(tmp_path / f"bot.log-2025101{number}")
        log.write_bytes(piece + b"generation %d\n" % number)
        read_all(tail)
    print(f"idle read() with {len(tail._state.segments)} files open: {seconds(tail.read, 5_000) * 1e6:.1f} us")

    with log.open("ab", buffering=0) as unbuffered:

        def append() -> None:
            unbuffered.write(b"2025-10-17 09:30:00 [INFO] [SKIP] NVDA cooldown (2.1h remaining)\n")
            tail.read()
            tail.commit()

        print(f"a line appended and read: {seconds(append, 5_000) * 1e6:.0f} us")
    tail.close()
