"""The simulated world: market, exchange, bot, owner and broker on one clock.

    world = World(seed=1, start=..., log_path=Path("big_dipper.log"))
    world.broker.start()
    world.history(until=time.time())      # as fast as it goes
    world.live(speed=1.0, stop=event)     # and on in real time
    world.truth()                         # what a monitor must show now

The same seed, start and calls give the same log, byte for byte, and the same JSON from the broker.
"""

from __future__ import annotations

import heapq
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from bigdipper_exporter import calendar
from bigdipper_exporter.calendar import Session
from bigdipper_exporter.demo.simulator import corporate, exchange, rules
from bigdipper_exporter.demo.simulator.books import Asset
from bigdipper_exporter.demo.simulator.bot import Bot
from bigdipper_exporter.demo.simulator.botlog import BotLog
from bigdipper_exporter.demo.simulator.broker import Broker
from bigdipper_exporter.demo.simulator.control import control
from bigdipper_exporter.demo.simulator.hours import Hours, regular
from bigdipper_exporter.demo.simulator.incidents import INCIDENTS, LIVE_ROUND, NAMES, WHOLE_SHARES_ONLY, Incident
from bigdipper_exporter.demo.simulator.ledger import Ledger
from bigdipper_exporter.demo.simulator.market import STOCKS, SYMBOLS, Market
from bigdipper_exporter.demo.simulator.orders import Order
from bigdipper_exporter.demo.simulator.owner import Owner
from bigdipper_exporter.demo.simulator.tape import Tape
from bigdipper_exporter.demo.simulator.trading import ApiError
from bigdipper_exporter.demo.simulator.truth import Tally, report
from bigdipper_exporter.demo.simulator.units import Number

MINUTE = 60.0
OWNER_LOOKS_AT = 45  # minutes past the hour


def start_of_history(until: float, days: int) -> float:
    """04:00 New York of the trading day from which `days` trading days have opened up to `until` (unix seconds)."""
    day = calendar.trading_day(until)
    while True:
        days -= regular(day) is not None
        if days <= 0:
            return calendar.day_start(day)
        day -= timedelta(days=1)


