"""Other thresholds replayed over the archived bars, and the check that says whether that may be shown."""

import json
import sqlite3
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from bigdipper_exporter import calendar
from bigdipper_exporter.archive import saved
from bigdipper_exporter.archive.prices.series import BotRule, Market
from bigdipper_exporter.archive.replay_tables import ReplayCheckRow, ThresholdSignalRow
from bigdipper_exporter.archive.table import table_of
from bigdipper_exporter.money import replay
from bigdipper_exporter.money.episodes import HORIZONS, Followed, Returns, returns_after, summary
from bigdipper_exporter.money.replay import REACHED, THRESHOLDS, Check, Judged, Purchase

STATE = "threshold-replay"
ALL, WHOLE, EARLIER, LATER = "all", "whole", "earlier", "later"
NAMED = """
SELECT symbol, date FROM opportunities WHERE coalesce(reason, '') NOT IN ('below_absolute_min', 'below_threshold')
UNION SELECT symbol, date FROM skips WHERE reason NOT IN ('below_absolute_min', 'below_threshold')"""
BRAKES = "SELECT started, last_seen FROM brake_events"


@dataclass(frozen=True, slots=True)
class Replay:
    """All rows of the replay, and what they were made of."""

    inputs: str
    signals: list[ThresholdSignalRow] = field(default_factory=list)
    checks: list[ReplayCheckRow] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Start:
    """The first session of an episode, and the returns after it by horizon: of the symbol and of the benchmark."""

    day: date
    own: Returns
    benchmark: Returns


@dataclass
class _Group:
    """Signals of one threshold: how many sessions, and the episodes that they make."""

    days: list[date] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)


class _Log:
    """What the log says about each symbol by session of the exchange."""

    def __init__(self, connection: sqlite3.Connection, sessions: Sequence[date]) -> None:
        self._sessions = sessions
        regular: dict[str, dict[date, bool]] = defaultdict(dict)
        for symbol, day, ts in connection.execute("SELECT symbol, date, ts FROM trades"):
            session = self._session(day)
            if session is not None:
                regular[symbol][session] = regular[symbol].get(session, False) or calendar.session(ts) == "regular"
        self.purchases = {symbol: [Purchase(*one) for one in days.items()] for symbol, days in regular.items()}
        self.named: dict[str, set[date]] = defaultdict(set)
        for symbol, day in connection.execute(NAMED):
            session = self._session(day)
            if session is not None:
                self.named[symbol].add(session)
        scanned = {date.fromisoformat(day) for (day,) in connection.execute("SELECT date FROM daily_stats WHERE cycles > 0")}
        self.watched = scanned - days_of_brakes(connection)

    def _session(self, day: str) -> date | None:
        """The last session up to a trading day: on a weekend the bot compares with the bars of Friday."""
        index = bisect_right(self._sessions, date.fromisoformat(day)) - 1
        over = index == len(self._sessions) - 1 and self._sessions[-1].isoformat() < day
        return None if index < 0 or over else self._sessions[index]


def days_of_brakes(connection: sqlite3.Connection) -> set[date]:
    """Return every trading day on which the brake held, from the first to the last line of each episode."""
    days: set[date] = set()
    for started, last_seen in connection.execute(BRAKES):
        day, end = calendar.trading_day(started), calendar.trading_day(last_seen)
        while day <= end:
            days.add(day)
            day += timedelta(days=1)
    return days


