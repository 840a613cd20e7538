"""Where days start and end: nulls in portfolio history, days without polls, corrected closes, dates without a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from bigdipper_exporter import calendar
from bigdipper_exporter.archive.broker import flows
from bigdipper_exporter.archive.broker.days import previous_trading_day
from bigdipper_exporter.archive.broker.repair import repair
from bigdipper_exporter.archive.broker.repository import BrokerRepository
from bigdipper_exporter.archive.broker.view import BrokerView
from bigdipper_exporter.archive.store import Store
from bigdipper_exporter.broker import decode
from bigdipper_exporter.broker.models import Account, Position
from bigdipper_exporter.broker.results import Activities, Endpoint, History, PollResult, Positions
from bigdipper_exporter.counters import Counters

HALF_DAYS_FRIDAY = (11, 28)


def moment(day: tuple[int, int], clock: str) -> float:
    return datetime.fromisoformat(f"2025-{day[0]:02d}-{day[1]:02d}T{clock}").replace(tzinfo=calendar.NEW_YORK).timestamp()


class Books:
    """The broker's side of an archive; days are (month, day) of 2025."""

    def __init__(self, path: Path) -> None:
        self.store = Store(path)
        self.book = BrokerRepository(self.store.connection, True, 0.0)
        self.records: list[Any] = []

    def put(self, endpoint: Endpoint, at: float, data: Any, side: bool = False) -> BrokerView:
        with self.store.transaction() as connection:
            self.book.write(connection, PollResult(endpoint, at, data=data, side=side), Counters())
        self.book.commit()
        return self.book.view

    def poll(
        self,
        day: tuple[int, int],
        clock: str,
        equity: float,
        last: float,
        *,
        of: tuple[int, int] | None = None,
        shares: float = 0.0,
        unrealized: float = 0.0,
        adjustments: float | None = None,
        account: str = "A",
    ) -> BrokerView:
        """Positions and account; `last` is the close of the day `of`, by default the trading day before."""
        at, today = moment(day, clock), date(2025, *day)
        position = Position("X", 1.0, "us_equity", shares, shares - unrealized, None, shares, unrealized, None, None)
        self.put("positions", at, Positions((position,) if shares else ()))
        balance_day = date(2025, *of) if of else previous_trading_day(today)
        return self.put(
            "account",
            at + 1,
            Account(
                account,
                "ACTIVE",
                equity,
                equity - shares,
                last,
                long_market_value=shares,
                short_market_value=0.0,
                balance_day=balance_day,
                intraday_adjustments=adjustments,
            ),
        )

    def history(self, at: float, equities: dict[tuple[int, int], float | None]) -> BrokerView:
        stamps = [moment(day, "20:00") for day in equities]
        points = decode.equity_points({"timestamp": stamps, "equity": list(equities.values())})
        return self.put("account", at, History(tuple(points)), side=True)

    def record(self, at: float, kind: str, amount: float, day: tuple[int, int]) -> BrokerView:
        """One more record with a date and no time."""
        text = date(2025, *day).isoformat()
        name = f"{len(self.records)}-of-{text}"
        self.records.append({"id": name, "activity_type": kind, "date": text, "net_amount": str(amount)})
        return self.put("activities", at, Activities((decode.activity(self.records[-1]),), caught_up=True))

    def day(self, day: tuple[int, int], columns: str = "starting_equity, ending_equity, cash_flow, profit") -> Any:
        return self.store.connection.execute(
            f"SELECT {columns} FROM daily_stats WHERE date = ? AND equity_source = 'alpaca'", (date(2025, *day).isoformat(),)
        ).fetchone()

    def wholes(self) -> None:
        """Every day starts where the one before ended."""
        rows = self.store.connection.execute(
            "SELECT starting_equity, ending_equity FROM daily_stats"
            " WHERE equity_source = 'alpaca' AND trading_day ORDER BY date"
        ).fetchall()
        assert [row[0] for row in rows[1:]] == [row[1] for row in rows[:-1]]


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    opened = Books(tmp_path / "archive.db")
    yield opened
    opened.store.close()


