"""Any sequence of what writers, logrotate and kills do: the archived lines are the lines that were ever in a file.

The model is the content of each incarnation of each file (from one cut to the next) as the writers put it there. Nothing in
it knows how the tailer works; no file is deleted, so that everything stays reachable and there is never a gap.
"""

import gzip
import os
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from tests.faults.harness import Clock, Consumer


@dataclass
class File:
    """A file that writers have open: what it held before each cut, and what it holds."""

    descriptor: int
    incarnations: list[bytearray] = field(default_factory=lambda: [bytearray()])


class Life(RuleBasedStateMachine):
    """A log's life and its reader's."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="life"))
        self.log = self.folder / "bot.log"
        self.clock = Clock()
        self.files: list[File] = []
        self.writer: File | None = None
        self.old: list[tuple[File, Path]] = []
        self.number = self.rotations = 0
        self.consumer: Consumer | None = None
        self.archive = self.folder / "archive.db"

    @initialize(limit=st.sampled_from([70, 250, 1 << 16]), dated=st.booleans())
    def begin(self, limit: int, dated: bool) -> None:
        """The exporter has stored where it stands before the first line, so that all lines are its business."""
        self.limit, self.dated = limit, dated
        self.create()
        self.start()
        self.drain()

    # -- the writers

    def _append(self, file: File, data: bytes) -> None:
        os.write(file.descriptor, data)
        file.incarnations[-1] += data
        os.utime(file.descriptor, (self.clock(), self.clock()))

    def _lines(self, count: int) -> bytes:
        self.number += count
        return b"".join(b"2025-10-17 09:30:00 [INFO] line %d\n" % n for n in range(self.number - count, self.number))

    @precondition(lambda self: self.writer is not None)
    @rule(count=st.integers(1, 6))
    def write(self, count: int) -> None:
        """Whole lines in one write."""
        assert self.writer
        self._append(self.writer, self._lines(count))

    @precondition(lambda self: self.writer is not None)
    @rule(cut=st.integers(1, 25))
    def write_half(self, cut: int) -> None:
        """A line whose end does not come at once, if ever."""
        assert self.writer
        self._append(self.writer, self._lines(1)[:cut])

    @precondition(lambda self: self.old)
    @rule(data=st.data(), count=st.integers(1, 3))
    def write_late(self, data: st.DataObject, count: int) -> None:
        """A writer that still has a renamed file open."""
        file, _ = data.draw(st.sampled_from(self.old))
        self._append(file, self._lines(count))

    # -- logrotate

    def _free_name(self) -> Path:
        """The name for the next rotated file; the others move up."""
        self.rotations += 1
        if self.dated:
            return self.folder / f"bot.log-2025{1000 + self.rotations}"
        for number in range(self.rotations, 0, -1):
            for suffix in ("", ".gz"):
                path = self.folder / f"bot.log.{number}{suffix}"
                if path.exists():
                    moved = path.rename(self.folder / f"bot.log.{number + 1}{suffix}")
                    self.old = [(file, moved if name == path else name) for file, name in self.old]
        return self.folder / "bot.log.1"

    @precondition(lambda self: self.writer is not None)
    @rule(create=st.booleans(), late=st.booleans())
    def rename(self, create: bool, late: bool) -> None:
        """Rename; the writer may keep the old file open, the new one may come later."""
        assert self.writer
        to = self._free_name()
        self.log.rename(to)
        if late:
            self.old.append((self.writer, to))
        else:
            os.close(self.writer.descriptor)
        self.writer = None
        if create:
            self.create()

    @precondition(lambda self: self.writer is None)
    @rule()
    def create(self) -> None:
        """A new file under the log's name."""
        self.writer = File(os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644))
        self.files.append(self.writer)
        self._append(self.writer, b"")

    @precondition(lambda self: self.writer is not None)
    @rule(keep_time=st.booleans())
    def copytruncate(self, keep_time: bool) -> None:
        """Copy, then cut in place."""
        assert self.writer
        to = self._free_name()
        shutil.copyfile(self.log, to)
        now = os.stat(self.log).st_mtime if keep_time else self.clock()
        os.utime(to, (now, now))
        os.truncate(self.log, 0)
        self.writer.incarnations.append(bytearray())
        self._append(self.writer, b"")

    @rule(data=st.data())
    def compress(self, data: st.DataObject) -> None:
        """Compress a rotated file; logrotate's delaycompress waits until its writer has gone."""
        written = {path for _, path in self.old}
        plain = [p for p in sorted(self.folder.glob("bot.log[.-]*")) if p.suffix != ".gz" and p not in written]
        if not plain:
            return
        path = data.draw(st.sampled_from(plain))
        stat = path.stat()
        packed = path.with_name(path.name + ".gz")
        with path.open("rb") as source, gzip.open(packed, "wb") as target:
            shutil.copyfileobj(source, target)
        os.utime(packed, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        path.unlink()

    @rule(seconds=st.sampled_from([1, 31, 4000]))
    def time_passes(self, seconds: int) -> None:
        """Writers of renamed files end meanwhile."""
        for file, _ in self.old:
            os.close(file.descriptor)
        self.old.clear()
        self.clock.ahead += seconds

    # -- the reader

    @precondition(lambda self: self.consumer is None)
    @rule()
    def start(self) -> None:
        """Start the exporter (again)."""
        self.consumer = Consumer(self.archive, self.log, limit=self.limit, clock=self.clock)

    @precondition(lambda self: self.consumer is not None)
    @rule(steps=st.integers(1, 4))
    def look(self, steps: int) -> None:
        """The exporter looks a few times; in between it is as good as paused."""
        assert self.consumer
        for _ in range(steps):
            self.consumer.step()

    @precondition(lambda self: self.consumer is not None)
    @rule()
    def drain(self) -> None:
        """The exporter catches up."""
        assert self.consumer
        self.consumer.drain()

    @precondition(lambda self: self.consumer is not None)
    @rule()
    def fail(self) -> None:
        """The archive cannot be written."""
        assert self.consumer
        self.consumer.fail()

    @precondition(lambda self: self.consumer is not None)
    @rule(halfway=st.booleans())
    def kill(self, halfway: bool) -> None:
        """SIGKILL, between two transactions or within one."""
        assert self.consumer
        if halfway:
            self.consumer.fail()
        self.consumer.close()
        self.consumer = None

    # -- the oracle

    def written(self) -> Counter[bytes]:
        """Every whole line of every incarnation."""
        contents = [bytes(content) for file in self.files for content in file.incarnations]
        return Counter(line + b"\n" for content in contents for line in content.split(b"\n")[:-1])

    @invariant()
    def nothing_is_stored_twice_or_mangled(self) -> None:
        """At any time."""
        if self.consumer:
            extra = Counter(self.consumer.archive.lines()) - self.written()
            assert not extra, f"twice or mangled: {sorted(extra)}"

    def teardown(self) -> None:
        """In the end everything is there, and nothing was given up as lost."""
        try:
            if not hasattr(self, "limit"):
                return
            if self.consumer is None:
                self.start()
            if self.writer is None:
                self.create()
            assert self.consumer
            self.consumer.drain()
            missing = self.written() - Counter(self.consumer.archive.lines())
            assert not missing, f"lost: {sorted(missing)}"
            assert self.consumer.archive.gaps() == []
            self.nothing_is_stored_twice_or_mangled()
        finally:
            if self.consumer:
                self.consumer.close()
            for file in (*(file for file, _ in self.old), *([self.writer] if self.writer else [])):
                os.close(file.descriptor)
            shutil.rmtree(self.folder)


SETTINGS = settings(
    max_examples=150,
    stateful_step_count=40,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestLife = Life.TestCase
TestLife.settings = settings(SETTINGS, derandomize=True)


@pytest.mark.chaos
def test_long_lives_that_are_others_each_time_lose_nothing() -> None:
    run_state_machine_as_test(Life, settings=settings(SETTINGS, max_examples=600, stateful_step_count=80))
