"""The first start on an account and a log of three months: history is no news, whatever any rule asks."""

import argparse
import json
import re
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from bigdipper_exporter.demo.processes import Demo, program
from bigdipper_exporter.demo.run import ROOT, start_exporter, start_simulator
from bigdipper_exporter.demo.simulator.command import KEY, SECRET
from bigdipper_exporter.demo.stack import start_stack
from tests.running import wait_for

pytestmark = [
    pytest.mark.stack,
    pytest.mark.skipif(
        program("prometheus") is None or program("alertmanager", "prometheus-alertmanager") is None,
        reason="no Prometheus or Alertmanager on this machine (deploy/tools.sh installs them from Debian)",
    ),
]
PATIENCE = 180.0
TRADING_DAYS = 63
ROUNDS = 3  # evaluations of every rule after all of the history is there


def asked(prometheus: str, expression: str) -> dict[str, float]:
    """The result of a query, by the label `name` of its series."""
    url = f"{prometheus}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
    with urllib.request.urlopen(url, timeout=10) as response:
        found = json.load(response)["data"]["result"]
    return {one["metric"].get("name", ""): float(one["value"][1]) for one in found}


def evaluations(prometheus: str) -> float:
    """How often the group of rules that came last was evaluated."""
    url = f"{prometheus}/api/v1/rules?type=alert"
    with urllib.request.urlopen(url, timeout=10) as response:
        names = {f"{one['file']};{one['name']}" for one in json.load(response)["data"]["groups"]}
    with urllib.request.urlopen(f"{prometheus}/metrics", timeout=10) as response:
        text = response.read().decode()
    found = dict(re.findall(r'^prometheus_rule_group_iterations_total\{rule_group="([^"]+)"\} (\S+)', text, re.MULTILINE))
    return min(float(found.get(name, 0)) for name in names)


def fills_of_the_broker(simulator: str) -> int:
    request = urllib.request.Request(f"{simulator}/v2/account/activities/FILL?page_size=100&direction=asc")
    for header, value in (("APCA-API-KEY-ID", KEY), ("APCA-API-SECRET-KEY", SECRET)):
        request.add_header(header, value)
    token, count = "", 0
    while True:
        request.full_url = f"{simulator}/v2/account/activities/FILL?page_size=100&direction=asc{token}"
        with urllib.request.urlopen(request, timeout=10) as response:
            page = json.load(response)
        if not page:
            return count
        count, token = count + len(page), f"&page_token={urllib.parse.quote(page[-1]['id'])}"


def test_three_months_of_history_raise_no_alert(tmp_path: Path) -> None:
    demo = Demo(tmp_path)
    try:
        start_simulator(demo, argparse.Namespace(seed=5, days=TRADING_DAYS, speed=1.0, incident=None), "--no-incidents")
        start_exporter(demo)
        start_stack(demo, ROOT, None)
        url = {part.name: part.url for part in demo.parts}
        expected = fills_of_the_broker(url["simulator"])
        assert expected > 50

        def read() -> bool:
            return asked(url["prometheus"], "sum(bigdipper_fills_total)").get("", 0) >= expected

        wait_for(read, "all fills in Prometheus", PATIENCE)
        last = evaluations(url["prometheus"]) + ROUNDS
        wait_for(lambda: evaluations(url["prometheus"]) >= last, "the rules to be evaluated", PATIENCE)
        pending_or_firing = 'count by (name) (label_replace(max_over_time(ALERTS[1h]), "name", "$1", "alertname", "(.*)"))'
        assert asked(url["prometheus"], pending_or_firing).keys() == {"Watchdog"}
    finally:
        demo.stop()
