"""Dips in the archive: the line at which the bot buys, where each symbol stands, and episodes with what followed them."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from functools import lru_cache

from bigdipper_exporter import calendar
from bigdipper_exporter.archive.broker.days import by_session, trading_day_of
from bigdipper_exporter.archive.price_tables import DipEpisodeRow, DipLineRow, DipOutcomeRow, DipTriggerRow
from bigdipper_exporter.archive.prices.series import BotRule, Market
from bigdipper_exporter.archive.table import table_of
from bigdipper_exporter.money import dips
from bigdipper_exporter.money.episodes import HORIZONS, Episode, Followed, Sighting, episodes, outcome, summary
from bigdipper_exporter.money.prices import Prices

BOUGHT, BRAKE = "bought", "missed_brake"
# The bot names a dip that it refuses for its leverage only by the refusal, so missed dips are those of `skips`. What became of
# the dips without a refusal is in `opportunities`. Refusals by the bot's own rules are in neither: nothing was missed.
# By half hours, so that no group goes over a close.
SIGHTINGS = """
SELECT symbol, reason, min(ts), max(ts), count(*), min(-abs(dip_percent)) / 100.0 FROM (
  SELECT symbol, ts, dip_percent, CASE outcome WHEN 'submitted' THEN 'bought' ELSE outcome END AS reason
  FROM opportunities WHERE ts >= :since AND (outcome = 'submitted' OR reason IS NULL)
  UNION ALL SELECT symbol, ts, dip_percent, reason FROM skips WHERE ts >= :since)
