"""The one way out to the broker: every request of the SDK passes `BoundedAdapter.send`. GET only, bounded in time and size.

The SDK knows no timeout, and the read timeout of requests counts anew at every byte. Here one deadline holds for all of it.
"""

import time
from http.client import HTTPConnection
from typing import Any

import requests
from requests.adapters import HTTPAdapter
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
        super().__init__(max_retries=0, pool_connections=1, pool_maxsize=1)
        self._seconds = seconds
        self.sent = 0
        self.answer: requests.Response | None = None

    def send(self, request: requests.PreparedRequest, *_: Any, **options: Any) -> requests.Response:
        """The answer with its body read. WriteRefusedError for anything but GET; requests' exceptions for the rest."""
        if request.method != "GET":
            raise WriteRefusedError(f"{request.method} refused: the monitor only reads")
        deadline = time.monotonic() + self._seconds
        self.sent, self.answer = self.sent + 1, None
        options |= {"stream": True, "timeout": (min(CONNECT_SECONDS, self._seconds), self._seconds)}
        response = super().send(request, **options)
        try:
            response._content = _read(response, deadline)
        except BaseException:
            response.raw.close()
            raise
        response._content_consumed = True  # type: ignore[attr-defined]
        self.answer = response
        return response


def _read(response: requests.Response, deadline: float) -> bytes:
    """The body, decoded; the errors of urllib3 become those of requests, as in requests' own reading."""
    raw, parts, size = response.raw, [], 0
    try:
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise requests.ReadTimeout("the answer was not complete in time")
            _limit(raw, left)
            part = raw.read1(CHUNK, decode_content=True)
            if not part:
                break
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


def _limit(raw: Any, seconds: float) -> None:
    connection = raw.connection
    if isinstance(connection, HTTPConnection) and connection.sock is not None:
        connection.sock.settimeout(seconds)


def no_credentials_from_netrc(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """An auth handler that adds nothing: proxies come from the environment, passwords of ~/.netrc do not."""
    return request
