"""The landing page's figures and tables: equity, positions, and what was ordered, executed and missed today."""

import time
from dataclasses import replace

from bigdipper_exporter.archive.recent import (
    MOST_ROWS,
    EquityPoint,
    ErrorLine,
    FillLine,
    LastOrder,
    MissedLine,
    OrderLine,
    Recent,
)
from bigdipper_exporter.broker.models import Position
from bigdipper_exporter.broker.results import Endpoint
from bigdipper_exporter.calendar import ZONE_SECONDS
from bigdipper_exporter.metrics.day import log_profit
from bigdipper_exporter.metrics.snapshot import Snapshot
from bigdipper_exporter.money.account import ratio_of_equity
from bigdipper_exporter.thresholds import LOG_SKEW_SECONDS
from bigdipper_exporter.web.landing import Cell, Curve, Figure, Table
from bigdipper_exporter.words import ago, clock, count, dollars, duration, number, order_state, percent, signed

MOST_POSITIONS = 50


def _gain(usd: float | None, text: str, minor: bool = False) -> Cell:
    return Cell(text, "number" if not usd else "gain" if usd > 0 else "loss", minor)


def figures(s: Snapshot) -> list[Figure]:
    """Return the bot's state and the brake, then money: the broker's where there is any, else the bot's; never both."""
    return [*_state(s), *(_account(s) if s.broker and s.broker.account else _logged(s))]


def _state(s: Snapshot) -> list[Figure]:
    now, bot = time.time(), s.bot
    if bot.cycle_ts is None and bot.started is None:
        return []
    running = s.is_running(now)
    if not s.own.caught_up:
        return [Figure("Bot", Cell("–"), "its log is being read")]
    late = s.late_by(now)
    if running is None and late is not None and LOG_SKEW_SECONDS < abs(late) <= ZONE_SECONDS:
        return [Figure("Bot", Cell("unknown"), f"its times are {duration(abs(late))} from our clock"), _brake(s, now)]
    state = Cell("working", "gain") if running else Cell("silent" if running is None else "stopped", "loss")
    last = f"started {ago(bot.started)}, no cycle yet" if s.awaits_cycle else f"last cycle {ago(bot.cycle_ts)}"
    return [Figure("Bot", state, last), _brake(s, now)]


def _brake(s: Snapshot, now: float) -> Figure:
    silent, episode = s.log_silent_since(now), s.bot.brake
    if silent is not None:
        was = "on" if episode else "off"
        return Figure("Emergency brake", Cell("unknown"), f"{was} when the log fell silent, {ago(silent)}")
    held = f"on for {duration(s.brake_seconds_today(now))} today" if s.day.brake_seconds else ""
    if episode is None:
        return Figure("Emergency brake", Cell("off"), held)
    remark = ", ".join(words for words in (f"no buying, began {ago(episode.started)}", held) if words)
    return Figure("Emergency brake", Cell("ON", "loss"), remark)


def _order(side: str | None, quantity: float | None) -> Cell:
    return Cell(f"{(side or '').replace('_', ' ')} {number(quantity)}".strip(), "number")


# Before the whole log is read an order of the bot looks like one by hand.
def _whose(s: Snapshot, by_hand: int) -> Cell:
    return Cell("–" if not s.own.caught_up else "by hand" if by_hand else "bot")


def _unless_alone(s: Snapshot, table: Table) -> Table:
    """Leave out the last column, whose order it is, where no log is read: there the keys' owner placed all of them."""
    if s.own.log_configured:
        return table
    return replace(table, columns=table.columns[:-1], rows=[row[:-1] for row in table.rows])


def _none_today(s: Snapshot, endpoint: Endpoint, words: str) -> str:
    """Return `words` where the broker has answered today; before that nothing is known."""
    if s.broker is not None and s.broker.success.get(endpoint, 0.0) < s.day.start:
        return "The broker has not answered yet today."
    return words


def _account(s: Snapshot) -> list[Figure]:
    assert s.broker is not None
    assert s.broker.account is not None
    broker, account = s.broker, s.broker.account
    held = "" if broker.positions is None else count(len(broker.positions), "position")
    shown = [
        Figure("Equity", Cell(dollars(account.equity)), f"{broker.mode} account"),
        Figure(
            "Profit today",
            _gain(broker.day_profit, signed(broker.day_profit)),
            f"{percent(broker.day_return, digits=2)}, without deposits",
        ),
        Figure("Open profit", _gain(broker.unrealized_pl, signed(broker.unrealized_pl)), held),
        Figure("Cash", Cell(dollars(account.cash)), "borrowed" if (account.margin_debt or 0) > 0 else ""),
        Figure("Buying power", Cell(dollars(account.buying_power))),
    ]
    return [figure for figure in shown if figure.value.text != "–"]


def _logged(s: Snapshot) -> list[Figure]:
    bot, when = s.bot, ago(s.bot.account_ts)
    profit, profit_ratio = log_profit(s)
    stocks = "" if bot.positions is None else f"{count(bot.positions, 'stock')}, "
    said = [
        ("Equity", bot.equity, False, f"by the bot's log, {when}"),
        ("Profit today", profit, True, f"{percent(profit_ratio, digits=2)}, deposits count"),
        ("Open profit", bot.pl, True, f"{stocks}{when}"),
        ("Cash", bot.cash, False, when),
    ]
    return [
        Figure(name, _gain(usd, signed(usd)) if is_profit else Cell(dollars(usd)), remark)
        for name, usd, is_profit, remark in said
        if usd is not None
    ]


