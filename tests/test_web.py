"""The web side over real sockets: what is served, and that no client can hold up another."""

import contextlib
import gzip
import http.client
import os
import random
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.web.exposition import OPENMETRICS, TEXT, TEXT_1, Exposition, accepts_gzip, choose_format
from exporter.web.httpd import Httpd
from exporter.web.server import ListenError, Page, Server

DEADLINE = 10.0
STOP_DEADLINE = 2.0  # twice the promise, for a busy machine
ROUTES = ("/", "/metrics", "/-/healthy", "/-/ready")
PAGE = Page("Orion", "9.9", [("The log", [("ok", "File", "is read")])])


def families(series: int = 3) -> list[Metric]:
    value = GaugeMetricFamily("bigdipper_position_market_value_usd", "Value.", labels=["symbol"], unit="usd")
    for number in range(series):
        value.add_metric([f"S{number}"], number + 0.25)
    trades = CounterMetricFamily("bigdipper_trades", "Orders.", labels=["symbol"])
    trades.add_metric(["AAPL"], 7, created=1_700_000_000)
    took = HistogramMetricFamily("bigdipper_bot_cycle_duration_seconds", "Cycles.")
    took.add_metric([], [("1.0", 2), ("+Inf", 3)], 4.5)
    return [value, trades, took]


def long_families() -> list[Metric]:
    """Megabytes that take no time to make."""
    value = GaugeMetricFamily("bigdipper_long", "Long.", labels=["text"])
    for number in range(50):
        value.add_metric([str(number) * 100_000], 1)
    return [value]


@contextlib.contextmanager
def serving(
    collect: Callable[[], Iterable[Metric]] = families,
    ready: Callable[[], list[str]] = list,
    page: Callable[[], Page] = lambda: PAGE,
    address: str = "127.0.0.1:0",
    max_requests: int = 40,
) -> Iterator[Server]:
    server = Server(address, "/metrics", None, max_requests, collect=collect, ready=ready, page=page)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


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


