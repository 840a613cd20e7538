"""The exporter under test: in the test's own process, or as the real command in a process of its own."""

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from prometheus_client import Metric as Family
from prometheus_client.parser import text_string_to_metric_families

from bigdipper_exporter.archive.store import Store
from bigdipper_exporter.botconfig.reader import BotConfig
from bigdipper_exporter.config.settings import Settings
from bigdipper_exporter.metrics.collect import Collector
from bigdipper_exporter.metrics.registry import METRICS
from bigdipper_exporter.pipeline import Pipeline, Sources
from bigdipper_exporter.projection import patterns

NEW_YORK = "America/New_York"
DEADLINE = 20.0
MOST_PAUSE = 0.1
COMMAND = (sys.executable, "-m", "bigdipper_exporter")
NOBODY = 65534
# Permissions bind root too, once it has given up the right to override them.
HUMBLE = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search") if os.geteuid() == 0 else ()

Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def series(families: Iterable[Family]) -> Series:
    """Every sample but the `_created` ones, by name and sorted labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def counters(samples: Series) -> Series:
    """Of those, what must never step back and what a restart must not change: what the log alone determines."""
    kinds = ("_total", "_bucket", "_sum", "_count")
    own = ("bigdipper_archive_", "bigdipper_log_ingest_delay", "process_", "python_", "bigdipper_alpaca_")
    return {key: value for key, value in samples.items() if key[0].endswith(kinds) and not key[0].startswith(own)}


def rows(archive: Path, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """A query, as a reader that may not write."""
    with closing(sqlite3.connect(f"{archive.absolute().as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
        return connection.execute(sql, parameters).fetchall()


# What must be the same however often the exporter was killed on the way; checkpoints bear times of our clock.
CONTENT = {
    "account_history": "*",
    "trades": "*",
    "skips": "*",
    "opportunities": "*",
    "brake_events": "*",
    "bot_events": "*",
    "scans": "*",
    "skip_counts": "*",
    "daily_stats": "*",
    "gaps": "generation, reason",
}


def content(archive: Path) -> dict[str, list[tuple[Any, ...]]]:
    """What the log has put into the archive, table by table."""
    return {
        table: sorted((rounded(row) for row in rows(archive, f"SELECT {columns} FROM {table}")), key=repr)
        for table, columns in CONTENT.items()
    }


def rounded(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Sums of floats depend on their order in the last digit."""
    return tuple(round(value, 6) if isinstance(value, float) else value for value in row)


def wait_for(condition: Callable[[], Any], what: str | Callable[[], str] = "", deadline: float = DEADLINE) -> Any:
    """The first true value of `condition`. what: named when it does not come; a function is called for the words then."""
    end, pause = time.monotonic() + deadline, 0.01
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"waited {deadline:g} s for {(what() if callable(what) else what) or condition}"
        time.sleep(pause)
        pause = min(1.5 * pause, MOST_PAUSE)  # what takes long is asked seldom: each question costs the program time, too


class Monitor:
    """The pipeline over one log and the bot's config.py, without broker, web side and signals."""

    def __init__(self, folder: Path, zone: str = NEW_YORK, **settings: Any) -> None:
        self.log, self.archive = folder / "big_dipper.log", folder / "bigdipper.db"
        self.settings = Settings(log_path=self.log, archive_path=self.archive, log_timezone=ZoneInfo(zone), **settings)
        self.log.touch()
        self._open()

    def _open(self) -> None:
        self.store = Store(self.archive)
        path = self.settings.bot_config
        config = BotConfig(path, self.store.connection) if path is not None else None
        self.pipeline = Pipeline(self.settings, self.store, Sources(config=config))

    def write(self, *lines: str) -> None:
        """Append lines to the log without reading them."""
        with self.log.open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)

    def say(self, *lines: str) -> None:
        """Append lines to the log, and read and commit all that is there."""
        self.write(*lines)
        self.catch_up()

    def catch_up(self) -> None:
        """Read and commit all that is there."""
        while self.pipeline.step():
            pass

    def samples(self) -> Series:
        """What a scrape would see now."""
        table = (*METRICS, *patterns.metrics(self.settings.patterns))
        return series(Collector(table, lambda: self.pipeline.snapshot).collect())

    def value(self, name: str, **labels: str) -> float | None:
        """One series; None when there is none."""
        return self.samples().get((name, tuple(sorted(labels.items()))))

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """A query on the archive."""
        return self.store.connection.execute(sql).fetchall()

    def restart(self) -> None:
        """Close and open again, as after the end of the process."""
        self.close()
        self._open()

    def close(self) -> None:
        """Give everything back."""
        self.pipeline.tail.close()
        self.store.connection.close()
        self.store.close()


