"""What the tests of the archive share."""

import os
from pathlib import Path

import pytest

from tests.running import Exporter

ROOT = Path(__file__).parent.parent.parent
SAMPLE = ROOT / "tests" / "samples" / "big_dipper_v2.18.log"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: another user, a mount")


def cycles(first: int, count: int) -> bytes:
    """Cycles that each leave an account row and a trade."""
    return "".join(
        f"2025-10-17 {9 + n // 60:02}:{n % 60:02}:00 [INFO] Cycle #{n}\n"
        f"2025-10-17 {9 + n // 60:02}:{n % 60:02}:01 [INFO] [ACCOUNT] equity=${n}.00 cash=$1.00 leverage=0.0%\n"
        f"2025-10-17 {9 + n // 60:02}:{n % 60:02}:02 [INFO] [TRADE] BUY AMD 10 @ $1.00 = $10.00\n"
        for n in range(first, first + count)
    ).encode()


def append(one: Exporter, data: bytes) -> None:
    with one.log.open("ab") as log:
        log.write(data)