def curve(points: tuple[EquityPoint, ...]) -> Curve | None:
    """Return the equity at the end of each day; None for fewer than two days."""
    if len(points) < 2:
        return None
    values = tuple(point.equity for point in points)
    begin = time.strftime("%-d %B", time.gmtime(points[0].ts))
    return Curve(
        values,
        f"Equity at the end of each day since {begin}, deposits included: lowest {dollars(min(values), cents=False)}, "
        f"highest {dollars(max(values), cents=False)}.",
    )


def tables(s: Snapshot, recent: Recent) -> list[Table]:
    """Return the errors of the last hour, positions, and today's orders, executions and missed trades."""
    found = [_errors(recent.errors)] if recent.errors else []
    if s.broker is not None:
        found.append(_positions(s))
    found.append(_unless_alone(s, _orders(s, recent.orders, recent.last_order)))
    if s.broker is not None:
        found.append(_unless_alone(s, _fills(s, recent.fills)))
    if s.own.log_configured:
        found.append(_missed(s, recent.missed))
    return found


def _more(shown: int, most: int = MOST_ROWS) -> str:
    return f"The newest {most} are shown." if shown >= most else ""


def _errors(lines: tuple[ErrorLine, ...]) -> Table:
    return Table(
        "Errors of the bot in the last hour (New York time)",
        (Cell("Last"), Cell("Kind"), Cell("Times", "number"), Cell("Message")),
        [
            (
                Cell(clock(line.latest)),
                Cell(line.cause.replace("_", " ")),
                Cell(f"{line.times:,}", "number"),
                Cell(line.detail, most=200),
            )
            for line in lines
        ],
        "",
        _more(len(lines)),
    )


def _positions(s: Snapshot) -> Table:
    columns = (
        Cell("Symbol"),
        Cell("Shares", "number", minor=True),
        Cell("Value", "number"),
        Cell("Share of equity", "number", minor=True),
        Cell("Today", "number", minor=True),
        Cell("Profit", "number"),
        Cell("%", "number"),
    )
    broker = s.broker
    known = () if broker is None else broker.positions or ()
    largest = sorted(known, key=lambda position: -abs(position.market_value or 0.0))
    equity = 0.0 if broker is None or broker.account is None else broker.account.equity
    left = len(known) - MOST_POSITIONS
    return Table(
        "Positions",
        columns,
        [_position(position, equity) for position in largest[:MOST_POSITIONS]],
        "No position." if broker is not None and broker.positions is not None else "The broker has not answered yet.",
        f"and {left} smaller ones" if left > 0 else "",
    )


def _position(p: Position, equity: float) -> tuple[Cell, ...]:
    return (
        Cell(p.symbol),
        Cell(number(p.quantity), "number", minor=True),
        Cell(dollars(p.market_value) if p.market_value is not None else "no price", "number"),
        Cell(percent(ratio_of_equity(p.market_value, equity), plus=False), "number", minor=True),
        _gain(p.intraday_pl, signed(p.intraday_pl), minor=True),
        _gain(p.unrealized_pl, signed(p.unrealized_pl)),
        _gain(p.unrealized_pl, percent(p.unrealized_pl_ratio)),
    )


def _orders(s: Snapshot, lines: tuple[OrderLine, ...], last: LastOrder | None) -> Table:
    before = "" if last is None else f" The bot's last was {last.symbol}, {ago(last.ts)}."
    return Table(
        "Orders today (New York time)",
        (
            Cell("Symbol"),
            Cell("Time", minor=True),
            Cell("Order", "number"),
            Cell("Price", "number"),
            Cell("State"),
            Cell("Whose"),
        ),
        [
            (
                Cell(line.symbol),
                Cell(clock(line.ts), minor=True),
                _order(line.side, line.quantity),
                Cell(dollars(line.price), "number"),
                Cell(order_state(line.status)),
                _whose(s, line.by_hand),
            )
            for line in lines
        ],
        f"{_none_today(s, 'orders', 'No order today.')}{before}",
        _more(len(lines)),
    )


def _fills(s: Snapshot, lines: tuple[FillLine, ...]) -> Table:
    return Table(
        "Fills today (New York time)",
        (
            Cell("Symbol"),
            Cell("Time", minor=True),
            Cell("Fill", "number"),
            Cell("Price", "number"),
            Cell("Realized", "number"),
            Cell("Whose"),
        ),
        [
            (
                Cell(line.symbol),
                Cell(clock(line.ts), minor=True),
                _order(line.side, line.quantity),
                Cell(dollars(line.price), "number"),
                _gain(line.realized_pl, signed(line.realized_pl)),
                _whose(s, line.by_hand),
            )
            for line in lines
        ],
        _none_today(s, "activities", "No fills today."),
        _more(len(lines)),
    )


def _missed(s: Snapshot, lines: tuple[MissedLine, ...]) -> Table:
    total = s.day.missed_trades
    none = f"{count(total, 'dip')} missed, of which the bot named none." if total else "No missed trade today."
    named = sum(line.times for line in lines)
    unnamed = f"{count(total - named, 'further dip')} the bot did not name." if total > named and len(lines) < MOST_ROWS else ""
    return Table(
        "Missed trades today (New York time)",
        (
            Cell("Symbol"),
            Cell("Reason"),
            Cell("Times", "number"),
            Cell("Deepest dip", "number", minor=True),
            Cell("Last"),
        ),
        [
            (
                Cell(line.symbol),
                Cell(line.reason.removeprefix("missed_").replace("_", " ")),
                Cell(f"{line.times:,}", "number"),
                Cell("–" if line.deepest is None else percent(line.deepest / 100), "number", minor=True),
                Cell(clock(line.latest)),
            )
            for line in lines
        ],
        none if s.own.caught_up else "The log is being read.",
        unnamed or _more(len(lines)),
    )
