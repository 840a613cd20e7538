"""What one bot costs Prometheus: series, samples, bytes a day, and how long the configured retention lasts.

python -m pytest tests/bench/bench_storage.py -m bench -s
"""

import argparse
import json
import re
import shutil
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from bigdipper_exporter.demo.processes import Demo, program
from bigdipper_exporter.demo.run import ROOT, start_exporter, start_simulator
from bigdipper_exporter.demo.stack import start_prometheus
from tests.bench.bench_live import TICKS

MINUTES = 10
DAY = 86_400


def get(url: str, method: str = "GET") -> str:
    with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=30) as response:
        return str(response.read().decode())


def value(prometheus: str, name: str) -> float:
    """Return one of the metrics that Prometheus has of itself, summed over its labels."""
    lines = [line for line in get(f"{prometheus}/metrics").splitlines() if re.match(rf"{name}[ {{]", line)]
    assert lines, name
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


def used(pid: int) -> float:
    """Processor seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.mark.bench
@pytest.mark.skipif(program("prometheus") is None, reason="needs Prometheus")
@pytest.mark.parametrize("config", [ROOT / "prometheus"], ids=["as shipped"])
def test_what_prometheus_keeps_of_one_bot_in_a_day(tmp_path: Path, config: Path) -> None:
    demo = Demo(tmp_path / "demo")
    demo.folder.mkdir()
    try:
        start_simulator(demo, argparse.Namespace(seed=2, days=5, speed=1.0, incident=None))
        exporter = start_exporter(demo)
        prometheus = start_prometheus(demo, config, exporter.url, None, "--web.enable-admin-api")
        assert prometheus is not None
        time.sleep(30)
        samples = value(prometheus.url, "prometheus_tsdb_head_samples_appended_total")
        cpu = {part.name: used(part.process.pid) for part in (exporter, prometheus)}
        begun = time.monotonic()
        time.sleep(60 * MINUTES - 30)
        seconds = time.monotonic() - begun
        rate = (value(prometheus.url, "prometheus_tsdb_head_samples_appended_total") - samples) / seconds
        series = value(prometheus.url, "prometheus_tsdb_head_series")
        for part in (exporter, prometheus):
            print(f"\n{part.name}: {100 * (used(part.process.pid) - cpu[part.name]) / seconds:.1f} % of a core", end="")
        answer: dict[str, Any] = json.loads(get(f"{prometheus.url}/api/v1/admin/tsdb/snapshot", "POST"))
        block = demo.folder / "prometheus" / "data" / "snapshots" / answer["data"]["name"]
        chunks = sum(size(folder) for folder in block.rglob("chunks"))
        total = value(prometheus.url, "prometheus_tsdb_head_samples_appended_total")
        each = chunks / total
        print(
            f"\n{series:,.0f} series, {rate:,.0f} samples a second, {each:.2f} bytes each in chunks of {MINUTES} minutes"
            f" (index {(size(block) - chunks) / 1e3:,.0f} kB): {rate * DAY * each / 1e6:.1f} MB a day"
        )
    finally:
        demo.stop()
        shutil.rmtree(demo.folder, ignore_errors=True)
