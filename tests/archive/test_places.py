"""Where an archive may lie."""

import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bigdipper_exporter.archive.errors import ArchiveError
from bigdipper_exporter.archive.store import Store
from tests.archive.parts import cycles
from tests.running import command, rows


@pytest.mark.parametrize("name", ["a#b", "what?", "100%25", "with blank", "ümläut"])
def test_an_archive_is_read_where_it_was_written_whatever_signs_its_path_has(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    log, archive = folder / "big_dipper.log", folder / "bigdipper.db"
    log.write_bytes(cycles(1, 5))
    assert command("ingest", "--log.path", log, "--archive.path", archive).returncode == 0
    done = command("export", "trades", "--archive.path", archive)
    assert len(done.stdout.splitlines()) == 6, done.stderr
    assert command("backup", folder / "copy.db", "--archive.path", archive).returncode == 0
    assert rows(folder / "copy.db", "SELECT count(*) FROM trades") == [(5,)]
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_an_archive_behind_a_link_is_used_and_locked_as_the_one_that_it_is(tmp_path: Path) -> None:
    (tmp_path / "big_dipper.log").write_bytes(cycles(1, 5))
    real, link = tmp_path / "disk" / "real.db", tmp_path / "link.db"
    real.parent.mkdir()
    link.symlink_to(real)
    args = ("--log.path", tmp_path / "big_dipper.log", "--archive.path")
    done = command("ingest", *args, link)
    assert done.returncode == 0, done.stderr
    assert rows(real, "SELECT count(*) FROM trades") == [(5,)]
    store = Store(link)
    with pytest.raises(ArchiveError, match="is in use by process"):
        Store(real)
    store.close()
    assert "0 lines" in command("ingest", *args, real).stdout


def test_a_database_that_is_somebody_elses_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "pets.db"
    with closing(sqlite3.connect(path)) as pets:
        pets.execute("CREATE TABLE pets (name TEXT)")
    before = path.read_bytes()
    with pytest.raises(ArchiveError, match="none of Big Dipper Monitor's"):
        Store(path)
    assert path.read_bytes() == before


def test_a_port_that_is_taken_is_told_before_an_archive_is_made(tmp_path: Path) -> None:
    (tmp_path / "big_dipper.log").write_bytes(cycles(1, 1))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        args = ("--log.path", tmp_path / "big_dipper.log", "--archive.path", tmp_path / "bigdipper.db")
        done = command("run", *args, "--web.listen-address", address)
    assert done.returncode == 2
    assert "the port is taken" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["big_dipper.log"]
