"""The first start on an account and a log of three months: every board shows it, and no rule takes it for news."""

import argparse
import json
import re
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from bigdipper_exporter.demo.processes import Demo, program
from bigdipper_exporter.demo.run import ROOT, start_exporter, start_simulator
from bigdipper_exporter.demo.simulator.command import KEY, SECRET
from bigdipper_exporter.demo.stack import start_stack
from tests.grafana.filled import Sources, all_panels, empty_panels
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
# Panels that any account's history fills, whatever it traded.
HISTORY = {
    *(f"performance: {title}" for title in ("Profit and return", "Equity, start and end", "Drawdown", "Risk-adjusted return")),
    *(f"performance: {title}" for title in ("Return vs. benchmark", "Same deposits in the benchmark", "Account and benchmark")),
    *(f"performance: {title}" for title in ("Market risk", "Distance to the benchmark", "Capture", "Equity", "Under water")),
    *(f"performance: {title}" for title in ("Returns by day", "Profit by day", "Profit by month", "P&L attribution by day")),
    *(f"symbol: {title}" for title in ("Price and trigger", "Prices and dip line", "Nearest to trigger", "Check")),
    *(f"config: {title}" for title in ("Signals by threshold", "Thresholds against the past", "Check of the replay")),
    *(f"overview: {title}" for title in ("Equity curve", "Return")),
    "risk: Drawdown by day",
    "share: Returns by day",
}
LATELY = "none in the last hours or days, with which the board begins"
# Panels that may be empty after it, with the reason; every other panel shows something where things went wrong before.
EMPTY = {
    "health: Bot errors": LATELY,
    "health: Starts, stops, halts and errors": LATELY,
    "risk: Brake episodes": LATELY,
    "risk: Other halts": LATELY,
    "trades: Discrepancies between log and broker": LATELY,
    "trades: Open orders": "no order is open",
    "fleet: Equity and profit today, live": "a paper account",
    "health: Failed broker requests": "none failed since the start",
    "health: Firing alerts": "history is no news",
    "health: Log gaps": "no line was lost",
    "overview: Alerts firing": "history is no news",
    "config: Changed, not in effect": "config.py was not edited",
    "config: Changes of settings": "config.py was not edited",
}
# A scrape between the beginning and the end of the first cycle that Prometheus sees: one begun and none completed.
BETWEEN_TWO_SCRAPES = ("BotCyclesFailing",)
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


def start(folder: Path, *incidents: str) -> Iterator[Demo]:
    """The whole stack right after its first start."""
    demo = Demo(folder)
    try:
        start_simulator(demo, argparse.Namespace(seed=5, days=TRADING_DAYS, speed=1.0, incident=None), *incidents)
        start_exporter(demo)
        start_stack(demo, ROOT, None)
        yield demo
    finally:
        demo.stop()


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    yield from start(tmp_path_factory.mktemp("demo"), "--no-incidents")


def filled(demo: Demo, waiting: set[str]) -> set[str]:
    """Wait until all these panels show something; return those that do not in time."""
    url = {part.name: part.url for part in demo.parts}
    sources = Sources(demo.folder / "archive.db", url["prometheus"], "demo")
    deadline = time.monotonic() + PATIENCE
    while waiting and time.monotonic() < deadline:
        waiting = empty_panels(sources, waiting)
        time.sleep(1.0)
    return waiting


def test_three_months_of_history_raise_no_alert(quiet: Demo) -> None:
    url = {part.name: part.url for part in quiet.parts}
    expected = fills_of_the_broker(url["simulator"])
    assert expected > 50

    def read() -> bool:
        return asked(url["prometheus"], "sum(bigdipper_fills_total)").get("", 0) >= expected

    wait_for(read, "all fills in Prometheus", PATIENCE)
    last = evaluations(url["prometheus"]) + ROUNDS
    wait_for(lambda: evaluations(url["prometheus"]) >= last, "the rules to be evaluated", PATIENCE)
    by_name = 'count by (name) (label_replace(max_over_time(ALERTS{{{}}}[1h]), "name", "$1", "alertname", "(.*)"))'
    # In the hour after the exchange has closed, the day's result is sent too.
    firing = asked(url["prometheus"], by_name.format('alertstate="firing"')).keys() - {"DayClosed"}
    assert firing == {"Watchdog"}
    assert asked(url["prometheus"], by_name.format("")).keys() <= {"Watchdog", "DayClosed", *BETWEEN_TWO_SCRAPES}


def test_the_past_is_on_the_boards(quiet: Demo) -> None:
    assert all_panels() >= HISTORY | EMPTY.keys()
    assert filled(quiet, HISTORY) == set()


@pytest.mark.soak
def test_every_panel_of_every_board_shows_the_past(tmp_path: Path) -> None:
    for demo in start(tmp_path, "--incidents-before"):
        left = filled(demo, all_panels() - EMPTY.keys())
        assert not left, f"nothing in {sorted(left)}"
