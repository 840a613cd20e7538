"""A monitor of a bot."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import Monitor, monitor


@pytest.fixture
def bot(tmp_path: Path) -> Iterator[Monitor]:
    with monitor(tmp_path) as one:
        yield one
