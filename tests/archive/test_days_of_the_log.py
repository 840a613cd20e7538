"""A day's equity from the log: by the time of its lines, in whatever order they were read."""

from pathlib import Path

from bigdipper_exporter.archive.bot_tables import AccountRow
from bigdipper_exporter.archive.pending import PendingRows
from bigdipper_exporter.archive.store import Store


def lines(generation: int, *equities: tuple[float, float]) -> PendingRows:
    """Account lines (unix seconds, dollars) of one log file."""
    rows = PendingRows()
    for offset, (ts, equity) in enumerate(equities):
        rows.put(AccountRow(generation << 40 | offset, ts, "2025-10-17", "log", equity=equity))
        rows.day("2025-10-17").account(equity, None, None)
    return rows


def test_an_old_file_that_is_read_late_gives_the_morning_and_not_the_end(tmp_path: Path) -> None:
    store = Store(tmp_path / "archive.db")
    noon = 1760716800.0
    try:
        for rows in (
            lines(2, (noon, 102.0), (noon + 60, 105.0)),
            lines(1, (noon - 7200, 100.0), (noon - 3600, 99.0)),
            lines(2, (noon + 120, 104.0)),
        ):
            with store.transaction() as connection:
                rows.write(connection)
        query = "SELECT starting_equity, ending_equity, profit, peak_equity, trough_equity FROM daily_stats"
        assert store.connection.execute(query).fetchall() == [(100.0, 104.0, 4.0, 105.0, 99.0)]
    finally:
        store.close()
