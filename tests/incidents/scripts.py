"""What is done to the laboratory in each incident: scripts that yield the minutes to wait until their next step."""

import os
from collections.abc import Callable, Iterator

from bigdipper_exporter.demo.simulator import ledger
from tests.incidents.laboratory import BOT, MINUTE, Laboratory

Script = Callable[[Laboratory], Iterator[float]]
ANSWER_500 = '{"code": 50010000, "message": "internal server error"}'


def lasting(minutes: float) -> Iterator[float]:
    """Let an incident last."""
    yield minutes


# ---- the bot ----
def killed(lab: Laboratory) -> Iterator[float]:
    lab.kill_bot()
    yield 20
    lab.world.start_bot()
    yield 10


def stopped_for(minutes: float, after: float) -> Script:
    """The bot is stopped by Ctrl-C, and started again."""

    def script(lab: Laboratory) -> Iterator[float]:
        lab.world.stop_bot()
        yield minutes
        lab.world.start_bot()
        yield after

    return script


stopped = stopped_for(20, after=10)
upgraded = stopped_for(3, after=20)


def hangs(lab: Laboratory) -> Iterator[float]:
    """A helper thread of the bot goes on writing."""
    lab.kill_bot()
    for _ in range(20):
        lab.world.log.at(lab.now)
        lab.world.log.info("Heartbeat: websocket connected")
        lab.world.log.flush()
        yield 1
    lab.world.start_bot()
    yield 10


def failing(endpoint: str) -> Script:
    """The bot's calls of one endpoint fail; the monitor's do not."""

    def script(lab: Laboratory) -> Iterator[float]:
        lab.world.fail(endpoint, 500, ANSWER_500)
        yield 30
        lab.world.mend(endpoint)
        yield 25

    return script


def sometimes(lab: Laboratory) -> Iterator[float]:
    for _ in range(20):
        lab.world.fail("clock", 500, ANSWER_500)
        yield 1
        lab.world.mend("clock")
        yield 2
    yield 20


def one_of_eight(lab: Laboratory) -> Iterator[float]:
    """Seven cycles break off, then one completes, and so on for an hour."""
    bot = lab.world.bot
    plain = bot._run

    def seldom(start: float, end: float) -> bool:
        if bot.number % 8:
            lab.world.fail("clock", 500, ANSWER_500)
        else:
            lab.world.mend("clock")
        return plain(start, end)

    bot._run = seldom  # type: ignore[method-assign]
    yield 60
    bot._run = plain  # type: ignore[method-assign]
    lab.world.mend("clock")
    yield 20


def one_bad_minute(lab: Laboratory) -> Iterator[float]:
    lab.world.fail("clock", 500, ANSWER_500)
    yield 1
    lab.world.mend("clock")
    yield 20


def slow(lab: Laboratory) -> Iterator[float]:
    """Cycles take 50 to 54 s."""
    bot = lab.world.bot
    plain = bot._sleep_until

    def longer(ts: float) -> None:
        plain(ts)
        bot.wake_at += 48.0

    bot._sleep_until = longer  # type: ignore[method-assign]
    yield 45
    bot._sleep_until = plain  # type: ignore[method-assign]
    yield 25


def crash_loop(lab: Laboratory) -> Iterator[float]:
    for _ in range(4):
        lab.kill_bot()
        yield 3
        lab.world.start_bot()
        yield 5
    yield 65


def reboot(lab: Laboratory) -> Iterator[float]:
    """Bot, exporter, Prometheus and Alertmanager are gone for three minutes."""
    lab.kill_bot()
    lab.kill_exporter()
    lab.names = ()
    yield 3
    lab.names = (BOT,)
    lab.start_exporter()
    yield 1
    lab.world.start_bot()
    yield 20


# ---- the log ----
def renamed(lab: Laboratory) -> Iterator[float]:
    """logrotate with `create`: the bot goes on in the renamed file until it is restarted."""
    log = lab.world.log
    assert log.path is not None
    log.path.rename(log.path.with_name("big_dipper.log.1"))
    log.path.touch()
    os.utime(log.path, (lab.now, lab.now))
    lab.written = log.path.with_name("big_dipper.log.1")
    yield 25


def copied(lab: Laboratory) -> Iterator[float]:
    lab.world.log.copytruncate()
    yield 20


def log_gone(lab: Laboratory) -> Iterator[float]:
    path = lab.exporter.log
    away = path.with_name("elsewhere")
    path.rename(away)
    lab.written = away
    yield 15
    away.rename(path)
    lab.written = path
    yield 20


# ---- the disk ----
def disk_full(lab: Laboratory) -> Iterator[float]:
    with lab.full_disk():
        yield 20
    yield 25


# ---- the broker ----
def network_down_for(minutes: float, after: float) -> Script:
    """Neither bot nor exporter reaches the broker."""

    def script(lab: Laboratory) -> Iterator[float]:
        lab.world.fail("*", 0, "Connection refused")
        lab.world.broker.stop()
        yield minutes
        lab.world.broker.start()
        lab.world.mend("*")
        yield after

    return script


