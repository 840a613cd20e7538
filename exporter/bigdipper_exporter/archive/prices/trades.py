"""Lots and their statistics, and the account beside the benchmark, from the archive."""

import math
import sqlite3
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from bigdipper_exporter import calendar
from bigdipper_exporter.archive.broker.checkpoint import BrokerCheckpoint
from bigdipper_exporter.archive.broker.daily import equity_days
from bigdipper_exporter.archive.broker.days import close_of, trading_day_of
from bigdipper_exporter.archive.broker.lot_events import lot_events
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

RECORD_IS_LATE = timedelta(days=4)  # the account's record of a split may follow the price


def comparison(connection: sqlite3.Connection, market: Market) -> tuple[Comparison, list[BenchmarkDayRow]]:
    """Compare the account with the benchmark, from the first day that both have.

    There is no comparison before the account's history was read once: a deposit would count as profit.
    """
    checkpoint = BrokerCheckpoint.load(connection)
    if not checkpoint.activities_done:
        return Comparison(), []
    days = equity_days(connection, checkpoint)
    found = compare(days, market.prices(market.benchmark))
    rows = [
        BenchmarkDayRow(
            date=point.day.isoformat(),
            ts=close_of(point.day),
            account_index=point.account_index,
            benchmark_index=point.benchmark_index,
            account=point.account,
            twin=point.twin,
            account_return=point.account_return,
            benchmark_return=point.benchmark_return,
        )
        for point in found.points
    ]
    return found, rows


@dataclass(slots=True)
class _Trade:
    """What one order sold of that which another one bought, in however many executions; or what is left of the latter.

    lot: the first of them; sale: the last execution of the sale. paid, received: US dollars.
    """

    lot: lots.Lot
    sale: lots.Event | None = None
    quantity: float = 0.0
    paid: float = 0.0
    received: float = 0.0

    def add(self, lot: lots.Lot, quantity: float, price: float, sale: lots.Event | None = None) -> None:
        """Add units of one execution of the purchase, sold at `price` or worth so much."""
        self.sale = sale
        self.quantity += quantity
        self.paid += quantity * lot.price
        self.received += quantity * price

    @property
    def entry(self) -> float:
        """Mean price of the purchase."""
        return self.paid / self.quantity


def lot_rows(connection: sqlite3.Connection, market: Market) -> list[LotRow]:
    """Return the lots of every stock that was bought, closed and open; of symbols whose lots are incomplete those since.

    A lot is what one order bought, a row what another one sold of it.
    """
    rows: list[LotRow] = []
    by_hand = {fill for (fill,) in connection.execute("SELECT activity_id FROM fill_sources WHERE NOT of_bot")}
    for (symbol,) in connection.execute("SELECT DISTINCT symbol FROM fills ORDER BY symbol").fetchall():
        if is_stock(symbol):
            rows += _of_symbol(market, symbol, lot_events(connection, symbol), by_hand)
    for number, row in enumerate(rows, 1):
        row.id = number
    return rows


def _of_symbol(market: Market, symbol: str, events: Iterable[lots.Event], by_hand: Collection[str]) -> list[LotRow]:
    book, splits = lots.Book(), _Splits()
    closed: dict[tuple[str, str], _Trade] = {}
    rows: dict[tuple[str, str], LotRow] = {}
    for event in events:
        step = book.apply(event)
        splits.add(event, step)
        for part in step.closed:
            if event.kind != "buy":  # a buy closes a short, which this bot never opens
                key = (part.lot.order, event.order or event.id)
                trade = closed.setdefault(key, _Trade(replace(part.lot)))
                trade.add(part.lot, part.quantity, event.price, event)
                rows[key] = _lot(market, splits, symbol, trade, event.ts)
    still: dict[str, _Trade] = {}
    for lot in book.open if book.known else ():
        if lot.quantity > 0:
            still.setdefault(lot.order, _Trade(lot)).add(lot, lot.quantity, 0.0)
    found = [(closed[key].lot.id, row) for key, row in rows.items()]
    found += [(trade.lot.id, _lot(market, splits, symbol, trade, None)) for trade in still.values()]
    for first, row in found:
        row.of_bot = first not in by_hand
    return [row for _, row in found]


