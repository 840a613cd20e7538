"""Cases 42 and 43: SIGKILL under load, from outside and at the worst moments from inside, while the log is rotated."""

import os
import random
import time
from collections.abc import Callable

import pytest

from tests.faults.harness import Consumer, Process, Writer, check

Start = Callable[..., Consumer]
Launch = Callable[..., Process]
Kill = Callable[..., None]


def finish(start: Start, writer: Writer) -> None:
    """A last start reads what is left, and everything is there once."""
    consumer = start()
    consumer.drain()
    check(consumer.archive, writer)


def test_twelve_kills_under_load_lose_and_double_nothing(launch: Launch, start: Start, writer: Writer) -> None:
    process = launch()
    for _ in range(12):
        end = time.monotonic() + 0.15
        for _ in range(50):
            writer.write(1)
            time.sleep(0.003)
        time.sleep(max(0.0, end - time.monotonic()))
        process.kill()
        process = launch()
    process.kill()
    assert len(writer.lines) == 600
    finish(start, writer)


def chaos(launch: Launch, kill: Kill, start: Start, writer: Writer, seed: int, seconds: float) -> dict[str, int]:
    """Write, split, rotate and kill at random for a while; returns what happened how often."""
    chance = random.Random(seed)
    happened = dict.fromkeys(("kills", "renames", "copytruncates", "late", "split"), 0)
    old = -1
    writer.write(1)
    kill()
    process = launch("--crash", 0.02, seed)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        writer.write(chance.randint(1, 5))
        if chance.random() < 0.2:
            line = writer.line()
            cut = chance.randrange(1, len(line))
            writer.raw(line[:cut])
            time.sleep(chance.random() * 0.005)
            writer.raw(line[cut:])
            happened["split"] += 1
        what = chance.random()
        if what < 0.02:
            writer.shift()
            writer.rename()
            if old >= 0:
                os.close(old)
            old = writer.open()
            happened["renames"] += 1
        elif what < 0.03:
            writer.shift()
            writer.copytruncate()
            happened["copytruncates"] += 1
        elif what < 0.1 and old >= 0:
            writer.write(1, fd=old)
            happened["late"] += 1
        elif what < 0.13 and (third := writer.sibling(".3")).exists():
            if old < 0 or not os.path.samestat(os.fstat(old), third.stat()):
                writer.gzip(".3")
        elif what < 0.14:
            process.kill()
        if not process.alive:
            happened["kills"] += 1
            process = launch("--crash", 0.02, seed + happened["kills"])
        time.sleep(chance.random() * 0.004)
    process.kill()
    if old >= 0:
        os.close(old)
    finish(start, writer)
    return happened


@pytest.mark.parametrize("seed", [1, 2])
def test_kills_at_the_worst_moments_lose_and_double_nothing(
    launch: Launch, kill: Kill, start: Start, writer: Writer, seed: int
) -> None:
    happened = chaos(launch, kill, start, writer, seed, seconds=5)
    assert happened["kills"] > 3
    assert happened["renames"]


@pytest.mark.chaos
@pytest.mark.parametrize("seed", [11, 12, 13])
def test_a_minute_of_kills_loses_and_doubles_nothing(
    launch: Launch, kill: Kill, start: Start, writer: Writer, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    happened = chaos(launch, kill, start, writer, seed, seconds=60)
    with capsys.disabled():
        print(f"\nseed {seed}: {len(writer.lines)} lines, {happened}")
    assert min(happened.values()) > 10
