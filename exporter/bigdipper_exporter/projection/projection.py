"""The fold over the log: hands every record to the method for its kind of event, and counts what all lines have in common."""

from collections import Counter
from collections.abc import Callable
from operator import itemgetter
from typing import Any

from bigdipper_exporter.counters import Counters
from bigdipper_exporter.log import events as e
from bigdipper_exporter.log.parser import OFFSET_BITS, ParsedChunk, Record
from bigdipper_exporter.metrics import counters as m
from bigdipper_exporter.projection.lifecycle import Lifecycle
from bigdipper_exporter.projection.state import MAX_DAMAGED, BotState, DamagedLine, narrow, shown
from bigdipper_exporter.projection.trading import Trading


class Projection(Lifecycle, Trading):
    """Call `add` for what was read; `stage` and the counters then hold what belongs into the transaction that stores it."""

    def __init__(self, state: BotState, counters: Counters) -> None:
        super().__init__(state, counters)
        self._handlers: dict[type[e.Event], Callable[[Record, Any], None]] = {
            event: getattr(self, f"_{e.kind_of(event)}") for event in e.EVENTS
        }

    def add(self, portion: ParsedChunk) -> None:
        """Projection what one portion of the log told."""
        inc = self._counters.inc
        inc(m.LOG_LINES, amount=portion.lines)
        inc(m.LOG_BYTES, amount=portion.size)
        for level, count in portion.levels.items():
            inc(m.LOG_RECORDS, level, amount=count)
        handlers, known = self._handlers, ""
        for record in portion.records:
            _, _, event, forms = record
            if forms != known and forms:
                known = forms
                self.state.forms = narrow(self.state.forms, forms)
            handlers[type(event)](record, event)
            if not forms:
                self._damaged(portion, record, event)
        for kind, count in Counter(map(type, map(itemgetter(2), portion.records))).items():
            if kind is not e.Malformed:
                inc(m.LOG_EVENTS, e.EVENT_KINDS[kind], amount=count)
        self._count_routine()

    def _damaged(self, portion: ParsedChunk, record: Record, event: e.Event) -> None:
        """Keep the text of a line that could not be read, among the last ten."""
        if isinstance(event, e.Malformed):
            offset = record.id & ((1 << OFFSET_BITS) - 1)
            text = shown(portion.line(record.id))
            line = DamagedLine(record.ts, portion.path, offset, event.kind, text)
            self.state.damaged = [*self.state.damaged, line][-MAX_DAMAGED:]

    def _malformed(self, record: Record, event: e.Malformed) -> None:
        self._counters.inc(m.LOG_MALFORMED, event.kind)
