"""What all handlers of events share: the bot's state, the rows to insert, the counters, and the trading day of a line."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from bigdipper_exporter import calendar
from bigdipper_exporter.archive.bot_tables import BotEventRow
from bigdipper_exporter.archive.pending import PendingDay, PendingRows
from bigdipper_exporter.counters import Counters, SymbolLabels
from bigdipper_exporter.durations import HOUR
from bigdipper_exporter.log.lines.skips import Skip
from bigdipper_exporter.log.records import Record
from bigdipper_exporter.log.rule import Event
from bigdipper_exporter.metrics import counters as m
from bigdipper_exporter.projection.state import BotState, Episode

DETAIL_LIMIT = 500


def ratio(percent: float | None) -> float | None:
    """Convert percent to a ratio: 15.0 becomes 0.15."""
    return None if percent is None else round(percent / 100, 8)


class Context:
    """The state that events change. The pipeline's thread alone uses it; `begin` is called after each commit."""

    def __init__(self, state: BotState, counters: Counters, has_order: Callable[[str], bool] = lambda _: False) -> None:
        self.state = state
        self.orders: set[str] = set()  # of the trades among `rows`
        self._has_order = has_order
        self.counters = counters
        self.episode: Episode | None = None  # of the brake: it goes on, and its row is not yet among `rows`
        self.routine_skips = RoutineSkips()
        self._labels = SymbolLabels(state.labels, counters, m.EXPORTER_LABEL_OVERFLOW)
        self._date, self._date_start, self._date_end = "", float("inf"), float("-inf")
        self.begin()

    def begin(self) -> None:
        """Begin the rows of another transaction."""
        self.rows = PendingRows()
        self.orders.clear()
        self._day: PendingDay | None = None  # of `_date`

    def date(self, ts: float) -> str:
        """Return the New York trading day of a moment (unix seconds) as YYYY-MM-DD."""
        if not self._date_start <= ts < self._date_end:
            day, self._day = calendar.trading_day(ts), None
            self._date = day.isoformat()
            self._date_start = calendar.day_start(day)
            self._date_end = calendar.day_start(day + timedelta(days=1))
        return self._date

    def label(self, symbol: str) -> str:
        """Return the label value of a symbol. A new one is remembered over restarts."""
        if symbol in self._labels.known:
            return symbol
        label = self._labels.of(symbol)
        self.state.labels = tuple(self._labels.known)
        return label

    def are_labels(self, symbols: tuple[str | None, ...]) -> bool:
        """Return whether these symbols differ and have labels of their own already. None stands for no symbol."""
        named = {*symbols} - {None}
        return len(named) + symbols.count(None) == len(symbols) and self._labels.known.keys() >= named

    def is_known(self, order_id: str | None) -> bool:
        """Return whether the order was counted before: a log may be read twice, from a copy or after a restored backup."""
        if order_id is None:
            return False
        if order_id in self.orders or self._has_order(order_id):
            return True
        self.orders.add(order_id)
        return False

    def add_to_day(self, ts: float, column: str, amount: float = 1.0) -> None:
        """Add to a sum of `daily_stats` on the trading day of `ts`. KeyError when there is no such sum."""
        if self._day is None or not self._date_start <= ts < self._date_end:
            self._day = self.rows.day(self.date(ts))
        self._day.sums[column] += amount

    def add_bot_event(self, record: Record, kind: str, cause: str, detail: str = "") -> None:
        """Insert a row of `bot_events`."""
        self.rows.put(BotEventRow(record.id, record.ts, self.date(record.ts), kind, cause, detail[:DETAIL_LIMIT]))

    def flush_routine_skips(self) -> None:
        """Turn the routine skips of this chunk into counters and hourly rows."""
        for hour, symbol, reason, count in self.routine_skips.take():
            self.counters.inc(m.SKIPS, self.label(symbol), reason, amount=count)
            self.rows.add_skips(int(hour), symbol, reason, count)


class RoutineSkips:
    """Routine skips by hour. At DEBUG they are nine lines of ten, so they are only counted until the chunk ends."""

    def __init__(self) -> None:
        self._hours: dict[float, Counter[Skip]] = {}
        self._hour, self._current = float("inf"), Counter[Skip]()

    def add(self, ts: float, skip: Skip) -> None:
        """Count one skip at `ts` (unix seconds)."""
        if not self._hour <= ts < self._hour + HOUR:
            self._hour = ts - ts % HOUR
            self._current = self._hours.setdefault(self._hour, Counter())
        self._current[skip] += 1

    def take(self) -> list[tuple[float, str, str, int]]:
        """Return (start of the hour, symbol, reason, count) of everything counted, and start again from nothing."""
        taken = [
            (hour, skip.symbol, skip.reason, count) for hour, skips in self._hours.items() for skip, count in skips.items()
        ]
        self._hours.clear()
        self._hour = float("inf")
        return taken


Kind = TypeVar("Kind", bound=Event)
Handler = Callable[[Context, Record, Kind], None]
HANDLERS: dict[type, Callable[[Context, Record, Any], None]] = {}


def handles(kind: type[Kind]) -> Callable[[Handler[Kind]], Handler[Kind]]:
    """Register the decorated function as the handler of one kind of event."""

    def register(handler: Handler[Kind]) -> Handler[Kind]:
        if kind in HANDLERS:
            raise ValueError(f"{kind.__name__} has two handlers")
        HANDLERS[kind] = handler
        return handler

    return register
