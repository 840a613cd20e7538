"""What can go wrong at the broker, one table: name -> what the wire shows.

Two more faults are the client's side of the wire and need no server: a name that does not resolve (use a host under
`.invalid`) and a refused connection (`Broker.stop`).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

Wire = Literal["whole", "hang", "drip", "truncated", "reset"]


@dataclass(frozen=True)
class Response:
    """What the server is about to send; `wire` says how the bytes leave."""

    status: int
    body: bytes
    headers: dict[str, str]
    wire: Wire = "whole"


@dataclass(frozen=True)
class Fields:
    """An endpoint's number, and its word from a list of known ones, for the faults of single values."""

    number: str
    word: str


FIELDS = {
    "account": Fields("equity", "status"),
    "positions": Fields("market_value", "exchange"),
    "orders": Fields("qty", "status"),
    "clock": Fields("next_open", "timestamp"),
    "calendar": Fields("open", "date"),
    "activities": Fields("qty", "activity_type"),
    "portfolio_history": Fields("base_value", "timeframe"),
}
ENDPOINTS = tuple(FIELDS)
# The data host's, with its records inside an object.
OTHERS = {"stream": Fields("qty", "event")}  # the websocket: only faults of the handshake, "hang" (mute) and "reset"
MARKET_DATA = {"bars": Fields("c", "t"), "corporate_actions": Fields("new_rate", "process_date")}
HTML = "<html>\r\n<head><title>{0}</title></head>\r\n<body><center><h1>{0}</h1></center><hr>nginx</body>\r\n</html>\r\n"

Change = Callable[[Response, Fields], Response]


def _error(status: int, body: dict[str, Any], **headers: str) -> Change:
    return lambda r, _: Response(status, json.dumps(body).encode(), r.headers | headers)


def _rate_limited(with_reset: bool) -> Change:
    def change(r: Response, _: Fields) -> Response:
        headers = {k: v for k, v in r.headers.items() if with_reset or not k.startswith("X-Ratelimit")}
        if with_reset:
            headers["X-Ratelimit-Remaining"] = "0"
        return Response(429, b'{"code":42910000,"message":"rate limit exceeded"}', headers)

    return change


def _html(status: int, reason: str) -> Change:
    body = HTML.format(f"{status} {reason}").encode()
    return lambda r, _: Response(status, body, r.headers | {"Content-Type": "text/html"})


def _body(body: bytes, **headers: str) -> Change:
    return lambda r, _: replace(r, body=body, headers=r.headers | headers)


def _wire(wire: Wire) -> Change:
    return lambda r, _: replace(r, wire=wire)


def _groups(data: Any) -> dict[str, list[Any]] | None:
    """The records of the data host, by symbol or kind."""
    return next((data[name] for name in MARKET_DATA if name in data), None) if isinstance(data, dict) else None


def _record_lists(data: Any) -> list[list[Any]]:
    """All the records of an answer, in lists that are not empty: the one object, the list, or those inside an object."""
    groups = _groups(data)
    lists = list(groups.values()) if groups is not None else [data if isinstance(data, list) else [data]]
    return [records for records in lists if records]


def _each(change: Callable[[dict[str, Any], Fields], None]) -> Change:
    """Change every object of the answer: the one object, or each of the list."""

    def apply(r: Response, fields: Fields) -> Response:
        data = json.loads(r.body)
        for records in _record_lists(data):
            for item in records:
                change(item, fields)
        return replace(r, body=json.dumps(data).encode())

    return apply


def _set_number(value: Any) -> Change:
    return _each(lambda item, fields: item.update({fields.number: value}))


