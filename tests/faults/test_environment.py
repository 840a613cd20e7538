"""Cases 44-45: no inotify, symbolic links, files replaced whole, permissions taken away."""

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from watchdog.events import FileModifiedEvent

from bigdipper_exporter.log.wake import Wake
from tests.faults.harness import Archive, Consumer, Process, Writer, check, until

Start = Callable[..., Consumer]

# Looks once for each line that it is told, as nobody where it may become that.
PERMISSIONLESS = """
import os, pathlib, sys
from tests.faults.harness import Consumer
if os.geteuid() == 0:
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
print(os.geteuid(), flush=True)
with Consumer(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])) as consumer:
    for _ in sys.stdin:
        print(consumer.drain().problem, flush=True)
"""


@pytest.mark.parametrize("option", [[], ["--inotify"]])
def test_a_running_consumer_follows_with_and_without_inotify(
    launch: Callable[..., Process], writer: Writer, archive: Path, option: list[str]
) -> None:
    launch(*option)
    with closing(Archive(archive)) as stored:
        for _ in range(3):
            writer.write(5)
            until(lambda: stored.count() == len(writer.lines), "the lines")
            writer.shift()
            writer.rotate()
        check(stored, writer)


def test_a_consumer_whose_inotify_never_calls_reads_within_a_poll(
    start: Start, writer: Writer, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The queue overflowed, or the file lies on a network: the handler is never called."""
    monkeypatch.setattr(Wake, "notice", lambda self, event: None)
    wake, consumer = Wake(log), start()
    try:
        wake.wait(0.01)
        writer.write(4)
        assert not wake.wait(0.01)
        consumer.step()
        check(consumer.archive, writer)
    finally:
        wake.close()


def test_a_link_turned_to_a_new_target_is_followed_and_the_old_target_drains(start: Start, tmp_path: Path, log: Path) -> None:
    first, second = Writer(tmp_path / "one.log"), Writer(tmp_path / "two.log")
    second.number = 1000
    log.symlink_to(first.path)
    consumer = start()
    first.write(3)
    consumer.drain()
    second.write(2)
    link = log.with_name("new")
    link.symlink_to(second.path)
    os.replace(link, log)
    first.write(2)
    consumer.drain()
    first.write(3)
    second.write(1)
    consumer.drain()
    second.lines += first.lines
    check(consumer.archive, second)
    first.close()
    second.close()


def test_rotated_files_beside_the_target_of_a_link_are_found(start: Start, tmp_path: Path, log: Path) -> None:
    target = Writer(tmp_path / "target.log")
    log.symlink_to(target.path)
    consumer = start()
    target.write(3)
    consumer.drain()
    target.write(2)
    target.rotate()
    target.write(2)
    target.shift()
    target.copytruncate()
    target.write(1)
    consumer.drain()
    check(consumer.archive, target)
    target.close()


def test_a_replacement_with_the_same_beginning_brings_what_was_added(start: Start, writer: Writer, log: Path) -> None:
    consumer = start()
    writer.write(5)
    consumer.drain()
    writer.write(1)
    replacement = log.with_name("replacement")
    replacement.write_bytes(log.read_bytes() + b"".join(writer.write_to_memory(3)))
    os.replace(replacement, log)
    consumer.drain()
    writer.reopen()
    writer.write(1)
    consumer.drain()
    check(consumer.archive, writer)


def test_a_log_trimmed_by_replacing_it_goes_on_behind_what_was_read(start: Start, writer: Writer, log: Path) -> None:
    consumer = start()
    writer.write(60)
    consumer.drain()
    writer.write(2)
    replacement = log.with_name("replacement")
    replacement.write_bytes(b"".join(writer.lines[-20:]))
    os.replace(replacement, log)
    writer.reopen()
    writer.write(3)
    consumer.drain()
    check(consumer.archive, writer)


def test_a_copy_put_in_place_of_a_log_that_is_kept_brings_only_what_was_added(start: Start, writer: Writer, log: Path) -> None:
    consumer = start()
    writer.write(5)
    consumer.drain()
    content = log.read_bytes()
    writer.rename()
    log.write_bytes(content + b"".join(writer.write_to_memory(3)))
    consumer.drain()
    check(consumer.archive, writer)


def test_a_folder_or_a_pipe_under_the_name_of_the_log_is_said_and_waited_for(start: Start, writer: Writer, log: Path) -> None:
    log.unlink()
    log.mkdir()
    consumer = start()
    assert consumer.drain().problem == f"{log} is a folder, not a regular file"
    log.rmdir()
    os.mkfifo(log)
    assert consumer.drain().problem == f"{log} is a FIFO, not a regular file"
    log.unlink()
    writer.reopen()
    writer.write(3)
    assert consumer.drain().problem is None
    check(consumer.archive, writer)


def test_a_log_that_may_not_be_read_is_waited_for() -> None:
    """As another user when run as root, for nothing is forbidden to root."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(TemporaryDirectory()))
        home.chmod(0o777)
        log, archive = home / "logs" / "bot.log", home / "archive.db"
        log.parent.mkdir()
        writer = Writer(log)
        stack.callback(writer.close)
        process = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-c", PERMISSIONLESS, archive, log],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=Path(__file__).parents[2],
            )
        )
        assert process.stdin
        assert process.stdout
        user = int(process.stdout.readline())

        def look() -> str:
            print(file=process.stdin, flush=True)
            assert process.stdout
            return process.stdout.readline().strip()

        try:
            writer.write(2)
            assert look() == "None"
            log.chmod(0)  # whoever has it open goes on reading
            writer.write(2)
            assert look() == "None"
            writer.rotate()
            log.chmod(0)
            writer.write(2)
            assert look() == f"{log} may not be read by user id {user}"
            log.chmod(0o644)
            writer.write(2)
            assert look() == "None"
            log.parent.chmod(0)
            writer.write(2)
            assert look() == f"{log} may not be read by user id {user}"
            log.parent.chmod(0o755)
            assert look() == "None"
        finally:
            log.parent.chmod(0o755)
            process.communicate()
        with closing(Archive(archive)) as stored:
            check(stored, writer)


