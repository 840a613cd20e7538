"""The HTTP side of the stand-in broker: requests in, responses out, with the faults that concern the connection."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from dataclasses import dataclass
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from bigdipper_exporter.demo.simulator import marketdata, queries, stream
from bigdipper_exporter.demo.simulator.faults import Response, broken

if TYPE_CHECKING:
    from bigdipper_exporter.demo.simulator.broker import Broker

SECRET_HEADERS = frozenset({"apca-api-secret-key", "authorization"})
DRIP_SECONDS = 0.5


@dataclass(frozen=True)
class Request:
    """One request as it came in. Secrets are blotted out. `at` is the broker's clock, `status` what was sent (0: none)."""

    at: float
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    endpoint: str | None
    fault: str | None
    status: int


class Server(ThreadingHTTPServer):
    """A thread for each connection; `drop_connections` ends those that wait."""

    daemon_threads = False  # stop() joins them: no thread outlives the broker
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], broker: Broker) -> None:
        self.broker = broker
        self._connections: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection."""
        with self._guard:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection."""
        with self._guard:
            self._connections.discard(request)
        super().shutdown_request(request)

    def drop_connections(self) -> None:
        """Shut every open connection down."""
        with self._guard:
            for connection in self._connections:
                with contextlib.suppress(OSError):  # the client may be faster
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no error of ours."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "stand-in", ""
    server: Server
    # Head and body are sent apart; on the loopback Nagle's algorithm would make that 40 ms a request.
    disable_nagle_algorithm = True

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The Date header tells the time in which the rate headers count."""
        return formatdate(self.server.broker.clock(), usegmt=True)

    def _serve(self) -> None:
        broker = self.server.broker
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if (said := broker.control(self.command, url.path)) is not None:
            self._send(said)
            return
        if url.path == stream.PATH and self.headers.get("Upgrade", "").lower() == "websocket":
            self._stream()
            return
        bearer = self.headers.get("Authorization")
        credentials = (
            self.headers.get("APCA-API-KEY-ID"),
            self.headers.get("APCA-API-SECRET-KEY"),
            bearer.removeprefix("Bearer ") if bearer else None,
        )
        response = broker.respond(self.command, url.path, query, credentials)
        endpoint = marketdata.PATHS.get(url.path) or queries.endpoint(url.path)
        fault = broker.faults.next(endpoint) if endpoint is not None and response.status == 200 else None
        if fault is not None and endpoint is not None:
            response = broken(response, endpoint, fault)
        headers = {k: "…" if k.lower() in SECRET_HEADERS else v for k, v in self.headers.items()}
        sent = 0 if response.wire in ("hang", "reset") else response.status
        broker.record(Request(broker.clock(), self.command, url.path, query, headers, endpoint, fault, sent))
        self._send(response)

    def _stream(self) -> None:
        """Upgrade to a websocket, and stay there until the client goes."""
        broker = self.server.broker
        fault = broker.faults.next("stream")
        if fault is not None and fault not in ("hang", "reset"):
            self._send(broken(Response(200, b"{}", {}), "stream", fault))
            return
        self.close_connection = True
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", stream.accept(self.headers.get("Sec-WebSocket-Key", "")))
        self.end_headers()
        if fault == "reset":
            return
        broker.streams += 1
        with contextlib.suppress(OSError):  # the client has gone
            stream.serve(
                self.connection,
                broker.ledger,
                lambda key, secret: broker.authorized(key, secret, None),
                broker.stopping.is_set,
                lambda: fault == "hang",
                lambda: broker.stream_forgets,
            )

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _serve

    def _send(self, response: Response) -> None:
        if response.wire == "hang":
            self._pause(None)
            self.close_connection = True
            return
        if response.wire == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            socket.close(self.connection.detach())  # with nothing lingering the kernel answers RST
            self.close_connection = True
            return
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if response.wire == "truncated":
            self.wfile.write(response.body[: len(response.body) // 2])
            self.close_connection = True
        elif response.wire == "drip":
            for i in range(len(response.body)):
                self.wfile.write(response.body[i : i + 1])
                if self._pause(DRIP_SECONDS):
                    self.close_connection = True
                    return
        else:
            self.wfile.write(response.body)

    def _pause(self, seconds: float | None) -> bool:
        """Wait; True as soon as the faults are cleared, the broker stops, or the client has gone."""
        broker = self.server.broker
        deadline = time.monotonic() + seconds if seconds is not None else None
        while deadline is None or time.monotonic() < deadline:
            if broker.stopping.is_set() or broker.faults.cleared.wait(0.05):
                return True
            if seconds is None and self._client_gone():
                return True
        return False

    def _client_gone(self) -> bool:
        try:
            return len(self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)) == 0
        except BlockingIOError:
            return False
        except OSError:
            return True

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: `Broker.requests` is the record."""
