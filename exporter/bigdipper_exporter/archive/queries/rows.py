"""Rows of a statement as dataclasses, and pages of them, newest first."""

import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar

Row = TypeVar("Row")

CURSOR = r"^(-?[0-9]{1,12}(?:\.[0-9]{1,9})?)_([A-Za-z0-9:./-]{1,80})$"


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of a page: the next page begins after it. ts: unix seconds; id: the rest of the row's identity."""

    ts: float
    id: int | str

    def __str__(self) -> str:
        return f"{self.ts!r}_{self.id}"

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Read what `str` wrote. Raises ValueError for anything else."""
        found = re.fullmatch(CURSOR, text)
        if found is None:
            raise ValueError("is not a place in the list; use `next` of the page before")
        number = re.fullmatch(r"-?[0-9]{1,19}", found[2])
        return cls(float(found[1]), int(found[2]) if number else found[2])


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows, newest first; next: where the following page begins, None on the last one."""

    rows: list[Row]
    next: Cursor | None


@dataclass(frozen=True, slots=True)
class Listing(Generic[Row]):
    """A list that can be paged. source: a FROM clause without its keyword; time, id: the columns that order it."""

    kind: type[Row]
    source: str
    time: str = "ts"
    id: str = "id"
    prefix: str = ""

    def page(
        self,
        connection: sqlite3.Connection,
        limit: int,
        after: Cursor | None = None,
        where: str = "1",
        parameters: Mapping[str, object] | None = None,
    ) -> Page[Row]:
        """Return at most `limit` rows older than `after`. where: trusted SQL with named parameters."""
        names = ", ".join(f"{self.prefix}{field.name}" for field in fields(self.kind))  # type: ignore[arg-type]
        time, id = f"{self.prefix}{self.time}", f"{self.prefix}{self.id}"
        past = f" AND {time} <= :after_ts AND ({time}, {id}) < (:after_ts, :after_id)" if after else ""
        rows = fetch(
            connection,
            self.kind,
            f"SELECT {names} FROM {self.source} WHERE {where}{past} ORDER BY {time} DESC, {id} DESC LIMIT :limit",
            {
                **(parameters or {}),
                "limit": limit + 1,
                **({"after_ts": after.ts, "after_id": after.id} if after else {}),
            },
        )
        if len(rows) <= limit:
            return Page(rows, None)
        last = rows[limit - 1]
        return Page(rows[:limit], Cursor(getattr(last, self.time), getattr(last, self.id)))


def fetch(
    connection: sqlite3.Connection, kind: type[Row], sql: str, parameters: Mapping[str, object] | tuple[object, ...] = ()
) -> list[Row]:
    """Return the rows of a statement; its columns are the fields of `kind`, in any order."""
    cursor: Any = connection.execute(sql, parameters)
    names = [column[0] for column in cursor.description]
    return [kind(**dict(zip(names, row, strict=True))) for row in cursor]


def columns_of(kind: type[Any], prefix: str = "") -> str:
    """The fields of a dataclass as columns of a SELECT."""
    return ", ".join(f'{prefix}"{field.name}"' for field in fields(kind))
