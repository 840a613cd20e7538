"""The committed JSON: what the code generates, in the classic form that file provisioning takes, complete and readable."""

import json
import re
from collections import Counter
from typing import Any

import pytest

from bigdipper_exporter.archive.tables import TABLES
from grafana import theme
from grafana.__main__ import generated
from grafana.docs import groups
from grafana.marks import WITH_MARKS
from tests.grafana.asked import BOARDS, PANELS, ROOT

IDS = [f"{board}: {panel['title']}" for board, panel in PANELS]
each_panel = pytest.mark.parametrize(("board", "panel"), PANELS, ids=IDS)
each_board = pytest.mark.parametrize("name", BOARDS)
NUMERIC = {"stat", "gauge", "bargauge", "timeseries", "barchart", "piechart", "status-history"}
EXPECTED = {
    "overview",
    "trades",
    "positions",
    "opportunities",
    "risk",
    "performance",
    "health",
    "config",
    "fleet",
    "share",
    "symbol",
}


def test_committed_files_are_what_the_code_generates() -> None:
    for path, text in generated().items():
        assert (ROOT / path).read_text("utf-8") == text, f"{path} differs: run python -m grafana"


def test_every_table_that_can_be_exported_is_on_a_board() -> None:
    boards = "".join(text for path, text in generated().items() if str(path).endswith(".json"))
    unseen = [t.name for t in TABLES.values() if t.export is not None and not re.search(rf"(?:FROM|JOIN) {t.name}\b", boards)]
    assert not unseen, "add a panel under grafana/boards/"


def test_no_generated_board_is_left_over() -> None:
    assert set(BOARDS) == EXPECTED


@each_board
def test_board_is_of_the_classic_schema(name: str) -> None:
    board = BOARDS[name]
    assert board["schemaVersion"] == 42
    assert board["uid"] == f"bigdipper-{name}"
    assert "elements" not in board
    assert "spec" not in board
    assert isinstance(board["panels"], list)
    assert board["panels"]
    assert "__inputs" not in board
    assert "${DS_" not in json.dumps(board)


def test_uids_and_titles_of_boards_are_unique() -> None:
    for key in ("uid", "title"):
        assert max(Counter(board[key] for board in BOARDS.values()).values()) == 1


@each_board
def test_panel_ids_and_titles_are_unique_within_a_board(name: str) -> None:
    rows = [panel for panel in BOARDS[name]["panels"] if panel["type"] == "row"]
    own = [panel for board, panel in PANELS if board == name]
    assert max(Counter(panel["id"] for panel in rows + own).values()) == 1
    assert max(Counter(panel["title"] for panel in own).values()) == 1


@each_board
def test_panels_do_not_overlap_and_stay_on_the_grid(name: str) -> None:
    for group in groups(BOARDS[name]):
        taken: set[tuple[int, int]] = set()
        for panel in group:
            at = panel["gridPos"]
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            assert at["x"] + at["w"] <= 24
            assert not cells & taken, panel["title"]
            taken |= cells


@each_panel
def test_panel_says_what_it_is_and_where_it_comes_from(board: str, panel: dict[str, Any]) -> None:
    assert panel["title"].strip()
    assert len(panel["description"]) > 15
    assert panel["fieldConfig"]["defaults"]["noValue"].strip()


@each_panel
def test_numbers_have_a_unit_and_decimals(board: str, panel: dict[str, Any]) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    assert defaults["unit"]
    if panel["type"] in NUMERIC:
        assert isinstance(defaults["decimals"], int)


@each_panel
def test_one_space_stands_between_a_number_and_its_unit(board: str, panel: dict[str, Any]) -> None:
    config = panel["fieldConfig"]
    of_fields = (prop["value"] for look in config["overrides"] for prop in look["properties"] if prop["id"] == "unit")
    for unit in (config["defaults"]["unit"], *of_fields):
        assert not unit.startswith("suffix: "), "Grafana sets a space itself"


