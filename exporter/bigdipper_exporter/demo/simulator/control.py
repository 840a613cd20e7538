"""The stand-in's own endpoint beside Alpaca's: what may go wrong, set off by hand while the simulation runs.

    GET  /incidents          the table, a line each, with their names
    POST /incidents/brake    let it happen now; a blank in the name counts as a hyphen

No key is asked for, and none of it counts as a request to the broker.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote

from bigdipper_exporter.demo.simulator.faults import Response
from bigdipper_exporter.demo.simulator.incidents import INCIDENTS, hyphenated

PLAIN = {"Content-Type": "text/plain; charset=UTF-8"}


def control(trigger: Callable[[str], bool], method: str, path: str) -> Response | None:
    """The answer, or None where the path is the broker's. `trigger` is `World.trigger`."""
    first, _, rest = path.removeprefix("/").partition("/")
    if first != "incidents":
        return None
    name = hyphenated(unquote(rest))
    if method == "GET" and not name:
        return _said(200, "\n".join(f"{incident.name:<23}{incident.what}" for incident in INCIDENTS))
    if method != "POST" or not name:
        return _said(405, "GET /incidents lists them, POST /incidents/NAME sets one off")
    try:
        happens = trigger(name)
    except ValueError as error:
        return _said(404, str(error))
    return _said(200, f"{name}: now") if happens else _said(409, f"{name}: not while the exchange is closed")


def _said(status: int, words: str) -> Response:
    return Response(status, f"{words}\n".encode(), PLAIN)
