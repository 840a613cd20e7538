"""What is served: metrics, health, readiness and the landing page."""

import threading
from collections.abc import Callable, Collection, Iterable
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from prometheus_client.metrics_core import Metric

from bigdipper_exporter import logs
from bigdipper_exporter.config.kinds import split_address
from bigdipper_exporter.metrics.table import Part
from bigdipper_exporter.web.authenticate import Authenticator
from bigdipper_exporter.web.config import ReloadingConfig
from bigdipper_exporter.web.exposition import Exposition, accepts_gzip, choose_format
from bigdipper_exporter.web.hosts import WRONG_HOST, AllowedHosts
from bigdipper_exporter.web.httpd import Httpd, Reply, Request, text_reply
from bigdipper_exporter.web.landing import Page, render
from bigdipper_exporter.web.listen import HEALTHY_PATH, ListenError, listen

log = logs.get("web")

READY_PATH = "/-/ready"
STOP_SECONDS = 0.6
_ALLOWED_METHODS = ("GET", "HEAD")
_MOST_NAMES = 100
# Values of collect[] and exclude[] (node_exporter's words for such a choice), and which part of the metrics they select.
_PARTS: dict[tuple[tuple[str, ...], tuple[str, ...]], Part] = {
    ((), ()): "all",
    (("now",), ()): "now",
    ((), ("now",)): "rest",
}
_PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


