"""The past of gauges from the archive: what scrapes would have shown, as far as the tables still know it.

A gauge begins at the time of its row and is repeated until the next one, for HOLD_SECONDS at most: a longer silence is a gap.
"""

import sqlite3
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

from bigdipper_exporter import calendar
from bigdipper_exporter.archive.queries import past
from bigdipper_exporter.archive.queries.past import AccountMoment, BrakeSpan, DayMoment, PositionMoment, PriceMoment
from bigdipper_exporter.durations import DAY
from bigdipper_exporter.log.lines.cycles import SESSIONS
from bigdipper_exporter.money import limits
from bigdipper_exporter.money.account import change_since_close, margin_debt, ratio_of_equity
from bigdipper_exporter.money.limits import LimitName
from bigdipper_exporter.projection.context import ratio
from bigdipper_exporter.thresholds import BRAKE_SILENCE_SECONDS

FINE_SECONDS, COARSE_SECONDS = 60.0, 240.0  # between samples: a panel draws a line through gaps of less than five minutes
FINE_DAYS = 7.0
HOURLY = 3600.0
HOLD_SECONDS = BRAKE_SILENCE_SECONDS

# Name of the gauge, without its beginning -> the field that it shows.
OF_LIMIT: dict[str, Callable[[limits.Distance], float | None]] = {
    "ratio": lambda distance: distance.limit,
    "level_ratio": lambda distance: distance.level,
    "distance_usd": lambda distance: distance.usd,
    "distance_ratio": lambda distance: distance.drop,
}
OF_POSITION: dict[str, Callable[[PositionMoment], float | None]] = {
    "quantity": lambda moment: moment.quantity,
    "market_value_usd": lambda moment: moment.market_value,
    "cost_basis_usd": lambda moment: moment.cost_basis,
    "unrealized_pl_usd": lambda moment: moment.unrealized_pl,
}
OF_PRICE: dict[str, Callable[[PriceMoment], float | None]] = {
    "price_usd": lambda moment: moment.close,
    "dip_trigger_price_usd": lambda moment: moment.line,
}


@dataclass(frozen=True, slots=True)
class Sample:
    """A value at a time (unix seconds)."""

    ts: float
    value: float


@dataclass(frozen=True, slots=True)
class Series:
    """One series of a metric, oldest sample first. labels: name and value of those that the exporter gives."""

    metric: str
    labels: tuple[tuple[str, str], ...]
    samples: Iterable[Sample]


@dataclass(frozen=True, slots=True)
class Span:
    """The time to make samples for: since <= ts < until."""

    since: float
    until: float

    @property
    def fine_since(self) -> float:
        """Since when samples are FINE_SECONDS apart."""
        return max(self.since, self.until - FINE_DAYS * DAY)

    def parts(self) -> tuple[tuple[float, float, float], ...]:
        """(since, until, seconds between samples) of the older and the newer part."""
        return (self.since, self.fine_since, COARSE_SECONDS), (self.fine_since, self.until, FINE_SECONDS)


def gauges(connection: sqlite3.Connection, span: Span, kept: limits.OwnLimits) -> Iterator[Series]:
    """Yield every gauge that the archive knows the past of, the series of one metric together.

    kept: the limits in force; those of the past are taken to have been the same.
    """
    log, broker = (_moments(connection, source, span) for source in ("log", "alpaca"))
    days, spans = past.day_moments(connection), past.brake_spans(connection)
    by_metric = [*_bot(log), *_account(broker, days, span)]
    by_metric += [_session(log), _brake(spans, log, span), *_limits(log, broker, kept), *_daily_profit(log, days)]
    for group in by_metric:
        yield from group
    yield from _positions(connection, span)
    yield from _prices(connection, span)


def _moments(connection: sqlite3.Connection, source: str, span: Span) -> list[AccountMoment]:
    """Account rows as dense as the samples are to be."""
    parts = (past.account_moments(connection, source, since, until, step) for since, until, step in span.parts())
    return [moment for part in parts for moment in part]


# ---- gauges


def held(points: Sequence[tuple[float, float | None]], step: float = COARSE_SECONDS) -> Iterator[Sample]:
    """Repeat each value every `step` seconds until the next point, for HOLD_SECONDS at most; None ends a value."""
    for place, (ts, value) in enumerate(points):
        if value is None:
            continue
        end = min(ts + HOLD_SECONDS, points[place + 1][0]) if place + 1 < len(points) else ts + HOLD_SECONDS
        yield Sample(ts, value)
        again = ts + step
        while again < end:
            yield Sample(again, value)
            again += step


Read = Callable[[AccountMoment], float | None]


