"""The fold over the log: hands every record to the method for its kind of event, and counts what all lines have in common."""

import re
from collections import Counter
from collections.abc import Callable
from operator import itemgetter
from typing import Any

from bigdipper_exporter.counters import Counters
from bigdipper_exporter.log import events as e
from bigdipper_exporter.log.parser import ParsedChunk, Record
from bigdipper_exporter.projection.lifecycle import Lifecycle
from bigdipper_exporter.projection.state import BotState, narrow
from bigdipper_exporter.projection.trading import Trading


def kind_of(event: type[e.Event]) -> str:
    """The label of an event's kind: its name in snake case."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", event.__name__).lower()


EVENTS: tuple[type[e.Event], ...] = e.Event.__args__
KINDS = {event: kind_of(event) for event in EVENTS if event is not e.Malformed}


class Projection(Lifecycle, Trading):
    """Call `add` for what was read; `stage` and the counters then hold what belongs into the transaction that stores it."""

    def __init__(self, state: BotState, counters: Counters) -> None:
        super().__init__(state, counters)
        self._handlers: dict[type[e.Event], Callable[[Record, Any], None]] = {
            event: getattr(self, f"_{kind_of(event)}") for event in EVENTS
        }

    def add(self, portion: ParsedChunk) -> None:
        """Projection what one portion of the log told."""
        inc = self._counters.inc
        inc("bigdipper_log_lines_total", (), portion.lines)
        inc("bigdipper_log_bytes_total", (), portion.size)
        for level, count in portion.levels.items():
            inc("bigdipper_log_records_total", (level,), count)
        handlers, known = self._handlers, ""
        for record in portion.records:
            _, _, event, forms = record
            if forms != known and forms:
                known = forms
                self.state.forms = narrow(self.state.forms, forms)
            handlers[type(event)](record, event)
        for kind, count in Counter(map(type, map(itemgetter(2), portion.records))).items():
            if kind is not e.Malformed:
                inc("bigdipper_log_events_total", (KINDS[kind],), count)
        self._count_routine()

    def _malformed(self, record: Record, event: e.Malformed) -> None:
        self._counters.inc("bigdipper_log_malformed_total", (event.kind,))
