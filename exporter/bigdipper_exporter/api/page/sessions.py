"""Sessions of people: a random cookie, kept in memory, ended by idling; and a secret for the forms of each."""

import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

COOKIE = "bigdipper_session"
IDLE_SECONDS = 1800.0
MOST_SESSIONS = 50


@dataclass(slots=True)
class Session:
    """One person who has logged in. form: the secret that every form of the session carries."""

    who: str
    form: str
    seen: float

    def has_form(self, given: str) -> bool:
        """Return whether a form comes from a page of this session."""
        return hmac.compare_digest(given.encode(), self.form.encode())


class Sessions:
    """All sessions; a restart of the API ends them. Used on the event loop's thread alone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def begin(self, who: str) -> str:
        """Begin a session and return the value of its cookie."""
        cookie = secrets.token_urlsafe(32)
        self._sessions[cookie] = Session(who, secrets.token_urlsafe(32), self._clock())
        if len(self._sessions) > MOST_SESSIONS:
            self._sessions.popitem(last=False)
        return cookie

    def find(self, cookie: str | None) -> Session | None:
        """The session of a cookie, None when there is none (any more)."""
        session = self._sessions.get(cookie or "")
        if session is None or cookie is None:
            return None
        if self._clock() - session.seen > IDLE_SECONDS:
            self.end(cookie)
            return None
        session.seen = self._clock()
        return session

    def end(self, cookie: str | None) -> None:
        """End a session."""
        self._sessions.pop(cookie or "", None)