def _gauge(metric: str, moments: Sequence[AccountMoment], read: Read, *labels: tuple[str, str]) -> Series:
    return Series(metric, labels, held([(moment.ts, read(moment)) for moment in moments]))


BOT: dict[str, Read] = {
    "bigdipper_bot_equity_usd": lambda m: m.equity,
    "bigdipper_bot_cash_usd": lambda m: m.cash,
    "bigdipper_bot_margin_ratio": lambda m: m.margin_ratio,
    "bigdipper_bot_leverage_ratio": lambda m: m.leverage_ratio,
    "bigdipper_bot_margin_debt_usd": lambda m: m.margin_debt,
    "bigdipper_bot_unrealized_pl_usd": lambda m: m.pl_dollar,
    "bigdipper_bot_unrealized_pl_ratio": lambda m: ratio(m.pl_percent),
    "bigdipper_bot_last_account_timestamp_seconds": lambda m: m.ts,
    "bigdipper_bot_cycle_number": lambda m: m.cycle_number,
}
ACCOUNT: dict[str, Read] = {
    "bigdipper_account_cash_usd": lambda m: m.cash,
    "bigdipper_account_buying_power_usd": lambda m: m.buying_power,
    "bigdipper_account_last_equity_usd": lambda m: m.last_equity,
    "bigdipper_account_long_market_value_usd": lambda m: m.long_market_value,
    "bigdipper_account_short_market_value_usd": lambda m: m.short_market_value,
    "bigdipper_account_initial_margin_usd": lambda m: m.initial_margin,
    "bigdipper_account_maintenance_margin_usd": lambda m: m.maintenance_margin,
    "bigdipper_account_margin_debt_usd": lambda m: margin_debt(m.cash),
    "bigdipper_account_margin_ratio": lambda m: m.margin_ratio,
    "bigdipper_account_leverage_ratio": lambda m: m.leverage_ratio,
    "bigdipper_account_unrealized_pl_usd": lambda m: m.pl_dollar,
    "bigdipper_account_day_pl_usd": lambda m: None if m.equity is None else change_since_close(m.equity, m.last_equity),
}


def _bot(log: Sequence[AccountMoment]) -> Iterator[list[Series]]:
    for metric, read in BOT.items():
        yield [_gauge(metric, log, read)]
    # Not repeated: the bot cycles on without an account line while the market is closed, and would seem to age.
    yield [Series("bigdipper_bot_last_cycle_timestamp_seconds", (), [Sample(moment.ts, moment.ts) for moment in log])]


def _account(broker: Sequence[AccountMoment], days: Sequence[DayMoment], span: Span) -> Iterator[list[Series]]:
    """The broker's figures as polled, and once a day at the close: drawdown and peak, before the first poll equity too."""
    for metric, read in ACCOUNT.items():
        yield [_gauge(metric, broker, read)]
    polled = broker[0].ts if broker else span.until
    closes = [(_end(day.date), day) for day in days if day.equity_source == "alpaca"]
    closes = [(ts, day) for ts, day in closes if span.since <= ts < span.until]
    equity = [(ts, day.ending_equity) for ts, day in closes if ts < polled] + [(moment.ts, moment.equity) for moment in broker]
    yield [Series("bigdipper_account_equity_usd", (), held(equity))]
    below = [(ts, None if day.drawdown_ratio is None else -day.drawdown_ratio) for ts, day in closes]
    yield [Series("bigdipper_account_drawdown_ratio", (), held(below))]
    yield [Series("bigdipper_account_equity_peak_usd", (), held([(ts, day.adjusted_peak) for ts, day in closes]))]


def _end(day: str) -> float:
    """The moment of a day (YYYY-MM-DD) at which its last figures stand: its close, or its last second without a session."""
    name = date.fromisoformat(day)
    return min(calendar.session_end(name), calendar.day_start(name + timedelta(days=1)) - 1)


def _session(log: Sequence[AccountMoment]) -> list[Series]:
    def is_(session: str) -> Read:
        return lambda m: float(m.market_status == session)

    return [_gauge("bigdipper_market_session", log, is_(name), ("session", name)) for name in SESSIONS]


def _brake(spans: Sequence[BrakeSpan], log: Sequence[AccountMoment], span: Span) -> list[Series]:
    """1 within an episode, 0 where an account line says that the brake did not hold."""
    points = [(moment.ts, 0.0) for moment in log]
    for one in spans:
        end, at = one.last_seen if one.ended is None else one.ended, max(one.started, span.since)
        while at < min(end, span.until):
            points.append((at, 1.0))
            at += COARSE_SECONDS
        if span.since <= end < span.until:
            points.append((end, 1.0 if one.ended is None else 0.0))
    points.sort()
    return [Series("bigdipper_brake_active", (), held([(ts, value) for (ts, value) in dict(points).items()]))]


