"""Catch-up on the real logs of each version, multiplied, at DEBUG and at INFO, beside Debian's mtail in the same run.

python -m pytest tests/bench/bench_samples.py -m bench -s
"""

import re
import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.bench.bench_catch_up import Cost, mtail, ours
from tests.running import rows
from tests.test_samples import SAMPLES

LINES = 400_000
ROUNDS = 2
DAY = re.compile(rb"(?m)^(\d{4}-\d{2}-\d{2})(?= )")
ORDER = re.compile(rb"\b([0-9a-f]{8})(?=-[0-9a-f]{4}-)")

# The series that the exporter makes of the frequent lines of all versions, each at the time of its line. Rare lines (brakes,
# halts, errors, movers) are left out, in mtail's favour.
SERIES = r"""
counter lines_total
counter records_total by level
counter cycles_total
counter trades_total by symbol
counter skips_total by symbol, reason
counter opportunities_total by symbol
counter scans_total
gauge scan_found
gauge equity_usd
gauge cash_usd
gauge cycle_number
gauge trade_price_usd by symbol

/$/ {
  lines_total++
}
/^(?P<date>\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}) \[(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL)\] / {
  strptime($date, "2006-01-02 15:04:05")
  records_total[$level]++
  /(?:\[SKIP\] )?(?P<symbol>[A-Z0-9.\/-]{1,15}):? Dip -?\d+\.\d+% < (?P<reason>absolute min|threshold)/ {
    skips_total[$symbol][$reason]++
  }
  /(?P<symbol>[A-Z0-9.\/-]{1,15}):? [Cc]ooldown/ {
    skips_total[$symbol]["cooldown"]++
  }
  /(?P<symbol>[A-Z0-9.\/-]{1,15}):? Position \$\d+ at max/ {
    skips_total[$symbol]["position_at_max"]++
  }
  /\[OPPORTUNITY\] (?P<symbol>[A-Z0-9.\/-]{1,15}) -?\d+\.\d+% @ \$\d+\.\d+/ {
    opportunities_total[$symbol]++
  }
  /💎 (?P<symbol>[A-Z0-9.\/-]{1,15}) BUY: -?\d+\.\d+% dip @ \$\d+\.\d+/ {
    opportunities_total[$symbol]++
  }
  /Scan complete: (?P<found>\d+) opportunities/ {
    scans_total++
    scan_found = $found
  }
  /\[ACCOUNT\] equity=\$(?P<equity>-?\d+\.\d+) cash=\$(?P<cash>-?\d+\.\d+)/ {
    equity_usd = $equity
    cash_usd = $cash
  }
  /(?:\[TRADE\]|✅) BUY (?P<symbol>[A-Z0-9.\/-]{1,15}):? \d+\.?\d* (?:shares )?@ \$(?P<price>\d+\.\d+) = / {
    trades_total[$symbol]++
    trade_price_usd[$symbol] = $price
  }
  /Cycle #(?P<number>\d+)/ {
    cycles_total++
    cycle_number = $number
  }
}
"""


def multiplied(sample: Path, level: str, path: Path) -> int:
    """Write the sample again and again, up to its own days, each time with other order ids; returns the number of lines."""
    whole = sample.read_bytes()
    if level == "INFO":
        whole = b"".join(line for line in whole.splitlines(keepends=True) if b" [DEBUG] " not in line[:40])
    days = {match[1] for match in DAY.finditer(whole)}
    step = timedelta(days=len(days))
    times = max(1, LINES // whole.count(b"\n"))
    with path.open("wb") as file:
        for number in range(times):
            moved = {
                day: (datetime.fromisoformat(day.decode()) - (times - 1 - number) * step).strftime("%Y-%m-%d").encode()
                for day in days
            }
            text = DAY.sub(lambda match, moved=moved: moved[match[1]], whole)  # type: ignore[misc]
            file.write(ORDER.sub(lambda match, n=number: b"%08x" % (int(match[1], 16) ^ n), text))  # type: ignore[misc]
    return times * whole.count(b"\n")


@pytest.mark.bench
@pytest.mark.skipif(shutil.which("mtail") is None, reason="needs mtail (Debian's package of that name)")
@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
@pytest.mark.parametrize("sample", SAMPLES, ids=[sample.stem for sample in SAMPLES])
def test_lines_per_processor_second_of_a_real_log_beside_mtail(sample: Path, level: str, tmp_path: Path) -> None:
    log = tmp_path / "big_dipper.log"
    lines = multiplied(sample, level, log)
    exporter: list[Cost] = []
    peer: list[Cost] = []
    for _ in range(ROUNDS):
        exporter.append(ours(log, tmp_path))
        peer.append(mtail(SERIES, log, tmp_path / "mtail"))
    mine, theirs = min(exporter), min(peer)
    counted = [int(line.rsplit(" ", 1)[1]) for line in theirs.out.splitlines() if line.startswith("trades_total{")]
    ((archived,),) = rows(tmp_path / "bigdipper.db", "SELECT count(*) FROM trades")
    assert sum(counted) == archived, "both have counted the same lines"
    print(
        f"\n{sample.stem} {level}: {lines:,} lines; exporter {lines / mine.cpu:,.0f} lines/CPU s ({mine.mib:.0f} MiB),"
        f" mtail {lines / theirs.cpu:,.0f}: {theirs.cpu / mine.cpu:.2f} times as fast"
    )
