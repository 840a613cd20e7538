"""The laboratory: the simulated bot and broker and the real exporter, on one clock that a test moves minute by minute.

What the exporter would show at each minute is written down as series for promtool, which evaluates the repository's rules over
them with their own `for`: Prometheus cannot run faster than its clock, but its rule engine can be given the past.
"""

import os
import re
import sqlite3
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest

from bigdipper_exporter.archive.statistics import Statistics
from bigdipper_exporter.archive.store import Store
from bigdipper_exporter.botconfig.reader import BotConfig
from bigdipper_exporter.broker import polling
from bigdipper_exporter.broker_source import Broker as BrokerSource
from bigdipper_exporter.calendar import NEW_YORK
from bigdipper_exporter.demo.simulator import botconfig
from bigdipper_exporter.demo.simulator.market import SYMBOLS
from bigdipper_exporter.demo.simulator.trading import Trader
from bigdipper_exporter.demo.simulator.units import DOLLAR
from bigdipper_exporter.demo.simulator.world import World
from bigdipper_exporter.metrics.collect import Collector
from bigdipper_exporter.metrics.registry import METRICS
from bigdipper_exporter.pipeline import Pipeline, Sources
from bigdipper_exporter.price_source import Prices
from tests.alerts import rules
from tests.alpaca.conftest import KEY, SECRET, Timing
from tests.alpaca.direct import BROKERS, DirectClient
from tests.running import Monitor, Series, series

with warnings.catch_warnings():  # the SDK imports a deprecated part of websockets, once
    warnings.simplefilter("ignore", DeprecationWarning)
    import alpaca.trading.client  # noqa: F401

MINUTE = 60.0
HELD = 12  # stocks
BOT = rules.BOTS[0]
OTHERS = {
    'up{job="alertmanager",instance="alertmanager:9093"}': 1.0,
    'prometheus_notifications_errors_total{job="prometheus",instance="localhost:9090"}': 0.0,
    'prometheus_config_last_reload_successful{job="prometheus",instance="localhost:9090"}': 1.0,
    'alertmanager_config_last_reload_successful{job="alertmanager",instance="alertmanager:9093"}': 1.0,
}
READ = {name for kind in ("alert", "record") for rule in rules.rules(kind) for name in rules.metric_names(rule["expr"])}
READ |= {name for rule in rules.alerts().values() for name in re.findall(r"bigdipper_\w+", str(rule["annotations"]))}
SCRAPED = tuple(metric for metric in METRICS if any(name.startswith(metric.name) for name in READ))


class Exporter(Monitor):
    """The exporter's pipeline with its broker, prices and the bot's configuration, polling on the laboratory's time."""

    timing: Timing
    with_prices = False

    def _open(self) -> None:
        self.store = Store(self.archive)
        path, copies = self.settings.bot_config, self.settings.bot_config_copies
        config = BotConfig(path, self.store.connection, copies) if path else None
        keys = self.settings.alpaca_key
        broker = BrokerSource(self.settings, self.store.connection, lambda: None, self.timing) if keys else None
        self.sources = Sources(config=config, broker=broker)
        if self.with_prices:
            prices = Prices(self.settings, self.store, lambda: None, self.sources, self.timing)
            self.sources = Sources(config=config, broker=broker, prices=prices)
        self.pipeline = Pipeline(self.settings, self.store, self.sources)
        self.pipeline.statistics = Statistics(disk_free=40 << 30)

    def samples(self) -> Series:
        """What a scrape would see now, of what rules and messages read."""
        return series(Collector(SCRAPED, lambda: self.pipeline.snapshot).collect())

    def close(self) -> None:
        """Stop polling and give everything back."""
        for source in self.sources:
            source.close()
        super().close()


@dataclass
class Recording:
    """Series by name, one value a minute; `start` is the unix time of the first minute."""

    start: float
    minutes: int = 0
    series: dict[str, list[str]] = field(default_factory=dict)

    def add(self, values: dict[str, float]) -> None:
        """Append one minute. A series that is gone is marked stale, as Prometheus does."""
        for name in values.keys() - self.series.keys():
            self.series[name] = ["_"] * self.minutes
        for name, known in self.series.items():
            if name in values:
                moment = values[name] - self.start if "_timestamp_seconds" in name else values[name]
                known.append(f"{moment:.12g}")
            else:
                known.append("stale" if known and known[-1] not in ("_", "stale") else "_")
        self.minutes += 1


@dataclass(frozen=True)
class Setting:
    """When an incident begins (New York), and with what: days of history, leverage, keys, prices, dips to buy.

    `bots`: their names; all have the same series.
    """

    begins: str
    days: int = 1
    leverage: float = 0.9
    keys: bool = True
    prices: bool = False
    dips: bool = False
    bots: tuple[str, ...] = (BOT,)