class TestMetrics:
    def test_are_plain_text_that_a_parser_reads_back(self, server: Server) -> None:
        response, body = fetch(server)
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        read = {sample.name: sample.value for family in plain(body) for sample in family.samples}
        assert read["bigdipper_trades_total"] == 7
        assert read["bigdipper_bot_cycle_duration_seconds_sum"] == 4.5

    def test_are_openmetrics_when_prometheus_asks(self, server: Server) -> None:
        accept = (
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;"
            "version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
        )
        response, body = fetch(server, headers={"Accept": accept})
        assert response.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0; charset=utf-8")
        assert body.endswith(b"# EOF\n")
        read = {family.name: family for family in parse_openmetrics(body.decode())}  # type: ignore[no-untyped-call]
        assert read["bigdipper_position_market_value_usd"].unit == "usd"
        created = [s.value for s in read["bigdipper_trades"].samples if s.name.endswith("_created")]
        assert created == [1_700_000_000]

    @pytest.mark.parametrize(
        ("accept", "expected"),
        [
            (None, TEXT),
            ("", TEXT),
            ("*/*", TEXT),
            ("image/png", TEXT),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", TEXT),
            ("application/openmetrics-text", OPENMETRICS),
            ("application/openmetrics-text; version=1.0.0; charset=utf-8", OPENMETRICS),
            ("Application/OpenMetrics-Text;Version=1.0.0", OPENMETRICS),
            ("application/openmetrics-text;version=0.0.1,text/plain", TEXT),
            ("application/openmetrics-text;version=junk,*/*;q=0.1", TEXT),
            ("text/plain;q=0.9,application/openmetrics-text;q=0.1", TEXT),
            ("text/plain;q=0.1,application/openmetrics-text;q=0.9", OPENMETRICS),
            ("application/openmetrics-text;q=0,text/plain;q=0.1", TEXT),
            ("application/openmetrics-text;q=x,*/*;q=0.1", TEXT),
            ("text/plain;version=1.0.0,text/plain;version=0.0.4;q=0.5", TEXT_1),
            (",;,=;q", TEXT),
        ],
    )
    def test_come_in_the_format_that_is_liked_best(self, accept: str | None, expected: str) -> None:
        assert choose_format(accept) == expected

    @pytest.mark.parametrize(
        ("header", "wanted"), [(None, False), ("gzip", True), ("br, GZIP;q=0.5", True), ("gzip;q=0", False), ("br", False)]
    )
    def test_are_compressed_only_for_those_who_accept_it(self, header: str | None, wanted: bool, server: Server) -> None:
        assert accepts_gzip(header) == wanted
        response, body = fetch(server, headers={"Accept-Encoding": header} if header else {})
        assert (response.headers["Content-Encoding"] == "gzip") == wanted
        assert (gzip.decompress(body) if wanted else body) == fetch(server)[1]

    def test_can_be_asked_for_by_name_of_sample_or_family(self, server: Server) -> None:
        _, body = fetch(server, "/metrics?name[]=bigdipper_trades_total&name%5B%5D=bigdipper_bot_cycle_duration_seconds")
        names = {sample.name for family in plain(body) for sample in family.samples}
        took = "bigdipper_bot_cycle_duration_seconds"
        assert names == {"bigdipper_trades_total", f"{took}_bucket", f"{took}_count", f"{took}_sum"}
        assert fetch(server, "/metrics?name[]=nothing")[1] == b""
        assert fetch(server, "/metrics?" + "name[]=x&" * 101)[0].status == 400

    def test_with_half_a_character_in_a_label_lose_only_that_character(self) -> None:
        broken = GaugeMetricFamily("bigdipper_broken", "Broken.", labels=["text"])
        broken.add_metric(["a\ud83d"], 1)
        with serving(lambda: [*families(), broken]) as server:
            response, body = fetch(server)
        assert response.status == 200
        assert 'bigdipper_broken{text="a?"} 1.0' in body.decode()
        assert b"bigdipper_trades_total" in body

    def test_that_cannot_be_collected_are_a_500_and_come_back(self) -> None:
        broken = threading.Event()
        broken.set()

        def collect() -> list[Metric]:
            if broken.is_set():
                raise RuntimeError("internal detail")
            return families()

        with serving(collect) as server:
            response, body = fetch(server)
            assert response.status == 500
            assert b"internal detail" not in body
            assert fetch(server, "/-/healthy")[0].status == 200
            broken.clear()
            assert fetch(server)[0].status == 200

    def test_asked_for_many_times_at_once_are_made_once_more_for_all_who_wait(self) -> None:
        calls: list[int] = []
        entered, release = threading.Event(), threading.Event()

        def collect() -> list[Metric]:
            calls.append(1)
            entered.set()
            assert release.wait(DEADLINE)
            return families()

        exposition = Exposition(collect)
        with ThreadPoolExecutor(21) as pool:
            first = pool.submit(exposition.render, TEXT, False)
            assert entered.wait(DEADLINE)
            line = exposition._lock = CountingLock(exposition._lock)  # type: ignore[assignment]
            others = [pool.submit(exposition.render, TEXT, False) for _ in range(20)]
            eventually(lambda: line.came == 20)
            release.set()
            bodies = {waiting.result(DEADLINE).body for waiting in (first, *others)}
        assert len(bodies) == 1
        assert len(calls) == 2

    def test_are_never_older_than_the_request(self) -> None:
        numbers = iter(range(100))
        exposition = Exposition(lambda: [GaugeMetricFamily("bigdipper_n", "N.", value=next(numbers))])
        bodies = [exposition.render(TEXT, False).body for _ in range(3)]
        assert [body.split()[-1] for body in bodies] == [b"0.0", b"1.0", b"2.0"]


