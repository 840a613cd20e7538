"""What is read of a log that mixes other forms with the bot's own depends on the order of the lines, not on the pieces."""

import random
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from bigdipper_exporter.counters import Counters
from bigdipper_exporter.log.parser import OFFSET_MASK, ParsedChunk, Reader
from bigdipper_exporter.projection import Projection
from bigdipper_exporter.projection.state import BotState
from tests.forms import MESSAGES, READ, TRADE, Write, plain

# Whole lines of their own carriers come in files of one form alone.
FORMS = sorted(READ.keys() - {"objects in docker's", "objects behind compose's prefix"})
OTHERS = ["Traceback (most recent call last):", "  File x", "", "======"]


def line_of(random_: random.Random, forms: list[Write]) -> str:
    """A line in one of these forms, or text between lines."""
    texts = [*MESSAGES, ("INFO", "of no kind"), ("ERROR", "Error: of no kind")]
    if random_.random() < 0.2:
        return random_.choice(OTHERS)
    return random_.choice(forms)(random_.randrange(5, 50), *random_.choice(texts))


def read(lines: list[bytes], cuts: list[int]) -> list[tuple[int, str]]:
    """The events, with the positions of their lines, of lines that are read in pieces between `cuts`."""
    reader, found, offset = Reader(ZoneInfo("America/New_York")), list[tuple[int, str]](), 0
    for start, end in pairwise([0, *cuts, len(lines)]):
        chunk, data = ParsedChunk(), b"".join(lines[start:end])
        reader.read(1, offset, data, chunk)
        offset += len(data)
        found += [(record.id, repr(record.event)) for record in chunk.records]
    return sorted(found)


@pytest.mark.parametrize("seed", range(20))
def test_pieces_of_any_size_have_the_same_events(seed: int) -> None:
    random_ = random.Random(seed)
    for _ in range(40):
        forms = [plain, *(READ[name] for name in random_.sample(FORMS, 2))]
        lines = [line_of(random_, forms).encode() + b"\n" for _ in range(random_.randint(3, 14))]
        cuts = sorted(random_.sample(range(1, len(lines)), random_.randrange(1, len(lines))))
        assert read(lines, cuts) == read(lines, []), b"".join(lines).decode()


DAMAGE = [
    text.encode("utf-8", "surrogatepass") for text in ("İ", "ſ", "\u212a", "٣", "\x85", "\u2028", "\ud800", "\\ud800", "\\")
]
DAMAGE += [
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b"null",
    b"[]",
    b"{}",
    b"1e999",
    b"9" * 20,
    b"9" * 5000,
    b"0000",
    b"-",
    b" ",
    b"",
]
OWN = plain(50, "INFO", TRADE.format("LAST", 50)).encode() + b"\n"


def damaged(random_: random.Random, line: bytes) -> bytes:
    """The line with a few bytes, or a whole word, replaced."""
    for _ in range(random_.randint(1, 2)):
        start = random_.randrange(len(line))
        end = start + random_.choice((0, 1, 1, 2, 5, len(line)))
        line = line[:start] + random_.choice((*DAMAGE, random_.randbytes(2).replace(b"\n", b""))) + line[end:]
    return line


@pytest.mark.parametrize("form", READ)
def test_damage_in_a_line_of_another_form_costs_no_other_line(form: str) -> None:
    random_ = random.Random(form)
    projection, reader, offset = Projection(BotState(), Counters()), Reader(ZoneInfo("America/New_York")), 0
    for number in range(200):
        level, message = random_.choice(MESSAGES)
        lines = [READ[form](number % 50, level, message).encode() for _ in range(2)]
        data = plain(5, *MESSAGES[0]).encode() + b"\n" + damaged(random_, lines[0]) + b"\n" + lines[1] + b"\n" + OWN
        chunk = ParsedChunk()
        reader.read(1, offset, data, chunk)
        offset += len(data)
        assert [getattr(record.event, "symbol", "") for record in chunk.records][-1] == "LAST", data
        projection.apply(chunk)
        projection.state.keep(reader)
        BotState.from_json(projection.state.to_json())
        projection.committed()


@pytest.mark.parametrize(
    "line",
    [
        "2025-10-17 09:30:00 İNFO hello",
        "2025-10-17 09:30:00,1 - root - ınfo - hello",
        "2025-10-17 09:30:00 ſuccess hello",
        "٢٠٢٥-10-17 09:30:00 INFO hello",
        r'{"level":"INFO","time":"2025-10-17 09:30:00","message":" \n\ud800"}',
        r'ts=2025-10-17T09:30:00Z level=info msg="\n\ud800"',
        r'{"level":"INFO","time":"0001-01-01T00:00:00+14:00","message":"x"}',
        '{"level":"INFO","time":[],"message":"x"}',
        '{"level":{"name":[]},"time":{"timestamp":{}},"message":"x"}',
        '{"record":{"level":{},"time":{},"message":{"name":null}}}',
    ],
)
def test_a_line_that_only_looks_like_another_form_is_no_event(line: str) -> None:
    events = read([f"{line}\n".encode(), OWN], [])
    assert [position & OFFSET_MASK for position, event in events if "Malformed" not in event] == [len(line.encode()) + 1]


ERROR = plain(6, "ERROR", "❌ Cycle error: no").encode() + b"\n"


def log_in(form: str, lines: int, first: int = 7) -> list[bytes]:
    """A start and a trade of EVIL in this form, and further lines of the bot."""
    texts = [MESSAGES[0][1], TRADE.format("EVIL", 9), *(f"Cycle #{number}" for number in range(2, lines))]
    return [READ[form](first + number, "INFO", text).encode() + b"\n" for number, text in enumerate(texts)]


def kinds(lines: list[bytes], size: int) -> list[str]:
    cuts = list(range(size, len(lines), size))
    return [event.partition("(")[0] for _, event in read(lines, cuts) if "Malformed" not in event]


@pytest.mark.parametrize("text", [b"", b"Traceback (most recent call last):\n  File x\n"])
@pytest.mark.parametrize("form", FORMS)
def test_a_start_in_another_form_behind_an_error_is_quoted_until_the_bot_goes_on_in_it(form: str, text: bytes) -> None:
    error = [ERROR, *text.splitlines(keepends=True)]
    for size in (1, 3, 100):
        assert kinds([OWN, *error, *log_in(form, 5), OWN], size) == ["Trade", "Error", "Trade"]
        assert kinds([OWN, *error, *log_in(form, 5)], size) == ["Trade", "Error"]
        assert kinds([OWN, *error, *log_in(form, 20)], size) == ["Trade", "Error", "Start", "Trade", *["Cycle"] * 18]


def test_a_start_in_another_form_is_quoted_if_its_time_is_before_that_of_the_error() -> None:
    assert kinds([OWN, ERROR, *log_in("loguru", 20, first=0)], 100) == ["Trade", "Error"]
