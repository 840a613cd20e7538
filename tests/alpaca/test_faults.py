"""Every row of the broker's faults, over a real socket with the real SDK; then an hour of them."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from bigdipper_exporter.broker.client import Access, Client
from bigdipper_exporter.broker.poller import Poller, PollSettings
from bigdipper_exporter.broker.rate_budget import PAUSE_UNTOLD, Budget
from bigdipper_exporter.broker.results import ENDPOINTS, Failure, PollResult
from bigdipper_exporter.demo.simulator.faults import FAULTS

OVER_HTTP = True

# What the poll of a list or of the account says about each fault: the reason of its failure, or None where it still works.
REASONS: dict[str, str | None] = {
    "401": "unauthorized",
    "403": "unauthorized",
    "404": "bad_response",
    "422": "bad_response",
    "429": "rate_limited",
    "429_without_reset": "rate_limited",
    "500": "server_error",
    "502": "server_error",
    "503": "server_error",
    "504": "server_error",
    "redirect": "bad_response",
    "hang": "timeout",
    "drip": "timeout",
    "truncated": "connection",
    "reset": "connection",
    "bad_gzip": "bad_response",
    "empty": "bad_response",
    "not_json": "bad_response",
    "null": "bad_response",
    "wrong_type": "bad_response",
    "number": "bad_response",
    "wrong_container": "bad_response",
    "nan": "bad_response",
    "infinite": "bad_response",
    "not_a_number": "bad_response",
    "null_number": None,
    "nested_number": "bad_response",
    "unknown_enum": None,
    "unknown_field": None,
    "missing_field": None,
    "one_broken": None,
    "one_not_an_object": None,
}
# Where an endpoint is not like the lists: the account needs its equity; the clock only whether the exchange is open.
OTHERS: dict[tuple[str, str], str | None] = {
    **{("account", fault): "bad_response" for fault in ("null_number", "missing_field", "one_broken", "one_not_an_object")},
    **{("clock", fault): None for fault in ("nan", "infinite", "not_a_number", "nested_number")},
    ("clock", "one_not_an_object"): "bad_response",
    ("activities", "null_number"): "bad_response",  # a fill without its quantity is no fill
    ("activities", "missing_field"): "bad_response",
}


def test_the_table_of_this_test_knows_every_fault_of_the_stand_in() -> None:
    assert set(REASONS) == set(FAULTS)


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_fault_is_classified_keeps_the_last_values_and_heals(open_desk: Callable[..., Any], fault: str) -> None:
    desk = open_desk(alpaca_timeout=1.0, **{f"alpaca_{endpoint}_interval": 60.0 for endpoint in ENDPOINTS})
    desk.broker.ledger.place("NVDA", 1, 100, desk.timing.time())
    desk.advance(130)
    before = desk.metrics()
    kept = {n: v for n, v in before.items() if n.startswith(("bigdipper_account_", "bigdipper_position"))}
    for endpoint in ENDPOINTS:
        desk.broker.faults.set(endpoint, fault)
    # A refusal pauses all endpoints for a minute, and one that was refused may be asked again before the others.
    desk.advance(900 if "429" in fault else 65, step=5)
    during = desk.metrics()
    for endpoint in ENDPOINTS:
        expected = OTHERS.get((endpoint, fault), REASONS[fault])
        assert during[f'bigdipper_alpaca_up{{endpoint="{endpoint}"}}'] == float(expected is None), endpoint
        failed = {
            reason: during[f'bigdipper_alpaca_request_failures_total{{endpoint="{endpoint}",reason="{reason}"}}']
            for reason in ("timeout", "rate_limited", "unauthorized", "server_error", "bad_response", "connection")
        }
        assert {reason for reason, count in failed.items() if count} == ({expected} if expected else set()), endpoint
        assert desk.view.why.get(endpoint) == expected, endpoint
    if REASONS[fault] is not None:
        assert {n: during.get(n) for n in kept} == kept
    desk.broker.faults.clear()
    desk.advance(200, step=60)
    after = desk.metrics()
    assert all(after[f'bigdipper_alpaca_up{{endpoint="{endpoint}"}}'] == 1 for endpoint in ENDPOINTS)
    assert not any(desk.view.why.values())
    assert {n: after.get(n) for n in kept} == kept
    assert desk.broker.writes == 0


def test_a_broker_that_is_not_there_at_the_start_is_down_until_it_is(open_desk: Callable[..., Any], broker: Any) -> None:
    broker.stop()
    desk = open_desk()
    desk.advance(60)
    down = desk.metrics()
    assert {down[f'bigdipper_alpaca_up{{endpoint="{endpoint}"}}'] for endpoint in ("account", "positions", "clock")} == {0}
    assert "bigdipper_alpaca_rate_limit" not in down
    desk.broker.start()
    desk.advance(600)
    assert desk.metrics()['bigdipper_alpaca_up{endpoint="account"}'] == 1


def test_one_broken_record_among_twenty_removes_no_total(desk: Any) -> None:
    for i in range(16):
        desk.broker.ledger.trade(f"SYM{chr(65 + i)}", 1, 100 + i, desk.timing.time())
    desk.advance(65)
    assert len(desk.view.positions) == 20
    whole = desk.metrics()
    desk.broker.faults.set("positions", "one_broken", times=1)
    desk.advance(65)
    metrics = desk.metrics()
    (named,) = [name for name in metrics if name.startswith("bigdipper_position_unpriced")]
    value = whole[named.replace("unpriced", "market_value_usd")]
    assert sum(name.startswith("bigdipper_position_quantity") for name in metrics) == 20
    assert metrics['bigdipper_alpaca_rejected_records_total{endpoint="positions"}'] == 1
    assert metrics['bigdipper_alpaca_up{endpoint="positions"}'] == 1
    assert metrics["bigdipper_account_unrealized_pl_usd"] == whole["bigdipper_account_unrealized_pl_usd"]
    equity = metrics["bigdipper_account_equity_usd"]
    assert metrics["bigdipper_account_leverage_ratio"] == pytest.approx(
        whole["bigdipper_account_leverage_ratio"] - value / equity
    )
    desk.advance(65)
    assert not [name for name in desk.metrics() if name.startswith("bigdipper_position_unpriced")]


def test_a_record_that_is_none_is_counted_and_the_account_stands_in_for_its_value(desk: Any) -> None:
    whole = desk.metrics()
    desk.broker.faults.set("positions", "one_not_an_object")
    desk.advance(130)
    metrics = desk.metrics()
    assert metrics["bigdipper_positions_unreadable"] == 1
    assert sum(name.startswith("bigdipper_position_quantity") for name in metrics) == 3
    hidden = {n for n in whole if n.startswith("bigdipper_position_quantity")} - set(metrics)
    assert hidden == {'bigdipper_position_quantity{symbol="BRK.B"}'}, "a stock"
    assert metrics["bigdipper_account_leverage_ratio"] == pytest.approx(whole["bigdipper_account_leverage_ratio"])
    assert desk.one("SELECT count(*) FROM position_snapshots WHERE quantity = 0") == 0, "the hidden one was not sold"
    desk.broker.faults.clear()
    desk.advance(65)
    assert desk.metrics()["bigdipper_positions_unreadable"] == 0


def test_a_price_that_is_null_is_absent_and_the_position_is_not(desk: Any) -> None:
    desk.broker.faults.set("positions", "null_number")
    desk.advance(65)
    metrics = desk.metrics()
    assert 'bigdipper_position_market_value_usd{symbol="AMD"}' not in metrics
    assert metrics['bigdipper_position_quantity{symbol="AMD"}'] == 11.5036


def test_an_hour_of_alternating_faults_ends_with_true_figures_and_within_the_share(open_desk: Callable[..., Any]) -> None:
    desk = open_desk()
    names = sorted(set(FAULTS) - {"hang", "drip"})  # each of these two costs a real second a request
    for offset, endpoint in enumerate(ENDPOINTS):
        script = list(itertools.islice(itertools.cycle(names), offset * 7, offset * 7 + len(names)))
        desk.broker.faults.set(endpoint, [f for name in script for f in (name, None)])
    ledger = desk.broker.ledger
    for minute in range(60):
        if minute % 5 == 2:
            ledger.trade("AMD", 1, 200 + minute, desk.timing.time())
        desk.advance(60)
    desk.broker.faults.clear()
    desk.advance(900)
    body, metrics = desk.asked("account"), desk.metrics()
    assert metrics["bigdipper_account_equity_usd"] == float(body["equity"])
    assert metrics['bigdipper_fills_total{symbol="AMD",side="buy"}'] == 13
    assert metrics['bigdipper_orders_total{status="filled"}'] == 16
    assert desk.one("SELECT count(*) FROM fills") == len(list(ledger.fills())) == 16
    assert all(metrics[f'bigdipper_alpaca_up{{endpoint="{endpoint}"}}'] == 1 for endpoint in ENDPOINTS)
    assert desk.broker.writes == 0
    times = sorted(r.at for r in desk.broker.requests if r.headers.get("User-Agent", "").startswith("APCA-PY"))
    assert max(sum(t <= u < t + 60 for u in times) for t in times) <= 60
    sent = sum(v for n, v in metrics.items() if n.startswith("bigdipper_alpaca_requests_total"))
    assert sent == len(times), "every request on the wire is counted"


def test_wrong_credentials_are_asked_ever_more_rarely(open_desk: Callable[..., Any]) -> None:
    desk = open_desk()
    desk.broker.keys["PKSIMULATED"] = "another-secret"
    desk.advance(3600)
    refused = len(desk.broker.requests)
    desk.advance(3600)
    assert len(desk.broker.requests) - refused <= 30, "seven tasks, each every 15 minutes"
    metrics = desk.metrics()
    assert metrics['bigdipper_alpaca_up{endpoint="account"}'] == 0
    assert metrics['bigdipper_alpaca_request_failures_total{endpoint="account",reason="unauthorized"}'] > 3
    assert "bigdipper_account_equity_usd" not in metrics
    desk.broker.keys["PKSIMULATED"] = "simulated-secret"
    desk.advance(1000)
    assert desk.metrics()['bigdipper_alpaca_up{endpoint="account"}'] == 1


def test_a_server_that_fails_for_hours_is_asked_again_within_an_interval(desk: Any) -> None:
    desk.broker.faults.set("account", "500")
    desk.advance(7200)
    asked = [request.at for request in desk.broker.requests if request.fault]
    assert max(later - earlier for earlier, later in itertools.pairwise(asked)) < 65


@pytest.mark.parametrize("told", [True, False])
def test_after_a_refusal_for_too_many_requests_nothing_is_asked_for_a_while(desk: Any, told: bool) -> None:
    desk.broker.faults.set("account", "429" if told else "429_without_reset", times=1)
    desk.advance(200, step=5)
    (refused,) = (request.at for request in desk.broker.requests if request.fault)
    until = (refused // 60 + 1) * 60 if told else refused + PAUSE_UNTOLD
    assert min(request.at for request in desk.broker.requests if request.at > refused) > until - 2


def test_little_remaining_budget_is_left_to_the_bot(desk: Any) -> None:
    desk.advance(30)
    while desk.broker.rate.used < 165:
        desk.broker.rate.take(desk.timing.time())
    ours = len(desk.broker.requests)
    minute = int(desk.timing.time() // 60)
    desk.advance(300, step=1)
    same_minute = [r for r in desk.broker.requests[ours:] if int(r.at // 60) == minute]
    assert len(same_minute) <= 1, "the first answer says that little is left, then nothing is sent until the reset"
    assert len(desk.broker.requests) > ours + 5


def test_dns_gone_and_a_refused_connection_are_connection_failures(broker: Any) -> None:
    url = broker.url
    broker.stop()
    for where in (url, "http://broker.invalid"):
        client = Client(Access("PK", "secret", url=where, timeout=2), Budget(60, time.monotonic), time.sleep)
        with pytest.raises(Failure) as failed:
            client.get("/account")
        assert failed.value.reason == "connection"
        assert "secret" not in str(failed.value)


def test_a_kept_alive_connection_that_was_dropped_is_asked_again_at_once(broker: Any) -> None:
    client = Client(Access("PKSIMULATED", "simulated-secret", url=broker.url), Budget(60, time.monotonic), time.sleep)
    client.get("/clock")
    broker.faults.set("clock", "reset", times=1)
    assert client.get("/clock")["is_open"] is True
    broker.stop()
    broker.start()
    assert client.get("/clock")["is_open"] is True
    assert [a.reason for a in client.drain()] == [None] * 4, "the dropped one was sent, and was no failure of the broker"
    broker.faults.set("clock", "reset")
    with pytest.raises(Failure):
        client.get("/clock")
    assert [a.reason for a in client.drain()] == [None, "connection"], "asked again once, not for ever"
    client.close()


def test_nothing_but_get_ever_leaves(broker: Any) -> None:
    client = Client(Access("PKSIMULATED", "simulated-secret", url=broker.url), Budget(60, time.monotonic), time.sleep)
    sdk = client._sdk
    for write in (
        lambda: sdk.post("/orders", {}),
        lambda: sdk.delete("/orders"),
        lambda: sdk.patch("/orders/1", {}),
        lambda: sdk.put("/watchlists/1", {}),
        lambda: sdk._session.post(broker.url + "/v2/orders"),
    ):
        with pytest.raises(RuntimeError, match="refused"):
            write()
    assert broker.writes == 0
    assert broker.requests == []
    client.close()


def test_a_stop_takes_no_second_while_a_request_hangs(broker: Any) -> None:
    broker.faults.set("*", "hang")
    results: list[PollResult] = []
    access = Access("PKSIMULATED", "simulated-secret", url=broker.url, timeout=60)
    poller = Poller(access, PollSettings(), results.append)
    poller.start()
    deadline = time.monotonic() + 20
    while not broker.requests and time.monotonic() < deadline:
        time.sleep(0.01)
    assert broker.requests
    begun = time.monotonic()
    poller.stop()
    assert time.monotonic() - begun < 1
    broker.faults.clear()
    for thread in threading.enumerate():
        if thread.name == "alpaca":
            thread.join(10)
    assert results == []


def test_a_stop_before_the_sdk_is_loaded_is_quiet(broker: Any) -> None:
    poller = Poller(Access("PKSIMULATED", "simulated-secret", url=broker.url), PollSettings(), lambda r: None)
    poller.start()
    poller.stop()
    poller.stop()


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize("piece", [HEAD + b"X-Drip: 1\r\n" * 90, HEAD + b"Content-Length: 900\r\n\r\n" + b"x" * 900])
def test_one_byte_at_a_time_cannot_outlast_the_deadline_in_the_head_or_in_the_body(piece: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                connection.recv(65536)
                for byte in piece:
                    connection.sendall(bytes([byte]))
                    time.sleep(0.05)

        thread = threading.Thread(target=drip)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        client = Client(Access("PK", "secret", url=url, timeout=1), Budget(60, time.monotonic), time.sleep)
        begun = time.monotonic()
        with pytest.raises(Failure) as failed:
            client.get("/account")
        assert failed.value.reason == "timeout"
        assert time.monotonic() - begun < 5
        client.close()
        thread.join(10)


def test_an_answer_without_end_is_refused(monkeypatch: pytest.MonkeyPatch, broker: Any) -> None:
    monkeypatch.setattr("bigdipper_exporter.broker.transport.MOST_BYTES", 100)
    client = Client(Access("PKSIMULATED", "simulated-secret", url=broker.url), Budget(60, time.monotonic), time.sleep)
    with pytest.raises(Failure) as failed:
        client.get("/account")
    assert failed.value.reason == "bad_response"
    client.close()
