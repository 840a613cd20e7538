"""Starts, stops, cycles, sessions, halts and errors of the bot."""

from bigdipper_exporter.log.lines.cycles import Cycle, CycleTook, Session
from bigdipper_exporter.log.lines.errors import Error, Halt, Pause
from bigdipper_exporter.log.lines.lifecycle import Start, Stop, Watching
from bigdipper_exporter.log.records import Record
from bigdipper_exporter.log.rule import Malformed
from bigdipper_exporter.metrics import counters as m
from bigdipper_exporter.projection import brake
from bigdipper_exporter.projection.context import Context, handles
from bigdipper_exporter.symbols import MAX_SYMBOLS, is_symbol


@handles(Start)
def start(c: Context, record: Record, event: Start) -> None:
    """The bot started."""
    state = c.state
    state.version, state.mode = event.version, event.mode.lower()
    state.running, state.started = True, record.ts
    state.begin_cycle()
    c.counters.inc(m.BOT_STARTS)
    c.add_bot_event(record, "start", state.mode, f"version {event.version}")


@handles(Watching)
def watching(c: Context, record: Record, event: Watching) -> None:
    """The bot listed the symbols that it scans."""
    symbols = [symbol.strip() for symbol in event.symbols.split(",")]
    valid = [*dict.fromkeys(s for s in symbols if is_symbol(s))]
    c.state.symbols = tuple(s for s in valid[:MAX_SYMBOLS] if c.label(s) == s)


@handles(Stop)
def stop(c: Context, record: Record, event: Stop) -> None:
    """The bot was stopped in the normal way."""
    c.state.running = False
    brake.pause(c)
    c.add_bot_event(record, "stop", "shutdown")


@handles(Cycle)
def cycle(c: Context, record: Record, event: Cycle) -> None:
    """A cycle started."""
    state = c.state
    if state.brake is not None:
        brake.end_after_silence(c, record.ts)
    state.cycle_number, state.cycle_ts, state.running = event.number, record.ts, True
    state.begin_cycle()
    c.counters.inc(m.BOT_CYCLES)
    c.add_to_day(record.ts, "cycles")


@handles(CycleTook)
def cycle_took(c: Context, record: Record, event: CycleTook) -> None:
    """A cycle ended in the normal way."""
    c.counters.observe(m.BOT_CYCLE_DURATION_SECONDS, event.seconds)


@handles(Session)
def session(c: Context, record: Record, event: Session) -> None:
    """The bot named the market session, by the time of day."""
    c.state.session = event.session
    if event.session == "closed":
        c.counters.inc(m.BOT_CLOSED_CYCLES)


@handles(Pause)
def pause(c: Context, record: Record, event: Pause) -> None:
    """The bot waits after an error; the error has its own line before this one."""


@handles(Halt)
def halt(c: Context, record: Record, event: Halt) -> None:
    """The bot does not trade in this cycle."""
    # v2.18 stumbles over its own brake report in cycles 10, 20, 30: that is still the brake.
    if c.state.braked and event.cause == "unexpected_error":
        return
    c.counters.inc(m.HALTS, event.cause)
    c.add_bot_event(record, "halt", event.cause, event.detail)


@handles(Error)
def error(c: Context, record: Record, event: Error) -> None:
    """Something failed in the bot."""
    c.counters.inc(m.BOT_ERRORS, event.kind)
    c.add_bot_event(record, "error", event.kind, event.detail)
    if event.kind == "fatal":
        c.state.running = False
        brake.pause(c)


@handles(Malformed)
def malformed(c: Context, record: Record, event: Malformed) -> None:
    """A line with a known tag or shape could not be read."""
    c.counters.inc(m.LOG_MALFORMED, event.kind)
