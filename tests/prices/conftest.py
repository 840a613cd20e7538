"""A stand-in data host, an archive, and a desk between them where time passes only when a test says so."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bigdipper_exporter.archive.store import Store
from bigdipper_exporter.broker import polling
from bigdipper_exporter.calendar import NEW_YORK, is_trading_day, open_close
from bigdipper_exporter.config.settings import Settings
from bigdipper_exporter.counters import Counters
from bigdipper_exporter.demo.simulator.broker import Broker
from bigdipper_exporter.demo.simulator.ledger import Ledger
from bigdipper_exporter.demo.simulator.tape import Tape
from bigdipper_exporter.pipeline import Sources
from bigdipper_exporter.price_source import Prices
from tests.alpaca.conftest import KEY, SECRET, Timing
from tests.alpaca.direct import BROKERS, DirectClient

FRIDAY = date(2025, 11, 7)
EVENING = datetime(2025, 11, 7, 17, 0, tzinfo=NEW_YORK).timestamp()
SYMBOLS = ("AMD", "NVDA", "SPY")
FIRST = date(2025, 10, 1)


def sessions(first: date, last: date) -> list[date]:
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [day for day in days if is_trading_day(day)]


def price(symbol: str, day: date, minute: int) -> int:
    """Cents: made up, and another for every symbol, day and minute."""
    return 10_000 + SYMBOLS.index(symbol) * 5_000 + (day.toordinal() * 37 + minute * 11) % 900


def tape(first: date = FIRST, last: date = FRIDAY, every: int = 30) -> Tape:
    """One price every half hour of the regular sessions."""
    made = Tape(SYMBOLS)
    for day in sessions(first, last):
        hours = open_close(day)
        assert hours is not None
        for number, minute in enumerate(range(int(hours.open), int(hours.close), 60 * every)):
            made.add(float(minute), day, [price(symbol, day, number) for symbol in SYMBOLS], True)
    return made


class Desk:
    """Price poller and archive of one exporter, in steps."""

    def __init__(self, path: Path, broker: Broker, timing: Timing, symbols: tuple[str, ...], **settings: Any) -> None:
        self.settings = Settings(alpaca_key=KEY, alpaca_secret=SECRET, alpaca_url=broker.url, **settings)
        self.timing, self.broker = timing, broker
        BROKERS[broker.url] = broker
        self.store = Store(path)
        with self.store.transaction():
            self.store.save("bot", json.dumps({"symbols": list(symbols)}))
        self.counters = Counters()
        self.counters.load(self.store.connection)
        self.source = Prices(self.settings, self.store, lambda: None, Sources(), timing)

    def turn(self) -> None:
        while self.source.pending():
            with self.store.transaction() as connection:
                self.source.write(connection, self.counters)
                self.counters.flush(connection)
            self.counters.commit()
            self.source.commit()

    def advance(self, seconds: float, step: float = 5.0) -> None:
        """Let time pass in steps, committing after each."""
        while seconds > 0:
            self.timing.advance(min(step, seconds))
            self.turn()
            seconds -= step

    def sql(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.store.connection.execute(query, values).fetchall()

    def asked(self, path: str = "/v2/stocks/bars") -> list[dict[str, str]]:
        """The queries so far."""
        return [request.query for request in self.broker.requests if request.path == path]

    def close(self) -> None:
        self.source.close()
        self.store.close()


@pytest.fixture(autouse=True)
def answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without sockets, while the data host has no fault."""
    monkeypatch.setattr(polling, "Client", DirectClient)


@pytest.fixture
def timing() -> Timing:
    return Timing(EVENING)


@pytest.fixture
def broker(timing: Timing) -> Iterator[Broker]:
    with Broker(Ledger(20_000, seed=7, opened=EVENING - 86_400), clock=timing.time, tape=tape()) as running:
        yield running


@pytest.fixture
def open_desk(tmp_path: Path, broker: Broker, timing: Timing) -> Iterator[Callable[..., Desk]]:
    desks: list[Desk] = []

    def opened(symbols: tuple[str, ...] = ("AMD", "NVDA"), **settings: Any) -> Desk:
        desks.append(Desk(tmp_path / "archive.db", broker, timing, symbols, **settings))
        return desks[-1]

    yield opened
    for desk in desks:
        desk.close()