GROUP BY symbol, reason, CAST(ts / 1800 AS INTEGER)"""
CYCLE_SECONDS = 60.0  # the line that names a dip stands up to a cycle before its refusal
PRICE = "SELECT price FROM opportunities WHERE symbol = ? AND ts BETWEEN ? AND ? AND price > 0 ORDER BY ts LIMIT 1"
BRAKES = "SELECT started, coalesce(ended, last_seen) FROM brake_events WHERE coalesce(ended, last_seen) >= ?"
BELOW = (
    "SELECT min(ts), max(ts), count(*), min(close) FROM prices_minute WHERE symbol = ? AND ts BETWEEN ? AND ? AND close <= ?"
)


def lines(market: Market, rule: BotRule, symbols: Iterable[str], since: date | None) -> list[DipLineRow]:
    """Return the line of each symbol and day from `since` on (None: all)."""
    rows = []
    for symbol in symbols:
        bars = list(market.prices(symbol).bars)
        newest = market.newest(symbol)
        if newest is not None and not newest.complete:
            bars.append(newest.bar)
        if since is not None:
            first = next((i for i, bar in enumerate(bars) if bar.day >= since), len(bars))
            reach = max((rule.lookback(bar.day) for bar in bars[first:]), default=0)
            bars = bars[max(first - reach + 1, 0) :]
        levels = {bar.day: rule.threshold(symbol, bar.day) for bar in bars}
        lookbacks = [rule.lookback(bar.day) for bar in bars]
        found = dips.lines([(bar.day, bar.close) for bar in bars], list(levels.values()), lookbacks)
        rows += [
            DipLineRow(symbol=symbol, date=day.isoformat(), high=high, threshold=levels[day], line=line)
            for day, high, line in found
            if since is None or day >= since
        ]
    return rows


def triggers(market: Market, rule: BotRule, symbols: Iterable[str], watched: Iterable[str]) -> list[DipTriggerRow]:
    """Return where each symbol stands at its newest price; those with too few bars are left out, as the bot does."""
    of_bot, rows = set(watched), []
    for symbol in symbols:
        newest = market.newest(symbol)
        if newest is None:
            continue
        bars = list(market.prices(symbol).bars)
        if not newest.complete:
            bars.append(newest.bar)
        level = rule.threshold(symbol, newest.bar.day)
        found = dips.trigger(bars, newest.bar.close, level, rule.lookback(newest.bar.day))
        if found is not None:
            hours = calendar.open_close(newest.bar.day)
            ts = newest.read if hours is None else min(newest.read, hours.close)
            rows.append(
                DipTriggerRow(
                    symbol=symbol,
                    ts=ts,
                    price=found.price,
                    high=found.high,
                    high_date=found.high_day.isoformat(),
                    threshold=level,
                    line=found.line,
                    dip_ratio=found.dip,
                    distance_ratio=found.distance,
                    watched=symbol in of_bot,
                )
            )
    return rows


def episode_rows(
    connection: sqlite3.Connection, market: Market, rule: BotRule, watched: Sequence[str], since: float, margin: float
) -> list[DipEpisodeRow]:
    """Return the episodes that began at `since` (unix seconds) or later; `margin` seconds before decide what began earlier."""
    seen = [
        Sighting(symbol, reason, trading_day_of(first), first, last, count, dip, source="log")
        for symbol, reason, first, last, count, dip in connection.execute(SIGHTINGS, {"since": since - margin})
    ]
    seen += _missed_in_brakes(connection, market, rule, watched, since - margin, seen)
    equity = dict(connection.execute("SELECT date, starting_equity FROM daily_stats WHERE starting_equity > 0").fetchall())
    found = [episode for episode in episodes(seen, market.sessions) if episode.start.first >= since]
    return [
        _row(connection, market, rule, episode, equity) for episode in sorted(found, key=lambda episode: episode.start.symbol)
    ]


def _missed_in_brakes(
    connection: sqlite3.Connection,
    market: Market,
    rule: BotRule,
    watched: Sequence[str],
    since: float,
    named: Sequence[Sighting],
) -> list[Sighting]:
    """Dips that v2.18 does not list while its brake holds: by minutes below the line, or by the low of the day."""
    known = {(s.symbol, s.session) for s in named if s.reason == BRAKE}
    found: dict[tuple[str, date], Sighting] = {}
    brakes = connection.execute(BRAKES, (since,)).fetchall()
    spans = [part for started, ended in brakes for part in by_session(started, ended)]
    for symbol in watched:
        for started, ended, session in spans:
            if (symbol, session) in known or (symbol, session) in found:
                continue
            sighting = _below_the_line(connection, market, rule, symbol, session, started, ended)
            if sighting is not None:
                found[symbol, session] = sighting
    return list(found.values())


def _of_day(own: Prices, rule: BotRule, symbol: str, session: date) -> dips.OfDay | None:
    bars = [bar for bar in own.bars if bar.day <= session]
    if not bars or bars[-1].day != session:
        return None
    return dips.of_day(bars, rule.threshold(symbol, session), rule.lookback(session))


def _below_the_line(
    connection: sqlite3.Connection,
    market: Market,
    rule: BotRule,
    symbol: str,
    session: date,
    started: float,
    ended: float,
) -> Sighting | None:
    day = _of_day(market.prices(symbol), rule, symbol, session)
    if day is None:
        return None
    covered = connection.execute(
        "SELECT 1 FROM minute_coverage WHERE symbol = ? AND first <= ? AND last >= ?", (symbol, started, ended)
    ).fetchone()
    if covered:
        first, last, count, lowest = connection.execute(BELOW, (symbol, started, ended, day.line)).fetchone()
        if not count:
            return None
        price = market.minute(symbol, first)
        return Sighting(symbol, BRAKE, session, first, last, count, dip=lowest / day.high - 1, price=price, source="minute")
    if day.price is None:
        return None
    return Sighting(symbol, BRAKE, session, started, ended, count=1, dip=day.low / day.high - 1, price=day.price, source="line")


def _row(
    connection: sqlite3.Connection, market: Market, rule: BotRule, episode: Episode, equity: dict[str, float]
) -> DipEpisodeRow:
    own, benchmark = market.prices(episode.start.symbol), market.prices(market.benchmark)
    market_price = market.minute(episode.start.symbol, episode.start.first)
    of_day = _of_day(own, rule, episode.start.symbol, episode.start.session)
    start, dip = _priced(connection, episode.start, market_price, of_day), episode.dip
    if dip is None and of_day is not None and start.price is not None:
        dip = (of_day.low if start.source == "line" else start.price) / of_day.high - 1
    after = outcome(start, own, benchmark, market.sessions, market.minute(market.benchmark, start.first))
    day = start.session.isoformat()
    return DipEpisodeRow(
        symbol=start.symbol,
        reason=start.reason,
        ts=start.first,
        date=day,
        last=episode.last,
        days=episode.days,
        sightings=episode.count,
        dip_ratio=dip,
        price=start.price,
        price_source=start.source,
        market_price=market_price,
        bought=start.reason == BOUGHT,
        size=_size(own, start.session, equity.get(day), dip),
        after_1=after.own.after_1,
        after_5=after.own.after_5,
        after_20=after.own.after_20,
        benchmark_1=after.benchmark.after_1,
        benchmark_5=after.benchmark.after_5,
        benchmark_20=after.benchmark.after_20,
        lowest_20=after.lowest,
    )


def _priced(connection: sqlite3.Connection, start: Sighting, market_price: float | None, of_day: dips.OfDay | None) -> Sighting:
    """A sighting with its price: of the log, else of its minute on all exchanges, else of the session's bar."""
    if start.price is not None:
        return start
    named = connection.execute(PRICE, (start.symbol, start.first - CYCLE_SECONDS, start.last)).fetchone()
    if named is not None:
        return replace(start, price=named[0], source="log")
    if market_price is not None:
        return replace(start, price=market_price, source="minute")
    if of_day is not None and of_day.price is not None:
        return replace(start, price=of_day.price, source="line")
    return replace(start, source="none")