@pytest.fixture
def more_books(tmp_path: Path) -> Iterator[Callable[[], Books]]:
    opened: list[Books] = []

    def build() -> Books:
        opened.append(Books(tmp_path / f"archive-{len(opened)}.db"))
        return opened[-1]

    yield build
    for one in opened:
        one.store.close()


@pytest.mark.parametrize("nothing", [None, 0])
def test_a_deposit_on_a_day_that_the_history_lacks_is_no_profit(books: Books, nothing: float | None) -> None:
    books.poll((11, 20), "10:00", 15_000, 15_000)
    books.history(moment((11, 20), "10:01"), {(11, 14): 10_000, (11, 17): 10_000, (11, 18): nothing, (11, 19): 15_000})
    view = books.record(moment((11, 20), "10:02"), "CSD", 5_000, (11, 18))
    assert books.day((11, 18)) is None
    assert books.day((11, 19)) == (10_000, 15_000, 5_000, 0)
    assert dict(view.chain.returns)["all"] == view.chain.drawdown == 0
    books.wholes()


def test_two_days_in_a_row_that_the_history_lacks_are_in_the_next(books: Books) -> None:
    books.poll((11, 20), "10:00", 9_000, 9_000)
    books.history(moment((11, 20), "10:01"), {(11, 14): 10_000, (11, 17): None, (11, 18): None, (11, 19): 9_000})
    view = books.record(moment((11, 20), "10:02"), "CSW", -1_500, (11, 17))
    assert books.day((11, 19)) == (10_000, 9_000, -1_500, 500)
    assert dict(view.chain.returns)["all"] == pytest.approx(0.05)
    assert "1w" not in dict(view.chain.returns), "the week begins amid those days"
    # The broker has them later: each day has its own money then.
    view = books.history(moment((11, 20), "12:00"), {(11, 14): 10_000, (11, 17): 8_500, (11, 18): 8_000, (11, 19): 9_000})
    assert books.day((11, 17)) == (10_000, 8_500, -1_500, 0)
    assert books.day((11, 18)) == (8_500, 8_000, 0, -500)
    assert books.day((11, 19)) == (8_000, 9_000, 0, 1_000)
    books.wholes()


@pytest.mark.parametrize("nothing", [None, 0])
def test_nulls_at_the_ends_of_the_history(books: Books, nothing: float | None) -> None:
    books.poll((11, 20), "10:00", 9_500, 9_000)
    view = books.history(
        moment((11, 20), "10:01"),
        {(11, 13): nothing, (11, 14): nothing, (11, 17): 10_000, (11, 18): 10_000, (11, 19): nothing},
    )
    assert books.day((11, 14)) is None
    assert books.day((11, 17), "starting_equity, ending_equity, return_ratio") == (None, 10_000, None)
    assert books.day((11, 19)) == (10_000, 9_000, 0, -1_000), "its close is the last equity of the next day"
    assert dict(view.chain.returns)["all"] == pytest.approx(-0.05)
    assert view.chain.drawdown == pytest.approx(0.05)
    books.wholes()


def test_days_without_any_row_are_closed_by_the_next_last_equity(books: Books) -> None:
    books.poll((11, 3), "15:59", 100, 100, shares=100)
    books.poll((11, 4), "15:59", 100, 100, shares=100)
    view = books.poll((11, 10), "10:00", 66, 60, shares=66)
    assert books.day((11, 7)) == (100, 60, 0, -40)
    assert books.day((11, 10)) == (60, 66, 0, 6)
    assert view.chain.peak == 100
    assert view.chain.drawdown == pytest.approx(0.34)
    assert dict(view.chain.returns) == {
        "1d": pytest.approx(0.1),
        "wtd": pytest.approx(0.1),
        "1w": pytest.approx(-0.34),
        "mtd": pytest.approx(-0.34),
        "all": pytest.approx(-0.34),
    }
    books.wholes()