# -- Wake


def inotify_and_threads() -> tuple[int, int]:
    """inotify descriptors and threads of this process."""
    names = []
    for number in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            names.append(os.readlink(f"/proc/self/fd/{number}"))
    return sum("inotify" in name for name in names), threading.active_count()


def test_a_write_a_rename_and_another_thread_wake_the_loop(log: Path, writer: Writer) -> None:
    wake = Wake(log)
    try:
        for act in (writer.write, writer.rotate, writer.truncate, wake.set):
            while wake.wait(0.05):
                pass
            act()
            assert wake.wait(10)
    finally:
        wake.close()


def test_reading_the_log_and_writing_to_other_files_does_not_wake_the_loop(log: Path, writer: Writer) -> None:
    writer.write(1)
    wake = Wake(log)
    try:
        while wake.wait(0.05):
            pass
        log.read_bytes()
        log.with_name("archive.db").write_bytes(b"x")
        assert not wake.wait(0.3)
    finally:
        wake.close()


def test_the_loop_is_woken_in_a_folder_that_comes_later_goes_and_comes_again(log: Path) -> None:
    log.parent.rmdir()
    wake = Wake(log)
    try:
        assert not wake.wait(0.01)
        for _ in range(3):
            log.parent.mkdir()
            wake.rearm()
            while wake.wait(0.05):
                pass
            log.touch()
            assert wake.wait(10)
            log.unlink()
            log.parent.rename(log.parent.with_name("gone"))
            log.parent.mkdir()
            wake.rearm()
            while wake.wait(0.05):
                pass
            log.touch()
            assert wake.wait(10)
            log.unlink()
            log.parent.rmdir()
            log.parent.with_name("gone").rmdir()
            wake.rearm()
    finally:
        wake.close()


def test_a_folder_that_was_replaced_unnoticed_is_watched_again(log: Path) -> None:
    """The new folder may well have the inode of the old one."""
    wake = Wake(log)
    try:
        log.parent.rmdir()
        log.parent.mkdir()

        def woken() -> bool:
            wake.rearm()
            log.touch()
            return wake.wait(0.2)

        while wake.wait(0.05):
            pass
        until(woken, "a hint from the new folder")
    finally:
        wake.close()


def test_neither_threads_nor_descriptors_are_left_behind(log: Path) -> None:
    before = inotify_and_threads()
    for _ in range(5):
        wake = Wake(log)
        for _ in range(3):
            log.parent.rmdir()
            wake.rearm()
            log.parent.mkdir()
            wake.rearm()
        wake.close()
        wake.close()
    until(lambda: inotify_and_threads() <= before, "descriptors and threads to be given back")


@pytest.mark.parametrize("error", [OSError(errno.EMFILE, "inotify instance limit reached"), RuntimeError("no new thread")])
@pytest.mark.parametrize("refused", ["schedule", "start"])
def test_without_inotify_the_loop_polls(
    log: Path, writer: Writer, monkeypatch: pytest.MonkeyPatch, refused: str, error: Exception
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    before = inotify_and_threads()
    monkeypatch.setattr(f"bigdipper_exporter.log.wake.Observer.{refused}", refuse)
    wake = Wake(log)
    for _ in range(5):
        wake.rearm()
    writer.write(1)
    wake.wait(0.01)
    assert not wake.wait(0.01)
    wake.set()
    assert wake.wait(10)
    wake.close()
    until(lambda: inotify_and_threads() <= before, "descriptors and threads to be given back")


def test_the_watch_is_relied_on_while_it_reports_what_changes(log: Path) -> None:
    wake, written = Wake(log), FileModifiedEvent(str(log))
    wake.close()  # events come from here alone
    wake._watched = 0, 0
    wake.note_change()
    assert wake.is_reliable  # before the first wait
    for _ in range(2):
        wake.wait(0)
        wake.wait(0)
        wake.note_change()  # as of a file on a network mount, that another machine has written
        assert not wake.is_reliable
        wake.set()  # another thread, which says nothing of the watch
        assert wake.wait(0)
        wake.note_change()
        assert not wake.is_reliable
        wake.notice(written)
        assert wake.wait(0)
        wake.note_change()
        assert wake.is_reliable
    wake._watched = None
    assert not wake.is_reliable
