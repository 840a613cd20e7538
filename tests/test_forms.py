"""What is read of a log that mixes other forms with the bot's own depends on the order of the lines, not on the pieces."""

import random
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from bigdipper_exporter.log.parser import ParsedChunk, Reader
from tests.cli.test_forms import MESSAGES, READ, Write, plain

# Whole lines of their own carriers, and dates that are as long as the bot's, come in files of one form alone.
FORMS = sorted(READ.keys() - {"objects in docker's", "objects behind compose's prefix", "dots", "slashes"})
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
