"""Incidents of the broker, the money, the monitor and the calendar: each sends what the table says, and nothing else."""

from pathlib import Path

from tests.incidents import page
from tests.incidents.check import check, needs_programs, played
from tests.incidents.incidents import INCIDENTS, OF_ALL_ELSE, Incident

pytestmark = needs_programs


@played(OF_ALL_ELSE)
def test_an_incident_sends_its_messages_and_no_other(incident: Incident, tmp_path: Path) -> None:
    check(incident, tmp_path)


def test_the_page_shows_every_incident_and_no_other() -> None:
    lines = page.PAGE.read_text(encoding="utf-8").splitlines()
    assert [line.removeprefix("### ") for line in lines if line.startswith("### ")] == [one.what for one in INCIDENTS]
