"""Stats of the moment share one request on each board."""

import json
from typing import Any

import pytest

from grafana.docs import panels
from tests.grafana.asked import ROOT

FOLDERS = ("dashboards", "dashboards-log-only")
BOARDS = [(folder, path.stem) for folder in FOLDERS for path in sorted((ROOT / "grafana" / folder).glob("*.json"))]


def shown(folder: str, name: str) -> list[dict[str, Any]]:
    return list(panels(json.loads((ROOT / "grafana" / folder / f"{name}.json").read_text("utf-8"))))


@pytest.mark.parametrize(("folder", "name"), BOARDS)
def test_one_panel_at_most_asks_for_stats_of_prometheus(folder: str, name: str) -> None:
    asking = [
        panel["title"]
        for panel in shown(folder, name)
        if panel["type"] == "stat" and not panel.get("timeFrom") and any("expr" in target for target in panel["targets"])
    ]
    assert len(asking) <= 1


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