class _Splits:
    """The splits of the account's shares of one symbol so far: prices are compared with lots in the shares of these."""

    def __init__(self) -> None:
        self._ratios: list[tuple[date, float]] = []

    def add(self, event: lots.Event, step: lots.Step) -> None:
        """Note what an event did."""
        if event.kind == "split" and step.ratio != 1:
            self._ratios.append((calendar.trading_day(event.ts), step.ratio))

    def ratio(self, day: date) -> float:
        """Return how many present shares one share of the end of `day` has become."""
        return math.prod(ratio for split, ratio in self._ratios if split > day)

    def has(self, day: date) -> bool:
        """Return whether the account has a record of a split of about that day."""
        return any(abs(split - day) <= RECORD_IS_LATE for split, _ in self._ratios)


def _newest(market: Market, splits: _Splits, symbol: str, lot: lots.Lot) -> float | None:
    """Return the newest price per present share of a lot.

    In the morning of a split the newest bar still has the price of old shares. A bar of new shares says nothing of a lot
    whose split the account has no record of yet; without one in RECORD_IS_LATE the account keeps its shares, as on paper.
    """
    newest = market.newest(symbol)
    if newest is None:
        return None
    day, first = newest.bar.day, calendar.trading_day(lot.ts)
    recent = (s.day for s in market.prices(symbol).splits if first < s.day <= day <= s.day + RECORD_IS_LATE)
    if not all(splits.has(split) for split in recent):
        return None
    return newest.bar.close / splits.ratio(day)


def _lot(market: Market, splits: _Splits, symbol: str, trade: _Trade, closed: float | None) -> LotRow:
    """One lot. Lows and highs of the days between the purchase and the sale, in the shares of the lot."""
    prices, entry = market.prices(symbol), trade.entry
    price = _newest(market, splits, symbol, trade.lot) if closed is None else trade.received / trade.quantity
    first = trading_day_of(trade.lot.ts)
    last = trading_day_of(closed) if closed is not None else prices.days[-1] if prices.days else first
    days = prices.days
    between = prices.bars[bisect_right(days, first) : len(days) if closed is None else bisect_left(days, last)]
    worst = min((bar.low / splits.ratio(bar.day) for bar in between), default=None)
    best = max((bar.high / splits.ratio(bar.day) for bar in between), default=None)
    is_known = entry > 0 and price is not None
    return LotRow(
        id=0,
        symbol=symbol,
        ts=trade.lot.ts,
        closed=closed,
        quantity=trade.quantity,
        entry=entry,
        price=price,
        profit=None if price is None else trade.quantity * price - trade.paid,
        sessions=max(0, bisect_right(market.sessions, last) - bisect_right(market.sessions, first)),
        worst_ratio=worst / entry - 1 if worst is not None and is_known else None,
        best_ratio=best / entry - 1 if best is not None and is_known else None,
    )


def figure_rows(rows: list[LotRow]) -> list[TradeFiguresRow]:
    """Return the statistics of all groups of the lots that the bot bought."""
    rows, found = [row for row in rows if row.of_bot], []
    for grouping, name_of in GROUPS.items():
        groups: dict[str, list[LotRow]] = {}
        for row in rows:
            groups.setdefault(name_of(row), []).append(row)
        for name, group in sorted(groups.items()):
            closed = [lot for row in group if (lot := _closed(row)) is not None]
            still_open = [row for row in group if row.closed is None]
            known = [row.profit for row in still_open if row.profit is not None]
            f = figures(closed)
            found.append(
                TradeFiguresRow(
                    grouping=grouping,
                    name=name,
                    lots=f.lots,
                    win_rate=f.win_rate,
                    expectancy=f.expectancy,
                    profit_factor=f.profit_factor,
                    quality=f.quality,
                    winner_sessions=f.winner_sessions,
                    loser_sessions=f.loser_sessions,
                    worst_ratio=f.worst,
                    best_ratio=f.best,
                    open_lots=len(still_open),
                    open_profit=sum(known) if len(known) == len(still_open) else None,
                )
            )
    return found


def _closed(row: LotRow) -> ClosedLot | None:
    """The closed lot of a row; None while it is open, and where its price is unknown."""
    if row.closed is None or row.price is None or row.profit is None:
        return None
    return ClosedLot(
        symbol=row.symbol,
        opened=row.ts,
        closed=row.closed,
        quantity=row.quantity,
        entry=row.entry,
        exit=row.price,
        profit=row.profit,
        sessions=row.sessions,
        worst=row.worst_ratio,
        best=row.best_ratio,
    )
