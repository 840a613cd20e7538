"""A cache of responses: requests for the same address and archives within a second share one response."""

import os
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECONDS = 1.0  # a response may hold figures that change with time alone
MOST_RESPONSES, MOST_BYTES = 64, 256 * 1024


@dataclass(frozen=True, slots=True)
class _Response:
    made: float
    version: tuple[object, ...]
    start: Message
    body: bytes


class ResponseCache:
    """ASGI middleware behind the authentication: what one client may see, every other one may."""

    def __init__(self, app: ASGIApp, archives: Sequence[Path], clock: Callable[[], float] = time.monotonic) -> None:
        self._app, self._clock = app, clock
        self._files = [path.with_name(path.name + suffix) for path in archives for suffix in ("", "-wal")]
        self._responses: OrderedDict[tuple[str, bytes], _Response] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the cached response, or let the application make one."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        key, version, now = (scope["path"], scope["query_string"]), self._version(), self._clock()
        known = self._responses.get(key)
        if known is not None and known.version == version and now - known.made < SECONDS:
            await send({**known.start, "headers": list(known.start["headers"])})
            await send({"type": "http.response.body", "body": known.body})
            return
        start: Message | None = None

        async def caching(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = {**message, "headers": list(message["headers"])} if message["status"] == 200 else None
            elif start is not None:
                self._keep(key, _Response(now, version, start, message.get("body", b"")), bool(message.get("more_body")))
                start = None
            await send(message)

        await self._app(scope, receive, caching)

    def _keep(self, key: tuple[str, bytes], response: _Response, unfinished: bool) -> None:
        kind = dict(response.start["headers"]).get(b"content-type", b"")
        if unfinished or len(response.body) > MOST_BYTES or not kind.startswith(b"application/json"):
            return
        self._responses[key] = response
        self._responses.move_to_end(key)
        if len(self._responses) > MOST_RESPONSES:
            self._responses.popitem(last=False)

    def _version(self) -> tuple[object, ...]:
        """Another value after every commit: the write-ahead log has grown or begun again."""
        found: list[object] = []
        for file in self._files:
            try:
                status = os.stat(file)
            except OSError:
                found.append(None)
            else:
                found.append((status.st_ino, status.st_size, status.st_mtime_ns))
        return tuple(found)
