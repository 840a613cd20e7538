"""Catch-up on a million lines: lines per second of processor time and memory, beside Debian's mtail in the same run.

python -m pytest tests/bench/bench_catch_up.py -m bench -s
"""

import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.bench.make_log import make_log
from tests.running import COMMAND, NEW_YORK, environment, exporter, monitor, rows
from tests.test_samples import SAMPLES

LINES = 1_000_000
ROUNDS = 3
# The least that can be asked: a total for each of the four kinds of lines, without symbol, reason, level or value.
FOUR_TOTALS = "".join(
    f"counter {name}_total\n/\\[{tag}\\]/ {{\n  {name}_total++\n}}\n"
    for name, tag in (("trades", "TRADE"), ("skips", "SKIP"), ("opportunities", "OPPORTUNITY"), ("accounts", "ACCOUNT"))
)
# The counters that the exporter makes of these lines, by their labels, in the cheapest way: the tag and the symbol are read,
# the rest of the line is not looked at.
SAME_COUNTERS = r"""
counter records_total by level
counter skips_total by symbol, reason
counter opportunities_total by symbol
counter accounts_total
counter trades_total by symbol

/^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2} \[(?P<level>[A-Z]+)\] / {
  records_total[$level]++
}
/\[SKIP\] (?P<symbol>[A-Z0-9.\/-]{1,15}) Dip/ {
  skips_total[$symbol]["below_absolute_min"]++
}
/\[OPPORTUNITY\] (?P<symbol>[A-Z0-9.\/-]{1,15}) / {
  opportunities_total[$symbol]++
}
/\[ACCOUNT\] / {
  accounts_total++
}
/\[TRADE\] BUY (?P<symbol>[A-Z0-9.\/-]{1,15}):/ {
  trades_total[$symbol]++
}
"""
# Those, and the values: what the exporter shows of these lines, each at the time of its line.
SAME_SERIES = r"""
counter lines_total
counter records_total by level
counter cycles_total
counter trades_total by symbol
counter skips_total by symbol, reason
counter opportunities_total by symbol
gauge equity_usd
gauge cash_usd
gauge leverage_ratio
gauge unrealized_pl_usd
gauge cycle_number
gauge trade_price_usd by symbol

/$/ {
  lines_total++
}
/^(?P<date>\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}) \[(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL)\] / {
  strptime($date, "2006-01-02 15:04:05")
  records_total[$level]++
  /\[SKIP\] (?P<symbol>[A-Z0-9.\/-]{1,15}) Dip -?\d+\.\d+% < absolute min/ {
    skips_total[$symbol]["below_absolute_min"]++
  }
  /\[OPPORTUNITY\] (?P<symbol>[A-Z0-9.\/-]{1,15}) -?\d+\.\d+% @ \$\d+\.\d+ score=\d+\.\d+x/ {
    opportunities_total[$symbol]++
  }
  /\[ACCOUNT\] equity=\$(?P<equity>-?\d+\.\d+) cash=\$(?P<cash>-?\d+\.\d+) leverage=(?P<leverage>\d+\.\d+)% margin_debt=\$\d+\.\d+ pl=\$(?P<pl>-?\d+\.\d+) / {
    equity_usd = $equity
    cash_usd = $cash
    leverage_ratio = $leverage
    unrealized_pl_usd = $pl
  }
  /\[TRADE\] BUY (?P<symbol>[A-Z0-9.\/-]{1,15}): \d+\.\d+ shares @ \$(?P<price>\d+\.\d+) = / {
    trades_total[$symbol]++
    trade_price_usd[$symbol] = $price
  }
  /Cycle #(?P<number>\d+)/ {
    cycles_total++
    cycle_number = $number
  }
}
"""  # noqa: E501 - a pattern of mtail's is one line


# Small, so that its child begins small: a process inherits the greatest size of the one that made it.
LAUNCHER = """
import os, resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stderr=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(done.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss)
"""


class Cost(NamedTuple):
    """Processor seconds (user and system), seconds on the wall, greatest resident size in MiB, output."""

    cpu: float
    wall: float
    mib: float
    out: str


def cost(args: Sequence[str | Path], env: dict[str, str] | None = None) -> Cost:
    """Run a process to its end."""
    begun = time.monotonic()
    launch = [sys.executable, "-S", "-E", "-c", LAUNCHER, *map(str, args)]
    out = subprocess.run(launch, capture_output=True, text=True, env=env, check=True).stdout
    code, cpu, kib = out.splitlines()[-1].split()
    assert code == "0"
    return Cost(float(cpu), time.monotonic() - begun, int(kib) / 1024, out)