@each_panel
def test_every_target_has_its_letter_and_a_data_source_with_a_fixed_uid(board: str, panel: dict[str, Any]) -> None:
    targets = panel.get("targets", [])
    assert targets
    assert len({target["refId"] for target in targets}) == len(targets)
    known = {("prometheus", "prometheus"), (theme.ARCHIVE_TYPE, "${archive}")}
    if board == "share":
        known = {(theme.ARCHIVE_TYPE, "archive")}
    for target in targets:
        assert target["refId"]
        assert (target["datasource"]["type"], target["datasource"]["uid"]) in known
        if "rawQueryText" in target:
            assert target["rawQueryText"] == target["queryText"]
            assert target["queryType"] in ("table", "time series")


@each_panel
def test_letters_that_looks_are_given_to_exist(board: str, panel: dict[str, Any]) -> None:
    letters = {target["refId"] for target in panel.get("targets", [])}
    for override in panel["fieldConfig"]["overrides"]:
        if override["matcher"]["id"] == "byFrameRefID":
            assert override["matcher"]["options"] in letters


@each_panel
def test_colour_is_never_alone_where_a_state_is_shown(board: str, panel: dict[str, Any]) -> None:
    config = panel["fieldConfig"]
    mappings = config["defaults"]["mappings"] + [
        mapping
        for override in config["overrides"]
        for prop in override["properties"]
        if prop["id"] == "mappings"
        for mapping in prop["value"]
    ]
    for mapping in mappings:
        for result in mapping["options"].values() if mapping["type"] == "value" else ():
            assert result["text"].strip(), "a state without a word"


@each_board
def test_links_point_at_boards_that_exist(name: str) -> None:
    uids = {board["uid"] for board in BOARDS.values()}
    assert set(re.findall(r"/d/([a-z-]+)", json.dumps(BOARDS[name]))) <= uids


@each_board
def test_board_keeps_bot_archive_and_time_when_changing_to_another(name: str) -> None:
    board = BOARDS[name]
    if name == "share":
        assert not board["links"]
        assert not board["templating"]["list"]
        assert not board["annotations"]["list"]
        return
    link, kiosk = board["links"]
    assert kiosk["url"] == f"/d/{board['uid']}?kiosk"
    assert link["keepTime"]
    assert link["includeVars"]
    assert link["tags"] == board["tags"] == ["big-dipper"]
    known = [variable["name"] for variable in board["templating"]["list"]][:2]
    assert known == ([] if name == "fleet" else ["bot", "archive"])  # Fleet is of all bots, and of Prometheus alone


@each_board
def test_marks_cost_a_request_only_where_a_graph_shows_them(name: str) -> None:
    marks, top = BOARDS[name]["annotations"]["list"], BOARDS[name]["panels"]
    assert not marks or any(panel["type"] in WITH_MARKS for board, panel in PANELS if board == name)
    if not any(panel["type"] in WITH_MARKS for panel in top):
        assert not [mark["name"] for mark in marks if mark["enable"]], "each a request, and no graph is open"


def test_share_shows_no_amount_of_money() -> None:
    shown = json.dumps(BOARDS["share"], ensure_ascii=False)
    assert "currency" not in shown
    assert "$bot" not in shown
    assert not re.search(r"SELECT[^()]*\b(equity|cash|market_value|ending_equity|realized_pl) AS", shown)


def test_every_board_but_share_says_how_old_its_figures_are() -> None:
    for name in EXPECTED - {"share", "overview", "fleet"}:  # Fleet has a column for it
        assert any(panel["title"] == "Now" for board, panel in PANELS if board == name)
    assert any(panel["title"] == "Age of the data" for board, panel in PANELS if board == "overview")


def test_thresholds_of_panels_are_the_alerts_numbers() -> None:
    text = theme.THRESHOLDS_FILE.read_text("utf-8")
    number = re.search(r"name: cycle_age_seconds}, expr: vector\((\d+)\)", text)
    assert number
    assert f"< bool {number[1]}" in json.dumps(BOARDS["overview"])


def test_an_unknown_threshold_is_named_with_the_known_ones() -> None:
    with pytest.raises(KeyError, match=r"no threshold named 'nonsense'; it has .*cycle_age_seconds"):
        theme.threshold("nonsense")


def test_fleet_remembers_a_bot_for_a_week_in_every_panel() -> None:
    asked = {
        span
        for panel in BOARDS["fleet"]["panels"]
        for target in panel.get("targets", [])
        for span in re.findall(r"last_over_time\([^\[]+\[(\w+)\]", target["expr"])
    }
    assert asked == {"7d"}
