"""Everything that follows from prices, made on the price thread and written by the main loop."""

import json
import sqlite3
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from bigdipper_exporter import calendar
from bigdipper_exporter.archive import saved
from bigdipper_exporter.archive.broker import daily, rebuilt
from bigdipper_exporter.archive.broker.checkpoint import BrokerCheckpoint
from bigdipper_exporter.archive.price_tables import (
    BenchmarkDayRow,
    DipEpisodeRow,
    DipLineRow,
    DipOutcomeRow,
    DipTriggerRow,
    LotRow,
    PositionDayRow,
    TradeFiguresRow,
)
from bigdipper_exporter.archive.prices import dips, positions, replay, trades
from bigdipper_exporter.archive.prices.replay import Replay
from bigdipper_exporter.archive.prices.series import BotRule, Market
from bigdipper_exporter.archive.prices.wanted import Scope, is_stock, sessions_before, symbols
from bigdipper_exporter.archive.table import table_of
from bigdipper_exporter.durations import DAY
from bigdipper_exporter.money.benchmark import Comparison

# What follows an episode is known after 20 sessions. Bars of the last CORRECTED_SESSIONS may still be corrected.
OPEN_DAYS, MARGIN_DAYS = 45 * DAY, 30 * DAY
CORRECTED_SESSIONS = 7
OLDER_DAYS = 8  # days; rows from before the month of the day that long ago are "older days"
PHANTOM = 0.02  # how far the log's price is from the market's, as a ratio
PHANTOM_SECONDS = DAY
LARGE_DIVIDEND = 0.03  # of the price
STATE = "price-figures"
FORMULAS = 5  # raised when a figure of old days is computed otherwise than before, so that they are made again
# What figures of old days are made of: tables, and the columns of their times.
COUNTED = (("opportunities", "ts"), ("skips", "ts"), ("fills", "ts"), ("activities", "ts"), ("brake_events", "started"))
SUDDEN = "('forward_split', 'reverse_split', 'unit_split', 'spin_off', 'stock_dividend')"


@dataclass(frozen=True, slots=True)
class Ahead:
    """A corporate action that the bot takes for a move of the price. `ex`: unix seconds of its day."""

    symbol: str
    kind: str
    ex: float


@dataclass(frozen=True, slots=True)
class Figures:
    """All that follows from prices of one moment. *_since: older rows stay, None: all are replaced. replay: None: it stays."""

    at: float
    lines: list[DipLineRow] = field(default_factory=list)
    lines_since: date | None = None
    triggers: list[DipTriggerRow] = field(default_factory=list)
    episodes: list[DipEpisodeRow] = field(default_factory=list)
    episodes_since: float | None = None
    outcomes: list[DipOutcomeRow] = field(default_factory=list)
    days: list[BenchmarkDayRow] = field(default_factory=list)
    positions: list[PositionDayRow] = field(default_factory=list)
    positions_since: date | None = None
    positions_until: date | None = None
    lots: list[LotRow] = field(default_factory=list)
    trade_figures: list[TradeFiguresRow] = field(default_factory=list)
    comparison: Comparison = field(default_factory=Comparison)
    ahead: tuple[Ahead, ...] = ()
    stale: tuple[str, ...] = ()
    phantoms: Mapping[str, int] = field(default_factory=dict)
    inputs: str = ""
    replay: Replay | None = None


def derive(connection: sqlite3.Connection, scope: Scope, now: float) -> Figures:
    """Make all figures as of `now` (unix seconds). Old days are made again only where the history or the thresholds changed."""
    market, rule = Market(connection, scope.benchmark), BotRule(connection)
    followed = [symbol for symbol in symbols(connection, scope) if market.newest(symbol) is not None]
    today = calendar.trading_day(now)
    inputs = _inputs(connection, followed, today)
    same = saved.load(connection, STATE) == inputs
    positions_since = _older(today) if same else None
    lines_since = sessions_before(today, CORRECTED_SESSIONS) if same else None
    episodes_since = now - OPEN_DAYS if same else None
    compared, days = trades.comparison(connection, market)
    lots = trades.lot_rows(connection, market)
    first = 0.0 if episodes_since is None else episodes_since
    episodes = dips.episode_rows(connection, market, rule, scope.watched, first, min(first, MARGIN_DAYS))
    return Figures(
        now,
        dips.lines(market, rule, followed, lines_since),
        lines_since,
        dips.triggers(market, rule, followed, scope.watched),
        episodes,
        episodes_since,
        dips.outcome_rows(connection, episodes, first),
        days,
        positions.position_rows(connection, market, positions_since),
        positions_since,
        market.sessions[-1] if market.sessions else None,
        lots,
        trades.figure_rows(lots),
        replace(compared, points=compared.points[-1:]) if compared.points else compared,
        _ahead(connection, market, rule, {*scope.watched, *(lot.symbol for lot in lots if lot.closed is None)}, today),
        _stale(market, scope),
        _phantoms(episodes, now),
        inputs,
        replay.replayed(connection, market, rule, scope.watched, inputs),
    )


