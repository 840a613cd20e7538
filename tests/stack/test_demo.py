"""The whole way, with real Prometheus and Alertmanager: from the simulated bot's log to a query and to a notification."""

import argparse
import json
import re
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from bigdipper_exporter.demo.processes import Demo, program
from bigdipper_exporter.demo.run import ROOT, start_exporter, start_simulator
from bigdipper_exporter.demo.stack import start_stack
from tests.running import wait_for
from tests.standin import Webhook

pytestmark = [
    pytest.mark.stack,
    pytest.mark.skipif(
        program("prometheus") is None or program("alertmanager", "prometheus-alertmanager") is None,
        reason="no Prometheus or Alertmanager on this machine (deploy/tools.sh installs them from Debian)",
    ),
]
# Of one sample in full chunks, with the index; bench_storage.py has shorter chunks and prints more.
BYTES_PER_SAMPLE = 1.9
COUNTED = "sum(bigdipper_trades_total)"
BRAKE = "bigdipper_brake_active"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Webhook]:
    receiver = Webhook()
    yield receiver
    receiver.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, receiver: Webhook) -> Iterator[Demo]:
    """The demo at twelve times the speed. What happens is set off by the tests, so that none waits for a lucky minute."""
    demo = Demo(tmp_path_factory.mktemp("demo"))
    try:
        start_simulator(demo, argparse.Namespace(seed=2, days=3, speed=12.0, incident=None), "--no-incidents")
        start_exporter(demo)
        start_stack(demo, ROOT, f"{receiver.url}/")
        yield demo
    finally:
        demo.stop()


def part_url(running: Demo, name: str) -> str:
    return next(part.url for part in reversed(running.parts) if part.name == name)


def query(running: Demo, expression: str) -> float | None:
    url = f"{part_url(running, 'prometheus')}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
    with urllib.request.urlopen(url, timeout=5) as response:
        result = json.load(response)["data"]["result"]
    return float(result[0]["value"][1]) if result else None


def over_time(running: Demo, expression: str) -> list[float]:
    """Values of a sum at every second of the last hour."""
    url = f"{part_url(running, 'prometheus')}/api/v1/query?{urllib.parse.urlencode({'query': f'({expression})[1h:1s]'})}"
    with urllib.request.urlopen(url, timeout=5) as response:
        result = json.load(response)["data"]["result"]
    return [float(value) for series in result for _, value in series["values"]]


def moved(running: Demo, expression: str) -> bool:
    """Whether a sum had more than one value within the last hour."""
    return len(set(over_time(running, expression))) > 1


def seconds(duration: str) -> float:
    """A duration of prometheus.yml: 2s, 1m; 0 for none."""
    return float(duration[:-1]) * {"s": 1, "m": 60}[duration[-1]] if duration else 0.0


def log_text(running: Demo) -> str:
    return (running.folder / "big_dipper.log").read_text(errors="replace")


def set_off(running: Demo, incident: str) -> None:
    request = urllib.request.Request(f"{part_url(running, 'simulator')}/incidents/{incident}", method="POST")
    with urllib.request.urlopen(request, timeout=5) as response:
        assert response.status == 200


def test_a_trade_is_queryable_within_seconds(running: Demo) -> None:
    written = log_text(running).count("[TRADE]")
    wait_for(lambda: (query(running, COUNTED) or 0) >= written, "the trades of the history in Prometheus", 60)
    set_off(running, "dip")
    line = wait_for(lambda: (n := log_text(running).count("[TRADE]")) > written and n, "a trade of the simulated bot", 60)
    seen = time.time()
    wait_for(lambda: (query(running, COUNTED) or 0) >= line, "the trade in Prometheus", 90)
    print(f"\nfrom the trade's line to Prometheus: {time.time() - seen:.1f} s")


def test_prometheus_knows_the_days_before_its_start(running: Demo) -> None:
    assert (query(running, "count_over_time(bigdipper_bot_equity_usd[1d] offset 1h)") or 0) > 100
    assert query(running, 'last_over_time(bigdipper_limit_distance_usd{limit="brake"}[2d] offset 1h)') is not None
    trades = len(re.findall(r"\[TRADE\]", log_text(running)))
    assert query(running, "sum(increase(bigdipper_trades_total[7d]))") == pytest.approx(trades, rel=0.1)


