"""Folds records of the log into the present, the counters and the rows of the archive: one method per kind of event."""

import re
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from operator import itemgetter
from typing import Any

from exporter import calendar
from exporter.archive.rows import Stage
from exporter.counters import Counters
from exporter.log import events as e
from exporter.log.records import Portion, Record
from exporter.state import MAX_SYMBOLS, BotState, Episode, narrow

DETAIL_LIMIT = 500
CAPITAL_REASONS = ("leverage_limit", "buying_power")


def kind_of(event: type[e.Event]) -> str:
    """The label of an event's kind: its name in snake case."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", event.__name__).lower()


EVENTS: tuple[type[e.Event], ...] = e.Event.__args__
KINDS = {event: kind_of(event) for event in EVENTS if event is not e.Malformed}


def _ratio(percent: float | None) -> float | None:
    return None if percent is None else round(percent / 100, 8)


class Fold:
    """The fold over the log. Call `add` for each portion read, then `write` inside the transaction; nothing else is kept."""

    def __init__(self, state: BotState, counters: Counters) -> None:
        self.state = state
        self.stage = Stage()
        self._counters = counters
        self._labels = dict.fromkeys(state.labels, True)
        self._handlers: dict[type[e.Event], Callable[[Record, Any], None]] = {
            event: getattr(self, f"_{kind_of(event)}") for event in EVENTS
        }
        # Routine skips by hour (unix seconds of its start), and those of the hour that lines are being read from.
        self._routine: dict[float, Counter[e.Skip]] = {}
        self._hour, self._hourly = float("inf"), Counter[e.Skip]()
        self._date, self._date_end = "", float("-inf")
        self._date_start = float("inf")

    def add(self, portion: Portion) -> None:
        """Fold what one portion of the log told."""
        inc = self._counters.inc
        inc("bigdipper_log_lines_total", (), portion.lines)
        inc("bigdipper_log_bytes_total", (), portion.size)
        for level, count in portion.levels.items():
            inc("bigdipper_log_records_total", (level,), count)
        handlers, known = self._handlers, ""
        for record in portion.records:
            _, _, event, forms = record
            if forms != known:
                # A line that cannot be read is of no form.
                known = forms or known
                self.state.forms = narrow(self.state.forms, known)
            handlers[type(event)](record, event)
        for kind, count in Counter(map(type, map(itemgetter(2), portion.records))).items():
            if kind is not e.Malformed:
                inc("bigdipper_log_events_total", (KINDS[kind],), count)
        self._count_routine()

    def _count_routine(self) -> None:
        for hour, skips in self._routine.items():
            for skip, count in skips.items():
                self._counters.inc("bigdipper_skips_total", (self._label(skip.symbol), skip.reason), count)
                self.stage.skip(int(hour), skip.symbol, skip.reason, count)
        self._routine.clear()
        self._hour = float("inf")

    def _malformed(self, record: Record, event: e.Malformed) -> None:
        self._counters.inc("bigdipper_log_malformed_total", (event.kind,))

    # -- small helpers

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
            self._counters.inc("bigdipper_exporter_label_overflow_total")
            return "other"
        self._labels[symbol] = True
        self.state.labels = tuple(self._labels)
        return symbol

    def _sum(self, ts: float, name: str, amount: float = 1.0) -> None:
        self.stage.day(self._day(ts)).sums[name] += amount

    def _log_event(self, record: Record, kind: str, cause: str, detail: str = "") -> None:
        row = (record.id, record.ts, self._day(record.ts), kind, cause, detail[:DETAIL_LIMIT])
        self.stage.put("bot_events", row)

    # -- the bot's life

    def _start(self, record: Record, event: e.Start) -> None:
        state = self.state
        state.version, state.mode = event.version, event.mode.lower()
        state.running, state.started = True, record.ts
        self._new_cycle()
        self._counters.inc("bigdipper_bot_starts_total")
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
        self._counters.inc("bigdipper_bot_cycles_total")
        self._sum(record.ts, "cycles")

    def _cycle_took(self, record: Record, event: e.CycleTook) -> None:
        self._counters.observe("bigdipper_bot_cycle_duration_seconds", (), event.seconds)

    def _session(self, record: Record, event: e.Session) -> None:
        self.state.session = event.session

    def _pause(self, record: Record, event: e.Pause) -> None:
        """Told by the error before it."""

    # -- the account

    def _account(self, record: Record, event: e.Account) -> None:
        self._release(record.ts)
        state = self.state
        state.equity, state.cash, state.account_ts = event.equity, event.cash, record.ts
        state.margin_ratio, state.leverage_ratio = _ratio(event.margin_percent), _ratio(event.leverage_percent)
        state.margin_debt = event.margin_debt
        if event.pl is not None:
            state.pl, state.pl_ratio = event.pl, _ratio(event.pl_percent)
        first = state.account_row
        ident, ts, date = first[:3] if first else (record.id, record.ts, self._day(record.ts))
        state.account_row = [
            ident, ts, date, "log", state.cycle_number, event.equity, event.cash, state.margin_ratio, state.leverage_ratio,
            event.margin_debt, event.pl, event.pl_percent, state.session,
        ]  # fmt: skip
        self.stage.put("account_history", state.account_row)
        self.stage.day(date).account(event.equity, state.margin_ratio, state.leverage_ratio)

    def _positions(self, record: Record, event: e.Positions) -> None:
        self._release(record.ts)
        self.state.positions, self.state.invested = event.stocks, event.invested
        self.state.movers = {}

    def _movers(self, record: Record, event: e.Movers) -> None:
        self.state.movers = {**self.state.movers, event.side: event.movers}

    # -- trades, opportunities, skips

    def _trade(self, record: Record, event: e.Trade) -> None:
        day = self._day(record.ts)
        symbol, label = event.symbol, self._label(event.symbol)
        self.state.trade_ts = record.ts
        self.stage.put("trades", (record.id, record.ts, day, self.state.cycle_number, *event))
        self._counters.inc("bigdipper_trades_total", (label,))
        self._counters.inc("bigdipper_trade_value_usd_total", (label,), event.total)
        self._sum(record.ts, "trades_count")
        self._sum(record.ts, "total_deployed", event.total)
        self._outcome(symbol, "submitted", None)

    def _qualified(self, record: Record, symbol: str, dip: float, price: float | None, score: float, outcome: str) -> None:
        """One row per cycle and symbol, whichever line tells of it first."""
        self.state.last_symbol = symbol
        row = self.state.opportunities.get(symbol)
        if row is None:
            row = [record.id, record.ts, self._day(record.ts), self.state.cycle_number, symbol, dip, price, score, outcome,
                   None, None, None, None]  # fmt: skip
            self.state.opportunities[symbol] = row
            self.stage.put("opportunities", row)
            self._counters.inc("bigdipper_opportunities_total", (self._label(symbol),))
            self._sum(record.ts, "opportunities")
        elif outcome != "unknown":
            self._outcome(symbol, outcome, row[9])

    def _outcome(self, symbol: str, outcome: str, reason: str | None) -> None:
        row = self.state.opportunities.get(symbol)
        if row is not None:
            row[8], row[9] = outcome, reason
            self.stage.put("opportunities", row)

    def _opportunity(self, record: Record, event: e.Opportunity) -> None:
        self._qualified(record, event.symbol, event.dip_percent, event.price, event.score, "unknown")

    def _filters(self, record: Record, event: e.Filters) -> None:
        row = self.state.opportunities.get(self.state.last_symbol or "")
        if row is not None:
            row[10:13] = event.threshold_percent, event.volatility_factor, event.size_factor
            self.stage.put("opportunities", row)

    def _scan(self, record: Record, event: e.Scan) -> None:
        self.state.scan_found = event.found
        self.stage.put("scans", (record.id, record.ts, self._day(record.ts), self.state.cycle_number, *event))

    def _skip(self, record: Record, event: e.Skip) -> None:
        symbol, reason, dip, _ = event
        row = self.state.opportunities.get(symbol)
        if reason in e.ROUTINE_REASONS:
            # At DEBUG nine lines of ten are these: sums only, turned into rows and counters once per portion.
            ts = record.ts
            if not self._hour <= ts < self._hour + 3600:
                self._hour = ts - ts % 3600
                self._hourly = self._routine.setdefault(self._hour, Counter())
            self._hourly[event] += 1
            if row is not None:
                self._outcome(symbol, "rejected", reason)
            return
        self._counters.inc("bigdipper_skips_total", (self._label(symbol), reason))
        dip = row[5] if row is not None else dip
        day = self._day(record.ts)
        detail = event.detail[:DETAIL_LIMIT]
        self.stage.put("skips", (record.id, record.ts, day, self.state.cycle_number, symbol, reason, detail, dip))
        self._counters.inc("bigdipper_missed_trades_total", (reason,))
        self._sum(record.ts, "missed_trades")
        if reason == "wash_sale_conflict":
            self._sum(record.ts, "wash_trade_rejections")
        if reason == "order_failed":
            self._counters.inc("bigdipper_bot_errors_total", ("order",))
        outcome = "capital" if reason in CAPITAL_REASONS else "too_small" if reason == "too_small" else "rejected"
        self._outcome(symbol, outcome, reason)

    def _capital_exhausted(self, record: Record, event: e.CapitalExhausted) -> None:
        self._log_event(record, "capital", "exhausted", f"{event.skipped} skipped after ${event.deployed:.2f}")

    def _left_out(self, record: Record, event: e.LeftOut) -> None:
        self._qualified(record, event.symbol, event.dip_percent, None, event.score, "capital")

    # -- the brake

    def _brake(self, record: Record, event: e.Brake) -> None:
        state, ts = self.state, record.ts
        level = _ratio(event.leverage_percent if event.leverage_percent is not None else event.margin_percent) or 0.0
        if not state.braked:
            self._counters.inc("bigdipper_halts_total", ("brake",))
        brake = state.brake
        if brake is None:
            brake = state.brake = Episode(
                record.id, ts, ts, 0.0, 1, _ratio(event.margin_percent), _ratio(event.leverage_percent), level
            )
            self._counters.inc("bigdipper_brake_episodes_total")
            self._sum(ts, "brake_events")
        else:
            self._hold(brake, ts)
            brake.cycles += 0 if state.braked else 1
            brake.peak_ratio = max(brake.peak_ratio, level)
        state.braked, state.brake_level = True, level
        self._put_brake(brake, None)

    def _hold(self, brake: Episode, ts: float) -> None:
        """Count the time since the episode was last seen, each second on its own trading day."""
        start, brake.last_seen = brake.last_seen, ts
        held = max(0.0, ts - start)
        brake.seconds += held
        self._counters.inc("bigdipper_brake_seconds_total", (), held)
        while start < ts:
            end = min(ts, calendar.day_start(calendar.trading_day(start) + timedelta(days=1)))
            self._sum(start, "brake_seconds", end - start)
            start = end

    def _put_brake(self, brake: Episode, ended: float | None) -> None:
        duration = None if ended is None else brake.seconds
        self.stage.put("brake_events", (
            brake.id, brake.started, ended, self._day(brake.started), duration, brake.cycles, brake.margin_ratio,
            brake.leverage_ratio, brake.peak_ratio, brake.margin_debt, brake.equity, brake.position_value,
            brake.reduce_usd, brake.missed, brake.last_seen,
        ))  # fmt: skip

    def _release(self, ts: float) -> None:
        """A line that only a cycle past the check prints: the only proof that the brake has let go."""
        brake = self.state.brake
        if brake is not None and not self.state.braked:
            self._hold(brake, ts)
            self._put_brake(brake, max(ts, brake.started))
            self.state.brake = None

    def _brake_detail(self, record: Record, event: e.BrakeDetail) -> None:
        brake = self.state.brake
        if brake is None or not self.state.braked:
            return
        brake.margin_debt = event.margin_debt if event.margin_debt is not None else brake.margin_debt
        brake.equity = event.equity if event.equity is not None else brake.equity
        brake.position_value = event.position_value if event.position_value is not None else brake.position_value
        brake.reduce_usd = event.reduce if event.reduce is not None else brake.reduce_usd
        self._put_brake(brake, None)

    def _missing(self, record: Record, event: e.Missing) -> None:
        if self.state.brake is not None and event.missed:
            self.state.brake.missed += event.missed
            self._put_brake(self.state.brake, None)
            self._counters.inc("bigdipper_missed_trades_total", ("missed_brake",), event.missed)

    def _missed_by_brake(self, record: Record, event: e.MissedByBrake) -> None:
        self._qualified(record, event.symbol, event.dip_percent, event.price, event.score, "missed_brake")

    def _halting(self, record: Record, event: e.Halting) -> None:
        """Three causes print it; the line before it named which."""

    # -- halts and errors

    def _halt(self, record: Record, event: e.Halt) -> None:
        # v2.18 stumbles over its own brake report in cycles 10, 20, 30: that is still the brake.
        if self.state.braked and event.cause == "unexpected_error":
            return
        self._counters.inc("bigdipper_halts_total", (event.cause,))
        self._log_event(record, "halt", event.cause, event.detail)

    def _error(self, record: Record, event: e.Error) -> None:
        self._counters.inc("bigdipper_bot_errors_total", (event.kind,))
        self._log_event(record, "error", event.kind, event.detail)
        if event.kind == "fatal":
            self.state.running = False
