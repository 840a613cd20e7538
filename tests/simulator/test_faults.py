"""Each fault does on the wire what its name says, on every endpoint."""

from __future__ import annotations

import json
import math
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from bigdipper_exporter.demo.simulator.broker import Broker
from bigdipper_exporter.demo.simulator.faults import ENDPOINTS, FAULTS, FIELDS

KEYS = {"APCA-API-KEY-ID": "PKSIMULATED", "APCA-API-SECRET-KEY": "simulated-secret"}
PATHS = {
    "account": "/v2/account",
    "positions": "/v2/positions",
    "orders": "/v2/orders?status=all",
    "clock": "/v2/clock",
    "calendar": "/v2/calendar?start=2025-11-03&end=2025-11-07",
    "activities": "/v2/account/activities/FILL",
    "portfolio_history": "/v2/account/portfolio/history",
}


def ask(broker: Broker, endpoint: str, timeout: float = 5) -> requests.Response:
    return requests.get(broker.url + PATHS[endpoint], headers=KEYS, timeout=timeout, allow_redirects=False)


def items(answer: requests.Response) -> list[Any]:
    assert answer.status_code == 200
    data = answer.json()
    return data if isinstance(data, list) else [data]


def raw(broker: Broker, endpoint: str) -> bytes:
    """All bytes until the server closes or resets, by a bare socket."""
    host, port = broker.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as client:
        lines = [f"GET {PATHS[endpoint]} HTTP/1.1", "Host: x", *(f"{k}: {v}" for k, v in KEYS.items()), "", ""]
        client.sendall("\r\n".join(lines).encode())
        received = b""
        while chunk := client.recv(65536):
            received += chunk
    return received


def is_status(code: int, **header: str) -> Callable[[Broker, str], None]:
    def check(broker: Broker, endpoint: str) -> None:
        answer = ask(broker, endpoint)
        assert answer.status_code == code
        assert isinstance(answer.json(), dict)

    return check


def is_html(code: int) -> Callable[[Broker, str], None]:
    def check(broker: Broker, endpoint: str) -> None:
        answer = ask(broker, endpoint)
        assert (answer.status_code, answer.headers["Content-Type"]) == (code, "text/html")
        assert answer.text.startswith("<html>")

    return check


def is_body(body: bytes) -> Callable[[Broker, str], None]:
    def check(broker: Broker, endpoint: str) -> None:
        answer = ask(broker, endpoint)
        assert (answer.status_code, answer.content) == (200, body)

    return check


def is_number(good: Callable[[Any], bool]) -> Callable[[Broker, str], None]:
    def check(broker: Broker, endpoint: str) -> None:
        seen = items(ask(broker, endpoint))
        assert seen
        assert all(good(item.get(FIELDS[endpoint].number, "absent")) for item in seen)

    return check


def check_429(broker: Broker, endpoint: str) -> None:
    answer = ask(broker, endpoint)
    assert (answer.status_code, answer.headers["X-Ratelimit-Remaining"]) == (429, "0")
    assert int(answer.headers["X-Ratelimit-Reset"]) % 60 == 0


def check_429_without_reset(broker: Broker, endpoint: str) -> None:
    answer = ask(broker, endpoint)
    assert answer.status_code == 429
    assert not [name for name in answer.headers if name.lower().startswith("x-ratelimit")]


def check_redirect(broker: Broker, endpoint: str) -> None:
    answer = ask(broker, endpoint)
    assert (answer.status_code, answer.content) == (302, b"")


def check_hang(broker: Broker, endpoint: str) -> None:
    with pytest.raises(requests.ReadTimeout):
        ask(broker, endpoint, timeout=0.3)


def check_drip(broker: Broker, endpoint: str) -> None:
    started = time.monotonic()
    with requests.get(broker.url + PATHS[endpoint], headers=KEYS, timeout=5, stream=True) as answer:
        assert answer.raw.read(2)
    assert 0.4 < time.monotonic() - started < 4


def check_truncated(broker: Broker, endpoint: str) -> None:
    head, _, body = raw(broker, endpoint).partition(b"\r\n\r\n")
    promised = int(dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])[b"Content-Length"])
    assert len(body) == promised // 2
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
        ask(broker, endpoint)


def check_reset(broker: Broker, endpoint: str) -> None:
    with pytest.raises(ConnectionResetError):
        raw(broker, endpoint)


def check_bad_gzip(broker: Broker, endpoint: str) -> None:
    with pytest.raises(requests.exceptions.ContentDecodingError):
        ask(broker, endpoint)


def check_not_json(broker: Broker, endpoint: str) -> None:
    with pytest.raises(requests.exceptions.JSONDecodeError):
        ask(broker, endpoint).json()