class Laboratory:
    """One bot, its broker and its exporter at `now` (unix seconds). `written`: the file that the bot writes to."""

    def __init__(self, folder: Path, setting: Setting, patch: pytest.MonkeyPatch) -> None:
        begins = new_york(setting.begins)
        self.now = begins - setting.days * 86_400
        self.patch = patch
        if not setting.dips:
            patch.setattr(Trader, "qualifying", lambda trader: [])
        self.world = World(seed=11, start=self.now, log_path=folder / "big_dipper.log", incidents=())
        self.world.owner.look_after = lambda session, ts: None  # type: ignore[method-assign]  # nobody trades by hand
        self.world.broker.start()
        botconfig.write(folder / "config.py")
        patch.setattr(time, "time", lambda: self.now)
        patch.setattr(polling, "Client", DirectClient)
        BROKERS[self.world.broker.url] = self.world.broker
        self.others = dict(OTHERS)
        self.down, self._keys = False, setting.keys
        self.stalled_since: float | None = None
        self.names = setting.bots
        self.written = folder / "big_dipper.log"
        self.recording: Recording | None = None
        self._grown = 0
        self._invest(setting.leverage)
        self.world.run_until(begins)
        self.now = begins
        self._touch()
        self.timing = Timing(begins)
        self.world.broker.clock = self.timing.time
        Exporter.timing, Exporter.with_prices = self.timing, setting.prices
        secrets = {"alpaca_key": KEY, "alpaca_secret": SECRET} if setting.keys else {}
        self.exporter = Exporter(folder, bot_config=folder / "config.py", alpaca_url=self.world.broker.url, **secrets)

    def _touch(self) -> None:
        """Give the log the time at which the simulated bot wrote it."""
        if self.world.log.bytes != self._grown:
            self._grown = self.world.log.bytes
            os.utime(self.written, (self.now, self.now))

    def settle(self, quarters: int = 3) -> None:
        """Let the exporter read all that is there, for so many quarters of a minute, unseen by Prometheus."""
        for _ in range(quarters):
            self._minute(15)

    def _minute(self, step: float = MINUTE) -> None:
        self.now += step
        self.world.run_until(self.now)
        self._touch()
        if self.down or not self._keys:
            self.timing.jump(step)
        else:
            self.timing.advance(step)
        if not self.down and self.stalled_since is None:
            self.exporter.catch_up()
            self.exporter.catch_up()  # other sources are looked at where the log has nothing new
            self.exporter.pipeline.refresh()

    def record(self, minutes: int) -> None:
        """Let minutes pass, and write down what Prometheus scrapes."""
        recording = self.recording = self.recording or Recording(self.now)
        for _ in range(minutes):
            recording.add(self.scrape())
            self._minute()

    def scrape(self) -> dict[str, float]:
        """Every series that a rule or a message reads, with the labels of a scrape."""
        values = dict(self.others)
        with self.patch.context() as patch:
            if self.stalled_since is not None:
                hangs, real = self.now - self.stalled_since, time.monotonic
                patch.setattr(time, "monotonic", lambda: real() + hangs)
            found = {} if self.down else self.exporter.samples()
        for bot in self.names:
            scraped = (("bot", bot), ("instance", f"{bot}:10077"), ("job", "bigdipper"))
            values[named("up", scraped)] = float(not self.down)
            for (name, labels), value in found.items():
                if name in READ:
                    values[named(name, (*labels, *scraped))] = value
        return values

    def _invest(self, leverage: float) -> None:
        """Buy the same amount of a dozen stocks, at once."""
        ledger, market = self.world.ledger, self.world.market
        for symbol in SYMBOLS[:HELD]:
            price = market.cents[market.index[symbol]] / 100
            amount = leverage * ledger.equity() / DOLLAR / HELD
            ledger.trade(symbol, round(amount / price, 2), price, self.now)

    # -- what happens -------------------------------------------------------------------------------------------------

    def kill_bot(self) -> None:
        """The process is gone, and has said nothing."""
        self.world.bot.stopped = True

    def kill_exporter(self) -> None:
        """The exporter's process is gone."""
        self.down = True
        self.exporter.close()

    def start_exporter(self) -> None:
        """Start it again, on what it stored."""
        self.exporter._open()
        self.down = False

    def crash(self, change: float, symbol: str | None = None) -> None:
        """A fall that stays, of one symbol or of all."""
        market = self.world.market
        for at in [market.index[symbol]] if symbol else range(len(market.prices)):
            market.prices[at] *= 1 + change
            market.anchors[at] = market.prices[at]
        market.slump(0.0)  # rounds

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        """Every commit fails, and nothing is free."""

        @contextmanager
        def refuse() -> Iterator[sqlite3.Connection]:
            raise sqlite3.OperationalError("database or disk is full")
            yield

        store, pipeline = self.exporter.store, self.exporter.pipeline
        works: Callable[[], object] = store.transaction
        store.transaction = refuse  # type: ignore[method-assign]
        pipeline.statistics = Statistics(disk_free=0)
        try:
            yield
        finally:
            store.transaction = works  # type: ignore[method-assign,assignment]
            pipeline.statistics = Statistics(disk_free=40 << 30)

    def close(self) -> None:
        """End everything that runs."""
        if not self.down:
            self.exporter.close()
        self.world.close()


def named(name: str, labels: tuple[tuple[str, str], ...]) -> str:
    """A series as Prometheus writes it."""
    selectors = ",".join(f'{key}="{value}"' for key, value in labels)
    return f"{name}{{{selectors}}}"


def new_york(text: str) -> float:
    """The unix time of "2026-10-14 11:00"."""
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).timestamp()
