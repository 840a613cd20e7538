"""The bot's life as its log tells it: starts, cycles, sessions, halts and errors."""

import re

from bigdipper_exporter.log import events as e
from bigdipper_exporter.log.parser import Record
from bigdipper_exporter.metrics import counters as m
from bigdipper_exporter.projection.base import Base
from bigdipper_exporter.projection.state import MAX_SYMBOLS


class Lifecycle(Base):
    """See the module."""

    def _start(self, record: Record, event: e.Start) -> None:
        state = self.state
        state.version, state.mode = event.version, event.mode.lower()
        state.running, state.started = True, record.ts
        self._new_cycle()
        self._counters.inc(m.BOT_STARTS)
        self._log_event(record, "start", state.mode, f"version {event.version}")

    def _watching(self, record: Record, event: e.Watching) -> None:
        symbols = [symbol.strip() for symbol in event.symbols.split(",")]
        valid = [s for s in symbols if re.fullmatch(r"[A-Z0-9./-]{1,15}", s)]
        self.state.symbols = tuple(s for s in valid[:MAX_SYMBOLS] if self._label(s) == s)

    def _stop(self, record: Record, event: e.Stop) -> None:
        self.state.running = False
        self._log_event(record, "stop", "shutdown")

    def _new_cycle(self) -> None:
        state = self.state
        state.braked, state.account_row, state.last_symbol = False, None, None
        state.opportunities = {}

    def _cycle(self, record: Record, event: e.Cycle) -> None:
        state = self.state
        state.cycle_number, state.cycle_ts, state.running = event.number, record.ts, True
        self._new_cycle()
        self._counters.inc(m.BOT_CYCLES)
        self._sum(record.ts, "cycles")

    def _cycle_took(self, record: Record, event: e.CycleTook) -> None:
        self._counters.observe(m.BOT_CYCLE_DURATION_SECONDS, event.seconds)

    def _session(self, record: Record, event: e.Session) -> None:
        self.state.session = event.session

    def _pause(self, record: Record, event: e.Pause) -> None:
        """Told by the error before it."""

    def _halt(self, record: Record, event: e.Halt) -> None:
        # v2.18 stumbles over its own brake report in cycles 10, 20, 30: that is still the brake.
        if self.state.braked and event.cause == "unexpected_error":
            return
        self._counters.inc(m.HALTS, event.cause)
        self._log_event(record, "halt", event.cause, event.detail)

    def _error(self, record: Record, event: e.Error) -> None:
        self._counters.inc(m.BOT_ERRORS, event.kind)
        self._log_event(record, "error", event.kind, event.detail)
        if event.kind == "fatal":
            self.state.running = False
