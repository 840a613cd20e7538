"""What the page says of the archive: its size, and the room on its disk."""

from bigdipper_exporter.archive.recent import Recent
from bigdipper_exporter.config.settings import Settings
from bigdipper_exporter.metrics.snapshot import Snapshot
from bigdipper_exporter.thresholds import DISK_FREE_BYTES
from bigdipper_exporter.web.landing import Row


def archive_rows(s: Snapshot, settings: Settings, recent: Recent) -> list[Row]:
    """Whether the archive is written, its size, and the room on its disk."""
    own, path = s.own, settings.archive_path
    if not own.archive_up:
        return [Row("bad", "file", next((p for p in own.problems if "archive" in p), f"{path} cannot be written") + ".")]
    size = "" if own.archive.size is None else f"; {own.archive.size / 1e6:,.1f} MB"
    free = "" if own.archive.disk_free is None else f"; {own.archive.disk_free / 1e9:,.1f} GB free on the disk"
    low = own.archive.disk_free is not None and own.archive.disk_free < DISK_FREE_BYTES
    rows: list[Row] = [Row("warn" if low else "ok", "file", f"{path} is written{size}{free}{': make room' if low else ''}.")]
    if recent.problem:
        rows.append(Row("warn", "today", f"What happened today cannot be read from it: {recent.problem}."))
    return rows
