"""Brake episodes."""

from bigdipper_exporter.archive.queries.rows import Listing
from bigdipper_exporter.archive.tables import BrakeRow

EPISODES = Listing(BrakeRow, "brake_events", time="started")
# Episodes that touch the time from :since on.
SINCE = "(started >= :since OR COALESCE(ended, :since) >= :since AND last_seen >= :since)"
