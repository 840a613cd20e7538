"""Years of an account: the simulator's books and the archive agree to the cent, on the days that real accounts have."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bigdipper_exporter.calendar import is_half_day, is_trading_day
from bigdipper_exporter.demo.simulator import nyse
from tests.alpaca.test_wash_sale import by_the_share
from tests.alpaca.years import PLAIN, Books, Years, drawdowns, orders_of, truth

CENT = 0.005
COLUMNS = (
    "date, starting_equity, ending_equity, deposits, withdrawals, cash_flow, dividends, fees, interest, realized_pl, profit,"
    " return_ratio, drawdown_ratio, adjusted_peak"
)


def test_the_product_knows_the_trading_days_of_the_exchange() -> None:
    for year in nyse.CLOSED:
        for ordinal in range(date(year, 1, 1).toordinal(), date(year + 1, 1, 1).toordinal()):
            day = date.fromordinal(ordinal)
            assert (is_trading_day(day), is_half_day(day)) == (nyse.trades_on(day), nyse.is_half_day(day)), day


def differences(rows: dict[str, tuple[Any, ...]], books: Books, until: date) -> list[str]:
    """What the archive's days say otherwise than the books."""
    days = truth(books)
    fallen = drawdowns(days)
    found = []
    for day, t in days.items():
        if day >= until:
            continue
        row = rows.get(day.isoformat())
        if row is None:
            found.append(f"{day}: no row")
            continue
        start, end, deposits, withdrawals, flow, dividends, fees, interest, realized, profit, ratio, drawdown, peak = row
        expected = {
            "start": (start, t.start),
            "end": (end, t.end),
            "deposits": (deposits, t.deposits),
            "withdrawals": (withdrawals, t.withdrawals),
            "flow": (flow, t.deposits - t.withdrawals),
            "dividends": (dividends, t.income["dividends"]),
            "fees": (fees, t.income["fees"]),
            "interest": (interest, t.income["interest"]),
            "realized": (realized, t.realized),
            "profit": (profit, t.profit),
            "peak": (peak, fallen[day][1]),
        }
        found += [
            f"{day} {name}: {got} instead of {want if want is None else float(want)}"
            for name, (got, want) in expected.items()
            if (got is None) != (want is None) or (got is not None and want is not None and abs(got - float(want)) > CENT)
        ]
        ratios = {"return": (ratio, float(t.ratio)), "drawdown": (drawdown, fallen[day][0])}
        found += [
            f"{day} {name}: {got} instead of {want}"
            for name, (got, want) in ratios.items()
            if got is None or abs(got - want) > 1e-9
        ]
    return found


def rows(years: Years, table: str, condition: str) -> dict[str, tuple[Any, ...]]:
    query = f"SELECT {COLUMNS} FROM {table} WHERE {condition} ORDER BY date"
    return {day: tuple(values) for day, *values in years.store.connection.execute(query)}


def differences_of_all(years: Years) -> list[str]:
    """Compare every account that answered; the day whose close no answer came after is left out."""
    found = []
    for books in years.past:
        *_, last = books.ledger.days
        found += differences(rows(years, "former_daily_stats", f"account_id = '{books.ledger.id}'"), books, last)
    return found + differences(rows(years, "daily_stats", "equity_source = 'alpaca'"), years.books, years.days[-1])


def wash_sales_differ(years: Years) -> list[str]:
    """Compare loss and deferred loss of the symbols without splits with the share-by-share reference."""
    found = []
    for symbol in PLAIN:
        names, orders = orders_of(years.books.ledger, symbol)
        expected = {names[n]: sums for n, sums in by_the_share(orders).items() if sums[0]}
        query = "SELECT activity_id, loss, disallowed FROM wash_sales WHERE symbol = ?"
        got = {i: values for i, *values in years.store.connection.execute(query, (symbol,))}
        if set(got) != set(expected):
            found.append(f"{symbol}: {len(got)} sales at a loss instead of {len(expected)}")
            continue
        for i, sums in expected.items():
            if any(abs(a - float(b) / 100) > CENT for a, b in zip(got[i], sums, strict=True)):
                found.append(f"{symbol} {i}: {got[i]} instead of {[float(x) / 100 for x in sums]}")
    return found


def check(years: Years) -> None:
    """Live the years and compare all that is left of them."""
    try:
        years.run()
        assert len(years.glitches) > 15
        assert differences_of_all(years) == []
        assert wash_sales_differ(years) == []
        years.poll(years.now + 60)
        connection, view, ledger = years.store.connection, years.book.view, years.ledger
        assert view.account is not None
        assert view.positions is not None
        assert connection.execute("SELECT kind, detail FROM discrepancies").fetchall() == []
        assert connection.execute("SELECT count(*) FROM implausible_answers").fetchone()[0] >= len(years.glitches) / 2
        assert (view.account.equity, view.account.cash) == (ledger.equity() / 1e6, ledger.cash / 1e6)
        assert {p.symbol: p.quantity for p in view.positions} == {s: p.qty / 1e4 for s, p in ledger.positions.items()}
    finally:
        years.close()


def test_a_year_with_a_reset_agrees_to_the_cent(tmp_path: Path) -> None:
    check(Years(tmp_path, date(2021, 1, 4), date(2021, 12, 31), reset=date(2021, 3, 1)))


@pytest.mark.soak
@pytest.mark.parametrize("seed", [5, 6])
def test_five_years_agree_to_the_cent(tmp_path: Path, seed: int) -> None:
    check(Years(tmp_path, date(2021, 1, 4), date(2025, 12, 31), reset=date(2023, 8, 1), seed=seed))
