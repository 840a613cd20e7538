"""The running exporter: from a line to /metrics, scrapes, idling, and a restart on five years of archive.

python -m pytest tests/bench/bench_live.py -m bench -s
"""

import http.client
import os
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bigdipper_exporter.archive.migrate import NEWEST
from bigdipper_exporter.demo.simulator.broker import Broker
from bigdipper_exporter.demo.simulator.ledger import Ledger
from tests.grafana import synthetic
from tests.running import Exporter, exporter, wait_for
from tests.test_samples import SAMPLES

TICKS = os.sysconf("SC_CLK_TCK")
YEARS = 5


def percentiles(seconds: Sequence[float]) -> str:
    ordered = sorted(seconds)
    p50, p99 = (1000 * ordered[int(len(ordered) * share)] for share in (0.5, 0.99))
    return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, most {1000 * ordered[-1]:.1f} ms"


def cpu(one: Exporter) -> float:
    """Processor seconds so far."""
    fields = Path(f"/proc/{one.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


@contextmanager
def client(one: Exporter) -> Iterator[Callable[[str], str]]:
    """GET over one connection that stays, as Prometheus keeps it."""

    def get(path: str) -> str:
        connection.request("GET", path)
        return connection.getresponse().read().decode()

    with closing(http.client.HTTPConnection(urlsplit(one.url).netloc, timeout=10)) as connection:
        yield get


@pytest.mark.bench
def test_from_an_appended_line_to_metrics(tmp_path: Path) -> None:
    taken = []
    with ExitStack() as stack:
        one = stack.enter_context(exporter(tmp_path))
        log = stack.enter_context(one.log.open("ab", buffering=0))
        one.wait_ready()
        get = stack.enter_context(client(one))
        for number in range(1, 501):
            stamp = time.strftime("%Y-%m-%d %H:%M:%S")
            begun = time.perf_counter()
            log.write(f"{stamp} [INFO] Cycle #{number}\n".encode())
            while f"bigdipper_bot_cycle_number {number}.0" not in get("/metrics?name[]=bigdipper_bot_cycle_number"):
                assert time.perf_counter() - begun < 10
            taken.append(time.perf_counter() - begun)
        total, count = (one.value(f"bigdipper_log_ingest_delay_seconds_{name}") or 0 for name in ("sum", "count"))
        print(f"\n500 lines, from write to /metrics: {percentiles(taken)}; its own measure: {1000 * total / count:.1f} ms mean")


@pytest.mark.bench
def test_scrapes_of_a_thousand_series_and_more(tmp_path: Path) -> None:
    taken = []
    with ExitStack() as stack:
        one = stack.enter_context(exporter(tmp_path, log=SAMPLES[-1].read_bytes()))
        one.wait_ready()
        get = stack.enter_context(client(one))
        series = sum(not line.startswith("#") for line in get("/metrics").splitlines())
        before = cpu(one)
        for _ in range(500):
            begun = time.perf_counter()
            get("/metrics")
            taken.append(time.perf_counter() - begun)
        used = (cpu(one) - before) / 500
        print(f"\n{series} series: {percentiles(taken)}; {1000 * used:.1f} ms of processor time each")


@pytest.mark.bench
def test_idling(tmp_path: Path) -> None:
    with exporter(tmp_path, log=SAMPLES[-1].read_bytes()) as one:
        one.wait_ready()
        print(f"\nidle for 60 s: {idle(one):.2f} % of a core")


@pytest.mark.bench
def test_idling_with_a_broker(tmp_path: Path) -> None:
    now = time.time()
    ledger = Ledger(20_000, seed=7, opened=now - 3 * 86_400)
    ledger.trade("AMD", 11.5, 214.23, now - 3600)
    with Broker(ledger) as broker:
        keys = {"ALPACA_KEY": "PKSIMULATED", "ALPACA_SECRET": "simulated-secret", "BIGDIPPER_ALPACA_URL": broker.url}
        with exporter(tmp_path, env=keys, log=SAMPLES[-1].read_bytes()) as one:
            wait_for(lambda: one.value("bigdipper_positions", asset_class="us_equity") == 1, "the positions", 60)
            print(f"\nidle with a broker for 60 s: {idle(one):.2f} % of a core")


def idle(one: Exporter) -> float:
    """Return the percentage of a core that it uses without scrapes, in the minute after the half one that follows its start."""
    time.sleep(30)
    before, begun = cpu(one), time.monotonic()
    time.sleep(60)
    return 100 * (cpu(one) - before) / (time.monotonic() - begun)


@pytest.mark.bench
@pytest.mark.parametrize("years", [0, YEARS])
def test_restart_on_a_full_archive(tmp_path: Path, years: int) -> None:
    if years:
        archive = synthetic.archive(tmp_path / "bigdipper.db", years * 365, datetime.now(UTC))
        with closing(sqlite3.connect(archive)) as connection, connection:
            connection.execute("INSERT INTO schema_version VALUES (?, 0, '')", (NEWEST,))
    taken, used = [], []
    with exporter(tmp_path, log=SAMPLES[-1].read_bytes()) as process:
        process.wait_ready()
        size = process.archive.stat().st_size / 1e6
        for _ in range(5):
            process.kill()
            begun = time.perf_counter()
            process.start()
            wait_for(lambda: process.get("/-/ready")[0] == 200)
            taken.append(time.perf_counter() - begun)
            used.append(cpu(process))
            process.get("/metrics")
    print(
        f"\nrestart on {size:,.0f} MB: ready after {min(taken):.2f} s at best, {statistics.median(taken):.2f} s median;"
        f" {min(used):.2f} s of processor time"
    )
