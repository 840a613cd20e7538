"""Reads a log once, to its present end: what `big-dipper-exporter ingest` does."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bigdipper_exporter.archive.errors import ArchiveError
from bigdipper_exporter.archive.queries.account import log_totals
from bigdipper_exporter.archive.store import PATIENCE_SECONDS, Store
from bigdipper_exporter.config.settings import Settings
from bigdipper_exporter.counters import Values, total
from bigdipper_exporter.metrics import counters as m
from bigdipper_exporter.pipeline import Pipeline
from bigdipper_exporter.projection.state import UNDECIDED, DamagedLine, advice, shown, where
from bigdipper_exporter.words import count, dollars

# Between two looks at a rotated file that cannot be read yet.
WAIT_SECONDS = 0.1
MOST_GAPS = 10


@dataclass(frozen=True)
class Summary:
    """What `ingest` has read in this run: lines, events by kind, gaps, and what could not be read.

    repeated: lines that were read before from another file. gaps: how many; places: the newest of them. unfinished: where the
    log ends in a line without a newline, and that line.
    problem: why the log cannot be read.
    held: lines at the end of the log with text before their header, of which only later lines show whether they are the bot's.
    archived: what the archive holds now; "" if nothing.
    """

    lines: int
    events: dict[str, int]
    repeated: int
    gaps: int
    places: list[str]
    malformed: int
    damaged: list[DamagedLine]
    unfinished: str | None
    held: list[str]
    problem: str | None
    archived: str

    def text(self, seconds: float) -> str:
        """One line for people, and one more for each line of the log that could not be read."""
        places = [f"  {place}" for place in self.places]
        archived = [self.archived] if self.archived else []
        return "\n".join([self._totals(seconds), *places, *self._damage(), *archived])

    def _totals(self, seconds: float) -> str:
        kinds = ", ".join(f"{number:,} {kind}" for kind, number in sorted(self.events.items(), key=lambda item: -item[1]))
        gaps = f"; {count(self.gaps, 'gap')}, see the table `gaps`" if self.gaps else ""
        again = f"; {count(self.repeated, 'line')} skipped, already read from another file" if self.repeated else ""
        events = f"{count(sum(self.events.values()), 'event')} ({kinds or 'nothing new'})"
        if self.lines and not self.events:
            events = "none of them Big Dipper's (is this the bot's log?)"
        return f"{count(self.lines, 'line')}, {events} in {seconds:.1f} s{again}{gaps}"

    def _damage(self) -> Iterator[str]:
        if self.malformed:
            newest = self.damaged[-min(self.malformed, len(self.damaged)) :]
            which = f"; the last {len(newest)} of them" if self.malformed > len(newest) else ""
            yield f"{count(self.malformed, 'line')} could not be read{which}:"
            yield from (f"  {line}" for line in newest)
            if said := advice(newest):
                yield f"  {said}"
        if self.problem:
            yield self.problem
        if self.unfinished:
            yield f"1 unfinished line left: {self.unfinished}"
        if self.held:
            number = count(len(self.held), "line")
            yield f"{number} at the end {UNDECIDED}:"
            yield from (f"  {line}" for line in self.held)


@dataclass(frozen=True)
class _Totals:
    """What the counters say at one moment."""

    lines: int
    gaps: int
    malformed: int
    events: dict[str, int]

    @classmethod
    def of(cls, values: Values) -> "_Totals":
        return cls(
            lines=int(total(values, m.LOG_LINES)),
            gaps=int(total(values, m.LOG_GAPS)),
            malformed=int(total(values, m.LOG_MALFORMED)),
            events={kind: int(number) for (kind,), number in values.get(m.LOG_EVENTS.name, {}).items()},
        )


def ingest(settings: Settings, progress: Callable[[int], None]) -> Summary:
    """Read the log to its present end and commit; `progress` is told the bytes left after each step.

    ArchiveError when the archive cannot be written: what was committed before stays.
    """
    store = Store(settings.archive_path, PATIENCE_SECONDS)
    pipeline = Pipeline(settings, store)
    before = _Totals.of(pipeline.counters.values)
    try:
        more = True
        while more or pipeline.tail.unsettled:
            if not more:
                time.sleep(WAIT_SECONDS)
            more = pipeline.step()
            if pipeline.trouble:
                raise ArchiveError(pipeline.trouble)
            progress(pipeline.snapshot.own.log_lag)
        rest = pipeline.tail.unfinished()
        now = _Totals.of(pipeline.counters.values)
        gaps = store.newest_gaps(min(MOST_GAPS, now.gaps - before.gaps))
        archived = _archived(store.connection)
    finally:
        pipeline.tail.close()
        store.close()
    new = {kind: number - before.events.get(kind, 0) for kind, number in now.events.items()}
    return Summary(
        lines=now.lines - before.lines,
        events={kind: number for kind, number in new.items() if number},
        repeated=pipeline.repeated,
        gaps=now.gaps - before.gaps,
        places=[gap.detail for gap in gaps],
        malformed=now.malformed - before.malformed,
        damaged=pipeline.snapshot.bot.damaged,
        unfinished=f"{where(rest.path, rest.line, rest.offset)}: {shown(rest.text)}" if rest else None,
        held=pipeline.snapshot.bot.undecided(),
        problem=pipeline.snapshot.own.log_problem,
        archived=archived,
    )


def _archived(connection: sqlite3.Connection) -> str:
    """Say what the log's lines in the archive add up to, and how to see each day of it; "" without a cycle."""
    held = log_totals(connection)
    if held is None:
        return ""
    when = held.first if held.days == 1 else f"{held.first} to {held.last} ({count(held.days, 'day')})"
    counts = f"{count(held.cycles, 'cycle')}, {count(held.orders, 'order')}, {count(held.missed, 'missed trade')}"
    equity = "" if held.equity is None else f", equity {' to '.join(map(dollars, held.equity))}"
    return f"the archive holds {when}: {counts}{equity}; `export daily` prints each day"
