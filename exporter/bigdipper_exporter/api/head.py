"""HEAD wherever there is GET: monitors that only want to know whether something answers ask that way."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Headed:
    """ASGI middleware: answers HEAD with the status and the headers of GET, and no body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; a HEAD as a GET."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def headers_alone(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b""})  # at once: what is streamed has no end

        await self._app({**scope, "method": "GET"}, receive, headers_alone)
