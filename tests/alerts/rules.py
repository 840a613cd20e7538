"""The repository's rules and cases, as data; promtool and amtool as functions."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PROMETHEUS = ROOT / "prometheus"
SHARED_FILES = [PROMETHEUS / "rules" / name for name in ("thresholds.yml", "recording.yml")]
ALERT_FILES = sorted(PROMETHEUS.glob("rules/alerts/*.yml"))
RULE_FILES = [*SHARED_FILES, *ALERT_FILES]
RESENT_MINUTES = int(
    re.findall(r"--rules\.alert\.resend-delay=(\d+)m\n", (ROOT / "docker-compose.yml").read_text(encoding="utf-8"))[0]
)
BOTS = ("big-dipper", "second")
FLAKY = BOTS[1]  # every seventh scrape of it fails

Entry = dict[str, Any]


@cache
def groups(file: Path) -> list[Entry]:
    """The rule groups of a file."""
    found: list[Entry] = yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
    return found


def rules(kind: str) -> list[Entry]:
    """All rules of a kind, `alert` or `record`, in the order of the files."""
    return [rule for file in RULE_FILES for group in groups(file) for rule in group["rules"] if kind in rule]


@cache
def alerts() -> dict[str, Entry]:
    """The alert rules by name."""
    return {rule["alert"]: rule for rule in rules("alert")}


@cache
def cases() -> dict[str, Entry]:
    """cases.yml, every value as text: elsewhere YAML takes 0x12 for a hexadecimal 18."""
    text = (HERE / "cases.yml").read_text(encoding="utf-8")
    loaded: dict[str, Entry] = yaml.load(text, Loader=yaml.BaseLoader)
    return loaded


def run(*command: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and return what it said, standard error included."""
    out = {"text": True, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "timeout": 600, **options}
    return subprocess.run([str(part) for part in command], check=False, **out)


def missing(*programs: str) -> str:
    """The first of `programs` that this machine does not have, or an empty string."""
    return next((program for program in programs if shutil.which(program) is None), "")


def values_of(notation: str) -> list[str]:
    """Return promtool's notation as single values: 0+60x2 is 0 60 120, _x2 is _ _."""
    values: list[str] = []
    for token in notation.split():
        step = re.fullmatch(r"(-?[\d.]+)(?:([+-][\d.]+))?x(\d+)", token)
        gap = re.fullmatch(r"_x(\d+)", token)
        if step:
            first, by, times = float(step[1]), float(step[2] or 0), int(step[3])
            values += [f"{first + by * number:.12g}" for number in range(times + 1)]
        else:
            values += ["_"] * int(gap[1]) if gap else [token]
    return values


def with_missed_scrapes(notation: str) -> str:
    """Return the same values with every seventh scrape missed: what was there is marked stale, as Prometheus does."""
    values = values_of(notation)
    missed = ["stale" if number % 7 == 2 and value != "_" else value for number, value in enumerate(values)]
    return " ".join(missed)


def inputs(series: Mapping[str, str], shared: bool = False, bots: Sequence[str] = BOTS) -> Iterator[Entry]:
    """Promtool's input series: once for each of `bots`, with the labels that a scrape adds, or as they are when `shared`.

    The last bot misses every seventh scrape: no alert may depend on one.
    """
    for name, values in series.items():
        metric, _, labels = name.rstrip("}").partition("{")
        if shared:
            yield {"series": name, "values": values}
            continue
        for bot in bots:
            scraped = [f'bot="{bot}"', f'instance="{bot}:10077"', 'job="bigdipper"']
            seen = with_missed_scrapes(values) if bot == FLAKY and name != "up" else values
            yield {"series": f"{metric}{{{','.join([*filter(None, [labels]), *scraped])}}}", "values": seen}


def alone(alert: str) -> list[Entry]:
    """The rule of `alert` and all that it reads: thresholds and recordings, those first. A tenth of the rules to evaluate."""
    found = [alerts()[alert]]
    for rule in reversed(rules("record")):
        text = str(found)  # annotations query recordings too
        name = rule["labels"]["name"] if rule["record"] == "bigdipper:threshold" else rule["record"]
        if name in text:
            found.insert(0, rule)
    return found


def promtool(folder: Path, tests: list[Entry], files: Sequence[Path], interval: str = "1m") -> subprocess.CompletedProcess[str]:
    """Run `tests` (promtool's form) over rule files, in the order given: alerts read what is recorded before them."""
    order = [group["name"] for file in files for group in groups(file)]
    content = {"rule_files": [str(file) for file in files], "evaluation_interval": interval, "group_eval_order": order}
    path = folder / "test.yml"
    path.write_text(json.dumps({**content, "tests": tests}), encoding="utf-8")  # YAML too, and written much faster
    return run("promtool", "test", "rules", path)


def promtool_alone(folder: Path, alert: str, test: Entry) -> subprocess.CompletedProcess[str]:
    """Run one test over the rule of `alert` alone, in a file of its own."""
    file = folder / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "alone", "rules": alone(alert)}]}, sort_keys=False), encoding="utf-8")
    return promtool(folder, [test], [file])


def metric_names(expression: str) -> set[str]:
    """The metric names in a PromQL expression: what remains without labels, strings, functions and keywords."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\{[^}]*\}|\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", bare)
    return set(re.findall(r"\b(?:bigdipper|prometheus|alertmanager)[a-z0-9_:]*\b|\bup\b", bare))
