"""Answers of a stand-in broker that come without a socket: HTTP on the loopback is two thirds of what a desk's days cost.

What the archive makes of an answer does not depend on the way by which it came. What HTTP can do to an answer is asked in
test_faults.py, test_restart.py and test_stream.py, where every request takes the real way, as it does everywhere while the
broker has a fault or is stopped.
"""

from __future__ import annotations

from email.utils import formatdate
from typing import Any
from weakref import WeakValueDictionary

import requests
from requests.structures import CaseInsensitiveDict

from bigdipper_exporter.broker.client import Client
from bigdipper_exporter.demo.simulator import marketdata, queries
from bigdipper_exporter.demo.simulator.broker import Broker
from bigdipper_exporter.demo.simulator.server import Request

BROKERS: WeakValueDictionary[str, Broker] = WeakValueDictionary()  # by URL: those that may be asked directly


class DirectClient(Client):
    """The client with its SDK, whose requests the broker of this process answers itself."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._by_socket = self._session.request
        self._session.request = self._request  # type: ignore[method-assign,assignment]

    def _request(self, method: str, url: str, **options: Any) -> requests.Response:
        for base, broker in BROKERS.items():
            if url.startswith(base + "/") and _is_whole(broker):
                return self._answer(broker, method, url.removeprefix(base), **options)
        return self._by_socket(method, url, **options)

    def _answer(
        self, broker: Broker, method: str, path: str, headers: dict[str, str], params: Any = None, **_: Any
    ) -> requests.Response:
        now, said = broker.clock(), broker.control(method, path)
        if said is None:
            query = {name: str(value) for name, value in (params or {}).items()}
            said = broker.respond(method, path, query, (headers["APCA-API-KEY-ID"], headers["APCA-API-SECRET-KEY"], None))
            endpoint = marketdata.PATHS.get(path) or queries.endpoint(path)
            broker.record(Request(now, method, path, query, {}, endpoint, None, said.status))
        response = requests.Response()
        response.status_code, response.url, response.encoding = said.status, path, "utf-8"
        response.headers = CaseInsensitiveDict(said.headers | {"Date": formatdate(now, usegmt=True)})
        response._content = said.body
        self._adapter.answer = response
        return response


def _is_whole(broker: Broker) -> bool:
    """Whether the broker listens, without any fault."""
    return broker._server is not None and not broker.faults._scripts