class World:
    """Everything, at one simulated instant `now`. `lock` guards it against the broker's threads."""

    def __init__(
        self,
        seed: int = 1,
        start: float | None = None,
        *,
        log_path: Path | None = None,
        level: str = "INFO",
        debug_from: float = float("inf"),
        zone: str = "America/New_York",
        cash: Number = 35_000,
        incidents: Sequence[Incident] = INCIDENTS,
        broker_port: int = 0,
        broker_host: str = "127.0.0.1",
        clock: Callable[[], float] = time.time,
    ) -> None:
        begin = start if start is not None else start_of_history(clock(), 60)
        self.now = self._tick_at = begin // MINUTE * MINUTE
        self.seed, self.clock = seed, clock
        self.hours = Hours()
        self.market = Market(seed)
        assets = {s: Asset(s, STOCKS[s].exchange, fractionable=s != WHOLE_SHARES_ONLY) for s in STOCKS}
        self.ledger = Ledger(cash, seed, self.now, assets, self.hours)
        self.ledger.marks.update(self.market.marks())
        self.lock = threading.RLock()
        self.tape = Tape(self.market.symbols)
        self.tape.begin(self.market.closes(), calendar.trading_day(self.now))
        self.broker = Broker(
            self.ledger, self.time, lock=self.lock, port=broker_port, host=broker_host, remember=1000, tape=self.tape
        )
        self.broker.control = partial(control, self.trigger)
        self.owner = Owner(self.ledger, self.market)
        self.tally = Tally()
        self.log = BotLog(log_path, zone, level)
        self._debug_from = debug_from
        self.no_fills_before = 0.0
        self._chance = random.Random(f"exchange {seed}")
        self._failures: dict[str, ApiError] = {}
        self._scripts: list[tuple[float, int, Iterator[float]]] = []
        self._script_count = 0
        self._incidents = incidents
        self._live_since: float | None = None
        self._epoch: tuple[float, float, float] | None = None  # real time, simulated time, speed while live
        self._day = calendar.trading_day(self.now) - timedelta(days=1)
        self._day_number = -1
        self._session: Session = "closed"
        self._last_order = 0.0
        self._bots = 0
        self.ex_dates: dict[date, list[Callable[[], None]]] = {}  # what happens on the morning of a trading day
        self.bot_config: Path | None = None  # what the bot reads at each start; None: it runs with the published settings
        self.start_bot()

    # -- time -------------------------------------------------------------------------------------------------------

    def time(self) -> float:
        """The broker's clock: simulated time, running while live."""
        if self._epoch is None:
            return self.now
        real, simulated, speed = self._epoch
        return simulated + (self.clock() - real) * speed

    def step(self) -> None:
        """One simulated minute."""
        self.run_until(self.now + MINUTE)

    def run_until(self, until: float) -> None:
        """Everything that happens up to `until`, in order: the minute's prices, then scripts, then the bot."""
        while True:
            script_at = self._scripts[0][0] if self._scripts else float("inf")
            bot_at = self.bot.wake_at if not self.bot.stopped else float("inf")
            at = min(self._tick_at, script_at, bot_at)
            if at > until:
                break
            with self.lock:
                self.now = at
                if at == self._tick_at:
                    self._tick()
                    self._tick_at += MINUTE
                elif at == script_at:
                    self._continue(heapq.heappop(self._scripts)[2])
                else:
                    self.bot.cycle()
        self.now = max(self.now, until)

    def history(self, until: float, progress: Callable[[float], None] = lambda share: None) -> None:
        """Run up to `until` as fast as possible; `progress` hears the share done, about once a simulated day."""
        begin = self.now
        while self.now < until:
            self.run_until(min(self.now + 86_400, until))
            progress((self.now - begin) / (until - begin) if until > begin else 1.0)

    def live(self, speed: float = 1.0, stop: threading.Event | None = None, market_open_now: bool = False) -> None:
        """Go on in real time (or `speed` times it) until `stop` is set; meant for a thread of its own.

        At speed 1 a world whose history ends now stays on real time; missed seconds are caught up. With
        `market_open_now` the exchange is open from here on, day and night: see `Hours`.
        """
        stop = stop if stop is not None else threading.Event()
        with self.lock:
            real = self.clock()
            if speed == 1.0 and 0 <= real - self.now < 600:
                self.run_until(real)
            self._epoch = (real, self.now, speed)
            self._live_since = self.now
            if market_open_now:
                self.hours.always_open_from = self.now
            for incident in self._incidents:
                if incident.live is not None:
                    self._schedule(incident, self.now + incident.live * MINUTE)
        try:
            while not stop.wait(max(0.02, min(0.5, 1.0 / speed))):
                self.run_until(self.time())
        finally:
            self._epoch = None

    # -- the minute and the day -------------------------------------------------------------------------------------

    def _tick(self) -> None:
        session, day = self.session(), calendar.trading_day(self.now)
        before, self._session = self._session, session
        if before == "regular" and (session != "regular" or day != self._day):
            self.ledger.close_day(self._day)
            self.market.close_day()
        exchange.expire(self.ledger, self.now)
        if session != "closed" and day != self._day:
            self._open_day(day)
        if session == "closed":
            return
        self.market.minute(session)
        self.ledger.marks.update(self.market.marks())
        self.tape.add(self.now, day, self.market.cents, session == "regular")
        if session == before:  # the first prices of a session are quotes, the first fills come a minute later
            exchange.match(self.ledger, self.market, session, self.now, self._chance)
        if self.now // MINUTE % 60 == OWNER_LOOKS_AT:
            self.owner.look_after(session, self.now)

    def _open_day(self, day: date) -> None:
        self._day = day
        self._day_number += 1
        if self.now >= self._debug_from:
            self.log.set_level("DEBUG")
        if self.ledger.days:
            self.ledger.open_day(day, self.now)
            self.market.open_day()
            self.ledger.marks.update(self.market.marks())
        for happen in self.ex_dates.pop(day, []):
            happen()
        corporate.pay_quarterly(self, day, self._day_number)
        hours = regular(day)
        if self._live_since is None and hours is not None:
            for incident in self._incidents:
                if incident.due(self._day_number):
                    self._schedule(incident, hours.open + incident.at * MINUTE)

    # -- incidents --------------------------------------------------------------------------------------------------

    def trigger(self, name: str) -> bool:
        """Let an incident of the table happen now, once; False where it cannot, because the exchange is closed."""
        for incident in INCIDENTS:
            if incident.name == name:
                with self.lock:
                    is_begun = self._begin(incident)
                    if is_begun:
                        self._continue(incident.script(self))
                    return is_begun
        raise ValueError(f"unknown incident {name!r}: use one of {', '.join(NAMES)}")

    def _schedule(self, incident: Incident, at: float) -> None:
        self._script_count += 1
        heapq.heappush(self._scripts, (at, self._script_count, self._script(incident)))

    def _script(self, incident: Incident) -> Iterator[float]:
        while True:
            if self._begin(incident):
                yield from incident.script(self)
            if self._live_since is None or incident.live is None:
                return
            yield LIVE_ROUND * MINUTE

    def _begin(self, incident: Incident) -> bool:
        """Record the begin of an incident; False where it cannot happen now, because the exchange is closed."""
        if self.session() != "regular":
            return False
        self.tally.incidents.append((self.now, incident.name))
        return True

    def _continue(self, script: Iterator[float]) -> None:
        wait = next(script, None)
        if wait is not None:
            self._script_count += 1
            heapq.heappush(self._scripts, (self.now + wait, self._script_count, script))

    def quiet_symbol(self) -> str:
        """A symbol near its high that is not held and that the bot may buy: the one to shock for a sure dip."""
        busy = {*self.ledger.positions, *self.bot.trader.bought_at, WHOLE_SHARES_ONLY}
        free = [s for s in SYMBOLS if s not in busy] or list(SYMBOLS)
        return max(free, key=self.market.dip)

    def fail(self, endpoint: str, status: int, body: str) -> None:
        """Let the bot's calls of an endpoint ("*": all) fail until `mend`."""
        self._failures[endpoint] = ApiError(status, body)

    def mend(self, endpoint: str) -> None:
        self._failures.pop(endpoint, None)

    def stop_bot(self) -> None:
        """Ctrl-C; nothing where it does not run."""
        if not self.bot.stopped:
            self.bot.shut_down(self.now)

    def start_bot(self) -> None:
        """Start the bot with its config.py as it is now; it stays down, as the real one does, when Python refuses the file."""
        try:
            settings = rules.Settings() if self.bot_config is None else rules.load(self.bot_config)
        except Exception as error:  # whatever running somebody's file may raise
            print(f"the bot does not start: {self.bot_config}: {error!r}", file=sys.stderr, flush=True)
            return
        self._bots += 1
        self.market.look_back(settings.lookback_days)
        self.bot = Bot(self, self.log, self.tally, settings, self.seed * 1000 + self._bots)
        self.bot.begin(self.now)

    # -- the bot's desk ---------------------------------------------------------------------------------------------

    def call(self, endpoint: str) -> None:
        """One request of the bot: counted, and refused while the endpoint fails."""
        allowed = self.broker.rate.take(self.now)
        failure = self._failures.get("*") or self._failures.get(endpoint)
        if failure is not None:
            raise failure
        if not allowed:
            raise ApiError(429, '{"code": 42910000, "message": "rate limit exceeded"}')

    def session(self) -> Session:
        return self.hours.session(self.now)

    def next_open(self) -> float:
        return self.hours.next_open(self.now)

    def submit(self, symbol: str, shares: float, limit: float, extended: bool) -> Order:
        self.call("orders")
        self._last_order = max(self.now, self._last_order + 0.1)
        return self.ledger.place(
            symbol, shares, limit, self._last_order, extended_hours=extended, fill_after=self.no_fills_before
        )

    # -- the end ----------------------------------------------------------------------------------------------------

    def truth(self) -> dict[str, Any]:
        """What a monitor must show now, from the simulator's own books: see `truth.report`."""
        with self.lock:
            return report(self.tally, self.ledger, self.now)

    def close(self) -> None:
        """Stop the broker and close the log."""
        self.broker.stop()
        self.log.close()
