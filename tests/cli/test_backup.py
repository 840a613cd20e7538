"""`backup`: a copy, or an older one as it was."""

from pathlib import Path

import pytest

from tests.cli.asked import SAMPLE, damaged_archive, refused
from tests.running import command, exporter, rows


def test_a_backup_never_replaces_the_archive_itself(tmp_path: Path) -> None:
    with exporter(tmp_path) as one:
        one.wait_ready()
        inode = one.archive.stat().st_ino
        (tmp_path / "link.db").symlink_to(one.archive)
        for name in (one.archive, f"{one.archive}-wal", f"{one.archive}.lock", tmp_path / "link.db"):
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
