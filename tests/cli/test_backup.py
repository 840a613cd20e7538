"""`backup`: a copy, or an older one as it was."""

import sqlite3
import subprocess
from pathlib import Path

import pytest

from tests.cli.asked import SAMPLE, damaged_archive, refused
from tests.running import COMMAND, command, environment, exporter, rows


def test_a_backup_never_replaces_the_archive_itself(tmp_path: Path) -> None:
    with exporter(tmp_path) as one:
        one.wait_ready()
        inode = one.archive.stat().st_ino
        (tmp_path / "link.db").symlink_to(one.archive)
        own = [one.archive.with_name(one.archive.name + suffix) for suffix in ("", "-wal", "-shm", ".lock")]
        for name in (*own, tmp_path / "link.db"):
            assert "that is the archive itself" in refused("backup", name, "--archive.path", one.archive)
        assert one.archive.stat().st_ino == inode


def test_a_backup_replaces_an_older_backup_and_nothing_else(tmp_path: Path, archive: Path, log: Path) -> None:
    target = tmp_path / "copy.db"
    target.touch()
    for _ in range(2):
        assert command("backup", target, "--archive.path", archive).stdout.startswith(f"{target}: ")
        assert rows(target, "SELECT count(*) FROM trades") == rows(archive, "SELECT count(*) FROM trades")
    assert "what is there is no backup" in refused("backup", log, "--archive.path", archive)
    assert log.read_bytes() == SAMPLE.read_bytes()
    assert "it is no file" in refused("backup", tmp_path, "--archive.path", archive)


def test_a_backup_that_cannot_be_written_is_one_clear_line(tmp_path: Path, archive: Path) -> None:
    (folder := tmp_path / "fixed").mkdir()
    folder.chmod(0o555)
    line = refused("backup", folder / "copy.db", "--archive.path", archive)
    assert line.startswith(f"cannot back up to {folder}/copy.db: unable to open database file")
    assert "nowhere does not exist" in refused("backup", tmp_path / "nowhere" / "copy.db", "--archive.path", archive)
    (tmp_path / "copy.db.part").mkdir()
    assert "Is a directory" in refused("backup", tmp_path / "copy.db", "--archive.path", archive)
    (closed := tmp_path / "closed.db").touch(0o200)
    assert "what is there cannot be read: Permission denied" in refused("backup", closed, "--archive.path", archive)


def test_a_backup_for_which_there_is_no_room_leaves_the_older_one_and_no_half_of_itself(tmp_path: Path, archive: Path) -> None:
    target = tmp_path / "copy.db"
    target.touch()
    small = ["sh", "-c", 'ulimit -f 64; exec "$@"', "sh", *COMMAND, "backup", str(target), "--archive.path", str(archive)]
    done = subprocess.run(small, capture_output=True, text=True, env=environment(), check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(f"big-dipper-exporter: cannot back up to {target}: ")
    assert "is there room" in done.stderr
    assert [(file.name, file.stat().st_size) for file in tmp_path.iterdir()] == [("copy.db", 0)]


@pytest.mark.parametrize("name", ["export", "backup", "backfill"])
def test_a_damaged_archive_is_one_line_and_no_reason_to_lose_an_older_backup(tmp_path: Path, log: Path, name: str) -> None:
    damaged_archive(tmp_path, log)
    damaged, older = tmp_path / "damaged.db", tmp_path / "copy.db"
    data = damaged.read_bytes()
    damaged.write_bytes(data[: 20 * 4096] + b"\xff" * (len(data) - 20 * 4096))  # the schema is whole, and no row
    older.touch()
    args = {"export": "skips", "backup": str(older), "backfill": f"--out={tmp_path / 'blocks'}"}
    done = command(name, args[name], "--archive.path", damaged)
    assert done.returncode == 2
    assert done.stderr.startswith(f"big-dipper-exporter: archive {damaged} ")
    assert done.stderr.count("\n") == 1
    assert "damaged" in done.stderr
    assert older.stat().st_size == 0


def test_an_archive_that_can_be_copied_although_it_is_damaged_replaces_no_older_backup(tmp_path: Path, archive: Path) -> None:
    (damaged := tmp_path / "damaged.db").write_bytes(archive.read_bytes())
    with sqlite3.connect(damaged) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("DELETE FROM sqlite_schema WHERE name = 'trades_ts'")  # the pages of this index are nobody's now
    connection.close()
    (older := tmp_path / "copy.db").touch()
    assert f"archive {damaged} is damaged (" in refused("backup", older, "--archive.path", damaged)
    assert older.stat().st_size == 0
