"""The boards of a bot without keys: complete lines of panels, and none that only a broker could fill."""

import json
import re
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bigdipper_exporter.calendar import NEW_YORK
from grafana.docs import METRIC, groups, panels
from grafana.log_only import EMPTY_COLUMNS, LEFT_OUT, TITLES, WITHOUT_BOARDS
from tests.grafana.asked import BOARDS as ALL
from tests.grafana.asked import ROOT, boards, fill
from tests.grafana.conftest import UNTIL
from tests.grafana.synthetic import SYMBOLS
from tests.running import monitor

BOARDS = boards("dashboards-log-only")
PANELS = [(name, panel) for name, board in BOARDS.items() for panel in panels(board)]
each_panel = pytest.mark.parametrize(("name", "panel"), PANELS, ids=[f"{name}: {panel['title']}" for name, panel in PANELS])
# Served by Prometheus, and by the whole exporter.
NOT_OF_A_PIPELINE = {
    "up",
    "scrape_duration_seconds",
    "ALERTS",
    "bigdipper_log_timestamp_skew_seconds",
    "bigdipper_archive_size_bytes",
    "bigdipper_archive_rows",
}
LIFE = 10 * 86400
# Empty until it has happened, or until somebody gives the bot's config.py; none of them waits for a broker.
RARE = {
    ("config", "Dip thresholds"),
    ("opportunities", "Wash-trade refusals by symbol"),
    ("risk", "Other halts"),
    ("health", "Log gaps"),
}


def test_every_board_is_there_but_for_those_of_prices() -> None:
    assert BOARDS.keys() == ALL.keys() - set(WITHOUT_BOARDS)
    assert all(board["uid"] == ALL[name]["uid"] for name, board in BOARDS.items())


def test_no_link_leads_to_a_board_that_is_not_there() -> None:
    known = {board["uid"] for board in BOARDS.values()}
    assert all(set(re.findall(r"/d/([\w-]+)", json.dumps(board))) <= known for board in BOARDS.values())


def test_every_panel_that_is_left_out_or_narrowed_exists() -> None:
    titles = {(name, panel["title"]) for name, board in ALL.items() for panel in panels(board)}
    assert {
        (name, title) for name, left_out in LEFT_OUT.items() for title in left_out
    } | EMPTY_COLUMNS.keys() | TITLES.keys() <= titles


@pytest.mark.parametrize("name", BOARDS)
def test_lines_of_panels_take_the_whole_width(name: str) -> None:
    for group in groups(BOARDS[name]):
        taken: dict[int, list[int]] = {}
        for panel in group:
            at = panel["gridPos"]
            for y in range(at["y"], at["y"] + at["h"]):
                taken.setdefault(y, []).extend(range(at["x"], at["x"] + at["w"]))
        tops = {panel["gridPos"]["y"] for panel in group}
        assert all(sorted(taken[y]) == list(range(24)) for y in tops), "a gap, or two panels in one place"


@each_panel
def test_a_panel_of_the_archive_has_rows_without_a_broker(name: str, panel: dict[str, Any], alone: sqlite3.Connection) -> None:
    until = UNTIL.timestamp()
    texts = [target["rawQueryText"] for target in panel.get("targets", []) if "rawQueryText" in target]
    if not texts or (name, panel["title"]) in RARE:
        return
    found = [row for text in texts for row in alone.execute(fill(text, until - LIFE, until, SYMBOLS))]
    assert any(value is not None for row in found for value in row)


def test_a_panel_of_metrics_reads_one_that_is_served_without_a_broker(tmp_path: Path) -> None:
    """Those of Configuration come with the bot's config.py; Fleet is for other bots too."""
    with monitor(tmp_path) as bot:
        bot.write(*(ROOT / "tests/samples/big_dipper_v2.18.log").read_text("utf-8").splitlines())
        now = datetime.now(NEW_YORK).strftime("%Y-%m-%d %H:%M:%S")
        bot.say(
            f"{now} [INFO] Cycle #900 - 10:00:00", f"{now} [INFO] [ACCOUNT] equity=$20000.00 cash=$-1000.00 leverage=105.0%"
        )
        served = {re.sub("_(total|bucket|sum|count|created)$", "", name) for name, _ in bot.samples()}
    unfed = {}
    for name, panel in (each for each in PANELS if each[0] not in ("config", "fleet")):
        metrics = {
            metric for target in panel.get("targets", []) if "expr" in target for metric in METRIC.findall(target["expr"])
        }
        own = {re.sub("_(total|bucket|sum|count)$", "", metric) for metric in metrics}
        if own and not own & (served | NOT_OF_A_PIPELINE):
            unfed[name, panel["title"]] = metrics
    assert not unfed
