"""Cases 32-41: the exporter is killed (SIGKILL), things happen to the log, the exporter is started again."""

import os
import shutil
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.faults.harness import Archive, Consumer, Writer, check

Start = Callable[..., Consumer]
Kill = Callable[..., None]


def finish(start: Start, writer: Writer, *, gaps: list[str] | None = None) -> Archive:
    """Start again, write one more line, and everything must be there, once; a further start adds nothing."""
    consumer = start()
    consumer.drain()
    writer.write(1)
    consumer.drain()
    check(consumer.archive, writer, gaps=gaps)
    consumer.close()
    consumer = start()
    consumer.drain()
    check(consumer.archive, writer, gaps=gaps)
    return consumer.archive


def test_lines_written_while_it_was_dead_are_read(start: Start, kill: Kill, writer: Writer) -> None:
    writer.write(3)
    kill()
    writer.write(5)
    archive = finish(start, writer)
    assert archive.total("rotations") == archive.total("truncations") == 0
    assert [(c.generation, c.ended) for c in archive.checkpoints()] == [(1, False)]


def test_a_line_that_was_half_written_is_one_line(start: Start, kill: Kill, writer: Writer) -> None:
    writer.write(3)
    writer.raw(b"2025-10-17 10:00:00 [INFO] half")
    kill()
    writer.raw(b" and half\n")
    finish(start, writer)


@pytest.mark.parametrize("half", [b"", b"2025-10-17 10:00:00 [INFO] half"])
def test_a_log_of_which_no_line_was_read_yet_is_the_same_log(start: Start, writer: Writer, half: bytes) -> None:
    writer.raw(half)
    consumer = start()
    consumer.drain()
    consumer.close()
    writer.raw(b" and half\n")
    archive = finish(start, writer)
    assert archive.total("rotations") == archive.total("truncations") == 0


def test_a_rotation_is_followed(start: Start, kill: Kill, writer: Writer) -> None:
    writer.write(3)
    kill()
    writer.write(4)
    writer.rotate()
    writer.write(2)
    archive = finish(start, writer)
    assert archive.lines() == writer.lines
    assert archive.total("rotations") == 1


