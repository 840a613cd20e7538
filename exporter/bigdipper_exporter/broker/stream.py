"""Alpaca's stream of order events. It only says that something happened: every figure still comes from polling.

There is no replay, and silence for days is normal: whatever happens here, polling continues regardless. The SDK's own
stream is not used: it waits without a deadline for the answer to its login, and retries for ever with a wrong key.
"""

import json
import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

from bigdipper_exporter import logs
from bigdipper_exporter.broker.announced import Announced
from bigdipper_exporter.broker.models import Activity

Refusal = Literal["auth", "limit", "mute", "network"]
REFUSALS: tuple[Refusal, ...] = ("auth", "limit", "mute", "network")

OPEN_SECONDS, LOGIN_SECONDS, PING_SECONDS = 5.0, 10.0, 10.0
RECV_SECONDS = 2.0  # the longest that a stop waits
COALESCE_SECONDS = 2.0
LARGEST_MESSAGE = 1 << 20
RETRIES = (1.0, 2.0, 5.0, 15.0, 60.0)
REFUSED_RETRY = 600.0  # a wrong key stays wrong, and a second listener must not lock out the first
GOOD_SECONDS = 60.0  # how long a connection must last before the waits between retries are short again
STOP_SECONDS = 0.5

log = logs.get("alpaca-stream")
_SILENT = logging.getLogger("bigdipper_exporter.silent")  # frames hold the secret
_SILENT.disabled = True


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """How the stream is doing. Times are unix seconds; refused: why the last connection failed or ended.

    missed: fills in a row that polling found and the stream did not name.
    """

    up: bool = False
    events: int = 0
    last_event: float | None = None
    refused: Refusal | None = None
    missed: int = 0


class Refused(Exception):
    """The stream cannot be used now."""

    def __init__(self, reason: Refusal, detail: str) -> None:
        super().__init__(detail)
        self.reason: Refusal = reason


class Socket(Protocol):
    """What is used of a websocket."""

    def send(self, message: str) -> None:
        """Send one message."""

    def recv(self, timeout: float | None = None) -> str | bytes:
        """Return the next message. Raises TimeoutError."""


Open = AbstractContextManager[Socket]


def address(url: str) -> str:
    """Return the stream's address for that of the trading API."""
    parts = urlsplit(url)
    return parts._replace(scheme="wss" if parts.scheme == "https" else "ws", path=parts.path.rstrip("/") + "/stream").geturl()


