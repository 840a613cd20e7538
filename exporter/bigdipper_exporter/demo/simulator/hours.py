"""When the simulated exchange is open: as the real one, or always from a moment on (a demo on a Sunday).

Trading days come from frozen data (`nyse`); the product's calendar answers only for years that the data does not cover.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from bigdipper_exporter import calendar
from bigdipper_exporter.calendar import ONE_DAY, Session, TradingHours
from bigdipper_exporter.demo.simulator import nyse


def regular(day: date) -> TradingHours | None:
    """The regular session of the real exchange on `day`; None when it stays closed."""
    return nyse.regular(day) if nyse.knows(day) else calendar.open_close(day)


def extended(day: date) -> TradingHours | None:
    """From the first to the last of the real sessions of `day`; None when there are none."""
    return nyse.extended(day) if nyse.knows(day) else calendar.extended_hours(day)


def is_half_day(day: date) -> bool:
    """Return whether the real exchange closes at 13:00 on `day`."""
    return nyse.is_half_day(day) if nyse.knows(day) else calendar.is_half_day(day)


@dataclass
class Hours:
    """The hours of the real exchange until `always_open_from` (unix seconds); from then on every day is one regular session.

    Such a day lasts from 04:00 to 04:00 New York, like the monitor's trading day: its bell rings at 04:00.
    """

    always_open_from: float | None = None

    def pretends(self, ts: float) -> bool:
        return self.always_open_from is not None and ts >= self.always_open_from

    def session(self, ts: float) -> Session:
        if self.pretends(ts):
            return "regular"
        day = calendar.trading_day(ts)
        inner, outer = regular(day), extended(day)
        if inner is None or outer is None:
            return "closed"
        if inner.open <= ts < inner.close:
            return "regular"
        return "extended" if outer.open <= ts < outer.close else "closed"

    def trades_on(self, day: date) -> bool:
        """Whether the exchange opens on the trading day `day`."""
        if self.always_open_from is not None and day >= calendar.trading_day(self.always_open_from):
            return True
        return regular(day) is not None

    def next_open(self, ts: float) -> float:
        if self.pretends(ts):
            return self._next_bell(ts)
        return next(hours.open for hours in self._sessions_from(ts) if hours.open > ts)

    def next_close(self, ts: float) -> float:
        if self.pretends(ts):
            return self._next_bell(ts)
        return next(hours.close for hours in self._sessions_from(ts) if hours.close > ts)

    def expiry(self, ts: float, extended_too: bool) -> float:
        """When a day order placed at `ts` expires: the next end of the sessions that it may trade in."""
        if self.pretends(ts):
            return self._next_bell(ts)
        day = calendar.trading_day(ts)
        while True:
            hours = extended(day) if extended_too else regular(day)
            if hours is not None and hours.close > ts:
                return hours.close
            day += ONE_DAY

    @staticmethod
    def _sessions_from(ts: float) -> Iterator[TradingHours]:
        day = calendar.new_york_date(ts)
        while True:
            hours = regular(day)
            if hours is not None:
                yield hours
            day += ONE_DAY

    def _next_bell(self, ts: float) -> float:
        return calendar.day_start(calendar.trading_day(ts) + ONE_DAY)