class TestRoutes:
    def test_health_is_always_fine(self, server: Server) -> None:
        response, body = fetch(server, "/-/healthy")
        assert (response.status, body) == (200, b"healthy\n")

    def test_readiness_says_every_reason_on_a_line_of_its_own(self) -> None:
        reasons = ["catching up: 3 MB to go", "the archive cannot be written: disk full"]
        with serving(ready=lambda: reasons) as server:
            response, body = fetch(server, "/-/ready")
            assert (response.status, body.decode().splitlines()) == (503, reasons)
            reasons.clear()
            assert fetch(server, "/-/ready")[0].status == 200

    @pytest.mark.parametrize("path", [*ROUTES, "/nix"])
    def test_head_is_get_without_the_body(self, path: str, server: Server) -> None:
        get, body = fetch(server, path)
        head, nothing = fetch(server, path, "HEAD")
        assert nothing == b""
        answer = raw(server, f"HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert answer.index(b"\r\n\r\n") == len(answer) - 4
        assert head.status == get.status
        assert head.headers["Content-Length"] == str(len(body))
        assert head.headers["Content-Type"] == get.headers["Content-Type"]

    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
    @pytest.mark.parametrize("path", ROUTES)
    def test_other_methods_are_refused_with_those_allowed(self, path: str, method: str, server: Server) -> None:
        response, _ = fetch(server, path, method)
        assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")

    @pytest.mark.parametrize("path", ["/nix", "/metrics/", "/-/", "/-/reload", "/..%2f", "/favicon.ico"])
    def test_other_paths_are_not_found(self, path: str, server: Server) -> None:
        assert fetch(server, path)[0].status == 404

    def test_the_telemetry_path_can_be_another(self) -> None:
        server = Server("127.0.0.1:0", "/m", None, 1, collect=families, ready=list, page=lambda: PAGE)
        server.start()
        try:
            assert fetch(server, "/m")[0].status == 200
            assert fetch(server, "/metrics")[0].status == 404
            assert b'href="/m"' in fetch(server, "/")[1]
        finally:
            server.stop()

    def test_one_connection_serves_many_requests(self, server: Server) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE)
        for path in ROUTES * 3:
            connection.request("GET", path)
            assert connection.getresponse().read()
        assert connections(server) == 1
        connection.close()
        eventually(lambda: connections(server) == 0)

    def test_a_body_is_never_read_as_the_next_request(self, server: Server) -> None:
        inner = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n"
        head = b"GET /-/ready HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(inner)
        answer = raw(server, head + inner)
        assert answer.count(b"HTTP/1.1 ") == 1
        assert b"Connection: close" in answer


class TestLandingPage:
    PAGE = Page(
        "Orion <b>",
        "1.2.3",
        [("The log & more", [("ok", "File", "is <read>"), ("warn", "Form", "w"), ("bad", "Disk", "b"), ("off", "A", "o")])],
    )

    def test_says_each_state_in_words_and_escapes_what_it_is_given(self) -> None:
        with serving(page=lambda: self.PAGE) as server:
            response, body = fetch(server, "/")
        text = body.decode()
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        assert all(word in text for word in ("fine", "look", "broken", "off", "1 broken, 1 to look at", "1.2.3"))
        assert "Orion &lt;b&gt;" in text
        assert "The log &amp; more" in text
        assert "is &lt;read&gt;" in text
        assert "<b>" not in text

    def test_needs_nothing_from_elsewhere(self, server: Server) -> None:
        response, body = fetch(server, "/")
        text = body.decode()
        assert not any(part in text for part in ("<script", "http:", "https:", "src=", "url(", "@import", "<link"))
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        assert "prefers-color-scheme: dark" in text
        assert "everything is fine" in text


