"""The demo at high speed for twenty minutes: thirty simulated days. Memory flat, figures true, no alert that nobody expects.

SOAK_SECONDS shortens it. What is compared is the simulator's own books, kept without the log.
"""

import argparse
import json
import os
import signal
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bigdipper_exporter.demo.processes import Demo
from bigdipper_exporter.demo.run import ROOT, start_exporter, start_simulator
from bigdipper_exporter.demo.stack import start_stack

SECONDS = float(os.environ.get("SOAK_SECONDS", "1200"))
SPEED = 2160.0
# What the incidents of the simulated world set off, besides the sign of life: anything else would be a false alarm.
EXPECTED = {
    "Watchdog",
    "DayClosed",
    "BrakeActive",
    "BrakeHeldLong",
    "BrakeNear",
    "HardLimitExceeded",  # brake, slump
    "BotCycleErrors",
    "BotErrorsPilingUp",
    "BotHalted",
    "BotRestarting",  # cycle-errors, positions-unavailable, restart
    "BrokerUnreachable",
    "ClockSkew",  # outage; a broker whose clock runs 2160 times too fast
    "LogClockWrong",  # so does the bot's
    "CatchingUp",  # told to nobody: at that speed a day of lines comes in a minute
    "MissedTrades",
    "OrdersRejected",
    "TradesWithoutFills",
    "OrderOpenLong",  # wash-trade, whole-shares, stuck-order
    "PositionChangedByHand",
    "WashSaleBuy",
    "LogBrokerDisagree",  # the owner sells by hand, the bot buys again
}
QUICK = {f"BIGDIPPER_ALPACA_{name}_INTERVAL": "5s" for name in ("ACCOUNT", "POSITIONS", "ORDERS", "CLOCK", "ACTIVITIES")}


def rss(pid: int) -> float:
    """Resident MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def scrape(url: str) -> dict[str, dict[str, float]]:
    """Metric -> label values joined by `/`, in the order of their names -> value."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as response:
        text = response.read().decode()
    series: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = "/".join(value for _, value in sorted(sample.labels.items(), reverse=True))
            series.setdefault(sample.name, {})[labels] = sample.value
    return series


def fired(prometheus: str) -> set[str]:
    query = urllib.parse.urlencode({"query": 'group by (alertname) (max_over_time(ALERTS{alertstate="firing"}[2h]))'})
    with urllib.request.urlopen(f"{prometheus}/api/v1/query?{query}", timeout=10) as response:
        return {entry["metric"]["alertname"] for entry in json.load(response)["data"]["result"]}


def counted(series: dict[str, float]) -> dict[str, float]:
    return {labels: value for labels, value in series.items() if value}


@pytest.mark.soak
def test_thirty_days_in_twenty_minutes(tmp_path: Path) -> None:
    demo = Demo(tmp_path)
    truth_file = tmp_path / "truth.json"
    try:
        args = argparse.Namespace(seed=2, days=5, speed=SPEED, incident=None)
        start_simulator(demo, args, "--truth", truth_file, "--real-hours")
        start_exporter(demo, more=QUICK)
        start_stack(demo, ROOT, None)
        simulator, exporter = demo.parts[0], demo.parts[1]
        prometheus = next(part.url for part in demo.parts if part.name == "prometheus")
        memory: list[float] = []
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            time.sleep(min(5.0, SECONDS / 20))
            memory.append(rss(exporter.process.pid))
            assert all(part.process.poll() is None for part in demo.parts)
        simulator.process.send_signal(signal.SIGUSR1)
        deadline = time.monotonic() + 60
        while not truth_file.exists() or not truth_file.stat().st_size:
            assert time.monotonic() < deadline, "the simulator did not write its books"
            time.sleep(0.2)
        truth = json.loads(truth_file.read_text())
        settle(exporter.url, truth)
        check(scrape(exporter.url), truth)
        third = len(memory) // 3
        early, late = sum(memory[third : 2 * third]) / third, sum(memory[-third:]) / third
        print(f"\n{SECONDS:.0f} s at {SPEED:.0f}: {truth['cycles']} cycles, {sum(truth['trades'].values())} trades")
        print(f"resident memory: {early:.1f} MiB in the second third, {late:.1f} MiB in the last")
        alerts = fired(prometheus)
        print(f"alerts: {', '.join(sorted(alerts))}")
        assert late < early + 10
        assert alerts <= EXPECTED
    finally:
        demo.stop()


def settle(url: str, truth: dict[str, Any]) -> None:
    """Wait until the exporter has read the last line and asked the broker for its last word."""
    deadline = time.monotonic() + 90
    while True:
        seen = scrape(url)
        filled = sum(seen["bigdipper_fills_total"].values()) if "bigdipper_fills_total" in seen else 0
        if seen["bigdipper_bot_cycles_total"][""] == truth["cycles"] and filled == sum(truth["fills"].values()):
            time.sleep(12)  # two rounds of every poll
            return
        assert time.monotonic() < deadline, f"cycles {seen['bigdipper_bot_cycles_total']}, fills {filled}"
        time.sleep(1)


def check(seen: dict[str, dict[str, float]], truth: dict[str, Any]) -> None:
    """Every figure equals the simulator's books."""
    assert counted(seen["bigdipper_trades_total"]) == truth["trades"]
    assert counted(seen["bigdipper_skips_total"]) == truth["skips"]
    assert seen["bigdipper_bot_starts_total"][""] == truth["starts"]
    assert counted(seen["bigdipper_halts_total"]) == truth["halts"]
    assert seen["bigdipper_brake_episodes_total"][""] == len(truth["brake_episodes"])
    assert counted(seen["bigdipper_fills_total"]) == truth["fills"]
    assert round(seen["bigdipper_account_equity_usd"][""], 2) == round(float(truth["equity"]), 2)
    assert round(seen["bigdipper_account_cash_usd"][""], 2) == round(float(truth["cash"]), 2)
    quantities = {symbol: float(quantity) for symbol, quantity in truth["positions"].items() if float(quantity)}
    assert seen.get("bigdipper_position_quantity", {}) == quantities
