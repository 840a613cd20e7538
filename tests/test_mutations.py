"""Damaged logs: any mutation of the samples is read without an exception, and only what was damaged differs."""

import os
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bigdipper_exporter.counters import Counters
from bigdipper_exporter.log.parser import Reader
from bigdipper_exporter.log.records import ParsedChunk
from bigdipper_exporter.log.rule import Malformed
from bigdipper_exporter.projection import Projection
from bigdipper_exporter.projection.state import BotState
from tests.running import monitor

SAMPLES = sorted((Path(__file__).parent / "samples").glob("*.log"))
PIECE = 1000
ZONE = ZoneInfo("America/New_York")


def flip(line: bytes, rng: random.Random) -> bytes:
    """One to three bytes become others; a newline may come in, none goes."""
    changed = bytearray(line[:-1])
    for _ in range(rng.randrange(1, 4)):
        if changed:
            changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed) + b"\n"


def mutate(lines: list[bytes], rng: random.Random) -> Iterator[tuple[int, list[bytes]]]:
    """Places where the log is damaged: the first line of it, and what comes in place of one line or of two."""
    number = 0
    while number < len(lines) - 1:
        number += rng.randrange(1, 12)
        if number >= len(lines) - 1:
            return
        one, two = lines[number], lines[number + 1]
        kind = rng.randrange(6)
        if kind == 0:
            yield number, [flip(one, rng)]
        elif kind == 1:
            yield number, [one[: rng.randrange(len(one))] + b"\n"]
        elif kind == 2:
            yield number, [one[:-1] + two]
            number += 1
        elif kind == 3:
            yield number, [two, one]
            number += 1
        elif kind == 4:
            yield number, [one[rng.randrange(len(one)) :]]
        else:
            yield number, [bytes(rng.randrange(256) for _ in range(rng.randrange(200))).replace(b"\n", b" ") + b"\n"]


def damaged(lines: list[bytes], rng: random.Random) -> tuple[bytes, Counter[bytes], list[bytes]]:
    """The damaged log, its undamaged lines, and what came in their place."""
    out: list[bytes] = []
    new: list[bytes] = []
    at = 0
    for number, instead in mutate(lines, rng):
        out += lines[at:number] + instead
        new += instead
        one, two = lines[number : number + 2]
        at = number + (2 if instead in ([two, one], [one[:-1] + two]) else 1)
    out += lines[at:]
    return b"".join(out), Counter(out) - Counter(new), new


def events(data: bytes) -> Counter[tuple[float, str]]:
    portion, reader = ParsedChunk(), Reader(ZONE)
    reader.read(1, 0, b"2025-10-15 09:30:00 [INFO] a line that is not damaged\n", portion)
    reader.read(1, 100, data, portion)
    # What has no readable time of its own takes that of the line before.
    return Counter((0 if isinstance(r.event, Malformed) else r.ts, repr(r.event)) for r in portion.records)


def try_damage(lines: int, seed: int) -> int:
    """Read and fold so many damaged lines; the number of lines damaged."""
    rng, hurt = random.Random(seed), 0
    samples = [path.read_bytes().splitlines(keepends=True) for path in SAMPLES]
    fold, reader = Projection(BotState(), Counters()), Reader(ZONE)
    offset = 0
    while lines > 0:
        sample = rng.choice(samples)
        start = rng.randrange(len(sample))
        data, intact, new = damaged(sample[start : start + PIECE], rng)
        lines -= PIECE
        hurt += len(new)
        # Every line that is not damaged tells what it would tell alone, and nothing but the damaged ones tell more.
        extra = events(data)
        extra.subtract(events(b"".join(intact.elements())))
        assert all(count >= 0 for count in extra.values()), (seed, [e for e, n in extra.items() if n < 0])
        assert +extra == events(b"".join(new)), seed
        portion = ParsedChunk()
        reader.read(1, offset, data, portion)
        fold.apply(portion)
        BotState.from_json(fold.state.to_json())
        fold.commit()
        offset += len(data)
    return hurt


