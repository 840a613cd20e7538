"""Who may come in: the rate limit and the passwords of the web config."""

import base64
import binascii
import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from http import HTTPStatus

import bcrypt

from bigdipper_exporter.web.config import RateLimit, WebConfig

# A check costs a tenth of a second of processor on purpose. One at a time, and nobody waits longer than this for it,
# so that wrong passwords can neither eat the machine nor hold up the scrapes of those whose password is known.
CHECK_WAIT_SECONDS = 1.0
_MOST_REMEMBERED = 256
_BCRYPT_BYTES = 72  # bcrypt looks at no more


class Authenticator:
    """Decides about requests; remembers checked passwords as keyed hashes only. Safe to use from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._right: set[bytes] = set()
        self._wrong: set[bytes] = set()
        self._checking = threading.Lock()
        self._rate_lock = threading.Lock()
        self._rate: RateLimit | None = None
        self._tokens, self._counted = 0.0, 0.0

    def refusal(self, config: WebConfig, authorization: str | None) -> HTTPStatus | None:
        """None to let the request in; else 429, 401, or 503 if too many passwords are being checked."""
        if config.rate and not self._within(config.rate):
            return HTTPStatus.TOO_MANY_REQUESTS
        return self._password(config, authorization) if config.users else None

    def _within(self, rate: RateLimit) -> bool:
        """Take a token from the bucket, if there is one."""
        with self._rate_lock:
            now = self._clock()
            if rate != self._rate:
                self._rate, self._tokens, self._counted = rate, float(rate.burst), now
            self._tokens = min(rate.burst, self._tokens + (now - self._counted) / rate.interval)
            self._counted = now
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True

    def _password(self, config: WebConfig, authorization: str | None) -> HTTPStatus | None:
        user, password = _credentials(authorization)
        if user is None:
            return HTTPStatus.UNAUTHORIZED
        # An unknown user costs the same time as a known one, so that time does not tell the names.
        hashed = config.users.get(user) or next(iter(config.users.values()))
        mark = hashlib.blake2b(repr((user, hashed, password)).encode(), key=self._key).digest()
        if mark in self._right:
            return None
        if mark in self._wrong:
            return HTTPStatus.UNAUTHORIZED
        if not self._checking.acquire(timeout=CHECK_WAIT_SECONDS):
            return HTTPStatus.SERVICE_UNAVAILABLE
        try:
            right = _matches(password, hashed) and user in config.users
        finally:
            self._checking.release()
        remembered = self._right if right else self._wrong
        if len(remembered) >= _MOST_REMEMBERED:
            remembered.clear()
        remembered.add(mark)
        return None if right else HTTPStatus.UNAUTHORIZED


def _credentials(authorization: str | None) -> tuple[str | None, bytes]:
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None, b""
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        return (user.decode(), password) if colon else (None, b"")
    except (binascii.Error, ValueError):
        return None, b""


def _matches(password: bytes, hashed: str) -> bool:
    try:
        return bcrypt.checkpw(password[:_BCRYPT_BYTES], hashed.encode())
    except ValueError:
        return False
