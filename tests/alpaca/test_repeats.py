"""When the poller reads the account's history again after an order event, with its clock in the test's hand."""

from __future__ import annotations

import threading
from itertools import pairwise
from types import SimpleNamespace
from typing import cast

import pytest

from bigdipper_exporter.broker.client import Access, Client
from bigdipper_exporter.broker.fetch import Fetched
from bigdipper_exporter.broker.models import Activity
from bigdipper_exporter.broker.poller import FIRST_RETRY, RECORDS_FOLLOW, Poller, PollSettings
from bigdipper_exporter.broker.results import Activities, Data, Failure

CLIENT = cast(Client, SimpleNamespace(drain=tuple, rate=None))


class Clock:
    """A clock that stands still unless a test sets `now`."""

    now = 1_000.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def wait(self, wake: threading.Event, seconds: float) -> None:
        self.now += seconds

    def spread(self, seconds: float) -> float:
        return seconds


def starts(seconds: float, fails: bool) -> list[float]:
    """When requests of the history begin, in seconds after the event; each takes `seconds`."""
    clock = Clock()
    found: list[float] = []
    poller = Poller(Access("PK", "secret"), PollSettings(), lambda result: None, timing=clock)
    task = next(t for t in poller._tasks if t.endpoint == "activities")

    def work(client: Client) -> Fetched[Data]:
        found.append(clock.now - Clock.now)
        clock.now += seconds
        if fails:
            raise Failure("timeout", "too late")
        none: tuple[Activity, ...] = ()
        return Fetched(Activities(none, caught_up=True))

    task.work = work
    task.interval = lambda: 300.0
    poller._take_events()
    for _ in range(5):
        clock.now = max(clock.now, task.due)
        poller._do(task, CLIENT)
    return found


def test_records_are_read_again_some_seconds_after_an_order_event() -> None:
    assert starts(0, fails=False)[:4] == [0, *RECORDS_FOLLOW]


def test_a_slow_answer_stands_for_what_was_due_while_it_came() -> None:
    assert starts(20, fails=False)[:3] == [0, 20, 340]


@pytest.mark.parametrize("seconds", [0, 20])
def test_a_request_that_fails_waits_before_the_next_one(seconds: float) -> None:
    found = starts(seconds, fails=True)
    assert [b - a - seconds for a, b in pairwise(found)] == [FIRST_RETRY * 2**n for n in range(3)] + [240]