def _one(change: Callable[[dict[str, Any], Fields], Any]) -> Change:
    """Replace the object in the middle of a list; an answer that is no list is replaced whole."""

    def apply(r: Response, fields: Fields) -> Response:
        data = json.loads(r.body)
        if isinstance(data, dict) and not _groups(data):
            return replace(r, body=json.dumps(change(data, fields)).encode())
        for records in _record_lists(data)[:1]:
            records[len(records) // 2] = change(records[len(records) // 2], fields)
        return replace(r, body=json.dumps(data).encode())

    return apply


FAULTS: dict[str, Change] = {
    "401": _error(401, {"code": 40110000, "message": "request is not authorized"}),
    "403": _error(403, {"message": "forbidden."}),
    "404": _error(404, {"code": 40410000, "message": "resource not found"}),
    "422": _error(422, {"code": 42210000, "message": "unprocessable"}),
    "429": _rate_limited(with_reset=True),
    "429_without_reset": _rate_limited(with_reset=False),
    "500": _error(500, {"code": 50010000, "message": "internal server error occurred"}),
    "502": _html(502, "Bad Gateway"),
    "503": _html(503, "Service Temporarily Unavailable"),
    "504": _html(504, "Gateway Time-out"),
    "redirect": lambda r, _: Response(302, b"", r.headers | {"Location": "/v2/elsewhere"}),
    "hang": _wire("hang"),
    "drip": _wire("drip"),
    "truncated": _wire("truncated"),
    "reset": _wire("reset"),
    "bad_gzip": _body(b"\x1f\x8b\x08 this is no gzip", **{"Content-Encoding": "gzip"}),
    "empty": _body(b""),
    "not_json": _body(b"<html>all is well</html>"),
    "null": _body(b"null"),
    "wrong_type": _body(b'"a string"'),
    "number": _body(b"42"),
    "wrong_container": lambda r, _: replace(r, body=b"{}" if r.body.startswith(b"[") else b"[]"),
    "nan": _set_number("NaN"),
    "infinite": _set_number("Infinity"),
    "not_a_number": _set_number("twelve"),
    "null_number": _set_number(None),
    "nested_number": _set_number({"amount": ["1"]}),
    "unknown_enum": _each(lambda item, fields: item.update({fields.word: "SOMETHING_NEW"})),
    "unknown_field": _each(lambda item, _: item.update({"brand_new_field": {"a": [1, None]}})),
    "missing_field": _each(lambda item, fields: item.pop(fields.number, None)),
    "one_broken": _one(lambda item, fields: item | {fields.number: "twelve"}),
    "one_not_an_object": _one(lambda item, _: "not an object"),
}
Script = Sequence[str | None]


class Faults:
    """The switches, per endpoint (one of `ENDPOINTS` or `MARKET_DATA`, or "*" for all): thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._scripts: dict[str, list[str | None]] = {}
        self._turns: dict[str, int] = {}
        self._left: dict[str, int] = {}
        self.cleared = threading.Event()  # wakes what hangs

    def set(self, endpoint: str, fault: str | Script, times: int | None = None) -> None:
        """Break an endpoint until `clear`, or for its next `times` requests.

        A list alternates: `["500", None, "hang"]` breaks the first request, answers the second, hangs at the third, …
        """
        script: list[str | None] = [fault] if isinstance(fault, str) else list(fault)
        if endpoint != "*" and endpoint not in FIELDS | MARKET_DATA | OTHERS:
            raise ValueError(f"unknown endpoint {endpoint!r}: use * or one of {', '.join(FIELDS | MARKET_DATA | OTHERS)}")
        for name in script:
            if name is not None and name not in FAULTS:
                raise ValueError(f"unknown fault {name!r}: use one of {', '.join(FAULTS)}")
        with self._lock:
            self._scripts[endpoint], self._turns[endpoint] = script, 0
            self._left.pop(endpoint, None)
            if times is not None:
                self._left[endpoint] = times
            self.cleared.clear()

    def clear(self, endpoint: str | None = None) -> None:
        """Mend one endpoint or all; requests that hang are dropped."""
        with self._lock:
            for name in list(self._scripts) if endpoint is None else [endpoint]:
                self._scripts.pop(name, None)
                self._left.pop(name, None)
            self.cleared.set()

    def next(self, endpoint: str) -> str | None:
        """The fault for this request, if any."""
        with self._lock:
            key = endpoint if endpoint in self._scripts else "*"
            script = self._scripts.get(key)
            if not script:
                return None
            fault = script[self._turns[key] % len(script)]
            self._turns[key] += 1
            if key in self._left:
                self._left[key] -= 1
                if self._left[key] <= 0:
                    del self._scripts[key], self._left[key]
            return fault


def broken(response: Response, endpoint: str, fault: str) -> Response:
    """The response as the fault leaves it."""
    return FAULTS[fault](response, (FIELDS | MARKET_DATA | OTHERS)[endpoint])