def check_wrong_container(broker: Broker, endpoint: str) -> None:
    broker.faults.clear()
    honest = ask(broker, endpoint).json()
    broker.faults.set(endpoint, "wrong_container")
    assert type(ask(broker, endpoint).json()) is not type(honest)


def check_unknown_enum(broker: Broker, endpoint: str) -> None:
    assert {item[FIELDS[endpoint].word] for item in items(ask(broker, endpoint))} == {"SOMETHING_NEW"}


def check_unknown_field(broker: Broker, endpoint: str) -> None:
    assert all("brand_new_field" in item for item in items(ask(broker, endpoint)))


def check_one_broken(broker: Broker, endpoint: str) -> None:
    seen = items(ask(broker, endpoint))
    assert [item[FIELDS[endpoint].number] for item in seen].count("twelve") == 1


def check_one_not_an_object(broker: Broker, endpoint: str) -> None:
    assert [item for item in items(ask(broker, endpoint)) if not isinstance(item, dict)] == ["not an object"]


CHECKS: dict[str, Callable[[Broker, str], None]] = {
    "401": is_status(401),
    "403": is_status(403),
    "404": is_status(404),
    "422": is_status(422),
    "500": is_status(500),
    "429": check_429,
    "429_without_reset": check_429_without_reset,
    "502": is_html(502),
    "503": is_html(503),
    "504": is_html(504),
    "redirect": check_redirect,
    "hang": check_hang,
    "drip": check_drip,
    "truncated": check_truncated,
    "reset": check_reset,
    "bad_gzip": check_bad_gzip,
    "not_json": check_not_json,
    "empty": is_body(b""),
    "null": is_body(b"null"),
    "wrong_type": is_body(b'"a string"'),
    "number": is_body(b"42"),
    "wrong_container": check_wrong_container,
    "nan": is_number(lambda v: math.isnan(float(v))),
    "infinite": is_number(lambda v: math.isinf(float(v))),
    "not_a_number": is_number(lambda v: v == "twelve"),
    "null_number": is_number(lambda v: v is None),
    "nested_number": is_number(lambda v: isinstance(v, dict)),
    "missing_field": is_number(lambda v: v == "absent"),
    "unknown_enum": check_unknown_enum,
    "unknown_field": check_unknown_field,
    "one_broken": check_one_broken,
    "one_not_an_object": check_one_not_an_object,
}


def test_every_fault_of_the_table_is_checked() -> None:
    assert set(CHECKS) == set(FAULTS)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_does_what_its_name_says_and_is_gone_when_cleared(broker: Broker, fault: str, endpoint: str) -> None:
    honest = ask(broker, endpoint).content
    broker.faults.set(endpoint, fault)
    CHECKS[fault](broker, endpoint)
    broker.faults.clear()
    assert ask(broker, endpoint).content == honest
    json.loads(honest)


def test_a_fault_of_one_endpoint_leaves_the_others_alone(broker: Broker) -> None:
    broker.faults.set("account", "500")
    assert [ask(broker, e).status_code for e in ("account", "positions", "clock")] == [500, 200, 200]


def test_a_star_breaks_all_endpoints_and_a_name_wins_over_it(broker: Broker) -> None:
    broker.faults.set("*", "503")
    broker.faults.set("clock", "401")
    assert {e: ask(broker, e).status_code for e in ENDPOINTS} == {e: 401 if e == "clock" else 503 for e in ENDPOINTS}


def test_a_script_alternates_and_times_limits_it(broker: Broker) -> None:
    broker.faults.set("account", ["500", None, "429"])
    assert [ask(broker, "account").status_code for _ in range(6)] == [500, 200, 429] * 2
    broker.faults.set("account", "502", times=2)
    assert [ask(broker, "account").status_code for _ in range(3)] == [502, 502, 200]


def test_stopping_the_broker_frees_a_client_that_hangs(broker: Broker) -> None:
    broker.faults.set("account", "hang")
    with pytest.raises(requests.ReadTimeout):
        ask(broker, "account", timeout=0.2)
    started = time.monotonic()
    broker.stop()
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(("endpoint", "fault"), [("accounts", "500"), ("account", "fire")])
def test_an_unknown_endpoint_or_fault_is_an_error_that_names_the_known_ones(broker: Broker, endpoint: str, fault: str) -> None:
    with pytest.raises(ValueError, match=r"unknown (endpoint|fault) .*: use .*account|unknown fault .*: use one of 401"):
        broker.faults.set(endpoint, fault)


def test_one_broken_position_among_twenty_leaves_nineteen_whole(broker: Broker) -> None:
    for i in range(16):
        broker.ledger.trade(f"SYM{i}", 1, 10 + i, broker.clock())
    honest = ask(broker, "positions").json()
    broker.faults.set("positions", "one_broken")
    seen = ask(broker, "positions").json()
    assert len(seen) == 20
    assert sum(a == b for a, b in zip(honest, seen, strict=True)) == 19
