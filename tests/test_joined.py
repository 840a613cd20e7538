"""A line behind one or more that were cut is read, and a line that another one quotes is not: tried at random."""

import random
from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest

from bigdipper_exporter.log.grammar import RULES
from bigdipper_exporter.log.headers import SEPARATORS
from bigdipper_exporter.log.parser import Reader
from bigdipper_exporter.log.records import ParsedChunk
from bigdipper_exporter.log.rule import Event, Malformed

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
MESSAGES = [example for rule in RULES for example in rule.examples if "\n" not in example]
QUOTING = ("❌", "rror", "FAILED")
OWN = [message for message in MESSAGES if not any(word in message for word in QUOTING)]
FOREIGN = [message for message in MESSAGES if "error: " in message or "error - " in message]
BEGINNINGS = [b"", b"bot-1  | ", b"Oct 17 09:31:05 host bot[7]: ", b"\x1b[32m"]
ENDS = [b"\n", b"\r\n"]
LAST = "[TRADE] BUY LAST: 1.0000 shares @ $1.00 = $1.00 (order 6f1c2a9e)"


def read(data: bytes) -> list[Event]:
    reader, chunk = Reader(ZoneInfo("America/New_York")), ParsedChunk()
    reader.read(1, 0, data, chunk)
    return [record.event for record in chunk.records]


def line(rng: random.Random, message: str, second: int) -> bytes:
    stamp = rng.choice(("2025-10-17 09:31:{:02}", "2025-10-17 09:31:{:02},123", "2025-10-17T09:31:{:02}")).format(second)
    return f"{stamp} [{rng.choice(LEVELS)}] {message}".encode()


def split(events: list[Event]) -> tuple[list[Event], list[str]]:
    """The events that were read, and the kinds of those that could not be."""
    whole = [event for event in events if not isinstance(event, Malformed)]
    return whole, [event.kind for event in events if isinstance(event, Malformed)]


@pytest.mark.parametrize("seed", range(40))
def test_the_last_of_joined_lines_is_read_and_the_rest_is_one_malformed_line(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(100):
        message, end, begin = rng.choice(OWN), rng.choice(ENDS), rng.choice(BEGINNINGS)
        (expected,) = read(line(rng, message, 9) + end)
        cut = b"".join(cut_line(rng, second) for second in range(rng.randint(1, 3)))
        first = begin + line(rng, LAST, 0) + end
        whole, malformed = split(read(first + begin + cut + line(rng, message, 9) + end + first))
        assert whole == [*read(first), expected, *read(first)], (cut, message)
        assert malformed == ["joined"], (cut, message)


def cut_line(rng: random.Random, second: int) -> bytes:
    """The beginning of a line of the bot's own words, cut in its message or behind it."""
    text = line(rng, rng.choice(OWN), second)
    least = text.index(b"] ") + 3
    while True:
        cut = text[: rng.randint(least, len(text))]
        # A beginning that is no known form is only known for a cut one by what stands before the next line.
        if cut[-1] not in SEPARATORS:
            return cut


@pytest.mark.parametrize("seed", range(20))
def test_a_line_behind_a_header_that_is_cut_is_read(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(100):
        header = rng.choice((b"2025-10-17 09:31:05 [INFO]", b"2025-10-17T09:31:05,123 [WARNING]"))
        cut = header[: rng.randint(1, len(header) - 1)]
        whole, malformed = split(read(line(rng, LAST, 0) + b"\n" + cut + line(rng, LAST, 1) + b"\n"))
        # A whole time without a level may be that of a container.
        assert len(whole) == 2, cut
        assert malformed in (["joined"], ["timestamp"], []), cut


def quoted_by_an_error(rng: random.Random, inner: bytes) -> bytes:
    message = rng.choice(FOREIGN)
    at = message.index("rror") + rng.randint(4, len(message) - message.index("rror"))
    return line(rng, message, 5) + rng.choice((b" ", b"", b'"', b": ", b"ab")) + inner if at else b""


def quoted_with_a_separator(rng: random.Random, inner: bytes) -> bytes:
    return line(rng, "last line was", 5) + rng.choice((b" ", b' "', b" '", b" (", b" [", b"\t")) + inner


def on_a_further_line(rng: random.Random, inner: bytes) -> bytes:
    return (
        line(rng, "❌ Cycle error: no", 5)
        + b"\n"
        + rng.choice((b" ", b"  ", b"\t", b"    >> ", b"log: ", b"Traceback: "))
        + inner
    )


def of_an_earlier_time(rng: random.Random, inner: bytes) -> bytes:
    return line(rng, "Watching:", 59) + inner


@pytest.mark.parametrize("quote", [quoted_by_an_error, quoted_with_a_separator, on_a_further_line, of_an_earlier_time])
@pytest.mark.parametrize("seed", range(10))
def test_a_line_that_is_quoted_is_never_an_event(quote: Callable[[random.Random, bytes], bytes], seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(50):
        evil = line(rng, LAST.replace("LAST", "EVIL"), 9)
        events = read(line(rng, LAST, 0) + b"\n" + quote(rng, evil) + b"\n" + line(rng, LAST, 59) + b"\n")
        assert [getattr(event, "symbol", None) for event in events if type(event).__name__ == "Trade"] == ["LAST", "LAST"]


@pytest.mark.parametrize(
    "text", ["at 2025-10-17 09:31:05", "since 2025-10-17T09:31:05Z [x]", "2025-10-17 09:31:05 INFO [INFO]"]
)
def test_a_message_that_names_a_time_is_one_line(text: str) -> None:
    rng = random.Random(1)
    for message in ("[SKIP] AMD " + text, "❌ Cycle error: " + text):
        (event,) = read(line(rng, message, 5) + b"\n")
        assert not isinstance(event, Malformed)
