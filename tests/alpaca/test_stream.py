"""The stream of order events against the stand-in's websocket: it wakes the poller, and no fault of it costs anything else."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigdipper_exporter.broker import announced, stream
from bigdipper_exporter.broker.models import Activity
from bigdipper_exporter.broker.stream import Stream, address
from bigdipper_exporter.demo.simulator.broker import Broker
from bigdipper_exporter.demo.simulator.ledger import Ledger
from tests.alpaca.conftest import KEY, SECRET, TUESDAY, wait_until

OVER_HTTP = True

Listen = Callable[..., Stream]


class Woken:
    """Counts how often the poller would be woken."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1


@pytest.fixture
def woken() -> Woken:
    return Woken()


@pytest.fixture
def listen(broker: Broker, woken: Woken, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listen]:
    monkeypatch.setattr(stream, "RETRIES", (0.05,))
    monkeypatch.setattr(stream, "RECV_SECONDS", 0.2)
    monkeypatch.setattr(stream, "COALESCE_SECONDS", 0.1)
    running: list[Stream] = []

    def start(key: str = KEY, secret: str = SECRET) -> Stream:
        running.append(Stream(broker.url, key, secret, woken))
        running[-1].start()
        return running[-1]

    yield start
    for one in running:
        one.stop()


def test_a_fill_wakes_the_poller(listen: Listen, woken: Woken, ledger: Ledger) -> None:
    one = listen()
    wait_until(lambda: one.status.up)
    before = woken.times
    ledger.trade("AMD", 1, 214.0, TUESDAY + 60)
    wait_until(lambda: one.status.events == 2)  # the order, and its fill
    wait_until(lambda: woken.times > before)
    assert one.status.last_event is not None
    assert one.status.refused is None


def test_a_burst_wakes_it_once_in_a_while_and_after_its_end(listen: Listen, woken: Woken, ledger: Ledger) -> None:
    one = listen()
    wait_until(lambda: one.status.up)
    for number in range(100):
        ledger.trade("AMD", 1, 214.0, TUESDAY + 60 + number)
    wait_until(lambda: one.status.events == 200)
    last = woken.times
    wait_until(lambda: woken.times > last or woken.times <= 4)
    assert woken.times < 50


def test_a_wrong_key_is_not_tried_again_and_again(listen: Listen, broker: Broker) -> None:
    one = listen(secret="wrong")
    wait_until(lambda: one.status.refused == "auth")
    time.sleep(0.3)
    assert broker.streams == 1
    assert one.status.up is False


@pytest.mark.parametrize(("fault", "reason"), [("429", "limit"), ("403", "auth"), ("404", "auth"), ("503", "network")])
def test_a_refused_handshake(listen: Listen, broker: Broker, fault: str, reason: str) -> None:
    broker.faults.set("stream", fault)
    one = listen()
    wait_until(lambda: one.status.refused == reason)
    assert (one.status.up, broker.streams) == (False, 0)


def test_a_login_that_nobody_answers_ends_in_time(listen: Listen, broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "LOGIN_SECONDS", 0.3)
    broker.faults.set("stream", "hang")
    one = listen()
    wait_until(lambda: one.status.refused == "network")
    broker.faults.clear()
    wait_until(lambda: one.status.up)


def test_a_lost_connection_comes_back_and_polls_what_was_missed(listen: Listen, broker: Broker, woken: Woken) -> None:
    one = listen()
    wait_until(lambda: one.status.up)
    broker.stop()
    wait_until(lambda: not one.status.up)
    before = woken.times
    broker.start()
    wait_until(lambda: one.status.up)
    wait_until(lambda: woken.times > before)


def test_after_a_good_connection_the_first_wait_is_the_shortest(
    listen: Listen, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "RETRIES", (0.05, 600.0))
    monkeypatch.setattr(stream, "GOOD_SECONDS", 0.0)
    one = listen()
    wait_until(lambda: one.status.up)
    broker.stop()
    wait_until(lambda: not one.status.up)
    broker.start()
    wait_until(lambda: one.status.up)


def test_a_stop_does_not_wait_for_a_mute_server(listen: Listen, broker: Broker) -> None:
    broker.faults.set("stream", "hang")
    one = listen()
    wait_until(lambda: broker.streams == 1)
    stopping = threading.Thread(target=one.stop)
    stopping.start()
    stopping.join(5)
    assert not stopping.is_alive()


def executed(one: Stream, number: int) -> None:
    """Polling finds a fill that was executed after the connection was made."""
    one.compare_fills([Activity(f"fill-{number}", "FILL", time.time() + 60, order_id=f"order-{number}")])


