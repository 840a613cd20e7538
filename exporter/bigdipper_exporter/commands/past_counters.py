"""The past of counters from the archive: each step at its time, up to the present value.

`increase()` needs samples at both ends of its window, and estimates where they are sparse: so a counter is sampled on a grid
around each step, beginning with the value before the first one. It is anchored at its present value, so that
the scraped values continue where the past ends, without a jump.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import groupby

from bigdipper_exporter import calendar
from bigdipper_exporter.archive.queries import past
from bigdipper_exporter.archive.queries.past import BrakeSpan
from bigdipper_exporter.archive.tables import TABLES
from bigdipper_exporter.commands.past import COARSE_SECONDS, FINE_SECONDS, HOURLY, Sample, Series, Span
from bigdipper_exporter.metrics import counters as m
from bigdipper_exporter.metrics.table import Counter

AROUND_SECONDS = 2 * HOURLY  # twice the longest window of the boards
# Between old samples of routine skips, which the archive has by the hour: a series for each symbol and reason.
SKIPS_SECONDS = 900.0

Growth = tuple[float, float]  # unix seconds, amount

# Also the counters of lines that need no handler: each grew with the rows of its event's table.
STEPS = past.STEPS | {
    counter.name: past.rows_as_steps(table, counter.labels, counter.amount)
    for counter in m.BOT
    if isinstance(counter, Counter)
    for table in TABLES.values()
    if table.event is not None and table.event is counter.counts
}


def counters(connection: sqlite3.Connection, span: Span) -> Iterator[Series]:
    """Yield every counter that the archive knows the past of, the series of one metric together."""
    labels = {counter.name: counter.labels for counter in m.BOT + m.BROKER}
    for name, statement in STEPS.items():
        now = past.counter_values(connection, name)
        coarse = SKIPS_SECONDS if name == m.SKIPS.name else COARSE_SECONDS
        for values, group in groupby(past.steps_of(connection, statement), key=lambda step: step.labels):
            steps = [(step.ts, step.amount) for step in group]
            yield Series(name, tuple(zip(labels[name], values, strict=True)), counted(steps, now.get(values), span, coarse))
    spans = past.brake_spans(connection)
    held = [growth for one in spans for growth in _evenly(one.started, one.last_seen, one.duration_seconds or 0.0)]
    for counter, steps in ((m.BRAKE_SECONDS, held), (m.BOT_CYCLES, _cycles(connection, spans, span))):
        yield Series(counter.name, (), counted(steps, past.counter_values(connection, counter.name).get(()), span))


def counted(steps: Sequence[Growth], now: float | None, span: Span, coarse: float = COARSE_SECONDS) -> Iterator[Sample]:
    """Yield the counter around its steps (oldest first). now: its present value; the sum of the steps where None."""
    total = sum(amount for _, amount in steps)
    value = max(0.0, (total if now is None else now) - total)
    place, fine = 0, span.fine_since
    for start, end in _around([*(ts for ts, _ in steps), *_last_day(span)]):
        at = max(start, span.since)
        while at < min(end, span.until):
            while place < len(steps) and steps[place][0] <= at:
                value += steps[place][1]
                place += 1
            yield Sample(at, value)
            at += FINE_SECONDS if at >= fine else coarse


def _last_day(span: Span) -> list[float]:
    """Moments by which a counter is there for all of the last day, as sums over many series expect."""
    return [span.until - hours * HOURLY for hours in range(22, 0, -2)]


def _around(moments: Iterable[float]) -> Iterator[tuple[float, float]]:
    """Join the times around each moment where they overlap."""
    start: float | None = None
    end = 0.0
    for ts in sorted(moments):
        if start is None or ts - AROUND_SECONDS > end:
            if start is not None:
                yield start, end
            start = ts - AROUND_SECONDS
        end = ts + AROUND_SECONDS
    if start is not None:
        yield start, end


def _evenly(start: float, end: float, amount: float) -> list[Growth]:
    """Spread an amount evenly over an interval."""
    parts = max(1, int((end - start) / FINE_SECONDS))
    return [(start + (end - start) * part / parts, amount / parts) for part in range(1, parts + 1)]


def _cycles(connection: sqlite3.Connection, spans: Sequence[BrakeSpan], span: Span) -> list[Growth]:
    """Cycles with an account line at its time, those of an episode within it, those without a line in the rest of their day."""
    steps: list[Growth] = [(ts, float(count)) for ts, count in past.cycle_counts(connection, FINE_SECONDS)]
    seen = {_minute(ts) for ts, _ in steps}
    for one in spans:
        steps += _evenly(one.started, one.last_seen, one.cycles)
        seen.update(range(_minute(one.started), _minute(one.last_seen) + 1))
    by_day: dict[str, float] = defaultdict(float)
    for ts, count in steps:
        by_day[calendar.trading_day(ts).isoformat()] += count
    for row in past.day_moments(connection):
        missing, day = row.cycles - by_day[row.date], date.fromisoformat(row.date)
        end = min(calendar.day_start(day + timedelta(days=1)), span.until)
        free = [minute for minute in range(_minute(calendar.day_start(day)), _minute(end)) if minute not in seen]
        if missing > 0 and free:
            steps += [((minute + 1) * FINE_SECONDS, missing / len(free)) for minute in free]
    return sorted(steps)


def _minute(ts: float) -> int:
    return int(ts // FINE_SECONDS)
