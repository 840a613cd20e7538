"""Folds records of the log into the present, the counters and the rows of the archive: one method per kind of event.

life.py: the bot itself, its halts and errors. trading.py: account, trades, opportunities, skips. brake.py: brake episodes.
"""

from bigdipper_exporter.projection.projection import Projection

__all__ = ["Projection"]
