"""Reads a log once, to its present end: what `big-dipper-exporter ingest` does."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from bigdipper_exporter.archive.errors import ArchiveError
from bigdipper_exporter.archive.store import PATIENCE_SECONDS, Store
from bigdipper_exporter.config.settings import Settings
from bigdipper_exporter.pipeline import Pipeline

# Between two looks at a rotated file that cannot be read yet.
WAIT_SECONDS = 0.1


@dataclass(frozen=True)
class Summary:
    """What `ingest` has read: lines of this run, events of this run by kind."""

    lines: int
    events: dict[str, int]
    gaps: int

    def text(self, seconds: float) -> str:
        """One line for people."""
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(self.events.items(), key=lambda item: -item[1]))
        gaps = f"; {self.gaps} gap{'s' if self.gaps > 1 else ''}, see the table `gaps`" if self.gaps else ""
        if self.lines and not self.events:
            return f"none of the {self.lines:,} new lines is Big Dipper's: is this the bot's log?"
        return f"{self.lines:,} lines, {sum(self.events.values()):,} events ({kinds or 'nothing new'}) in {seconds:.1f} s{gaps}"


def _totals(pipeline: Pipeline, name: str) -> dict[str, float]:
    return {"/".join(labels): value for labels, value in pipeline.counters.values.get(name, {}).items()}


def ingest(settings: Settings, progress: Callable[[int], None]) -> Summary:
    """Read the log to its present end and commit; `progress` is told the bytes left after each step.

    ArchiveError when the archive cannot be written: what was committed before stays.
    """
    store = Store(settings.archive_path, PATIENCE_SECONDS)
    pipeline = Pipeline(settings, store)
    names = ("bigdipper_log_events_total", "bigdipper_log_lines_total", "bigdipper_log_gaps_total")
    before = {name: _totals(pipeline, name) for name in names}
    try:
        more = True
        while more or pipeline.tail.unsettled:
            if not more:
                time.sleep(WAIT_SECONDS)
            more = pipeline.step()
            if pipeline.trouble:
                raise ArchiveError(pipeline.trouble)
            progress(pipeline.snapshot.own.log_lag)
    finally:
        pipeline.tail.close()
        store.close()
    new = {
        name: {key: int(value - before[name].get(key, 0)) for key, value in _totals(pipeline, name).items()} for name in names
    }
    events = {kind: count for kind, count in new[names[0]].items() if count}
    return Summary(sum(new[names[1]].values()), events, sum(new[names[2]].values()))
