"""What is scraped how often, and that nobody computes or keeps more than that is worth."""

import re
from typing import Any

import pytest
import yaml

from bigdipper_exporter.metrics.registry import NOW
from tests.alerts import rules
from tests.grafana.test_promql import TARGETS

CONFIG: dict[str, Any] = yaml.safe_load((rules.PROMETHEUS / "prometheus.yml").read_text("utf-8"))
JOBS: dict[str, dict[str, Any]] = {job["job_name"]: job for job in CONFIG["scrape_configs"]}
OTHERS = re.compile(r"\b(?:prometheus|alertmanager)_\w+")
EXPRESSIONS = [rule["expr"] for kind in ("alert", "record") for rule in rules.rules(kind)] + [expr for _, expr in TARGETS]


def test_both_jobs_scrape_the_same_targets_each_its_part() -> None:
    now, rest = JOBS["bigdipper"], JOBS["bigdipper-rest"]
    assert now["file_sd_configs"] == rest["file_sd_configs"]
    assert (now["params"], rest["params"]) == ({"collect[]": ["now"]}, {"exclude[]": ["now"]})
    # A series is found under one job, from whichever scrape it is.
    assert {"target_label": "job", "replacement": "bigdipper"} in rest["metric_relabel_configs"]


def test_groups_in_a_hurry_read_only_what_is_scraped_as_often() -> None:
    hurried = {
        group["name"]: {name for rule in group["rules"] for name in rules.metric_names(rule["expr"])}
        for file in rules.RULE_FILES
        for group in rules.groups(file)
        if "interval" in group
    }
    assert "bigdipper-margin" in hurried
    for group, names in hurried.items():
        assert names - NOW - {"bigdipper:threshold", "ALERTS"} == set(), group


@pytest.mark.parametrize("job", ["prometheus", "alertmanager"])
def test_prometheus_keeps_of_itself_and_alertmanager_what_is_read(job: str) -> None:
    kept = next(step["regex"] for step in JOBS[job]["metric_relabel_configs"] if step["action"] == "keep")
    read = {name for expr in EXPRESSIONS for name in OTHERS.findall(expr) if name.startswith(job)}
    assert read
    assert {name for name in read if not re.fullmatch(kept, name)} == set()
