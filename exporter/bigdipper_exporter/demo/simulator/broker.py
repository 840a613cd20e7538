"""The stand-in broker: Alpaca's trading API and data host over HTTP on the loopback, read-only, with switchable faults.

broker = Broker(ledger, clock=time.time)
broker.start()
broker.url                              # http://127.0.0.1:<port>, for the SDK's url_override
broker.faults.set("account", "hang")    # see faults.FAULTS
broker.requests, broker.writes          # what was asked; writes must stay 0
broker.stop()
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from bigdipper_exporter.demo.simulator import marketdata, queries, stream
from bigdipper_exporter.demo.simulator.faults import Faults, Response, broken
from bigdipper_exporter.demo.simulator.ledger import Ledger
from bigdipper_exporter.demo.simulator.queries import BadRequest
from bigdipper_exporter.demo.simulator.tape import Tape

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


@dataclass
class RateLimit:
    """Requests per minute of the broker's clock, for the whole account: the bot and the monitor share it."""

    limit: int = 200
    minute: int = 0
    used: int = 0
    peak: int = 0  # the most requests of one minute, refused ones included
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def take(self, now: float, requests: int = 1) -> bool:
        """Count requests; False when this minute's share is used up."""
        with self._lock:
            minute = int(now // 60)
            if minute != self.minute:
                self.minute, self.used = minute, 0
            self.used += requests
            self.peak = max(self.peak, self.used)
            return self.used <= self.limit

    def headers(self) -> dict[str, str]:
        return {
            "X-Ratelimit-Limit": str(self.limit),
            "X-Ratelimit-Remaining": str(max(self.limit - self.used, 0)),
            "X-Ratelimit-Reset": str((self.minute + 1) * 60),
        }


class Broker:
    """Serves `ledger` until `stop`. `keys` maps key ids to secrets; `lock` guards the books against their simulator.

    `limit` is requests per minute; `remember` the number of past requests that are kept at least; `tape` what was traded.
    """

    def __init__(
        self,
        ledger: Ledger,
        clock: Callable[[], float] = time.time,
        keys: dict[str, str] | None = None,
        limit: int = 200,
        port: int = 0,
        host: str = "127.0.0.1",
        lock: threading.RLock | None = None,
        remember: int = 1_000_000,
        tape: Tape | None = None,
    ) -> None:
        self.ledger, self.clock = ledger, clock
        self.tape = tape if tape is not None else Tape()
        self.keys = {"PKSIMULATED": "simulated-secret"} if keys is None else keys
        self.rate = RateLimit(limit)
        self.data_rate = RateLimit(limit)  # the data host counts for itself
        self.faults = Faults()
        self.lock = lock if lock is not None else threading.RLock()
        self.requests: list[Request] = []
        self.streams = 0  # websockets that were opened
        self.stream_forgets = False  # it answers, but sends no events
        self.writes = 0  # requests that were not GET: a monitor must never send one
        self.control: Callable[[str, str], Response | None] = lambda method, path: None  # answers before the broker does
        self._remember = remember
        self.stopping = threading.Event()
        self._host, self._port = host, port
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The base URL, without `/v2`; it stays the same while the broker is stopped."""
        if not self._port:
            raise RuntimeError("the broker has not been started")
        return f"http://127.0.0.1:{self._port}"

    def listen(self) -> None:
        """Take the port. Who connects waits for `start`. Raises OSError where the port cannot be had."""
        self._server = _Server((self._host, self._port), self)
        self._port = self._server.server_address[1]

    def start(self) -> str:
        """Answer requests; returns the URL. A broker can be started again after `stop`, on the same port."""
        self.stopping.clear()
        if self._server is None:
            self.listen()
        assert self._server is not None
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="broker", daemon=True)
        self._thread.start()
        return self.url

    def stop(self) -> None:
        """Stop listening and drop every connection, also those that hang. Connecting is refused afterwards."""
        self.stopping.set()
        if self._server is not None:
            if self._thread is not None:
                self._server.shutdown()
            self._server.drop_connections()
            self._server.server_close()
            if self._thread is not None:
                self._thread.join()
            self._server = self._thread = None

    def __enter__(self) -> Broker:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def record(self, request: Request) -> None:
        with self.lock:
            self.writes += request.method != "GET"
            self.requests.append(request)
            if len(self.requests) > 2 * self._remember:
                del self.requests[: -self._remember]

    def authorized(self, key: str | None, secret: str | None, bearer: str | None) -> bool:
        if bearer is not None:
            return bearer in self.keys.values()
        return key is not None and self.keys.get(key) == secret

    def respond(self, method: str, path: str, query: dict[str, str], credentials: tuple[str | None, ...]) -> Response:
        """The honest answer, before any fault."""
        now = self.clock()
        market_data = path in marketdata.PATHS
        rate = self.data_rate if market_data else self.rate
        allowed = rate.take(now)
        headers = {"Content-Type": "application/json; charset=UTF-8"} | rate.headers()
        if credentials == (None, None, None):
            return _error(401, 40110000, "request is not authorized", headers)
        if not self.authorized(*credentials):
            return Response(403, b'{"message":"forbidden."}', headers)
        if method != "GET":
            return _error(405, 40510000, "this stand-in only answers GET", headers)
        if not allowed:
            return _error(429, 42910000, "rate limit exceeded", headers)
        try:
            with self.lock:
                if market_data:
                    data = marketdata.answer(self.tape, path, query, now)
                else:
                    data = queries.answer(self.ledger, path, query, now)
        except BadRequest as refused:
            return _error(refused.status, refused.code, refused.message, headers)
        return Response(200, json.dumps(data, separators=(",", ":")).encode(), headers)


def _error(status: int, code: int, message: str, headers: dict[str, str]) -> Response:
    return Response(status, json.dumps({"code": code, "message": message}).encode(), headers)


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # stop() joins them: no thread outlives the broker
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], broker: Broker) -> None:
        self.broker = broker
        self._connections: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._guard:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._connections.discard(request)
        super().shutdown_request(request)

    def drop_connections(self) -> None:
        with self._guard:
            for connection in self._connections:
                with contextlib.suppress(OSError):  # the client may be faster
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no error of ours."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "stand-in", ""
    server: _Server
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
