"""Who may read an archive."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from bigdipper_exporter.archive.store import Store
from tests.archive.parts import cycles
from tests.running import command, monitor


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir() if path.name.startswith("bigdipper.db")}


def test_a_new_archive_and_its_copies_are_closed_to_other_users(tmp_path: Path) -> None:
    with monitor(tmp_path) as one:
        one.log.write_bytes(cycles(1, 5))
        one.catch_up()
        assert modes(tmp_path) == dict.fromkeys(
            ["bigdipper.db", "bigdipper.db-wal", "bigdipper.db-shm", "bigdipper.db.lock"], 0o640
        )
        assert command("backup", tmp_path / "copy.db", "--archive.path", one.archive).returncode == 0
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o640


def test_a_stricter_umask_counts(tmp_path: Path) -> None:
    os.umask(0o077)
    Store(tmp_path / "bigdipper.db").close()
    assert set(modes(tmp_path).values()) == {0o600}


def test_an_archive_of_an_earlier_version_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "bigdipper.db"
    path.touch(0o644)
    with monitor(tmp_path) as one:
        one.log.write_bytes(cycles(1, 5))
        one.catch_up()
        assert modes(tmp_path)["bigdipper.db"] == modes(tmp_path)["bigdipper.db-wal"] == 0o644
        path.unlink()
        one.store.recover()
        assert modes(tmp_path)["bigdipper.db"] == modes(tmp_path)["bigdipper.db-wal"] == 0o644
