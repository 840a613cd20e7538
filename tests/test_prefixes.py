"""Unknown prefixes: whatever stands before the bot's lines, none of them is lost, and none that another one quotes is read."""

import itertools
import json
import random
from collections.abc import Callable, Iterable, Iterator
from zoneinfo import ZoneInfo

import pytest

from bigdipper_exporter.log.carriers import Cleaner
from bigdipper_exporter.log.lines.orders import Trade
from bigdipper_exporter.log.parser import Reader
from bigdipper_exporter.log.prefixes import Prefixes
from bigdipper_exporter.log.records import ParsedChunk
from bigdipper_exporter.log.rule import Malformed
from tests.test_samples import SAMPLES

Prefix = Callable[[int], str]
EVIL = "2025-10-17 08:30:00 [INFO] [TRADE] BUY EVIL: 1.0000 shares @ $1.00 = $1.00 (order 6f1c2a9e)"


def order(number: int, symbol: str = "AMD") -> str:
    clock = f"{9 + number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}"
    message = f"[TRADE] BUY {symbol}: 1.0000 shares @ $100.00 = $100.00 (order 6f1c2a9e-0000-4000-8000-{number:012})"
    return f"2025-10-17 {clock} [INFO] {message}"


def error(number: int) -> str:
    return order(number).partition("] ")[0] + "] ❌ Cycle error: no"


PREFIXES: dict[str, Prefix] = {
    "words": lambda _: "worker 7 >> ",
    "numbers of any width": lambda n: f"job {n * n}: ",
    "cat -n": lambda n: f"{n:6}\t",
    "padded seconds": lambda n: f"[{1.7**n % 9999:8.3f}] ",
    "negative numbers": lambda n: f"<{50 - n}> ",
    "hexadecimal": lambda n: f"req={n * 7919 % 4096:x} ",
    "tai64n": lambda n: f"@40000000671{n * 7654321:013x} ",
    "uuid": lambda n: f"{random.Random(n).getrandbits(128):032x}-{n:x} | ",
    "threads": lambda n: ("[MainThread] ", "[pool-1] ", "[Thread-7b] ")[n % 3],
    "several processes": lambda n: ("main> ", "(worker) ", "[pool/1] ")[n % 3],
    "heroku": lambda n: f"2025-10-17T13:31:05.{n:06}+00:00 app[worker.1]: ",
    "fly.io": lambda n: f"2025-10-17T13:31:05Z app[148e21] iad [{'error' if n % 3 else 'info'}] ",
    "emoji": lambda _: "🤖 bot » ",
    "other letters": lambda _: "étoile│ ",
    "a box": lambda _: "│ ",
    "behind a known one": lambda n: f"bot-1  | {n} # ",
    "indented": lambda _: "    ",
    "its own time": lambda n: f"2026-03-02 12:00:{n % 60:02} ",
    "its own time to the millisecond": lambda n: f"2026-03-02 12:00:00.{n:03} ",
}

# Where there is no header, such a prefix cannot be told from the text that it touches.
TOUCHING: dict[str, Prefix] = {
    "a comma": lambda n: f"{n},host,",
    "a hyphen": lambda n: f"{n}-",
    "a plus": lambda _: "bot+",
    "dots": lambda n: f"{n}..",
    "a time": lambda n: f"ts=2026-03-02T12:00:{n % 60:02},",
    "a quotation mark": lambda _: '"',
    "a bracket": lambda _: "(",
}


def events(chunks: Iterable[bytes], restarts: random.Random | None = None) -> list[tuple[int, str]]:
    """Read the chunks, restarting between them at random; return the identity and symbol, or the kind, of each event."""
    reader, found, offset = Reader(ZoneInfo("America/New_York")), list[tuple[int, str]](), 0
    for data in chunks:
        if restarts and restarts.random() < 0.5:
            last, saved = reader.time.last, json.loads(json.dumps(reader.cleaner.prefixes.saved()))
            header_seen = reader.cleaner.header_seen
            reader = Reader(ZoneInfo("America/New_York"))
            reader.time.last, reader.cleaner.header_seen = last, header_seen
            reader.cleaner.prefixes.load(*saved)
        chunk = ParsedChunk()
        reader.read(1, offset, data, chunk)
        offset += len(data)
        for record in chunk.records:
            name = record.event.symbol if isinstance(record.event, Trade) else type(record.event).__name__
            found.append((record.id, record.event.kind if isinstance(record.event, Malformed) else name))
            assert chunk.line(record.id)
    return sorted(found)


