"""Which alerts fire over a recording, minute by minute, and with which words: by promtool, with all rules."""

import re
from dataclasses import dataclass
from pathlib import Path

from tests.alerts import page, rules
from tests.incidents.laboratory import Recording

TIMED = re.compile(r"^ *(?:alertname: (\w+), time: ([\dhms]+),|FAILED:)", re.MULTILINE)
GOT = re.compile(r"Labels:\{(.*)\}\s*\n\s*Annotations:\{(.*)\}")
UNIT = {"h": 60, "m": 1, "s": 1 / 60}
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
    """Promtool's "1h5m" in minutes."""
    return round(sum(int(number) * UNIT[unit] for number, unit in re.findall(r"(\d+)([hms])", duration)))


def firing(folder: Path, recording: Recording, every: str = "1m") -> list[Firing]:
    """Every alert that fires, whatever it is. `every`: how often the rules are evaluated."""
    inputs = [{"series": name, "values": " ".join(values)} for name, values in recording.series.items()]
    # Nothing is expected, so promtool shows all that it gets.
    asked = [
        {"alertname": alert, "eval_time": f"{minute}m", "exp_alerts": []}
        for alert in rules.alerts()
        for minute in range(recording.minutes)
    ]
    test = {"interval": "1m", "input_series": inputs, "alert_rule_test": asked}
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
            one.annotations[minutes_of(head[2])] = page.pairs(annotations)
    return sorted(found.values(), key=lambda one: (min(one.annotations), one.labels))
