"""The live channel: what the bot logs arrives within moments, and nothing is lost between two connections."""

import asyncio
import http.client
import json
import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.types import Message
from websockets.sync.client import ClientConnection, connect

from bigdipper_exporter.api.archives import Archives
from bigdipper_exporter.api.live import endpoints, stream
from bigdipper_exporter.api.live import feed as live_feed
from bigdipper_exporter.api.live.endpoints import EventStream
from bigdipper_exporter.api.live.events import Encoded, encode
from bigdipper_exporter.api.live.feed import Batch, Feed
from bigdipper_exporter.api.live.stream import Live, Subscription
from bigdipper_exporter.archive.errors import ArchiveError
from bigdipper_exporter.archive.queries.changes import Change
from bigdipper_exporter.archive.queries.trades import Trade
from tests.api.conftest import TOKEN, Opened
from tests.api.test_command import serving
from tests.oracle import NEW_YORK
from tests.running import Monitor, monitor

DEADLINE = 20.0
WRONG = ("", "{", "[]", '{"subscribe": []}', '{"subscribe": ["trade"]}', '{"subscribe": ["trades"], "since": -1}')


def stamp() -> str:
    return datetime.now(NEW_YORK).strftime("%Y-%m-%d %H:%M:%S")


def trade(number: int) -> str:
    """A line of the log that names an order; its quantity is its number."""
    order = f"00000000-0000-4000-8000-{number:012d}"
    return f"{stamp()} [INFO] [TRADE] BUY NVDA: {number}.0000 shares @ $100.00 = ${number * 100:,}.00 (order {order})"


@pytest.fixture
def bot(tmp_path: Path) -> Iterator[Monitor]:
    """A monitor whose bot has just begun its first cycle."""
    with monitor(tmp_path) as one:
        one.say(f"{stamp()} [INFO] Cycle #1 - {stamp()[11:]}")
        yield one


class Client:
    """A WebSocket client of a running API."""

    def __init__(self, url: str, *channels: str, since: int | None = None) -> None:
        address = url.replace("http://", "ws://").removesuffix("/api/v1/") + "/ws/live"
        self._context = connect(address, additional_headers={"Authorization": f"Bearer {TOKEN}"})
        self.connection: ClientConnection = self._context.__enter__()
        self.connection.send(json.dumps({"subscribe": list(channels), **({} if since is None else {"since": since})}))

    def next(self) -> Any:
        return json.loads(self.connection.recv(DEADLINE))

    def of(self, event: str) -> Any:
        """The next message of this kind."""
        while (found := self.next())["event"] != event:
            pass
        return found

    def cut(self) -> None:
        """Drop the connection without a word."""
        self.connection.socket.shutdown(socket.SHUT_RDWR)
        self._context.__exit__(None, None, None)


def test_every_channel_brings_what_the_log_says(bot: Monitor) -> None:
    with serving(bot.log.parent, "--archive.path", bot.archive) as url:
        client = Client(url, "trades", "account", "opportunities", "skips", "brake", "positions")
        assert client.next()["event"] == "subscribed"
        began = time.monotonic()
        bot.say(trade(3))
        event = client.of("trades")
        assert time.monotonic() - began < DEADLINE
        assert (event["data"]["symbol"], event["data"]["quantity"], event["data"]["value"]) == ("NVDA", 3.0, 300.0)
        bot.say(f"{stamp()} [INFO] [ACCOUNT] equity=$35000.00 cash=$-1000.00 leverage=103.0%")
        assert client.of("account")["data"]["equity"] == 35_000.0
        bot.say(f"{stamp()} [DEBUG] [OPPORTUNITY] AMD -6.21% @ $152.20 score=1.24x QUALIFIED")
        assert client.of("opportunities")["data"]["outcome"] == "unknown"
        bot.say(f"{stamp()} [WARNING] AMD: Insufficient buying power (need $1,700.00, have $12.00)")
        assert client.of("skips")["data"]["symbol"] == "AMD"
        assert client.of("opportunities")["data"]["outcome"] == "capital"
        bot.say(
            f"{stamp()} [INFO] Cycle #2 - {stamp()[11:]}", f"{stamp()} [WARNING] ⚠️  EMERGENCY BRAKE: Leverage 115.7% > 115.0%"
        )
        assert client.of("brake")["data"]["open"] is True
        row = f"INSERT INTO position_snapshots (ts, symbol, date, quantity) VALUES ({time.time()}, 'AMD', 'x', 2)"
        bot.store.connection.execute(row)
        assert client.of("positions")["data"]["quantity"] == 2
        client.cut()


