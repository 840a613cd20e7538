"""What the bot saw and ordered: account, positions, trades, opportunities, and what it did not buy."""

from collections import Counter

from bigdipper_exporter.counters import Counters
from bigdipper_exporter.log import events as e
from bigdipper_exporter.log.parser import Record
from bigdipper_exporter.metrics import counters as m
from bigdipper_exporter.projection.base import DETAIL_LIMIT, ratio
from bigdipper_exporter.projection.brake import Braking
from bigdipper_exporter.projection.state import BotState

# What became of an opportunity that was not ordered, where it was not just rejected.
OUTCOMES = {"leverage_limit": "capital", "buying_power": "capital", "too_small": "too_small"}


class Trading(Braking):
    """See the module. An account or a positions line is also what proves that a brake has let go."""

    def __init__(self, state: BotState, counters: Counters) -> None:
        super().__init__(state, counters)
        # Routine skips by hour (unix seconds of its start), and those of the hour that lines are being read from.
        self._routine: dict[float, Counter[e.Skip]] = {}
        self._hour, self._hourly = float("inf"), Counter[e.Skip]()

    def _account(self, record: Record, event: e.Account) -> None:
        state = self.state
        if state.brake is not None:
            self._release(record.ts)
        state.equity, state.cash, state.account_ts = event.equity, event.cash, record.ts
        state.margin_ratio, state.leverage_ratio = ratio(event.margin_percent), ratio(event.leverage_percent)
        state.margin_debt = event.margin_debt
        if event.pl is not None:
            state.pl, state.pl_ratio = event.pl, ratio(event.pl_percent)
        first = state.account_row
        ident, ts, date = first[:3] if first else (record.id, record.ts, self._day(record.ts))
        state.account_row = [
            ident,
            ts,
            date,
            "log",
            state.cycle_number,
            event.equity,
            event.cash,
            state.margin_ratio,
            state.leverage_ratio,
            event.margin_debt,
            event.pl,
            event.pl_percent,
            state.session,
        ]
        self.stage.put("account_history", state.account_row)
        self.stage.day(date).account(event.equity, state.margin_ratio, state.leverage_ratio)

    def _positions(self, record: Record, event: e.Positions) -> None:
        self._release(record.ts)
        self.state.positions, self.state.invested = event.stocks, event.invested
        self.state.movers = {}

    def _movers(self, record: Record, event: e.Movers) -> None:
        self.state.movers = {**self.state.movers, event.side: event.movers}

    def _trade(self, record: Record, event: e.Trade) -> None:
        day = self._day(record.ts)
        symbol, label = event.symbol, self._label(event.symbol)
        self.state.trade_ts = record.ts
        self.stage.put("trades", (record.id, record.ts, day, self.state.cycle_number, *event))
        self._counters.inc(m.TRADES, label)
        self._counters.inc(m.TRADE_VALUE_USD, label, amount=event.total)
        self._sum(record.ts, "trades_count")
        self._sum(record.ts, "total_deployed", event.total)
        self._outcome(symbol, "submitted", None)

    def _qualified(self, record: Record, symbol: str, dip: float, price: float | None, score: float, outcome: str) -> None:
        """One row per cycle and symbol, whichever line tells of it first."""
        self.state.last_symbol = symbol
        row = self.state.opportunities.get(symbol)
        if row is None:
            row = [
                record.id,
                record.ts,
                self._day(record.ts),
                self.state.cycle_number,
                symbol,
                dip,
                price,
                score,
                outcome,
                None,
                None,
                None,
                None,
            ]
            self.state.opportunities[symbol] = row
            self.stage.put("opportunities", row)
            self._counters.inc(m.OPPORTUNITIES, self._label(symbol))
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

    def _missed_by_brake(self, record: Record, event: e.MissedByBrake) -> None:
        self._qualified(record, event.symbol, event.dip_percent, event.price, event.score, "missed_brake")

    def _filters(self, record: Record, event: e.Filters) -> None:
        row = self.state.opportunities.get(self.state.last_symbol or "")
        if row is not None:
            row[10:13] = event.threshold_percent, event.volatility_factor, event.size_factor
            self.stage.put("opportunities", row)

    def _scan(self, record: Record, event: e.Scan) -> None:
        self.state.scan_found = event.found
        self.stage.put("scans", (record.id, record.ts, self._day(record.ts), self.state.cycle_number, *event))

    def _skip(self, record: Record, event: e.Skip) -> None:
        row = self.state.opportunities.get(event.symbol)
        if event.reason in e.ROUTINE_REASONS:
            self._routine_skip(record.ts, event)
            if row is not None:
                self._outcome(event.symbol, OUTCOMES.get(event.reason, "rejected"), event.reason)
            return
        symbol, reason, dip, detail = event
        self._counters.inc(m.SKIPS, self._label(symbol), reason)
        dip = row[5] if row is not None else dip
        cycle, day = self.state.cycle_number, self._day(record.ts)
        self.stage.put("skips", (record.id, record.ts, day, cycle, symbol, reason, detail[:DETAIL_LIMIT], dip))
        self._counters.inc(m.MISSED_TRADES, reason)
        self._sum(record.ts, "missed_trades")
        if reason == "wash_sale_conflict":
            self._sum(record.ts, "wash_trade_rejections")
        if reason == "order_failed":
            self._counters.inc(m.BOT_ERRORS, "order")
        self._outcome(symbol, OUTCOMES.get(reason, "rejected"), reason)

    def _routine_skip(self, ts: float, event: e.Skip) -> None:
        """At DEBUG nine lines of ten are these: sums only, turned into rows and counters once per portion."""
        if not self._hour <= ts < self._hour + 3600:
            self._hour = ts - ts % 3600
            self._hourly = self._routine.setdefault(self._hour, Counter())
        self._hourly[event] += 1

    def _count_routine(self) -> None:
        for hour, skips in self._routine.items():
            for skip, count in skips.items():
                self._counters.inc(m.SKIPS, self._label(skip.symbol), skip.reason, amount=count)
                self.stage.skip(int(hour), skip.symbol, skip.reason, count)
        self._routine.clear()
        self._hour = float("inf")

    def _capital_exhausted(self, record: Record, event: e.CapitalExhausted) -> None:
        self._log_event(record, "capital", "exhausted", f"{event.skipped} skipped after ${event.deployed:.2f}")

    def _left_out(self, record: Record, event: e.LeftOut) -> None:
        self._qualified(record, event.symbol, event.dip_percent, None, event.score, "capital")
