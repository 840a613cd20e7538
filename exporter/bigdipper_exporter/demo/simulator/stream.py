"""The stand-in's `trade_updates` over a websocket: login, listen, and an event for each new order and fill."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

from bigdipper_exporter.demo.simulator.ledger import Ledger

PATH = "/stream"
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
LOOK_SECONDS = 0.05
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def accept(key: str) -> str:
    """The header Sec-WebSocket-Accept for that of the client."""
    return base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()


class Socket:
    """The server's side of a websocket on an open connection: whole frames only, which is all that a login needs."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._received = b""

    def send(self, data: Any) -> None:
        """Send JSON in a binary frame, as the paper host does."""
        self._frame(BINARY, json.dumps(data).encode())

    def _frame(self, kind: int, body: bytes) -> None:
        size = bytes([len(body)]) if len(body) < 126 else b"\x7e" + struct.pack(">H", len(body))
        self._connection.sendall(bytes([0x80 | kind]) + size + body)

    def messages(self, wait: float) -> list[Any]:
        """What came within `wait` seconds; pings are answered. Raises ConnectionError when the client has gone."""
        self._connection.settimeout(wait)
        try:
            chunk = self._connection.recv(65536)
            if not chunk:
                raise ConnectionError("closed")
            self._received += chunk
        except TimeoutError:
            return []
        found = []
        while (frame := self._next()) is not None:
            kind, body = frame
            if kind == CLOSE:
                raise ConnectionError("closed")
            if kind == PING:
                self._frame(PONG, body)
            elif kind in (TEXT, BINARY):
                found.append(json.loads(body))
        return found

    def _next(self) -> tuple[int, bytes] | None:
        data = self._received
        if len(data) < 6:
            return None
        size, start = data[1] & 0x7F, 2
        if size == 126:
            size, start = struct.unpack(">H", data[2:4])[0], 4
        if len(data) < start + 4 + size:
            return None
        mask, body = data[start : start + 4], data[start + 4 : start + 4 + size]
        self._received = data[start + 4 + size :]
        return data[0] & 0x0F, bytes(byte ^ mask[i % 4] for i, byte in enumerate(body))


def serve(
    connection: socket.socket,
    ledger: Ledger,
    authorized: Callable[[str | None, str | None], bool],
    stopping: Callable[[], bool],
    mute: Callable[[], bool],
    forgets: Callable[[], bool],
) -> None:
    """Talk to one client until it goes; `mute`: say nothing, whatever it asks; `forgets`: answer, but send no events."""
    wire, listens = Socket(connection), False
    orders, fills = len(ledger.orders), len(ledger.activities)
    while not stopping():
        for said in wire.messages(LOOK_SECONDS):
            data = said.get("data", {})
            if mute():
                continue
            if said.get("action") == "authenticate":
                status = "authorized" if authorized(data.get("key_id"), data.get("secret_key")) else "unauthorized"
                wire.send({"stream": "authorization", "data": {"status": status, "action": "authenticate"}})
            elif said.get("action") == "listen":
                listens = True
                wire.send({"stream": "listening", "data": {"streams": data.get("streams", [])}})
        if listens and not mute() and not forgets():
            for order_id in list(ledger.orders)[orders:]:
                wire.send(_update("new", order_id))
            for activity in ledger.activities[fills:]:
                if activity.type == "FILL":
                    wire.send(_update("fill", activity.body["order_id"], **activity.body))
        orders, fills = len(ledger.orders), len(ledger.activities)


def _update(event: str, order_id: str, /, **more: str) -> dict[str, Any]:
    data = {"event": event, "order": {"id": order_id}, "timestamp": f"{time.time():.3f}"}
    return {"stream": "trade_updates", "data": data | more}