class TestManyClients:
    def test_a_thousand_scrapes_in_a_row_leave_nothing_behind(self) -> None:
        shown = families(100)
        with serving(lambda: shown) as server:
            expected = fetch(server)[1]

            def scrape(times: int) -> None:
                for _ in range(times):
                    response, body = fetch(server)
                    assert (response.status, body) == (200, expected)

            scrape(100)
            eventually(lambda: connections(server) == 0)
            threads, files = threading.active_count(), len(os.listdir("/proc/self/fd"))
            tracemalloc.start()
            try:
                scrape(20)
                before = tracemalloc.get_traced_memory()[0]
                scrape(880)
                eventually(lambda: connections(server) == 0)
                grown = tracemalloc.get_traced_memory()[0] - before
            finally:
                tracemalloc.stop()
            assert grown < 500_000
            eventually(lambda: threading.active_count() <= threads)
            assert len(os.listdir("/proc/self/fd")) <= files

    def test_forty_at_once_all_get_everything(self) -> None:
        shown = families(1000)
        with serving(lambda: shown) as server, ThreadPoolExecutor(40) as pool:
            expected = fetch(server)[1]
            for _ in range(3):
                answers = list(pool.map(lambda _: fetch(server), range(40)))
                assert all((response.status, body) == (200, expected) for response, body in answers)

    def test_more_than_the_allowed_number_get_a_503_while_health_goes_on(self) -> None:
        entered, release = threading.Event(), threading.Event()

        def collect() -> list[Metric]:
            entered.set()
            assert release.wait(DEADLINE)
            return families()

        with serving(collect, max_requests=1) as server, ThreadPoolExecutor(1) as pool:
            first = pool.submit(fetch, server)
            assert entered.wait(DEADLINE)
            response, body = fetch(server)
            assert (response.status, response.headers["Retry-After"]) == (503, "1")
            assert body == b"1 requests are being answered already\n"
            assert fetch(server, "/-/healthy")[0].status == 200
            release.set()
            assert first.result(DEADLINE)[0].status == 200
            assert fetch(server)[0].status == 200


class TestBadClients:
    def test_idle_clients_hold_nobody_up_however_many(self, server: Server) -> None:
        with contextlib.ExitStack() as stack:
            for _ in range(300):  # more than there are connections to give
                stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE))
            assert fetch(server)[0].status == 200
            assert connections(server) <= 160
        eventually(lambda: connections(server) == 0)

    def test_a_silent_client_is_cut_off(self, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Httpd, "HEAD_SECONDS", 0.2)
        with socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE) as sock:
            assert sock.recv(1) == b""

    def test_a_client_that_sends_a_byte_now_and_then_is_cut_off_all_the_same(
        self, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Httpd, "HEAD_SECONDS", 0.3)
        monkeypatch.setattr(Httpd, "LINGER_SECONDS", 0.1)

        def drip_until_cut() -> None:
            with socket.create_connection(("127.0.0.1", server.port), timeout=0.05) as sock:
                sock.sendall(b"GET /metrics HTTP/1.1\r\n")
                while True:
                    sock.sendall(b"X")
                    with contextlib.suppress(TimeoutError):
                        if not sock.recv(1):
                            return

        with ThreadPoolExecutor(1) as pool:
            cut = pool.submit(drip_until_cut)
            assert fetch(server)[0].status == 200
            with contextlib.suppress(ConnectionError):
                cut.result(DEADLINE)

    def test_a_slow_reader_keeps_no_slot_and_is_cut_off(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Httpd, "WRITE_SECONDS", 1.0)
        with serving(long_families, max_requests=1) as server, socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.settimeout(DEADLINE)
            slow.connect(("127.0.0.1", server.port))
            slow.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            assert slow.recv(100).startswith(b"HTTP/1.1 200")
            assert fetch(server, "/")[0].status == 200
            eventually(lambda: connections(server) == 0)

    @pytest.mark.parametrize(
        ("data", "status"),
        [
            (b"GET /" + b"a" * 10_000_000 + b" HTTP/1.1\r\n\r\n", b"414"),
            (b"GET / HTTP/1.1\r\nA: " + b"a" * 100_000 + b"\r\n\r\n", b"431"),
            (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 101 + b"\r\n", b"431"),
            (b"garbage\r\n\r\n", b"400"),
            (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"400"),
            (b"GET / HTTP/9.9\r\n\r\n", b"505"),
            (b"BREW / HTTP/1.1\r\n\r\n", b"501"),
            (b"GET //[ HTTP/1.1\r\n\r\n", b"404"),
            (b"GET http://[ HTTP/1.1\r\n\r\n", b"400"),
            (b"POST /metrics HTTP/1.1\r\nContent-Length: 99999999\r\n\r\nxxxx", b"405"),
        ],
    )
    def test_nonsense_gets_a_plain_answer_that_repeats_none_of_it(
        self, data: bytes, status: bytes, server: Server
    ) -> None:
        answer = raw(server, data)
        # A client that is still sending may find the connection reset instead.
        assert answer.startswith(b"HTTP/1.1 " + status) or (not answer and len(data) > 1_000_000)
        assert b"<" not in answer
        assert b"garbage" not in answer
        assert fetch(server)[0].status == 200

    def test_random_bytes_do_no_harm(self, server: Server) -> None:
        randomness = random.Random(20_260_101)
        for _ in range(200):
            data = randomness.randbytes(randomness.randrange(1, 300))
            raw(server, randomness.choice([b"", b"GET /metrics HTTP/1.1\r\n", b"GET "]) + data + b"\r\n\r\n")
        assert fetch(server)[0].status == 200
        eventually(lambda: connections(server) == 0)

    def test_clients_that_leave_in_the_middle_leave_nothing_behind(self) -> None:
        with serving(long_families) as server:
            for _ in range(20):
                with socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE) as sock:
                    sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
                    sock.recv(10)
            assert fetch(server)[0].status == 200
            eventually(lambda: connections(server) == 0)