def test_a_client_that_is_cut_at_random_misses_nothing(bot: Monitor) -> None:
    chance, wanted = random.Random(5), 120
    done = threading.Event()

    def write() -> None:
        for number in range(1, wanted + 1):
            bot.say(trade(number), f"{stamp()} [INFO] [ACCOUNT] equity=${35_000 + number}.00 cash=$10.00 leverage=0.0%")
            time.sleep(chance.uniform(0, 0.04))
        done.set()

    with serving(bot.log.parent, "--archive.path", bot.archive) as url:
        client = Client(url, "trades")
        place = client.next()["seq"]
        writer = threading.Thread(target=write)
        writer.start()
        seen: list[int] = []
        while len(seen) < wanted:
            for _ in range(chance.randrange(1, 15)):
                event = client.next()
                assert event["event"] in ("trades", "subscribed"), event
                if event["event"] == "trades":
                    assert event["seq"] > place
                    place = event["seq"]
                    seen.append(round(event["data"]["quantity"]))
                if len(seen) == wanted:
                    break
            client.cut()
            client = Client(url, "trades", since=place)
        writer.join()
        client.cut()
        assert seen == list(range(1, wanted + 1))


def test_nothing_is_lost_while_the_api_is_down(bot: Monitor) -> None:
    with serving(bot.log.parent, "--archive.path", bot.archive) as url:
        client = Client(url, "trades")
        client.next()
        bot.say(trade(1))
        place = client.of("trades")["seq"]
        client.cut()
    bot.say(*(trade(number) for number in range(2, 8)))
    with serving(bot.log.parent, "--archive.path", bot.archive) as url:
        client = Client(url, "trades", since=place)
        assert [client.of("trades")["data"]["quantity"] for _ in range(6)] == [2, 3, 4, 5, 6, 7]
        client.cut()