def encoded(lines: Iterable[str]) -> list[bytes]:
    return [line.encode() + b"\n" for line in lines]


def names(lines: list[str]) -> list[str]:
    """What is read of the lines, all at once and one by one, which is the same."""
    data = encoded(lines)
    at_once, singly = events([b"".join(data)]), events(data)
    assert at_once == singly
    return [name for _, name in at_once]


@pytest.mark.parametrize("kind", PREFIXES)
def test_no_line_with_an_unknown_prefix_is_lost(kind: str) -> None:
    prefix = PREFIXES[kind]
    assert names([prefix(n) + order(n) for n in range(1, 40)]) == ["AMD"] * 39
    # A log that begins with errors, or has many, is read as well.
    assert names([prefix(n) + (order(n) if n % 3 else error(n)) for n in range(1, 40)]) == ["AMD", "AMD", "Error"] * 13


@pytest.mark.parametrize("kind", TOUCHING)
def test_a_prefix_that_touches_the_header_costs_no_line_and_is_no_quotation(kind: str) -> None:
    prefix = TOUCHING[kind]
    assert names([prefix(n) + order(n) for n in range(1, 40)]) == ["AMD"] * 39
    assert "EVIL" not in names([order(1), error(2), *(prefix(n) + EVIL for n in range(7)), order(3)])


@pytest.mark.parametrize("kind", PREFIXES)
def test_a_prefix_that_begins_later_costs_no_line(kind: str) -> None:
    lines = [*(order(n) for n in range(5)), *(PREFIXES[kind](n) + order(n) for n in range(5, 30))]
    assert names(lines) == ["AMD"] * 30


@pytest.mark.parametrize(("old", "new"), [*itertools.pairwise(PREFIXES)])
def test_a_prefix_that_changes_costs_no_line(old: str, new: str) -> None:
    lines = [PREFIXES[old if n < 12 else new](n) + order(n) for n in range(1, 31)]
    assert names(lines) == ["AMD"] * 30
    # The same behind an error, of which the next lines might be a part.
    lines[11:11] = [PREFIXES[old](12) + error(11)]
    assert names(lines) == ["AMD"] * 11 + ["Error"] + ["AMD"] * 19


@pytest.mark.parametrize("kind", PREFIXES)
def test_a_goodbye_with_an_unknown_prefix_is_read(kind: str) -> None:
    prefix = PREFIXES[kind]
    texts = [order(1), order(2), order(2).partition("] ")[0] + "] ", "👋 Shutting down gracefully...", order(3)]
    data = encoded(prefix(n) + text for n, text in enumerate(texts))
    # The bot writes both lines of its goodbye at once.
    for chunks in ([b"".join(data)], [*data[:2], b"".join(data[2:4]), *data[4:]]):
        assert [name for _, name in events(chunks)] == ["AMD", "AMD", "Stop", "AMD"]


@pytest.mark.parametrize("kind", PREFIXES)
@pytest.mark.parametrize("number", [1, 5, 70])
def test_a_log_that_an_error_quotes_is_never_read(kind: str, number: int) -> None:
    prefix = PREFIXES[kind]
    quoted = [prefix(n) + EVIL for n in range(number)]
    lines = [order(1), error(2), *quoted, order(3), order(4), error(5), "Traceback (most recent call last):", *quoted, order(6)]
    read = names(lines)
    assert read.count("AMD") == 4
    assert "EVIL" not in read


def test_a_few_lines_that_are_quoted_may_be_of_any_time() -> None:
    quoted = [f"log: {order(100 + n, 'EVIL')}" for n in range(5)]
    assert names([order(1), error(2), *quoted, order(3)]) == ["AMD", "Error", *["joined"] * 5, "AMD"]


