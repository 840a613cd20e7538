"""The live channel's two ways out: WebSocket and Server-Sent Events."""

import asyncio
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Header, Query, WebSocket, WebSocketDisconnect
from pydantic import ValidationError
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from bigdipper_exporter.api.context import AskedBot
from bigdipper_exporter.api.live.events import CHANNELS, Control
from bigdipper_exporter.api.live.feed import Feed
from bigdipper_exporter.api.live.stream import SLOW_SECONDS, Live, Outgoing, Subscription
from bigdipper_exporter.api.problems import Problem, problem
from bigdipper_exporter.archive.errors import ArchiveError

router = APIRouter()
BAD_MESSAGE, TRY_LATER = 1008, 1013
FIRST_MESSAGE_SECONDS = 30.0
ALL = ",".join(CHANNELS)


@router.websocket("/ws/live")
async def websocket(socket: WebSocket) -> None:
    """Events of the channels that the client subscribes to."""
    live: Live = socket.app.state.live
    try:
        with live.client():
            feed = live.feed(socket.query_params.get("bot"))
            async with feed.following():
                await socket.accept()
                await _serve(socket, live, feed)
    except Problem as error:
        await socket.send_denial_response(problem(error.status, error.detail, error.errors, error.headers))
    except ArchiveError as error:
        await socket.send_denial_response(problem(503, str(error), headers={"Retry-After": "5"}))
    except (WebSocketDisconnect, TimeoutError):
        return


async def _serve(socket: WebSocket, live: Live, feed: Feed) -> None:
    try:
        first = await asyncio.wait_for(_control(socket), FIRST_MESSAGE_SECONDS)
        subscription = Subscription(first.subscribe)
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(_send(socket, live, feed, subscription, first.since))
            try:
                while True:
                    subscription.channels = (await _control(socket)).subscribe
            finally:
                sending.cancel()
    except* (WebSocketDisconnect, TimeoutError, RuntimeError, OSError):
        pass  # gone, or too slow to be waited for
    except* ArchiveError as busy:
        with suppress(RuntimeError, OSError, TimeoutError):
            await asyncio.wait_for(socket.close(TRY_LATER, str(busy.exceptions[0])[:120]), SLOW_SECONDS)
    except* ValueError as wrong:
        await asyncio.wait_for(socket.close(BAD_MESSAGE, str(wrong.exceptions[0])[:120]), SLOW_SECONDS)


async def _control(socket: WebSocket) -> Control:
    """Return the next message of the client. Raises ValueError with what is allowed."""
    try:
        return Control.model_validate_json(await socket.receive_text())
    except (ValidationError, KeyError):
        raise ValueError(f'send {{"subscribe": [...]}}, of {ALL}') from None


async def _send(socket: WebSocket, live: Live, feed: Feed, subscription: Subscription, since: int | None) -> None:
    async for message in live.messages(feed, subscription, since):
        async with asyncio.timeout(SLOW_SECONDS):
            await socket.send_text(message.json)


class EventStream(Response):
    """Server-Sent Events until the client goes or is too slow."""

    media_type = "text/event-stream"

    def __init__(self, live: Live, feed: Feed, subscription: Subscription, since: int | None) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._live, self._feed, self._subscription, self._since = live, feed, subscription, since

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events. Raises Problem, ArchiveError before the first byte only."""
        with self._live.client():
            async with self._feed.following():
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                sending = asyncio.create_task(self._send(send))
                gone = asyncio.create_task(_gone(receive))
                await asyncio.wait((sending, gone), return_when=asyncio.FIRST_COMPLETED)
                for task in (sending, gone):
                    task.cancel()
                await asyncio.gather(sending, gone, return_exceptions=True)

    async def _send(self, send: Send) -> None:
        async for message in self._live.messages(self._feed, self._subscription, self._since):
            async with asyncio.timeout(SLOW_SECONDS):
                await send({"type": "http.response.body", "body": _line(message), "more_body": True})


def _line(message: Outgoing) -> bytes:
    return f"id: {message.seq}\nevent: {message.event}\ndata: {message.json}\n\n".encode()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


@router.get(
    "/api/v1/live",
    summary="Events as Server-Sent Events",
    tags=["live"],
    response_class=EventStream,
    status_code=200,
    responses={
        200: {"description": "Events without end; `id` is the number to go on from.", "content": {"text/event-stream": {}}}
    },
)
async def live(
    asked: AskedBot,
    subscribe: Annotated[
        str, Query(description=f"Channels, separated by commas: {ALL}.", pattern="^[a-z]+(,[a-z]+)*$", max_length=100)
    ] = ALL,
    since: Annotated[int | None, Query(description="The last `id` that was seen; without it only what is new.", ge=0)] = None,
    last_event_id: Annotated[
        str | None, Header(description="As `since`; browsers send it when they connect again.", pattern="^[0-9]{1,15}$")
    ] = None,
) -> EventStream:
    """Return the events of these channels as they happen, from `since` on without a gap."""
    channels = subscribe.split(",")
    if unknown := [channel for channel in channels if channel not in CHANNELS]:
        raise Problem(422, f"there is no channel {unknown[0]!r}; allowed: {ALL}", field="query.subscribe")
    state: Live = asked.request.app.state.live
    # The header is the newer one: a browser that connects again sends it with the address that it began with.
    place = since if last_event_id is None else int(last_event_id)
    return EventStream(state, state.feed(asked.bot), Subscription(channels), place)
