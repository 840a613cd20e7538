"""Brake episodes. They last over many cycles, and the bot logs only that the brake holds, never that it was released."""

from dataclasses import replace
from datetime import timedelta

from bigdipper_exporter import calendar
from bigdipper_exporter.archive.bot_tables import BrakeRow
from bigdipper_exporter.log.lines.brake import Brake, BrakeDetail, Missing
from bigdipper_exporter.log.lines.errors import Halting
from bigdipper_exporter.log.records import Record
from bigdipper_exporter.metrics import counters as m
from bigdipper_exporter.projection.context import Context, handles, ratio
from bigdipper_exporter.projection.state import BotState, Episode
from bigdipper_exporter.thresholds import BRAKE_SILENCE_SECONDS


@handles(Brake)
def brake(c: Context, record: Record, event: Brake) -> None:
    """The brake holds in this cycle: an episode starts or goes on."""
    state, ts = c.state, record.ts
    level = ratio(event.leverage_percent if event.leverage_percent is not None else event.margin_percent) or 0.0
    end_after_silence(c, ts)
    if not state.braked:
        c.counters.inc(m.HALTS, "brake")
    episode = state.brake
    if episode is None:
        episode = state.brake = Episode(
            id=record.id,
            started=ts,
            last_seen=ts,
            margin_ratio=ratio(event.margin_percent),
            leverage_ratio=ratio(event.leverage_percent),
            peak_ratio=level,
            is_first=state.awaits_older_brake,
        )
        state.awaits_older_brake = False
        if not episode.is_first:
            _count(c, episode)
    else:
        _hold(c, episode, ts)
        episode.cycles += 0 if state.braked else 1
        episode.peak_ratio = max(episode.peak_ratio, level)
    state.braked, state.brake_level = True, level
    if event.limit_percent is not None:
        # Leverage 115 % and margin 15 % are the same debt.
        state.brake_limit = round(event.limit_percent / 100 - (event.leverage_percent is not None), 6)
    c.episode = episode


def release(c: Context, ts: float) -> None:
    """End the episode: a line was logged that only a cycle past the brake check prints."""
    episode = c.state.brake
    if c.state.awaits_older_brake:
        c.state.awaits_older_brake, c.state.released_ts = False, ts
    if episode is not None and not c.state.braked:
        _hold(c, episode, ts)
        _put(c, episode, ended=max(ts, episode.started))
        c.state.brake = None


def end_after_silence(c: Context, ts: float) -> None:
    """End the episode at its last line if the bot was silent for longer than BRAKE_SILENCE_SECONDS before `ts`.

    Call at the first line of a cycle, before `cycle_ts` moves. Nobody knows whether the brake held while no cycle ran.
    """
    state, episode = c.state, c.state.brake
    if episode is not None and ts - max(state.cycle_ts or 0.0, episode.last_seen) > BRAKE_SILENCE_SECONDS:
        _put(c, episode, ended=max(episode.last_seen, episode.started))
        state.brake = None


def pause(c: Context) -> None:
    """The bot was stopped: the episode ends at its last line, unless the bot comes back with the brake soon."""
    if c.state.brake is not None:
        _put(c, c.state.brake, ended=max(c.state.brake.last_seen, c.state.brake.started))


def join(c: Context, older: BotState) -> None:
    """Continue with the last episode of `older`, a log that was read beside this one: it may have gone on here, or ended."""
    state, last = c.state, older.brake
    first, released, is_unknown = state.first_brake or older.first_brake, state.released_ts, state.awaits_older_brake
    state.first_brake, state.released_ts, state.awaits_older_brake = None, None, False
    is_same = False
    if last is not None and not last.is_first:
        next_seen = first.started if first else released or state.cycle_ts or last.last_seen
        is_told = first is not None or released is not None or is_unknown
        is_same = is_told and next_seen - last.last_seen <= BRAKE_SILENCE_SECONDS
        if is_same:
            _go_on(c, last, first, released)
        else:
            _put(c, last, ended=max(last.last_seen, last.started))
    if first is not None and not is_same:
        _count(c, first)
        _replace(c, first, first)


def _go_on(c: Context, last: Episode, first: Episode | None, released: float | None) -> None:
    """Continue an episode of an older log: with the first one here, until it was released, or open as it is."""
    if first is not None:
        _hold(c, last, first.started)
        _replace(c, first, _joined(last, first))
    elif released is not None:
        _hold(c, last, released)
        _put(c, last, ended=max(released, last.started))
    else:
        c.state.brake = last


