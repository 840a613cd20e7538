"""Answers of the stand-in broker that a test changes on their way out: what a real broker has been seen to say."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from bigdipper_exporter.demo.simulator.broker import Broker
from bigdipper_exporter.demo.simulator.faults import Response

Change = Callable[[Any], Any]


class Answers:
    """Changes the JSON of one path at a time; `clear` ends it."""

    def __init__(self, broker: Broker) -> None:
        self._changes: dict[str, Change] = {}
        honest = broker.respond

        def respond(method: str, path: str, query: dict[str, str], credentials: tuple[str | None, ...]) -> Response:
            response = honest(method, path, query, credentials)
            change = self._changes.get(path.removeprefix("/v2/"))
            if change is None or response.status != 200:
                return response
            return Response(200, json.dumps(change(json.loads(response.body))).encode(), response.headers)

        broker.respond = respond  # type: ignore[method-assign]

    def change(self, path: str, change: Change) -> None:
        """Answer `path` with what `change` makes of the honest answer."""
        self._changes[path] = change

    def account(self, **fields: object) -> None:
        """Answer the account with these fields."""
        self.change("account", lambda body: body | {name: str(value) for name, value in fields.items()})

    def clear(self) -> None:
        """Be honest again."""
        self._changes.clear()
