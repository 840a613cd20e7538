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


def memory(part: Part) -> float:
    """Resident megabytes of a process, its children included."""
    pids, found = [part.process.pid], 0.0
    for pid in pids:
        status = Path(f"/proc/{pid}/status").read_text()
        found += int(status.partition("VmRSS:")[2].split()[0]) / 1024
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
    for name in before:
        print(f"  {name:<13}{sizes[name]:6.0f} MB {shares[name]:6.1f} % of a core")
    print(f"  {'together':<13}{sum(sizes.values()):6.0f} MB {sum(shares.values()):6.1f} % of a core")


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
