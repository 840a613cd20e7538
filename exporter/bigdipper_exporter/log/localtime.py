"""Times of the log's lines as unix seconds."""

import re
import time
from collections.abc import Callable
from datetime import datetime, tzinfo

MINUTE = re.compile(rb"20(?:1[5-9]|[2-9]\d)-\d\d-\d\d \d\d:\d\d:")
SECONDS = {b"%02d" % second: float(second) for second in range(60)}
UTC = re.compile(r"(20(?:1[5-9]|[2-9]\d)-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,12})?Z", re.ASCII)
# A time so far ahead of our clock is damage, or a clock gone wrong: believed, it would outdate everything after it.
AHEAD_SECONDS = 2 * 86400.0
# Our own clock is not believed when it stands before this (2025-01-01): machines without a battery start in 1970.
CLOCK_SET = 1735689600.0


class LocalTime:
    """Local times without a zone -> unix seconds. In the hour that autumn repeats, file order decides which one is meant."""

    def __init__(self, zone: tzinfo, clock: Callable[[], float] = time.time) -> None:
        self.zone = zone
        self._clock = clock
        self._minute, self._base = b"", 0.0
        self.last = 0.0

    def __call__(self, stamp: bytes) -> float:
        """Unix seconds of `YYYY-MM-DD HH:MM:SS`. Raises ValueError when there is no such time, or it cannot be right."""
        minute, seconds = stamp[:17], SECONDS.get(stamp[17:])
        if seconds is None:
            raise ValueError(f"{stamp!r} has no second")
        if minute != self._minute or self._base + seconds < self.last - 60:
            self._base = self._start(minute)
            self._minute = minute
        self.last = ts = self._base + seconds
        return ts

    def _start(self, minute: bytes) -> float:
        if not MINUTE.fullmatch(minute):
            raise ValueError(f"{minute!r} is no minute")
        local = datetime.fromisoformat(minute[:16].decode()).replace(tzinfo=self.zone)
        ts = local.timestamp()
        if ts < self.last - 120:
            # Far back: the second pass of the repeated hour, if the zone has one here.
            ts = max(ts, local.replace(fold=1).timestamp())
        return self._plausible(ts)

    def utc(self, text: str) -> float:
        """Unix seconds of RFC 3339 UTC with any number of digits behind the point. Raises ValueError as above."""
        match = UTC.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is no time of Docker")
        return self._plausible(datetime.fromisoformat(match[1] + "+00:00").timestamp() + float(match[2] or 0))

    def stamp(self, text: str) -> str:
        """`YYYY-MM-DD HH:MM:SS` in the log's zone for an ISO time with a zone. Raises ValueError when there is no such time."""
        return f"{datetime.fromisoformat(text).astimezone(self.zone):%Y-%m-%d %H:%M:%S}"

    def _plausible(self, ts: float) -> float:
        now = self._clock()
        if ts > now + AHEAD_SECONDS and now > CLOCK_SET:
            raise ValueError(f"{ts:.0f} lies in the future")
        return ts
