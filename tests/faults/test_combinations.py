"""Every way to wake x every way to rotate x a writer that keeps its file open or opens it again, with a running reader."""

import itertools
import threading
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults.harness import Archive, Writer, check, follow, until

WAKES = ("inotify", "poll")
ROTATIONS = ("create", "nocreate", "copytruncate", "gz", "dateext")
WRITERS = ("keep open", "reopen")


def rotate(writer: Writer, how: str, number: int) -> None:
    """Rotate as logrotate does with the option of that name; the writer's descriptor stays as it is."""
    if how == "copytruncate":
        writer.shift()
        writer.copytruncate()
        return
    if how == "dateext":
        writer.rename(f"-2025101{number}")
    else:
        writer.shift()
        writer.rename()
    if how != "nocreate":
        writer.path.touch()
    if how == "gz":
        writer.gzip()


@pytest.mark.parametrize(("wake", "how", "writing"), list(itertools.product(WAKES, ROTATIONS, WRITERS)))
def test_a_running_reader_loses_and_doubles_nothing(
    archive: Path, log: Path, writer: Writer, wake: str, how: str, writing: str
) -> None:
    stop = threading.Event()
    reader = threading.Thread(target=follow, args=(archive, log, wake == "inotify", lambda moment: None, stop))
    with closing(Archive(archive)) as stored:
        reader.start()
        try:
            writer.write(3)
            until(lambda: stored.count() == 3, "the first lines")
            for number in range(3):
                writer.write(5)
                if how == "gz":
                    # What is written to a file that has lost its name can be read by whoever has it open by then.
                    until(lambda: stored.count() == len(writer.lines), "the backlog")
                if log.exists():
                    rotate(writer, how, number)
                writer.write(2)
                if writing == "reopen":
                    writer.reopen()
                writer.write(2)
            until(lambda: stored.count() >= len(writer.lines), "all lines")
        finally:
            stop.set()
            reader.join()
        check(stored, writer)
        if how == "copytruncate":
            assert stored.total("rotations") == 0
            assert 1 <= stored.total("truncations") <= 3, "of two between two looks one is seen"
