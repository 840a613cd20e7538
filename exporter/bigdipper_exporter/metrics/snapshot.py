"""What a scrape reads: everything the exporter knows, of one committed moment, never changed once published."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bigdipper_exporter.archive.days import Day
from bigdipper_exporter.archive.statistics import Statistics
from bigdipper_exporter.calendar import ZONE_SECONDS
from bigdipper_exporter.money.limits import OwnLimits
from bigdipper_exporter.thresholds import BRAKE_SILENCE_SECONDS, CYCLE_AGE_SECONDS, LOG_AGE_SECONDS

__all__ = ["Day", "ExporterStatus", "Snapshot"]

if TYPE_CHECKING:
    from bigdipper_exporter.archive.broker.repository import BrokerView
    from bigdipper_exporter.archive.prices.view import PriceView
    from bigdipper_exporter.botconfig.reader import BotConfigView
    from bigdipper_exporter.counters import Values
    from bigdipper_exporter.projection.state import BotState


@dataclass(frozen=True, slots=True)
class ExporterStatus:
    """The exporter about itself. Times in unix seconds; `turned`: monotonic seconds of the main loop's last turn.

    log_configured: False where an account is watched with keys alone; nothing else of the log has a meaning then.
    caught_up: False until all that the log held at the start has been read.
    last_line: when the log last grew; alive_at: when the bot surely wrote, earlier where an old log was copied here.
    """

    started: float
    turned: float = 0.0
    ready: bool = False
    problems: tuple[str, ...] = ()
    log_configured: bool = True
    caught_up: bool = True
    log_up: bool = False
    log_problem: str | None = None
    log_lag: int = 0
    last_line: float | None = None
    alive_at: float | None = None
    timestamp_skew: float | None = None
    archive_up: bool = True
    archive: Statistics = field(default_factory=Statistics)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One moment. `created`: when counting began (unix seconds), the true start of every counter."""

    bot: BotState
    counters: Values
    created: float
    day: Day
    own: ExporterStatus
    broker: BrokerView | None = None
    config: BotConfigView | None = None
    prices: PriceView | None = None
    limits: OwnLimits = field(default_factory=OwnLimits)

    def is_silent(self, now: float) -> bool:
        """Return whether the bot has begun no cycle, and has not started, for longer than a running one takes.

        now: unix seconds.
        """
        return now - max(self.bot.cycle_ts or 0.0, self.bot.started or 0.0) > CYCLE_AGE_SECONDS

    @property
    def awaits_cycle(self) -> bool:
        """Whether the bot has begun no cycle since it started."""
        return self.bot.started is not None and (self.bot.cycle_ts or 0.0) < self.bot.started

    def is_running(self, now: float) -> bool | None:
        """Return whether the bot runs at `now` (unix seconds): False after it stopped or died, None while it is only silent."""
        return None if self.bot.running and self.is_silent(now) else self.bot.running

    def late_by(self, now: float) -> float | None:
        """Return by how many seconds the newest line's own time is behind that of its writing; None if it is not known.

        Before a line came while the exporter ran, it is known of a file that has just grown; not of one that is a copy of an
        old log, with lines older than a time zone can make them.
        """
        if self.own.timestamp_skew is not None:
            return self.own.timestamp_skew
        grown, dated = self.own.last_line, self.own.alive_at
        if grown is None or dated is None or now - grown > LOG_AGE_SECONDS or grown - dated > ZONE_SECONDS:
            return None
        return grown - dated

    def brake_seconds_today(self, now: float) -> float:
        """Time under the brake today, in seconds, up to `now` (unix seconds).

        The archive counts up to the last brake line. Between two lines the brake holds on while the bot cycles.
        """
        brake, cycle = self.bot.brake, self.bot.cycle_ts
        if brake is None or cycle is None or not 0 <= now - cycle <= CYCLE_AGE_SECONDS:
            return self.day.brake_seconds
        return self.day.brake_seconds + max(0.0, now - max(brake.last_seen, self.day.start))

    def log_silent_since(self, now: float) -> float | None:
        """Return when the bot last wrote a line, if that is too long before `now` to say what holds; unix seconds."""
        known = [at for at in (self.own.alive_at, self.own.last_line) if at is not None]
        return min(known) if known and now - min(known) > BRAKE_SILENCE_SECONDS else None
