"""A headless Chromium, driven over its own DevTools protocol: open a page, ask it things, take its picture."""

import base64
import json
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from websockets.sync.client import ClientConnection, connect

NAMES = ("chromium", "chromium-browser", "google-chrome")


def find() -> str | None:
    """Path of the first Chromium on this machine, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Page:
    """One tab."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._number = 0
        self.events: list[dict[str, Any]] = []

    def call(self, method: str, **params: object) -> dict[str, Any]:
        """The answer to one command. Raises RuntimeError with Chromium's words."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv(timeout=60))
            if message.get("id") == self._number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']['message']}")
                return dict(message["result"])
            self.events.append(message)

    def size(self, width: int, height: int) -> None:
        """Sets the window's size in CSS pixels; below 600 it is a phone."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)

    def open(self, url: str) -> None:
        """Starts loading; `until` waits for what matters."""
        self.events.clear()
        self.call("Page.navigate", url=url)

    def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression."""
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def until(self, expression: str, seconds: float) -> bool:
        """Waits until the expression is true; False when the time is over."""
        deadline = time.monotonic() + seconds
        while not self.ask(expression):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True

    def settle(self, path: str, quiet: float, seconds: float) -> None:
        """Waits until no request to `path` has been under way for `quiet` seconds, at most `seconds`."""
        deadline = time.monotonic() + seconds
        still = time.monotonic()
        while time.monotonic() < deadline and time.monotonic() - still < quiet:
            time.sleep(0.1)
            self.ask("0")  # reads the events that have come
            if self._under_way(path):
                still = time.monotonic()

    def failures(self, path: str) -> list[str]:
        """Answers to `path` that are not 200, as `status url`."""
        answers = [event["params"]["response"] for event in self.events if event["method"] == "Network.responseReceived"]
        return [
            f"{answer['status']} {answer['url']}" for answer in answers if path in answer["url"] and answer["status"] != 200
        ]

    def load(self, path: str) -> tuple[int, int, float]:
        """Number of requests to `path`, of queries in them, seconds from the page's first request to the last answer."""
        sent = [event["params"] for event in self.events if event["method"] == "Network.requestWillBeSent"]
        own = {request["requestId"] for request in sent if path in request["request"]["url"]}
        ended = [
            event["params"]["timestamp"]
            for event in self.events
            if event["method"] == "Network.loadingFinished" and event["params"]["requestId"] in own
        ]
        bodies = [request["request"].get("postData", "{}") for request in sent if request["requestId"] in own]
        queries = sum(len(json.loads(body).get("queries", [])) for body in bodies)
        begun = min((request["timestamp"] for request in sent), default=0.0)
        return len(own), queries, max(ended, default=begun) - begun

    def _under_way(self, path: str) -> bool:
        sent = {
            event["params"]["requestId"]
            for event in self.events
            if event["method"] == "Network.requestWillBeSent" and path in event["params"]["request"]["url"]
        }
        ended = {
            event["params"]["requestId"]
            for event in self.events
            if event["method"] in ("Network.loadingFinished", "Network.loadingFailed")
        }
        return bool(sent - ended)

    def picture(self, path: Path, part: tuple[float, float, float, float] | None = None) -> None:
        """Writes a PNG of the window, or of a part of it: left, top, width and height in CSS pixels."""
        clip = {} if part is None else {"clip": dict(zip(("x", "y", "width", "height"), part, strict=True)) | {"scale": 1}}
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png", **clip)["data"]))


@contextmanager
def page(executable: str, user: str | None = None) -> Iterator[Page]:
    """A Chromium with one empty tab, ended with the block. user: `name:password`, sent with every request."""
    # Children of Chromium may still write for a moment after it has ended.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [
            executable,
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--hide-scrollbars",
            "--remote-debugging-port=0",
            f"--user-data-dir={profile}",
            "about:blank",
        ]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        try:
            with connect(_address(process), max_size=None, open_timeout=30) as socket:
                tab = Page(socket)
                for domain in ("Page", "Network", "Runtime"):
                    tab.call(f"{domain}.enable")
                if user:
                    word = base64.b64encode(user.encode()).decode()
                    tab.call("Network.setExtraHTTPHeaders", headers={"Authorization": f"Basic {word}"})
                yield tab
        finally:
            process.terminate()
            process.wait(timeout=20)
            if process.stderr:
                process.stderr.close()


def _address(process: subprocess.Popen[str]) -> str:
    """Address of the first tab, from the line that Chromium prints when it listens."""
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"ws://([^/]+)/", line):
            with urlopen(f"http://{found[1]}/json/list", timeout=10) as answer:
                return str(next(tab for tab in json.load(answer) if tab["type"] == "page")["webSocketDebuggerUrl"])
    raise RuntimeError("Chromium ended before it listened")
