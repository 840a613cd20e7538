"""What the whole stack costs, part by part: without a board open, and with Overview open in a browser.

python -m pytest tests/bench/bench_stack.py -m bench -s
"""

import argparse
import shutil
import time
from pathlib import Path

import pytest

from bigdipper_exporter.demo.processes import Demo, Part, program
from bigdipper_exporter.demo.run import ROOT, start_exporter, start_simulator
from bigdipper_exporter.demo.stack import start_stack
from tests.bench.bench_storage import used
from tests.browser import chromium

SECONDS = 60


KINDS = ("Rss", "Pss", "Pss_Anon")  # of /proc/PID/smaps_rollup; the proportional size shares out what several processes map


def memory(part: Part) -> list[float]:
    """Megabytes of a process, its children included, of each of KINDS."""
    pids, found = [part.process.pid], [0.0] * len(KINDS)
    for pid in pids:
        rollup = dict(line.split()[:2] for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
        found = [sum_ + int(rollup[f"{kind}:"]) / 1024 for sum_, kind in zip(found, KINDS, strict=True)]
        for thread in Path(f"/proc/{pid}/task").iterdir():
            pids += map(int, (thread / "children").read_text().split())
    return found


def rest(seconds: float, page: chromium.Page | None = None) -> None:
    """Wait; the connection to a browser's page wants to be read meanwhile."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(1)
        if page is not None:
            page.ask("0")


def measure(title: str, parts: list[Part], page: chromium.Page | None = None) -> None:
    """Print memory and the share of a core of each part over SECONDS."""
    before = {part.name: used(part.process.pid) for part in parts}
    rest(SECONDS, page)
    print(f"\n{title}")
    sizes = {part.name: memory(part) for part in parts}
    shares = {part.name: 100 * (used(part.process.pid) - before[part.name]) / SECONDS for part in parts}
    sizes["together"] = [sum(kind) for kind in zip(*sizes.values(), strict=True)]
    shares["together"] = sum(shares.values())
    print("  MB           resident  shared out       own   of a core")
    for name, of_kind in sizes.items():
        print(f"  {name:<13}{''.join(f'{size:8.0f}  ' for size in of_kind)}{shares[name]:8.1f} %")


@pytest.mark.bench
@pytest.mark.skipif(program("prometheus") is None, reason="needs Prometheus")
def test_what_the_stack_costs(tmp_path: Path) -> None:
    demo = Demo(tmp_path / "demo")
    demo.folder.mkdir()
    try:
        start_simulator(demo, argparse.Namespace(seed=2, days=30, speed=1.0, incident=None))
        start_exporter(demo)
        start_stack(demo, ROOT, None)
        parts = [part for part in demo.parts if part.name != "simulator"]
        time.sleep(30)
        measure("without a board open", parts)
        grafana = next((part for part in parts if part.name == "grafana"), None)
        executable = chromium.find()
        if grafana is None or executable is None:
            return
        with chromium.page(executable, None) as page:
            page.size(1440, 1000)
            page.open(f"{grafana.url}/d/bigdipper-overview?refresh=2s&var-bot=demo")
            rest(20, page)
            measure("with Overview open, refreshed every 2 s", parts, page)
            page.open(f"{grafana.url}/d/bigdipper-overview?refresh=10s&var-bot=demo")
            rest(20, page)
            measure("with Overview open, refreshed every 10 s", parts, page)
    finally:
        demo.stop()
        shutil.rmtree(demo.folder, ignore_errors=True)
