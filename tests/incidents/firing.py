"""Which alerts fire over a recording, minute by minute, and with which words: by promtool, with all rules."""

import re
from dataclasses import dataclass
from pathlib import Path

from tests.alerts import page, rules
from tests.incidents.laboratory import Recording

TIMED = re.compile(r"^ *(?:alertname: (\w+), time: ([\dhms]+),|FAILED:)", re.MULTILINE)
GOT = re.compile(r"Labels:\{(.*)\}\s*\n\s*Annotations:\{(.*)\}")
UNIT = {"h": 3600, "m": 60, "s": 1}
Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Firing:
    """One alert while it fires: minutes of the recording, and its annotations at each of them."""

    labels: Labels
    annotations: dict[int, dict[str, str]]

    @property
    def name(self) -> str:
        return dict(self.labels)["alertname"]


def minutes_of(duration: str) -> int:
    """Promtool's "1h5m15s" in whole minutes."""
    return sum(int(number) * UNIT[unit] for number, unit in re.findall(r"(\d+)([hms])", duration)) // 60


def moments(minutes: int, every: str) -> list[str]:
    """Every evaluation within so many minutes, for promtool. An alert fires in a minute if it does so at any of them."""
    return [f"{second}s" for second in range(0, minutes * 60, step_of(every))]


def step_of(every: str) -> int:
    """Seconds of "15s" or "1m"."""
    return int(every[:-1]) * UNIT[every[-1]]


def firing(folder: Path, recording: Recording, every: str = "1m") -> list[Firing]:
    """Every alert that fires, whatever it is. `every`: how often the rules are evaluated."""
    times = 60 // step_of(every)  # what was scraped once a minute stands for the whole minute
    inputs = [
        {"series": name, "values": " ".join(value for value in values for _ in range(times))}
        for name, values in recording.series.items()
    ]
    # Nothing is expected, so promtool shows all that it gets.
    asked = [
        {"alertname": alert, "eval_time": moment, "exp_alerts": []}
        for alert in rules.alerts()
        for moment in moments(recording.minutes, every)
    ]
    test = {"interval": every, "input_series": inputs, "alert_rule_test": asked}
    said = rules.promtool(folder, [test], rules.RULE_FILES, every).stdout
    found: dict[Labels, Firing] = {}
    heads = list(TIMED.finditer(said))
    assert heads, said[:2000]
    for head, following in zip(heads, [*heads[1:], None], strict=True):
        if head[1] is None:
            continue
        for labels, annotations in GOT.findall(said[head.end() : following.start() if following else len(said)]):
            key = tuple(sorted(page.pairs(labels).items()))
            one = found.setdefault(key, Firing(key, {}))
            one.annotations.setdefault(minutes_of(head[2]), page.pairs(annotations))
    return sorted(found.values(), key=lambda one: (min(one.annotations), one.labels))
