"""The stand-in broker: Alpaca's trading API and data host over HTTP on the loopback, read-only, with switchable faults.

broker = Broker(ledger, clock=time.time)
broker.start()
broker.url                              # http://127.0.0.1:<port>, for the SDK's url_override
broker.faults.set("account", "hang")    # see faults.FAULTS
broker.requests, broker.writes          # what was asked; writes must stay 0
broker.stop()
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bigdipper_exporter.demo.simulator import marketdata, queries
from bigdipper_exporter.demo.simulator.faults import Faults, Response
from bigdipper_exporter.demo.simulator.ledger import Ledger
from bigdipper_exporter.demo.simulator.queries import BadRequest
from bigdipper_exporter.demo.simulator.server import Request, Server
from bigdipper_exporter.demo.simulator.tape import Tape


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
        self._server: Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The base URL, without `/v2`; it stays the same while the broker is stopped."""
        if not self._port:
            raise RuntimeError("the broker has not been started")
        return f"http://127.0.0.1:{self._port}"

    def listen(self) -> None:
        """Take the port. Who connects waits for `start`. Raises OSError where the port cannot be had."""
        self._server = Server((self._host, self._port), self)
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
