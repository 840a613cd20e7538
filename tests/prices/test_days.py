"""The day of a moment is New York's, in summer as in winter: of a threshold, and of a brake."""

import sqlite3
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pytest

from bigdipper_exporter.archive.prices.replay import days_of_brakes
from bigdipper_exporter.archive.prices.series import BotRule
from bigdipper_exporter.archive.store import Store
from bigdipper_exporter.calendar import NEW_YORK


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).timestamp()


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    store = Store(tmp_path / "archive.db")
    yield store.connection
    store.close()


@pytest.mark.parametrize(
    ("changed", "from_day"),
    [
        ("2025-07-09 15:59:00", "2025-07-09"),  # before the close of a summer's day
        ("2025-07-09 23:30:00", "2025-07-10"),  # late in the evening: the session of that day is over
        ("2025-07-10 00:30:00", "2025-07-10"),
        ("2025-12-09 15:59:00", "2025-12-09"),
        ("2025-12-09 23:30:00", "2025-12-10"),
        ("2025-07-03 13:30:00", "2025-07-07"),  # a half day closes at 13:00
    ],
)
def test_a_threshold_holds_from_the_session_at_whose_close_it_was_in_effect(
    archive: sqlite3.Connection, changed: str, from_day: str
) -> None:
    rows = [(at("2025-01-02 09:00:00"), "0.05"), (at(changed), "0.08")]
    archive.executemany("INSERT INTO bot_config (ts, setting, value) VALUES (?, 'DIP_THRESHOLDS.AMD', ?)", rows)
    rule, first = BotRule(archive), date.fromisoformat(from_day)
    assert rule.threshold("AMD", first) == 0.08
    assert rule.threshold("AMD", datetime.fromisoformat(changed).date()) == (0.08 if changed[:10] == from_day else 0.05)


@pytest.mark.parametrize(
    ("started", "last", "days"),
    [
        ("2025-07-09 23:30:00", "2025-07-09 23:50:00", ["2025-07-09"]),
        ("2025-07-10 03:30:00", "2025-07-10 03:50:00", ["2025-07-09"]),
        ("2025-12-12 15:00:00", "2025-12-15 10:00:00", ["2025-12-12", "2025-12-13", "2025-12-14", "2025-12-15"]),
    ],
)
def test_a_brake_counts_on_each_trading_day_that_it_touches(
    archive: sqlite3.Connection, started: str, last: str, days: list[str]
) -> None:
    archive.execute(
        "INSERT INTO brake_events (id, started, ended, last_seen, date, cycles, missed_opportunities)"
        " VALUES (1, ?, ?, ?, '', 1, 0)",
        (at(started), at(last), at(last)),
    )
    assert sorted(day.isoformat() for day in days_of_brakes(archive)) == days


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ([("DIP_THRESHOLDS.NVDA", "0.12"), ("DIP_THRESHOLDS.NVDA", None)], 0.08),  # removed: the default holds again
        ([("DIP_THRESHOLDS.NVDA", "0.12"), ("DIP_THRESHOLDS.NVDA", "damaged")], 0.08),
        ([("MIN_ABSOLUTE_DIP", "0.1"), ("MIN_ABSOLUTE_DIP", "0")], 0.08),
        ([("MIN_ABSOLUTE_DIP", "0.1")], 0.1),
    ],
)
def test_a_threshold_that_was_removed_or_set_to_zero_is_not_the_one_before(
    archive: sqlite3.Connection, history: list[tuple[str, str | None]], expected: float
) -> None:
    rows = [("DIP_THRESHOLDS.DEFAULT", "0.08"), *history]
    archive.executemany(
        "INSERT INTO bot_config (ts, setting, value) VALUES (?, ?, ?)",
        [(at("2025-02-03 09:00:00") + n, setting, value) for n, (setting, value) in enumerate(rows)],
    )
    assert BotRule(archive).threshold("NVDA", date(2025, 2, 10)) == expected
