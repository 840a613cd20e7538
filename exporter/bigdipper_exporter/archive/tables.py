"""Every table of the archive. A new column is a field of its row and a line in a new migration; tests compare the two."""

from bigdipper_exporter.archive import bot_tables, broker_tables, exporter_tables, price_tables, replay_tables
from bigdipper_exporter.archive.table import TABLES

__all__ = ["EXPORTS", "TABLES", "bot_tables", "broker_tables", "exporter_tables", "price_tables", "replay_tables"]

# Name in `big-dipper-exporter export` -> table.
EXPORTS = {table.export: table for table in TABLES.values() if table.export is not None}
