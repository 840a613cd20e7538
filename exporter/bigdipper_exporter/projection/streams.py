"""The log's stream of lines, and that of old files that are read in parallel with it.

Each stream has a state and a reader of its own, so that old lines never change what is known of the present. Counters and the
archive's rows do not depend on the order of the lines, and are common to both.
"""

import json
from dataclasses import dataclass

from bigdipper_exporter.config.settings import Settings
from bigdipper_exporter.counters import Counters
from bigdipper_exporter.log.parser import Reader
from bigdipper_exporter.projection.patterns import Custom
from bigdipper_exporter.projection.projection import Projection
from bigdipper_exporter.projection.state import MAX_DAMAGED, BotState


class Stream:
    """Lines in the order in which they were written: the reader's place in them, and the state that they add up to."""

    def __init__(self, settings: Settings, counters: Counters, saved: str) -> None:
        """`saved`: the state as it was last committed."""
        self.state = BotState.from_json(saved)
        self.state.slow_patterns = []  # they are tried again
        self._custom = Custom(settings.patterns, self.state, counters) if settings.patterns else None
        self.reader = Reader(settings.log_timezone, self._custom.listen if self._custom else None)
        self.state.restore(self.reader)

    def to_json(self) -> str:
        """Return the state with the reader's part of it."""
        self.state.keep(self.reader)
        return self.state.to_json()

    def take(self, state: BotState) -> None:
        """Continue with another state."""
        state.slow_patterns = self.state.slow_patterns
        self.state = state
        if self._custom is not None:
            self._custom.state = state


@dataclass(frozen=True)
class Saved:
    """The streams as they are stored. late: generations of the log that are read beside it; past: their state, if any."""

    log: str
    late: frozenset[int] = frozenset()
    past: str | None = None

    def beside(self) -> str:
        """Return what is stored about the files that are read beside the log."""
        return json.dumps({"late": sorted(self.late), "state": self.past})

    @classmethod
    def of(cls, log: str | None, beside: str | None) -> "Saved":
        """Load it from the two values stored in the table `state`."""
        stored = json.loads(beside or "{}")
        return cls(log or BotState().to_json(), frozenset(stored.get("late", ())), stored.get("state"))


class Streams:
    """The stream of the log and, while old files are read beside it, that of their lines."""

    def __init__(self, settings: Settings, counters: Counters, saved: Saved) -> None:
        self._settings, self._counters = settings, counters
        self.log = Stream(settings, counters, saved.log)
        self.past = None if saved.past is None else Stream(settings, counters, saved.past)

    def saved(self, late: frozenset[int]) -> Saved:
        """Return what to store. late: the generations that are still read beside the log."""
        return Saved(self.log.to_json(), late, None if self.past is None else self.past.to_json())

    @property
    def newest(self) -> BotState:
        """The state that describes the present: that of the newest line."""
        return self._by_age()[1].state

    def _by_age(self) -> tuple[Stream, Stream]:
        log, past = self.log, self.past or self.log
        return (log, past) if past.reader.time.last > log.reader.time.last else (past, log)

    def of(self, late: bool) -> Stream:
        """Return the stream of a batch of lines."""
        if not late:
            return self.log
        if self.past is None:
            fresh = BotState(prefix=self.log.reader.cleaner.prefixes.saved()[0])
            self.past = Stream(self._settings, self._counters, fresh.to_json())
        return self.past

    def set_aside(self) -> None:
        """The old files continue the present state; the log's new file starts with no cycle and no brake episode open."""
        if self.past is None:
            self.past = Stream(self._settings, self._counters, self.log.to_json())
            state = self.log.state
            state.begin_cycle()
            state.brake, state.awaits_older_brake = None, True
            self.log.reader.messages.pending.clear()
            self.log.reader.cleaner.prefixes.held = []
            self.log.reader.messages.rests = {}

    def join(self, projection: Projection) -> None:
        """Continue with one stream: the old files are read to their end."""
        if self.past is None:
            return
        older, newer = (stream.state for stream in self._by_age())
        projection.state = self.past.state
        projection.apply(self.past.reader.finish(self.log.reader.messages.rests or {}))
        self.log.reader.messages.rests = None
        projection.state = newer
        projection.join(older)
        newer.damaged = sorted([*older.damaged, *newer.damaged], key=lambda line: line.ts)[-MAX_DAMAGED:]
        newer.custom = older.custom | newer.custom
        last = self.log.state
        newer.last_line, newer.alive_at = last.last_line, last.alive_at
        newer.late_by, newer.late_since = last.late_by, last.late_since
        self.log.take(newer)
        self.past = None