def _older(today: date) -> date:
    """The first of a month: rows before it are older days, and seldom change."""
    return (today - timedelta(days=OLDER_DAYS)).replace(day=1)


def _inputs(connection: sqlite3.Connection, followed: list[str], today: date) -> str:
    """What older days depend on: how far back prices go, the bot's thresholds, and what is in the archive of older days.

    While the log or the account's history is read for the first time, older rows still come.
    """
    coverage = dict(connection.execute("SELECT symbol, first FROM price_coverage ORDER BY symbol").fetchall())
    (config,) = connection.execute(
        "SELECT max(id) FROM bot_config WHERE setting LIKE '%DIP%' OR setting = 'LOOKBACK_DAYS'"
    ).fetchone()
    (splits,) = connection.execute("SELECT count(*) FROM corporate_actions").fetchone()
    older = calendar.day_start(_older(today))
    counts = [
        connection.execute(f"SELECT count(*) FROM {table} WHERE {column} < ?", (older,)).fetchone()[0]
        for table, column in COUNTED
    ]
    dates = [[symbol, coverage.get(symbol)] for symbol in followed]
    return json.dumps([FORMULAS, dates, config, splits, older, counts])


def _ahead(
    connection: sqlite3.Connection, market: Market, rule: BotRule, concerned: Collection[str], today: date
) -> tuple[Ahead, ...]:
    """Splits and the like of what is watched or held: announced, or so recent that the bot compares with prices before them."""
    rows = connection.execute(
        f"SELECT symbol, kind, ex_date, cash, special FROM corporate_actions WHERE ex_date >= ?"
        f" AND (kind IN {SUDDEN} OR kind = 'cash_dividend') ORDER BY ex_date",
        (sessions_before(today, rule.lookback(today)).isoformat(),),
    )
    found = {}
    for symbol, kind, day, cash, special in rows.fetchall():
        if symbol not in concerned:
            continue
        newest = market.newest(symbol)
        large = newest is not None and (cash or 0.0) > LARGE_DIVIDEND * newest.bar.close
        if kind != "cash_dividend" or special or large:
            found[symbol, kind] = Ahead(symbol, kind, calendar.day_start(date.fromisoformat(day)))
    return tuple(found.values())


def _stale(market: Market, scope: Scope) -> tuple[str, ...]:
    """Watched symbols without a bar of the last complete session, though they had one before: halted, renamed or delisted."""
    if not market.sessions:
        return ()
    newest = {symbol: market.newest(symbol) for symbol in scope.watched if is_stock(symbol)}
    return tuple(symbol for symbol, last in newest.items() if last is not None and last.bar.day < market.sessions[-1])


def _phantoms(episodes: list[DipEpisodeRow], now: float) -> dict[str, int]:
    """Dips of the last day whose price in the log is far from the market's, by symbol."""
    found: dict[str, int] = {}
    for row in episodes:
        if row.ts >= now - PHANTOM_SECONDS and row.price_source == "log" and row.price and row.market_price:
            found[row.symbol] = found.get(row.symbol, 0) + (abs(row.price / row.market_price - 1) > PHANTOM)
    return found


def write(connection: sqlite3.Connection, figures: Figures) -> None:
    """Replace what was derived before, in the caller's transaction."""
    if figures.lines_since is None:
        connection.execute("DELETE FROM dip_lines")
    since = "" if figures.positions_since is None else figures.positions_since.isoformat()
    connection.execute("DELETE FROM positions_daily WHERE date >= ?", (since,))
    table_of(DipLineRow).write(connection, figures.lines)
    table_of(PositionDayRow).write(connection, figures.positions)
    connection.execute("DELETE FROM dip_episodes WHERE ts >= ?", (figures.episodes_since or 0.0,))
    table_of(DipEpisodeRow).write(connection, figures.episodes)
    for table in ("dip_triggers", "dip_outcomes", "lots", "trade_figures"):
        connection.execute(f"DELETE FROM {table}")
    table_of(DipTriggerRow).write(connection, figures.triggers)
    table_of(DipOutcomeRow).write(connection, figures.outcomes)
    table_of(LotRow).write(connection, figures.lots)
    table_of(TradeFiguresRow).write(connection, figures.trade_figures)
    connection.execute("DELETE FROM benchmark_days")
    table_of(BenchmarkDayRow).write(connection, figures.days)
    if figures.replay is not None:
        replay.write(connection, figures.replay)
    saved.save(connection, STATE, figures.inputs)
    checkpoint = BrokerCheckpoint.load(connection)
    if figures.positions_until is not None:
        rebuilt.save(connection, figures.positions_until)
    if days := rebuilt.days_to_refresh(connection, figures.positions_since, checkpoint.watched):
        daily.refresh(connection, days, checkpoint)
