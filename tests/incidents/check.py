"""What must hold of every incident."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.alerts import rules
from tests.incidents import page
from tests.incidents.incidents import Incident
from tests.incidents.story import Story, tell

needs_programs = pytest.mark.skipif(bool(rules.missing("promtool", "amtool")), reason="promtool or amtool is not installed")


def played(incidents: Sequence[Incident]) -> pytest.MarkDecorator:
    """A test for each of `incidents`; `make soak` plays those that last."""
    marks = {True: [pytest.mark.soak], False: []}
    return pytest.mark.parametrize("incident", [pytest.param(one, id=one.name, marks=marks[one.long]) for one in incidents])


def check(incident: Incident, folder: Path) -> None:
    """Assert that an incident sends its messages and no other, as docs/incidents.md shows them."""
    story = tell(incident, folder)
    assert story.sent() == incident.sent
    ends_only_what_was_announced(story)
    shown = page.PAGE.read_text(encoding="utf-8")
    assert page.section(story) in shown, "run: python -m tests.incidents.page"
    assert page.row(story) in shown, "run: python -m tests.incidents.page"


def ends_only_what_was_announced(story: Story) -> None:
    """Assert that a message of an end names nothing that the owner never heard of."""
    heard: set[str] = set()
    for message in story.messages:
        assert {alert.labels["alertname"] for alert in message.resolved} <= heard
        heard |= {alert.labels["alertname"] for alert in message.firing}