def test_rotations_in_a_folder_that_may_not_be_listed_are_followed(
    start: Start, kill: Kill, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Docker's folder of a container's log lets a group in, and no more."""

    def forbidden(_path: Path) -> None:
        raise PermissionError

    writer.write(3)
    kill()
    for _ in range(3):
        writer.write(4)
        writer.shift()
        writer.rotate()
    writer.write(2)
    monkeypatch.setattr(os, "scandir", forbidden)
    archive = finish(start, writer)
    assert archive.lines() == writer.lines


def test_late_lines_in_the_renamed_file_are_read(start: Start, kill: Kill, writer: Writer) -> None:
    writer.write(3)
    kill()
    writer.rename()
    old = writer.open()
    writer.write(2)
    consumer = start()
    consumer.drain()
    writer.write(2, fd=old)
    os.close(old)
    consumer.drain()
    check(consumer.archive, writer)


def test_a_renamed_file_is_taken_up_even_while_no_file_bears_the_name(start: Start, kill: Kill, writer: Writer) -> None:
    writer.write(3)
    kill()
    writer.rename()
    writer.write(2)
    consumer = start()
    consumer.drain()
    check(consumer.archive, writer)
    writer.write(1)
    consumer.drain()
    writer.reopen()
    finish(start, writer)


def test_a_file_in_the_middle_of_two_rotations_is_read(start: Start, kill: Kill, writer: Writer) -> None:
    writer.write(3)
    kill()
    writer.write(2)
    writer.rotate()
    writer.write(7)
    writer.shift()
    writer.rotate()
    writer.write(2)
    assert finish(start, writer).lines() == writer.lines


def test_the_remainder_is_read_from_the_gz_when_the_old_file_is_gone(start: Start, kill: Kill, writer: Writer) -> None:
    writer.write(30)
    kill()
    writer.write(300)
    writer.rotate()
    writer.gzip()
    writer.write(2)
    assert finish(start, writer).lines() == writer.lines


@pytest.mark.parametrize("portion", [100, 1000, 100_000])
def test_a_gz_is_read_in_portions_of_any_size(start: Start, kill: Kill, writer: Writer, portion: int) -> None:
    writer.write(30)
    kill()
    writer.write(300)
    writer.rotate()
    writer.gzip()
    writer.write(2)
    consumer = start(limit=portion)
    consumer.drain()
    check(consumer.archive, writer)


def test_a_copytruncate_and_refill_beyond_the_position_is_seen(start: Start, kill: Kill, writer: Writer) -> None:
    writer.write(3)
    kill()
    writer.write(2)
    writer.copytruncate()
    writer.write(20)
    archive = finish(start, writer)
    assert archive.total("truncations") == 1
    assert archive.total("rotations") == 0


def test_a_new_file_with_the_inode_of_the_old_one_is_a_new_file(
    start: Start, kill: Kill, writer: Writer, log: Path, archive: Path
) -> None:
    writer.write(3)
    kill()
    inode = log.stat().st_ino
    writer.close()
    content = b"".join(writer.write_to_memory(20))
    log.unlink()
    log.write_bytes(content)
    if log.stat().st_ino != inode:
        # ext4 gives the inode to the next file, unless another process is quicker: make the checkpoint say that it did.
        with closing(Archive(archive)) as stored:
            stored.connection.execute("UPDATE checkpoints SET inode = ?", (log.stat().st_ino,))
    writer.open()
    finish(start, writer, gaps=["truncated"])


def test_a_restored_copy_brings_only_its_new_lines(start: Start, kill: Kill, writer: Writer, log: Path) -> None:
    writer.write(5)
    kill()
    shutil.copy2(log, log.with_name("restored"))
    os.replace(log.with_name("restored"), log)
    writer.reopen()
    writer.write(3)
    archive = finish(start, writer)
    assert archive.connection.execute("SELECT count(DISTINCT generation) FROM lines").fetchone() == (1,)


def test_the_same_banner_in_a_bigger_new_file_is_no_identity(start: Start, kill: Kill, writer: Writer) -> None:
    banner = b"".join(b"Big Dipper banner, line %d, always the same whatever happens\n" % number for number in range(30))
    writer.raw(banner)
    writer.write(3)
    kill()
    writer.write(1)
    writer.rotate()
    writer.raw(banner)
    writer.write(50)
    finish(start, writer)


def test_a_file_moved_out_of_reach_is_one_gap(start: Start, kill: Kill, writer: Writer, log: Path) -> None:
    writer.write(5)
    kill()
    writer.lines = writer.lines[:5] if writer.write(3) else []
    log.rename(log.parent.parent / "elsewhere")
    writer.reopen()
    writer.write(4)
    finish(start, writer, gaps=["unreachable"])


def test_several_kills_and_rotations_in_between_keep_every_line(start: Start, kill: Kill, writer: Writer) -> None:
    for number in range(4):
        writer.write(3)
        kill()
        writer.write(2)
        writer.shift()
        if number % 2:
            writer.copytruncate()
        else:
            writer.rotate()
        writer.write(1)
    finish(start, writer)


def test_a_rotation_during_a_backlog_is_remembered_over_a_kill(start: Start, writer: Writer) -> None:
    consumer = start(limit=200)
    writer.write(100)
    consumer.step()
    writer.rotate()
    writer.write(5)
    writer.shift()
    writer.rotate()
    writer.write(5)
    consumer.step()
    consumer.close()
    assert finish(start, writer).lines() == writer.lines


def test_what_was_rolled_back_is_handed_out_again(start: Start, writer: Writer) -> None:
    consumer = start(limit=150)
    writer.write(20)
    consumer.fail()
    consumer.step()
    consumer.fail()
    writer.write(5)
    writer.copytruncate()
    writer.write(5)
    consumer.fail()
    consumer.fail()
    writer.shift()
    writer.rotate()
    writer.write(5)
    for _ in range(10):
        consumer.fail()
        consumer.step()
    consumer.drain()
    check(consumer.archive, writer)


def test_a_checkpoint_that_was_rolled_back_is_handed_out_again_also_without_lines(start: Start, writer: Writer) -> None:
    consumer = start()
    consumer.fail()
    assert [c.offset for c in consumer.step().checkpoints] == [0]
    assert consumer.step().checkpoints == []


def test_no_file_stays_open_after_rollbacks_and_rotations(start: Start, writer: Writer, log: Path) -> None:
    consumer = start(quiet=0)
    for _ in range(20):
        writer.write(2)
        consumer.fail()
        writer.shift()
        writer.rotate()
        writer.gzip()
        writer.write(2)
        consumer.fail()
        consumer.drain()
    consumer.drain()
    assert len(opened(log.parent)) == 2, "the log by its writer and by its reader"
    consumer.close()
    assert len(opened(log.parent)) == 1
    finish(start, writer)


def opened(folder: Path) -> list[str]:
    """Files of the folder that this process has open, deleted ones too."""
    names = []
    for number in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            names.append(os.readlink(f"/proc/self/fd/{number}"))
    return [name for name in names if name.startswith(f"{folder}/")]
