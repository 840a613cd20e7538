"""A server to ask, and ways to ask it."""

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families as parse_text

from bigdipper_exporter.metrics.table import Part
from bigdipper_exporter.web.landing import Page, Row
from bigdipper_exporter.web.server import Server

DEADLINE = 10.0
STOP_DEADLINE = 2.0  # twice the promise, for a busy machine
ROUTES = ("/", "/metrics", "/-/healthy", "/-/ready")
PAGE = Page("Orion", "9.9", [("The log", [Row("ok", "File", "is read")])])


def families(part: Part = "all", series: int = 3) -> list[Metric]:
    value = GaugeMetricFamily("bigdipper_position_market_value_usd", "Value.", labels=["symbol"], unit="usd")
    for number in range(series):
        value.add_metric([f"S{number}"], number + 0.25)
    trades = CounterMetricFamily("bigdipper_trades", "Orders.", labels=["symbol"])
    trades.add_metric(["AAPL"], 7, created=1_700_000_000)
    took = HistogramMetricFamily("bigdipper_bot_cycle_duration_seconds", "Cycles.")
    took.add_metric([], [("1.0", 2), ("+Inf", 3)], 4.5)
    now: list[Metric] = [value]
    rest: list[Metric] = [trades, took]
    return [*(now if part != "rest" else ()), *(rest if part != "now" else ())]


def long_families(_: Part = "all") -> list[Metric]:
    """Megabytes that take no time to make."""
    value = GaugeMetricFamily("bigdipper_long", "Long.", labels=["text"])
    for number in range(50):
        value.add_metric([str(number) * 100_000], 1)
    return [value]


@contextlib.contextmanager
def serving(
    collect: Callable[[Part], Iterable[Metric]] = families,
    ready: Callable[[], list[str]] = list,
    page: Callable[[], Page] = lambda: PAGE,
    address: str = "127.0.0.1:0",
    max_requests: int = 40,
    allowed_hosts: tuple[str, ...] = (),
) -> Iterator[Server]:
    server = Server(address, "/metrics", None, max_requests, allowed_hosts, collect=collect, ready=ready, page=page)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def fetch(
    server: Server, path: str = "/metrics", method: str = "GET", headers: dict[str, str] | None = None
) -> tuple[http.client.HTTPResponse, bytes]:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE)) as connection:
        connection.request(method, path, headers=headers or {})
        response = connection.getresponse()
        return response, response.read()


def raw(server: Server, data: bytes) -> bytes:
    """What the server answers to these bytes before it closes the connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE) as sock:
        with contextlib.suppress(OSError):
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(ConnectionError):
            while part := sock.recv(65536):
                answer += part
        return answer


def eventually(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, "the condition did not come true in time"
        time.sleep(0.01)


def connections(server: Server) -> int:
    assert server._httpd is not None
    return len(server._httpd._connections)


def plain(body: bytes) -> Iterable[Metric]:
    return list(parse_text(body.decode()))


class CountingLock:
    """A lock that knows how many have come for it."""

    def __init__(self, lock: threading.Lock) -> None:
        self.lock, self.came, self.counting = lock, 0, threading.Lock()

    def __enter__(self) -> None:
        with self.counting:
            self.came += 1
        self.lock.acquire()

    def __exit__(self, *_: object) -> None:
        self.lock.release()
