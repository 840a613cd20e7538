"""Polls of an account whose every figure a test chooses, into a real archive: positions, then the account, then records."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

from bigdipper_exporter import calendar
from bigdipper_exporter.archive.broker.days import previous_trading_day
from bigdipper_exporter.archive.broker.repository import BrokerRepository
from bigdipper_exporter.archive.broker.view import BrokerView
from bigdipper_exporter.archive.store import Store
from bigdipper_exporter.broker import decode
from bigdipper_exporter.broker.models import Account, EquityPoint, Position, contract_units, is_option
from bigdipper_exporter.broker.results import Activities, Endpoint, History, PollResult, Positions
from bigdipper_exporter.calendar import NEW_YORK
from bigdipper_exporter.counters import Counters

Holdings = dict[str, tuple[float, float]]  # symbol: quantity, price


def at(clock: str, day: str = "2026-11-17") -> float:
    """Unix seconds of a time in New York; 17 November 2026 is a Tuesday."""
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=NEW_YORK).timestamp()


class Rounds:
    """An archive, and what was polled last. cash, held, last_equity: what the next rounds answer; created: of the account.

    costs: average entry prices, where a position has a profit.
    """

    def __init__(self, store: Store, cash: float, held: Holdings | None = None, created: float | None = None) -> None:
        self.store, self.counters = store, Counters()
        self.book = BrokerRepository(store.connection, True, 0.0)
        self.cash, self.held, self.created = cash, held or {}, created
        self.last_equity = self.equity
        self.adjustments: float | None = None
        self.costs: dict[str, float] = {}

    @property
    def values(self) -> dict[str, float]:
        """Market value by symbol."""
        return {symbol: quantity * price * (contract_units(symbol) or 1) for symbol, (quantity, price) in self.held.items()}

    @property
    def equity(self) -> float:
        return self.cash + sum(self.values.values())

    @property
    def view(self) -> BrokerView:
        return self.book.view

    def put(self, endpoint: Endpoint, moment: float, data: Any, side: bool = False) -> None:
        with self.store.transaction() as connection:
            self.book.write(connection, PollResult(endpoint, moment, data=data, side=side), self.counters)
        self.book.commit()

    def poll(self, clock: str, day: str = "2026-11-17", times: int = 1, every: float = 60.0) -> None:
        """Ask for positions and account so often, from `clock` on."""
        for number in range(times):
            moment = at(clock, day) + number * every
            self._positions(moment)
            self.ask_account(moment + 1)

    def _positions(self, moment: float) -> None:
        found = []
        for symbol, (quantity, price) in self.held.items():
            value, entry = self.values[symbol], self.costs.get(symbol, price)
            cost, kind = quantity * entry * (contract_units(symbol) or 1), "us_option" if is_option(symbol) else "us_equity"
            if quantity:
                found.append(Position(symbol, quantity, kind, value, cost, entry, price, value - cost, 0.0, 0.0))
        self.put("positions", moment, Positions(tuple(found)))

    def ask_account(self, moment: float) -> None:
        values = self.values.values()
        answer = Account(
            "A",
            "ACTIVE",
            self.equity,
            self.cash,
            self.last_equity,
            long_market_value=sum(v for v in values if v > 0),
            short_market_value=sum(v for v in values if v < 0),
            balance_day=previous_trading_day(calendar.trading_day(moment)),
            intraday_adjustments=self.adjustments,
            created=self.created,
        )
        self.put("account", moment, answer)

    def record(self, clock: str, day: str = "2026-11-17", **fields: Any) -> None:
        """One record of the account's history, read at that time."""
        fields = {"id": f"{fields.get('activity_type')}-{clock}-{day}"} | fields
        self.put("activities", at(clock, day), Activities((decode.activity(fields),), caught_up=True))

    def history(self, clock: str, day: str, **equities: float) -> None:
        """Portfolio history: november_13=10_000."""
        points = [EquityPoint(date(2026, 11, int(name.partition("_")[2])), equity) for name, equity in equities.items()]
        self.put("account", at(clock, day), History(tuple(points)), side=True)

    def day(self, column: str, day: str = "2026-11-17") -> Any:
        return self.store.connection.execute(f"SELECT {column} FROM daily_stats WHERE date = ?", (day,)).fetchone()[0]

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        return self.store.connection.execute(query).fetchall()

    def returns(self) -> dict[str, float]:
        return dict(self.view.chain.returns)


@contextmanager
def archive(folder: Path) -> Iterator[Store]:
    """An empty archive."""
    store = Store(folder / "archive.db")
    try:
        yield store
    finally:
        store.connection.close()
        store.close()