def test_a_brake_of_the_simulated_bot_reaches_the_owner(running: Demo, receiver: Webhook) -> None:
    before = log_text(running).count("EMERGENCY BRAKE")
    set_off(running, "brake")
    wait_for(lambda: log_text(running).count("EMERGENCY BRAKE") > before, "a brake line in the log", 60)
    told = time.time()
    arrived = wait_for(
        lambda: next((at for at, name in receiver.alerts() if name.startswith("Brake")), None),
        lambda: f"the notification; arrived: {[name for _, name in receiver.alerts()]}, brake {query(running, BRAKE)}",
        120,
    )
    print(f"\nfrom the brake's line to the notification: {arrived - told:.1f} s")


def test_a_killed_exporter_goes_on_without_loss_or_step_back(running: Demo) -> None:
    exporter = next(part for part in running.parts if part.name == "exporter")
    port = int(exporter.url.rsplit(":", 1)[1])
    for _ in range(3):
        exporter.process.kill()
        exporter.process.wait()
        running.parts.remove(exporter)
        time.sleep(1)  # lines arrive meanwhile: the bot does not wait for us
        start_exporter(running, port)
        exporter = running.parts[-1]
    lines = log_text(running).count("\n")
    wait_for(lambda: (query(running, "sum(bigdipper_log_lines_total)") or 0) >= lines, "all lines in Prometheus", 60)
    for name in ("sum(bigdipper_log_lines_total)", COUNTED, "sum(bigdipper_bot_cycles_total)"):
        if name != COUNTED:  # two scrapes of the counters, half a minute apart, make a step; a trade may not come by then
            wait_for(partial(moved, running, name), f"a step of {name}", 90)
        values = over_time(running, name)
        assert values == sorted(values), f"{name} stepped back"
    trades = log_text(running).count("[TRADE]")
    wait_for(lambda: query(running, COUNTED) == log_text(running).count("[TRADE]"), f"{trades} trades counted once each", 90)


def test_a_day_of_one_bot_in_prometheus_is_as_small_as_its_configuration_says(running: Demo) -> None:
    """Samples a day of all that is kept, times the most bytes that one took in `make bench`."""
    config: dict[str, Any] = yaml.safe_load((ROOT / "prometheus" / "prometheus.yml").read_text("utf-8"))
    usual = seconds(config["global"]["scrape_interval"])
    intervals = {job["job_name"]: seconds(job.get("scrape_interval", "")) or usual for job in config["scrape_configs"]}
    wait_for(lambda: query(running, 'count(bigdipper_trades_total{job="bigdipper"})'), "the slower scrape", 60)
    each = {job: query(running, f'sum(scrape_samples_post_metric_relabeling{{job="{job}"}} + 5)') for job in intervals}
    recorded = query(running, 'count({__name__=~"bigdipper:.*|ALERTS.*"})') or 0
    assert all(each.values()), each
    samples = sum((each[job] or 0) * 86_400 / interval for job, interval in intervals.items()) + recorded * 86_400 / usual
    print(f"\n{each}, {recorded:g} recorded: {samples * BYTES_PER_SAMPLE / 1e6:.1f} MB a day")
    promised = re.search(r"(\d+) MB a day", (ROOT / "prometheus" / "prometheus.yml").read_text("utf-8"))
    assert promised
    assert samples * BYTES_PER_SAMPLE / 1e6 < float(promised[1])
    # The retention by time is reached before the one by size.
    compose = (ROOT / "docker-compose.yml").read_text("utf-8")
    days, size = re.findall(r"PROMETHEUS_KEEP(?:_SIZE)?:-(\d+)(?:d|GB)\}", compose)
    assert int(days) * float(promised[1]) < int(size) * 1000


def test_the_series_of_both_scrapes_look_as_if_they_were_of_one(running: Demo) -> None:
    assert query(running, "count(bigdipper_exporter_ready)") == 1
    assert query(running, 'count({__name__=~"bigdipper_.+",job!="bigdipper"}) or vector(0)') == 0
    assert query(running, 'count({__name__=~".+_created"}) or vector(0)') == 0
    assert query(
        running,
        "count(bigdipper_position_market_value_usd / on (bot, instance, job) group_left () bigdipper_account_equity_usd)",
    )


def test_the_demo_command_tells_where_to_look_and_ends_clean(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "bigdipper_exporter", "demo", "--dir", tmp_path / "demo", "--days", "1", "--no-stack"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    told = ""
    for line in process.stdout:
        told += line
        if "Ctrl-C" in line:
            break
    try:
        url = next(line.split()[1] for line in told.splitlines() if line.split()[:1] == ["exporter"])
        with urllib.request.urlopen(f"{url}/metrics", timeout=5) as response:
            assert b"bigdipper_account_equity_usd" in response.read()
    finally:
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(20) == 0
        process.stdout.close()
