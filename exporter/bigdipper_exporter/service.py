"""Builds the exporter from its parts, runs it until a signal stops it, and shuts it down cleanly."""

import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

from bigdipper_exporter import logs
from bigdipper_exporter.archive import saved
from bigdipper_exporter.archive.recent import recent
from bigdipper_exporter.archive.retention import forget
from bigdipper_exporter.archive.statistics import Measure
from bigdipper_exporter.archive.store import Store
from bigdipper_exporter.config.settings import Settings
from bigdipper_exporter.counters import total
from bigdipper_exporter.log.wake import Wake
from bigdipper_exporter.metrics.collect import Collector
from bigdipper_exporter.metrics.counters import LOG_GAPS, LOG_LINES
from bigdipper_exporter.metrics.registry import METRICS
from bigdipper_exporter.pipeline import Pipeline, Sources
from bigdipper_exporter.projection import patterns
from bigdipper_exporter.sectors import read_sectors
from bigdipper_exporter.watchdog import Watchdog
from bigdipper_exporter.web.alerts import Alerts
from bigdipper_exporter.web.landing import Page
from bigdipper_exporter.web.listen import listen
from bigdipper_exporter.web.pages import status_page
from bigdipper_exporter.web.server import Server

log = logs.get("service")

# Poll intervals of the log: where inotify does not wake the loop (a network mount, a file that is mounted alone), and where it
# has done so for the last change.
POLL_SECONDS = 0.25
IDLE_SECONDS = 1.0
RETRY_SECONDS = 1.0
HOUSEKEEPING_SECONDS = 1.0
FORGET_SECONDS = 600.0
LOOP_SECONDS = 15.0  # since the last pass of the main loop: not ready


class Service:
    """One exporter. ArchiveError, ConfigError or ListenError when it cannot start."""

    def __init__(self, settings: Settings, sources: Callable[[Store, Wake], Sources] = lambda _s, _w: Sources()) -> None:
        self.settings = settings
        self._alerts = Alerts(settings.alertmanager_url) if settings.alertmanager_url else None
        # The user's files and the address come first: an error in them is reported before the archive is created.
        self.server = Server(
            settings.web_listen_address,
            settings.web_telemetry_path,
            settings.web_config_file,
            settings.web_max_requests,
            settings.web_allowed_hosts or (),
            collect=Collector((*METRICS, *patterns.metrics(settings.patterns)), lambda: self.pipeline.snapshot).collect,
            ready=self._problems,
            page=self._page,
        )
        sectors = read_sectors(settings.sectors_file)
        listen(settings.web_listen_address).close()
        self.store = Store(settings.archive_path)
        with self.store.transaction() as connection:
            saved.replace_sectors(connection, sectors)
        self._wake = Wake(settings.log_path)
        self._sources = sources(self.store, self._wake)
        self.pipeline = Pipeline(settings, self.store, self._sources)
        self._measure = Measure(self.store)
        self._stopping = threading.Event()
        self._watchdog = Watchdog()
        self._throttle = logs.Throttle(log)
        self._gaps = _gaps(self.pipeline)
        self._next_housekeeping = self._next_forget = 0.0

    def stop(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        """End `run` as soon as the transaction at work is committed."""
        self._stopping.set()
        self._wake.set()

    def run(self) -> None:
        """Tail, archive and serve until `stop`, SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.stop)
        self.server.start()
        self._watchdog.start()
        log.info("serving", url=self.server.url, log=self.settings.log_path, archive=self.settings.archive_path)
        try:
            while not self._stopping.is_set():
                self._watchdog.beat()
                self._run_once()
        finally:
            self._watchdog.stop()
            self._wake.close()
            for source in self._sources:
                source.close()
            self.server.stop()
            self._measure.close()
            self.pipeline.tail.close()
            self.store.close()
            log.info("stopped")

    def _page(self) -> Page:
        """What the landing page says now. Called by the web threads."""
        snapshot = self.pipeline.snapshot
        happened = recent(self.settings.archive_path, snapshot.day.start, time.time())
        return status_page(snapshot, self.settings, happened, self._alerts.current() if self._alerts else None)

    def _problems(self) -> list[str]:
        """Why the exporter is not ready. Called by the web threads, so that a loop that hangs is seen."""
        # As published, so that what was read is on /metrics once it is ready.
        problems = list(self.pipeline.snapshot.own.problems)
        if self._watchdog.age > LOOP_SECONDS:
            problems.append(
                f"the main loop has not turned for {self._watchdog.age:.0f} s: it waits for a disk or a network mount"
            )
        return problems

    def _run_once(self) -> None:
        """One pass of the main loop: read and archive what is new, log problems, wait for more."""
        was_ready = self.pipeline.caught_up
        more = self.pipeline.step()
        if self.pipeline.has_read:
            self._wake.note_change()
        if self.pipeline.caught_up and not was_ready and self.pipeline.snapshot.own.log_up:
            log.info("caught up with the log", lines=int(total(self.pipeline.counters.values, LOG_LINES)))
        self._log_problems()
        now = time.monotonic()
        if now >= self._next_housekeeping:
            self._next_housekeeping = now + HOUSEKEEPING_SECONDS
            self._housekeeping(now)
        if not more:
            self._wake.wait(self._pause())

    def _pause(self) -> float:
        """Return the poll interval, in seconds."""
        if self.pipeline.trouble:
            return RETRY_SECONDS
        return IDLE_SECONDS if self._wake.is_reliable and not self.pipeline.tail.unsettled else POLL_SECONDS

    def _log_problems(self) -> None:
        own = self.pipeline.snapshot.own
        for part, problem in (("archive", self.pipeline.trouble), ("log", own.log_problem)):
            if problem:
                is_read = part == "log" and own.log_up
                self._throttle.problem(part, problem if is_read else f"waiting: {problem}")
            else:
                self._throttle.solved(part, f"the {part} is fine again")
        gaps = _gaps(self.pipeline)
        if new := gaps - self._gaps:
            for gap in self.store.newest_gaps(new):
                log.warning("lines may have been lost before they could be read", reason=gap.reason, where=gap.detail)
            self._gaps = gaps

    def _housekeeping(self, now: float) -> None:
        self.pipeline.statistics = self._measure.take()
        self.pipeline.refresh()
        self._wake.rearm()
        retention = self.settings.archive_retention
        if retention and now >= self._next_forget and self.pipeline.caught_up:
            with suppress(sqlite3.Error, OSError):
                again = forget(self.store, time.time() - retention)
                self._next_forget = now + (HOUSEKEEPING_SECONDS if again else FORGET_SECONDS)


def _gaps(pipeline: Pipeline) -> int:
    return int(total(pipeline.counters.values, LOG_GAPS))
