"""An HTTP server that no single client can hold up: threads, deadlines, and TLS done outside the accepting thread.

Knows nothing of metrics. Every connection has a deadline for what it does now; the accepting loop cuts those that pass
it. When there are too many connections, the one that has been silent longest makes room.
"""

import contextlib
import re
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from http import HTTPStatus
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from types import MappingProxyType
from typing import Any, cast

from bigdipper_exporter import logs
from bigdipper_exporter.web.config import WebConfig

log = logs.get("web")

NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_TLS_HANDSHAKE = b"\x16"  # first byte of every TLS connection


@dataclass(frozen=True, slots=True)
class Request:
    """The head of a request; bodies are not read."""

    method: str
    target: str
    headers: Message


@dataclass(frozen=True, slots=True)
class Reply:
    """What is sent back."""

    status: HTTPStatus
    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=lambda: NO_HEADERS)


def text_reply(status: HTTPStatus, text: str = "", headers: Mapping[str, str] = NO_HEADERS) -> Reply:
    """A line or more of plain text; the status' own phrase if `text` is empty."""
    return Reply(status, f"{text or status.phrase}\n".encode(), headers=headers)


@dataclass(eq=False, slots=True)
class Connection:
    """A client: its socket (TLS once shaken hands), and until when it may do what it is doing (monotonic seconds)."""

    sock: socket.socket
    deadline: float
    since: float
    silent: bool = True

    def expect(self, seconds: float, *, silent: bool) -> None:
        """Give the connection `seconds` for the next step; `silent` if that is the client's to do."""
        self.since = time.monotonic()
        self.deadline, self.silent = self.since + seconds, silent

    def cut(self) -> None:
        """Shut the connection down from another thread; a blocked read or write returns at once."""
        with contextlib.suppress(OSError):
            # Not SSLSocket.shutdown, which takes the TLS state away from under the thread that uses it.
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


