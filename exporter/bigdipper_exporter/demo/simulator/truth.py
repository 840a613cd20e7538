"""What happened in the simulation, counted where it happened and not read back from the log."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from bigdipper_exporter.calendar import trading_day
from bigdipper_exporter.demo.simulator.ledger import Ledger
from bigdipper_exporter.demo.simulator.units import cents, money, quantity


@dataclass
class Episode:
    """A brake: unix seconds of its first line and of the line that proves its end (None while it holds)."""

    started: int
    ended: int | None = None
    cycles: int = 0


@dataclass
class Tally:
    """Counts since the start of the world. `*_by_day` are by trading day (04:00 to 04:00 New York)."""

    cycles: int = 0
    starts: int = 0
    trades: Counter[str] = field(default_factory=Counter)
    trade_value_cents: Counter[str] = field(default_factory=Counter)
    opportunities: Counter[str] = field(default_factory=Counter)
    skips: Counter[tuple[str, str]] = field(default_factory=Counter)
    halts: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    episodes: list[Episode] = field(default_factory=list)
    trades_by_day: Counter[date] = field(default_factory=Counter)
    deployed_cents_by_day: Counter[date] = field(default_factory=Counter)
    missed_by_day: Counter[date] = field(default_factory=Counter)
    incidents: list[tuple[float, str]] = field(default_factory=list)

    def trade(self, symbol: str, cents: int, ts: float) -> None:
        day = trading_day(ts)
        self.trades[symbol] += 1
        self.trade_value_cents[symbol] += cents
        self.trades_by_day[day] += 1
        self.deployed_cents_by_day[day] += cents

    def missed(self, symbol: str, reason: str, ts: float) -> None:
        """A trade that the bot wanted and did not get."""
        self.skips[symbol, reason] += 1
        self.missed_by_day[trading_day(ts)] += 1

    def brake(self, ts: float) -> None:
        """A cycle stopped by the brake at `ts`."""
        self.halts["brake"] += 1
        if not self.episodes or self.episodes[-1].ended is not None:
            self.episodes.append(Episode(int(ts)))
        self.episodes[-1].cycles += 1

    def past_the_brake(self, ts: float) -> None:
        """A cycle that got past the check at `ts`."""
        if self.episodes and self.episodes[-1].ended is None:
            self.episodes[-1].ended = int(ts)

    def brake_seconds(self, now: float) -> int:
        """All episodes together, an open one up to `now`."""
        return sum((e.ended if e.ended is not None else int(now)) - e.started for e in self.episodes)


def dollars(units: int) -> Decimal:
    return Decimal(units).scaleb(-6)


def _days(tally: Tally, ledger: Ledger) -> dict[date, dict[str, Any]]:
    fills: Counter[date] = Counter(trading_day(a.at / 1e9) for a in ledger.fills())
    first = next(iter(ledger.days), None)
    previous = money(ledger.cash_deposit)
    days = {}
    for day, closed in ledger.days.items():
        flow = closed.cash_flow - (previous if day == first else 0)
        days[day] = {
            "equity": dollars(closed.equity),
            "pl": dollars(closed.equity - previous - flow),
            "realized": dollars(closed.realized),
            "cash_flow": dollars(flow),
            "trades": tally.trades_by_day[day],
            "deployed": Decimal(tally.deployed_cents_by_day[day]).scaleb(-2),
            "missed": tally.missed_by_day[day],
            "fills": fills[day],
        }
        previous = closed.equity
    return days


def report(tally: Tally, ledger: Ledger, now: float) -> dict[str, Any]:
    """Everything a monitor must agree with at `now`. Money as `Decimal` dollars, times as unix seconds.

    `days` are closing to closing (`pl` without deposits), but their counts run from 04:00 to 04:00; skips are those
    that the log tells at its level: at INFO the missed trades only.
    """
    fills: Counter[tuple[str, str]] = Counter()
    fill_value: Counter[tuple[str, str]] = Counter()
    for activity in ledger.fills():
        key = activity.body["symbol"], activity.body["side"]
        fills[key] += 1
        fill_value[key] += quantity(activity.body["qty"]) * cents(activity.body["price"])
    long, short = ledger.sides()
    return {
        "equity": dollars(ledger.equity()),
        "cash": dollars(ledger.cash),
        "long_market_value": dollars(long),
        "short_market_value": dollars(short),
        "last_equity": dollars(ledger.last_equity),
        "leverage": (long + short) / ledger.equity(),
        "positions": {s: Decimal(p.qty).scaleb(-4) for s, p in ledger.positions.items()},
        "orders": Counter(order.status for order in ledger.orders.values()),
        "open_orders": len(ledger.open_orders),
        "fills": fills,
        "fill_value": {key: dollars(value) for key, value in fill_value.items()},
        "cycles": tally.cycles,
        "starts": tally.starts,
        "trades": tally.trades,
        "trade_value": {s: Decimal(value).scaleb(-2) for s, value in tally.trade_value_cents.items()},
        "opportunities": tally.opportunities,
        "skips": tally.skips,
        "halts": tally.halts,
        "errors": tally.errors,
        "brake_episodes": [(e.started, e.ended, e.cycles) for e in tally.episodes],
        "brake_seconds": tally.brake_seconds(now),
        "days": _days(tally, ledger),
        "incidents": list(tally.incidents),
    }
