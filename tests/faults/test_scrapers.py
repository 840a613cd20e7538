"""Forty scrapers while the exporter catches up with a log that never ends: every scrape is answered."""

import http.client
import random
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.bench.make_log import make_log
from tests.running import Exporter, exporter, wait_for

SCRAPERS = 40
SECONDS = 300
INTERVAL = 2.0  # of each scraper, as Prometheus scrapes the series of this moment
LINES = 100_000
LAG = 4 << 20  # bytes: below it, more is written


class Scraper:
    """Scrapes on one connection until `stop`, and remembers how long each scrape took."""

    def __init__(self, address: str, number: int, stop: threading.Event) -> None:
        self._address, self._stop, self._random = address, stop, random.Random(number)
        self.seconds: list[float] = []
        self.failed: list[str] = []
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        with closing(http.client.HTTPConnection(self._address, timeout=10)) as connection:
            while not self._stop.wait(self._random.uniform(0.5, 1.5) * INTERVAL):
                begun = time.perf_counter()
                try:
                    connection.request("GET", "/metrics")
                    answer = connection.getresponse()
                    body = answer.read()
                    if answer.status != 200 or not body.endswith(b"\n"):
                        self.failed.append(f"{answer.status}: {body[-80:]!r}")
                except OSError as error:
                    self.failed.append(repr(error))
                    connection.close()
                self.seconds.append(time.perf_counter() - begun)


@contextmanager
def endless(one: Exporter, chunk: bytes) -> Iterator[None]:
    """Append to the log whenever little of it is left to read."""
    stop = threading.Event()

    def write() -> None:
        with one.log.open("ab") as file:
            while not stop.wait(0.1):
                if (one.value("bigdipper_log_lag_bytes") or 0) < LAG:
                    file.write(chunk)
                    file.flush()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.mark.chaos
def test_forty_scrapers_during_catch_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_log(tmp_path / "chunk.log", LINES)
    with exporter(tmp_path) as one:
        one.wait_ready()
        stop = threading.Event()
        with endless(one, (tmp_path / "chunk.log").read_bytes()):
            wait_for(lambda: one.value("bigdipper_log_lines_total"), "the first lines")
            scrapers = [Scraper(urlsplit(one.url).netloc, number, stop) for number in range(SCRAPERS)]
            stop.wait(SECONDS)
            stop.set()
            for scraper in scrapers:
                scraper.thread.join()
        lines = one.value("bigdipper_log_lines_total") or 0
    taken = sorted(seconds for scraper in scrapers for seconds in scraper.seconds)
    with capsys.disabled():
        p50, p99 = (1000 * taken[int(len(taken) * share)] for share in (0.5, 0.99))
        print(f"\n{len(taken):,} scrapes by {SCRAPERS} scrapers in {SECONDS} s beside {lines:,.0f} lines: ", end="")
        print(f"p50 {p50:.0f} ms, p99 {p99:.0f} ms, longest {1000 * taken[-1]:.0f} ms")
    assert [text for scraper in scrapers for text in scraper.failed] == []
    assert len(taken) > SCRAPERS * SECONDS / INTERVAL / 4
    assert lines > LINES
