"""From an incident to what the owner receives: record, evaluate the rules, let Alertmanager send."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bigdipper_exporter import calendar
from tests.alerts.rules import RESENT_MINUTES
from tests.incidents.firing import Firing, Labels, firing
from tests.incidents.incidents import QUIET, Incident
from tests.incidents.laboratory import MINUTE, Laboratory, Recording
from tests.incidents.notifier import STEP, Alert, Message, Notifier, configuration

FORGOTTEN_AFTER = 4 * RESENT_MINUTES  # minutes without a word of Prometheus, after which Alertmanager ends an alert
UNSEEN = {"Watchdog", "CatchingUp"}  # these are sent to nobody


@dataclass(frozen=True)
class Story:
    """What became of an incident. Minutes count from its beginning."""

    incident: Incident
    recording: Recording
    alerts: list[Firing]
    messages: list[Message]

    def minutes(self, message: Message) -> float:
        return (message.at - self.recording.start) / MINUTE - QUIET

    def sent(self) -> tuple[str, ...]:
        """The messages as the table of incidents names them."""
        return tuple(self._names(message) for message in self.messages)

    @staticmethod
    def _names(message: Message) -> str:
        on = sorted({alert.labels["alertname"] for alert in message.firing})
        off = sorted({alert.labels["alertname"] for alert in message.resolved})
        return " ".join([*on, *(f"-{name}" for name in off)])


def record(incident: Incident, folder: Path, patch: pytest.MonkeyPatch) -> Recording:
    """What Prometheus scrapes before, during and after the incident."""
    lab = Laboratory(folder, incident.setting, patch)
    try:
        lab.settle(incident.settle)
        lab.record(QUIET)
        for wait in incident.script(lab):
            lab.record(round(wait))
        assert lab.recording is not None
        return lab.recording
    finally:
        lab.close()


def tell(incident: Incident, folder: Path) -> Story:
    """The story of one incident."""
    with pytest.MonkeyPatch.context() as patch:
        recording = record(incident, folder, patch)
    alerts = [one for one in firing(folder, recording, incident.every) if one.name not in UNSEEN]
    return Story(incident, recording, alerts, list(notify(incident, recording, alerts)))


def told_by_prometheus(incident: Incident, recording: Recording, alerts: list[Firing]) -> Iterator[tuple[int, list[Alert]]]:
    """What Alertmanager hears, minute by minute: every alert that fires, and once each that has ended."""
    heard = {one.labels: set(one.annotations) - set(incident.off) - set(incident.deaf) for one in alerts}
    known: dict[Labels, tuple[int, Alert]] = {}  # the last minute in which Prometheus said that it fires
    for minute in range(recording.minutes):
        now = recording.start + minute * MINUTE
        said = []
        for one in alerts:
            if minute in heard[one.labels]:
                starts = known[one.labels][1].starts if one.labels in known else now
                known[one.labels] = minute, Alert(dict(one.labels), one.annotations[minute], starts)
                said.append(known[one.labels][1])
            elif one.labels in known and minute not in incident.deaf:
                last, alert = known[one.labels]
                if minute not in incident.off or minute - last >= FORGOTTEN_AFTER:
                    said.append(replace(alert, ends=now))
                    del known[one.labels]
        yield minute, said


def notify(incident: Incident, recording: Recording, alerts: list[Firing]) -> Iterator[Message]:
    """What Alertmanager makes of the alerts."""
    notifier = Notifier(configuration(calendar.trading_day(recording.start)))
    for minute, said in told_by_prometheus(incident, recording, alerts):
        now = recording.start + minute * MINUTE
        if minute in incident.deaf:
            continue
        for alert in said:
            notifier.put(alert, now)
        for step in range(round(MINUTE / STEP)):
            yield from notifier.run(now + step * STEP)
