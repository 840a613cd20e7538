"""Page and alerts judge by the same numbers."""

import ast
from pathlib import Path

from bigdipper_exporter import thresholds
from bigdipper_exporter.web import landing, sections
from grafana.theme import threshold

NAMES = [name for name in vars(thresholds) if name.isupper()]


def test_the_thresholds_of_the_package_are_those_of_the_alerts() -> None:
    assert NAMES
    for name in NAMES:
        assert getattr(thresholds, name) == threshold(name.lower()), name


def test_the_page_judges_by_no_number_of_its_own() -> None:
    modules = [*Path(sections.__path__[0]).glob("*.py"), Path(landing.__file__)]
    assert len(modules) > 5
    own = {
        target.id
        for module in modules
        for node in ast.parse(module.read_text("utf-8")).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant | ast.BinOp)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    spans = {"QUARTER_SECONDS"}  # of time that rows speak of
    facts = {"ZONE_SECONDS", "LONGEST_CLOSURE_SECONDS"}  # of time zones and of the exchange's calendar
    forms = {"MOST_NAMED", "REFRESH_SECONDS", "_SENTENCE"}  # how much is shown, and how often
    assert spans <= own <= spans | facts | forms, "a threshold belongs into prometheus/rules/thresholds.yml"