def mtail(program: str, log: Path, folder: Path) -> Cost:
    """mtail's own one-shot mode on one program."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "program.mtail").write_text(program)
    # Any port: it listens in this mode too, and its own port may be taken.
    one_shot = ("-one_shot", "-one_shot_format", "prometheus", "-port", "0")
    return cost(["mtail", *one_shot, "-logtostderr", "-progs", folder, "-logs", log])


def ours(log: Path, folder: Path) -> Cost:
    """`ingest` into a new archive, durable at every commit."""
    for path in folder.glob("bigdipper.db*"):
        path.unlink()
    args = ("ingest", "--log.path", log, "--archive.path", folder / "bigdipper.db", "--log.timezone", NEW_YORK)
    return cost([*COMMAND, *args], environment(PYTHONPATH=str(Path(__file__).parents[2])))


@pytest.mark.bench
@pytest.mark.skipif(shutil.which("mtail") is None, reason="needs mtail (Debian's package of that name)")
def test_lines_per_processor_second_beside_mtail(tmp_path: Path) -> None:
    log = tmp_path / "big_dipper.log"
    make_log(log, LINES)
    lines = log.read_bytes().count(b"\n")
    programs = {"mtail, four totals": FOUR_TOTALS, "mtail, same counters": SAME_COUNTERS, "mtail, same series": SAME_SERIES}
    runs: dict[str, list[Cost]] = {"exporter": [], **{name: [] for name in programs}}
    for _ in range(ROUNDS):
        runs["exporter"].append(ours(log, tmp_path))
        for name, program in programs.items():
            runs[name].append(mtail(program, log, tmp_path / "mtail"))
    best = {name: min(costs) for name, costs in runs.items()}
    archived = rows(tmp_path / "bigdipper.db", "SELECT symbol, count(*) FROM trades GROUP BY symbol")
    for name in programs:
        # All of them have counted the same lines.
        counted = [int(line.rsplit(" ", 1)[1]) for line in best[name].out.splitlines() if line.startswith("trades_total{")]
        assert sum(counted) == sum(count for _, count in archived), name
    print(f"\n{lines:,} lines, {log.stat().st_size / 1e6:.0f} MB; best of {ROUNDS} by processor time")
    for name, one in best.items():
        ratio = one.cpu / best["exporter"].cpu
        print(
            f"{name:21} {one.cpu:5.2f} s CPU {one.wall:5.1f} s wall {lines / one.cpu:9,.0f} lines/CPU s {one.mib:5.1f} MiB"
            f"  exporter is {ratio:.2f} times as fast"
        )


@pytest.mark.bench
def test_memory_of_a_running_exporter_at_catch_up(tmp_path: Path) -> None:
    make_log(tmp_path / "big_dipper.log", LINES)
    lines = (tmp_path / "big_dipper.log").read_bytes().count(b"\n")
    with exporter(tmp_path) as one:
        one.wait_lines(lines)
        one.get("/metrics")
        status = Path(f"/proc/{one.process.pid}/status").read_text()
        sizes = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("Vm")}
        print(f"\nrun, after {lines:,} lines: {sizes['VmHWM']:.1f} MiB at most, {sizes['VmRSS']:.1f} MiB now")


@pytest.mark.bench
def test_size_of_a_year_at_debug(tmp_path: Path) -> None:
    """A month of v2.18 at DEBUG, one cycle a minute from 04:00 to 20:00 on every day: the sample's own cycles in a row."""
    text = SAMPLES[-1].read_text()
    starts = [match for match in range(len(text)) if text.startswith("] \n====", match)]
    cycles = [text[text.rfind("\n", 0, a) + 1 : text.rfind("\n", 0, b) + 1] for a, b in pairwise(starts)]
    scanning = [cycle for cycle in cycles if "Scan complete" in cycle]
    first, days = datetime(2025, 11, 3, 4), 30
    with monitor(tmp_path) as one, one.log.open("w") as log:
        for number in range(days * 960):
            now = first + timedelta(days=number // 960, minutes=number % 960)
            cycle = scanning[number % len(scanning)]
            log.write(cycle.replace(cycle[:19], now.strftime("%Y-%m-%d %H:%M:%S")))
            if number % 960 == 959:
                log.flush()
                one.catch_up()
        one.store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size, lines = one.archive.stat().st_size, one.value("bigdipper_log_lines_total")
    year = size / days * 365 / 1e6
    print(f"\n{days} days at DEBUG: {lines:,.0f} lines, {size / 1e6:.1f} MB; a year, weekends included: {year:.0f} MB")
    with closing(sqlite3.connect(one.archive)) as connection:
        sql = "SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC LIMIT 8"
        try:
            print(", ".join(f"{name} {used / 1e6:.1f}" for name, used in connection.execute(sql)))
        except sqlite3.Error:
            print("(this SQLite cannot say what takes the space)")
