"""What was traded, minute by minute, and the corporate actions: the memory behind the stand-in's market data."""

from __future__ import annotations

import bisect
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from bigdipper_exporter.calendar import NEW_YORK
from bigdipper_exporter.demo.simulator.hours import regular

Json = dict[str, Any]


@dataclass(frozen=True)
class Bar:
    """Cents of one interval; `start`: its left edge in unix seconds."""

    start: float
    open: int
    high: int
    low: int
    close: int
    volume: int


def midnight(day: date) -> float:
    return datetime.combine(day, time(), NEW_YORK).timestamp()


@dataclass
class Tape:
    """Prices of `symbols` in cents, one column each. `add` takes the prices of one minute, in order of time."""

    symbols: tuple[str, ...] = ()
    minutes: list[float] = field(default_factory=list)
    prices: list[array[int]] = field(default_factory=list)
    regular_minutes: list[bool] = field(default_factory=list)
    actions: dict[str, list[Json]] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)  # new symbol -> old symbol
    unknown: set[str] = field(default_factory=set)  # symbols that fail a whole request
    before: dict[date, list[int]] = field(default_factory=dict)  # closes of the days before the first minute
    _days: dict[date, tuple[int, int]] = field(default_factory=dict)  # day -> its first minute, and the one behind its last
    _over: dict[date, list[Bar]] = field(default_factory=dict)

    def begin(self, closes: list[list[int]], first: date) -> None:
        """Take the closes of the trading days before `first`, oldest first."""
        day = first
        days: list[date] = []
        while len(days) < len(closes):
            day -= timedelta(days=1)
            if regular(day) is not None:
                days.append(day)
        self.before = dict(zip(reversed(days), closes, strict=True))

    def add(self, minute: float, day: date, cents: list[int], in_regular_session: bool) -> None:
        index = len(self.minutes)
        self.minutes.append(minute)
        self.prices.append(array("l", cents))
        self.regular_minutes.append(in_regular_session)
        self._days[day] = (self._days.get(day, (index, index))[0], index + 1)

    def column(self, symbol: str) -> int | None:
        """The column of a symbol that can be asked for; a renamed one is known by its new symbol only."""
        symbol = self.renamed.get(symbol, "" if symbol in self.renamed.values() else symbol)
        return self.symbols.index(symbol) if symbol in self.symbols else None

    def minute_bars(self, column: int, start: float, end: float) -> Iterator[Bar]:
        """Each minute opens where the one before closed."""
        first = bisect.bisect_left(self.minutes, start)
        for i in range(first, bisect.bisect_right(self.minutes, end)):
            close = self.prices[i][column]
            opened = self.prices[i - 1][column] if i else close
            yield Bar(self.minutes[i], opened, max(opened, close), min(opened, close), close, _volume(i, column))

    def daily_bars(self, column: int, start: float, end: float) -> Iterator[Bar]:
        """Regular sessions only, up to `end`; a day without one has no bar."""
        previous = None
        for day, closes in self.before.items():
            close = closes[column]
            opened = close if previous is None else previous
            previous = close
            if start <= midnight(day) and midnight(day) <= end:
                yield Bar(
                    midnight(day), opened, max(opened, close), min(opened, close), close, _volume(day.toordinal(), column)
                )
        for day in self._days:
            if start <= midnight(day) <= end and (bars := self._of_day(day, end)):
                yield bars[column]

    def _of_day(self, day: date, end: float) -> list[Bar]:
        """The bars of all columns; those of a day that is over are made once."""
        if day in self._over:
            return self._over[day]
        first, behind = self._days[day]
        traded = [i for i in range(first, behind) if self.regular_minutes[i] and self.minutes[i] <= end]
        bars = []
        if traded:
            volume = sum(_volume(i, 0) for i in traded)
            for cents in zip(*(self.prices[i] for i in traded), strict=True):
                bars.append(Bar(midnight(day), cents[0], max(cents), min(cents), cents[-1], volume))
        if behind < len(self.minutes) and end >= self.minutes[behind - 1]:
            self._over[day] = bars
        return bars

    def note(self, kind: str, symbol: str, ex_date: date, **fields: Any) -> Json:
        """Add a corporate action; `kind` is Alpaca's group without its last letter, such as forward_split."""
        number = sum(map(len, self.actions.values()))
        body = {"id": f"00000000-0000-4000-8000-{number:012d}", "symbol": symbol, "ex_date": ex_date.isoformat()}
        body |= {"process_date": ex_date.isoformat(), **fields}
        self.actions.setdefault(f"{kind}s", []).append(body)
        return body


def _volume(index: int, column: int) -> int:
    """Shares of an interval: made up, the same in every run."""
    return 1000 + (index * 7919 + column * 104729) % 9000