def test_a_stream_that_names_no_fill_is_connected_again(
    listen: Listen, broker: Broker, woken: Woken, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announced, "GRACE_SECONDS", 0.1)
    broker.stream_forgets = True
    one = listen()
    wait_until(lambda: one.status.up)
    executed(one, 1)
    wait_until(lambda: one.status.missed == 1)
    assert broker.streams == 1, "one may be late"
    executed(one, 2)
    wait_until(lambda: broker.streams == 2)
    wait_until(lambda: one.status.up)
    assert one.status.missed == 0
    broker.stream_forgets = False
    before = one.status.events
    ledger.trade("AMD", 1, 214.0, TUESDAY + 60)
    wait_until(lambda: one.status.events == before + 2)
    one.compare_fills([Activity("fill", "FILL", time.time() + 60, order_id=list(ledger.orders)[-1])])
    executed(one, 3)
    wait_until(lambda: one.status.missed == 1)
    assert broker.streams == 2


@given(st.lists(st.tuples(st.sampled_from(["named", "found", "old"]), st.integers(0, 5)), max_size=30))
def test_only_fills_in_a_row_that_nobody_named_make_it_mute(steps: list[tuple[str, int]]) -> None:
    known, row, told = announced.Announced(), 0, set[str]()
    known.connected(1000.0)
    now = 1010.0
    for what, number in steps:
        order = f"order-{number}"
        now += announced.GRACE_SECONDS
        if what == "named":
            known.named(order)
            row = 0
            told.add(order)
        else:
            known.found(order, 999.0 if what == "old" else now)
            if what == "found" and order not in told:
                row += 1
                told.add(order)
        known.is_mute(now)
        now += announced.GRACE_SECONDS
        assert known.is_mute(now) == (row >= announced.MOST_MISSED)
        assert known.missed == row


class Recorder:
    """A socket that answers as told and remembers what was sent."""

    def __init__(self, *answers: str) -> None:
        self.sent: list[Any] = []
        self._answers = list(answers)

    def send(self, message: str) -> None:
        self.sent.append(json.loads(message))

    def recv(self, timeout: float | None = None) -> str:
        if not self._answers:
            raise ConnectionError
        return self._answers.pop(0)


def test_nothing_but_login_and_listen_is_ever_sent(caplog: pytest.LogCaptureFixture) -> None:
    authorized = json.dumps({"stream": "authorization", "data": {"status": "authorized"}})
    listening = json.dumps({"stream": "listening", "data": {"streams": ["trade_updates"]}})
    event = json.dumps({"stream": "trade_updates", "data": {"event": "fill"}})
    socket = Recorder("nonsense", authorized, "[1]", listening, event, "{}", event)
    woken = Woken()
    one = Stream("http://127.0.0.1:9", KEY, SECRET, woken, lambda url: contextlib.nullcontext(socket))
    one.start()
    wait_until(lambda: one.status.refused == "network")
    one.stop()
    assert [said["action"] for said in socket.sent] == ["authenticate", "listen"]
    assert one.status.events == 2
    assert SECRET not in caplog.text


def test_a_key_that_may_not_listen_is_refused() -> None:
    authorized = json.dumps({"stream": "authorization", "data": {"status": "authorized"}})
    socket = Recorder(authorized, json.dumps({"stream": "listening", "data": {"streams": []}}))
    one = Stream("http://127.0.0.1:9", KEY, SECRET, Woken(), lambda url: contextlib.nullcontext(socket))
    one.start()
    wait_until(lambda: one.status.refused == "auth")
    one.stop()


@given(st.binary(max_size=50) | st.text(max_size=50) | st.recursive(st.none(), st.lists, max_leaves=3).map(json.dumps))
def test_any_message_is_read(message: str | bytes) -> None:
    name, data = stream.read(message)
    assert name is None or isinstance(name, str)
    assert isinstance(data, dict)


def test_the_address_is_that_of_the_api() -> None:
    assert address("https://paper-api.alpaca.markets") == "wss://paper-api.alpaca.markets/stream"
    assert address("http://127.0.0.1:8099/") == "ws://127.0.0.1:8099/stream"


def test_an_event_polls_orders_account_positions_and_fills_and_fills_again(desk: Any) -> None:
    desk.advance(30, step=1)
    asked = len(desk.broker.requests)
    desk.source.poller.orders_changed()
    desk.advance(1, step=1)
    at_once = [request.endpoint for request in desk.broker.requests[asked:]]
    assert {"orders", "account", "positions", "activities"} <= set(at_once)
    assert len(at_once) <= 8
    desk.advance(20, step=1)
    later = [request.endpoint for request in desk.broker.requests[asked + len(at_once) :]]
    assert later.count("activities") == 3
