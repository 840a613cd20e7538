"""A bounded, read-only client over Alpaca's SDK. Importing this module does not import the SDK; `connect` does (37 MB)."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from bigdipper_exporter.broker.rate_budget import Budget
from bigdipper_exporter.broker.results import Attempt, Failure, Rate, Reason

if TYPE_CHECKING:
    import requests

Query = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach the broker. `url`: another host than Alpaca's; `timeout`: seconds for one whole request."""

    key: str
    secret: str
    paper: bool = True
    url: str | None = None
    timeout: float = 10.0

    def __repr__(self) -> str:
        return f"Access(paper={self.paper}, url={self.url!r})"


class Client:
    """One client for one thread. `pause` waits some seconds and raises when the exporter stops."""

    def __init__(self, access: Access, budget: Budget, pause: Callable[[float], None]) -> None:
        # Imported here, on the poller's thread: without credentials the SDK is never loaded.
        # TradingClient would do the same with pandas behind it, 50 MB more.
        from alpaca.common.enums import BaseURL
        from alpaca.common.rest import RESTClient

        from bigdipper_exporter.broker.transport import BoundedAdapter, no_credentials_from_netrc

        standard = BaseURL.TRADING_PAPER if access.paper else BaseURL.TRADING_LIVE
        url = access.url.rstrip("/") if access.url else standard
        self._sdk = RESTClient(url, access.key, access.secret, raw_data=True)
        # The SDK offers no way to switch its retries off, and no way to set a timeout: both would cost the bot its quota.
        self._sdk._retry = 0
        session: requests.Session = self._sdk._session
        self._adapter = BoundedAdapter(access.timeout)
        for scheme in ("https://", "http://"):
            session.mount(scheme, self._adapter)
        session.auth = no_credentials_from_netrc
        self._session = session
        self._budget, self._pause = budget, pause
        self._attempts: list[Attempt] = []
        self.rate: Rate | None = None

    def get(self, path: str, query: Query | None = None, version: str = "v2") -> Any:
        """Return the decoded JSON of GET `path` (below /v2, or another `version` of the API). Raises Failure.

        Waits until the rate share allows the request.
        """
        try:
            return self._once(path, query, version)
        except _Stale:
            return self._once(path, query, version, retried=True)

    def drain(self) -> tuple[Attempt, ...]:
        """The requests sent since the last call."""
        attempts, self._attempts = tuple(self._attempts), []
        return attempts

    def close(self) -> None:
        """Close idle connections; a request under way ends by its deadline. Safe from another thread."""
        self._session.close()

    def _once(self, path: str, query: Query | None, version: str, retried: bool = False) -> Any:
        while (delay := self._budget.delay()) > 0:
            self._pause(delay)
        self._budget.take()
        self._adapter.answer = None
        started = time.monotonic()
        failure: Failure | None = None
        try:
            answer = self._sdk.get(path, dict(query) if query else None, api_version=version)
            if answer is None:
                raise Failure("bad_response", "the answer is empty", self._status())
            return answer
        except Failure as error:
            failure = error
        except Exception as error:
            if not retried and _dropped(error):
                # The server closed an idle connection: no fault of the broker, and a GET can be sent again.
                self._attempts.append(Attempt(time.monotonic() - started))
                raise _Stale from error
            failure = classify(error)
        finally:
            if failure is not None or self._adapter.answer is not None:
                self._heard(failure)
                self._attempts.append(Attempt(time.monotonic() - started, failure.reason if failure else None))
        assert failure is not None
        raise failure

    def _status(self) -> int | None:
        return self._adapter.answer.status_code if self._adapter.answer is not None else None

    def _heard(self, failure: Failure | None) -> None:
        answer = self._adapter.answer
        headers: Mapping[str, str] = answer.headers if answer is not None else {}
        limit, remaining = _whole(headers.get("X-Ratelimit-Limit")), _whole(headers.get("X-Ratelimit-Remaining"))
        if answer is not None:
            self.rate = Rate(limit, remaining)
        wait = _reset_in(headers)
        self._budget.update_from_headers(limit, remaining, wait)
        if failure is not None and failure.reason == "rate_limited":
            self._budget.pause(wait)


class _Stale(Exception):
    """A kept-alive connection turned out to be closed."""


def classify(error: BaseException) -> Failure:
    """Any exception out of the SDK as a Failure. The detail is short and holds nothing of the request."""
    import requests

    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return Failure(reason_of(status), f"HTTP {status}: {_message(str(error))}", status)
    if isinstance(error, requests.Timeout):
        return Failure("timeout", "no complete answer in time")
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return Failure("connection", "the answer broke off")
    if isinstance(error, requests.ConnectionError):
        return Failure("connection", f"cannot connect: {_cause(error)}")
    return Failure("bad_response", f"the answer cannot be used: {type(error).__name__}")


def reason_of(status: int) -> Reason:
    """The failure label for an HTTP status other than success."""
    if status in (401, 403):
        return "unauthorized"
    if status == 429:
        return "rate_limited"
    return "server_error" if status >= 500 else "bad_response"


def _message(body: str) -> str:
    """The broker's own words, if its body has some."""
    try:
        said = json.loads(body).get("message", "")
    except (ValueError, AttributeError):
        return "no message"
    return str(said)[:100] or "no message"


def _cause(error: BaseException) -> str:
    """The innermost exception's name: its text could hold the address with its query."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return f"{type(error).__name__}" + (f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else "")


def _dropped(error: BaseException | None) -> bool:
    """Whether the connection was closed before any answer came."""
    import requests

    if not isinstance(error, requests.ConnectionError):
        return False
    while error is not None:
        if isinstance(error, ConnectionResetError | BrokenPipeError | ConnectionAbortedError):  # RemoteDisconnected too
            return True
        error = error.__cause__ or error.__context__
    return False


def _whole(text: str | None) -> int | None:
    # Headers are Latin-1, where ² is a digit too.
    return int(text) if text is not None and text.strip().isdecimal() and len(text) < 10 else None


def _reset_in(headers: Mapping[str, str]) -> float | None:
    """Return the seconds until the rate limit resets. Both times are the broker's, since our clock may be wrong."""
    retry, reset = _whole(headers.get("Retry-After")), headers.get("X-Ratelimit-Reset")
    if retry is not None:
        return float(retry)
    try:
        return float(reset) - parsedate_to_datetime(headers["Date"]).timestamp() if reset else None
    except (KeyError, TypeError, ValueError):
        return None