class TestStartAndStop:
    def test_stop_ends_every_thread_and_connection_and_may_be_called_twice(self) -> None:
        threads = set(threading.enumerate())
        with serving() as server:
            idle = socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE)
            kept = http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE)
            kept.request("GET", "/-/healthy")
            kept.getresponse().read()
            begun = time.monotonic()
            server.stop()
            assert time.monotonic() - begun < STOP_DEADLINE
            assert idle.recv(1) == b""
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE)
            server.stop()
            idle.close()
            kept.close()
            eventually(lambda: set(threading.enumerate()) <= threads)

    def test_stop_does_not_wait_for_a_reply_that_never_comes(self) -> None:
        entered, release = threading.Event(), threading.Event()

        def collect() -> list[Metric]:
            entered.set()
            release.wait(DEADLINE)
            return []

        with serving(collect) as server:
            client = socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE)
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            assert entered.wait(DEADLINE)
            begun = time.monotonic()
            server.stop()
            assert time.monotonic() - begun < STOP_DEADLINE
            assert client.recv(1) == b""
            release.set()
            client.close()

    def test_a_server_never_started_can_be_stopped(self) -> None:
        Server("127.0.0.1:0", "/metrics", None, 1, collect=families, ready=list, page=lambda: PAGE).stop()

    def test_a_taken_port_is_one_line_that_names_it_and_its_holder(self, server: Server) -> None:
        with pytest.raises(ListenError) as caught, serving(address=f"127.0.0.1:{server.port}"):
            pass
        text = str(caught.value)
        assert text.startswith(f"web.listen-address: cannot listen on 127.0.0.1:{server.port}: the port is taken by ")
        assert f"process {os.getpid()} (" in text
        assert "\n" not in text

    @pytest.mark.parametrize(
        ("address", "reason"), [("192.0.2.1:0", "this machine has no such address"), ("name.invalid:1", "not known")]
    )
    def test_an_address_that_is_not_ours_is_one_line(self, address: str, reason: str, monkeypatch: Any) -> None:
        def resolve(host: str, *args: Any, **kwargs: Any) -> Any:
            if host == "name.invalid":  # no question leaves the machine
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            return original(host, *args, **kwargs)

        original = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        with pytest.raises(ListenError, match=f"cannot listen on {address}: .*{reason}"), serving(address=address):
            pass

    @pytest.mark.parametrize(
        ("address", "url"),
        [("127.0.0.1:0", "http://127.0.0.1:%d/"), (":0", "http://localhost:%d/"), ("localhost:0", "http://localhost:%d/")],
    )
    def test_the_url_is_one_that_can_be_opened_here(self, address: str, url: str) -> None:
        with serving(address=address) as server:
            assert server.url == url % server.port
            host = server.url.removeprefix("http://").partition(":")[0]
            with socket.create_connection((host, server.port), timeout=DEADLINE):
                pass

    @pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
    def test_ipv6_addresses_are_served(self) -> None:
        with serving(address="[::1]:0") as server:
            assert server.url == f"http://[::1]:{server.port}/"
            connection = http.client.HTTPConnection("::1", server.port, timeout=DEADLINE)
            connection.request("GET", "/-/healthy")
            assert connection.getresponse().read() == b"healthy\n"
            connection.close()