def test_a_weekend_after_missing_days_begins_with_the_close_of_friday(books: Books) -> None:
    books.poll((11, 4), "15:59", 100, 100, shares=100)
    view = books.poll((11, 8), "12:00", 60, 60, of=(11, 7), shares=60)
    assert books.day((11, 7)) == (100, 60, 0, -40)
    assert view.chain.drawdown == pytest.approx(0.4)
    assert dict(view.chain.returns)["all"] == pytest.approx(-0.4)


def test_a_hole_in_an_older_archive_is_closed(books: Books) -> None:
    books.poll((11, 3), "15:59", 100, 100, shares=100)
    with books.store.transaction() as connection:
        connection.execute(
            "INSERT INTO daily_stats (date, ts, trading_day, equity_source, starting_equity, ending_equity)"
            " VALUES ('2025-11-06', 0, 1, 'alpaca', 60, 60), ('2025-11-07', 0, 1, 'alpaca', 50, 50)"
        )
    view = books.poll((11, 10), "10:00", 50, 50, shares=50)
    assert books.day((11, 5)) == (100, 60, 0, -40)
    assert books.day((11, 6)) == (60, 50, 0, -10)
    assert view.chain.drawdown == pytest.approx(0.5)
    books.wholes()


@pytest.mark.parametrize("mornings", [((11, 3), (11, 4)), (HALF_DAYS_FRIDAY, (12, 1))])
def test_a_last_equity_that_is_corrected_during_the_day_is_the_close_of_the_day_before(
    books: Books, mornings: tuple[tuple[int, int], tuple[int, int]]
) -> None:
    day, after = mornings
    books.poll(day, "12:59", 10_000, 10_000, shares=8_000)
    books.poll(after, "04:01", 10_000, 10_000, shares=8_000)
    view = books.poll(after, "08:00", 9_600, 9_600, shares=7_600)
    assert books.day(day) == (10_000, 9_600, 0, -400)
    assert books.day(after) == (9_600, 9_600, 0, 0)
    assert view.day_profit == 0
    assert view.chain.drawdown == pytest.approx(0.04)
    view = books.poll(after, "09:00", 9_600, 9_700, shares=7_600)
    assert books.day(day)[1] == books.day(after)[0] == 9_700
    assert view.chain.drawdown == pytest.approx(0.04)


@pytest.mark.parametrize("first", [35_000, 45_000])
def test_a_deposit_after_the_close_that_the_broker_adds_to_last_equity_counts_once(books: Books, first: float) -> None:
    books.poll((11, 4), "15:59", 35_000, 35_000, shares=30_000)
    books.poll((11, 4), "16:29", 35_000, 35_000, shares=30_000)
    for minute in range(30, 36):
        books.poll((11, 4), f"16:{minute}", 45_000, 35_000, shares=30_000)
    for clock in ("09:00", "09:01", "11:00", "12:00", "12:30", "13:00"):
        last = first if clock < "11" else 45_000
        view = books.poll((11, 5), clock, 45_000, last, shares=30_000)
        # For an hour, a close so far from the polled one is not believed.
        assert view.day_profit == (pytest.approx(0) if view.doubts == () or clock > "12" else None)
        assert view.chain.drawdown == pytest.approx(0)
        assert books.day((11, 4)) == (35_000, 35_000, 0, 0)
        assert books.day((11, 5))[3] == pytest.approx(0)
    view = books.poll((11, 6), "10:00", 45_000, 45_000, shares=30_000)
    assert dict(view.chain.returns)["all"] == pytest.approx(0)
    books.wholes()


