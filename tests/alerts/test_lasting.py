"""What is repeated once a week does not end while it is muted, and ends afterwards."""

from pathlib import Path

import pytest

from tests.alerts import rules
from tests.alerts.inhibition import labels_of, mutes
from tests.alerts.lasting import HELD, NIGHT
from tests.alerts.rules import BOTS
from tests.alerts.test_rules import firing, silent

EVERYWHERE = {"PrometheusNotStoring"}  # while nothing is stored no rule knows anything
MUTED_FOR = "_x20 1x110 stale"
OVER, UNMUTED = "125m", "240m"  # its cause is over, and it is muted; both are over


@pytest.mark.skipif(bool(rules.missing("promtool")), reason="promtool is not installed")
@pytest.mark.parametrize(("alert", "muted"), [(alert, muted) for alert, all_of in HELD.items() for muted in all_of])
def test_it_ends_after_what_mutes_it(alert: str, muted: str, tmp_path: Path) -> None:
    series = {**rules.cases()[alert]["series"], muted: MUTED_FOR}
    if muted == NIGHT:
        series[muted] = "0x20 1x110 0x120"
    checks = [firing(alert, OVER, BOTS), silent(alert, UNMUTED)]
    test = {"interval": "1m", "input_series": list(rules.inputs(series)), "promql_expr_test": checks}
    result = rules.promtool_alone(tmp_path, alert, test)
    assert result.returncode == 0, result.stdout


def test_everything_that_mutes_it_is_tried() -> None:
    for alert, series in HELD.items():
        by = {source for source in rules.alerts() if mutes(source, alert)} - EVERYWHERE
        if labels_of(alert)["severity"] == "critical":
            assert {f'ALERTS{{alertname="{source}", alertstate="firing"}}' for source in by} == set(series)
        else:  # an outage of the exporter is over before the hour for which these go on
            assert by <= {"ExporterDown", "ExporterStalled", "DrawdownSevere"}
            assert rules.alerts()[alert]["keep_firing_for"] == "1h"
