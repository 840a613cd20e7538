"""Every example of the grammar goes the whole way: log file, projection, archive and /metrics."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bigdipper_exporter.log.grammar import EVENT_KINDS, RULES
from bigdipper_exporter.log.rule import Rule
from tests.running import Monitor

EXAMPLES = [(rule, example) for rule in RULES for example in rule.examples]


@pytest.fixture
def monitor(tmp_path: Path) -> Iterator[Monitor]:
    monitor = Monitor(tmp_path)
    yield monitor
    monitor.close()


def totals(monitor: Monitor) -> dict[object, float]:
    """The exporter's own counters."""
    return {
        key: value for key, value in monitor.samples().items() if key[0].startswith("bigdipper_") and key[0].endswith("_total")
    }


def test_every_example_is_committed_counted_and_survives_a_restart(monitor: Monitor) -> None:
    expected: dict[str, int] = {}
    for minute, (rule, example) in enumerate(EXAMPLES):
        expected[EVENT_KINDS[rule.event]] = expected.get(EVENT_KINDS[rule.event], 0) + 1
        # Each in a cycle of its own, so that no example depends on its neighbours.
        moment = f"2025-10-17 {9 + minute // 60:02}:{minute % 60:02}"
        monitor.say(f"{moment}:00 [INFO] Cycle #{minute + 1}", f"{moment}:01 [INFO] {example}")
        assert monitor.pipeline.trouble is None, example
    expected["cycle"] += len(EXAMPLES)
    counted = {kind: monitor.value("bigdipper_log_events_total", kind=kind) for kind in expected}
    assert counted == expected
    before = totals(monitor)
    monitor.restart()
    monitor.catch_up()
    assert totals(monitor) == before


@pytest.mark.parametrize(("rule", "example"), EXAMPLES, ids=[example for _, example in EXAMPLES])
def test_an_example_alone_writes_to_the_archive_without_an_error(rule: Rule, example: str, tmp_path: Path) -> None:
    alone = Monitor(tmp_path)
    try:
        alone.say(f"2025-10-17 09:30:00 [INFO] {example}")
        assert alone.pipeline.trouble is None
        assert alone.value("bigdipper_log_events_total", kind=EVENT_KINDS[rule.event]) == 1
    finally:
        alone.close()
