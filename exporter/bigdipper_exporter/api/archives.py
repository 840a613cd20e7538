"""The archives that the API serves, by the name of their bot."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bigdipper_exporter.api.problems import Problem
from bigdipper_exporter.archive.reader import ArchiveReader


class Archives:
    """Readers by name; the first is the one that counts when a request names none. Used by the API's worker threads."""

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self._readers = {name: ArchiveReader(path) for name, path in paths.items()}

    @property
    def names(self) -> list[str]:
        """Names of the bots, the default first."""
        return list(self._readers)

    @property
    def paths(self) -> list[Path]:
        """Their files."""
        return [reader.path for reader in self._readers.values()]

    def reader(self, bot: str | None) -> ArchiveReader:
        """Reader of a bot's archive. Raises Problem for an unknown name."""
        return self._readers[self.name(bot)]

    def name(self, bot: str | None) -> str:
        """The name that counts. Raises Problem for an unknown one."""
        if bot is None:
            return self.names[0]
        if bot not in self._readers:
            raise Problem(404, f"there is no bot {bot!r}; allowed: {', '.join(self.names)}", field="query.bot")
        return bot

    @contextmanager
    def reading(self, bot: str | None) -> Iterator[sqlite3.Connection]:
        """A connection to a bot's archive that sees one committed moment. Raises Problem, ArchiveError."""
        with self.reader(bot).reading() as connection:
            yield connection

    def close(self) -> None:
        """Close every connection."""
        for reader in self._readers.values():
            reader.close()
