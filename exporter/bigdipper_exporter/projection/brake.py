"""Brake episodes: they last over many cycles, and the bot tells of their beginning only."""

from datetime import timedelta

from bigdipper_exporter import calendar
from bigdipper_exporter.log import events as e
from bigdipper_exporter.log.parser import Record
from bigdipper_exporter.metrics import counters as m
from bigdipper_exporter.projection.base import Base, ratio
from bigdipper_exporter.projection.state import Episode


class Braking(Base):
    """See the module."""

    def _brake(self, record: Record, event: e.Brake) -> None:
        state, ts = self.state, record.ts
        level = ratio(event.leverage_percent if event.leverage_percent is not None else event.margin_percent) or 0.0
        if not state.braked:
            self._counters.inc(m.HALTS, "brake")
        brake = state.brake
        if brake is None:
            brake = state.brake = Episode(
                record.id, ts, ts, 0.0, 1, ratio(event.margin_percent), ratio(event.leverage_percent), level
            )
            self._counters.inc(m.BRAKE_EPISODES)
            self._sum(ts, "brake_events")
        else:
            self._hold(brake, ts)
            brake.cycles += 0 if state.braked else 1
            brake.peak_ratio = max(brake.peak_ratio, level)
        state.braked, state.brake_level = True, level
        self._put_brake(brake, None)

    def _hold(self, brake: Episode, ts: float) -> None:
        """Count the time since the episode was last seen, each second on its own trading day."""
        start, brake.last_seen = brake.last_seen, ts
        held = max(0.0, ts - start)
        brake.seconds += held
        self._counters.inc(m.BRAKE_SECONDS, amount=held)
        while start < ts:
            end = min(ts, calendar.day_start(calendar.trading_day(start) + timedelta(days=1)))
            self._sum(start, "brake_seconds", end - start)
            start = end

    def _put_brake(self, brake: Episode, ended: float | None) -> None:
        duration = None if ended is None else brake.seconds
        self.stage.put(
            "brake_events",
            (
                brake.id,
                brake.started,
                ended,
                self._day(brake.started),
                duration,
                brake.cycles,
                brake.margin_ratio,
                brake.leverage_ratio,
                brake.peak_ratio,
                brake.margin_debt,
                brake.equity,
                brake.position_value,
                brake.reduce_usd,
                brake.missed,
                brake.last_seen,
            ),
        )

    def _release(self, ts: float) -> None:
        """A line that only a cycle past the check prints: the only proof that the brake has let go."""
        brake = self.state.brake
        if brake is not None and not self.state.braked:
            self._hold(brake, ts)
            self._put_brake(brake, max(ts, brake.started))
            self.state.brake = None

    def _brake_detail(self, record: Record, event: e.BrakeDetail) -> None:
        brake = self.state.brake
        if brake is None or not self.state.braked:
            return
        brake.margin_debt = event.margin_debt if event.margin_debt is not None else brake.margin_debt
        brake.equity = event.equity if event.equity is not None else brake.equity
        brake.position_value = event.position_value if event.position_value is not None else brake.position_value
        brake.reduce_usd = event.reduce if event.reduce is not None else brake.reduce_usd
        self._put_brake(brake, None)

    def _missing(self, record: Record, event: e.Missing) -> None:
        if self.state.brake is not None and event.missed:
            self.state.brake.missed += event.missed
            self._put_brake(self.state.brake, None)
            self._counters.inc(m.MISSED_TRADES, "missed_brake", amount=event.missed)

    def _halting(self, record: Record, event: e.Halting) -> None:
        """Three causes print it; the line before it named which."""
