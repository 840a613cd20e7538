"""Incidents of the bot, its log and the disk: each sends what the table says, and nothing else."""

from pathlib import Path

from tests.incidents.check import check, needs_programs, played
from tests.incidents.incidents import OF_BOT_LOG_AND_DISK, Incident

pytestmark = needs_programs


@played(OF_BOT_LOG_AND_DISK)
def test_an_incident_sends_its_messages_and_no_other(incident: Incident, tmp_path: Path) -> None:
    check(incident, tmp_path)