network_down = network_down_for(30, after=20)


def answers(status: int, body: str, minutes: float, after: float = 20) -> Script:
    """The broker answers this to bot and exporter for so many minutes."""

    def script(lab: Laboratory) -> Iterator[float]:
        lab.world.fail("*", status, body)
        lab.world.broker.faults.set("*", str(status))
        yield minutes
        lab.world.mend("*")
        lab.world.broker.faults.clear("*")
        yield after

    return script


short_outage = answers(503, ANSWER_500, 5)
errors = answers(503, ANSWER_500, 35)
keys_rejected = answers(401, '{"message": "unauthorized."}', 30, after=50)


def one_endpoint(lab: Laboratory) -> Iterator[float]:
    lab.world.broker.faults.set("activities", "500")
    yield 30
    lab.world.broker.faults.clear("activities")
    yield 15


def budget(lab: Laboratory) -> Iterator[float]:
    """Another program uses the account's request budget up."""
    rate = lab.world.broker.rate
    plain = rate.headers
    rate.headers = lambda: plain() | {"X-Ratelimit-Remaining": "12"}  # type: ignore[method-assign]
    yield 20
    rate.headers = plain  # type: ignore[method-assign]
    yield 20


# ---- margin and portfolio ----
def brake(minutes: float) -> Script:
    """The owner withdraws cash, and the leverage passes the brake; later the money comes back."""

    def script(lab: Laboratory) -> Iterator[float]:
        amount = lab.world.ledger.equity() * 6 // 100
        lab.world.ledger.book("CSW", -amount, lab.now, "ACH withdrawal")
        yield minutes
        lab.world.ledger.book("CSD", amount, lab.now, "ACH deposit")
        yield 25

    return script


def brake_twice(lab: Laboratory) -> Iterator[float]:
    """The bot dies under the brake; while it is dead the money comes back. Later the leverage passes the brake again."""
    amount = lab.world.ledger.equity() * 6 // 100
    lab.world.ledger.book("CSW", -amount, lab.now, "ACH withdrawal")
    yield 10
    lab.kill_bot()
    yield 25
    lab.world.ledger.book("CSD", amount, lab.now, "ACH deposit")
    lab.world.start_bot()
    yield 20
    lab.world.ledger.book("CSW", -amount, lab.now, "ACH withdrawal")
    yield 5


def margin_call(lab: Laboratory) -> Iterator[float]:
    """The broker asks for more margin than the account has."""
    lab.patch.setattr(ledger, "MAINTENANCE_MARGIN", 92)
    yield 25
    lab.patch.setattr(ledger, "MAINTENANCE_MARGIN", 30)
    yield 25


def leveraged_crash(lab: Laboratory) -> Iterator[float]:
    lab.crash(-0.12)
    yield 40


def position_crash(lab: Laboratory) -> Iterator[float]:
    symbol = max(lab.world.ledger.positions, key=lab.world.ledger.value)
    lab.crash(-0.38, symbol)
    yield 30


def overnight(lab: Laboratory) -> Iterator[float]:
    """At 04:00 the market opens 8 % down."""
    lab.crash(-0.08)
    yield 40


def day_crash(lab: Laboratory) -> Iterator[float]:
    lab.crash(-0.13)
    yield 40


# ---- orders ----
def by_hand(lab: Laboratory) -> Iterator[float]:
    symbol = lab.world.owner.free()[0]
    lab.world.owner.sell(symbol, lab.now, part=0.5)
    yield 30


def simulated(script: Callable[..., Iterator[float]], after: float) -> Script:
    """An incident of the simulator."""

    def run(lab: Laboratory) -> Iterator[float]:
        for wait in script(lab.world):
            yield wait / MINUTE
        yield after

    return run


# ---- the monitor ----
def exporter_killed(lab: Laboratory) -> Iterator[float]:
    lab.kill_exporter()
    yield 15
    lab.start_exporter()
    yield 15


def exporter_restarted(lab: Laboratory) -> Iterator[float]:
    lab.kill_exporter()
    lab.start_exporter()
    yield 20


def exporter_stalled(lab: Laboratory) -> Iterator[float]:
    lab.stalled_since = lab.now
    yield 10
    lab.stalled_since = None
    yield 15


def clock_wrong(lab: Laboratory) -> Iterator[float]:
    """The machine's clock is ten minutes behind the broker's."""
    lab.world.broker.clock = lambda: lab.timing.time() + 600
    yield 40
    lab.world.broker.clock = lab.timing.time
    yield 25


def prometheus_dead(lab: Laboratory) -> Iterator[float]:
    lab.kill_bot()
    yield 60
    lab.world.start_bot()
    yield 15


def fleet(lab: Laboratory) -> Iterator[float]:
    """Three exporters on one machine that is gone."""
    lab.kill_exporter()
    yield 20
    lab.start_exporter()
    yield 15


def nothing(minutes: float) -> Script:
    """An ordinary time."""
    return lambda lab: lasting(minutes)
