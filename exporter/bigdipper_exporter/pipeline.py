"""The path of a line: read, project, commit, publish. Each step is one transaction; only committed state is published."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

from bigdipper_exporter import logs
from bigdipper_exporter.archive import saved
from bigdipper_exporter.archive.days import day_so_far
from bigdipper_exporter.archive.errors import ArchiveError
from bigdipper_exporter.archive.savepoint import savepoint
from bigdipper_exporter.archive.statistics import Statistics
from bigdipper_exporter.archive.store import Store
from bigdipper_exporter.config.settings import Settings
from bigdipper_exporter.counters import Counters
from bigdipper_exporter.log.absent import NoLog
from bigdipper_exporter.log.chunks import pieces
from bigdipper_exporter.log.records import ParsedChunk
from bigdipper_exporter.log.tail import Read, Tail
from bigdipper_exporter.metrics import counters as m
from bigdipper_exporter.metrics.snapshot import Day, ExporterStatus, Snapshot
from bigdipper_exporter.money.limits import OwnLimits
from bigdipper_exporter.projection import Projection
from bigdipper_exporter.projection.streams import Saved, Streams

if TYPE_CHECKING:
    from bigdipper_exporter.archive.broker.view import BrokerView
    from bigdipper_exporter.archive.prices.view import PriceView
    from bigdipper_exporter.botconfig.reader import BotConfigView

View = TypeVar("View", covariant=True)

log = logs.get("pipeline")

# While catching up: how much is read and committed at once. More would save little time, cost memory, and delay a stop.
PORTION_BYTES = 1 << 21


class Source(Protocol[View]):
    """Another source of facts that shares the transaction: the broker, the bot's configuration, market prices."""

    def pending(self) -> bool:
        """Whether there is something to write."""

    def write(self, connection: sqlite3.Connection, counters: Counters) -> None:
        """Write what is pending inside the transaction; called again with the same after a failure."""

    def commit(self) -> None:
        """Mark what the last `write()` wrote as committed."""

    def order_logged(self) -> None:
        """The log named a new order."""

    def close(self) -> None:
        """Stop whatever runs for it."""

    @property
    def view(self) -> View:
        """What the snapshot shows of this source, as last committed."""


@dataclass(frozen=True)
class Sources:
    """Everything that is read beside the log. None: not configured."""

    config: Source[BotConfigView] | None = None
    broker: Source[BrokerView] | None = None
    prices: Source[PriceView] | None = None

    def __iter__(self) -> Iterator[Source[object]]:
        return iter([source for source in (self.config, self.broker, self.prices) if source is not None])


