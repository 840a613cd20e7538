"""Folds records of the log into the bot's state, the counters and the rows of the archive: one handler per kind of event.

lifecycle.py: the bot itself, its halts and errors. account.py: account and positions. opportunities.py: scans, dips, orders,
skips. brake.py: brake episodes. patterns.py: the user's own patterns.
"""

from bigdipper_exporter.projection.projection import Projection

__all__ = ["Projection"]
