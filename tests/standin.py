"""Stand-ins for services on the web, each on a port that it picks itself."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Quiet(BaseHTTPRequestHandler):
    """Answers requests without a word on the terminal."""

    def log_message(self, *_: object) -> None:
        """Not on the terminal."""


class StandIn:
    """Listens on the loopback from its creation until `close`."""

    def __init__(self, handler: type[Quiet]) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Webhook(StandIn):
    """A webhook that keeps what Alertmanager sends: time of arrival, path and body."""

    def __init__(self) -> None:
        self.messages: list[tuple[float, str, dict[str, Any]]] = []
        webhook = self

        class Handler(Quiet):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                webhook.messages.append((time.time(), self.path, body))
                self.send_response(200)
                self.end_headers()

        super().__init__(Handler)

    def alerts(self) -> list[tuple[float, str]]:
        """Time of arrival and name of every alert so far."""
        return [(at, alert["labels"]["alertname"]) for at, _, body in list(self.messages) for alert in body["alerts"]]
