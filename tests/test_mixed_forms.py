"""What is read of a log that mixes other forms with the bot's own depends on the order of the lines, not on the pieces."""

import json
import random
from collections.abc import Callable
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from bigdipper_exporter.counters import Counters
from bigdipper_exporter.log.parser import Reader
from bigdipper_exporter.log.records import OFFSET_MASK, ParsedChunk
from bigdipper_exporter.projection import Projection
from bigdipper_exporter.projection.state import BotState
from tests.forms import MESSAGES, READ, TRADE, Write, plain, utc

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
        data = plain(5, *MESSAGES[0]).encode() + b"\n" + damaged(random_, lines[0]) + b"\n" + lines[1] + b"\n"
        data += READ[form](number % 50, *MESSAGES[0]).encode() + b"\n" + OWN
        chunk = ParsedChunk()
        reader.read(1, offset, data, chunk)
        offset += len(data)
        assert [getattr(record.event, "symbol", "") for record in chunk.records][-1] == "LAST", data
        projection.apply(chunk)
        projection.state.keep(reader)
        BotState.from_json(projection.state.to_json())
        projection.commit()


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


def docker(write: Write) -> Write:
    """Lines of this form, each in an object of Docker."""
    return lambda second, level, text: json.dumps(
        {"log": write(second, level, text) + "\n", "stream": "stderr", "time": utc(second)},
        separators=(",", ":"),
        ensure_ascii=False,
    )


def behind(prefix: str) -> Callable[[Write], Write]:
    return lambda write: lambda second, level, text: prefix.format(second=second, utc=utc(second)) + write(second, level, text)


CARRIERS: dict[str, Callable[[Write], Write]] = {
    "compose": behind("bot-1  | "),
    "journald": behind("Oct 17 09:31:{second:02} host bot[7]: "),
    "journald's export format": behind("MESSAGE="),
    "kubernetes": behind("{utc} stderr F "),
    "kubectl": behind("[pod/bot-1 bot] "),
    "an unknown prefix": behind("worker {second} >> "),
    "docker": docker,
}


@pytest.mark.parametrize("carrier", CARRIERS)
def test_pieces_of_any_size_have_the_same_events_where_some_lines_are_carried(carrier: str) -> None:
    random_ = random.Random(carrier)
    for _ in range(100):
        names = random_.sample(FORMS, 2)
        carried = [CARRIERS[carrier](write) for write in (plain, READ[names[0]])]
        forms = [plain, READ[names[1]], *carried]
        lines = [line_of(random_, forms).encode() + b"\n" for _ in range(random_.randint(3, 14))]
        cuts = sorted(random_.sample(range(1, len(lines)), random_.randrange(1, len(lines))))
        assert read(lines, cuts) == read(lines, []), b"".join(lines).decode()


@pytest.mark.parametrize("carrier", sorted(CARRIERS.keys() - {"an unknown prefix"}))
def test_carried_lines_of_another_form_are_read_beside_the_bots_own(carrier: str) -> None:
    carried = CARRIERS[carrier](READ["loguru"])
    lines = [OWN, carried(51, "INFO", TRADE.format("AMD", 51)).encode() + b"\n", OWN]
    for size in (1, 2, 100):
        assert kinds(lines, size) == ["Trade"] * 3


def events_of(lines: list[str], size: int) -> list[str]:
    return kinds([line.encode() + b"\n" for line in lines], size)


OTHER = READ["loguru"]
QUOTED = [plain(second, "INFO", TRADE.format("EVIL", second)) for second in range(3, 9)]


@pytest.mark.parametrize("size", [1, 3, 100])
def test_a_line_of_the_bots_own_form_that_an_error_in_another_form_quotes_is_no_event(size: int) -> None:
    error = OTHER(8, "ERROR", "❌ Cycle error: the log said")
    lines = [OTHER(7, *MESSAGES[0]), error, "Traceback (most recent call last):", *QUOTED, OTHER(9, *MESSAGES[1])]
    assert events_of(lines, size) == ["Start", "Error", "Trade"]
    # Lines with the bot's header that follow a message of its own words are its own.
    assert events_of([OTHER(7, *MESSAGES[0]), QUOTED[5], OTHER(9, *MESSAGES[1])], size) == ["Start", "Trade", "Trade"]
    # In containers, where each line has a time, what comes later is no quotation.
    carried = [docker(OTHER)(7, *MESSAGES[0]), docker(OTHER)(8, "ERROR", "❌ Cycle error: no")]
    carried += [docker(plain)(second, "INFO", TRADE.format("MSFT", second)) for second in (8, 30)]
    assert events_of(carried, size) == ["Start", "Error", "Trade"]


@pytest.mark.parametrize("text", [[], ["Traceback (most recent call last):", "  File x"]])
@pytest.mark.parametrize("old", ["plain", "loguru"])
@pytest.mark.parametrize("new", ["plain", "structlog", "loguru"])
def test_a_bot_that_goes_on_in_another_form_behind_an_error_is_read_without_its_start(
    old: str, new: str, text: list[str]
) -> None:
    forms = READ | {"plain": plain}
    error = [forms[old](5, *MESSAGES[0]), forms[old](6, "ERROR", "❌ Cycle error: no"), *text]
    later = [forms[new](second, "INFO", TRADE.format("AMD", second)) for second in range(7, 20)]
    for size in (1, 3, 100):
        assert events_of(error + later, size) == ["Start", "Error", *["Trade"] * 13]
        if old != new:
            # Older lines are quoted, and so are those before the next one of the old form.
            assert events_of([forms[old](30, *MESSAGES[0]), *error[1:2], *text], size) == ["Start", "Error"]
            older = [forms[old](30, *MESSAGES[0]), forms[old](30, "ERROR", "❌ Cycle error: no"), *text, *later]
            assert events_of(older, size) == ["Start", "Error"]
            assert events_of([*error, *later[:7], forms[old](40, *MESSAGES[4])], size) == ["Start", "Error", "Cycle"]
    # Of another program, nothing is believed, and it hides nothing.
    others = [READ["structlog"](second, "info", "checkpoint complete") for second in range(7, 30)]
    if old == "plain":
        assert events_of([*error, *others, plain(40, *MESSAGES[1])], 3) == ["Start", "Error", "Trade"]


@pytest.mark.parametrize("form", FORMS)
def test_an_older_file_in_another_form_is_read_after_an_error_of_a_newer_one(form: str) -> None:
    reader, chunks = Reader(ZoneInfo("America/New_York")), [ParsedChunk(), ParsedChunk()]
    reader.read(1, 0, READ["loguru"](50, "ERROR", "❌ Cycle error: no").encode() + b"\nTraceback\n", chunks[0])
    for offset, write in ((0, READ[form]), (10_000, plain)):
        data = "".join(write(5 + number, "INFO", TRADE.format("AMD", number)) + "\n" for number in range(3))
        reader.read(2 + bool(offset), 0, data.encode(), chunks[1])
    assert [type(record.event).__name__ for record in chunks[1].records] == ["Trade"] * 6


@pytest.mark.parametrize("before", [*READ, "the bot's own"])
def test_after_each_form_every_other_is_read(before: str) -> None:
    forms = {**READ, "the bot's own": plain}
    for name, write in forms.items():
        lines = [forms[before](second, "INFO", TRADE.format("OLD", second)) for second in range(5, 20)]
        lines += [write(second, "INFO", TRADE.format("NEW", second)) for second in range(20, 50)]
        found = read([line.encode() + b"\n" for line in lines], [])
        assert len(found) == len(lines), name
