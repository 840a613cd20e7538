"""When the simulated exchange is open: as in life, or always from a moment on (a demo on a Sunday)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from bigdipper_exporter import calendar
from bigdipper_exporter.calendar import Session


@dataclass
class Hours:
    """The true calendar until `always_open_from` (unix seconds); from then on every day is one regular session.

    Such a day lasts from 04:00 to 04:00 New York, like the monitor's trading day: its bell rings at 04:00.
    """

    always_open_from: float | None = None

    def pretends(self, ts: float) -> bool:
        return self.always_open_from is not None and ts >= self.always_open_from

    def session(self, ts: float) -> Session:
        return "regular" if self.pretends(ts) else calendar.session(ts)

    def trades_on(self, day: date) -> bool:
        """Whether the exchange opens on the trading day `day`."""
        if self.always_open_from is not None and day >= calendar.trading_day(self.always_open_from):
            return True
        return calendar.is_trading_day(day)

    def next_open(self, ts: float) -> float:
        return self._next_bell(ts) if self.pretends(ts) else calendar.next_open(ts)

    def next_close(self, ts: float) -> float:
        return self._next_bell(ts) if self.pretends(ts) else calendar.next_close(ts)

    def expiry(self, ts: float, extended: bool) -> float:
        """When a day order placed at `ts` expires: the next end of the sessions that it may trade in."""
        if self.pretends(ts):
            return self._next_bell(ts)
        day = calendar.trading_day(ts)
        while True:
            hours = calendar.extended_hours(day) if extended else calendar.open_close(day)
            if hours is not None and hours[1] > ts:
                return hours[1]
            day += timedelta(days=1)

    def _next_bell(self, ts: float) -> float:
        return calendar.day_start(calendar.trading_day(ts) + timedelta(days=1))