class Httpd(ThreadingHTTPServer):
    """Serves `answer` on a listening socket, with TLS as `web_config` says at the moment of each connection."""

    HEAD_SECONDS = 5.0  # TLS handshake, and the whole head of the first request
    IDLE_SECONDS = 120.0  # between requests of one connection; longer than a usual scrape interval
    WRITE_SECONDS = 30.0  # making and sending a reply
    LINGER_SECONDS = 0.5
    POLL_SECONDS = 0.2
    daemon_threads = True

    def __init__(
        self,
        listener: socket.socket,
        answer: Callable[[Request], Reply],
        web_config: Callable[[], WebConfig],
        most_connections: int,
    ) -> None:
        super().__init__(listener.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.answer = answer
        self._web_config = web_config
        self._most = most_connections
        self._connections: set[Connection] = set()
        self._changed = threading.Condition()

    def close_all(self, seconds: float) -> None:
        """End every connection; replies under way get up to `seconds` to be finished."""
        with self._changed:
            for connection in self._connections:
                if connection.silent:
                    connection.cut()
            self._changed.wait_for(lambda: not self._connections, seconds / 2)
            for connection in self._connections:
                connection.cut()
            self._changed.wait_for(lambda: not self._connections, seconds / 2)

    def service_actions(self) -> None:
        """Cut what is past its deadline; called by the accepting loop several times a second."""
        now = time.monotonic()
        with self._changed:
            for connection in self._connections:
                if now > connection.deadline:
                    connection.cut()

    def get_request(self) -> tuple[Any, Any]:
        """Accept a connection; the accepting loop calls this."""
        try:
            sock, address = self.socket.accept()
        except OSError:
            time.sleep(0.05)  # out of file descriptors: the loop would spin until one comes free
            raise
        now = time.monotonic()
        return Connection(sock, now + self.HEAD_SECONDS, now), address

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread, or close it when there are too many."""
        with self._changed:
            if len(self._connections) >= self._most and not self._make_room():
                request.sock.close()
                return
            self._connections.add(request)
        super().process_request(request, client_address)

    def _make_room(self) -> bool:
        silent = [connection for connection in self._connections if connection.silent]
        if not silent:
            return False
        oldest = min(silent, key=lambda connection: connection.since)
        oldest.cut()
        self._connections.discard(oldest)
        return True

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Make the TLS handshake where configured, then answer requests."""
        request.sock.settimeout(self.HEAD_SECONDS)
        config = self._web_config()
        if config.tls is None or self._shake_hands(request, config, config.tls):
            _Handler(request, client_address, self)

    def _shake_hands(self, connection: Connection, config: WebConfig, tls: ssl.SSLContext) -> bool:
        """Make the connection a TLS one; whether the client may go on. Runs in the connection's own thread."""
        first = connection.sock.recv(1, socket.MSG_PEEK)
        if first != _TLS_HANDSHAKE:
            if first:
                connection.sock.sendall(b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\n\r\nuse https here\n")
            return False
        secured = tls.wrap_socket(connection.sock, server_side=True, do_handshake_on_connect=False)
        connection.sock = secured
        secured.do_handshake()
        if not config.client_allowed(secured.getpeercert()):
            log.debug("client certificate carries none of the allowed names")
            return False
        return True

    def shutdown_request(self, request: Any) -> None:
        """Close a connection so that the client can still read what was sent."""
        sock = request.sock
        with contextlib.suppress(OSError):
            socket.socket.shutdown(sock, socket.SHUT_WR)
            # Closing with unread bytes would send a reset, which throws away our last words on the other side.
            sock.settimeout(self.LINGER_SECONDS)
            end = time.monotonic() + self.LINGER_SECONDS
            while time.monotonic() < end and socket.socket.recv(sock, 65536):
                pass
        sock.close()
        with self._changed:
            self._connections.discard(request)
            self._changed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log why a connection ended."""
        error = sys.exc_info()[1]
        if isinstance(error, OSError):  # the client left, was too slow, or does not speak TLS
            log.debug("connection ended", client=client_address[0], reason=error)
        else:
            log.error("a request failed", client=client_address[0], exc_info=error)


class _HeadTooLarge(HTTPException):
    """The head of a request is longer than HEAD_BYTES."""


class _Head:
    """The reading side of a connection, up to a number of bytes for each request."""

    HEAD_BYTES = 16384

    def __init__(self, file: BufferedIOBase) -> None:
        self._file = file
        self.left = self.HEAD_BYTES
        self.close = file.close

    def readline(self, size: int) -> bytes:
        line = self._file.readline(min(size, self.left + 1))
        self.left -= len(line)
        if self.left < 0:
            raise _HeadTooLarge("head too large")
        return line


def _is_unambiguous(headers: Message) -> bool:
    """Return whether proxies and we agree on where the request ends and for whom it is (RFC 9112, sections 3.2 and 6.3)."""
    lengths, encodings = headers.get_all("Content-Length", []), headers.get_all("Transfer-Encoding", [])
    return (
        not headers.defects
        and not headers.get_payload()  # what the parser takes for a body are lines that are no headers
        and len(lengths) + len(encodings) <= 1
        and all(re.fullmatch(r"[0-9]{1,18}", length) for length in lengths)
        and all(encoding.strip().lower() == "chunked" for encoding in encodings)
        and len(headers.get_all("Host", [])) <= 1
    )


class _Handler(BaseHTTPRequestHandler):
    """One connection, request after request."""

    server: Httpd
    protocol_version = "HTTP/1.1"
    server_version = "big-dipper-exporter"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = Httpd.IDLE_SECONDS

    def setup(self) -> None:
        self._link: Connection = self.request
        self.request = self._link.sock
        self._allowance = self.server.HEAD_SECONDS
        super().setup()
        self._head = _Head(self.rfile)
        self.rfile = cast(BufferedIOBase, self._head)

    def handle_one_request(self) -> None:
        self._link.expect(self._allowance, silent=True)
        self._allowance = self.server.IDLE_SECONDS
        self._head.left = _Head.HEAD_BYTES
        try:
            super().handle_one_request()
        except _HeadTooLarge:
            self.command, self.request_version = "", self.default_request_version
            self.send_error(HTTPStatus.REQUEST_URI_TOO_LONG)
            self.wfile.flush()

    def do_GET(self) -> None:
        self._link.expect(self.server.WRITE_SECONDS, silent=False)
        if not _is_unambiguous(self.headers):
            self.send_error(HTTPStatus.BAD_REQUEST)
            return
        if "Transfer-Encoding" in self.headers or self.headers.get("Content-Length", "0") != "0":
            self.close_connection = True  # bodies are not read; what follows is not a request
        self._send(self.server.answer(Request(self.command, self.path, self.headers)))

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = do_CONNECT = do_GET

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """A plain line that repeats nothing of what the client sent."""
        self._link.expect(self.server.WRITE_SECONDS, silent=False)
        self.close_connection = True
        if self.request_version == "HTTP/0.9":  # what the parser assumes until it has read a version
            self.request_version = self.protocol_version
        self._send(text_reply(HTTPStatus(code)))

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    def version_string(self) -> str:
        return self.server_version

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nor here, where the request line may not have been read yet."""

    def log_message(self, format: str, *args: Any) -> None:
        """No access log: scrapes come every few seconds for years."""
