"""The one kind of SQLite connection that the archive is opened with."""

import sqlite3
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

# Without an adapter of its own, Python asks every NULL for one, which takes longer than to store it.
sqlite3.register_adapter(type(None), lambda null: null)

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def _damage_is_an_sqlite_error(method: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """SQLite quotes damaged bytes in its error messages, which Python then cannot decode."""

    @wraps(method)
    def call(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        try:
            return method(*args, **kwargs)
        except UnicodeDecodeError:
            raise sqlite3.DatabaseError("malformed database: it holds names that are not text") from None

    return call


class Connection(sqlite3.Connection):
    """A connection whose methods raise sqlite3.Error for damage of any kind."""

    @_damage_is_an_sqlite_error
    def execute(self, *args: Any) -> sqlite3.Cursor:
        """Execute one statement. sqlite3.Error also for damaged names."""
        return super().execute(*args)

    @_damage_is_an_sqlite_error
    def executemany(self, *args: Any) -> sqlite3.Cursor:
        """Execute one statement per row. sqlite3.Error also for damaged names."""
        return super().executemany(*args)

    @_damage_is_an_sqlite_error
    def executescript(self, *args: Any) -> sqlite3.Cursor:
        """Execute several statements. sqlite3.Error also for damaged names."""
        return super().executescript(*args)

    @_damage_is_an_sqlite_error
    def backup(self, *args: Any, **kwargs: Any) -> None:
        """Copy the database. sqlite3.Error also for damaged names."""
        super().backup(*args, **kwargs)