def _limits(log: Sequence[AccountMoment], broker: Sequence[AccountMoment], kept: limits.OwnLimits) -> Iterator[list[Series]]:
    """The distance to each limit: from the broker's answers, and before the first of them from the bot's own lines."""
    first = broker[0].ts if broker else float("inf")
    moments = [*(moment for moment in log if moment.ts < first), *broker]
    found = {
        LimitName.BRAKE: [(m.ts, _of_bot(m, kept.brake)) for m in moments],
        LimitName.HARD: [(m.ts, _of_bot(m, kept.hard)) for m in moments],
        LimitName.MAINTENANCE: [(m.ts, _maintenance(m)) for m in moments],
    }
    for metric, read in OF_LIMIT.items():
        yield [
            Series(
                f"bigdipper_limit_{metric}",
                (("limit", name),),
                held([(ts, None if distance is None else read(distance)) for ts, distance in distances]),
            )
            for name, distances in found.items()
        ]


def _of_bot(m: AccountMoment, limit: float | None) -> limits.Distance | None:
    is_of_log = m.long_market_value is None and m.cash is not None
    if limit is None or m.equity is None or m.equity <= 0 or not (m.leverage_ratio is not None or is_of_log):
        return None
    return limits.bot_limit(limit, limits.positions_of(m.equity, m.cash or 0.0, m.leverage_ratio), m.equity)


def _maintenance(m: AccountMoment) -> limits.Distance | None:
    if m.equity is None or m.long_market_value is None or m.short_market_value is None or m.maintenance_margin is None:
        return None
    return limits.maintenance(m.long_market_value, m.short_market_value, m.equity, m.maintenance_margin)


def _daily_profit(log: Sequence[AccountMoment], days: Sequence[DayMoment]) -> Iterator[list[Series]]:
    """The log's profit since the close before: equity less that of the last line up to the close, on that day."""
    times = [moment.ts for moment in log]
    dollars: list[tuple[float, float | None]] = []
    ratios: list[tuple[float, float | None]] = []
    for name, group in groupby(log, key=lambda moment: calendar.trading_day(moment.ts)):
        start = calendar.day_start(name)
        close = calendar.last_close(start)
        before = bisect_left(times, close + 1) - 1
        opened = calendar.day_start(calendar.trading_day(close))
        base = log[before].equity if before >= 0 and times[before] >= opened else None
        for moment in group:
            base = moment.equity if base is None else base
            profit = None if moment.equity is None else change_since_close(moment.equity, base)
            dollars.append((moment.ts, profit))
            ratios.append((moment.ts, None if base is None else ratio_of_equity(profit, base)))
    yield [Series("bigdipper_bot_day_profit_usd", (), held(dollars))]
    yield [Series("bigdipper_bot_day_return_ratio", (), held(ratios))]


def _positions(connection: sqlite3.Connection, span: Span) -> Iterator[Series]:
    """Positions at their snapshots, hourly where old: 200 symbols would fill the disk. Rebuilt days stand at their close."""
    old = past.position_moments(connection, span.since, span.fine_since, HOURLY)
    moments = sorted(
        [*old, *past.position_moments(connection, span.fine_since, span.until, FINE_SECONDS)],
        key=lambda moment: (moment.symbol, moment.ts),
    )
    for metric, read in OF_POSITION.items():
        for symbol, group in groupby(moments, key=lambda moment: moment.symbol):
            yield Series(f"bigdipper_position_{metric}", (("symbol", symbol),), _known(group, read))


def _known(moments: Iterable[PositionMoment], read: Callable[[PositionMoment], float | None]) -> list[Sample]:
    values = ((moment.ts, read(moment)) for moment in moments)
    return [Sample(ts, value) for ts, value in values if value is not None]


def _prices(connection: sqlite3.Connection, span: Span) -> Iterator[Series]:
    first = calendar.new_york_date(span.since).isoformat()
    rows = [(_end(row.date), row) for row in past.price_moments(connection, first)]
    rows = [(ts, row) for ts, row in rows if span.since <= ts < span.until]
    for metric, read in OF_PRICE.items():
        for symbol, group in groupby(rows, key=lambda one: one[1].symbol):
            values = [(ts, read(row)) for ts, row in group]
            samples = [Sample(ts, value) for ts, value in values if value is not None]
            yield Series(f"bigdipper_{metric}", (("symbol", symbol),), samples)
