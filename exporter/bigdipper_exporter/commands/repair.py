"""`archive repair`: recompute past days in an archive that no exporter uses, after a copy of it was made."""

import time
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

from bigdipper_exporter.archive.broker.repair import Change, repair
from bigdipper_exporter.archive.errors import ArchiveError
from bigdipper_exporter.archive.migrate import copy
from bigdipper_exporter.archive.store import Store, connect_readonly
from bigdipper_exporter.words import count, dollars, percent


def repair_archive(archive: Path, since: date) -> Iterator[str]:
    """Lines that say what was done. Raises ArchiveError when there is no archive, or an exporter holds it."""
    connect_readonly(archive).close()
    with closing(Store(archive)) as store:
        target = store.path.with_name(f"{store.path.name}.before-repair-{time.strftime('%Y%m%d-%H%M%S')}.bak")
        try:
            copy(store.connection, target)
        except OSError as error:
            raise ArchiveError(f"cannot copy the archive to {target} first: {error.strerror}; nothing was changed") from None
        yield f"copy of the archive as it was: {target}"
        with store.transaction() as connection:
            changes, odd = repair(connection, since)
        if odd:
            yield f"{count(odd, 'account answer')} that cannot have been right moved to the table implausible_answers"
        yield from (
            f"{change.day} {change.column}: {_figure(change, change.old)} → {_figure(change, change.new)}" for change in changes
        )
        days = len({change.day for change in changes})
        yield f"{count(days, 'day')} changed since {since}" if days else f"no day since {since} changed"


def _figure(change: Change, value: float | None) -> str:
    if value is None:
        return "unknown"
    return percent(value, plus=False, digits=2) if change.column.endswith("_ratio") else dollars(value)
