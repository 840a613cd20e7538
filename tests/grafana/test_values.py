"""What expressions of boards answer, evaluated by Prometheus' own test tool."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from grafana.docs import panels
from tests.grafana.asked import BOARDS

PROMTOOL = shutil.which("promtool")
pytestmark = pytest.mark.skipif(not PROMTOOL, reason="SKIPPED, no value of a panel was computed: no promtool on this machine")
# Of a bot without keys, by its log: its last account line, then brake lines at 117 %.
BRAKING = {
    'bigdipper_bot_cash_usd{bot="main"}': 2000,
    'bigdipper_bot_equity_usd{bot="main"}': 10_000,
    'bigdipper_bot_leverage_ratio{bot="main"}': 0.8,
    'bigdipper_brake_active{bot="main"}': 1,
    'bigdipper_limit_level_ratio{bot="main",limit="brake"}': 0.17,
}


def of_fleet(minutes: int, **series: float) -> dict[str, float]:
    """Series of one bot whose newest cycle is so many minutes old; time is 0 at the beginning."""
    common = {"up": 1.0, "bigdipper_exporter_start_timestamp_seconds": 0.0, "bigdipper_bot_running": 1.0}
    cycle = {"bigdipper_bot_last_cycle_timestamp_seconds": 60.0 - 60 * minutes}
    return {f'{name}{{bot="main",job="bigdipper"}}': value for name, value in (common | cycle | series).items()}


def check(tmp_path: Path, board: str, title: str, legend: str, series: dict[str, float], answer: float) -> None:
    """Compare what a panel's target answers to constant `series`, without its labels, with `answer`."""
    asked = (target for panel in panels(BOARDS[board]) if panel["title"] == title for target in panel["targets"])
    expr = next(target["expr"] for target in asked if target["legendFormat"] == legend).replace("$bot", "main")
    sample = {"expr": f"round(max({expr}), 0.0001)", "eval_time": "1m", "exp_samples": [{"labels": "{}", "value": answer}]}
    given = [{"series": name, "values": f"{value}x5"} for name, value in series.items()]
    path = tmp_path / "test.json"
    path.write_text(
        json.dumps({"tests": [{"interval": "1m", "input_series": given, "promql_expr_test": [sample]}]}), encoding="utf-8"
    )
    assert PROMTOOL
    done = subprocess.run([PROMTOOL, "test", "rules", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("title", "legend", "holding", "released"),
    [
        ("Margin debt", "{{source}}", 1700.0, 0.0),
        ("Margin debt", "of equity", 0.17, 0.0),
        ("Leverage", "leverage ({{source}})", 1.17, 0.8),
    ],
)
def test_debt_without_keys_is_that_of_the_newest_line(
    tmp_path: Path, title: str, legend: str, holding: float, released: float
) -> None:
    check(tmp_path, "risk", title, legend, BRAKING, holding)
    check(tmp_path, "risk", title, legend, BRAKING | {'bigdipper_brake_active{bot="main"}': 0}, released)


def test_a_bot_under_the_brake_works(tmp_path: Path) -> None:
    check(tmp_path, "fleet", "Bots", "working", of_fleet(1), 1)
    check(tmp_path, "fleet", "Bots", "working", of_fleet(1, bigdipper_brake_active=1), 1)
    check(tmp_path, "fleet", "Bots", "working", of_fleet(30), 0)
    check(tmp_path, "fleet", "Bots", "working", of_fleet(1, bigdipper_bot_running=0), 0)
