"""What five years of prices of 45 symbols cost: CPU of everything that follows from them, size of the archive, memory.

python -m pytest tests/bench/bench_prices.py -m bench -s
"""

import random
import subprocess
import sys
import textwrap
import time
from datetime import date, timedelta
from pathlib import Path

import pytest

from bigdipper_exporter.archive.store import Store
from bigdipper_exporter.calendar import is_trading_day
from tests.grafana.synthetic import SYMBOLS

FIRST, LAST = date(2020, 11, 25), date(2025, 11, 25)
GOAL_CPU, GOAL_MB, GOAL_MIB = 60, 80, 100
BAR = "INSERT INTO prices_daily VALUES (?, ?, ?, ?, ?, ?, 1e6, 1000, ?, 'sip', 0, 1)"


def filled(path: Path) -> None:
    """An archive with the bars, a purchase of some symbol on each session, and nothing that was derived."""
    chance = random.Random(3)
    days = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
    sessions = [day.isoformat() for day in days if is_trading_day(day)]
    store = Store(path)
    with store.transaction() as connection:
        for symbol in (*SYMBOLS, "SPY"):
            close = 100.0
            for day in sessions:
                opened, close = close, close * (1 + chance.gauss(0.0005, 0.02))
                high, low = max(opened, close) * 1.005, min(opened, close) * 0.995
                connection.execute(BAR, (symbol, day, opened, high, low, close, close))
            connection.execute("INSERT INTO price_coverage VALUES (?, ?, ?, NULL, 0)", (symbol, sessions[0], sessions[-1]))
        for number, day in enumerate(sessions):
            ts = time.mktime(date.fromisoformat(day).timetuple()) + 60_000
            connection.execute(
                "INSERT INTO trades (id, ts, date, symbol, quantity, price, total_value) VALUES (?, ?, ?, ?, 1, 90, 90)",
                (number, ts, day, chance.choice(SYMBOLS)),
            )
    store.connection.close()
    store.close()


DERIVE = """
import resource, sqlite3, sys, time
from datetime import date
from bigdipper_exporter.archive.prices import figures
from bigdipper_exporter.archive.prices.wanted import Scope
connection = sqlite3.connect(sys.argv[1])
scope = Scope("SPY", 5 * 365 * 86400.0, 0.0, tuple(sys.argv[3].split(",")))
now = float(sys.argv[2])
for what in ("all of it", "again"):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    with connection:
        figures.write(connection, figures.derive(connection, scope, now))
    print(f"{what}: {resource.getrusage(resource.RUSAGE_SELF).ru_utime - before:.1f} s of CPU")
peak = int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) / 1024
print(f"peak memory {peak:.0f} MiB")
for table in ("prices_daily", "dip_lines", "threshold_signals", "replay_checks"):
    print(table, connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
"""


@pytest.mark.bench
def test_rebuild_of_five_years(tmp_path: Path) -> None:
    path = tmp_path / "archive.db"
    filled(path)
    now = time.mktime(LAST.timetuple()) + 90_000
    command = [sys.executable, "-c", textwrap.dedent(DERIVE), str(path), str(now), ",".join(SYMBOLS)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    size = sum(file.stat().st_size for file in tmp_path.iterdir()) / 1e6
    print(f"\n{said}archive {size:.0f} MB; goals: {GOAL_CPU} s, {GOAL_MB} MB, {GOAL_MIB} MiB")
