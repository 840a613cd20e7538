"""Follows one archive for all its clients: notices commits, reads what changed once, and wakes who waits.

Each client has a place of its own (the last `seq` that it was sent) and reads from there at its own speed, out of the newest
events in memory or, further back, out of the archive. Nothing is queued for a client, so a slow one costs nothing.
"""

import asyncio
import sqlite3
import threading
from bisect import bisect_right
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace

from bigdipper_exporter import logs
from bigdipper_exporter.api.live.events import GAP, Encoded, encode, notice
from bigdipper_exporter.archive.queries.changes import Change, bounds, changes_after
from bigdipper_exporter.archive.reader import ArchiveReader, open_archive

LOOK_SECONDS = 0.2
KEPT = 2000  # events in memory
BATCH = 200
UNSHOWN = "a change could not be shown"

log = logs.get("api")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a client is: after the change `seq`. lost: changes before it are no longer kept. archive: of which file."""

    seq: int
    archive: int
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """Events after a place, and the place after them."""

    events: tuple[Encoded, ...]
    place: Place


class Feed:
    """Changes of one archive. All methods are for the event loop's thread; SQLite is asked in worker threads."""

    def __init__(self, reader: ArchiveReader) -> None:
        self._reader = reader
        self._kept: deque[Encoded] = deque(maxlen=KEPT)
        self._from = 0  # everything after this place is in `_kept`
        self._newest = 0
        self._archive = 0  # changes when an older archive takes the place of the one that was followed
        self._changed = asyncio.Condition()
        self._clients = 0
        self._starting = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Follow the archive while at least one client is inside. Raises ArchiveError when it cannot be read."""
        self._clients += 1
        try:
            async with self._starting:
                if self._task is None:
                    self._newest = self._from = (await asyncio.to_thread(self._bounds))[1]
                    self._kept.clear()
                    self._task = asyncio.create_task(self._follow(), name="live")
            yield
        finally:
            self._clients -= 1
            if not self._clients and self._task is not None:
                task, self._task = self._task, None
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def place(self, since: int | None) -> Place:
        """Return where a client begins that saw the change `since` last; None: at what is new."""
        archive = self._archive
        oldest, newest = await asyncio.to_thread(self._bounds)
        if since is None:
            return Place(newest, archive)
        if since > newest:  # a backup was restored
            return Place(newest, archive, lost=True)
        return Place(oldest - 1, archive, lost=True) if since < oldest - 1 else Place(since, archive)

    async def after(self, place: Place) -> Batch:
        """Wait for changes after `place` and return them; the batch is empty when they are all of deleted rows."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._archive != place.archive or self._newest > place.seq)
        if self._archive != place.archive:
            return Batch((), replace(await self.place(None), lost=True))
        if place.seq >= self._from:
            events = tuple(self._kept)
            return Batch(
                events[bisect_right(events, place.seq, key=lambda event: event.seq) :], Place(self._newest, place.archive)
            )
        begin = await self.place(place.seq)
        last, encoded = await asyncio.to_thread(self._read, begin.seq)
        return Batch(tuple(encoded), replace(begin, seq=last))

    async def _follow(self) -> None:
        versions, inode = _Versions(self._reader), -1
        try:
            while True:
                try:
                    if await asyncio.to_thread(versions.changed):
                        await self._take(inode not in (-1, versions.inode))
                        inode = versions.inode
                except Exception as error:  # the clients would get heartbeats and no events until all of them had left
                    log.warning("the live channel waits for the archive", error=error, kind=type(error).__name__)
                    versions.close()
                    await asyncio.sleep(1.0)
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            versions.close()

    async def _take(self, replaced: bool) -> None:
        """Read what was committed since the last look. replaced: another file took the archive's place."""
        while True:
            newest = (await asyncio.to_thread(self._bounds))[1]
            if replaced or newest < self._newest:  # a backup was restored: the same numbers are other changes
                replaced = False
                self._kept.clear()
                self._archive += 1
                self._newest = self._from = newest
            last, encoded = await asyncio.to_thread(self._read, self._newest)
            if last == self._newest:
                break
            for event in encoded:
                if len(self._kept) == KEPT:
                    self._from = self._kept[0].seq
                self._kept.append(event)
            self._newest = last
        async with self._changed:
            self._changed.notify_all()

    def _bounds(self) -> tuple[int, int]:
        with self._reader.reading() as connection:
            return bounds(connection)

    def _read(self, seq: int) -> tuple[int, list[Encoded]]:
        with self._reader.reading() as connection:
            last, changes = changes_after(connection, seq, BATCH)
        return last, [_encoded(change) for change in changes]


def _encoded(change: Change) -> Encoded:
    """Return the event of a change; a gap for a row that cannot be shown."""
    try:
        return encode(change)
    except Exception as error:  # one row must not end the channel for every client
        log.warning("a change cannot be shown", seq=change.seq, channel=change.channel, error=error)
        return Encoded(change.seq, GAP, notice(GAP, change.seq, detail=UNSHOWN))


class _Versions:
    """Notices commits of somebody else through a connection of its own.

    A worker thread asks; `close` may come from another one, while a question that nobody waits for any more still runs.
    """

    def __init__(self, reader: ArchiveReader) -> None:
        self._reader = reader
        self._connection: sqlite3.Connection | None = None
        self._seen = self.inode = -1
        self._lock = threading.Lock()

    def changed(self) -> bool:
        """Return whether the archive changed since the last call, or became another file. Raises ArchiveError, OSError."""
        with self._lock:
            inode = self._reader.path.stat().st_ino
            if self._connection is None or inode != self.inode:
                self._release()
                self._connection, self.inode, self._seen = open_archive(self._reader.path), inode, -1
            (version,) = self._connection.execute("PRAGMA data_version").fetchone()
            seen, self._seen = self._seen, version
            return bool(version != seen)

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        with self._lock:
            self._release()

    def _release(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
