"""Who may come in, asked before anything else: host name, origin, rate, token or password. For HTTP and WebSocket alike."""

import asyncio
import hmac
import math
from collections.abc import Collection
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bigdipper_exporter import logs
from bigdipper_exporter.api.limits import ClientLimit
from bigdipper_exporter.api.problems import problem
from bigdipper_exporter.web.authenticate import Authenticator
from bigdipper_exporter.web.config import ReloadingConfig
from bigdipper_exporter.web.hosts import WRONG_HOST, AllowedHosts
from bigdipper_exporter.web.listen import HEALTHY_PATH

MOST_BODY_BYTES = 2 << 20
WRONG_ORIGIN = "this web page may not call the API; allowed: those of the setting api.cors-origins"
_SAFE_HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY"}

log = logs.get("api")


class Guard:
    """ASGI middleware around everything that is served. Refuses, or passes on and adds headers."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        config: ReloadingConfig,
        token: str | None,
        hosts: AllowedHosts,
        origins: Collection[str],
        per_minute: int,
        open_paths: Collection[str] = (),
    ) -> None:
        self._app, self._config, self._hosts, self._origins = app, config, hosts, frozenset(origins)
        self._token = token
        self._refused = logs.Throttle(log)
        self._passwords = Authenticator()
        self._limit = ClientLimit(per_minute)
        self._open = tuple(open_paths)  # they ask for a session of their own

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the application answer."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = await self._refusal(scope)
        if refusal is not None and scope["type"] == "websocket":
            await _refuse_websocket(scope, receive, send, refusal)
        elif refusal is not None:
            await refusal(scope, receive, self._with_headers(send))
        else:
            await self._app(scope, receive, self._with_headers(send))

    def _with_headers(self, send: Send) -> Send:
        more = {**_SAFE_HEADERS, **self._config.current().headers}

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message.get("headers", ())}
                added = [(n.lower().encode(), v.encode("latin-1")) for n, v in more.items() if n.lower().encode() not in given]
                message["headers"] = [*message.get("headers", ()), *added]
            await send(message)

        return sending

    async def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host, origin = headers.get("host"), headers.get("origin")
        if host is not None and host not in self._hosts:
            return problem(HTTPStatus.MISDIRECTED_REQUEST, WRONG_HOST)
        if origin is not None and not self._allows(origin, host, scope):
            return problem(HTTPStatus.FORBIDDEN, WRONG_ORIGIN)
        client = scope["client"][0] if scope.get("client") else "unknown"
        if wait := self._limit.wait(client):
            said = f"too many requests: try again in {math.ceil(wait)} s"
            return problem(HTTPStatus.TOO_MANY_REQUESTS, said, headers={"Retry-After": str(math.ceil(wait))})
        if (refusal := _too_long(scope, headers)) is not None:
            return refusal
        preflight = scope["type"] == "http" and _is_preflight(scope, headers)
        if preflight or scope["path"] == HEALTHY_PATH or _is_below(scope["path"], self._open):
            return None
        return await self._unauthorized(headers.get("authorization"), client)

    def _allows(self, origin: str, host: str | None, scope: Scope) -> bool:
        """Whether a page of this origin may ask: the API's own, and those of the setting."""
        return origin.lower() in self._origins or (host is not None and urlsplit(origin).netloc.lower() == host.lower())

    async def _unauthorized(self, authorization: str | None, client: str) -> Response | None:
        scheme, _, given = (authorization or "").partition(" ")
        if self._token is not None and scheme.lower() == "bearer":
            if hmac.compare_digest(given.strip().encode(), self._token.encode()):
                return None
            self._refused.problem(client, "refusing requests with a wrong token", client=client)
            return _authentication_problem(HTTPStatus.UNAUTHORIZED)
        config = self._config.current()
        if not config.users:
            return _authentication_problem(HTTPStatus.UNAUTHORIZED)
        status = await asyncio.to_thread(self._passwords.refusal, config, authorization)
        return None if status is None else _authentication_problem(status)


def _too_long(scope: Scope, headers: Headers) -> Response | None:
    """Refuse bodies before they are read: their length must be given and within bounds."""
    if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
        return None
    length = headers.get("content-length", "")
    if not length.isdecimal() or "transfer-encoding" in headers:
        return problem(HTTPStatus.LENGTH_REQUIRED, "the request needs a Content-Length")
    if len(length) > 9 or int(length) > MOST_BODY_BYTES:
        return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is too long; allowed: {MOST_BODY_BYTES:,} bytes")
    return None


def _is_below(path: str, roots: Collection[str]) -> bool:
    return any(path == root or path.startswith(f"{root}/") for root in roots)


def _is_preflight(scope: Scope, headers: Headers) -> bool:
    return scope["method"] == "OPTIONS" and "access-control-request-method" in headers


def _authentication_problem(status: HTTPStatus) -> Response:
    headers = {
        HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": 'Bearer, Basic realm="big-dipper-monitor", charset="UTF-8"'},
    }.get(status, {"Retry-After": "1"})
    detail = {
        HTTPStatus.UNAUTHORIZED: "send the token as `Authorization: Bearer TOKEN`, or a user and password of the web config",
        HTTPStatus.TOO_MANY_REQUESTS: "too many requests: the rate limit of the web config",
    }.get(status, "too many passwords are being checked: try again")
    return problem(status, detail, headers=headers)


async def _refuse_websocket(scope: Scope, receive: Receive, send: Send, response: Response) -> None:
    """Answer the handshake with the response where the server can, else close it."""
    await receive()  # websocket.connect
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008})
        return
    await send({"type": "websocket.http.response.start", "status": response.status_code, "headers": response.raw_headers})
    await send({"type": "websocket.http.response.body", "body": response.body})
