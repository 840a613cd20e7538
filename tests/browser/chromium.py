"""A headless Chromium, driven by Playwright: open a page, ask it things, take its picture."""

import math
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Error, HttpCredentials, Request, ResourceTiming, Response, sync_playwright
from playwright.sync_api import Page as Tab

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars")
PATIENCE = 60.0  # seconds
PHONE_WIDTH = 600  # CSS pixels; a narrower window is a phone's


def find() -> str | None:
    """Path of the first Chromium on this machine, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def seconds_between(sent: Iterable[ResourceTiming], answered: Iterable[ResourceTiming]) -> float:
    """Return seconds from the start of the first request to the end of the last answer; NaN where no answer has a time.

    `startTime` is in milliseconds since 1970, `responseEnd` in milliseconds after it. Playwright says 0 or -1 for what it does
    not know: of a request under way, of one that failed, of one that the browser answered itself.
    """
    starts = [one["startTime"] for one in sent if one["startTime"] > 0]
    ends = [one["startTime"] + max(one["responseEnd"], 0.0) for one in answered if one["startTime"] > 0]
    return (max(ends) - min(starts)) / 1000 if starts and ends else math.nan


class Page:
    """One tab. `tab` is Playwright's."""

    def __init__(self, browser: Browser, user: str | None) -> None:
        self._browser = browser
        name, _, password = (user or "").partition(":")
        self._user: HttpCredentials | None = {"username": name, "password": password, "send": "always"} if user else None
        self._is_phone = False
        self._sent: list[Request] = []
        self._ended: set[Request] = set()
        self._responses: list[Response] = []
        self.tab = self._new_tab()

    def _new_tab(self) -> Tab:
        tab = self._browser.new_context(is_mobile=self._is_phone, http_credentials=self._user).new_page()
        tab.set_default_timeout(1000 * PATIENCE)
        tab.on("request", lambda request: self._sent.append(request))
        tab.on("response", lambda response: self._responses.append(response))
        tab.on("requestfinished", lambda request: self._ended.add(request))
        tab.on("requestfailed", lambda request: self._ended.add(request))
        return tab

    def size(self, width: int, height: int) -> None:
        """Set the size of the window in CSS pixels."""
        if (width < PHONE_WIDTH) != self._is_phone:
            self._is_phone = not self._is_phone
            self.forget()
        self.tab.set_viewport_size({"width": width, "height": height})

    def forget(self) -> None:
        """Go on in a new tab that has nothing in its cache. Set its size again."""
        self.tab.context.close()
        self.tab = self._new_tab()

    def open(self, url: str) -> None:
        """Start loading; `until` waits for what matters."""
        for seen in (self._sent, self._responses, self._ended):
            seen.clear()
        self.tab.goto(url, wait_until="commit")

    def ask(self, expression: str) -> Any:
        """Return the value of a JavaScript expression."""
        return self.tab.evaluate(expression)

    def until(self, expression: str, seconds: float) -> bool:
        """Wait until the expression is true; False when the time is over.

        Asked again and again from here: Playwright's own waiting evaluates it in the page, where its content security policy
        may forbid that.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if self.ask(expression):
                    return True
            except Error:  # the page is being replaced
                pass
            self.tab.wait_for_timeout(50)
        return False

    def settle(self, path: str, quiet: float, seconds: float) -> None:
        """Wait until no request to `path` has been under way for `quiet` seconds, at most `seconds`."""
        deadline = time.monotonic() + seconds
        still = time.monotonic()
        while time.monotonic() < deadline and time.monotonic() - still < quiet:
            self.tab.wait_for_timeout(100)
            if any(request not in self._ended for request in self._to(path)):
                still = time.monotonic()

    def failures(self, path: str) -> list[str]:
        """Return the responses to `path` that are not 200, as `status url`."""
        return [f"{one.status} {one.url}" for one in self._responses if path in one.url and one.status != 200]

    def load(self, path: str) -> tuple[int, int, float]:
        """Return requests to `path`, queries in them, and seconds from the first request of the page to the last response."""
        own = self._to(path)
        queries = sum(len((request.post_data_json or {}).get("queries", [])) for request in own)
        answered = [request.timing for request in own if request in self._ended]
        return len(own), queries, seconds_between([request.timing for request in self._sent], answered)

    def _to(self, path: str) -> list[Request]:
        return [request for request in self._sent if path in request.url]

    def picture(self, path: Path, part: tuple[float, float, float, float] | None = None) -> None:
        """Write a PNG of the window, or of a part of it: left, top, width and height in CSS pixels."""
        if part is None:
            self.tab.screenshot(path=path)
        else:
            left, top, width, height = part
            self.tab.screenshot(path=path, clip={"x": left, "y": top, "width": width, "height": height})


@contextmanager
def page(executable: str, user: str | None = None) -> Iterator[Page]:
    """Start a Chromium with one empty tab, and end it with the block. user: `name:password`, sent with every request."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        try:
            yield Page(browser, user)
        finally:
            browser.close()