@pytest.mark.parametrize(
    ("closes", "dated", "moved"),
    [
        ((35_000, 35_000, 45_000, 45_000), (11, 14), (11, 17)),  # after the close of a Friday
        ((35_000, 35_000, 45_000, 45_000), (11, 17), (11, 17)),
        ((35_000, 45_000, 45_000, 45_000), (11, 17), (11, 14)),  # in the equity before it was booked
        ((35_000, 35_000, 45_000, 45_000), (11, 15), (11, 17)),  # a Saturday
        ((35_000, 45_000, 45_000, 45_000), (11, 16), (11, 14)),
        ((35_000, 35_000, 25_000, 25_000), (11, 14), (11, 17)),
        ((35_000, 34_700, 45_100, 45_000), (11, 14), (11, 17)),  # prices moved as well
    ],
)
def test_a_date_without_a_time_counts_where_the_closes_show_it(
    books: Books, closes: tuple[float, ...], dated: tuple[int, int], moved: tuple[int, int]
) -> None:
    days = ((11, 13), (11, 14), (11, 17), (11, 18))
    amount = 10_000 if closes[-1] > closes[0] else -10_000
    books.poll((11, 19), "10:00", closes[-1], closes[-1])
    books.history(moment((11, 19), "10:01"), dict(zip(days, closes, strict=True)))
    view = books.record(moment((11, 19), "10:02"), "CSD" if amount > 0 else "CSW", amount, dated)
    for before, day, start, end in zip(days, days[1:], closes, closes[1:], strict=False):
        assert before < day
        flow = amount if day == moved else 0
        assert books.day(day) == (start, end, flow, end - start - flow)
    assert (view.chain.drawdown or 0) < 0.01
    again = books.history(moment((11, 19), "11:00"), dict(zip(days, closes, strict=True)))
    assert again.chain.returns == view.chain.returns
    assert books.store.connection.execute("SELECT sum(cash_flow) FROM daily_stats").fetchone() == (amount,)


@pytest.mark.parametrize("amounts", [(4_000, 6_000), (5_000, 5_000)])
def test_two_deposits_of_one_date_are_placed_together(books: Books, amounts: tuple[float, float]) -> None:
    books.poll((11, 19), "10:00", 45_000, 45_000)
    books.history(moment((11, 19), "10:01"), {(11, 13): 35_000, (11, 14): 35_000, (11, 17): 45_000, (11, 18): 45_000})
    for amount in amounts:
        books.record(moment((11, 19), "10:02"), "CSD", amount, (11, 14))
    assert books.day((11, 14)) == (35_000, 35_000, 0, 0)
    assert books.day((11, 17)) == (35_000, 45_000, 10_000, 0)


def test_where_no_neighbour_fits_the_date_stands(books: Books) -> None:
    books.poll((11, 19), "10:00", 35_400, 35_400)
    books.history(moment((11, 19), "10:01"), {(11, 13): 35_000, (11, 14): 34_500, (11, 17): 35_600, (11, 18): 35_400})
    books.record(moment((11, 19), "10:02"), "CSD", 500, (11, 14))
    assert books.day((11, 14)) == (35_000, 34_500, 500, -1_000)


def test_a_poll_of_days_ago_stands_for_no_close(books: Books) -> None:
    books.poll((11, 3), "15:58", 10_000, 10_000, shares=8_000, unrealized=100)
    books.poll((11, 4), "12:00", 10_000, 10_000, shares=8_000, unrealized=100)
    books.poll((11, 7), "10:00", 10_400, 10_400, shares=8_400, unrealized=500)
    books.history(moment((11, 7), "10:01"), {(11, 3): 10_000, (11, 4): 10_000, (11, 5): 10_300, (11, 6): 10_400})
    for day in ((11, 4), (11, 5), (11, 6), (11, 7)):
        assert books.day(day, "unrealized_change, other") == (None, None)


def test_the_newest_poll_stands_for_a_day_that_goes_on(books: Books) -> None:
    books.poll((11, 3), "15:58", 10_000, 10_000, shares=8_000, unrealized=100)
    books.poll((11, 4), "10:00", 10_050, 10_000, shares=8_050, unrealized=150)
    assert books.day((11, 4), "unrealized_change, other") == (50, 0)
    books.put("account", moment((11, 4), "11:00"), Account("A", "ACTIVE", 10_080.0, 2_000.0, 10_000.0))
    assert books.day((11, 4), "unrealized_change, other") == (None, None), "its positions are an hour old"


