"""A writer with a perfect memory, and a real consumer that stores what the tailer hands out into SQLite.

The oracle knows nothing of the tailer: every whole line that was ever in a file is remembered by the writer, and the stored
lines must be the same multiset. Run as a program, this is the consumer, to be killed by its id:

    python harness.py ARCHIVE LOG [--inotify] [--crash PROBABILITY SEED]
"""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bigdipper_exporter.log.checksums import LineSums
from bigdipper_exporter.log.segment import Checkpoint
from bigdipper_exporter.log.tail import Read, Tail
from bigdipper_exporter.log.wake import Wake

DEADLINE = 30.0
# Longer than what is read to its end is trusted to be all there was: with it, not calling step() is as good as SIGSTOP.
PAUSE = 5.0

SCHEMA = """
CREATE TABLE IF NOT EXISTS lines (generation, offset, raw, truncated, PRIMARY KEY (generation, offset));
CREATE TABLE IF NOT EXISTS checkpoints (
    generation PRIMARY KEY, path, device, inode, offset, head, tail, skipping, ended, updated);
CREATE TABLE IF NOT EXISTS sums (generation, start, size, sums, PRIMARY KEY (generation, start));
CREATE TABLE IF NOT EXISTS gaps (generation, reason, at, detail);
CREATE TABLE IF NOT EXISTS totals (name PRIMARY KEY, value);
"""


def until(condition: Callable[[], Any], what: str) -> None:
    """Wait for `condition`; AssertionError after a deadline."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, f"waited {DEADLINE:.0f} s in vain for {what}"
        time.sleep(0.005)


class Clock:
    """The machine's time, which a test can let pass."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