@contextmanager
def monitor(folder: Path, **settings: Any) -> Iterator[Monitor]:
    """A Monitor for the length of a test."""
    one = Monitor(folder, **settings)
    try:
        yield one
    finally:
        one.close()


@cache
def has_compose() -> bool:
    """Whether this machine has `docker compose`. Docker alone does not bring it."""
    asked = ["docker", "compose", "version"]
    return shutil.which("docker") is not None and subprocess.run(asked, capture_output=True, check=False).returncode == 0


def environment(**more: str) -> dict[str, str]:
    """This process's environment without anything that the exporter would take for a setting."""
    ours = ("BIGDIPPER_", "ALPACA_", "LOG_", "DB_PATH")
    return {key: value for key, value in os.environ.items() if not key.startswith(ours)} | more


def command(
    *args: str | Path, env: Mapping[str, str] | None = None, timeout: float = DEADLINE
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, as a user who is bound by permissions."""
    return subprocess.run(
        [*HUMBLE, *COMMAND, *map(str, args)],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environment(**(env or {})),
        cwd=Path(__file__).parent.parent,
        check=False,
    )


class Exporter:
    """`big-dipper-exporter run` in a process of its own, on a port that it picks itself."""

    def __init__(self, folder: Path, *flags: str | Path, env: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.log, self.archive = folder / "big_dipper.log", folder / "bigdipper.db"
        self.messages = folder / "messages.txt"
        self._flags, self._env = flags, env
        self.process = self.start()

    def start(self) -> "subprocess.Popen[str]":
        """Start it (again)."""
        self.messages.touch(mode=0o666)
        self._seen = self.messages.stat().st_size
        args = [
            "run",
            "--log.path",
            self.log,
            "--archive.path",
            self.archive,
            "--log.timezone",
            NEW_YORK,
            "--web.listen-address",
            "127.0.0.1:0",
            *self._flags,
        ]
        with self.messages.open("a") as messages:
            self.process = subprocess.Popen(
                [*HUMBLE, *COMMAND, *map(str, args)],
                stderr=messages,
                stdout=messages,
                text=True,
                env=environment(**(self._env or {})),
                cwd=Path(__file__).parent.parent,
            )
        return self.process

    def said(self) -> str:
        """What it has said on standard error since its last start."""
        with self.messages.open("rb") as file:
            file.seek(self._seen)
            return file.read().decode()

    @property
    def url(self) -> str:
        """Where it serves, without a slash at the end."""
        match = wait_for(self._url, f"the exporter to listen; it said: {self.said()}")
        return str(match[1]).replace("localhost", "127.0.0.1")

    def _url(self) -> re.Match[str] | None:
        assert self.process.poll() is None, f"the exporter ended: {self.said()}"
        return re.search(r"url=\"?(https?://[^\s\"]+?)/?[\s\"]", self.said())

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        """Status and body."""
        request = urllib.request.Request(self.url + path, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def samples(self) -> Series:
        """One scrape."""
        return series(text_string_to_metric_families(self.get("/metrics")[1]))

    def value(self, name: str, **labels: str) -> float | None:
        """One series of a scrape."""
        return self.samples().get((name, tuple(sorted(labels.items()))))

    def wait_ready(self) -> None:
        """Until it has caught up with what it has seen (for lines written after its start: `wait_lines`) and can write."""
        wait_for(lambda: self.get("/-/ready")[0] == 200, "readiness", 60)

    def wait_lines(self, lines: int) -> None:
        """Until so many lines are committed."""
        wait_for(lambda: self.value("bigdipper_log_lines_total") == lines, f"{lines} lines", 60)

    def kill(self) -> None:
        """SIGKILL, at this instant."""
        self.process.kill()
        self.process.wait()

    def terminate(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE)


class Scrapes:
    """Scrapes one after the other, through restarts; asserts that no counter ever steps back."""

    def __init__(self) -> None:
        self._before: Series = {}

    def take(self, samples: Series) -> None:
        now = {key: value for key, value in samples.items() if key[0].endswith(("_total", "_bucket", "_sum", "_count"))}
        now = {key: value for key, value in now.items() if not key[0].startswith(("process_", "python_"))}
        back = {key: (value, now.get(key)) for key, value in self._before.items() if now.get(key, -1.0) < value}
        assert not back, f"stepped back or gone: {back}"
        self._before = now


@contextmanager
def exporter(
    folder: Path, *flags: str | Path, env: Mapping[str, str] | None = None, log: bytes | None = None
) -> Iterator[Exporter]:
    """An Exporter for the length of a test; it finds `log` when it starts, so that ready means it was read."""
    if log is not None:
        (folder / "big_dipper.log").write_bytes(log)
    one = Exporter(folder, *flags, env=env)
    try:
        yield one
    finally:
        with suppress(ProcessLookupError):
            one.process.kill()
        one.process.wait()
