"""Incidents set off by hand, over a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest
import requests

from bigdipper_exporter.calendar import NEW_YORK
from bigdipper_exporter.demo.simulator.incidents import INCIDENTS
from bigdipper_exporter.demo.simulator.world import World

TUESDAY = datetime(2026, 11, 17, 9, 45, tzinfo=NEW_YORK).timestamp()


@pytest.fixture
def world() -> Iterator[World]:
    """A Tuesday morning, a quarter of an hour after the bell."""
    world = World(5, TUESDAY - 3 * 3600, incidents=())
    world.run_until(TUESDAY)
    with world.broker:
        yield world
    world.log.close()


def test_the_incidents_are_listed_with_what_they_are(world: World) -> None:
    answer = requests.get(f"{world.broker.url}/incidents", timeout=5)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    told = [line.split("  ", 1) for line in answer.text.splitlines()]
    assert [(name, what.strip()) for name, what in told] == [(i.name, i.what) for i in INCIDENTS]


@pytest.mark.parametrize("name", ["cycle errors", "cycle-errors", "cycle%20errors"])
def test_an_incident_happens_when_it_is_asked_for(world: World, name: str) -> None:
    answer = requests.post(f"{world.broker.url}/incidents/{name}", timeout=5)
    assert (answer.status_code, answer.text) == (200, "cycle-errors: now\n")
    assert world.tally.incidents == [(TUESDAY, "cycle-errors")]
    world.run_until(TUESDAY + 150)
    assert world.truth()["errors"]["cycle"] >= 2


def test_what_cannot_be_set_off_is_refused_in_words(world: World) -> None:
    def post(path: str) -> tuple[int, str]:
        answer = requests.post(f"{world.broker.url}{path}", timeout=5)
        return answer.status_code, answer.text

    assert post("/incidents/war")[0] == 404
    assert "unknown incident 'war': use one of slump, brake" in post("/incidents/war")[1]
    assert post("/incidents/brake/at/once")[0] == 404
    assert post("/incidents/")[0] == 405
    assert requests.get(f"{world.broker.url}/incidents/brake", timeout=5).status_code == 405
    world.run_until(TUESDAY + 14 * 3600)
    assert post("/incidents/brake") == (409, "brake: not while the exchange is closed\n")
    assert world.tally.incidents == []


def test_it_is_no_request_to_the_broker(world: World) -> None:
    requests.post(f"{world.broker.url}/incidents/outage", timeout=5)
    assert requests.get(f"{world.broker.url}/incidents", timeout=5).status_code == 200  # though the broker itself is down
    assert (world.broker.requests, world.broker.writes) == ([], 0)
    assert requests.post(f"{world.broker.url}/incidents_of/brake", timeout=5).status_code == 401
    assert world.broker.writes == 1