class Server:
    """The web side. Reads only what the three callables give, which must be quick and safe to call from any thread.

    `collect` yields the metric families of a part, `ready` the reasons why the exporter is not ready (none = ready), `page`
    what the landing page says. Raises ConfigError if `web_config` is bad.
    """

    def __init__(
        self,
        address: str,
        telemetry_path: str,
        web_config: Path | None,
        max_requests: int,
        allowed_hosts: Collection[str] = (),
        *,
        collect: Callable[[Part], Iterable[Metric]],
        ready: Callable[[], list[str]],
        page: Callable[[], Page],
    ) -> None:
        self._address, self._telemetry_path = address, telemetry_path
        self._config = ReloadingConfig(web_config, log.warning)
        self._gate = Authenticator()
        self._hosts = AllowedHosts(split_address(address)[0], allowed_hosts)
        self._exposition = Exposition(collect)
        self._ready, self._page = ready, page
        self._max_requests = max_requests
        self._slots = threading.BoundedSemaphore(max_requests)
        self._complaints = logs.Throttle(log)
        self._httpd: Httpd | None = None
        self._thread: threading.Thread | None = None
        self.port = split_address(address)[1]
        self._routes: dict[str, Callable[[Request], Reply]] = {
            "/": self._bounded(self._landing),
            telemetry_path: self._bounded(self._metrics),
            HEALTHY_PATH: lambda _: text_reply(HTTPStatus.OK, "healthy"),
            READY_PATH: self._readiness,
        }

    @property
    def url(self) -> str:
        """Where a person on this machine finds the landing page."""
        host = split_address(self._address)[0]
        host = "localhost" if host in ("", "0.0.0.0", "::") else f"[{host}]" if ":" in host else host
        return f"{'https' if self._config.current().tls else 'http'}://{host}:{self.port}/"

    def start(self) -> None:
        """Listen and serve in threads of its own; `port` is the real one from here on. Raises ListenError."""
        listener = listen(self._address)
        self.port = listener.getsockname()[1]
        self._httpd = Httpd(listener, self._answer, self._config.current, 4 * self._max_requests)
        self._thread = threading.Thread(target=self._httpd.serve_forever, args=(Httpd.POLL_SECONDS,), name="web", daemon=True)
        self._thread.start()
        log.info("listening", url=self.url)

    def stop(self) -> None:
        """Stop within a second: no new connections, a moment for replies under way. May be called twice."""
        httpd, self._httpd = self._httpd, None
        if httpd is None or self._thread is None:
            return
        httpd.shutdown()
        httpd.server_close()
        httpd.close_all(STOP_SECONDS)
        self._thread.join()

    def _answer(self, request: Request) -> Reply:
        """Any request's reply, with the headers of the web config. Never raises."""
        config = self._config.current()
        host = request.headers.get("Host")
        if host is not None and host not in self._hosts:
            return text_reply(HTTPStatus.MISDIRECTED_REQUEST, WRONG_HOST, config.headers)
        status = self._gate.refusal(config, request.headers.get("Authorization"))
        try:
            reply = self._route(request) if status is None else _refused(status)
            self._complaints.solved("answer", "requests are answered again")
        except Exception as error:
            self._complaints.problem("answer", "failing to answer requests", level="error", exc_info=error)
            reply = text_reply(HTTPStatus.INTERNAL_SERVER_ERROR, "cannot answer; the exporter's log says why")
        headers = {"X-Content-Type-Options": "nosniff", **reply.headers, **config.headers}
        return Reply(reply.status, reply.body, reply.content_type, headers)

    def _route(self, request: Request) -> Reply:
        try:
            path = urlsplit(request.target).path
        except ValueError:
            return text_reply(HTTPStatus.BAD_REQUEST)
        route = self._routes.get(path)
        if route is None:
            return text_reply(HTTPStatus.NOT_FOUND)
        if request.method not in _ALLOWED_METHODS:
            return text_reply(HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": ", ".join(_ALLOWED_METHODS)})
        return route(request)

    def _bounded(self, route: Callable[[Request], Reply]) -> Callable[[Request], Reply]:
        """`route` for at most `max_requests` at once. The slot is for the work; a slow reader does not keep it."""

        def bounded(request: Request) -> Reply:
            if not self._slots.acquire(blocking=False):
                text = f"{self._max_requests} requests are being answered already"
                return text_reply(HTTPStatus.SERVICE_UNAVAILABLE, text, {"Retry-After": "1"})
            try:
                return route(request)
            finally:
                self._slots.release()

        return bounded

    def _metrics(self, request: Request) -> Reply:
        try:
            asked = parse_qs(urlsplit(request.target).query, max_num_fields=_MOST_NAMES)
        except ValueError:
            return text_reply(HTTPStatus.BAD_REQUEST, f"more than {_MOST_NAMES} names")
        part = _PARTS.get((tuple(asked.get("collect[]", ())), tuple(asked.get("exclude[]", ()))))
        if part is None:
            return text_reply(
                HTTPStatus.BAD_REQUEST, "collect[] and exclude[]: allowed is one of collect[]=now and exclude[]=now"
            )
        zipped = accepts_gzip(request.headers.get("Accept-Encoding"))
        rendered = self._exposition.render(choose_format(request.headers.get("Accept")), zipped, asked.get("name[]", ()), part)
        headers = {"Vary": "Accept, Accept-Encoding"} | ({"Content-Encoding": "gzip"} if zipped else {})
        return Reply(HTTPStatus.OK, rendered.body, rendered.content_type, headers)

    def _readiness(self, _: Request) -> Reply:
        reasons = self._ready()
        if reasons:
            return text_reply(HTTPStatus.SERVICE_UNAVAILABLE, "\n".join(reasons))
        return text_reply(HTTPStatus.OK, "ready")

    def _landing(self, _: Request) -> Reply:
        links = ((self._telemetry_path, "Metrics"), (READY_PATH, "Readiness"), (HEALTHY_PATH, "Health"))
        body = render(self._page(), links).encode(errors="replace")
        return Reply(HTTPStatus.OK, body, "text/html; charset=utf-8", _PAGE_HEADERS)


def _refused(status: HTTPStatus) -> Reply:
    headers = {
        HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": 'Basic realm="big-dipper-exporter", charset="UTF-8"'},
        HTTPStatus.TOO_MANY_REQUESTS: {"Retry-After": "1"},
        HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": "1"},
    }
    return text_reply(status, headers=headers[status])


__all__ = ["ListenError", "Page", "Server"]
