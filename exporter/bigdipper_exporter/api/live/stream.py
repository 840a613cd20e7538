"""What one client of the live channel is sent: events of its channels, heartbeats, and a notice where events are lost."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bigdipper_exporter.api.archives import Archives
from bigdipper_exporter.api.live.events import GAP, Encoded, notice
from bigdipper_exporter.api.live.feed import Feed
from bigdipper_exporter.api.problems import Problem

HEARTBEAT_SECONDS = 30.0
SLOW_SECONDS = 10.0  # a client that takes longer to accept an event is dropped
MOST_CLIENTS = 100
LOST = "changes were lost in between: ask the endpoints for what you need, and go on from here"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message: its place for `since`, the kind of event and its JSON."""

    seq: int
    event: str
    json: str


@dataclass
class Subscription:
    """The channels of one client; they may change while it is connected."""

    channels: Collection[str]


@dataclass
class Live:
    """The feeds of all archives and the number of clients; one per process, used on the event loop's thread."""

    archives: Archives
    heartbeat: float = HEARTBEAT_SECONDS
    clients: int = 0
    _feeds: dict[str, Feed] = field(default_factory=dict)

    def feed(self, bot: str | None) -> Feed:
        """The feed of a bot. Raises Problem for an unknown name."""
        name = self.archives.name(bot)
        if name not in self._feeds:
            self._feeds[name] = Feed(self.archives.reader(name))
        return self._feeds[name]

    @contextmanager
    def client(self) -> Iterator[None]:
        """Count a client. Raises Problem when there are too many."""
        if self.clients >= MOST_CLIENTS:
            raise Problem(503, f"{MOST_CLIENTS} clients are connected already", headers={"Retry-After": "30"})
        self.clients += 1
        try:
            yield
        finally:
            self.clients -= 1

    async def messages(self, feed: Feed, subscription: Subscription, since: int | None) -> AsyncIterator[Outgoing]:
        """Everything for one client, without end. Call inside `feed.following()`."""
        place = await feed.place(since)
        if place.lost:
            yield Outgoing(place.seq, GAP, notice(GAP, place.seq, detail=LOST))
        yield Outgoing(place.seq, "subscribed", notice("subscribed", place.seq, channels=list(subscription.channels)))
        due = time.monotonic() + self.heartbeat
        while True:
            try:
                batch = await asyncio.wait_for(feed.after(place), max(0.0, due - time.monotonic()))
            except TimeoutError:
                yield Outgoing(place.seq, "heartbeat", notice("heartbeat", place.seq))
                due = time.monotonic() + self.heartbeat
                continue
            place = batch.place
            if place.lost:
                yield Outgoing(place.seq, GAP, notice(GAP, place.seq, detail=LOST))
            for event in self._wanted(batch.events, subscription):
                yield event
                due = time.monotonic() + self.heartbeat

    def _wanted(self, events: Collection[Encoded], subscription: Subscription) -> Iterator[Outgoing]:
        return (Outgoing(e.seq, e.channel, e.json) for e in events if e.channel in (GAP, *subscription.channels))
