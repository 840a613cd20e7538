"""A folder with a log, its writer, and consumers that are closed at the end."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from tests.faults.harness import Archive, Clock, Consumer, Process, Writer, until


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where the log is, or will be."""
    folder = tmp_path / "logs"
    folder.mkdir()
    return folder / "bot.log"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Where the lines are stored."""
    return tmp_path / "archive.db"


@pytest.fixture
def clock() -> Clock:
    """The consumer's clock."""
    return Clock()


@pytest.fixture
def writer(log: Path) -> Iterator[Writer]:
    """The bot, with the log open."""
    writer = Writer(log)
    yield writer
    writer.close()


@pytest.fixture
def start(archive: Path, log: Path, clock: Clock) -> Iterator[Callable[..., Consumer]]:
    """Start a consumer in this process; not calling step() is as good as SIGSTOP."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(Consumer(archive, log, **{"clock": clock, **options}))


@pytest.fixture
def launch(archive: Path, log: Path) -> Iterator[Callable[..., Process]]:
    """Start a consumer in a process of its own."""
    started: list[Process] = []

    def launch(*options: Any) -> Process:
        started.append(Process(archive, log, *map(str, options)))
        return started[-1]

    yield launch
    for process in started:
        process.kill()


@pytest.fixture
def kill(archive: Path, writer: Writer, launch: Callable[..., Process]) -> Callable[..., None]:
    """Start a consumer in a process of its own, and kill it when it has stored everything written so far."""

    def kill(*options: Any) -> None:
        process = launch(*options)
        with closing(Archive(archive)) as stored:
            until(lambda: stored.count() >= len(writer.lines), "the lines to be stored")
        process.kill()

    return kill
