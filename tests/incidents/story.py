"""From an incident to what the owner receives: record, evaluate the rules, let Alertmanager send."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bigdipper_exporter import calendar
from tests.incidents.firing import Firing, firing
from tests.incidents.incidents import QUIET, Incident
from tests.incidents.laboratory import MINUTE, Laboratory, Recording
from tests.incidents.notifier import STEP, Alert, Message, Notifier, configuration

FORGOTTEN_AFTER = 60  # minutes without a word of Prometheus (4 x resend-delay), after which Alertmanager ends an alert
UNSEEN = {"Watchdog", "CatchingUp"}  # these are sent to nobody


@dataclass(frozen=True)
class Story:
    """What became of an incident. Minutes count from its beginning."""

    incident: Incident
    start: float
    alerts: list[Firing]
    messages: list[Message]

    def minutes(self, message: Message) -> float:
        return (message.at - self.start) / MINUTE - QUIET

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
    return Story(incident, recording.start, alerts, list(notify(incident, recording, alerts)))


def notify(incident: Incident, recording: Recording, alerts: list[Firing]) -> Iterator[Message]:
    """What Alertmanager makes of the alerts."""
    notifier = Notifier(configuration(calendar.trading_day(recording.start)))
    heard = {one.labels: set(one.annotations) - set(incident.off) - set(incident.deaf) for one in alerts}
    known: dict[object, int] = {}  # labels -> the last minute in which Prometheus said that it fires
    for minute in range(recording.minutes):
        now = recording.start + minute * MINUTE
        if minute in incident.deaf:
            continue
        for one in alerts:
            if minute in heard[one.labels]:
                started = notifier.alerts.get(one.labels)
                starts = started.starts if started and started.ends is None else now
                notifier.put(one.labels, Alert(dict(one.labels), one.annotations[minute], starts), now)
                known[one.labels] = minute
            elif one.labels in known and (minute not in incident.off or minute - known[one.labels] >= FORGOTTEN_AFTER):
                last = notifier.alerts[one.labels]
                notifier.put(one.labels, Alert(last.labels, last.annotations, last.starts, now), now)
                del known[one.labels]
        for step in range(round(MINUTE / STEP)):
            yield from notifier.run(now + step * STEP)