class Stream:
    """Listens until `stop`, on a thread of its own; `wake` is called after events, at most every two seconds."""

    def __init__(self, url: str, key: str, secret: str, wake: Callable[[], None], connect: Callable[[str], Open] | None = None):
        self._url, self._key, self._secret, self._wake = address(url), key, secret, wake
        self._connect = connect or _connect
        self._stopping = threading.Event()
        self._throttle = logs.Throttle(log, 3600)
        self.status = StreamStatus()
        self._announced = Announced()
        self._thread = threading.Thread(target=self._run, name="alpaca-stream", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """End; a connection that hangs is left behind."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)

    def compare_fills(self, fills: Iterable[Activity]) -> None:
        """Compare fills that polling found with what the stream named; safe from any thread."""
        for fill in fills:
            if fill.is_fill and fill.order_id is not None:
                self._announced.found(fill.order_id, fill.ts)

    def _run(self) -> None:
        tries = 0
        while not self._stopping.is_set():
            begun = time.monotonic()
            reason: Refusal = "network"
            detail = "the connection ended"
            try:
                self._listen()
            except Refused as refused:
                reason, detail = refused.reason, str(refused)
            except Exception as error:  # a stream that fails in any way costs nothing but itself
                detail = type(error).__name__
            if self._stopping.is_set():
                return
            self.status = replace(self.status, up=False, refused=reason)
            self._throttle.problem("stream", "the stream of orders is down: polling goes on", reason=reason, detail=detail)
            tries = 1 if time.monotonic() - begun > GOOD_SECONDS else tries + 1
            wait = RETRIES[min(tries, len(RETRIES)) - 1] if reason in ("network", "mute") else REFUSED_RETRY
            self._stopping.wait(wait * random.uniform(0.8, 1.2))

    def _listen(self) -> None:
        with self._connect(self._url) as socket:
            self._log_in(socket)
            self._announced.connected(time.time())
            self.status = replace(self.status, up=True, refused=None, missed=0)
            self._throttle.solved("stream", "the stream of orders is up")
            self._wake()  # what happened meanwhile is never sent
            self._receive(socket)

    def _log_in(self, socket: Socket) -> None:
        deadline = time.monotonic() + LOGIN_SECONDS
        socket.send(json.dumps({"action": "authenticate", "data": {"key_id": self._key, "secret_key": self._secret}}))
        said = self._answer(socket, "authorization", deadline)
        if said.get("status") != "authorized":
            raise Refused("auth", "the stream refuses the key")
        socket.send(json.dumps({"action": "listen", "data": {"streams": ["trade_updates"]}}))
        streams = self._answer(socket, "listening", deadline).get("streams")
        if not isinstance(streams, list) or "trade_updates" not in streams:
            raise Refused("auth", "the stream does not send trade updates to this key")

    def _answer(self, socket: Socket, name: str, deadline: float) -> dict[str, Any]:
        while not self._stopping.is_set():
            left = deadline - time.monotonic()
            if left <= 0:
                break
            with suppress(TimeoutError):
                stream, data = read(socket.recv(min(left, RECV_SECONDS)))
                if stream == name:
                    return data
        raise Refused("network", f"no answer of the kind {name} in time")

    def _receive(self, socket: Socket) -> None:
        due: float | None = None
        waiting = False
        while not self._stopping.is_set():
            with suppress(TimeoutError):
                stream, data = read(socket.recv(RECV_SECONDS if due is None else max(due - time.monotonic(), 0.0)))
                if stream == "trade_updates":
                    self._announced.named(_order_id(data))
                    self.status = replace(self.status, events=self.status.events + 1, last_event=time.time())
                    if due is None:
                        self._wake()
                        due = time.monotonic() + COALESCE_SECONDS
                        waiting = False
                    else:
                        waiting = True
            mute = self._announced.is_mute(time.time())
            self.status = replace(self.status, missed=self._announced.missed)
            if mute:
                raise Refused("mute", "fills came of which the stream said nothing")
            if due is not None and time.monotonic() >= due:
                due = None
                if waiting:
                    self._wake()


def read(message: str | bytes) -> tuple[str | None, dict[str, Any]]:
    """Return the stream and the data of a message; (None, {}) for anything else."""
    try:
        said = json.loads(message)
    except (ValueError, RecursionError):
        return None, {}
    if not isinstance(said, dict):
        return None, {}
    stream, data = said.get("stream"), said.get("data")
    return (stream if isinstance(stream, str) else None), data if isinstance(data, dict) else {}


def _order_id(data: dict[str, Any]) -> str:
    order = data.get("order")
    return str(order.get("id")) if isinstance(order, dict) else ""


@contextmanager
def _connect(url: str) -> Iterator[Socket]:
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect

    try:
        with connect(
            url,
            open_timeout=OPEN_SECONDS,
            ping_interval=PING_SECONDS,
            ping_timeout=PING_SECONDS,
            close_timeout=2,
            max_size=LARGEST_MESSAGE,
            max_queue=64,
            logger=_SILENT,
        ) as socket:
            yield socket
    except InvalidStatus as error:
        status = error.response.status_code
        if status in (406, 429):
            raise Refused("limit", f"HTTP {status}: too many listeners") from None
        reason: Refusal = "auth" if status in (401, 403, 404) else "network"
        raise Refused(reason, f"HTTP {status}") from None
