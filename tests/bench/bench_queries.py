"""How long each panel's SQL takes on five years of a bot: at the board's own time, and at all five years.

python -m pytest tests/bench/bench_queries.py -m bench -s
"""

import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.grafana import synthetic
from tests.grafana.asked import fill, statements

YEARS = 5
GOAL_MS = 100
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five years: some 1.2 million cycles, as many polls, 1.4 million position snapshots, 1.8 million hourly sums."""
    return synthetic.archive(tmp_path_factory.mktemp("years") / "archive.db", YEARS * 365, NOW)


@pytest.mark.bench
def test_time_of_every_statement(archive: Path) -> None:
    until = NOW.timestamp()
    figures = []
    connection = sqlite3.connect(f"file:{archive}?mode=ro", uri=True)
    for asked in statements():
        taken = []
        for span in (asked.span, YEARS * 365 * 86400):
            sql = fill(asked.sql, until - span, until, synthetic.SYMBOLS, asked.points)
            taken.append(min(_milliseconds(connection, sql) for _ in range(3)))
        figures.append((taken[0], taken[1], str(asked)))
    connection.close()
    size = archive.stat().st_size / 1e6
    print(f"\n{YEARS} years, {size:.0f} MB, SQLite {sqlite3.sqlite_version}; best of three, in milliseconds")
    print(f"{'own time':>9} {'5 years':>9}  panel")
    for own, all_years, name in sorted(figures, reverse=True):
        print(f"{own:9.1f} {all_years:9.1f}  {name}{'  <- over ' + str(GOAL_MS) if own > GOAL_MS else ''}")
    print(
        f"{sum(own <= GOAL_MS for own, *_ in figures)} of {len(figures)} within {GOAL_MS} ms at their own time, "
        f"{sum(all_years <= GOAL_MS for _, all_years, _ in figures)} at five years"
    )


def _milliseconds(connection: sqlite3.Connection, sql: str) -> float:
    started = time.perf_counter()
    connection.execute(sql).fetchall()
    return 1000 * (time.perf_counter() - started)