def test_a_weekend_lies_between_two_closes(books: Books) -> None:
    books.poll((11, 28), "12:58", 10_000, 10_000, shares=8_000, unrealized=100)
    books.poll((12, 1), "12:58", 10_050, 10_000, shares=8_050, unrealized=150)
    assert books.day((12, 1), "unrealized_change, other") == (50, 0)


def test_an_account_that_answers_after_another_one_has_its_past(more_books: Callable[[], Books]) -> None:
    alone, second = more_books(), more_books()
    second.poll((11, 18), "10:00", 100_000, 100_000, account="another")
    history = {(11, 12): 10_000.0, (11, 13): 10_000.0, (11, 14): 6_000.0, (11, 17): 6_000.0}
    views = []
    for books in (alone, second):
        books.poll((11, 18), "11:00", 6_000, 6_000)
        books.history(moment((11, 18), "11:01"), dict(history))
        views.append(books.poll((11, 18), "11:02", 6_000, 6_000))
    assert views[0].chain == views[1].chain
    assert views[1].chain.drawdown == pytest.approx(0.4)
    assert second.day((11, 14), "drawdown_ratio") == alone.day((11, 14), "drawdown_ratio") == (pytest.approx(-0.4),)
    back = second.poll((11, 18), "12:00", 100_000, 100_000, account="another")
    assert dict(back.chain.returns)["all"] == 0


def deposit_after_a_close(books: Books, amount: float, last: float) -> None:
    """35,000 dollars, nothing earned; `amount` comes at 16:30 on 4 November, and `last` is the close that the 5th is told."""
    books.poll((11, 3), "15:59", 35_000, 35_000, shares=30_000)
    for clock in ("15:59", "16:29"):
        books.poll((11, 4), clock, 35_000, 35_000, shares=30_000)
    for minute in range(30, 36):
        books.poll((11, 4), f"16:{minute}", 35_000 + amount, 35_000, shares=30_000, adjustments=amount)
    books.poll((11, 5), "10:00", 35_000 + amount, 35_000, shares=30_000)
    for clock in ("10:01", "11:00", "11:30", "12:00", "15:59"):
        books.poll((11, 5), clock, 35_000 + amount, last, shares=30_000)


def test_a_deposit_that_an_older_archive_has_in_the_start_of_a_day_is_in_no_close(books: Books) -> None:
    deposit_after_a_close(books, 10_000, 45_000)
    with books.store.transaction() as connection:
        connection.execute("UPDATE daily_stats SET ending_equity = 35000, profit = 0 WHERE date = '2025-11-04'")
        connection.execute(
            "UPDATE daily_stats SET starting_equity = 45000, profit = -10000, return_ratio = -0.2 WHERE date = '2025-11-05'"
        )
    view = books.poll((11, 6), "10:00", 45_000, 45_000, shares=30_000)
    assert books.day((11, 4)) == (35_000, 35_000, 0, 0)
    assert books.day((11, 5)) == (35_000, 45_000, 10_000, 0)
    assert dict(view.chain.returns)["all"] == view.chain.drawdown == 0
    books.wholes()


def test_repair_leaves_a_deposit_after_the_close_where_it_is(books: Books) -> None:
    deposit_after_a_close(books, 10_000, 45_000)
    books.poll((11, 6), "10:00", 45_000, 45_000, shares=30_000)
    with books.store.transaction() as connection:
        assert repair(connection, date(2025, 11, 4)) == ([], 0)
    assert books.day((11, 4)) == (35_000, 35_000, 0, 0)
    assert books.day((11, 5)) == (35_000, 45_000, 10_000, 0)


