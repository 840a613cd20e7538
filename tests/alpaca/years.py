"""Years of an account's life in seconds: the simulator's books on one side, the archive on the other, no socket between.

Prices, trades, flows and odd answers come from a seed. The answers go through the exporter's own readers (`broker.fetch`) into
`BrokerRepository`, some times a day. What must come out is added up here from the books, in whole numbers.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from bigdipper_exporter.archive.broker.repository import BrokerRepository
from bigdipper_exporter.archive.store import Store
from bigdipper_exporter.broker import fetch
from bigdipper_exporter.broker.fetch import Resume
from bigdipper_exporter.broker.results import Data, Endpoint, PollResult
from bigdipper_exporter.calendar import NEW_YORK
from bigdipper_exporter.counters import Counters
from bigdipper_exporter.demo.simulator import nyse, queries, securities
from bigdipper_exporter.demo.simulator.books import Asset
from bigdipper_exporter.demo.simulator.ledger import Ledger
from bigdipper_exporter.demo.simulator.units import SHARE, cents, money

DAY = timedelta(days=1)
PLAIN = {"NEE": 8_400, "RTX": 9_200, "AMD": 11_000, "KO": 6_100}  # whole shares, no splits: for the wash-sale oracle
SPLITTING = {"NVDA": 40_000, "TSLA": 72_000}  # cents
MOVED = {"IBM": 14_000, "PFE": 3_900}
OPTION, ADJUSTED = "AMD270115C00150000", "NVDA1270115C00300000"
PRICES = PLAIN | SPLITTING | MOVED | {OPTION: 850, ADJUSTED: 1_200}
EVENTFUL = (3, 11, 17, 23, 29, 35)
Change = Callable[[Any], Any]


def at(day: date, clock: str) -> float:
    """Unix seconds of a New York wall-clock time."""
    return datetime.combine(day, time.fromisoformat(clock), NEW_YORK).timestamp()


def trading_days(first: date, last: date) -> list[date]:
    """The days from `first` to `last` on which the exchange opens, by the frozen data."""
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [day for day in days if nyse.trades_on(day)]


@dataclass
class Books:
    """One account: its ledger, and the equity at every honest poll."""

    ledger: Ledger
    polls: list[tuple[float, int]] = field(default_factory=list)


# -- odd answers: what to change in an answer of the account (a mapping of paths), until the next honest round

Glitch = Callable[[Ledger], dict[str, Change]]


def _account(**fields: Callable[[dict[str, Any]], float]) -> Glitch:
    def changes(ledger: Ledger) -> dict[str, Change]:
        return {"/account": lambda body: body | {name: str(value(body)) for name, value in fields.items()}}

    return changes


def _unpriced(ledger: Ledger) -> dict[str, Change]:
    """The broker loses the price of a position for one round; equity and sums go without it."""
    symbol = max(ledger.positions, key=lambda s: abs(ledger.value(s)))
    nulls = dict.fromkeys(("market_value", "current_price", "unrealized_pl", "unrealized_plpc", "unrealized_intraday_pl"))
    return {"/positions": lambda body: [p | nulls if p["symbol"] == symbol else p for p in body]}


GLITCHES: dict[str, Glitch] = {
    "equity astray": _account(equity=lambda a: float(a["equity"]) * 3.8),
    "equity and cash astray": _account(
        equity=lambda a: float(a["equity"]) * 2.9, cash=lambda a: float(a["cash"]) + float(a["equity"]) * 1.9
    ),
    "all zero": _account(
        equity=lambda a: 0, cash=lambda a: 0, long_market_value=lambda a: 0, short_market_value=lambda a: 0,
        last_equity=lambda a: 0,
    ),
    "nothing held": _account(long_market_value=lambda a: 0),
    "no last equity": _account(last_equity=lambda a: 0),
    "empty positions": lambda ledger: {"/positions": lambda body: []},
    "no price": _unpriced,
}  # fmt: skip


class Years:
    """The life of an account from `first` to `last`, with a paper reset on `reset`. `run` lives it."""

    def __init__(self, folder: Path, first: date, last: date, reset: date | None = None, seed: int = 5) -> None:
        self.days, self.reset = trading_days(first, last), reset
        self.chance = random.Random(f"years {seed}")
        self.prices = dict(PRICES)
        self.store = Store(folder / "archive.db")
        self.now = at(self.days[0], "09:00")
        self.book = BrokerRepository(self.store.connection, True, self.now)
        self.counters = Counters()
        self.changes: dict[str, Change] = {}
        self.past: list[Books] = []
        self.later: list[tuple[float, Callable[[], None]]] = []
        self.glitches: list[tuple[float, str]] = []
        self.open_account(seed)

    def open_account(self, seed: int) -> None:
        """Begin with a new account, whose history the readers begin again."""
        self.books = Books(Ledger(60_000, seed=seed, opened=self.now))
        self.ledger.assets[OPTION] = Asset(OPTION, "", "us_option", 100)
        self.ledger.assets[ADJUSTED] = Asset(ADJUSTED, "", "us_option", 10)
        self.ledger.marks.update(self.prices)
        self.orders = fetch.OrdersFollower(Resume(), self.now)
        self.activities = fetch.ActivitiesReader(Resume())
        self.backfill = fetch.OrdersBackfill(Resume())

    @property
    def ledger(self) -> Ledger:
        return self.books.ledger

    # -- the broker's answers

    def get(self, path: str, query: Mapping[str, str | int] | None = None) -> Any:
        """Answer as the stand-in broker does, through JSON."""
        body = queries.answer(self.ledger, f"/v2{path}", {k: str(v) for k, v in (query or {}).items()}, self.now)
        return json.loads(json.dumps(self.changes.get(path, lambda same: same)(body)))

    def write(self, endpoint: Endpoint, fetched: fetch.Fetched[Data], side: bool = False) -> None:
        with self.store.transaction() as connection:
            self.book.write(
                connection,
                PollResult(endpoint, self.now, data=fetched.data, rejected=fetched.rejected, side=side),
                self.counters,
            )
            self.counters.flush(connection)
        self.counters.commit()
        self.book.commit()

    def poll(self, when: float) -> None:
        """Ask for positions and account at `when` (unix seconds)."""
        self.go_to(when)
        self.write("positions", fetch.positions(self.get))
        self.now += 1
        self.write("account", fetch.account(self.get))
        if "/account" not in self.changes:
            self.books.polls.append((self.now, self.ledger.equity()))

    def read_history(self) -> None:
        """Ask for orders and activities."""
        self.now += 1
        self.write("orders", self.orders.poll(self.get, full=True))
        while not self.backfill.done:
            self.write("orders", self.backfill.page(self.get), side=True)
        self.write("activities", self.activities.poll(self.get, self.now))
        while not self.activities.caught_up:
            self.write("activities", self.activities.poll(self.get, self.now))

    def go_to(self, when: float) -> None:
        """Let time pass up to `when`, with what is due until then."""
        while self.later and self.later[0][0] <= when:
            moment, action = self.later.pop(0)
            self.now = max(self.now, moment)
            action()
        self.now = max(self.now, when)

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        self.later.append((self.now + seconds, action))
        self.later.sort(key=lambda item: item[0])

    # -- the market and its people

    def move_prices(self, share: float = 1.0) -> None:
        for symbol, price in self.prices.items():
            wild = 3.0 if symbol in (OPTION, ADJUSTED) else 1.0
            change = self.chance.gauss(0.0004, 0.012) * share * wild + (PRICES[symbol] / price - 1) * 0.003
            self.prices[symbol] = max(round(price * (1 + max(min(change, 0.2), -0.2))), 20)
        self.ledger.marks.update(self.prices)

    def trade(self) -> None:
        """Buy, or sell a part or all of something, in one or two executions."""
        symbol = self.chance.choice([*PLAIN, *SPLITTING, OPTION, ADJUSTED])
        held = self.ledger.positions.get(symbol)
        option = symbol in (OPTION, ADJUSTED)
        if held is not None and self.chance.random() < 0.45:
            part = self.chance.choice((1.0, 1.0, 0.5))
            shares = -max(int(held.qty * part) // SHARE, 1) if symbol in PLAIN or option else -int(held.qty * part) / SHARE
        elif option:
            shares = self.chance.randint(1, 3)
        else:
            worth = self.chance.randint(800, 3_000)
            shares = max(int(worth * 100 / self.prices[symbol]), 2)
            if symbol in SPLITTING:
                shares += self.chance.choice((0, 0.5, 0.125))
        if shares > 0 and self.ledger.sides()[0] > 1.05 * self.ledger.equity():
            return
        price = self.prices[symbol]
        order = self.ledger.place(symbol, shares, price / 100 if self.chance.random() < 0.5 else None, self.now)
        if order.qty >= 2 * SHARE and self.chance.random() < 0.3:
            self.ledger.fill(order, SHARE, price, self.now + 3)
            self.now += 40
        self.ledger.fill(order, order.remaining, price, self.now + 5)
        self.now += 10

    def flow(self, dollars: float) -> None:
        """Book a deposit or a withdrawal now."""
        self.ledger.book("CSD" if dollars > 0 else "CSW", money(dollars), self.now, "by the owner")
        self.ledger.adjustments += money(dollars)

    def announce(self, dollars: float, seconds: float) -> None:
        """Move cash now; its activity comes `seconds` later."""
        ledger, amount, kind = self.ledger, securities.announce(self.ledger, dollars), "CSD" if dollars > 0 else "CSW"
        self.after(seconds, lambda: self._book_announced(ledger, kind, amount))

    def _book_announced(self, ledger: Ledger, kind: str, amount: int) -> None:
        ledger.record(kind, amount, self.now, "announced before")

    # -- a day

    def run(self) -> None:
        """Live all days."""
        for number, day in enumerate(self.days):
            if day == self.reset:
                self.past.append(self.books)
                self.later.clear()
                self.now = max(self.now, at(day, "05:00"))
                self.prices = dict(PRICES)
                self.open_account(seed=77)
            elif number:
                self._idle_days(self.days[number - 1], day)
                self._open(number, day)
            self._session(number, day)
            self._evening(number, day)

    def _idle_days(self, before: date, day: date) -> None:
        """Weekends and holidays: banks and people go on."""
        idle = before + DAY
        while idle < day:
            if self.chance.random() < 0.1:
                self.go_to(at(idle, "11:00"))
                self.flow(self.chance.choice((-700, 1_500, 2_500.55)))
            if self.chance.random() < 0.3:
                self.poll(at(idle, "12:00"))
            idle += DAY

    def _open(self, number: int, day: date) -> None:
        if number % 37 == 5:
            self.go_to(at(day, "02:00"))
            self.flow(1_234.56)
        self.go_to(at(day, "04:00"))
        self.ledger.open_day(day, self.now)
        if number % 101 == 50:
            self._split(number // 101)
        for offset, symbol in enumerate(PLAIN):
            held = self.ledger.positions.get(symbol)
            if number % 63 == 9 + offset and held is not None and held.qty > 0:
                self.ledger.dividend(symbol, "0.37", self.now)
        self.poll(at(day, "04:30"))

    def _split(self, turn: int) -> None:
        symbol, (new, old) = list(SPLITTING)[turn % 2], ((4, 1), (3, 2), (1, 2), (10, 1))[turn % 4]
        held = self.ledger.positions.get(symbol)
        if held is None or held.qty * new % old or self.ledger.marks[symbol] * old % new:
            self.ledger.marks[symbol] -= self.ledger.marks[symbol] * old % new
            if held is not None and held.qty * new % old:
                return
        securities.split(self.ledger, symbol, new, old, self.now)
        self.prices[symbol] = self.ledger.marks[symbol]

    def _session(self, number: int, day: date) -> None:
        hours = nyse.regular(day)
        assert hours is not None
        opened, closed = hours
        self.go_to(opened + 900)
        self.move_prices()
        for _ in range(self.chance.choice((0, 1, 1, 2))):
            self.trade()
        self.poll(opened + 1800)
        self.go_to(opened + 2 * 3600)
        self.move_prices(0.5)
        self._events(number)
        self.poll(opened + 3 * 3600)
        if number % 41 in EVENTFUL:
            self.read_history()
        if number % 13 == 7:
            self._glitch(number // 13)
        self.go_to(closed - 600)
        self.move_prices(0.5)
        self.poll(closed - 120)
        self.go_to(closed)
        self.move_prices(0.05)
        self.ledger.close_day(day)

    def _events(self, number: int) -> None:
        turn = number % 41
        if turn == 3:
            self.flow(self.chance.choice((5_000, -1_500, 250.25)))
        elif turn == 11:
            self.announce(4_000, 3 * 3600)
        elif turn == 17:
            self.ledger.book("FEE", -money("1.37"), self.now, "TAF fee")
        elif turn == 23:
            self.announce(-900, 20 * 3600)
        elif turn == 29:
            kind = ("ACATS", "JNLS", "JNL", "FOPT")[number // 41 % 4]
            symbol = list(MOVED)[number // 41 % 2]
            securities.transfer(self.ledger, kind, symbol, 20, self.prices[symbol] / 100, self.now)
        elif turn == 35:
            for symbol in MOVED:
                if symbol in self.ledger.positions:
                    self.ledger.trade(symbol, -self.ledger.positions[symbol].qty / SHARE, self.prices[symbol] / 100, self.now)

    def _glitch(self, turn: int) -> None:
        name = list(GLITCHES)[turn % len(GLITCHES)]
        self.glitches.append((self.now, name))
        self.changes = GLITCHES[name](self.ledger)
        for minutes in range(1, 1 + turn % 3):
            self.poll(self.now + 60 * minutes)
        self.changes = {}
        self.poll(self.now + 60)
        self.poll(self.now + 60)

    def _evening(self, number: int, day: date) -> None:
        if number % 29 == 4:
            self.go_to(self.now + 1800)
            self.flow(self.chance.choice((3_000, -800)))
            self.poll(self.now + 600)
        self.go_to(max(self.now + 600, at(day, "18:00")))
        self.read_history()

    def close(self) -> None:
        self.store.connection.close()
        self.store.close()


# -- what must come out


@dataclass
class Truth:
    """One day, US dollars as exact fractions. realized: first in, first out; None where shares came from elsewhere."""

    start: Fraction
    end: Fraction
    deposits: Fraction
    withdrawals: Fraction
    income: dict[str, Fraction]
    realized: Fraction | None
    peak: Fraction | None

    @property
    def profit(self) -> Fraction:
        return self.end - self.start - self.deposits + self.withdrawals

    @property
    def ratio(self) -> Fraction:
        return (self.end + self.withdrawals) / (self.start + self.deposits) - 1


def close_of(day: date) -> float:
    hours = nyse.regular(day)
    assert hours is not None
    return hours.close


def realized_by_fill(ledger: Ledger) -> dict[str, Fraction | None]:
    """What each execution realised, first in, first out, in dollars."""
    lots: dict[str, deque[list[Fraction]]] = defaultdict(deque)
    unknown: dict[str, Fraction] = {}
    held: dict[str, Fraction] = defaultdict(Fraction)
    result: dict[str, Fraction | None] = {}
    for activity in ledger.activities:
        body = activity.body
        symbol = body.get("symbol", "")
        if activity.type == "SPLIT":
            ratio = 1 + Fraction(body["qty"]) / held[symbol]
            for lot in lots[symbol]:
                lot[0] *= ratio
                lot[1] /= ratio
            held[symbol] *= ratio
        elif activity.type in ("ACATS", "JNLS", "JNL", "FOPT"):
            held[symbol] += Fraction(body["qty"])
            unknown[symbol] = Fraction(0)
        elif activity.type == "FILL":
            left, price = Fraction(body["qty"]), Fraction(body["price"]) * ledger.asset(symbol).multiplier
            if body["side"] == "buy":
                held[symbol] += left
                lots[symbol].append([left, price])
                continue
            held[symbol] -= left
            if symbol in unknown:
                result[activity.id] = None
                if not held[symbol]:
                    del unknown[symbol]
                    lots[symbol].clear()
                continue
            gain = Fraction(0)
            while left:
                lot = lots[symbol][0]
                part = min(left, lot[0])
                gain += part * (price - lot[1])
                lot[0] -= part
                left -= part
                if not lot[0]:
                    lots[symbol].popleft()
            result[activity.id] = gain
    return result


def truth(books: Books) -> dict[date, Truth]:
    """The closed days of an account."""
    ledger, realized = books.ledger, realized_by_fill(books.ledger)
    unit = Fraction(1, 1_000_000)
    days: dict[date, Truth] = {}
    before = ledger.created
    start = first = Fraction(str(ledger.cash_deposit))
    for day, closed in ledger.days.items():
        end = close_of(day)
        fills = [a for a in ledger.fills() if before < a.at / 1e9 <= end and a.body["side"] != "buy"]
        gains = [realized[a.id] for a in fills]
        deposits = closed.deposits * unit - (0 if days else first)
        polls = [equity for ts, equity in books.polls if before < ts <= end]
        pairs = [min(a, b) for a, b in pairwise(polls)]
        days[day] = Truth(
            start,
            closed.equity * unit,
            deposits,
            (closed.deposits - closed.cash_flow) * unit,
            {kind: closed.booked[name] * unit for kind, name in (("dividends", "DIV"), ("fees", "FEE"), ("interest", "INT"))},
            None if None in gains else sum((g for g in gains if g is not None), Fraction(0)),
            max(pairs) * unit if pairs else None,
        )
        start, before = closed.equity * unit, end
    return days


def drawdowns(days: Mapping[date, Truth]) -> dict[date, tuple[float, float]]:
    """Distance from the peak, in (-1, 0], and the peak in dollars of the day, for each day."""
    index = top = Fraction(1)
    found = {}
    for day, t in days.items():
        if t.peak is not None:
            top = max(top, index * t.peak / (t.start + t.deposits))
        index = Fraction(float(index * (1 + t.ratio)))
        top = Fraction(float(max(top, index)))
        found[day] = float(index / top - 1), float(t.end * top / index)
    return found


def orders_of(ledger: Ledger, symbol: str) -> tuple[dict[int, str], list[tuple[int, int, list[int], int]]]:
    """The orders of a symbol as `by_the_share` takes them, and the id of the last execution of each; prices in cents."""
    found: dict[str, tuple[int, int, list[int], int]] = {}
    last: dict[str, str] = {}
    for activity in ledger.fills():
        body = activity.body
        if body["symbol"] != symbol:
            continue
        day = datetime.fromtimestamp(activity.at / 1e9, NEW_YORK).date()
        side = 1 if body["side"] == "buy" else -1
        order = found.setdefault(body["order_id"], ((day - date(2025, 1, 2)).days, side, [], cents(body["price"])))
        order[2].append(int(Fraction(body["qty"])))
        last[body["order_id"]] = activity.id
    return dict(enumerate(last.values())), list(found.values())
