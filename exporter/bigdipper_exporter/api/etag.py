"""ETag of every JSON answer: a client that sends it back as If-None-Match gets 304 without a body while nothing changed."""

import hashlib

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Tagged:
    """ASGI middleware: answers of one piece get an ETag; what is streamed is passed on as it comes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and tag its answer."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        wanted = [tag.strip() for tag in Headers(scope=scope).get("if-none-match", "").split(",")]
        start: Message | None = None

        async def tagging(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and message["status"] == 200:
                start = message
                return
            if start is None or message["type"] != "http.response.body":
                await send(message)
                return
            first, start = start, None
            headers = MutableHeaders(raw=list(first["headers"]))
            if not message.get("more_body") and "etag" not in headers and "application/json" in headers.get("content-type", ""):
                tag = f'"{hashlib.blake2b(message["body"], digest_size=12).hexdigest()}"'
                headers["ETag"] = tag
                headers.setdefault("Cache-Control", "private, no-cache")
                if tag in wanted or f"W/{tag}" in wanted or "*" in wanted:
                    first["status"], message["body"] = 304, b""
                    del headers["content-length"]
            first["headers"] = headers.raw
            await send(first)
            await send(message)

        await self._app(scope, receive, tagging)