class Archive:
    """The stored lines, checkpoints and counts."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None, timeout=DEADLINE, check_same_thread=False)
        # The machine does not fail in these tests, only processes do: what is written stays written.
        self.connection.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; {SCHEMA}")

    def checkpoints(self) -> list[Checkpoint]:
        """As the exporter's store gives them back."""
        rows = self.connection.execute("SELECT * FROM checkpoints ORDER BY generation")
        return [
            Checkpoint(generation, path, device, inode, offset, head, tail, bool(skipping), bool(ended), updated)
            for generation, path, device, inode, offset, head, tail, skipping, ended, updated in rows
        ]

    def sums(self, generation: int, offset: int = 0) -> list[LineSums]:
        """The checksums of a generation's lines behind `offset`."""
        sql = "SELECT * FROM sums WHERE generation = ? AND start + size > ? ORDER BY start"
        rows = self.connection.execute(sql, (generation, offset))
        return [LineSums(*row) for row in rows]

    def insert(self, read: Read) -> None:
        """Store everything; IntegrityError when a position comes a second time."""
        run = self.connection.execute
        for batch in read.batches:
            assert batch.data.endswith(b"\n"), "a batch holds whole lines"
            offset = batch.offset
            for line in batch.data.splitlines(keepends=True) if b"\r" not in batch.data else _lines(batch.data):
                run("INSERT INTO lines VALUES (?, ?, ?, ?)", (batch.generation, offset, line, batch.truncated))
                offset += len(line)
        for c in read.checkpoints:
            row = (c.generation, c.path, c.device, c.inode, c.offset, c.head, c.tail, c.skipping, c.ended, c.updated)
            run("INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        for one in read.sums:
            run("INSERT OR REPLACE INTO sums VALUES (?, ?, ?, ?)", (one.generation, one.start, one.size, one.sums))
        for gap in read.gaps:
            run("INSERT INTO gaps VALUES (?, ?, ?, ?)", (gap.generation, gap.reason, gap.at, gap.detail))
        for name in ("rotations", "truncations"):
            run("INSERT OR IGNORE INTO totals VALUES (?, 0)", (name,))
            run("UPDATE totals SET value = value + ? WHERE name = ?", (getattr(read, name), name))

    def lines(self) -> list[bytes]:
        """Stored lines in the order of their positions."""
        return [row[0] for row in self.connection.execute("SELECT raw FROM lines ORDER BY generation, offset")]

    def count(self) -> int:
        """Number of stored lines."""
        return int(self.connection.execute("SELECT count(*) FROM lines").fetchone()[0])

    def gaps(self) -> list[str]:
        """Reasons of the gaps."""
        return [row[0] for row in self.connection.execute("SELECT reason FROM gaps ORDER BY rowid")]

    def total(self, name: str) -> int:
        """`rotations` or `truncations`."""
        row = self.connection.execute("SELECT value FROM totals WHERE name = ?", (name,)).fetchone()
        return row[0] if row else 0

    def close(self) -> None:
        """Close the file."""
        self.connection.close()


def _lines(data: bytes) -> list[bytes]:
    """Lines end with a newline and nothing else (bytes.splitlines also breaks at a carriage return)."""
    return [line + b"\n" for line in data.split(b"\n")[:-1]]


class Crash(Exception):
    """The consumer dies here."""


class Consumer:
    """A tailer and an archive: each step is one transaction. `crash` is called at the three dangerous moments."""

    def __init__(self, archive: Path, log: Path, *, crash: Callable[[str], None] = lambda moment: None, **options: Any) -> None:
        self.archive = Archive(archive)
        self.tail = Tail(log, self.archive.checkpoints(), sums=self.archive.sums, **options)
        self.last = Read()
        self._crash = crash

    def step(self) -> Read:
        """Read, store, commit."""
        read = self.last = self.tail.read()
        if not read.is_empty:
            self._crash("before begin")
            self.archive.connection.execute("BEGIN IMMEDIATE")
            self.archive.insert(read)
            self._crash("before commit")
            self.archive.connection.execute("COMMIT")
            self._crash("after commit")
            self.tail.commit()
        return read

    def drain(self) -> Read:
        """Step until nothing comes any more."""
        for _ in range(3000):
            read = self.step()
            if not (read.more or read.batches or read.checkpoints):
                return read
        raise AssertionError("the tailer never comes to an end")

    def fail(self) -> None:
        """A step whose transaction is rolled back."""
        read = self.tail.read()
        if not read.is_empty:
            self.archive.connection.execute("BEGIN IMMEDIATE")
            self.archive.insert(read)
            self.archive.connection.execute("ROLLBACK")
            self.tail.rollback()

    def close(self) -> None:
        """Let go of everything; what was not committed is lost, as in a crash."""
        self.tail.close()
        self.archive.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


@dataclass
class Writer:
    """The bot and logrotate: writes to a log, rotates it, and remembers every whole line."""

    path: Path
    lines: list[bytes] = field(default_factory=list)
    number: int = 0

    def __post_init__(self) -> None:
        self._half = b""
        self._fd = -1
        if self.path.parent.is_dir():
            self.open()

    def open(self) -> int:
        """Open (create) the log as a bot does that starts; the old descriptor is returned, still open."""
        old, self._fd = self._fd, os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        return old

    def line(self, text: str = "") -> bytes:
        """A line that was never written before."""
        self.number += 1
        minute, second = divmod(self.number, 60)
        return f"2025-10-17 09:{minute % 60:02}:{second:02} [INFO] [SKIP] line {self.number}{text}\n".encode()

    def write(self, count: int = 1, fd: int | None = None) -> list[bytes]:
        """Append lines, in one write."""
        lines = [self.line() for _ in range(count)]
        self.raw(b"".join(lines), fd)
        return lines

    def write_to_memory(self, count: int = 1) -> list[bytes]:
        """Remember lines that the test itself puts into a file."""
        lines = [self.line() for _ in range(count)]
        self.lines += lines
        return lines

    def raw(self, data: bytes, fd: int | None = None) -> None:
        """Append bytes; what ends in a newline is remembered as a line."""
        os.write(self._fd if fd is None else fd, data)
        *whole, self._half = (self._half + data).split(b"\n")
        self.lines += [line + b"\n" for line in whole]

    def forget_half(self) -> None:
        """The line begun is cut off by what happens next."""
        self._half = b""

    def shift(self) -> None:
        """Move `.1` to `.2` and so on, as logrotate does before it makes a new `.1`."""
        for number in range(len(os.listdir(self.path.parent)), 0, -1):
            for suffix in ("", ".gz"):
                old = self.sibling(f".{number}{suffix}")
                if old.exists():
                    old.rename(self.sibling(f".{number + 1}{suffix}"))

    def rename(self, to: str = ".1") -> Path:
        """Rename the log; descriptors stay open."""
        return self.path.rename(self.sibling(to))

    def rotate(self, to: str = ".1") -> None:
        """Rename, create and go on in the new file."""
        self.rename(to)
        self.reopen()

    def reopen(self) -> None:
        """Go on in the file that bears the name."""
        os.close(self.open())

    def copy(self, to: str = ".1") -> Path:
        """The first half of copytruncate."""
        return Path(shutil.copyfile(self.path, self.sibling(to)))

    def truncate(self) -> None:
        """The second half."""
        os.truncate(self.path, 0)

    def copytruncate(self, to: str = ".1") -> None:
        """Copy, then cut the log to nothing in place."""
        self.copy(to)
        self.truncate()

    def gzip(self, name: str = ".1") -> Path:
        """Compress a rotated file as gzip does: keep its times, then remove it."""
        import gzip

        source = self.sibling(name)
        target = self.sibling(name + ".gz")
        stat = source.stat()
        with source.open("rb") as plain, gzip.open(target, "wb") as packed:
            shutil.copyfileobj(plain, packed)
        os.utime(target, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        source.unlink()
        return target

    def sibling(self, suffix: str) -> Path:
        """Another file beside the log."""
        return self.path.with_name(self.path.name + suffix)

    def close(self) -> None:
        """Close the log."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def check(archive: Archive, writer: Writer, *, gaps: list[str] | None = None) -> None:
    """Exactly once: the stored lines are the lines written; gaps as stated."""
    stored, written = Counter(archive.lines()), Counter(writer.lines)
    assert not written - stored, f"lost: {sorted(written - stored)[:5]} of {len(writer.lines)}"
    assert not stored - written, f"twice or mangled: {sorted(stored - written)[:5]} of {len(writer.lines)}"
    assert archive.gaps() == (gaps or [])


class Process:
    """The consumer in a process of its own, to be killed."""

    def __init__(self, archive: Path, log: Path, *options: str) -> None:
        self._process = subprocess.Popen([sys.executable, __file__, str(archive), str(log), *options])

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        self._process.kill()
        self._process.wait(DEADLINE)

    def signal(self, number: int) -> None:
        """Send a signal, for instance SIGSTOP."""
        self._process.send_signal(number)


def follow(archive: Path, log: Path, inotify: bool, crash: Callable[[str], None], stop: threading.Event) -> None:
    """The consumer's main loop, until `stop`."""
    with Consumer(archive, log, crash=crash) as consumer:
        wake = Wake(log) if inotify else None
        while not stop.is_set():
            if consumer.step().more:
                continue
            if wake is None:
                time.sleep(0.005)
            else:
                wake.wait(0.1)
                wake.rearm()
        if wake is not None:
            wake.close()


def _crasher(probability: float, seed: int) -> Callable[[str], None]:
    chance = random.Random(seed)

    def crash(moment: str) -> None:
        if chance.random() < probability:
            os.kill(os.getpid(), signal.SIGKILL)

    return crash


def main(arguments: list[str]) -> None:
    """See the module."""
    archive, log, *options = arguments
    crash: Callable[[str], None] = lambda moment: None  # noqa: E731
    if "--crash" in options:
        at = options.index("--crash")
        crash = _crasher(float(options[at + 1]), int(options[at + 2]))
    follow(Path(archive), Path(log), "--inotify" in options, crash, threading.Event())


if __name__ == "__main__":
    main(sys.argv[1:])
