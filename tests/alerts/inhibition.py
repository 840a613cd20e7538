"""Which alert mutes which, by alertmanager.yml: all pairs, for alerts of one bot."""

import re
from collections.abc import Mapping
from functools import cache

import yaml

from tests.alerts import rules
from tests.alerts.rules import Entry

CONFIG = rules.ROOT / "alertmanager" / "alertmanager.yml"
MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"(.*)"')


def matches(matcher: str, labels: Mapping[str, str]) -> bool:
    """Return whether labels fit one matcher of Alertmanager."""
    found = MATCHER.fullmatch(matcher)
    assert found, matcher
    label, operator, wanted = found.groups()
    value = labels.get(label, "")
    fits = re.fullmatch(wanted, value) is not None if "~" in operator else value == wanted
    return fits != operator.startswith("!")


def labels_of(alert: str) -> dict[str, str]:
    """The labels that routes and inhibition look at."""
    return {"alertname": alert, **rules.alerts()[alert]["labels"]}


@cache
def inhibit_rules() -> list[Entry]:
    """The inhibition rules of the configuration."""
    found: list[Entry] = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["inhibit_rules"]
    return found


def mutes(source: str, target: str) -> bool:
    """Return whether `source` mutes `target` of the same bot. As in Alertmanager, what fits both sides mutes no such other."""
    for rule in inhibit_rules():
        by, of = rule["source_matchers"], rule["target_matchers"]
        one, other = labels_of(source), labels_of(target)
        if not (all(matches(m, one) for m in by) and all(matches(m, other) for m in of)):
            continue
        if any(one.get(name, "") != other.get(name, "") for name in rule.get("equal", ()) if name != "bot"):
            continue
        both = all(matches(m, one) for m in of) and all(matches(m, other) for m in by)
        if source != target and not both:
            return True
    return False


def announced(firing: set[str]) -> set[str]:
    """Of the alerts of one bot that fire together, those that are sent."""
    return {alert for alert in firing if not any(mutes(other, alert) for other in firing)}


def table() -> str:
    """The table of docs/alerts.md: all pairs."""
    alerts = list(rules.alerts())
    muted = {source: [target for target in alerts if mutes(source, target)] for source in alerts}
    rows = [f"| {source} | {', '.join(targets)} |" for source, targets in muted.items() if targets]
    return "\n".join(["| while this fires | these of the same bot are not sent |", "|---|---|", *rows]) + "\n"