def _size(own: Prices, session: date, equity: float | None, dip: float | None) -> float | None:
    """The dollars that the bot's formula gives, from the bars up to `session`; None where a figure is unknown."""
    volatility = dips.volatility([bar for bar in own.bars if bar.day <= session][-dips.RANGES - 1 :])
    return None if equity is None or volatility is None or dip is None else dips.size(equity, dip, volatility)


# Depths of dips: the lowest ratio of each, and its name in the archive and on the boards.
DEPTHS = ((-0.06, "5 to 6%"), (-0.08, "6 to 8%"), (-0.12, "8 to 12%"), (-1.0, "over 12%"))


def outcome_rows(connection: sqlite3.Connection, new: Sequence[DipEpisodeRow], since: float) -> list[DipOutcomeRow]:
    """Summarise all episodes: those of the archive before `since` (unix seconds), and the `new` ones."""
    table = table_of(DipEpisodeRow)
    names = ", ".join(column.name for column in table.columns)
    old = connection.execute(f"SELECT {names} FROM dip_episodes WHERE ts < ?", (since,)).fetchall()
    rows = [*(DipEpisodeRow(*values) for values in old), *new]
    groups: dict[tuple[str, str], list[DipEpisodeRow]] = {}
    for row in rows:
        groups.setdefault(("all", BOUGHT if row.bought else "missed"), []).append(row)
        if not row.bought:
            groups.setdefault(("reason", row.reason), []).append(row)
        if not row.bought and row.dip_ratio is not None:
            depth = next((name for lowest, name in DEPTHS if row.dip_ratio >= lowest), DEPTHS[-1][1])
            groups.setdefault(("depth", depth), []).append(row)
    outcomes = []
    for (grouping, name), group in groups.items():
        followed = [_followed(row) for row in group]
        for place, horizon in enumerate(HORIZONS):
            found = summary([one[place] for one in followed])
            outcomes.append(
                DipOutcomeRow(
                    grouping=grouping,
                    name=name,
                    horizon=horizon,
                    episodes=found.episodes,
                    known=found.known,
                    weeks=found.weeks,
                    lower=found.lower,
                    median=found.median,
                    upper=found.upper,
                    positive=found.positive,
                    excess=found.excess,
                    dollars=found.dollars,
                )
            )
    return outcomes


@lru_cache(maxsize=2048)
def _week(day: str) -> str:
    return date.fromisoformat(day).strftime("%G-%V")


def _followed(row: DipEpisodeRow) -> tuple[Followed, Followed, Followed]:
    """An episode of the archive at each of HORIZONS."""
    week, size = _week(row.date), row.size
    return (
        Followed(week, row.after_1, row.benchmark_1, size),
        Followed(week, row.after_5, row.benchmark_5, size),
        Followed(week, row.after_20, row.benchmark_20, size),
    )
