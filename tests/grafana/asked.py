"""Panels as Grafana asks them: every target of every board, and SQL with Grafana's variables filled in."""

import json
import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grafana.docs import panels

ROOT = Path(__file__).resolve().parents[2]


def boards(folder: str) -> dict[str, dict[str, Any]]:
    """The generated boards of a folder under grafana/ by name; each panel has the targets whose answers it shows."""
    return {
        path.stem: _unshared(json.loads(path.read_text("utf-8"))) for path in sorted((ROOT / "grafana" / folder).glob("*.json"))
    }


def _unshared(board: dict[str, Any]) -> dict[str, Any]:
    """The board as if each panel asked for itself (see grafana/share_queries.py)."""
    asking = {panel["id"]: (panel.get("targets", []), panel["datasource"]) for panel in panels(board)}
    for panel in panels(board):
        for target in panel.get("targets", []):
            if "panelId" in target:
                panel["targets"], panel["datasource"] = asking[target["panelId"]]
        if panel.get("transformations") and panel["transformations"][0]["id"] == "filterByRefId":
            shown = re.compile(panel["transformations"][0]["options"]["include"].strip("/"))
            panel["targets"] = [target for target in panel["targets"] if shown.fullmatch(target["refId"])]
            assert panel["targets"], f"{panel['title']} shows nothing that is asked for"
    return board


BOARDS = boards("dashboards")
PANELS = [(name, panel) for name, board in BOARDS.items() for panel in panels(board)]
SECONDS = {"m": 60, "h": 3600, "d": 86400, "y": 365 * 86400}


@dataclass(frozen=True)
class Asked:
    """One SQL of one panel or annotation."""

    board: str
    title: str
    sql: str
    series: bool
    span: float
    points: int = 600

    def __str__(self) -> str:
        return f"{self.board}: {self.title}"


def seconds(relative: str) -> int:
    """Seconds of Grafana's `now-7d` or `7d`."""
    text = relative.removeprefix("now-")
    return int(text[:-1]) * SECONDS[text[-1]]


def statements() -> Iterator[Asked]:
    """Every SQL of every board, annotations and variables included."""
    for name, board in BOARDS.items():
        default = seconds(board["time"]["from"])
        for panel in panels(board):
            span = seconds(panel["timeFrom"]) if panel.get("timeFrom") else default
            for target in panel.get("targets", []):
                if "rawQueryText" in target:
                    series = target["queryType"] == "time series"
                    yield Asked(name, panel["title"], target["rawQueryText"], series, span, panel.get("maxDataPoints", 600))
        for mark in board["annotations"]["list"]:
            yield Asked(name, f"mark: {mark['name']}", mark["target"]["rawQueryText"], False, default)
        for variable in board["templating"]["list"]:
            if isinstance(variable.get("query"), str) and "SELECT" in variable["query"]:
                yield Asked(name, f"variable: {variable['name']}", variable["query"], False, default)


def fill(sql: str, since: float, until: float, symbols: Sequence[str], points: int = 600) -> str:
    """The statement with Grafana's variables replaced, as its front end and the plugin do."""
    values = {
        "${symbol:sqlstring}": ",".join("'" + symbol.replace("'", "''") + "'" for symbol in symbols),
        "$__interval_ms": str(max(1000, int(1000 * (until - since) / points))),
        "$__from": str(int(since * 1000)),
        "$__to": str(int(until * 1000)),
    }
    for name, value in values.items():
        sql = sql.replace(name, value)
    assert "$" not in sql.replace("'$'", "").replace("$%", ""), f"a variable that nobody fills: {sql}"
    return sql


def rows(connection: sqlite3.Connection, sql: str) -> list[dict[str, Any]]:
    """The answer by column name."""
    cursor = connection.execute(sql)
    names = [column[0] for column in cursor.description]
    assert len(names) == len(set(names)), f"two columns of one name: {names}"
    return [dict(zip(names, row, strict=True)) for row in cursor]


def answer(
    connection: sqlite3.Connection, board: str, title: str, since: float, until: float, symbols: Sequence[str]
) -> list[dict[str, Any]]:
    """What the one SQL of a panel returns, without the row of NULLs that stands for `none`."""
    found = [each for each in statements() if (each.board, each.title) == (board, title)]
    assert len(found) == 1, f"{board}: {title} has {len(found)} statements"
    answered = rows(connection, fill(found[0].sql, since, until, symbols, found[0].points))
    return [] if answered and all(value is None for value in answered[0].values()) else answered
