"""Every PromQL of every board parses, and asks only for metrics and labels that the exporter has."""

import json
import re
from typing import Any

import promql_parser
import pytest
import yaml

from bigdipper_exporter.metrics.registry import METRICS, NOW
from tests.grafana.asked import BOARDS, PANELS, ROOT

FOREIGN = re.compile(r"up|ALERTS(_FOR_STATE)?|scrape_\w+|prometheus_\w+|alertmanager_\w+")
SEVERITY = re.compile(r"severity: *(\w+)")
RANKED = re.compile(r'"severity", "(\d)", "severity", "(\w+)"')
VARIABLES = {"$__rate_interval": "1m", "$__interval": "1m", "$__range": "1h", "$bot": "main", "$symbol": "MSFT|AMD"}
TARGETS = [
    (f"{board}: {panel['title']} {target['refId']}", target["expr"])
    for board, panel in PANELS
    for target in panel.get("targets", [])
    if "expr" in target
]
# What Prometheus adds to every series of a target.
EVERYWHERE = {"bot", "instance", "job"}


def exposed() -> dict[str, set[str]]:
    """Every series name that the exporter can expose or a recording rule makes of it, with its labels."""
    groups = yaml.safe_load((ROOT / "prometheus" / "rules" / "recording.yml").read_text("utf-8"))["groups"]
    names: dict[str, set[str]] = {rule["record"]: {*rule.get("labels", ())} for group in groups for rule in group["rules"]}
    for metric in METRICS:
        endings = ("_bucket", "_sum", "_count") if metric.type == "histogram" else ("",)
        for ending in endings:
            names[metric.name + ending] = {*metric.labels, *(("le",) if ending == "_bucket" else ())}
    return names


def parsed(expr: str) -> Any:
    for name, value in VARIABLES.items():
        expr = expr.replace(name, value)
    return promql_parser.parse(expr)


def selectors(node: Any) -> list[Any]:
    """Every vector selector of a parsed expression."""
    if isinstance(node, promql_parser.VectorSelector):
        return [node]
    if isinstance(node, promql_parser.MatrixSelector):
        return selectors(node.vector_selector)
    inner = [getattr(node, name, None) for name in ("expr", "lhs", "rhs", "param")] + list(getattr(node, "args", None) or [])
    return [
        selector for child in inner if child is not None and not isinstance(child, str | float) for selector in selectors(child)
    ]


@pytest.mark.parametrize(("where", "expr"), TARGETS, ids=[where for where, _ in TARGETS])
def test_expression_parses(where: str, expr: str) -> None:
    assert selectors(parsed(expr)) or "vector(" in expr


@pytest.mark.parametrize(("where", "expr"), TARGETS, ids=[where for where, _ in TARGETS])
def test_expression_asks_for_metrics_and_labels_that_exist(where: str, expr: str) -> None:
    known = exposed()
    for selector in selectors(parsed(expr)):
        labels = {matcher.name for matcher in selector.matchers.matchers}
        names = [selector.name] if selector.name else by_pattern(selector, known)
        for name in names:
            if FOREIGN.fullmatch(name):
                continue
            assert name in known, f"the exporter has no {name}"
            assert labels - {"__name__"} <= known[name] | EVERYWHERE, f"{name} has the labels {sorted(known[name])}"


def by_pattern(selector: Any, known: dict[str, set[str]]) -> list[str]:
    """The metrics that a selector by __name__ names; each alternative must be one."""
    (pattern,) = [matcher.value for matcher in selector.matchers.matchers if matcher.name == "__name__"]
    prefix, alternatives = re.fullmatch(r"(\w+)\(([\w|]+)\)", pattern).groups()  # type: ignore[union-attr]
    return [prefix + name for name in alternatives.split("|")]


@pytest.mark.parametrize(("where", "expr"), TARGETS, ids=[where for where, _ in TARGETS])
def test_expression_is_about_the_chosen_bot(where: str, expr: str) -> None:
    if where.startswith("fleet: "):
        assert re.search(r"by \(bot[,)]", expr), f"{where} is about all bots, and says of which each value is"
        return
    for selector in selectors(parsed(expr)):
        if not (selector.name and FOREIGN.fullmatch(selector.name)):
            assert any(matcher.name == "bot" for matcher in selector.matchers.matchers), where


def test_legends_use_labels_that_the_expression_keeps() -> None:
    for board, panel in PANELS:
        for target in panel.get("targets", []):
            used = set(re.findall(r"{{(\w+)}}", target.get("legendFormat", "")))
            text = target.get("expr", "")
            labels = {label for name, own in exposed().items() if name in text for label in own} | EVERYWHERE
            assert used <= labels | set(re.findall(r'label_replace\(.*?"(\w+)"', text)), f"{board}: {panel['title']}"


def test_the_variable_bot_is_filled_from_a_metric_that_exists() -> None:
    for board in BOARDS.values():
        for variable in board["templating"]["list"]:
            if variable["name"] == "bot":
                assert "bigdipper_exporter_build_info" in json.dumps(variable)
                assert "bigdipper_exporter_build_info" in exposed()


def test_every_severity_of_an_alert_has_its_rank_and_its_word() -> None:
    (panel,) = [panel for _, panel in PANELS if panel["title"] == "Firing alerts"]
    used = {severity for file in ROOT.glob("prometheus/rules/alerts/*.yml") for severity in SEVERITY.findall(file.read_text())}
    ranks = {severity: rank for rank, severity in RANKED.findall(panel["targets"][0]["expr"])}
    words = {name: word["text"] for mapping in mappings(panel, "Severity") for name, word in mapping["options"].items()}
    assert set(ranks) == used - {"none"}
    assert {severity: words[rank].split()[-1] for severity, rank in ranks.items()} == {name: name for name in ranks}
    assert sorted(ranks, key=ranks.__getitem__) == ["critical", "warning", "info"]


def mappings(panel: dict[str, Any], column: str) -> list[dict[str, Any]]:
    """The value mappings of a table's column."""
    (override,) = [o for o in panel["fieldConfig"]["overrides"] if o["matcher"]["options"] == column]
    return next(p["value"] for p in override["properties"] if p["id"] == "mappings")


def test_a_panel_shows_figures_of_the_account_of_one_moment() -> None:
    for board, panel in PANELS:
        if panel["type"] == "stat" and board != "fleet":
            exprs = " ".join(target.get("expr", "") for target in panel["targets"])
            # A return over a week, a month and a year comes with the slow scrape, by itself.
            named = set(re.findall(r"bigdipper_account_\w+", exprs))
            assert named <= NOW or not named & NOW, f"{board}: {panel['title']}"
