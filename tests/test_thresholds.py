"""Page and alerts judge by the same numbers."""

import ast
import inspect

from bigdipper_exporter import thresholds
from bigdipper_exporter.web import pages
from grafana.theme import threshold

NAMES = [name for name in vars(thresholds) if name.isupper()]


def test_the_thresholds_of_the_package_are_those_of_the_alerts() -> None:
    assert NAMES
    for name in NAMES:
        assert getattr(thresholds, name) == threshold(name.lower()), name


def test_the_page_judges_by_no_number_of_its_own() -> None:
    tree = ast.parse(inspect.getsource(pages))
    own = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant | ast.BinOp)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    spans = {"QUARTER_SECONDS", "DAY_SECONDS"}  # of time that rows speak of
    facts = {"ZONE_SECONDS", "LONGEST_CLOSURE_SECONDS"}  # of time zones and of the exchange's calendar
    assert own <= spans | facts | {"MOST_NAMED"}, "a threshold belongs into prometheus/rules/thresholds.yml"
