"""What the broker's side costs: memory and time of the SDK, requests and CPU of polling, time of an archive's write.

python -m pytest tests/bench/bench_poller.py -m bench -s
"""

import resource
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest

from bigdipper_exporter.archive.broker.repository import BrokerRepository
from bigdipper_exporter.archive.store import Store
from bigdipper_exporter.broker.client import Access
from bigdipper_exporter.broker.poller import Poller, PollSettings
from bigdipper_exporter.broker.results import PollResult
from bigdipper_exporter.calendar import NEW_YORK
from bigdipper_exporter.counters import Counters
from bigdipper_exporter.demo.simulator.broker import Broker
from bigdipper_exporter.demo.simulator.ledger import Ledger

MORNING = datetime(2025, 11, 4, 9, 30, tzinfo=NEW_YORK).timestamp()
HOURS = 8


class Passing:
    """The poller's time: every wait is over at once, until the end."""

    def __init__(self) -> None:
        self.now = 0.0
        self.over = threading.Event()

    def time(self) -> float:
        return MORNING + self.now

    def monotonic(self) -> float:
        return self.now

    def spread(self, seconds: float) -> float:
        return seconds

    def wait(self, wake: threading.Event, seconds: float) -> None:
        if self.now + seconds >= HOURS * 3600:
            self.over.set()
            wake.wait(0.05)
        elif not wake.is_set():
            self.now += seconds


def measured(code: str) -> str:
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.bench
def test_memory_and_time_of_the_sdk() -> None:
    for what in ("import bigdipper_exporter.broker_source", "import bigdipper_exporter.broker_source, alpaca.trading.client"):
        print(
            "\n",
            what,
            measured(f"""
            import time
            begun = time.perf_counter()
            {what}
            took = time.perf_counter() - begun
            peak = int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])
            print(f"{{peak / 1024:.0f}} MiB, {{took:.2f}} s")
        """).strip(),
            end="",
        )


@pytest.mark.bench
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("open_order", [False, True])
def test_requests_and_cpu_of_eight_hours(tmp_path: Path, open_order: bool) -> None:
    ledger = Ledger(20_000, opened=MORNING - 86_400)
    for i in range(20):
        ledger.trade(f"SYM{chr(65 + i)}", 1, 100 + i, MORNING - 3600)
    if open_order:
        ledger.place("MSFT", 1, 300, MORNING)
    timing = Passing()
    results: list[PollResult] = []
    with Broker(ledger, clock=timing.time) as broker:
        poller = Poller(
            Access("PKSIMULATED", "simulated-secret", url=broker.url), PollSettings(), results.append, timing=timing
        )
        poller.start()
        assert timing.over.wait(600)
        poller.stop()
        minutes = Counter(int(r.at // 60) for r in broker.requests)
        asked = Counter(str(r.endpoint) for r in broker.requests)
    store, counters = Store(tmp_path / "archive.db"), Counters()
    book = BrokerRepository(store.connection, True, MORNING)
    begun, cpu = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_utime
    slowest = 0.0
    for result in results:
        one = time.perf_counter()
        with store.transaction() as connection:
            book.write(connection, result, counters)
            counters.flush(connection)
        counters.commit()
        book.commit()
        slowest = max(slowest, time.perf_counter() - one)
    cpu = resource.getrusage(resource.RUSAGE_SELF).ru_utime - cpu
    print(
        f"\n{HOURS} h, 20 positions, {'one order' if open_order else 'no order'} open: {sum(asked.values())} requests"
        f" ({sum(asked.values()) / HOURS / 60:.1f} a minute, at most {max(minutes.values())}) {dict(asked)}\n"
        f"{len(results)} results written in {time.perf_counter() - begun:.1f} s ({1000 * cpu / len(results):.1f} ms CPU each,"
        f" slowest {1000 * slowest:.0f} ms); archive {store.size() / 1e6:.1f} MB"
    )
    store.connection.close()
    store.close()
