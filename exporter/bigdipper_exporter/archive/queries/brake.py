"""Brake episodes."""

from bigdipper_exporter.archive.bot_tables import BrakeRow
from bigdipper_exporter.archive.queries.rows import Listing

EPISODES = Listing(BrakeRow, "brake_events", time="started")
# Episodes that touch the time from :since on.
SINCE = "(started >= :since OR COALESCE(ended, :since) >= :since AND last_seen >= :since)"
