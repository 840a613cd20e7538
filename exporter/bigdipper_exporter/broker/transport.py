"""The one way out to the broker: every request of the SDK passes `BoundedAdapter.send`. GET only, bounded in time and size.

The SDK knows no timeout, and the read timeout of requests restarts at every byte. Here one deadline covers the whole request.
"""

import contextlib
import socket
import threading
from http.client import HTTPConnection
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, connection
from urllib3.exceptions import DecodeError, HTTPError, ProtocolError, ReadTimeoutError

MOST_BYTES = 32 * 1024 * 1024  # 500 orders are about 600 KB
CHUNK = 65536
CONNECT_SECONDS = 3.05


class WriteRefusedError(RuntimeError):
    """Something tried to send a request that could change the account."""


class TooLargeError(requests.RequestException):
    """The answer is larger than any honest one."""


class BoundedAdapter(HTTPAdapter):
    """Sends GET requests without redirects and reads their answers whole within `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._open: list[HTTPConnection] = []
        self.sent = 0
        self.answer: requests.Response | None = None
        super().__init__(max_retries=0, pool_connections=1, pool_maxsize=1)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Remember each connection made, so that a request can be ended from outside whatever it is waiting for."""
        super().init_poolmanager(*args, **options)
        opened = self._open

        class Http(connection.HTTPConnection):
            def connect(self) -> None:
                opened[:] = [self]
                super().connect()

        class Https(connection.HTTPSConnection):
            def connect(self) -> None:
                opened[:] = [self]
                super().connect()

        self.poolmanager.pool_classes_by_scheme = {
            "http": type("HttpPool", (HTTPConnectionPool,), {"ConnectionCls": Http}),
            "https": type("HttpsPool", (HTTPSConnectionPool,), {"ConnectionCls": Https}),
        }

    def send(self, request: requests.PreparedRequest, *_: Any, **options: Any) -> requests.Response:
        """The answer with its body read. WriteRefusedError for anything but GET; requests' exceptions for the rest."""
        if request.method != "GET":
            raise WriteRefusedError(f"{request.method} refused: the monitor only reads")
        self.sent, self.answer = self.sent + 1, None
        options |= {"stream": True, "timeout": (min(CONNECT_SECONDS, self._seconds), self._seconds)}
        late = threading.Event()
        watchdog = threading.Timer(self._seconds, self._cut, [late])
        watchdog.daemon = True
        watchdog.start()
        try:
            response = super().send(request, **options)
            try:
                response._content = _read(response)
            except BaseException:
                response.raw.close()
                raise
        except requests.RequestException as error:
            if late.is_set():
                raise _too_late() from error
            raise
        finally:
            watchdog.cancel()
        if late.is_set():
            raise _too_late()  # a head that is cut off can look like a short one
        response._content_consumed = True  # type: ignore[attr-defined]
        self.answer = response
        return response

    def _cut(self, late: threading.Event) -> None:
        """The deadline has passed: make a blocked read return."""
        late.set()
        for opened in self._open:
            with contextlib.suppress(OSError, AttributeError):  # it may be closed already, or not open yet
                opened.sock.shutdown(socket.SHUT_RDWR)


def _too_late() -> requests.ReadTimeout:
    return requests.ReadTimeout("the answer was not complete in time")


def _read(response: requests.Response) -> bytes:
    """The body, decoded; the errors of urllib3 become those of requests, as in requests' own reading."""
    raw, parts, size = response.raw, [], 0
    try:
        while part := raw.read1(CHUNK, decode_content=True):
            parts.append(part)
            size += len(part)
            if size > MOST_BYTES:
                raise TooLargeError(f"the answer is larger than {MOST_BYTES} bytes")
    except ReadTimeoutError as error:
        raise requests.ReadTimeout(error) from error
    except DecodeError as error:
        raise requests.exceptions.ContentDecodingError(error) from error
    except ProtocolError as error:
        raise requests.exceptions.ChunkedEncodingError(error) from error
    except HTTPError as error:
        raise requests.ConnectionError(error) from error
    raw.release_conn()
    return b"".join(parts)


def no_credentials_from_netrc(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """An auth handler that adds nothing: proxies come from the environment, passwords of ~/.netrc do not."""
    return request
