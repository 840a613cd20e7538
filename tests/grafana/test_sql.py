"""Every SQL of every board against archives by the real schema; the figures against plain loops over the raw rows."""

import math
import re
import sqlite3
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import pytest

from tests.grafana.asked import PANELS, Asked, answer, fill, rows, statements
from tests.grafana.conftest import UNTIL
from tests.grafana.synthetic import SYMBOLS, empty

NOW = UNTIL.timestamp()
WEEK = NOW - 7 * 86400, NOW
DESK = 1440  # pixels; 16 are left at each side, 8 between two panels, 26 around the columns of a table
each_table = pytest.mark.parametrize(
    ("board", "panel"),
    [(board, panel) for board, panel in PANELS if panel["type"] == "table" and "rawQueryText" in panel["targets"][0]],
    ids=lambda value: value if isinstance(value, str) else value["title"],
)
MONTHS = NOW - 60 * 86400, NOW
STATEMENTS = list(statements())
each_statement = pytest.mark.parametrize("asked", STATEMENTS, ids=[str(each) for each in STATEMENTS])


def raw(
    connection: sqlite3.Connection, table: str, time: str = "ts", between: tuple[float, float] = WEEK
) -> list[dict[str, Any]]:
    """The rows of a table in a time, as they are."""
    return [row for row in rows(connection, f"SELECT * FROM {table}") if between[0] <= row[time] < between[1]]


def ask(connection: sqlite3.Connection, board: str, title: str, between: tuple[float, float] = WEEK) -> list[dict[str, Any]]:
    return answer(connection, board, title, *between, SYMBOLS)


def gain(day: dict[str, Any]) -> float:
    return float(day["ending_equity"] - day["starting_equity"] - (day["cash_flow"] or 0))


@each_statement
def test_statement_answers_on_an_archive_with_a_life(asked: Asked, lived: sqlite3.Connection) -> None:
    found = rows(lived, fill(asked.sql, NOW - asked.span, NOW, SYMBOLS, asked.points))
    if asked.series:
        times = [row["time"] for row in found]
        assert None not in times
        assert times == sorted(times)
    for row in found:
        for name in ("time", "timeEnd"):
            if row.get(name) is not None:
                assert 1.5e9 < float(row[name]) < 2.5e9, "unix seconds"


@each_statement
def test_statement_runs_on_an_empty_archive_and_without_a_symbol(asked: Asked, empty: sqlite3.Connection) -> None:
    rows(empty, fill(asked.sql, NOW - asked.span, NOW, [""], asked.points))


@each_statement
def test_statement_runs_on_an_archive_without_a_broker(asked: Asked, alone: sqlite3.Connection) -> None:
    rows(alone, fill(asked.sql, NOW - asked.span, NOW, SYMBOLS, asked.points))


@pytest.mark.parametrize("title", ["Profit today", "Recent orders"])
def test_overview_has_tables_and_graphs_without_a_broker(title: str, alone: sqlite3.Connection) -> None:
    assert ask(alone, "overview", "Equity curve")[0]["source"] == "bot's log"
    assert {row["State"] for row in ask(alone, "overview", "Recent orders")} == {"unknown"}


@each_table
def test_columns_that_a_table_dresses_and_sorts_by_are_in_its_answer(
    board: str, panel: dict[str, Any], lived: sqlite3.Connection
) -> None:
    cursor = lived.execute(fill(panel["targets"][0]["rawQueryText"], *WEEK, SYMBOLS))
    names = {column[0] for column in cursor.description}
    shown = set(names)
    for override in panel["fieldConfig"]["overrides"]:
        if override["matcher"]["id"] == "byName":
            assert override["matcher"]["options"] in names
            shown |= {prop["value"] for prop in override["properties"] if prop["id"] == "displayName"}
    assert {key["displayName"] for key in panel["options"]["sortBy"]} <= shown


@pytest.mark.parametrize(
    ("board", "panel"),
    [(board, panel) for board, panel in PANELS if panel["type"] == "table"],
    ids=lambda value: value if isinstance(value, str) else value["title"],
)
def test_columns_of_a_table_fit_on_a_desk(board: str, panel: dict[str, Any], lived: sqlite3.Connection) -> None:
    if "rawQueryText" in panel["targets"][0]:
        cursor = lived.execute(fill(panel["targets"][0]["rawQueryText"], *WEEK, SYMBOLS))
        names = [column[0] for column in cursor.description]
    else:
        ordered = panel["transformations"][-1]["options"]
        names = [ordered["renameByName"].get(name, name) for name in ordered["indexByName"]]
    widths = {name: float(panel["fieldConfig"]["defaults"]["custom"]["minWidth"]) for name in names}
    for override in panel["fieldConfig"]["overrides"]:
        if override["matcher"]["options"] in widths:
            for prop in override["properties"]:
                if prop["id"] in ("custom.width", "custom.minWidth"):
                    widths[override["matcher"]["options"]] = prop["value"]
    assert sum(widths.values()) <= panel["gridPos"]["w"] * (DESK - 24) / 24 - 26


