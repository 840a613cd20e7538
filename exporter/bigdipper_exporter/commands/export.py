"""Tables of the archive as CSV or JSON, for spreadsheets and tax papers."""

import csv
import json
import math
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from sqlite_utils import Database

from bigdipper_exporter.archive.store import connect_readonly
from bigdipper_exporter.archive.tables import EXPORTS
from bigdipper_exporter.calendar import NEW_YORK


def _rows(archive: Path, what: str, since: float | None, until: float | None) -> Iterator[dict[str, Any]]:
    table = EXPORTS[what]
    limits = {"since": since or 0.0, "until": math.inf if until is None else until}
    with closing(connect_readonly(archive)) as connection:
        rows = Database(connection, execute_plugins=False)[table.name]
        for row in rows.rows_where(f"{table.time} >= :since and {table.time} < :until", limits, order_by=table.time):
            moment = datetime.fromtimestamp(row[table.time], NEW_YORK).isoformat()
            # Sums of dollars carry the dust of binary fractions; nothing here is finer than a millionth.
            yield {"time": moment, **{name: round(v, 6) if isinstance(v, float) else v for name, v in row.items()}}


def _names(archive: Path, what: str) -> list[str]:
    with closing(connect_readonly(archive)) as connection:
        return ["time", *Database(connection, execute_plugins=False)[EXPORTS[what].name].columns_dict]


def export(archive: Path, what: str, form: str, since: float | None, until: float | None, out: TextIO) -> None:
    """Write one of EXPORTS, oldest first; `time` is New York time, from `since` to before `until` (unix seconds)."""
    names = _names(archive, what)
    rows = _rows(archive, what, since, until)
    if form == "csv":
        writer = csv.DictWriter(out, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return
    out.write("[")
    for number, row in enumerate(rows):
        out.write((",\n " if number else "\n ") + json.dumps(row, ensure_ascii=False))
    out.write("\n]\n")