def test_server_sent_events_are_the_same_and_go_on_after_the_last_id(bot: Monitor) -> None:
    def read(url: str, path: str, count: int, **headers: str) -> list[tuple[int, str, Any]]:
        address = url.removeprefix("http://").partition("/")[0]
        with closing(http.client.HTTPConnection(address, timeout=DEADLINE)) as connection:
            connection.request("GET", path, headers={"Authorization": f"Bearer {TOKEN}", **headers})
            answer = connection.getresponse()
            assert (answer.status, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
            found: list[tuple[int, str, Any]] = []
            while len(found) < count:
                block = [answer.readline().decode().rstrip("\n") for _ in range(4)]
                fields = dict(line.split(": ", 1) for line in block if line)
                found.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
            return found

    with serving(bot.log.parent, "--archive.path", bot.archive) as url:
        (first,) = read(url, "/api/v1/live?subscribe=trades", 1)
        assert first[1] == "subscribed"
        bot.say(trade(1), trade(2), trade(3))
        later = read(url, f"/api/v1/live?subscribe=trades&since={first[0]}", 4)
        assert [event[2]["data"]["quantity"] for event in later if event[1] == "trades"] == [1, 2, 3]
        again = read(url, "/api/v1/live?subscribe=trades", 2, **{"Last-Event-ID": str(later[2][0])})
        assert again[1][2]["data"]["quantity"] == 3
        # A browser connects again with the address that it began with, and the number of what it saw last.
        address = f"/api/v1/live?subscribe=trades&since={first[0]}"
        again = read(url, address, 2, **{"Last-Event-ID": str(later[2][0])})
        assert again[1][2]["data"]["quantity"] == 3


def test_a_busy_archive_ends_a_websocket_with_try_again_later(
    open_api: Opened, bot: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy(*_: object) -> Batch:
        raise ArchiveError("the archive is busy")

    monkeypatch.setattr(Feed, "after", busy)
    with open_api(bot.archive, now=time.time()).websocket_connect("/ws/live") as socket:
        socket.send_json({"subscribe": ["trades"]})
        assert socket.receive_json()["event"] == "subscribed"
        assert socket.receive() == {"type": "websocket.close", "code": 1013, "reason": "the archive is busy"}


def test_a_row_that_cannot_be_shown_is_a_gap_and_the_next_ones_come(
    open_api: Opened, bot: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(change: Change) -> Encoded:
        if isinstance(change.row, Trade) and change.row.quantity == 2:
            raise ValueError("a row that the model refuses")
        return encode(change)

    monkeypatch.setattr(live_feed, "encode", refuse)
    with open_api(bot.archive, now=time.time()).websocket_connect("/ws/live") as socket:
        socket.send_json({"subscribe": ["trades"]})
        assert socket.receive_json()["event"] == "subscribed"
        bot.say(trade(1), trade(2), trade(3))
        found = [socket.receive_json() for _ in range(3)]
    assert [event["event"] for event in found] == ["trades", "gap", "trades"]
    assert found[2]["data"]["quantity"] == 3


def test_the_feed_goes_on_after_any_error(open_api: Opened, bot: Monitor, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Feed._take
    failed: list[bool] = []

    async def fail_once(feed: Feed, replaced: bool) -> None:
        if not failed:
            failed.append(replaced)
            raise RuntimeError("a bug")
        await real(feed, replaced)

    monkeypatch.setattr(Feed, "_take", fail_once)
    with open_api(bot.archive, now=time.time()).websocket_connect("/ws/live") as socket:
        socket.send_json({"subscribe": ["trades"]})
        assert socket.receive_json()["event"] == "subscribed"
        bot.say(trade(1))
        assert socket.receive_json()["data"]["quantity"] == 1
    assert failed


def test_a_restored_archive_is_noticed_though_its_numbers_are_not_smaller(
    open_api: Opened, lived: Path, tmp_path: Path
) -> None:
    archive, restored = tmp_path / "archive.db", tmp_path / "restored.db"
    for path in (archive, restored):
        path.write_bytes(lived.read_bytes())
    with open_api(archive, heartbeat=0.3).websocket_connect("/ws/live") as socket:
        socket.send_json({"subscribe": ["trades"]})
        assert [socket.receive_json()["event"] for _ in range(3)] == ["subscribed", "heartbeat", "heartbeat"]
        restored.replace(archive)
        assert "gap" in [socket.receive_json()["event"] for _ in range(20)]


def test_a_quiet_channel_has_a_heartbeat_that_names_the_place(open_api: Opened, lived: Path) -> None:
    api = open_api(lived, heartbeat=0.05)
    with api.websocket_connect("/ws/live") as socket:
        socket.send_json({"subscribe": ["brake"]})
        assert socket.receive_json()["event"] == "subscribed"
        assert [socket.receive_json()["event"] for _ in range(3)] == ["heartbeat"] * 3


def test_a_place_that_is_no_longer_kept_is_said(open_api: Opened, bot: Monitor) -> None:
    bot.say(trade(1), trade(2), trade(3))
    bot.store.connection.execute("DELETE FROM changes WHERE seq < 3")
    api: TestClient = open_api(bot.archive, now=time.time())
    for since, following in ((0, ["trades"]), (99, [])):
        with api.websocket_connect("/ws/live") as socket:
            socket.send_json({"subscribe": ["trades"], "since": since})
            assert socket.receive_json()["event"] == "gap"
            assert socket.receive_json()["event"] == "subscribed"
            assert [socket.receive_json()["event"] for _ in following] == following


@pytest.mark.parametrize("message", WRONG)
def test_a_wrong_message_is_answered_with_what_is_allowed(api: TestClient, message: str) -> None:
    with api.websocket_connect("/ws/live") as socket:
        socket.send_text(message)
        closed = socket.receive()
        assert (closed["type"], closed["code"]) == ("websocket.close", 1008)
        assert "trades,account" in closed["reason"]


def test_channels_can_be_changed(open_api: Opened, bot: Monitor) -> None:
    api: TestClient = open_api(bot.archive, now=time.time())
    with api.websocket_connect("/ws/live") as socket:
        socket.send_json({"subscribe": ["trades"]})
        socket.receive_json()
        bot.say(trade(1))
        assert socket.receive_json()["event"] == "trades"
        socket.send_json({"subscribe": ["account"]})
        time.sleep(0.2)
        bot.say(trade(2), f"{stamp()} [INFO] [ACCOUNT] equity=$1.00 cash=$1.00 leverage=0.0%")
        assert socket.receive_json()["event"] == "account"


def test_an_unknown_bot_is_refused(api: TestClient) -> None:
    with pytest.raises(WebSocketDenialResponse) as refused, api.websocket_connect("/ws/live?bot=none"):
        pass
    assert refused.value.status_code == 404
    assert api.get("/api/v1/live?bot=none").status_code == 404
    assert api.get("/api/v1/live?subscribe=nothing").status_code == 422


def test_a_hundred_clients_and_no_more(bot: Monitor) -> None:
    with serving(bot.log.parent, "--archive.path", bot.archive, "--api.requests-per-minute", "100000") as url:
        clients = [Client(url, "trades") for _ in range(stream.MOST_CLIENTS)]
        for client in clients:
            assert client.next()["event"] == "subscribed"
        with pytest.raises(Exception, match="503"):
            Client(url, "trades")
        bot.say(trade(7))
        for client in clients:
            assert client.of("trades")["data"]["quantity"] == 7
        for client in clients:
            client.cut()


def test_a_client_that_does_not_read_is_dropped(bot: Monitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoints, "SLOW_SECONDS", 0.05)

    async def stuck(message: Message) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    async def nothing() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def serve() -> Live:
        live = Live(Archives({"bot": bot.archive}))
        response = EventStream(live, live.feed(None), Subscription(["trades"]), None)
        await asyncio.wait_for(response({"type": "http"}, nothing, stuck), DEADLINE)
        return live

    live = asyncio.run(serve())
    live.archives.close()
    assert live.clients == 0


def test_a_first_reading_of_an_old_log_is_no_news(tmp_path: Path) -> None:
    with monitor(tmp_path) as one:
        one.say(f"2025-10-15 10:00:00{trade(1)[19:]}")
        assert one.rows("SELECT COUNT(*) FROM trades") == [(1,)]
        assert one.rows("SELECT COUNT(*) FROM changes") == [(0,)]


def test_the_changes_are_bounded(tmp_path: Path) -> None:
    with monitor(tmp_path) as one:
        execute = one.store.connection.execute
        execute("INSERT INTO changes (seq, channel, ts) VALUES (1, 'trades', 0), (60000, 'trades', 0)")
        assert one.rows("SELECT seq FROM changes") == [(60000,)]
