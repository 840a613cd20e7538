"""Alertmanager, as its configuration says, on a clock of the test's: routes, groups, inhibition, quiet hours, what is repeated.

`test_alertmanager.py` plays the same alerts to the real Alertmanager and compares.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from zoneinfo import ZoneInfo

import yaml

from alertmanager import render
from tests.alerts.inhibition import CONFIG, matches
from tests.alerts.rules import Entry
from tests.incidents.firing import Labels

STEP = 5.0
UNITS = {"s": 1, "m": 60, "h": 3600}
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
INHERITED = ("receiver", "group_by", "group_wait", "group_interval", "repeat_interval")


@cache
def configuration(today: date) -> Entry:
    """The configuration that render.py writes on that day, with one channel."""
    config: Entry = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    render.fill(config, {"ALERT_WEBHOOK_URL": "http://127.0.0.1/", "ALERT_DEADMAN_URL": "http://127.0.0.1/"})
    render.add_holidays(config, today)
    return config


def seconds(duration: str) -> float:
    """Seconds of "10m"."""
    return float(duration[:-1]) * UNITS[duration[-1]]


@dataclass
class Alert:
    """What Alertmanager knows of an alert; times in unix seconds."""

    labels: dict[str, str]
    annotations: dict[str, str]
    starts: float
    ends: float | None = None


@dataclass(frozen=True)
class Message:
    """One notification to one receiver."""

    at: float
    receiver: str
    firing: tuple[Alert, ...]
    resolved: tuple[Alert, ...]

    @property
    def status(self) -> str:
        return "firing" if self.firing else "resolved"


@dataclass
class Group:
    """Alerts of one route that are sent together."""

    route: Entry
    labels: tuple[str, ...]
    next: float
    alerts: dict[Labels, Alert] = field(default_factory=dict)


@dataclass
class Sent:
    """The notification log of one group: what was sent last."""

    at: float
    firing: frozenset[Labels]
    resolved: frozenset[Labels]


class Notifier:
    """Alertmanager from one moment to the next. `put` takes what Prometheus sends, `run` returns what leaves."""

    def __init__(self, config: Entry) -> None:
        self.config = config
        self.alerts: dict[Labels, Alert] = {}
        self._groups: dict[tuple[str, tuple[str, ...]], Group] = {}
        self._sent: dict[tuple[str, tuple[str, ...]], Sent] = {}
        self._ends = {
            one["name"]: [
                entry.get("send_resolved", True) for key, entries in one.items() if key != "name" for entry in entries
            ]
            for one in config["receivers"]
        }

    def put(self, alert: Alert, now: float) -> None:
        """Take an alert that fires or has ended."""
        key = tuple(sorted(alert.labels.items()))
        self.alerts[key] = alert
        for route in routes(self.config["route"], alert.labels, {}):
            labels = tuple(alert.labels.get(name, "") for name in route["group_by"])
            place = (str(route["path"]), labels)
            if place not in self._groups:
                if alert.ends is not None:
                    continue
                wait = seconds(route["group_wait"])
                self._groups[place] = Group(route, labels, now if alert.starts + wait < now else now + wait)
            self._groups[place].alerts[key] = alert

    def run(self, now: float) -> Iterator[Message]:
        """Send what is due."""
        for place, group in list(self._groups.items()):
            if group.next > now:
                continue
            group.next += seconds(group.route["group_interval"])
            yield from self._flush(place, group, now)
            for key in [key for key, alert in group.alerts.items() if alert.ends is not None]:
                del group.alerts[key]
            if not group.alerts:
                del self._groups[place]

    def _flush(self, place: tuple[str, tuple[str, ...]], group: Group, now: float) -> Iterator[Message]:
        muted_at = group.route.get("mute_time_intervals", [])
        if any(self._inside(name, now) for name in muted_at):
            return
        heard = {key: alert for key, alert in group.alerts.items() if not self.is_muted(alert.labels)}
        on = {key: alert for key, alert in heard.items() if alert.ends is None}
        off = {key: alert for key, alert in heard.items() if alert.ends is not None}
        if not heard or not self._ends[group.route["receiver"]]:
            return
        (says_ends,) = self._ends[group.route["receiver"]]
        if not self._is_news(
            self._sent.get(place), on.keys(), off.keys(), says_ends, now - seconds(group.route["repeat_interval"])
        ):
            return
        self._sent[place] = Sent(now, frozenset(on), frozenset(off))
        if on or says_ends:
            yield Message(now, group.route["receiver"], tuple(on.values()), tuple(off.values()) if says_ends else ())

    @staticmethod
    def _is_news(sent: Sent | None, on: Iterable[Labels], off: Iterable[Labels], says_ends: bool, repeat_before: float) -> bool:
        """Alertmanager's own question (DedupStage)."""
        firing, resolved = frozenset(on), frozenset(off)
        if sent is None:
            return bool(firing)
        if not firing <= sent.firing:
            return True
        if not firing:
            return bool(sent.firing)
        return (says_ends and not resolved <= sent.resolved) or sent.at < repeat_before

    def is_muted(self, labels: Mapping[str, str]) -> bool:
        """Whether another alert that fires inhibits one with these labels."""
        return any(self._inhibits(rule, labels) for rule in self.config["inhibit_rules"])

    def _inhibits(self, rule: Entry, target: Mapping[str, str]) -> bool:
        by, of = rule["source_matchers"], rule["target_matchers"]
        if not all(matches(one, target) for one in of):
            return False
        is_source_too = all(matches(one, target) for one in by)
        for alert in self.alerts.values():
            source = alert.labels
            if alert.ends is not None or not all(matches(one, source) for one in by):
                continue
            if any(source.get(name, "") != target.get(name, "") for name in rule.get("equal", ())):
                continue
            if not (is_source_too and all(matches(one, source) for one in of)):
                return True
        return False

    def _inside(self, name: str, now: float) -> bool:
        intervals = next(one for one in self.config["time_intervals"] if one["name"] == name)["time_intervals"]
        return any(covers(interval, now) for interval in intervals)


def routes(route: Entry, labels: Mapping[str, str], inherited: Entry) -> Iterator[Entry]:
    """The one route that an alert takes, with what it inherits."""
    here = {**inherited, **{name: route[name] for name in INHERITED if name in route}}
    here["path"] = f"{inherited.get('path', '')}/{route.get('matchers')}"
    for child in route.get("routes", ()):
        if all(matches(matcher, labels) for matcher in child["matchers"]):
            yield from routes(child, labels, here)
            return
    yield {**here, "mute_time_intervals": route.get("mute_time_intervals", [])}


def covers(interval: Entry, now: float) -> bool:
    """Whether a time interval of the configuration covers the moment."""
    at = datetime.fromtimestamp(now, ZoneInfo(interval["location"]))
    if "weekdays" in interval and DAYS[at.weekday()] not in interval["weekdays"]:
        return False
    for name, value in (("years", at.year), ("months", at.month), ("days_of_month", at.day)):
        if name in interval and str(value) not in interval[name]:
            return False
    clock = f"{at:%H:%M}"
    return "times" not in interval or any(one["start_time"] <= clock < one["end_time"] for one in interval["times"])
