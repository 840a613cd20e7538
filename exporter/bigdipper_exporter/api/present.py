"""The present as a scrape shows it, rebuilt from the archive: the API's figures come from the metrics' own functions."""

import sqlite3

from bigdipper_exporter.archive import saved
from bigdipper_exporter.archive.broker.latest import archived_view
from bigdipper_exporter.archive.days import day_so_far
from bigdipper_exporter.botconfig.archived import archived_limits
from bigdipper_exporter.metrics.snapshot import ExporterStatus, Snapshot
from bigdipper_exporter.money.limits import OwnLimits
from bigdipper_exporter.projection.state import BotState


def snapshot(connection: sqlite3.Connection, limits: OwnLimits, now: float) -> Snapshot:
    """Return what the exporter publishes at `now` (unix seconds), up to its last commit."""
    bot = BotState.from_json(saved.load(connection, saved.LOG) or "{}")
    day, broker = day_so_far(connection, now), archived_view(connection)
    return Snapshot(
        bot=bot,
        counters={},
        created=0.0,
        day=day,
        own=ExporterStatus(
            started=0.0, log_configured=bot.last_line is not None, last_line=bot.last_line, alive_at=bot.alive_at
        ),
        broker=None if broker is None else broker.as_of(day.start),
        config=archived_limits(connection),
        limits=limits,
    )
