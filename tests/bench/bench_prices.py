"""What five years of prices of 45 symbols cost: CPU of everything that follows from them, size of the archive, memory.

python -m pytest tests/bench/bench_prices.py -m bench -s
"""

import json
import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from bigdipper_exporter.archive.store import Store
from bigdipper_exporter.calendar import NEW_YORK, is_trading_day
from tests.grafana.synthetic import SYMBOLS

FIRST, LAST = date(2020, 11, 25), date(2025, 11, 25)
GOAL_CPU, GOAL_MB, GOAL_MIB = 60, 80, 100
DERIVED = (
    *("prices_daily", "dip_lines", "dip_triggers", "dip_episodes", "dip_outcomes", "positions_daily", "lots", "trade_figures"),
    *("threshold_signals", "replay_checks"),
)
HELD = 20  # sessions between a purchase and its sale
DIP = "INSERT INTO opportunities (id, ts, date, symbol, dip_percent, price, outcome) VALUES (?, ?, ?, ?, -6, 90, 'submitted')"
MISSED = "INSERT INTO skips (id, ts, date, symbol, reason, detail, dip_percent) VALUES (?, ?, ?, ?, 'leverage_limit', '', -6)"
FILL = "INSERT INTO fills (activity_id, ts, date, symbol, side, quantity, price) VALUES (?, ?, ?, ?, ?, 1, ?)"
BAR = "INSERT INTO prices_daily VALUES (?, ?, ?, ?, ?, ?, 1e6, 1000, ?, 'sip', 0, 1)"


def filled(path: Path) -> None:
    """An archive with the bars, a dip that was bought and one that was missed on each session, and nothing that was derived."""
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
            ts, symbol = datetime.fromisoformat(f"{day}T11:00").replace(tzinfo=NEW_YORK).timestamp(), chance.choice(SYMBOLS)
            connection.execute(
                "INSERT INTO trades (id, ts, date, symbol, quantity, price, total_value) VALUES (?, ?, ?, ?, 1, 90, 90)",
                (number, ts, day, symbol),
            )
            connection.execute(DIP, (number, ts, day, symbol))
            connection.execute(MISSED, (number, ts + 600, day, chance.choice(SYMBOLS)))
            connection.execute(FILL, (f"b{number}", ts + 60, day, symbol, "buy", 90))
            if number + HELD < len(sessions):
                connection.execute(FILL, (f"s{number}", ts + HELD * 86400 * 1.5, sessions[number + HELD], symbol, "sell", 95))
    store.connection.close()
    store.close()


DERIVE = """
import json, resource, sqlite3, sys
from bigdipper_exporter.archive.prices import figures
from bigdipper_exporter.archive.prices.wanted import Scope
connection = sqlite3.connect(sys.argv[1])
scope = Scope("SPY", 5 * 365 * 86400.0, 0.0, tuple(sys.argv[3].split(",")))
taken = []
for _ in range(2):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    with connection:
        figures.write(connection, figures.derive(connection, scope, float(sys.argv[2])))
    taken.append(resource.getrusage(resource.RUSAGE_SELF).ru_utime - before)
peak = int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) / 1024
json.dump([*taken, peak], sys.stdout)
"""


@pytest.mark.bench
def test_rebuild_of_five_years(tmp_path: Path) -> None:
    path = tmp_path / "archive.db"
    filled(path)
    now = time.mktime(LAST.timetuple()) + 90_000
    command = [sys.executable, "-c", DERIVE, str(path), str(now), ",".join(SYMBOLS)]
    rebuilt, again, peak = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    size = sum(file.stat().st_size for file in tmp_path.iterdir()) / 1e6
    print(f"\nprices of five years, {len(SYMBOLS) + 1} symbols: figure, goal")
    for what, figure, goal, unit in (
        ("rebuild of all figures", rebuilt, GOAL_CPU, "s of CPU"),
        ("the same a day later", again, GOAL_CPU, "s of CPU"),
        ("size of the archive", size, GOAL_MB, "MB"),
        ("peak memory of the process", peak, GOAL_MIB, "MiB"),
    ):
        print(f"{what:28}{figure:8.1f}{goal:6} {unit}{'  <- over' if figure > goal else ''}")
    with closing(sqlite3.connect(path)) as connection:
        rows = {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in DERIVED}
    print(", ".join(f"{table} {count:,} rows" for table, count in rows.items()))
    assert all(rows.values()), "something was not rebuilt, so that its time is not in the figures"
    assert size < GOAL_MB