def test_damage_costs_only_the_lines_it_hits() -> None:
    assert try_damage(20_000, 5) > 2000


@pytest.mark.chaos
def test_damage_costs_only_the_lines_it_hits_in_a_million_lines() -> None:
    seed = int.from_bytes(os.urandom(3))
    print(f"\nseed {seed}: {try_damage(1_000_000, seed):,} lines damaged")


def test_a_damaged_log_is_archived_and_shown(tmp_path: Path) -> None:
    rng = random.Random(6)
    with monitor(tmp_path) as one:
        for path in SAMPLES:
            data, _, _ = damaged(path.read_bytes().splitlines(keepends=True), rng)
            with one.log.open("ab") as log:
                log.write(data)
            one.catch_up()
            one.restart()
            assert one.pipeline.trouble is None
            assert one.value("bigdipper_log_lines_total") == one.log.read_bytes().count(b"\n")
        malformed = sum(value for (name, _), value in one.samples().items() if name == "bigdipper_log_malformed_total")
        assert malformed > 100
        assert one.rows("PRAGMA integrity_check") == [("ok",)]


HOSTILE = [
    b'{"log":' + b"[" * 200_000,
    b'{"log":"2025-10-17 09:30:00 [INFO] \\ud83d","stream":"stderr","time":"2025-10-17T13:31:00.123456789Z"}',
    b'{"log":"2025-10-17 09:30:00 [INFO] Cycle #1\\n","stream":"stderr","time":"0001-01-01T00:00:00Z"}',
    b'{"log":"2025-10-17 09:30:00 [INFO] Cycle #1\\n","stream":"stderr","time":"2025-10-17T13:31:00.' + b"9" * 400 + b'Z"}',
    b'{"log":1e999,"stream":"stderr","time":"2025-10-17T13:31:00Z"}',
    b'{"log":null,"time":null}',
    b'{"log":"half a message","stream":"stderr","time":"2025-10-17T13:31:00Z"}',
    b"2025-10-17 09:30:00 [INFO] Cycle #" + b"9" * 5000,
    b"2025-10-17 09:30:00 [INFO] [ACCOUNT] equity=$" + b"9" * 400 + b" cash=$1.00 margin=1.00%",
    b"2025-10-17 09:30:00 [INFO] " + b"\xed\xa0\x80" * 1000,
    "2025-10-17 09:30:00 [INFO] 📊 Watching 1 symbols: \ud83d".encode("utf-8", "surrogatepass"),
    "2025-10-17 09:30:00 [INFO]    Winners: \ud83d +1.0%".encode("utf-8", "surrogatepass"),
    "2025-10-17 09:30:00 [ERROR] ❌ Failed to place order for AMD: \ud83d".encode("utf-8", "surrogatepass"),
    b"2025-10-17 09:30:00 [INFO] " + b"] " * 100_000,
    b"2025-10-17 09:30:00 [INFO] " + b" " * 200_000 + b"x",
    b"2025-10-17 09:30:00 [INFO] [SKIP] " + b"A" * 100_000,
    b"2025-10-17 09:30:00 [INFO] [SKIP] AMD " + b"(" * 100_000,
    b"2025-10-17 09:30:00 [INFO] \xe2\x8f\xb8\xef\xb8\x8f" + b" " * 100_000,
    b"\0" * 1000,
]


@pytest.mark.parametrize("line", HOSTILE, ids=lambda line: repr(line[:60]))
def test_a_hostile_line_is_read_archived_and_shown_and_the_next_line_too(tmp_path: Path, line: bytes) -> None:
    with monitor(tmp_path) as one:
        with one.log.open("wb") as log:
            log.write(line + b"\n2025-10-17 09:31:00 [INFO] [TRADE] BUY AMD 10 @ $1.00 = $10.00\n")
        one.catch_up()
        assert one.pipeline.trouble is None
        one.restart()
        assert one.value("bigdipper_trades_total", symbol="AMD") == 1
        assert one.rows("SELECT ts FROM trades") == [(1760707860.0,)]
