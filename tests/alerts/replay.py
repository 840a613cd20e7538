"""A log minute by minute through the exporter and all rules, with or without a broker: which alerts fire, and from when."""

import os
import re
import time
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path

import pytest

from bigdipper_exporter import calendar
from bigdipper_exporter.metrics.collect import Collector
from bigdipper_exporter.metrics.registry import METRICS
from tests.alerts import rules
from tests.running import Monitor, monitor, series

MINUTE = 60
STAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
FIRED = re.compile(r'\{alertname="(\w+)"\} ([\d.E+]+)')
BOT = rules.BOTS[0]


def moments(path: Path) -> list[tuple[float, str]]:
    """Every line with its time (unix seconds); lines without one have that of the line before."""
    found, now = [], 0.0
    for line in path.read_text(encoding="utf-8").splitlines():
        stamp = STAMP.match(line)
        if stamp:
            now = datetime.fromisoformat(stamp[0]).replace(tzinfo=calendar.NEW_YORK).timestamp()
        found.append((now, line))
    return found


class Alone:
    """The exporter without keys."""

    def opened(self, folder: Path, start: float) -> AbstractContextManager[Monitor]:
        """The exporter on an empty log, at `start` (unix seconds)."""
        return monitor(folder)

    def follow(self, bot: Monitor) -> None:
        """A minute has passed, and its lines are read."""


def scrapes(folder: Path, path: Path, patch: pytest.MonkeyPatch, beside: Alone) -> tuple[float, dict[str, list[str]]]:
    """Return the time of the first scrape (unix seconds) and every series, one value a minute ("_" where there is none)."""
    lines = [line for line in moments(path) if line[0]]
    start = lines[0][0] // MINUTE * MINUTE
    minutes = int((lines[-1][0] - start) // MINUTE) + 2
    now = [start]
    patch.setattr(time, "time", lambda: now[0])
    found: dict[str, list[str]] = {}
    read = {name for kind in ("alert", "record") for rule in rules.rules(kind) for name in rules.metric_names(rule["expr"])}
    table = tuple(metric for metric in METRICS if any(name.startswith(metric.name) for name in read))
    with beside.opened(folder, start) as bot:
        scraped = Collector(table, lambda: bot.pipeline.snapshot)
        for minute in range(minutes):
            now[0] = start + minute * MINUTE
            due = [text for at, text in lines if now[0] - MINUTE < at <= now[0]]
            if due:
                bot.write(*due)
                os.utime(bot.log, (now[0], now[0]))
            bot.catch_up()
            beside.follow(bot)
            bot.pipeline.refresh()
            for (name, labels), value in series(scraped.collect()).items():
                if name not in read:
                    continue
                known = ",".join(f'{key}="{text}"' for key, text in labels)
                values = found.setdefault(f"{name}{{{known}}}", [])
                values += ["_"] * (minute - len(values)) + [f"{value:.12g}"]
    return start, found


def fired(folder: Path, path: Path, patch: pytest.MonkeyPatch, beside: Alone | None = None) -> dict[str, str]:
    """Return each alert that fires, with the New York time at which it does so first."""
    start, series = scrapes(folder, path, patch, beside or Alone())
    minutes = max(map(len, series.values()))
    # promtool's time begins at 0, and these are unix seconds: the rules' time() must be the log's.
    named = {name: " ".join(values) for name, values in series.items() if "_timestamp_seconds" not in name}
    for name, values in series.items():
        if "_timestamp_seconds" in name:
            named[name] = " ".join(text if text == "_" else f"{float(text) - start:.12g}" for text in values)
    query = f'min by (alertname) (min_over_time((timestamp(ALERTS{{alertstate="firing"}}))[{minutes}m:1m]))'
    up = {"up{}": f"1x{minutes}"}
    inputs = [
        *rules.inputs({**named, **up}, bots=[BOT]),
        *rules.inputs({'up{job="alertmanager"}': f"1x{minutes}"}, shared=True),
    ]
    check = {"expr": query, "eval_time": f"{minutes}m", "exp_samples": []}
    said = rules.promtool(folder, [{"interval": "1m", "input_series": inputs, "promql_expr_test": [check]}], rules.RULE_FILES)
    got = FIRED.findall(said.stdout)
    assert got, said.stdout
    return {name: f"{datetime.fromtimestamp(start + float(at), calendar.NEW_YORK):%H:%M}" for name, at in got}