class Pipeline:
    """Reads the log and the other sources into the archive, and publishes a snapshot of what is committed."""

    def __init__(self, settings: Settings, store: Store, sources: Sources = Sources()) -> None:
        self.store = store
        self.counters = Counters()
        self.caught_up = False
        self.trouble: str | None = None
        self.repeated = 0  # lines that were read before from another file
        self.statistics = Statistics()
        self._settings = settings
        self._sources = sources
        self._failures = 0
        self._skew: float | None = None
        self._started = time.time()
        self._day = Day(0.0)
        self.counters.load(store.connection)
        self._created = self._first_start()
        self._saved = Saved.of(store.load(saved.LOG), store.load(saved.BESIDE))
        self._restore()
        self.tail: Tail | NoLog = NoLog() if settings.log_path is None else self._follow(settings.log_path)
        self._read: Read | None = None
        self.snapshot = self.publish()

    def _follow(self, path: Path) -> Tail:
        settings = self._settings
        start: Literal["start", "end"] = "end" if settings.log_from == "end" else "start"
        return Tail(
            path,
            self.store.checkpoints(),
            start=start,
            rotated=settings.log_rotated,
            limit=PORTION_BYTES,
            first=self._created,
            copies=str(settings.log_copies or ""),
            late=self._saved.late,
            sums=self.store.line_sums,
        )

    def _first_start(self) -> float:
        """When counting began: the true start of every counter."""
        created = self.store.load(saved.CREATED)
        if created is None:
            with self.store.transaction():
                self.store.save(saved.CREATED, str(self._started))
        return float(created or self._started)

    def _restore(self) -> None:
        """Take up the present as it was last committed."""
        self._streams = Streams(self._settings, self.counters, self._saved)
        self._projection = Projection(self._streams.log.state, self.counters, self.store.has_order)

    @property
    def has_read(self) -> bool:
        """Whether the last step has found anything new in the log."""
        return self._read is not None and bool(self._read.checkpoints)

    def step(self) -> bool:
        """Read a chunk and commit it; True when more is waiting. Failures do not raise: `problems` reports them."""
        try:
            read = self._read = self.tail.read()
        except sqlite3.Error as error:  # it compares the log with what the archive knows
            self._undo(error, "read")
            return False
        # After a trouble even nothing is committed, which shows that the archive can be written again.
        if read.is_empty and not self.trouble and not any(source.pending() for source in self._sources):
            own = self.snapshot.own
            if not self.caught_up or (own.log_up, own.log_problem, own.log_lag) != (read.up, read.problem, read.lag):
                self._publish_read(read)
            return read.more
        begun = time.perf_counter()
        try:
            lines, arrived = self._commit(read)
        except (sqlite3.Error, OSError) as error:
            self._undo(error, "written")
            return False
        ended = time.perf_counter()
        live = self.caught_up and lines > 0
        self._publish_read(read)
        self.counters.observe(m.ARCHIVE_COMMIT_DURATION_SECONDS, ended - begun)
        if live and arrived is not None:
            self.counters.observe(m.LOG_INGEST_DELAY_SECONDS, max(0.0, time.time() - arrived))
        return read.more

    def _digest(self, read: Read) -> tuple[int, float | None]:
        """Parse and apply the batches in order. Returns the number of the log's lines, and the time of the last one."""
        lines, last_ts, projection, streams = 0, None, self._projection, self._streams
        if read.set_aside:
            streams.set_aside()
        for batch in read.batches:
            stream = streams.of(batch.late)
            projection.state, number = stream.state, batch.line
            for start, piece in pieces(batch.data):
                chunk = ParsedChunk(last_ts=None if batch.late else last_ts, path=batch.path, first=number)
                stream.reader.read(batch.generation, batch.offset + start, piece, chunk)
                projection.apply(chunk)
                number = None if number is None else number + chunk.lines
                if not batch.late:
                    lines, last_ts = lines + chunk.lines, chunk.last_ts
        projection.state = streams.log.state
        for rest in read.unfinished:
            projection.apply(streams.log.reader.unfinished(rest))
        if not read.late:
            streams.join(projection)
        return lines, last_ts

    def _commit(self, read: Read) -> tuple[int, float | None]:
        """One transaction: what was read and how far. Returns its number of lines, and when the newest became readable."""
        lines, last_ts = self._digest(read)
        state, inc = self._projection.state, self.counters.inc
        arrived = min(time.time(), read.written or float("inf")) if lines else None
        if arrived is not None:
            # Reading an old copy late must not make the newest sign of life older, and a future time counts as now.
            state.last_line = min(time.time(), max(arrived, state.last_line or 0.0))
            state.sign_of_life(arrived, last_ts, live=self.caught_up)
        inc(m.LOG_ROTATIONS, amount=read.rotations)
        inc(m.LOG_TRUNCATIONS, amount=read.truncations)
        inc(m.ARCHIVE_ERRORS, amount=self._failures)
        for gap in read.gaps:
            inc(m.LOG_GAPS, gap.reason)
        for note in read.notes:
            log.warning(note)
        present = self._streams.saved(read.late)
        with self.store.transaction() as connection:
            self._projection.rows.write(connection)
            for source in self._sources:
                self._write(connection, source)
            self.counters.flush(connection)
            self.store.write_position(read.checkpoints, read.gaps, read.sums)
            if present.log != self._saved.log:
                self.store.save(saved.LOG, present.log)
            if present.beside() != self._saved.beside():
                self.store.save(saved.BESIDE, present.beside())
        self.tail.commit()
        self.repeated += read.repeated
        self.counters.commit()
        # Free them now: the next chunk needs as much memory.
        read.batches.clear()
        has_orders = self.caught_up and self._projection.rows.has_trades
        for source in self._sources:
            source.commit()
            if has_orders:
                source.order_logged()
        self._projection.commit()
        self._saved, self._failures, self.trouble = present, 0, None
        if self.caught_up and arrived is not None and last_ts is not None:
            self._skew = arrived - last_ts
        return lines, arrived

    def _write(self, connection: sqlite3.Connection, source: Source[object]) -> None:
        """Let a source write. A response that raises is logged and dropped; the log is read on."""
        mark = self.counters.savepoint()
        try:
            with savepoint(connection):
                source.write(connection, self.counters)
        except (sqlite3.Error, OSError):
            raise
        except Exception:
            log.exception("a response could not be stored and was dropped; please report this", source=type(source).__name__)
            self.counters.rollback_to(mark)

    def _undo(self, error: Exception, what: str) -> None:
        """Roll back a failed transaction. Its lines are read again from the log, they are not kept in memory.

        what: the archive could not be `read` or `written`.
        """
        self._failures += 1
        self.trouble = f"the archive {self.store.path} cannot be {what}: {error}"
        self.tail.rollback()
        self.counters.rollback()
        self._restore()
        with suppress(sqlite3.Error, OSError, ArchiveError):
            self.store.recover()
        self.snapshot = self.publish()

    def _publish_read(self, read: Read) -> None:
        # Without `more`, only an unfinished line can be left, and it may stay unfinished for ever.
        self.caught_up = self.caught_up or not read.more or read.is_current
        self.refresh()

    def refresh(self) -> None:
        """Publish what changes without a line: sizes, and the start of a new day. Call about once a second."""
        self.snapshot = self.publish()

    def problems(self) -> tuple[str, ...]:
        """Why the exporter is not ready, one sentence each; empty when it is."""
        lag = self._read.lag if self._read else 0
        catching_up = () if self.caught_up else (f"catching up with the log: {lag} bytes to go",)
        return (*catching_up, self.trouble) if self.trouble else catching_up

    def publish(self) -> Snapshot:
        """A snapshot of this moment: only what is committed, and how the exporter is doing."""
        read, problems = self._read, self.problems()
        state = self._streams.newest.published()
        own = ExporterStatus(
            started=self._started,
            turned=time.monotonic(),
            ready=not problems,
            problems=problems,
            log_configured=self._settings.log_path is not None,
            caught_up=self.caught_up,
            log_up=bool(read and read.up),
            log_problem=read.problem if read else "not read yet",
            log_lag=read.lag if read else 0,
            last_line=self._projection.state.last_line,
            alive_at=self._projection.state.alive_at,
            timestamp_skew=self._skew,
            archive_up=self.trouble is None,
            archive=self.statistics,
        )
        config, broker, prices = self._sources.config, self._sources.broker, self._sources.prices
        today = self._today()
        return Snapshot(
            bot=state,
            counters=self.counters.values,
            created=self._created,
            day=today,
            own=own,
            broker=None if broker is None else broker.view.as_of(today.start),
            config=None if config is None else config.view,
            prices=None if prices is None else prices.view,
            limits=OwnLimits(self._settings.limits_brake, self._settings.limits_hard),
        )

    def _today(self) -> Day:
        with suppress(sqlite3.Error):
            self._day = day_so_far(self.store.connection, time.time())
        return self._day
