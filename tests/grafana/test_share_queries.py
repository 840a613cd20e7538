"""Stats of one source share one request on each board."""

import json
from typing import Any

import pytest

from grafana.docs import groups, panels
from tests.grafana.asked import ROOT

FOLDERS = ("dashboards", "dashboards-log-only")
BOARDS = [(folder, path.stem) for folder in FOLDERS for path in sorted((ROOT / "grafana" / folder).glob("*.json"))]


def shown(folder: str, name: str) -> list[dict[str, Any]]:
    return list(panels(json.loads((ROOT / "grafana" / folder / f"{name}.json").read_text("utf-8"))))


@pytest.mark.parametrize("query", ["expr", "rawQueryText"])
@pytest.mark.parametrize(("folder", "name"), [each for each in BOARDS if each[1] != "share"])
def test_of_panels_that_load_together_one_at_most_asks_a_source_for_stats(folder: str, name: str, query: str) -> None:
    board = json.loads((ROOT / "grafana" / folder / f"{name}.json").read_text("utf-8"))
    for group in groups(board):
        stats = [panel for panel in group if panel["type"] == "stat" and not panel.get("timeFrom")]
        assert len([panel["title"] for panel in stats if any(query in target for target in panel["targets"])]) <= 1


@pytest.mark.parametrize(("folder", "name"), BOARDS)
def test_a_panel_is_shown_what_one_asked_that_loads_with_it(folder: str, name: str) -> None:
    board = json.loads((ROOT / "grafana" / folder / f"{name}.json").read_text("utf-8"))
    for group in groups(board):
        sources = {target["panelId"] for panel in group for target in panel.get("targets", []) if "panelId" in target}
        assert sources <= {panel["id"] for panel in group}


def test_share_asks_panel_by_panel_as_a_public_dashboard_must() -> None:
    assert all("panelId" not in target for panel in shown("dashboards", "share") for target in panel["targets"])


@pytest.mark.parametrize(("folder", "name"), BOARDS)
def test_what_is_asked_for_is_shown_once(folder: str, name: str) -> None:
    own = shown(folder, name)
    sources = {target["panelId"] for panel in own for target in panel.get("targets", []) if "panelId" in target}
    for source in sources:
        (asked,) = (panel for panel in own if panel["id"] == source)
        letters = [target["refId"] for target in asked["targets"]]
        filters = [
            panel["transformations"][0]["options"]["include"].removeprefix("/^(?:").removesuffix(")$/").split("|")
            for panel in own
            if panel["id"] == source or any(target.get("panelId") == source for target in panel.get("targets", []))
        ]
        assert sorted(letter for names in filters for letter in names) == sorted(letters)
