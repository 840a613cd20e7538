"""Lots and their statistics, and the account beside the benchmark, from the archive."""

import sqlite3
from collections.abc import Callable
from datetime import datetime

from bigdipper_exporter.archive.broker.activities import lot_events
from bigdipper_exporter.archive.broker.checkpoint import BrokerCheckpoint
from bigdipper_exporter.archive.broker.daily import equity_days
from bigdipper_exporter.archive.broker.days import close_of, trading_day_of
from bigdipper_exporter.archive.price_tables import BenchmarkDayRow, LotRow, TradeFiguresRow
from bigdipper_exporter.archive.prices.series import Market
from bigdipper_exporter.archive.prices.wanted import is_stock
from bigdipper_exporter.calendar import NEW_YORK
from bigdipper_exporter.money import lots
from bigdipper_exporter.money.benchmark import Comparison, compare
from bigdipper_exporter.money.trade_figures import ClosedLot, figures

Groups = dict[str, Callable[[LotRow], str]]
GROUPS: Groups = {
    "all": lambda lot: "all",
    "symbol": lambda lot: lot.symbol,
    "hour": lambda lot: f"{datetime.fromtimestamp(lot.ts, NEW_YORK):%H}:00",
    "weekday": lambda lot: f"{datetime.fromtimestamp(lot.ts, NEW_YORK):%u %a}",
}


def comparison(connection: sqlite3.Connection, market: Market) -> tuple[Comparison, list[BenchmarkDayRow]]:
    """Compare the account with the benchmark, from the first day that both have.

    There is no comparison before the account's history was read once: a deposit would count as profit.
    """
    memory = BrokerCheckpoint.load(connection)
    if not memory.activities_done:
        return Comparison(), []
    days = equity_days(connection, memory)
    found = compare(days, market.prices(market.benchmark))
    rows = [
        BenchmarkDayRow(
            point.day.isoformat(),
            close_of(point.day),
            point.account_index,
            point.benchmark_index,
            point.account,
            point.twin,
            point.account_return,
            point.benchmark_return,
        )
        for point in found.points
    ]
    return found, rows


def lot_rows(connection: sqlite3.Connection, market: Market) -> list[LotRow]:
    """Return the lots of every stock that was bought, closed and open; of symbols whose lots are incomplete those since."""
    rows: list[LotRow] = []
    by_hand = {fill for (fill,) in connection.execute("SELECT activity_id FROM fill_sources WHERE NOT of_bot")}
    for (symbol,) in connection.execute("SELECT DISTINCT symbol FROM fills ORDER BY symbol").fetchall():
        if not is_stock(symbol):
            continue
        book = lots.Book()
        for event in lot_events(connection, symbol):
            for part in book.apply(event).closed:
                if event.kind != "buy":  # a buy closes a short, which this bot never opens
                    profit = lots.profit(event, part)
                    row = _lot(market, symbol, part.lot.ts, event.ts, part.quantity, part.lot.price, event.price, profit)
                    row.of_bot = part.lot.id not in by_hand
                    rows.append(row)
        newest = market.newest(symbol)
        for lot in book.open if book.known else ():
            if lot.quantity > 0:
                price = None if newest is None else newest.bar.close
                open_profit = None if price is None else lot.quantity * (price - lot.price)
                row = _lot(market, symbol, lot.ts, None, lot.quantity, lot.price, price, open_profit)
                row.of_bot = lot.id not in by_hand
                rows.append(row)
    for number, row in enumerate(rows, 1):
        row.id = number
    return rows


def _lot(
    market: Market,
    symbol: str,
    opened: float,
    closed: float | None,
    quantity: float,
    entry: float,
    price: float | None,
    profit: float | None,
) -> LotRow:
    """One lot. Lows and highs of the days between the purchase and the sale, in shares of the last of them."""
    prices = market.prices(symbol)
    first = trading_day_of(opened)
    last = trading_day_of(closed) if closed is not None else prices.days[-1] if prices.days else first
    between = [bar for bar in prices.bars if first < bar.day and (bar.day < last or closed is None)]
    worst = min((bar.low / prices.factor(bar.day, last) for bar in between), default=None)
    best = max((bar.high / prices.factor(bar.day, last) for bar in between), default=None)
    sessions = sum(first < day <= last for day in market.sessions)
    return LotRow(
        0,
        symbol,
        opened,
        closed,
        quantity,
        entry,
        price,
        profit,
        sessions,
        None if worst is None or entry <= 0 else worst / entry - 1,
        None if best is None or entry <= 0 else best / entry - 1,
    )


def figure_rows(rows: list[LotRow]) -> list[TradeFiguresRow]:
    """Return the statistics of all groups of the lots that the bot bought."""
    rows, found = [row for row in rows if row.of_bot], []
    for grouping, name_of in GROUPS.items():
        for name in sorted({name_of(row) for row in rows}):
            group = [row for row in rows if name_of(row) == name]
            closed = [_closed(row) for row in group if row.closed is not None and row.profit is not None]
            still_open = [row for row in group if row.closed is None]
            known = [row.profit for row in still_open if row.profit is not None]
            f = figures(closed)
            found.append(
                TradeFiguresRow(
                    grouping,
                    name,
                    f.lots,
                    f.win_rate,
                    f.expectancy,
                    f.profit_factor,
                    f.quality,
                    f.winner_sessions,
                    f.loser_sessions,
                    f.worst,
                    f.best,
                    len(still_open),
                    sum(known) if len(known) == len(still_open) else None,
                )
            )
    return found


def _closed(row: LotRow) -> ClosedLot:
    assert row.closed is not None
    assert row.profit is not None
    return ClosedLot(
        row.symbol,
        row.ts,
        row.closed,
        row.quantity,
        row.entry,
        row.price or 0.0,
        row.profit,
        row.sessions,
        row.worst_ratio,
        row.best_ratio,
    )