def random_log(rng: random.Random) -> list[str]:
    """A log whose prefix changes now and then, with errors that have further lines and quote others."""
    lines, prefix = list[str](), PREFIXES[rng.choice([*PREFIXES])]
    for number in range(60):
        if rng.random() < 0.05:
            prefix = PREFIXES[rng.choice([*PREFIXES])]
        lines.append(prefix(number) + (order(number) if rng.random() < 0.8 else error(number)))
        if rng.random() < 0.1:
            lines += rng.choice([["Traceback (most recent call last):", "  x"], [""], [f">> {EVIL}"] * rng.randint(1, 3)])
    return lines


def cut(rng: random.Random, data: list[bytes]) -> Iterator[bytes]:
    while data:
        size = rng.choice((1, 1, 2, 5, 20))
        yield b"".join(data[:size])
        data = data[size:]


@pytest.mark.parametrize("seed", range(40))
def test_the_same_lines_in_any_portions_and_with_any_restart_give_the_same_events(seed: int) -> None:
    rng = random.Random(seed)
    data = encoded(random_log(rng))
    whole = events([b"".join(data)])
    assert sum(name == "AMD" for _, name in whole) > 10
    for _ in range(5):
        assert events(cut(rng, data), rng) == whole
    assert events(data, rng) == whole


def whole(data: list[bytes]) -> tuple[object, ...]:
    """All that a reader makes of these portions, and what it knows afterwards."""
    reader, position, chunk = Reader(ZoneInfo("America/New_York")), 0, ParsedChunk()
    found = list[tuple[object, ...]]()
    for portion in data:
        chunk = ParsedChunk(last_ts=chunk.last_ts)
        reader.read(1, position, portion, chunk)
        position += len(portion)
        found += [*chunk.records, (chunk.levels, chunk.last_ts, chunk.lines)]
    return (*found, reader.cleaner.prefixes.saved(), reader.cleaner.header_seen)


@pytest.mark.parametrize("kind", [*PREFIXES, *TOUCHING])
def test_portions_with_one_prefix_are_read_as_line_by_line(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng, prefix = random.Random(kind), (PREFIXES | TOUCHING)[kind]
    for sample in SAMPLES:
        lines = sample.read_bytes().splitlines()[:1500]
        for _ in range(rng.randrange(8)):
            lines.insert(
                rng.randrange(len(lines)), rng.choice([order(5).encode(), b"", b"2025-10-17 [INFO] cut", EVIL.encode()])
            )
        data = [prefix(number % 1000).encode() + line + b"\n" for number, line in enumerate(lines)]
        for _ in range(rng.randrange(3)):
            data.insert(rng.randrange(len(data)), order(7).encode() + b"\n")
        portions = [b"".join(data[at : at + 100]) for at in range(0, len(data), 100)]
        together = whole(portions)
        with monkeypatch.context() as patch:
            patch.setattr(Prefixes, "without", lambda *_: None)
            assert whole(portions) == together


def test_portions_with_one_prefix_are_not_read_line_by_line(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f"bot-1  | {order(number)}\n".encode() for number in range(300)]
    first = Reader(ZoneInfo("America/New_York"))
    first.read(1, 0, b"".join(lines[:10]), ParsedChunk())
    monkeypatch.setattr(Cleaner, "clean", None)
    chunk = ParsedChunk()
    first.read(1, sum(map(len, lines[:10])), b"".join(lines[10:]), chunk)
    assert [record.id - chunk.base for record in chunk.records] == [at * len(lines[0]) for at in range(290)]


def test_lines_of_supervisord_in_the_same_file_are_not_malformed() -> None:
    foreign = [
        "2025-10-17 09:31:05,123 INFO spawned: 'bot' with pid 7",
        "2025-10-17 09:31:06,124 WARN exited: bot (exit status 1)",
    ]
    assert names([foreign[0], order(1), *foreign, order(2)]) == ["AMD", "AMD"]
