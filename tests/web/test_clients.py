"""No client, and no thousand of them, can hold up another."""

import contextlib
import os
import random
import socket
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client.core import Metric

from bigdipper_exporter.metrics.table import Part
from bigdipper_exporter.web.httpd import Httpd
from bigdipper_exporter.web.server import Server
from tests.web.served import (
    DEADLINE,
    connections,
    eventually,
    families,
    fetch,
    long_families,
    raw,
    serving,
)


class TestManyClients:
    def test_a_thousand_scrapes_in_a_row_leave_nothing_behind(self) -> None:
        shown = families(series=100)
        with serving(lambda _: shown) as server:
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
        shown = families(series=1000)
        with serving(lambda _: shown) as server, ThreadPoolExecutor(40) as pool:
            expected = fetch(server)[1]
            for _ in range(3):
                answers = list(pool.map(lambda _: fetch(server), range(40)))
                assert all((response.status, body) == (200, expected) for response, body in answers)

    def test_more_than_the_allowed_number_get_a_503_while_health_goes_on(self) -> None:
        entered, release = threading.Event(), threading.Event()

        def collect(_: Part) -> list[Metric]:
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
    def test_nonsense_gets_a_plain_answer_that_repeats_none_of_it(self, data: bytes, status: bytes, server: Server) -> None:
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

    @pytest.mark.parametrize(
        "head",
        [
            b"Content-Length: 0\r\nContent-Length: 5\r\n",
            b"Content-Length: 0\r\nContent-Length: 0\r\n",
            b"Content-Length: +0\r\n",
            b"Content-Length: 0, 5\r\n",
            b"Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n",
            b"Transfer-Encoding: gzip\r\n",
            b"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
            b"Content-Length : 5\r\n",
            b"no header\r\nContent-Length: 5\r\n",
            b"Host: again\r\n",
        ],
    )
    def test_a_request_that_proxies_may_end_elsewhere_is_refused_and_the_connection_ends(
        self, head: bytes, server: Server
    ) -> None:
        answer = raw(
            server, b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n" + head + b"\r\nGET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n"
        )
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert answer.count(b"HTTP/1.1") == 1, "what follows is no second request"

    @pytest.mark.parametrize(
        ("host", "status"),
        [
            ("localhost", 200),
            ("LOCALHOST:10077", 200),
            ("127.0.0.1:1", 200),
            ("[::1]:10077", 200),
            ("192.168.1.20", 200),
            ("exporter:10077", 200),
            ("metrics.example:10077", 200),
            ("evil.example", 421),
            ("evil.example:10077", 421),
            ("127.0.0.1.evil.example", 421),
            ("localhost.evil.example.", 421),
            ("metrics.example.evil.example", 421),
            ("", 421),
            ("[::1", 421),
        ],
    )
    def test_a_foreign_web_page_that_rebinds_its_name_gets_nothing(self, host: str, status: int) -> None:
        with serving(families, allowed_hosts=("metrics.example",)) as server:
            answer = raw(server, f"GET /metrics HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        assert answer.startswith(f"HTTP/1.1 {status} ".encode())
        assert (b"bigdipper_trades_total" in answer) == (status == 200)
