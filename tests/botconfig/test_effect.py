"""Changed on disk, not in effect: until the bot starts again. And who changed it."""

import os
import time
from pathlib import Path

import pytest

from bigdipper_exporter.archive.queries.settings import SettingChange
from bigdipper_exporter.archive.store import Store
from bigdipper_exporter.botconfig.copies import Copies, hash_of
from bigdipper_exporter.botconfig.effect import not_in_effect
from bigdipper_exporter.botconfig.reader import BotConfig
from bigdipper_exporter.botconfig.write import ConfigFile
from bigdipper_exporter.counters import Counters

FIRST = [SettingChange(100.0, "A", "1"), SettingChange(100.0, "B", "2")]


@pytest.mark.parametrize(
    ("changes", "started", "pending"),
    [
        ([], 200.0, None),
        (FIRST, None, None),
        (FIRST, 50.0, None),  # first seen after the start: nobody knows what it was then
        ([*FIRST, SettingChange(300.0, "A", "9")], 50.0, ("A",)),  # but this has changed since
        (FIRST, 200.0, ()),
        ([*FIRST, SettingChange(300.0, "A", "9")], 200.0, ("A",)),
        ([*FIRST, SettingChange(300.0, "A", "9")], 400.0, ()),
        ([*FIRST, SettingChange(300.0, "A", "9"), SettingChange(310.0, "A", "1")], 200.0, ()),
        ([*FIRST, SettingChange(300.0, "B", None), SettingChange(300.0, "C", "1")], 200.0, ("B", "C")),
        ([*FIRST, SettingChange(150.0, "A", "3"), SettingChange(300.0, "A", "1")], 200.0, ("A",)),
    ],
)
def test_what_the_bot_has_not_read(changes: list[SettingChange], started: float | None, pending: object) -> None:
    assert not_in_effect(changes, started) == pending


class Watcher:
    """The exporter's reading of a config.py, one look at a time."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "config.py"
        self.store = Store(folder / "archive.db")
        self.open()

    def open(self) -> None:
        self.source = BotConfig(self.path, self.store.connection)
        self.source._look._patience = 30.0  # a busy machine may take longer than the 0.2 s that a look waits

    def look(self) -> None:
        self.source._look_at = 0.0
        assert self.source.pending()
        with self.store.transaction() as connection:
            self.source.write(connection, Counters())
        self.source.commit()

    def rows(self) -> list[tuple[object, ...]]:
        sql = "SELECT setting, value, previous, author FROM bot_config ORDER BY id"
        return self.store.connection.execute(sql).fetchall()


def test_a_change_is_pending_until_the_next_start_also_after_a_restart_of_the_exporter(tmp_path: Path) -> None:
    watcher = Watcher(tmp_path)
    watcher.path.write_text("MAX_MARGIN_PCT = 0.2\n")
    os.utime(watcher.path, (1_700_000_000, 1_700_000_000))
    watcher.look()
    started = 1_700_000_100.0
    assert watcher.source.view.changed == 1_700_000_000  # when it was written, not when it was noticed
    assert watcher.source.view.pending(started) == 0
    assert watcher.source.view.pending(None) is None
    data = b"MAX_MARGIN_PCT = 0.3\n"
    file = ConfigFile(watcher.path, Copies.of(watcher.path, None))
    file.write(data, hash_of(file.read()), "anna", "MAX_MARGIN_PCT=0.3")
    watcher.look()
    assert watcher.source.view.pending(started) == 1
    watcher.open()
    assert watcher.source.view.pending(started) == 1
    assert watcher.source.view.pending(time.time() + 5) == 0
    watcher.path.write_text("MAX_MARGIN_PCT = 0.25\n")
    watcher.look()
    assert watcher.rows() == [
        ("MAX_MARGIN_PCT", "0.2", None, None),
        ("MAX_MARGIN_PCT", "0.3", "0.2", "anna"),
        ("MAX_MARGIN_PCT", "0.25", "0.3", None),
    ]
    watcher.store.connection.close()
    watcher.store.close()
