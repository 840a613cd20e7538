"""A queue between a thread that asks and the main loop that writes: each result leaves it once its transaction is durable."""

import sqlite3
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from bigdipper_exporter import logs
from bigdipper_exporter.archive.savepoint import savepoint
from bigdipper_exporter.counters import Counters

# Errors that a record causes, not the archive: it will never be stored.
DATA_ERRORS = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError, sqlite3.ProgrammingError)

Result = TypeVar("Result")
# Returns a result without its records that cannot be written; None where it has none of them. The second argument tells whether
# a part of the result can be written.
Salvage = Callable[[Result, Callable[[Result], bool]], Result | None]


class _Undo(Exception):
    """Rolls back the write of a part that was only tried."""


class ResultQueue(Generic[Result]):
    """Results that wait for the next transaction. The asking thread calls `put` and `is_full`, the main loop the rest.

    `wake` rouses the main loop; `most`: while so many wait, nothing more is asked.
    """

    def __init__(self, log: logs.Log, wake: Callable[[], None], most: int) -> None:
        self._log, self._wake, self._most = log, wake, most
        self._waiting: deque[Result] = deque()
        self._writing = 0

    def put(self, result: Result) -> None:
        """Add a result, and wake the main loop."""
        self._waiting.append(result)
        self._wake()

    def is_full(self) -> bool:
        """Return whether the archive lags so far behind that nothing more should be asked."""
        return len(self._waiting) >= self._most

    def __len__(self) -> int:
        """Return how many results wait."""
        return len(self._waiting)

    def write(
        self,
        connection: sqlite3.Connection,
        counters: Counters,
        write: Callable[[sqlite3.Connection, Result, Counters], None],
        salvage: Salvage[Result] | None = None,
    ) -> None:
        """Write all results that wait; they stay until `commit`.

        One that fails is logged, and what `salvage` makes of it is written; without that it is dropped. The others go on.
        """

        def attempt(part: Result, keep: bool = True) -> bool:
            """Write `part`, and undo it unless `keep`; return whether it can be written."""
            mark = counters.savepoint()
            try:
                with savepoint(connection):
                    write(connection, part, counters)
                    if not keep:
                        raise _Undo
            except _Undo:
                counters.rollback_to(mark)
            except Exception as error:
                if isinstance(error, OSError | sqlite3.Error) and not isinstance(error, DATA_ERRORS):
                    raise  # the archive is at fault: all of it is tried again
                endpoint = getattr(part, "endpoint", type(part).__name__)
                self._log.exception("a response could not be stored; please report this", endpoint=endpoint)
                counters.rollback_to(mark)
                return False
            return True

        waiting = list(self._waiting)
        for result in waiting:
            if attempt(result) or salvage is None:
                continue
            rest = salvage(result, lambda part: attempt(part, keep=False))
            if rest is not None:
                attempt(rest)
        self._writing = len(waiting)

    def commit(self) -> None:
        """Forget what was written: it is durable."""
        for _ in range(self._writing):
            self._waiting.popleft()
        self._writing = 0
