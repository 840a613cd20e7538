"""Times of the log's lines as unix seconds."""

import re
import time
from collections.abc import Callable
from datetime import datetime, tzinfo

from bigdipper_exporter.durations import DAY

MINUTE = re.compile(rb"20(?:1[5-9]|[2-9]\d)-\d\d-\d\d \d\d:\d\d:")
SECONDS = {b"%02d" % second: float(second) for second in range(60)}
MINUTES = {b"%02d:" % minute: 60.0 * minute for minute in range(60)}
ISO = re.compile(r"(20(?:1[5-9]|[2-9]\d)-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,12})?(Z|[+-]\d\d:\d\d)", re.ASCII)
# Seconds. A time so far in the future is damaged, or a clock is wrong; if it counted, every later line would look old.
AHEAD_SECONDS = 2 * DAY
# Before this time (2025-01-01) the exporter's own clock is taken to be wrong: machines without a battery start in 1970.
CLOCK_SET = 1735689600.0


class LocalTime:
    """Converts local times without a zone to unix seconds. In autumn's repeated hour, the order of lines decides."""

    def __init__(self, zone: tzinfo, clock: Callable[[], float] = time.time) -> None:
        self.zone = zone
        self._clock = clock
        self._minute, self._base = b"", 0.0
        self._hour, self._hour_base = b"", 0.0
        self.last = 0.0

    def __call__(self, stamp: bytes) -> float:
        """Return the unix seconds of `YYYY-MM-DD HH:MM:SS`. Raises ValueError for an impossible or implausible time."""
        minute, seconds = stamp[:17], SECONDS.get(stamp[17:])
        if seconds is None:
            raise ValueError(f"{stamp!r} has no second")
        if minute != self._minute or self._base + seconds < self.last - 60:
            self._base = self._start(minute)
            self._minute = minute
        self.last = ts = self._base + seconds
        return ts

    def _start(self, minute: bytes) -> float:
        seconds = MINUTES.get(minute[14:])
        if seconds is not None and minute[:14] == self._hour:
            ts = self._hour_base + seconds
            if ts >= self.last - 120:
                return self.plausible(ts)
        if not MINUTE.fullmatch(minute):
            raise ValueError(f"{minute!r} is no minute")
        local = datetime.fromisoformat(minute[:16].decode()).replace(tzinfo=self.zone)
        ts = local.timestamp()
        if ts < self.last - 120:
            # A jump back is the second pass through the repeated hour, if the zone has one here.
            ts = max(ts, local.replace(fold=1).timestamp())
        self._keep_hour(minute[:14], local)
        return self.plausible(ts)

    def _keep_hour(self, hour: bytes, local: datetime) -> None:
        """Remember the start of an hour without a clock change: its other minutes need no lookup in the zone."""
        start, end = local.replace(minute=0), local.replace(minute=59)
        offsets = {moment.replace(fold=fold).utcoffset() for moment in (start, end) for fold in (0, 1)}
        self._hour, self._hour_base = (hour, start.timestamp()) if len(offsets) == 1 else (b"", 0.0)

    def moment(self, text: str) -> float:
        """Return the unix seconds of an RFC 3339 time, with any number of decimals. Raises ValueError as above."""
        match = ISO.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is no time of a container")
        offset = match[3].replace("Z", "+00:00")
        return self.plausible(datetime.fromisoformat(match[1] + offset).timestamp() + float(match[2] or 0))

    def stamp(self, text: str) -> str:
        """Convert an ISO time with a zone to `YYYY-MM-DD HH:MM:SS` in the log's zone. Raises ValueError."""
        return f"{datetime.fromisoformat(text).astimezone(self.zone):%Y-%m-%d %H:%M:%S}"

    def plausible(self, ts: float) -> float:
        """Return `ts`, in unix seconds. Raises ValueError when it lies in the future."""
        now = self._clock()
        if ts > now + AHEAD_SECONDS and now > CLOCK_SET:
            raise ValueError(f"{ts:.0f} lies in the future")
        return ts
