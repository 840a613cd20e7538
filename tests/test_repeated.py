"""Lines that two files have in common are found whatever their number, and at a bounded cost."""

import random
import time

import pytest

from bigdipper_exporter.log import repeated
from bigdipper_exporter.log.checksums import LineSums
from bigdipper_exporter.log.repeated import Known
from bigdipper_exporter.log.wording import WIDTH, packed

# As many as the longest generation whose checksums are kept.
LINES = 600_000


@pytest.mark.parametrize("singly", [0, 16, 1000])
def test_pairs_that_are_looked_for_singly_are_those_that_are_looked_for_at_once(
    monkeypatch: pytest.MonkeyPatch, singly: int
) -> None:
    monkeypatch.setattr(repeated, "MOST_SINGLY", singly)
    random_ = random.Random(singly)
    for _ in range(300):
        # Few different lines, so that many pairs are the same; a checksum may hold parts of others.
        values = [random_.choice((0, 1, 1 << 8, 1 << 16, 1 << 24)) for _ in range(random_.randint(0, 12))]
        others = [random_.choice((0, 1, 1 << 8, 1 << 16, 1 << 24)) for _ in range(random_.randint(0, 30))]
        known = Known([LineSums(1, 0, 1, packed(others))])
        known.at = random_.randint(0, len(others))
        rest = list(zip(others[known.at :], others[known.at + 1 :], strict=False))
        expected = {line for line in range(len(values) - 1) if (values[line], values[line + 1]) in rest}
        assert known.common(packed(values)) == expected


def test_a_few_new_lines_cost_little_beside_a_long_generation() -> None:
    random_ = random.Random(1)
    known = Known([LineSums(1, 0, 1, random_.randbytes(WIDTH * LINES))])

    def cost(lines: int) -> float:
        begun = time.process_time()
        known.common(random_.randbytes(WIDTH * lines))
        return time.process_time() - begun

    few, many = (min(cost(lines) for _ in range(5)) for lines in (4, 1000))
    assert few < many / 2