def test_a_deposit_of_today_is_not_moved_while_the_day_goes_on(books: Books) -> None:
    books.poll((11, 3), "15:59", 35_000, 35_000, shares=30_000)
    books.poll((11, 4), "15:59", 36_000, 35_000, shares=31_000)
    books.poll((11, 5), "08:00", 36_000, 36_000, shares=31_000)
    books.poll((11, 5), "09:00", 37_000, 36_000, shares=31_000)
    books.record(moment((11, 5), "09:01"), "CSD", 1_000, (11, 5))
    view = books.poll((11, 5), "10:00", 36_000, 36_000, shares=30_000)  # prices take it back for an hour
    assert books.day((11, 4)) == (35_000, 36_000, 0, 1_000)
    assert view.day_profit == -1_000
    books.poll((11, 5), "15:59", 37_000, 36_000, shares=31_000)
    books.poll((11, 6), "10:00", 37_000, 37_000, shares=31_000)
    assert books.day((11, 4)) == (35_000, 36_000, 0, 1_000)
    assert books.day((11, 5)) == (36_000, 37_000, 1_000, 0)


@pytest.mark.parametrize(
    "closes",
    [
        (35_000, 35_000, 35_350, 35_350),  # below 2 % of equity: the prices of two usual days
        (35_000, 35_000, 36_400, 36_000),  # the neighbour earned four tenths of the flow beyond it
    ],
)
def test_a_flow_that_usual_days_may_hide_stays_at_its_date(books: Books, closes: tuple[float, ...]) -> None:
    amount = closes[3] - closes[0]
    books.poll((11, 19), "10:00", closes[3], closes[3])
    books.history(moment((11, 19), "10:01"), dict(zip(((11, 13), (11, 14), (11, 17), (11, 18)), closes, strict=True)))
    books.record(moment((11, 19), "10:02"), "CSD", amount, (11, 14))
    assert books.day((11, 14)) == (35_000, closes[1], amount, closes[1] - 35_000 - amount)


def test_a_deposit_dated_on_the_day_before_is_moved_once_its_own_day_is_over(books: Books) -> None:
    books.poll((11, 4), "12:00", 35_000, 35_000)
    books.record(moment((11, 4), "12:01"), "CSD", 10_000, (11, 4))
    books.poll((11, 5), "10:00", 45_000, 35_000)
    books.poll((11, 5), "15:59", 45_000, 35_000)
    books.poll((11, 6), "10:00", 45_000, 45_000)
    assert books.day((11, 4)) == (35_000, 35_000, 0, 0)
    assert books.day((11, 5)) == (35_000, 45_000, 10_000, 0)


@pytest.mark.parametrize("amount", [500, -500, 20])
def test_a_small_deposit_after_a_polled_close_counts_once(books: Books, amount: float) -> None:
    with books.store.transaction() as connection:
        flows.notice(connection, moment((11, 4), "16:30"), amount)
    deposit_after_a_close(books, amount, 35_000 + amount)
    books.poll((11, 6), "10:00", 35_000 + amount, 35_000 + amount, shares=30_000)
    assert books.day((11, 4)) == (35_000, 35_000, 0, 0)
    assert books.day((11, 5)) == (35_000, 35_000 + amount, amount, 0)


def test_a_small_deposit_after_the_close_that_is_not_in_last_equity_stays_out_of_it(books: Books) -> None:
    with books.store.transaction() as connection:
        flows.notice(connection, moment((11, 4), "16:30"), 500)
    deposit_after_a_close(books, 500, 35_010)  # the last minute before the close earned ten dollars
    assert books.day((11, 4)) == (35_000, 35_010, 0, 10)
    assert books.day((11, 5)) == (35_010, 35_500, 500, -10)


@pytest.mark.parametrize(("polled", "found"), [("15:50", 150), ("15:20", None)])
def test_a_close_without_fresh_positions_takes_the_newest_profit_near_it(
    books: Books, polled: str, found: float | None
) -> None:
    books.poll((11, 3), "15:59", 10_000, 10_000, shares=8_000, unrealized=100)
    books.poll((11, 4), polled, 10_150, 10_000, shares=8_150, unrealized=250)
    books.put("account", moment((11, 4), "15:58"), Account("A", "ACTIVE", 10_150.0, 2_000.0, 10_000.0))
    books.poll((11, 5), "10:00", 10_150, 10_150, shares=8_150, unrealized=250)
    assert books.day((11, 4), "unrealized_change, other") == (found, None if found is None else 0)
