"""What holds for every test, and which files are run first."""

import gc

import pytest
from hypothesis import settings

# A busy machine is slow, not wrong: no example of a property test has a time limit.
settings.register_profile("untimed", settings(), deadline=None)
settings.load_profile("untimed")

# Files that take half a minute or more, the longest first: at the end of a run no worker is left alone with one of them.
# Where this list is old, tests only take longer.
LONGEST = (
    "tests/incidents/test_all_else.py",
    "tests/deploy/test_restore.py",
    "tests/alpaca/test_money.py",
    "tests/stack/test_first_start.py",
    "tests/api/test_schema.py",
    "tests/alerts/test_replay.py",
    "tests/stack/test_central.py",
    "tests/alerts/test_stack.py",
    "tests/alerts/test_rules.py",
    "tests/stack/test_demo.py",
    "tests/incidents/test_bot_log_and_disk.py",
    "tests/alpaca/test_faults.py",
    "tests/alerts/test_week.py",
    "tests/alpaca/test_daily.py",
    "tests/prices/test_reading.py",
    "tests/cli/test_start.py",
    "tests/cli/test_overlap.py",
    "tests/deploy/test_backup.py",
    "tests/alerts/test_alertmanager.py",
    "tests/alpaca/test_split_answers.py",
    "tests/archive/test_trouble.py",
    "tests/api/test_live.py",
    "tests/alpaca/test_years.py",
    "tests/alerts/test_dead_man.py",
    "tests/alpaca/test_reconcile.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the files: those of LONGEST, then the others as they were."""
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.nodeid.partition("::")[0], len(place)))


def pytest_collection_finish() -> None:
    """Leave what the imports and the collection made, a million objects that stay, to no later collection of garbage."""
    gc.collect()
    gc.freeze()