def test_an_empty_table_is_one_row_of_nulls_whose_words_are_in_a_column(empty: sqlite3.Connection) -> None:
    for board, panel in PANELS:
        if panel["type"] == "table" and "rawQueryText" in panel["targets"][0]:
            (only,) = rows(empty, fill(panel["targets"][0]["rawQueryText"], *WEEK, SYMBOLS))
            assert set(only.values()) == {None}, f"{board}: {panel['title']}"
            words = [
                prop["value"]
                for override in panel["fieldConfig"]["overrides"]
                if override["matcher"]["options"] in only
                for prop in override["properties"]
                if prop["id"] == "noValue"
            ]
            assert words == [panel["fieldConfig"]["defaults"]["noValue"]]


def test_equity_is_the_last_row_of_each_point_and_the_brokers_where_there_is_one(lived: sqlite3.Connection) -> None:
    found = ask(lived, "overview", "Equity curve")
    step = int((WEEK[1] - WEEK[0]) * 1000 / 600) // 1000
    newest: dict[int, dict[str, Any]] = {}
    for row in raw(lived, "account_history"):
        place = int((row["ts"] - int(WEEK[0])) // step)
        newest[place] = max(newest.get(place, row), row, key=lambda r: (r["source"] == "alpaca", r["ts"]))
    assert [(row["time"], row["equity"]) for row in found] == [(r["ts"], r["equity"]) for _, r in sorted(newest.items())]
    assert {row["source"] for row in found} == {"broker"}


def test_orders_and_their_value_are_those_of_the_log(lived: sqlite3.Connection) -> None:
    trades = raw(lived, "trades")
    (found,) = ask(lived, "trades", "Order volume")
    assert found["orders"] == len(trades) > 50
    assert found["value"] == pytest.approx(sum(row["total_value"] for row in trades))


def test_fill_rate_counts_the_orders_that_ended(lived: sqlite3.Connection) -> None:
    ended = [row for row in raw(lived, "orders", "submitted") if row["ended"] and row["status"] != "replaced"]
    (found,) = ask(lived, "trades", "Fill rate")
    assert found["fill rate"] == pytest.approx(sum(row["status"] == "filled" for row in ended) / len(ended))


def test_orders_by_hand_are_unknown_without_a_broker(lived: sqlite3.Connection, alone: sqlite3.Connection) -> None:
    assert ask(alone, "trades", "Fill rate") == []  # a row of nulls
    (found,) = ask(lived, "trades", "Fill rate")
    assert found["by hand"] is not None


@pytest.mark.parametrize(("own", "marked"), [(0.055, []), (0.06, ["6% ◀ now"])])
def test_the_threshold_in_effect_is_marked_where_it_is_one_of_those_replayed(
    empty: sqlite3.Connection, own: float, marked: list[str]
) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        empty.backup(connection)
        connection.execute("INSERT INTO dip_triggers VALUES ('NVDA', 1, 1, 1, '2026-03-02', ?, 1, 0, 0, 1)", (own,))
        connection.execute(
            "INSERT INTO replay_checks (symbol, purchases, found, outside_hours, not_in_bars, signals, named)"
            " VALUES ('NVDA', 0, 0, 0, 0, 0, 0)"
        )
        for threshold, part, horizon in product((5, 6), ("whole", "earlier", "later"), (1, 5, 20)):
            connection.executemany(
                "INSERT INTO threshold_signals (symbol, threshold, reached, part, horizon, days, episodes, known, weeks)"
                " VALUES ('NVDA', ?, ?, ?, ?, 1, 1, 1, 1)",
                [(threshold / 100, reached, part, horizon) for reached in ("touched", "close")],
            )
        shown = [row["Threshold"] for row in answer(connection, "symbol", "Other thresholds", *WEEK, ["NVDA"])]
    assert len(shown) == 2
    assert [name for name in shown if "now" in name] == marked


def test_time_to_fill_and_slippage_are_means_of_the_filled(lived: sqlite3.Connection) -> None:
    filled = [row for row in raw(lived, "orders", "submitted") if row["status"] == "filled"]
    (found,) = ask(lived, "trades", "Time to fill and slippage")
    assert found["time to fill"] == pytest.approx(statistics.fmean(row["time_to_fill_seconds"] for row in filled))
    assert found["against limit"] == pytest.approx(statistics.fmean(row["slippage_bps"] for row in filled))


def test_table_of_trades_joins_each_order_with_what_became_of_it(lived: sqlite3.Connection) -> None:
    orders = {row["order_id"]: row for row in raw(lived, "orders", "submitted", MONTHS)}
    found = ask(lived, "trades", "Orders")
    expected = sorted(raw(lived, "trades"), key=lambda row: -row["ts"])[:500]
    assert [(row["time"], row["Symbol"], row["State"], row["Fill"]) for row in found] == [
        (t["ts"], t["symbol"], orders[t["order_id"]]["status"], orders[t["order_id"]]["filled_avg_price"]) for t in expected
    ]


def test_states_of_orders_are_counted(lived: sqlite3.Connection) -> None:
    found = {row["State"]: (row["of the bot"], row["by hand"]) for row in ask(lived, "trades", "Orders by final status")}
    counted = Counter(row["status"] for row in raw(lived, "orders", "submitted") if row["ended"])
    assert found == {state: (count, None) for state, count in counted.items()}


def test_symbols_are_summed_from_trades_orders_and_fills(lived: sqlite3.Connection) -> None:
    trades, fills = raw(lived, "trades"), raw(lived, "fills")
    found = {row["Symbol"]: row for row in ask(lived, "trades", "Most traded symbols")}
    assert set(found) == {row["symbol"] for row in trades}
    for symbol, row in found.items():
        assert row["Orders"] == sum(t["symbol"] == symbol for t in trades)
        gains = [f["realized_pl"] for f in fills if f["symbol"] == symbol and f["realized_pl"] is not None]
        assert row["Realized"] == (pytest.approx(sum(gains)) if gains else None)


def test_days_show_what_the_days_rows_say(lived: sqlite3.Connection) -> None:
    trades = Counter(row["date"] for row in rows(lived, "SELECT * FROM trades"))
    for row in ask(lived, "trades", "Orders and fills per day", MONTHS):
        assert row["Orders"] == trades[row["Day"]]


def test_funnel_counts_scans_dips_orders_and_fills(lived: sqlite3.Connection) -> None:
    (found,) = ask(lived, "opportunities", "Dip funnel")
    assert list(found.values()) == [
        len(raw(lived, "scans")),
        sum(row["found"] for row in raw(lived, "scans")),
        len(raw(lived, "opportunities")),
        len(raw(lived, "trades")),
        sum(row["status"] == "filled" for row in raw(lived, "orders", "submitted")),
        0,
    ]


def test_what_a_log_counts_is_not_known_without_one(lived: sqlite3.Connection) -> None:
    connection = sqlite3.connect(":memory:")
    lived.backup(connection)
    for table in ("scans", "opportunities", "trades"):
        connection.execute(f"DELETE FROM {table}")
    assert ask(connection, "opportunities", "Dip funnel") == []
    connection.execute("DELETE FROM orders")
    assert ask(connection, "trades", "Order volume") == []


def test_the_equity_curve_begins_with_the_closes_of_the_accounts_history(empty: sqlite3.Connection) -> None:
    for days, source in ((5, "alpaca"), (4, "alpaca"), (3, "log"), (1, "alpaca")):
        empty.execute(
            "INSERT INTO daily_stats (date, ts, trading_day, equity_source, ending_equity) VALUES (?, ?, 1, ?, ?)",
            (f"2026-10-0{days}", NOW - days * 86400, source, 1000 + days),
        )
    row = "INSERT INTO account_history (ts, date, source, equity) VALUES (?, '', 'alpaca', 1002)"
    empty.execute(row, (NOW - 2 * 86400,))
    found = ask(empty, "overview", "Equity curve", (NOW - 7 * 86400, NOW))
    assert [(row["equity"], row["source"]) for row in found] == [(value, "broker") for value in (1005, 1004, 1002)]


def test_without_a_log_the_brokers_orders_are_those_that_were_placed(empty: sqlite3.Connection) -> None:
    rows: list[tuple[str, str, float, float | None, float | None, float | None]] = [
        ("limit", "buy", 10, None, 20, None),
        ("market", "sell", 4, None, None, 25),
        ("dollars", "buy", 2, 50, None, 24.5),
    ]
    empty.executemany(
        "INSERT INTO orders"
        " (order_id, side, quantity, notional, limit_price, filled_avg_price, symbol, status, date, submitted)"
        " VALUES (?, ?, ?, ?, ?, ?, 'NVDA', 'filled', '2026-10-09', ?)",
        [(*row, NOW - 3600 + number) for number, row in enumerate(rows)],
    )
    empty.execute("INSERT INTO daily_stats (date, ts, trading_day) VALUES ('2026-10-09', ?, 1)", (NOW - 86400,))
    assert ask(empty, "trades", "Order volume", MONTHS) == [{"orders": 3, "value": 350}]
    found = ask(empty, "trades", "Orders", MONTHS)
    assert [(row["Side"], row["State"], row["Value"], row["Limit"]) for row in found] == [
        ("buy", "filled", 50, 24.5),
        ("sell", "filled", 100, 25),
        ("buy", "filled", 200, 20),
    ]
    recent = ask(empty, "overview", "Recent orders", MONTHS)
    assert [(row["Value"], row["Shares"]) for row in recent] == [(50, 2), (100, -4), (200, 10)]
    (most,) = ask(empty, "trades", "Most traded symbols", MONTHS)
    assert (most["Orders"], most["Value"]) == (3, 350)
    (day,) = answer(empty, "trades", "Orders and fills per day", NOW - 30 * 86400, NOW, SYMBOLS)
    assert (day["Orders"], day["Missed"]) == (3, None)
    (day,) = answer(empty, "trades", "Capital deployed per day", NOW - 30 * 86400, NOW, SYMBOLS)
    assert day["Deployed"] == 250


def test_outcomes_and_reasons_are_counted(lived: sqlite3.Connection) -> None:
    dips = raw(lived, "opportunities")
    found = {row["Outcome"]: row["Dips"] for row in ask(lived, "opportunities", "Outcomes of qualified dips")}
    assert found == Counter(row["outcome"].replace("_", " ") for row in dips)
    missed = Counter(row["reason"].replace("_", " ") for row in raw(lived, "skips"))
    missed["brake"] = sum(row["missed_opportunities"] for row in raw(lived, "brake_events", "started"))
    assert {row["Reason"]: row["Missed"] for row in ask(lived, "opportunities", "Missed trades by reason")} == missed


def test_dips_are_sorted_into_whole_percents(lived: sqlite3.Connection) -> None:
    dips = Counter(f"{math.trunc(row['dip_percent'])}%" for row in raw(lived, "opportunities"))
    found = ask(lived, "opportunities", "Dip depth")
    assert {row["Dip"]: row["Submitted"] + row["Not bought"] for row in found} == dips
    depths = [int(row["Dip"].removesuffix("%")) for row in found]
    assert depths == sorted(depths, reverse=True)


def test_time_under_water_runs_from_peak_to_peak(lived: sqlite3.Connection) -> None:
    (found,) = ask(lived, "performance", "Time under water", MONTHS)
    days = [row for row in raw(lived, "daily_stats", between=(0, MONTHS[1])) if row["trading_day"]]
    days = sorted((row for row in days if row["drawdown_ratio"] is not None), key=lambda row: row["ts"])
    begun, spells = days[0]["ts"], [0.0]
    for row in days:
        if row["drawdown_ratio"] >= 0:
            begun = row["ts"]
            spells.append(0.0)
        spells[-1] = (row["ts"] - begun) / 86400
    assert (found["now"], found["longest"]) == (pytest.approx(spells[-1]), pytest.approx(max(spells)))
    assert found["Calmar"] is None, "two months are no year"


DAY_ROW = """
    INSERT INTO daily_stats (date, ts, trading_day, equity_source, starting_equity, ending_equity, profit,
      return_ratio, drawdown_ratio, adjusted_peak) VALUES (?, ?, 1, 'alpaca', 100, 100, 0, ?, ?, 100)"""


@pytest.fixture
def year(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A year of days that earned nothing, 200 days of them below a peak."""
    with closing(empty(tmp_path / "year.db")) as connection:
        for ago in range(365, -1, -1):
            day = UNTIL - timedelta(days=ago)
            connection.execute(DAY_ROW, (day.date().isoformat(), day.timestamp() - 3600, 0.0, -0.1 if ago < 200 else 0.0))
        yield connection


@pytest.mark.parametrize("days", [7, 90, 300])
def test_the_time_under_water_is_counted_from_a_peak_before_the_chosen_time(year: sqlite3.Connection, days: int) -> None:
    (found,) = ask(year, "performance", "Time under water", (NOW - days * 86400, NOW))
    assert (found["now"], found["longest"]) == (200, 200)
    (past,) = ask(year, "performance", "Time under water", (NOW - 290 * 86400, NOW - 220 * 86400))
    assert (past["now"], past["longest"]) == (0, 0)


def test_nothing_is_chained_over_a_day_whose_return_is_unknown(year: sqlite3.Connection) -> None:
    (before,) = ask(year, "performance", "Profit and return", (NOW - 90 * 86400, NOW))
    unknown = (UNTIL - timedelta(days=30)).date().isoformat()
    year.execute("UPDATE daily_stats SET return_ratio = NULL WHERE date = ?", (unknown,))
    for board, title, name in (("performance", "Profit and return", "return"), ("share", "Return", "chosen time")):
        (after,) = ask(year, board, title, (NOW - 90 * 86400, NOW))
        (since,) = ask(year, board, title, (NOW - 20 * 86400, NOW))
        assert (after[name], since[name]) == (None, 0), title
    line = ask(year, "performance", "Return without deposits", (NOW - 90 * 86400, NOW))
    assert [row["return"] for row in line if row["time"] < NOW - 31 * 86400] == [0.0] * 60
    assert {row["return"] for row in line if row["time"] > NOW - 30 * 86400} == {None}
    assert before["return"] == 0


def test_best_scores_are_the_twenty_highest_of_a_dip_each(lived: sqlite3.Connection) -> None:
    found = [row["Score"] for row in ask(lived, "opportunities", "Best scores")]
    best: dict[tuple[str, str, str], float] = {}
    for row in raw(lived, "opportunities"):
        dip = row["symbol"], row["date"], row["outcome"]
        best[dip] = max(best.get(dip, 0.0), row["score"] or 0.0)
    assert found == sorted((score for score in best.values() if score), reverse=True)[:20]


def test_missed_trades_are_counted_by_symbol_day_and_reason(lived: sqlite3.Connection) -> None:
    counted = Counter((row["symbol"], row["date"], row["reason"]) for row in raw(lived, "skips"))
    found = ask(lived, "opportunities", "Missed trades")
    assert sorted(row["Times"] for row in found) == sorted(counted.values())[-300:]


def test_routine_skips_are_the_sums_of_the_hours(lived: sqlite3.Connection) -> None:
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for row in rows(lived, "SELECT * FROM skip_counts"):
        if WEEK[0] - 3600 <= row["hour"] < WEEK[1]:
            sums[row["symbol"], row["reason"].replace("_", " ")] += row["count"]
    found = ask(lived, "opportunities", "Routine skips by symbol and reason")
    assert {(row["Symbol"], row["Reason"]): row["Skips"] for row in found} == sums


def test_brake_timeline_starts_in_the_state_of_its_beginning_and_turns_at_each_episode(lived: sqlite3.Connection) -> None:
    episode = next(row for row in raw(lived, "brake_events", "started", MONTHS) if row["ended"])
    middle = episode["started"] + 60
    found = ask(lived, "risk", "Brake episodes, timeline", (middle, middle + 7200))
    assert [(row["time"], row["Brake"]) for row in found] == [(int(middle * 1000) // 1000, 1), (episode["ended"], 0)]


def test_episodes_that_touch_the_time_are_listed(lived: sqlite3.Connection) -> None:
    expected = [row for row in rows(lived, "SELECT * FROM brake_events") if row["started"] < NOW and row["ended"] >= MONTHS[0]]
    found = ask(lived, "risk", "Brake episodes", MONTHS)
    assert [row["time"] for row in found] == sorted((row["started"] for row in expected), reverse=True)
    assert {(row["Cause"], row["Level"], row["State"]) for row in found} == {("leverage", 1.157, "over")}


def test_return_chains_the_days_and_profit_leaves_deposits_out(lived: sqlite3.Connection) -> None:
    days = raw(lived, "daily_stats", between=(MONTHS[0] - 86400, NOW))
    (found,) = ask(lived, "performance", "Profit and return", MONTHS)
    assert found["return"] == pytest.approx(math.prod(1 + day["return_ratio"] for day in days) - 1)
    assert found["profit"] == pytest.approx(sum(gain(day) for day in days))
    curve = ask(lived, "performance", "Return without deposits", MONTHS)
    assert curve[-1]["return"] == pytest.approx(found["return"])
    assert len(curve) == len(days)


def test_sharpe_and_sortino_are_the_textbooks(lived: sqlite3.Connection) -> None:
    returns = [day["return_ratio"] for day in raw(lived, "daily_stats", between=(MONTHS[0] - 86400, NOW))]
    downside = math.sqrt(statistics.fmean(min(r, 0) ** 2 for r in returns))
    (found,) = ask(lived, "performance", "Risk-adjusted return", MONTHS)
    assert found["Sharpe"] == pytest.approx(statistics.fmean(returns) / statistics.stdev(returns) * math.sqrt(252))
    assert found["Sortino"] == pytest.approx(statistics.fmean(returns) / downside * math.sqrt(252))


def test_sharpe_needs_twenty_days(lived: sqlite3.Connection) -> None:
    assert ask(lived, "performance", "Risk-adjusted return", WEEK) == []


def test_win_rate_and_profit_factor_come_from_sales_with_known_lots(lived: sqlite3.Connection) -> None:
    by_order: dict[str, float] = {}
    for row in raw(lived, "fills", between=MONTHS):
        if row["realized_pl"] is not None:
            order = row["order_id"] or row["activity_id"]
            by_order[order] = by_order.get(order, 0.0) + row["realized_pl"]
    gains = list(by_order.values())
    (found,) = ask(lived, "performance", "Win rate of sales", MONTHS)
    assert found["sales"] == len(gains)
    assert found["win rate"] == pytest.approx(sum(g > 0 for g in gains) / len(gains))
    assert found["profit factor"] == pytest.approx(sum(g for g in gains if g > 0) / -sum(g for g in gains if g < 0))


@pytest.mark.parametrize(("broker_age", "leverage"), [(60, 1.1), (3500, 1.1), (100 * 86400, 0.2)])
def test_the_shared_leverage_is_the_newest(empty: sqlite3.Connection, broker_age: int, leverage: float) -> None:
    for number, (age, source, ratio) in enumerate(((broker_age, "alpaca", 1.1), (10, "log", 0.2))):
        empty.execute(
            "INSERT INTO account_history (id, ts, date, source, equity, leverage_ratio) VALUES (?, ?, '', ?, 1, ?)",
            (number, NOW - age, source, ratio),
        )
    found = [row["leverage"] for row in ask(empty, "share", "Leverage", MONTHS)]
    assert found == [leverage]


def test_an_order_is_one_sale_in_however_many_executions(empty: sqlite3.Connection) -> None:
    """Nine executions of +1 each are one winner; an order of which one execution has unknown lots is no known sale."""
    rows: list[tuple[str, int, str, str, int, int, str | None, float | None]]
    rows = [(f"w{n}", 100 + n, "AMD", "sell", 1, 110, "won", 1.0) for n in range(9)]
    rows += [("l", 200, "AMD", "sell", 10, 90, "lost", -100.0), ("c", 250, "AMD", "buy", 1, 90, None, 20.0)]
    rows += [("k", 300, "NVDA", "sell", 1, 90, "partly", 5.0), ("u", 301, "NVDA", "sell", 9, 90, "partly", None)]
    empty.executemany(
        "INSERT INTO fills (activity_id, ts, date, symbol, side, quantity, price, order_id, realized_pl)"
        " VALUES (?1, ?2, '', ?3, ?4, ?5, ?6, ?7, ?8)",
        [(name, NOW - 1000 + ts, *rest) for name, ts, *rest in rows],
    )
    answers = [ask(empty, *asked, MONTHS)[0] for asked in (("performance", "Win rate of sales"), ("share", "Wins"))]
    by_symbol = {row["Symbol"]: row for row in ask(empty, "performance", "Realized P&L by symbol", MONTHS)}
    empty.executemany(
        "INSERT INTO trades (ts, date, symbol, quantity, price, total_value) VALUES (?, '', ?, 1, 1, 1)",
        [(NOW - 900, "AMD"), (NOW - 900, "NVDA")],
    )
    traded = {row["Symbol"]: row["Realized"] for row in ask(empty, "trades", "Most traded symbols", MONTHS)}
    assert traded == {"AMD": -71, "NVDA": None}, "the same on both boards"
    for found in answers:
        assert (found["sales"], found["win rate"]) == (3, pytest.approx(2 / 3))
        assert found["profit factor"] == pytest.approx(0.29)
    assert (by_symbol["AMD"]["Sales"], by_symbol["AMD"]["Realized"]) == (3, -71)
    assert "NVDA" not in by_symbol


def test_a_coin_is_one_symbol_whatever_its_executions_call_it(empty: sqlite3.Connection) -> None:
    empty.execute(
        "INSERT INTO fills (activity_id, ts, date, symbol, side, quantity, price, order_id, realized_pl)"
        " VALUES ('1', ?, '', 'ETH/USD', 'sell', 1, 2000, 'o', 30)",
        (NOW - 900,),
    )
    empty.execute(
        "INSERT INTO position_snapshots (ts, symbol, date, quantity, unrealized_pl) VALUES (?, 'ETHUSD', '', 1, 12)",
        (NOW - 900,),
    )
    found = [(row["Symbol"], row["Total"]) for row in ask(empty, "performance", "Realized P&L by symbol", MONTHS)]
    assert found == [("ETHUSD", 42)]


def test_a_record_that_moved_no_money_says_so(empty: sqlite3.Connection) -> None:
    empty.executemany(
        "INSERT INTO activities (activity_id, ts, date, type, net_amount, status) VALUES (?, ?, '', 'CSD', 5000, ?)",
        [(status or "none", NOW - 900, status) for status in ("executed", "canceled", None)],
    )
    found = [row["Status"] for row in ask(empty, "performance", "Other account activity", MONTHS)]
    assert sorted(found, key=str) == [None, None, "canceled"]


def test_months_weeks_and_days_add_up_to_the_same_profit(lived: sqlite3.Connection) -> None:
    total = sum(gain(day) for day in raw(lived, "daily_stats", between=(MONTHS[0] - 86400, NOW)))
    for title in ("Profit by day", "Profit by week", "Profit by month"):
        assert sum(row["Profit"] for row in ask(lived, "performance", title, MONTHS)) == pytest.approx(total), title


@pytest.mark.parametrize("days", [90, 7])
def test_return_beside_the_benchmark_is_what_its_chart_ends_with(empty: sqlite3.Connection, days: int) -> None:
    """Both from the close before the chosen time, so that its first day counts; from 100 where the comparison began in it."""
    moves = [(0.02, 0.01), (-0.01, 0.03), (0.05, -0.02), (0.01, 0.01), (-0.03, -0.04)]
    with closing(sqlite3.connect(":memory:")) as connection:
        empty.backup(connection)
        account = benchmark = 100.0
        for back, (own, their) in zip((20, 12, 5, 4, 3), moves, strict=True):
            account, benchmark = account * (1 + own), benchmark * (1 + their)
            connection.execute(
                "INSERT INTO benchmark_days VALUES (?, ?, ?, ?, 1, 1, ?, ?)",
                (f"back {back:02}", NOW - back * 86400, account, benchmark, own, their),
            )
        between = NOW - days * 86400, NOW
        [found] = answer(connection, "performance", "Return vs. benchmark", *between, SYMBOLS)
        chart = answer(connection, "performance", "Account and benchmark", *between, SYMBOLS)
    inside = moves if days == 90 else moves[2:]
    expected = [math.prod(1 + move[place] for move in inside) - 1 for place in (0, 1)]
    assert [found["account"], found["benchmark"]] == pytest.approx(expected)
    assert found["difference"] == pytest.approx(expected[0] - expected[1])
    assert found["days"] == len(chart) == len(inside)
    assert [chart[-1]["account"], chart[-1]["benchmark"]] == pytest.approx([100 * (1 + value) for value in expected])


def test_calendar_puts_each_day_under_the_monday_of_its_week(lived: sqlite3.Connection) -> None:
    from datetime import UTC, date, datetime, timedelta

    days = {row["date"]: row["return_ratio"] for row in raw(lived, "daily_stats", between=(MONTHS[0] - 86400, NOW))}
    found = ask(lived, "performance", "Returns by day", MONTHS)
    assert len(found) == len(days)
    for row in found:
        monday = datetime.fromtimestamp(row["time"], UTC).date()
        day: date = monday + timedelta(days=int(row["day"][0]) - 1)
        assert monday.weekday() == 0
        assert days[day.isoformat()] == row["return"]


def test_bridge_closes_from_the_first_to_the_last_equity(lived: sqlite3.Connection) -> None:
    days = sorted(raw(lived, "daily_stats", between=(MONTHS[0] - 86400, NOW)), key=lambda day: day["ts"])
    found = {row["Part"]: row["Amount"] for row in ask(lived, "performance", "Equity change by source", MONTHS)}
    assert sum(found.values()) == pytest.approx(days[-1]["ending_equity"] - days[0]["starting_equity"])
    assert found["dividends"] == pytest.approx(sum(row["net_amount"] for row in raw(lived, "activities", between=MONTHS)))


def test_the_bridge_by_day_leaves_out_days_without_trading(lived: sqlite3.Connection) -> None:
    connection = sqlite3.connect(":memory:")
    lived.backup(connection)
    closed = connection.execute("SELECT date FROM daily_stats ORDER BY ts DESC LIMIT 1 OFFSET 2").fetchone()[0]
    before = [row["Day"] for row in ask(connection, "performance", "P&L attribution by day")]
    connection.execute("UPDATE daily_stats SET trading_day = 0 WHERE date = ?", (closed,))
    assert [row["Day"] for row in ask(connection, "performance", "P&L attribution by day")] == [
        d for d in before if d != closed
    ]
    assert closed in before


def test_winners_and_losers_hold_realized_and_unrealized_profit(lived: sqlite3.Connection) -> None:
    fills = [row for row in raw(lived, "fills", between=MONTHS) if row["realized_pl"] is not None]
    last = max(row["ts"] for row in raw(lived, "position_snapshots"))
    held = {row["symbol"]: row["unrealized_pl"] for row in raw(lived, "position_snapshots") if row["ts"] == last}
    found = {row["Symbol"]: row for row in ask(lived, "performance", "Realized P&L by symbol", MONTHS)}
    assert set(found) == {row["symbol"] for row in fills} | set(held)
    for symbol, row in found.items():
        realized = sum(f["realized_pl"] for f in fills if f["symbol"] == symbol)
        assert row["Total"] == pytest.approx(realized + held.get(symbol, 0.0))


def test_money_is_spread_over_sectors_as_the_newest_snapshot_says(lived: sqlite3.Connection) -> None:
    snapshots = raw(lived, "position_snapshots")
    last = max(row["ts"] for row in snapshots)
    held = {row["symbol"]: abs(row["market_value"]) for row in snapshots if row["ts"] == last}
    sectors = {row["symbol"]: row["sector"] for row in rows(lived, "SELECT * FROM sectors")}
    by_sector: dict[str, float] = defaultdict(float)
    for symbol, value in held.items():
        by_sector[sectors[symbol]] += value
    found = {row["Sector"]: row["Value"] for row in ask(lived, "positions", "Allocation by sector")}
    assert found == pytest.approx(by_sector)
    shares = {row["Sector"]: row["Share"] for row in ask(lived, "share", "Allocation by sector")}
    assert sum(shares.values()) == pytest.approx(1)
    assert shares.keys() == found.keys()


def test_history_of_positions_is_the_last_snapshot_of_each_point(lived: sqlite3.Connection) -> None:
    step = int((MONTHS[1] - MONTHS[0]) * 1000 / 150) // 1000
    newest: dict[tuple[int, str], dict[str, Any]] = {}
    for row in raw(lived, "position_snapshots", between=MONTHS):
        place = int(MONTHS[0]) + int((row["ts"] - int(MONTHS[0])) // step) * step, row["symbol"]
        newest[place] = max(newest.get(place, row), row, key=lambda r: r["ts"])
    found = ask(lived, "positions", "Unrealized P&L by position", MONTHS)
    assert {(row["time"], row["symbol"]): row["value"] for row in found} == {k: r["unrealized_pl"] for k, r in newest.items()}


def test_history_of_positions_begins_with_the_closes_that_were_rebuilt(lived: sqlite3.Connection) -> None:
    copy = sqlite3.connect(":memory:")
    lived.backup(copy)
    close = MONTHS[0] + 3600
    insert = "INSERT INTO positions_daily (symbol, date, ts, quantity, unrealized_pl, rebuilt) VALUES (?, ?, ?, 1, -5.5, ?)"
    copy.execute(insert, (SYMBOLS[0], "2025-01-02", close, 1))
    copy.execute(insert, (SYMBOLS[1], "2025-01-02", close, 0))  # a snapshot has it already
    found = ask(copy, "positions", "Unrealized P&L by position", MONTHS)
    assert [(row["symbol"], row["value"]) for row in found if row["time"] == int(close)] == [(SYMBOLS[0], -5.5)]
    assert [row["time"] for row in found] == sorted(row["time"] for row in found)
    copy.close()


def test_dip_ladder_starts_again_after_a_position_was_flat(lived: sqlite3.Connection) -> None:
    copy = sqlite3.connect(":memory:")
    lived.backup(copy)
    symbol = SYMBOLS[0]
    flat = NOW - 20 * 86400
    copy.execute("INSERT INTO position_snapshots (ts, symbol, date, quantity) VALUES (?, ?, '2026-02-14', 0)", (flat, symbol))
    found = {row["Symbol"]: row for row in ask(copy, "positions", "Depth by position")}
    bought = [row for row in raw(copy, "fills", between=MONTHS) if row["side"] == "buy"]
    for name, since in ((symbol, flat), (SYMBOLS[1], 0.0)):
        mine = [row for row in bought if row["symbol"] == name and row["ts"] >= since]
        assert found[name]["Buys"] == (len({row["order_id"] for row in mine}) or None)
        assert found[name]["Lowest buy"] == min((row["price"] for row in mine), default=None)
    copy.close()


@pytest.mark.parametrize("open_lots", [True, False])
def test_depth_begins_where_the_lots_do_though_no_snapshot_saw_the_position_flat(
    empty: sqlite3.Connection, open_lots: bool
) -> None:
    """Bought and sold eight months ago; bought again in two lots, of which the first was sold in part and then all."""
    day = 86400.0
    fills = [(250, "buy", 100), (240, "sell", 120), (30, "buy", 150), (20, "buy", 140), (10, "sell", 160), (5, "sell", 160)]
    for ago, side, price in fills:
        empty.execute(
            "INSERT INTO fills (activity_id, ts, date, symbol, side, quantity, price) VALUES (?, ?, '', 'X', ?, 10, ?)",
            (f"x{ago}", NOW - ago * day, side, price),
        )
    lots = [(250, 240, 10, 100), (30, 10, 5, 150), (30, 5, 5, 150), *([(20, None, 5, 140)] if open_lots else [])]
    for bought, sold, quantity, entry in lots:
        empty.execute(
            "INSERT INTO lots (symbol, ts, closed, quantity, entry, sessions) VALUES ('X', ?, ?, ?, ?, 1)",
            (NOW - bought * day, None if sold is None else NOW - sold * day, quantity, entry),
        )
    empty.execute(
        "INSERT INTO position_snapshots (ts, symbol, date, quantity, avg_entry_price, current_price)"
        " VALUES (?, 'X', '', 5, 140, 150)",
        (NOW - 100,),
    )
    found = answer(empty, "positions", "Depth by position", *MONTHS, ("X",))
    assert [(row["Buys"], row["Lowest buy"], row["Highest buy"]) for row in found] == [
        (2, 140, 150) if open_lots else (3, 100, 150)
    ]


def test_configuration_shows_the_newest_value_and_only_real_changes(lived: sqlite3.Connection) -> None:
    found = {row["Setting"]: row["Value"] for row in ask(lived, "config", "Settings")}
    assert found["MAX_POSITION_PCT"] == "0.20"
    assert len(found) == 2
    written = {row["symbol"]: row["Written"] for row in ask(lived, "config", "Dip thresholds")}
    assert len(written) == 1
    assert all(0 < value < 1 for value in written.values())
    changes = ask(lived, "config", "Changes of settings", MONTHS)
    assert [(row["Setting"], row["Before"], row["After"]) for row in changes] == [("MAX_POSITION_PCT", "0.15", "0.20")]
    (findings,) = ask(lived, "config", "Configuration check")
    assert findings == {"errors": 0, "warnings": 1}


def test_check_of_the_configuration_is_unknown_without_one(empty: sqlite3.Connection) -> None:
    assert ask(empty, "config", "Configuration check") == []


def test_marks_name_what_happened(lived: sqlite3.Connection) -> None:
    marks = {each.title: each for each in STATEMENTS if each.board == "risk" and each.title.startswith("mark")}
    assert set(marks) == {"mark: Bot starts", "mark: Brake episodes", "mark: Configuration changes", "mark: Trades"}
    starts = rows(lived, fill(marks["mark: Bot starts"].sql, *WEEK, SYMBOLS))
    assert len(starts) == sum(row["kind"] in ("start", "stop") for row in raw(lived, "bot_events"))
    for each in marks.values():
        found = rows(lived, fill(each.sql, *MONTHS, SYMBOLS))
        assert found
        assert set(found[0]) == {"time", "timeEnd", "title", "text", "tags"}


def test_symbols_to_choose_from_are_all_that_the_archive_knows(lived: sqlite3.Connection) -> None:
    (variable,) = [each for each in STATEMENTS if each.board == "positions" and each.title == "variable: symbol"]
    found = [row["symbol"] for row in rows(lived, variable.sql)]
    assert set(SYMBOLS) <= set(found)
    assert found == sorted(set(found))


def test_no_statement_can_write() -> None:
    words = re.compile(r"\b(INSERT|UPDATE|DELETE|DROP|ATTACH|PRAGMA|CREATE|ALTER)\b", re.IGNORECASE)
    for each in STATEMENTS:
        assert not words.search(each.sql), str(each)


def test_bars_of_a_long_time_are_days(empty: sqlite3.Connection) -> None:
    times = [NOW - 400 * 86400 + hour * 3600 + 60 for hour in range(0, 24 * 60, 7)]
    times += [NOW - hour * 3600 for hour in range(1, 30)]
    empty.executemany(
        "INSERT INTO trades (ts, date, symbol, quantity, price, total_value) VALUES (?, 'day', 'NVDA', 1, 1, 1)",
        [(ts,) for ts in times],
    )
    for days, bar in ((7, 3600), (5 * 365, 86400)):
        found = answer(empty, "trades", "Orders and fills over time", NOW - days * 86400, NOW + 1, ["NVDA"])
        assert sum(row["number"] for row in found) == sum(ts >= NOW - days * 86400 for ts in times)
        assert {(row["time"] - 28800) % bar for row in found} == {0}
        assert min(later["time"] - earlier["time"] for earlier, later in pairwise(found)) == bar


def test_days_without_a_log_have_no_orders_rather_than_none(empty: sqlite3.Connection) -> None:
    empty.execute(
        "INSERT INTO daily_stats"
        " (date, ts, trading_day, trades_count, total_deployed, missed_trades, opportunities, fills_count)"
        " VALUES ('2026-10-09', ?, 1, 0, 0, 0, 0, 4)",
        (NOW - 86400,),
    )
    asked = {
        ("trades", "Orders and fills per day"): ("Orders", "Missed"),
        ("trades", "Capital deployed per day"): ("Deployed",),
        ("opportunities", "Qualified dips per day"): ("Qualified", "Submitted", "Missed"),
        ("performance", "Months in numbers"): ("Orders", "Deployed"),
    }
    for (board, title), columns in asked.items():
        [row] = answer(empty, board, title, NOW - 30 * 86400, NOW, SYMBOLS)
        assert {row[column] for column in columns} == {None}, title
