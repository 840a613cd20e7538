"""What goes wrong in a world, one table: when, and a script that yields the seconds to wait between its steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bigdipper_exporter.demo.simulator.market import SYMBOLS

if TYPE_CHECKING:
    from bigdipper_exporter.demo.simulator.world import World

Script = Callable[["World"], Iterator[float]]
MINUTE = 60.0


def hyphenated(name: str) -> str:
    """Return the name of an incident as the table has it, where it was typed with blanks: "cycle errors"."""
    return name.replace(" ", "-")


@dataclass(frozen=True)
class Incident:
    """In the history: every `every` trading days (0: never) from day `first` on, `at` minutes after the opening bell.

    Live, where the demo must not wait for days: `live` minutes after the start and every four hours (None: only when it is
    asked for, see `control`).
    """

    name: str
    what: str
    every: int
    first: int
    at: int
    live: float | None
    script: Script

    def due(self, day: int) -> bool:
        """Whether it happens on the n-th trading day of a history (from 0)."""
        return self.every > 0 and day >= self.first and (day - self.first) % self.every == 0


WHOLE_SHARES_ONLY = "FIGR"
LIVE_ROUND = 240  # minutes after which the live incidents begin again


def brake(world: World) -> Iterator[float]:
    """The owner buys on margin beyond the bot's brake and sells after three quarters of an hour."""
    world.market.shock(world.quiet_symbol(), -0.09)  # something to miss meanwhile: the 'score' bug at cycles 10, 20, 30
    if world.owner.stretch("SPY", 1.17, world.now) is None:
        return
    yield 45 * MINUTE
    if "SPY" in world.ledger.positions:
        world.owner.sell("SPY", world.now)


def dip(world: World) -> Iterator[float]:
    """A stock that the bot does not hold falls: in its next cycle the bot buys it."""
    world.market.shock(world.quiet_symbol(), -0.09)
    yield 0.0


def outage(world: World) -> Iterator[float]:
    """The broker is down for bot and monitor."""
    world.fail("*", 503, '{"code": 50310000, "message": "service unavailable"}')
    world.broker.faults.set("*", "503")
    yield 12 * MINUTE
    world.mend("*")
    world.broker.faults.clear("*")


def cycle_errors(world: World) -> Iterator[float]:
    """The broker's clock fails for the bot alone; it pauses longer and longer."""
    world.fail("clock", 500, '{"code": 50010000, "message": "internal server error"}')
    yield 3 * MINUTE
    world.mend("clock")


def positions_unavailable(world: World) -> Iterator[float]:
    """The bot cannot read its positions and trades nothing."""
    world.fail("positions", 500, '{"code": 50010000, "message": "internal server error"}')
    yield 4 * MINUTE
    world.mend("positions")


def wash_trade(world: World) -> Iterator[float]:
    """An opposite order: the owner's limit sell stands while the stock dips, and every buy is refused."""
    held = [s for s in world.owner.free() if s in SYMBOLS]
    if not held:
        return
    symbol = held[0]
    order = world.owner.sell(symbol, world.now, limit=round(world.market.ask(symbol) / 100 * 1.2, 2))
    world.market.shock(symbol, -0.08)
    world.bot.trader.bought_at.pop(symbol, None)
    yield 35 * MINUTE
    if order.id in world.ledger.open_orders:
        world.ledger.finish(order, "canceled", world.now)


def whole_shares(world: World) -> Iterator[float]:
    """A stock that trades in whole shares only dips for a while: the bot orders fractions of it, every minute."""
    change = -0.075 - world.market.dip(WHOLE_SHARES_ONLY)
    world.market.shock(WHOLE_SHARES_ONLY, change)
    yield 12 * MINUTE
    world.market.shock(WHOLE_SHARES_ONLY, 1 / (1 + change) - 1)


def stuck_order(world: World) -> Iterator[float]:
    """Orders that nobody fills: the bot's own cancel after 15 minutes never works."""
    world.no_fills_before = world.now + 50 * MINUTE
    world.market.shock(world.quiet_symbol(), -0.09)
    yield 10 * MINUTE
    world.no_fills_before = 0.0


def manual_sale(world: World) -> Iterator[float]:
    """The owner sells half a position: it changes without a line in the log."""
    if free := world.owner.free():
        world.owner.sell(free[0], world.now, part=0.5)
    yield 0.0


def slump(world: World) -> Iterator[float]:
    """The whole market falls: more dips than capital."""
    world.market.slump(-0.025)
    yield 0.0


def rotation(world: World) -> Iterator[float]:
    """Logrotate with copytruncate. Live only: a monitor that starts after the history must find all of it."""
    world.log.copytruncate()
    yield 0.0


def restart(world: World) -> Iterator[float]:
    """The bot is restarted: cycle numbers and cooldowns start over."""
    world.stop_bot()
    yield 2 * MINUTE
    world.start_bot()


def deposit(world: World) -> Iterator[float]:
    """Money from outside: equity rises without a profit."""
    world.ledger.book("CSD", 1_500_000_000, world.now, "ACH deposit")
    yield 0.0


def withdrawal(world: World) -> Iterator[float]:
    """Money to outside: equity falls without a loss."""
    world.ledger.book("CSW", -500_000_000, world.now, "ACH withdrawal")
    yield 0.0


INCIDENTS: tuple[Incident, ...] = (
    Incident("slump", "the market falls by 2.5 %", 19, 6, 20, 150, slump),
    Incident(
        "brake",
        "the owner buys SPY on margin for 45 minutes and trips the emergency brake; another stock falls by 9 %",
        5,
        3,
        75,
        20,
        brake,
    ),
    Incident("dip", "a stock falls by 9 %, and the bot buys it", 0, 0, 0, None, dip),
    Incident("outage", "the broker answers 503 for 12 minutes", 11, 4, 200, 100, outage),
    Incident("cycle-errors", "three minutes of cycle errors and growing pauses", 9, 2, 160, 12, cycle_errors),
    Incident("positions-unavailable", "four cycles without positions", 17, 8, 300, 118, positions_unavailable),
    Incident(
        "wash-trade",
        "a held stock falls by 8 %, and the owner's open sell order blocks the bot's buys for 35 minutes",
        4,
        1,
        100,
        4,
        wash_trade,
    ),
    Incident("stuck-order", "orders stay open beyond 15 minutes", 7, 5, 240, 80, stuck_order),
    Incident("whole-shares", "orders for fractions of a stock that has none", 8, 3, 310, 50, whole_shares),
    Incident("manual-sale", "half a position sold by hand", 6, 2, 45, 8, manual_sale),
    Incident("rotation", "the log is rotated by copytruncate", 0, 0, 0, 140, rotation),
    Incident("restart", "the bot restarts", 12, 7, 260, 130, restart),
    Incident("deposit", "the owner deposits $1,500", 20, 10, 30, None, deposit),
    Incident("withdrawal", "the owner withdraws $500", 30, 22, 30, None, withdrawal),
)
NAMES = tuple(incident.name for incident in INCIDENTS)