def _replace(c: Context, first: Episode, episode: Episode) -> None:
    """Insert what is known now of the first episode, which may still hold."""
    episode.is_first = False
    if c.state.brake is not None and c.state.brake.id == first.id:
        c.state.brake = episode
    _put(c, episode, first.ended)


def _joined(last: Episode, first: Episode) -> Episode:
    return replace(
        first,
        id=last.id,
        started=last.started,
        seconds=last.seconds + first.seconds,
        cycles=last.cycles + first.cycles,
        margin_ratio=last.margin_ratio,
        leverage_ratio=last.leverage_ratio,
        peak_ratio=max(last.peak_ratio, first.peak_ratio),
        margin_debt=last.margin_debt if first.margin_debt is None else first.margin_debt,
        equity=last.equity if first.equity is None else first.equity,
        position_value=last.position_value if first.position_value is None else first.position_value,
        reduce_usd=last.reduce_usd if first.reduce_usd is None else first.reduce_usd,
        missed=last.missed + first.missed,
    )


def _count(c: Context, episode: Episode) -> None:
    c.counters.inc(m.BRAKE_EPISODES)
    c.add_to_day(episode.started, "brake_events")


@handles(BrakeDetail)
def brake_detail(c: Context, record: Record, event: BrakeDetail) -> None:
    """A line of the brake's report names debt, equity, position value or the dollars to reduce."""
    episode = c.state.brake
    if episode is None or not c.state.braked:
        return
    episode.margin_debt = event.margin_debt if event.margin_debt is not None else episode.margin_debt
    episode.equity = event.equity if event.equity is not None else episode.equity
    episode.position_value = event.position_value if event.position_value is not None else episode.position_value
    episode.reduce_usd = event.reduce if event.reduce is not None else episode.reduce_usd
    if event.reduce is not None and episode.margin_debt is not None and episode.equity:
        # v2.16 and v2.17 name no limit, but the debt above it.
        c.state.brake_limit = round((episode.margin_debt - event.reduce) / episode.equity, 4)
    c.episode = episode


@handles(Missing)
def missing(c: Context, record: Record, event: Missing) -> None:
    """The brake's report says how many dips it kept the bot from buying."""
    if c.state.brake is not None and event.missed:
        c.state.brake.missed += event.missed
        c.episode = c.state.brake
        c.counters.inc(m.MISSED_TRADES, "missed_brake", amount=event.missed)
        c.add_to_day(record.ts, "missed_trades", event.missed)


@handles(Halting)
def halting(c: Context, record: Record, event: Halting) -> None:
    """Trading is halted; three causes print this line, and the line before it named the cause."""


def _hold(c: Context, episode: Episode, ts: float) -> None:
    """Count the time since the episode was last seen, each second on its own trading day."""
    start, episode.last_seen = episode.last_seen, ts
    held = max(0.0, ts - start)
    episode.seconds += held
    c.counters.inc(m.BRAKE_SECONDS, amount=held)
    while start < ts:
        end = min(ts, calendar.day_start(calendar.trading_day(start) + timedelta(days=1)))
        c.add_to_day(start, "brake_seconds", end - start)
        start = end


def flush(c: Context) -> None:
    """Insert the episode as it is at the end of a chunk: the brake logs up to five lines in each cycle."""
    if c.episode is not None:
        _put(c, c.episode)


def _put(c: Context, episode: Episode, ended: float | None = None) -> None:
    c.episode = None
    if episode.is_first:
        episode.ended, c.state.first_brake = ended, episode
        return
    row = BrakeRow(
        id=episode.id,
        started=episode.started,
        ended=ended,
        date=c.date(episode.started),
        duration_seconds=episode.seconds,
        cycles=episode.cycles,
        margin_ratio=episode.margin_ratio,
        leverage_ratio=episode.leverage_ratio,
        peak_ratio=episode.peak_ratio,
        margin_debt=episode.margin_debt,
        equity=episode.equity,
        position_value=episode.position_value,
        reduce_usd=episode.reduce_usd,
        missed_opportunities=episode.missed,
        last_seen=episode.last_seen,
    )
    c.rows.put(row)
