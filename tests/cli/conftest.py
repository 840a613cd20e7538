"""A log to ask about, and an archive."""

from pathlib import Path

import pytest

from tests.cli.asked import SAMPLE
from tests.oracle import unix
from tests.running import monitor


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "big_dipper.log"
    path.write_bytes(SAMPLE.read_bytes())
    return path


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All samples in one archive, and rows of the broker's tables."""
    folder = tmp_path_factory.mktemp("export")
    with monitor(folder) as one:
        one.log.write_bytes(b"".join(path.read_bytes() for path in sorted(SAMPLE.parent.glob("*.log"))))
        one.catch_up()
        execute = one.store.connection.execute
        for day in (15, 17):
            ts = unix(f"2025-10-{day} 12:00:00")
            order = f"('o{day}', 'AMD', 'filled', 'x', {ts})"
            execute(f"INSERT INTO orders (order_id, symbol, status, date, submitted) VALUES {order}")
            execute(f"INSERT INTO fills VALUES ('f{day}', {ts}, 'x', 'A,\"M\nD', 'buy', 1, 2.5, 2.5, NULL, NULL, NULL)")
            execute(f"INSERT INTO activities (activity_id, ts, date, type) VALUES ('a{day}', {ts}, 'x', 'DIV')")
        return one.archive
