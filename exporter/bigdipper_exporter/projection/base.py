"""What every part of the fold has: the present, the rows on their way, the counters, and the trading day of a line."""

from datetime import timedelta

from bigdipper_exporter import calendar
from bigdipper_exporter.archive.pending import PendingRows
from bigdipper_exporter.counters import Counters
from bigdipper_exporter.log.parser import Record
from bigdipper_exporter.metrics import counters as m
from bigdipper_exporter.projection.state import MAX_SYMBOLS, BotState

DETAIL_LIMIT = 500


def ratio(percent: float | None) -> float | None:
    """15.0 (percent) -> 0.15."""
    return None if percent is None else round(percent / 100, 8)


class Base:
    """See the module."""

    def __init__(self, state: BotState, counters: Counters) -> None:
        self.state = state
        self.stage = PendingRows()
        self._counters = counters
        self._labels = dict.fromkeys(state.labels, True)
        self._date, self._date_start, self._date_end = "", float("inf"), float("-inf")

    def _day(self, ts: float) -> str:
        if not self._date_start <= ts < self._date_end:
            day = calendar.trading_day(ts)
            self._date = day.isoformat()
            self._date_start = calendar.day_start(day)
            self._date_end = calendar.day_start(day + timedelta(days=1))
        return self._date

    def _label(self, symbol: str) -> str:
        if symbol in self._labels:
            return symbol
        if len(self._labels) >= MAX_SYMBOLS:
            self._counters.inc(m.EXPORTER_LABEL_OVERFLOW)
            return "other"
        self._labels[symbol] = True
        self.state.labels = tuple(self._labels)
        return symbol

    def _sum(self, ts: float, name: str, amount: float = 1.0) -> None:
        self.stage.day(self._day(ts)).sums[name] += amount

    def _log_event(self, record: Record, kind: str, cause: str, detail: str = "") -> None:
        row = (record.id, record.ts, self._day(record.ts), kind, cause, detail[:DETAIL_LIMIT])
        self.stage.put("bot_events", row)
