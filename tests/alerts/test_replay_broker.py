"""The samples with the broker that belongs to them, through all rules: every alert that fires is justified, and no other fires.

The stand-in broker books the orders of the log under their own ids, fills each a minute later at its price, and values the
account as the log's account lines do.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bigdipper_exporter.demo.simulator.broker import Broker
from bigdipper_exporter.demo.simulator.ledger import Ledger
from bigdipper_exporter.demo.simulator.orders import Order
from bigdipper_exporter.demo.simulator.units import cents, money
from tests.alerts import replay, rules
from tests.alerts.replay import MINUTE
from tests.alerts.test_replay import JUSTIFIED, SAMPLES
from tests.alpaca.conftest import KEY, SECRET, Timing
from tests.incidents.laboratory import Exporter
from tests.running import Monitor

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(bool(rules.missing("promtool")), reason="promtool is not installed"),
]
DEPOSIT = 20_000
# Those samples whose lines name their orders; the other two have no order ids.
LOGS = ("big_dipper_v2.17.log", "big_dipper_v2.18.log")


class WithBroker(replay.Alone):
    """The exporter, and the account that the log tells of."""

    @contextmanager
    def opened(self, folder: Path, start: float) -> Iterator[Monitor]:
        """The exporter and its broker."""
        self.ledger, self.timing = Ledger(DEPOSIT, seed=3, opened=start - 86_400), Timing(start)
        self.waiting: list[tuple[Order, int]] = []
        self.seen = 0
        with Broker(self.ledger, clock=self.timing.time) as broker:
            Exporter.timing, Exporter.with_prices = self.timing, False
            bot = Exporter(folder, alpaca_key=KEY, alpaca_secret=SECRET, alpaca_url=broker.url)
            try:
                yield bot
            finally:
                bot.close()

    def follow(self, bot: Monitor) -> None:
        """Book the minute's orders, fill those of the minute before, value the account; then the exporter asks."""
        now = self.timing.time() + MINUTE
        for order, price in self.waiting:
            self.ledger.fill(order, order.qty, price, now)
        self.waiting = []
        trades = bot.rows(f"SELECT id, symbol, quantity, price, order_id FROM trades WHERE id > {self.seen} ORDER BY id")
        for self.seen, symbol, quantity, price, order_id in trades:
            order = self.ledger.place(symbol, quantity, price, now - MINUTE / 2)
            for orders in (self.ledger.orders, self.ledger.open_orders):
                orders[order_id] = orders.pop(order.id)
            order.id = order_id
            self.waiting.append((order, cents(price)))
        self._value(bot)
        self.timing.advance(MINUTE)
        bot.catch_up()

    def _value(self, bot: Monitor) -> None:
        """Give the account the equity of the log, and its stocks the value and the profit that it says."""
        said, stocks = bot.pipeline.snapshot.bot, sum(self.ledger.sides())
        if said.equity is None:
            return
        if said.invested and stocks:
            cost = money(said.invested) - money(said.pl or 0.0)
            paid = sum(position.cost for position in self.ledger.positions.values())
            for symbol, position in self.ledger.positions.items():
                self.ledger.marks[symbol] = max(1, round(self.ledger.marks[symbol] * money(said.invested) / stocks))
                position.cost = round(position.cost * cost / paid)
        self.ledger.cash = money(said.equity) - sum(self.ledger.sides())


@pytest.mark.parametrize("log", LOGS)
def test_with_its_broker_the_same_alerts_fire_at_the_same_minutes(
    log: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = replay.fired(tmp_path, SAMPLES / log, monkeypatch, WithBroker())
    assert found == {name: at for name, (at, _) in JUSTIFIED[log].items()}
