"""A normal trading week wakes nobody."""

from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.alerts import rules, week

pytestmark = pytest.mark.skipif(bool(rules.missing("promtool")), reason="promtool is not installed")


WITH_BROKER, LOG_ALONE = rules.BOTS
FIRING = 'count by (alertname) (count_over_time(ALERTS{alertstate="firing"}[7d]))'
DAYS = 'count by (bot) (changes(ALERTS_FOR_STATE{alertname="DayClosed"}[7d]) + 1 == 5)'


def run_week(folder: Path) -> CompletedProcess[str]:
    """Run the week: one bot has a broker, the other only its log."""
    series = [
        *rules.inputs(dict(week.series(week.LOG | week.BROKER)), bots=[WITH_BROKER]),
        *rules.inputs(dict(week.series(week.LOG)), bots=[LOG_ALONE]),
        *rules.inputs(dict(week.series(week.STACK)), shared=True),
    ]
    expected = {
        FIRING: {'{alertname="DayClosed"}': 2, '{alertname="Watchdog"}': 12},  # one for each five minutes of the hour
        DAYS: {f'{{bot="{bot}"}}': 1 for bot in rules.BOTS},
    }
    checks = [
        {"expr": query, "eval_time": f"{week.WEEK}s", "exp_samples": [{"labels": k, "value": v} for k, v in samples.items()]}
        for query, samples in expected.items()
    ]
    test = {"interval": f"{week.STEP}s", "input_series": series, "promql_expr_test": checks}
    return rules.promtool(folder, [test], rules.RULE_FILES, interval=f"{week.STEP}s")


def test_a_normal_week_fires_nothing_but_watchdog_and_five_times_dayclosed(tmp_path: Path) -> None:
    result = run_week(tmp_path)
    assert result.returncode == 0, result.stdout


def test_the_week_has_every_metric_that_rules_read() -> None:
    shown = {name.partition("{")[0] for name in week.LOG | week.BROKER | week.STACK}
    recorded = {rule["record"] for rule in rules.rules("record")}
    read = {name for kind in ("alert", "record") for rule in rules.rules(kind) for name in rules.metric_names(rule["expr"])}
    assert read - recorded - shown == set()
