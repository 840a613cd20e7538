"""Which panels have something to show: their SQL asked of an archive, their PromQL of a running Prometheus."""

from __future__ import annotations

import json
import math
import sqlite3
import time
import urllib.parse
import urllib.request
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.grafana.asked import BOARDS, PANELS, fill, rows, seconds

POINTS = 200  # of a graph


@dataclass(frozen=True)
class Sources:
    """Where panels ask, and about which bot."""

    archive: Path
    prometheus: str
    bot: str


def empty_panels(sources: Sources, chosen: set[str]) -> set[str]:
    """Return those of the `chosen` panels (`board: title`) whose queries all bring nothing."""
    empty = set()
    with closing(sqlite3.connect(f"file:{sources.archive}?mode=ro", uri=True)) as connection:
        for board, panel in PANELS:
            name = f"{board}: {panel['title']}"
            if name in chosen:
                span = float(seconds(panel.get("timeFrom") or BOARDS[board]["time"]["from"]))
                symbols = _symbols(connection, board)
                if not any(_brings(sources, connection, target, span, symbols) for target in panel["targets"]):
                    empty.add(name)
    return empty


def all_panels() -> set[str]:
    """Return the names of all panels that ask something."""
    return {f"{board}: {panel['title']}" for board, panel in PANELS if panel.get("targets")}


def _symbols(connection: sqlite3.Connection, board: str) -> list[str]:
    """The symbols that a board begins with: all that its variable finds, or the first where it takes one only."""
    for variable in BOARDS[board]["templating"]["list"]:
        if variable["name"] == "symbol":
            found = [str(symbol) for (symbol, *_) in connection.execute(variable["query"])]
            return found if variable["multi"] else found[:1]
    return []


def _brings(
    sources: Sources, connection: sqlite3.Connection, target: dict[str, Any], span: float, symbols: Sequence[str]
) -> bool:
    now = time.time()
    if "rawQueryText" in target:
        answered = rows(connection, fill(target["rawQueryText"], now - span, now, symbols))
        return any(value is not None for row in answered for value in row.values())
    variables = {"$__rate_interval": "1m", "$__interval": "1m", "$__range": f"{span:.0f}s", "$bot": sources.bot}
    query = target["expr"]
    for name, value in {**variables, "$symbol": "|".join(symbols)}.items():
        query = query.replace(name, value)
    asked = {"query": query, "start": f"{now - span}", "end": f"{now}", "step": f"{span / POINTS}"}
    path = "query" if target.get("instant") else "query_range"
    url = f"{sources.prometheus}/api/v1/{path}?{urllib.parse.urlencode(asked)}"
    with urllib.request.urlopen(url, timeout=30) as response:
        series = json.load(response)["data"]["result"]
    samples = [sample for one in series for sample in one.get("values", [one.get("value")])]
    return any(not math.isnan(float(sample[1])) for sample in samples)
