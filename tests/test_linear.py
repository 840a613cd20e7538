"""No line costs more than its length: the near misses of every rule are grown, and the time must not grow faster than they.

A near miss begins like a rule's example, goes on with a run of what the rule is looking for, and does not end like it.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bigdipper_exporter.counters import Counters
from bigdipper_exporter.log.chunks import LINE_LIMIT, whole_lines
from bigdipper_exporter.log.compile import TOKEN, read_message
from bigdipper_exporter.log.grammar import RULES, TAGS
from bigdipper_exporter.log.parser import Reader, long_lines
from bigdipper_exporter.log.records import ParsedChunk
from bigdipper_exporter.log.rule import Rule
from bigdipper_exporter.log.segment import Checkpoint
from bigdipper_exporter.log.tail import Tail
from bigdipper_exporter.projection import Projection
from bigdipper_exporter.projection.state import BotState

SHORT, LONG = 4_000, 64_000
# What is linear takes 16 times as long, what is quadratic 256 times; and less than this is nothing.
RATIO, SECONDS = 64, 0.05
WHILE = 0.5  # for a mebibyte, which takes minutes where its length counts twice
RUNS = (" ", "\t", "\r", " \t", "x", "9", "9,", "A", ".", "-", "%", ")", "h < ", "A: ", ", ", "é", "\ufe0f", "\u3000")


def literals(rule: Rule) -> set[str]:
    """The texts between the fields of a rule: each may be what a search is for."""
    parts = [token.group() for token in TOKEN.finditer(rule.pattern)]
    joined = "".join("\0" if (part.startswith("<") and part.endswith(">")) or part in "{}" else part for part in parts)
    found = {text for text in joined.split("\0") if text.strip()}
    return found | {text.strip() for text in found} | {text.rstrip() + " " for text in found}


def near_misses(rule: Rule) -> Iterator[tuple[str, str]]:
    """What a near miss begins with, and what it then repeats."""
    runs = {*RUNS, *literals(rule)}
    for example in rule.examples:
        ends = {len(example), *(position for position, sign in enumerate(example) if not sign.isalnum())}
        for end in sorted(ends):
            for run in runs:
                yield example[:end], run
                yield example[: end + 1], run


def cost(start: str, run: str, size: int) -> float:
    """Processor seconds to read it, the least of three."""
    message = f"{start}{run * (size // len(run))}\x01x".encode()
    least = float("inf")
    for _ in range(3):
        begun = time.thread_time()
        read_message(message)
        least = min(least, time.thread_time() - begun)
        if least < SECONDS:
            break
    return least


@pytest.mark.parametrize("rule", RULES, ids=[rule.pattern.strip() for rule in RULES])
def test_the_near_misses_of_a_rule_take_time_in_proportion_to_their_length(rule: Rule) -> None:
    tried = 0
    for start, run in set(near_misses(rule)):
        tried += 1
        if (long := cost(start, run, LONG)) >= SECONDS:
            assert long < RATIO * cost(start, run, SHORT), (start, run)
    assert tried > 20


@pytest.mark.parametrize("tag", [tag.text for tag in TAGS])
def test_a_damaged_line_with_a_tag_takes_time_in_proportion_to_its_length(tag: str) -> None:
    for run in RUNS:
        if (long := cost(tag, run, LONG)) >= SECONDS:
            assert long < RATIO * cost(tag, run, SHORT), run


@pytest.mark.parametrize("hole", [b"\n\0", b"\0", b"\0\n", b"x\n\0\0"])
def test_holes_of_nul_take_time_in_proportion_to_their_length(hole: bytes) -> None:
    begin = Checkpoint(1, "", 0, 0, 0, b"", b"", False, False, 0.0)

    def seconds(size: int) -> float:
        begun = time.thread_time()
        whole_lines(begin, hole * (size // len(hole)))
        return time.thread_time() - begun

    assert seconds(512_000) < max(SECONDS, RATIO * seconds(64_000))


@pytest.mark.parametrize("hole", [b"a\n\0\0", "a\n".encode("utf-32-le")])
def test_lines_between_holes_are_numbered_in_time_in_proportion_to_their_length(tmp_path: Path, hole: bytes) -> None:
    log = tmp_path / "big_dipper.log"

    def seconds(size: int) -> float:
        log.write_bytes(hole * (size // len(hole)))
        tail = Tail(log, limit=1 << 20)
        begun = time.thread_time()
        batches = tail.read().batches
        taken = time.thread_time() - begun
        tail.close()
        assert [batch.line for batch in batches] == list(range(1, 1 + len(batches)))
        return taken

    assert seconds(160_000) < max(SECONDS, RATIO * seconds(10_000))


HEADER = b"2025-10-17 09:31:02 [INFO] "
LINES = {
    "blanks": HEADER + "❌ Cycle error: <html>".encode() + b" " * LINE_LIMIT,
    "text": b"x" * LINE_LIMIT,
    "headers": HEADER * (LINE_LIMIT // len(HEADER)),
    "docker": b'{"log":"' + b"{" * LINE_LIMIT,
    "carrier": b"worker | " * (LINE_LIMIT // 9),
    "prefix": b"a1 " * (LINE_LIMIT // 3) + HEADER,
    "stamps": b"2025-10-17 09:31:02 " * (LINE_LIMIT // 20),
    "escapes": b"\x1b[" * (LINE_LIMIT // 2),
    "titles": b"\x1b]0;" * (LINE_LIMIT // 4),
    "nul": b"\0" * LINE_LIMIT,
    "utf16": (HEADER.decode() * 20_000).encode("utf-16"),
    "returns": b"\r20" * (LINE_LIMIT // 3),
    "numbers": b"\\u2705" * (LINE_LIMIT // 6),
    "quotes": b'"' * LINE_LIMIT,
    "blanks of another form": b"2025-10-17 09:31:02 INFO " + b" " * LINE_LIMIT,
    "blanks before a level": b"2025-10-17 09:31:02" + b" " * LINE_LIMIT,
    "objects": b'{"message":' * (LINE_LIMIT // 11),
    "lists": b'{"message":' + b"[" * LINE_LIMIT,
}


def reading(line: bytes, size: int, lines: int) -> float:
    """Processor seconds to read `lines` lines that are cut at `size`, the least of three."""
    least = float("inf")
    for _ in range(3):
        reader, chunk = Reader(ZoneInfo("America/New_York")), ParsedChunk()
        begun = time.thread_time()
        reader.read(1, 0, (line[:size] + b"\n") * lines, chunk)
        least = min(least, time.thread_time() - begun)
        assert chunk.lines == lines
        if least < WHILE:
            break
    return least


@pytest.mark.parametrize("name", LINES)
@pytest.mark.parametrize("size", [LINE_LIMIT - 100, LINE_LIMIT + 100])
def test_a_chunk_of_long_lines_takes_time_in_proportion_to_their_length(name: str, size: int) -> None:
    if (long := reading(LINES[name], size, 2)) >= WHILE:
        assert long < RATIO * reading(LINES[name], size // 16, 2)


@pytest.mark.parametrize(
    "sizes", [(LINE_LIMIT,), (LINE_LIMIT - 1,), (0, LINE_LIMIT, 5), (LINE_LIMIT - 1, LINE_LIMIT + 7, LINE_LIMIT), ()]
)
def test_a_line_of_the_limit_is_too_long_and_a_shorter_one_is_not(sizes: tuple[int, ...]) -> None:
    data = b"".join(b"x" * size + b"\n" for size in sizes)
    starts = [sum(size + 1 for size in sizes[:place]) for place in range(len(sizes))]
    expected = [start for start, size in zip(starts, sizes, strict=True) if size >= LINE_LIMIT]
    assert list(long_lines(data)) == expected
    assert list(long_lines(data[:-1])) == expected


DAMAGED = {
    "without a time": b"INFO:root:[TRADE] BUY AMD 1\n",
    "of no known form": HEADER + b"[TRADE] BUY\n",
    "open messages of many streams": b'{"log":"x","stream":"%06d","time":"2025-10-17T13:31:00Z"}\n',
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_lines_are_projected_in_time_in_proportion_to_their_number(name: str) -> None:
    def seconds(lines: int) -> float:
        reader, chunk, projection = (
            Reader(ZoneInfo("America/New_York")),
            ParsedChunk(first=1),
            Projection(BotState(), Counters()),
        )
        line = DAMAGED[name]
        data = b"".join(line % number for number in range(lines)) if b"%" in line else line * lines
        begun = time.thread_time()
        reader.read(1, 0, data, chunk)
        projection.apply(chunk)
        if "streams" not in name:
            assert [damaged.line for damaged in projection.state.damaged] == list(range(lines - 9, lines + 1))
        return time.thread_time() - begun

    # The best of three: a pause of the machine is no superlinear growth.
    assert min(seconds(16_000) for _ in range(3)) < max(SECONDS, RATIO * seconds(1_000))