def replayed(
    connection: sqlite3.Connection, market: Market, rule: BotRule, watched: Iterable[str], inputs: str
) -> Replay | None:
    """Replay every watched symbol; None where the archive has the replay of these inputs already, or no sessions are known."""
    if not market.sessions:
        return None
    known = json.dumps([inputs, market.sessions[-1].isoformat(), *_counts(connection, market.sessions[-1])])
    if saved.load(connection, STATE) == known:
        return None
    with_line = market.sessions[rule.lookback(market.sessions[-1]) - 1 :] or market.sessions
    later = with_line[len(with_line) // 2]
    log = _Log(connection, market.sessions)
    checks: dict[str, Check] = {}
    spans: dict[str, Sequence[Judged]] = {}
    rows: list[ThresholdSignalRow] = []
    whole: dict[tuple[float, str], _Group] = defaultdict(_Group)
    after: dict[date, Returns] = {}
    for symbol in watched:
        sessions = replay.judged(market.prices(symbol).bars, rule.lookback)
        if not sessions:
            continue
        levels = {one.bar.day: rule.threshold(symbol, one.bar.day) for one in sessions}
        checks[symbol] = replay.check(sessions, levels, log.purchases.get(symbol, ()), log.named[symbol], log.watched)
        spans[symbol] = (sessions[0], sessions[-1])
        for key, group in _groups(market, symbol, sessions, after).items():
            rows += _rows(symbol, key, group, later)
            whole[key].days += group.days
            whole[key].starts += group.starts
    for key, group in whole.items():
        rows += _rows(ALL, key, group, later)
    return Replay(known, rows, _check_rows(checks, spans, later))


def _counts(connection: sqlite3.Connection, last: date) -> list[int]:
    """How many rows the log has up to the last session: while it is read for the first time, older ones still come."""
    end = calendar.day_start(last + timedelta(days=1))
    return [
        connection.execute(f"SELECT count(*) FROM {table} WHERE {column} < ?", (end,)).fetchone()[0]
        for table, column in (("trades", "ts"), ("opportunities", "ts"), ("brake_events", "started"))
    ]


def _groups(
    market: Market, symbol: str, sessions: Sequence[Judged], after: dict[date, Returns]
) -> dict[tuple[float, str], _Group]:
    """The signals of a symbol by threshold and what was reached. after: returns of the benchmark by day, filled as needed."""
    own, benchmark = market.prices(symbol), market.prices(market.benchmark)
    groups: dict[tuple[float, str], _Group] = {}
    for reached in REACHED:
        for threshold in THRESHOLDS:
            found = replay.signals(sessions, threshold, reached)
            group = _Group([one.day for one in found])
            for one in replay.starts(found, market.sessions):
                if one.day not in after:
                    bar = benchmark.by_day.get(one.day)
                    after[one.day] = returns_after(None if bar is None else bar.close, one.day, benchmark, market.sessions)
                group.starts.append(Start(one.day, returns_after(one.price, one.day, own, market.sessions), after[one.day]))
            groups[threshold, reached] = group
    return groups


def _rows(symbol: str, key: tuple[float, str], group: _Group, later: date) -> Iterable[ThresholdSignalRow]:
    threshold, reached = key
    for part in (WHOLE, EARLIER, LATER):
        days = sum(_is_in(part, day, later) for day in group.days)
        starts = [one for one in group.starts if _is_in(part, one.day, later)]
        for place, horizon in enumerate(HORIZONS):
            found = summary([Followed(_week(one.day), one.own[place], one.benchmark[place], None) for one in starts])
            yield ThresholdSignalRow(
                symbol=symbol,
                threshold=threshold,
                reached=reached,
                part=part,
                horizon=horizon,
                days=days,
                episodes=found.episodes,
                known=found.known,
                weeks=found.weeks,
                lower=found.lower,
                median=found.median,
                upper=found.upper,
                positive=found.positive,
                excess=found.excess,
            )


def _is_in(part: str, day: date, later: date) -> bool:
    return part == WHOLE or (day >= later) == (part == LATER)


def _week(day: date) -> str:
    year, week, _ = day.isocalendar()
    return f"{year}-{week}"


def _check_rows(checks: Mapping[str, Check], spans: Mapping[str, Sequence[Judged]], later: date) -> list[ReplayCheckRow]:
    whole = sum(checks.values(), Check())
    firsts = [span[0].bar.day for span in spans.values()]
    lasts = [span[-1].bar.day for span in spans.values()]
    rows = [_check_row(ALL, whole, whole, min(firsts, default=None), max(lasts, default=None), later)]
    rows += [
        _check_row(symbol, own, whole, spans[symbol][0].bar.day, spans[symbol][-1].bar.day, later)
        for symbol, own in checks.items()
    ]
    return rows


def _check_row(symbol: str, own: Check, whole: Check, first: date | None, last: date | None, later: date) -> ReplayCheckRow:
    return ReplayCheckRow(
        symbol=symbol,
        first=None if first is None else first.isoformat(),
        last=None if last is None else last.isoformat(),
        later=later.isoformat(),
        purchases=own.purchases,
        found=own.found,
        outside_hours=own.outside_hours,
        not_in_bars=own.not_in_bars,
        signals=own.signals,
        named=own.named,
        recall=own.recall,
        precision=own.precision,
        why=replay.why_not(own, whole),
    )


def write(connection: sqlite3.Connection, made: Replay) -> None:
    """Replace the rows of the replay, in the caller's transaction."""
    connection.execute("DELETE FROM threshold_signals")
    table_of(ThresholdSignalRow).write(connection, made.signals)
    connection.execute("DELETE FROM replay_checks")
    table_of(ReplayCheckRow).write(connection, made.checks)
    saved.save(connection, STATE, made.inputs)
