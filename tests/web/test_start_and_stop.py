"""Ports, starts and stops."""

import http.client
import os
import socket
import threading
import time
from typing import Any

import pytest
from prometheus_client.core import Metric

from bigdipper_exporter.metrics.table import Part
from bigdipper_exporter.web.server import ListenError, Server
from tests.web.served import DEADLINE, PAGE, STOP_DEADLINE, eventually, families, serving


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

        def collect(_: Part) -> list[Metric]:
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
