"""What follows from prices, in the archive: made days, dips and fills, and the figures that they must give."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from bigdipper_exporter import calendar
from bigdipper_exporter.archive.broker.checkpoint import BrokerCheckpoint
from bigdipper_exporter.archive.prices.figures import derive
from bigdipper_exporter.archive.prices.wanted import Scope
from bigdipper_exporter.archive.store import connect_readonly
from bigdipper_exporter.calendar import NEW_YORK
from bigdipper_exporter.demo.simulator.broker import Broker
from tests.prices.conftest import FRIDAY, SYMBOLS, Desk, price, sessions, tape

FIRST = date(2025, 7, 28)
DAYS = sessions(FIRST, FRIDAY)
Open = Callable[..., Desk]


@pytest.fixture
def long_past(broker: Broker) -> None:
    broker.tape = tape(FIRST)


def close(symbol: str, day: date) -> float:
    return price(symbol, day, 12) / 100


def at(day: date, hour: int = 12, minute: int = 0) -> float:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=NEW_YORK).timestamp()


def dip(connection: Any, number: int, symbol: str, ts: float, outcome: str, **more: Any) -> None:
    row = {"id": number, "ts": ts, "date": calendar.trading_day(ts).isoformat(), "symbol": symbol, "outcome": outcome} | more
    names = ", ".join(row)
    connection.execute(f"INSERT INTO opportunities ({names}) VALUES ({', '.join('?' * len(row))})", tuple(row.values()))
    if "reason" in row:
        connection.execute(
            "INSERT INTO skips (id, ts, date, symbol, reason, detail, dip_percent) VALUES (?, ?, ?, ?, ?, '', ?)",
            (number, ts, row["date"], symbol, row["reason"], row.get("dip_percent")),
        )


def an_account_that_is_spy(connection: Any) -> None:
    """10,000 dollars in SPY, and a deposit of 5,000 on the 20th day."""
    equity = 10_000.0
    for number, (before, day) in enumerate(pairwise(DAYS)):
        deposit = 5000.0 if number == 20 else 0.0
        end = (equity + deposit) * close("SPY", day) / close("SPY", before)
        connection.execute(
            "INSERT INTO daily_stats (date, ts, trading_day, equity_source, starting_equity, ending_equity, deposits,"
            " withdrawals, profit) VALUES (?, ?, 1, 'alpaca', ?, ?, ?, 0, ?)",
            (day.isoformat(), at(day, 16), equity, end, deposit, end - equity - deposit),
        )
        equity = end


def test_there_is_no_comparison_before_the_accounts_history_was_read(open_desk: Open, long_past: None) -> None:
    desk = open_desk()
    with desk.store.transaction() as connection:
        an_account_that_is_spy(connection)
    desk.advance(60)
    assert desk.source.view.figures is not None
    assert desk.source.view.figures.comparison.days == 0
    assert desk.sql("SELECT * FROM benchmark_days") == []


def test_the_account_that_is_the_benchmark(open_desk: Open, long_past: None) -> None:
    desk = open_desk()
    with desk.store.transaction() as connection:
        an_account_that_is_spy(connection)
        BrokerCheckpoint(activities_done=True).save(connection)
    desk.advance(60)
    figures = desk.source.view.figures
    assert figures is not None
    assert figures.comparison.days == len(DAYS) - 1 >= 60
    assert figures.comparison.difference == pytest.approx(0, abs=1e-6)
    assert figures.comparison.beta == pytest.approx(1)
    rows = desk.sql("SELECT date, account_index, benchmark_index, account, twin FROM benchmark_days ORDER BY date")
    assert [row[0] for row in rows] == [day.isoformat() for day in DAYS[1:]]
    assert all(ours == pytest.approx(theirs) and account == pytest.approx(twin) for _, ours, theirs, account, twin in rows)


def test_lines_and_triggers_are_those_of_the_rule(open_desk: Open, long_past: None) -> None:
    desk = open_desk()
    with desk.store.transaction() as connection:
        rows = [("DIP_THRESHOLDS.AMD", "0.08", at(DAYS[0])), ("DIP_THRESHOLDS.AMD", "0.1", at(DAYS[40], 3))]
        rows += [("DIP_THRESHOLDS.NVDA", "0.03", at(DAYS[0])), ("MIN_ABSOLUTE_DIP", "0.05", at(DAYS[0]))]
        connection.executemany("INSERT INTO bot_config (setting, value, ts) VALUES (?, ?, ?)", rows)
    desk.advance(60)
    lines = {(s, d): (high, line) for s, d, high, line in desk.sql("SELECT symbol, date, high, line FROM dip_lines")}
    assert len(lines) == len(SYMBOLS) * (len(DAYS) - 19)
    for symbol, share in (("AMD", 0.08), ("NVDA", 0.05), ("SPY", 0.05)):
        for place in (19, 39, 40, len(DAYS) - 1):
            high = max(close(symbol, day) for day in DAYS[place - 19 : place])
            threshold = 0.1 if symbol == "AMD" and place >= 40 else share
            assert lines[symbol, DAYS[place].isoformat()] == (pytest.approx(high), pytest.approx(high * (1 - threshold)))
    [(newest, high, line, distance)] = desk.sql(
        "SELECT price, high, line, distance_ratio FROM dip_triggers WHERE symbol = 'AMD'"
    )
    assert newest == close("AMD", FRIDAY)
    assert high == max(close("AMD", day) for day in DAYS[-20:])
    assert (line, distance) == (pytest.approx(high * 0.9), pytest.approx(newest / (high * 0.9) - 1))


def test_lines_triggers_and_replay_take_the_bots_own_lookback(open_desk: Open, long_past: None) -> None:
    """Ten days at first, thirty from the 41st day on: the line of a day takes what the bot took on that day."""
    desk = open_desk()
    place = min(range(55, len(DAYS) - 1), key=lambda number: price("AMD", DAYS[number], 6))
    braked = DAYS[place]
    with desk.store.transaction() as connection:
        rows = [("LOOKBACK_DAYS", "10", at(DAYS[0])), ("LOOKBACK_DAYS", "30", at(DAYS[40], 3))]
        connection.executemany("INSERT INTO bot_config (setting, value, ts) VALUES (?, ?, ?)", rows)
        connection.execute(
            "INSERT INTO brake_events (id, started, ended, last_seen, date, cycles, missed_opportunities)"
            " VALUES (1, ?, ?, ?, ?, 9, 0)",
            (at(braked, 11), at(braked, 15), at(braked, 15), str(braked)),
        )
    desk.advance(60)
    highs = dict(desk.sql("SELECT date, high FROM dip_lines WHERE symbol = 'AMD'"))
    assert sorted(highs) == [str(day) for day in DAYS[9:]]
    for number, lookback in ((9, 10), (39, 10), (40, 30), (len(DAYS) - 1, 30)):
        assert highs[str(DAYS[number])] == max(close("AMD", day) for day in DAYS[number - lookback + 1 : number])
    for symbol, high, day in desk.sql("SELECT symbol, high, high_date FROM dip_triggers WHERE symbol <> 'SPY'"):
        assert high == max(close(symbol, one) for one in DAYS[-30:])
        assert high == close(symbol, date.fromisoformat(day))
    [(first,)] = desk.sql("SELECT first FROM replay_checks WHERE symbol = 'AMD'")
    assert first == str(DAYS[9])
    missed = desk.sql("SELECT symbol, dip_ratio FROM dip_episodes WHERE reason = 'missed_brake'")
    assert missed
    for symbol, dip_ratio in missed:
        lowest = min(price(symbol, braked, number) for number in range(3, 12)) / 100  # every half hour from 11 to 15
        assert dip_ratio == pytest.approx(lowest / max(close(symbol, day) for day in DAYS[place - 29 : place]) - 1)


@pytest.mark.parametrize("text", ["1", "251", "twenty", "20.5", "", None])
def test_a_lookback_that_is_none_is_that_of_the_release(open_desk: Open, long_past: None, text: str | None) -> None:
    desk = open_desk()
    with desk.store.transaction() as connection:
        connection.execute("INSERT INTO bot_config (setting, value, ts) VALUES ('LOOKBACK_DAYS', ?, ?)", (text, at(DAYS[0])))
    desk.advance(60)
    assert desk.sql("SELECT min(date) FROM dip_lines") == [(str(DAYS[19]),)]


def test_episodes_and_what_followed(open_desk: Open, long_past: None) -> None:
    desk = open_desk()
    day = DAYS[-10]
    with desk.store.transaction() as connection:
        for number in range(30):
            seen = at(day, 11) + 60 * number
            dip(connection, number, "AMD", seen, "rejected", reason="wash_sale_conflict", price=100.0, dip_percent=-6.0)
        dip(connection, 40, "AMD", at(DAYS[-9], 11), "rejected", reason="wash_sale_conflict", price=99.0, dip_percent=-7.5)
        dip(connection, 41, "AMD", at(DAYS[-2], 17), "submitted", price=101.0)
        connection.execute(
            "INSERT INTO daily_stats (date, ts, trading_day, starting_equity) VALUES (?, 0, 1, 1e5)", (str(day),)
        )
    desk.advance(60)
    rows = desk.sql(
        "SELECT reason, date, days, sightings, dip_ratio, price, bought, after_1, after_5, after_20"
        " FROM dip_episodes ORDER BY ts"
    )
    assert rows[0][:7] == ("wash_sale_conflict", day.isoformat(), 2, 31, -0.075, 100.0, 0)
    assert rows[0][7] == pytest.approx(close("AMD", DAYS[-9]) / 100 - 1)
    assert rows[0][8] == pytest.approx(close("AMD", DAYS[-5]) / 100 - 1)
    assert rows[0][9] is None
    high = max(close("AMD", one) for one in DAYS[-20:-1])  # the log does not say how deep that dip was
    assert rows[1] == ("bought", FRIDAY.isoformat(), 1, 1, pytest.approx(101 / high - 1), 101.0, 1, None, None, None), (
        "after the close: the next session's"
    )
    [(benchmark, market, size)] = desk.sql("SELECT benchmark_1, market_price, size FROM dip_episodes WHERE NOT bought")
    assert market == price("AMD", day, 3) / 100
    assert benchmark == pytest.approx(close("SPY", DAYS[-9]) / (price("SPY", day, 3) / 100) - 1)
    assert 0 < size <= 15_000


def test_a_dip_that_only_its_refusal_names_is_an_episode_with_the_markets_price(open_desk: Open, long_past: None) -> None:
    desk, day = open_desk(), DAYS[-10]
    with desk.store.transaction() as connection:
        connection.executemany(
            "INSERT INTO skips (id, ts, date, symbol, reason, detail) VALUES (?, ?, ?, 'AMD', 'leverage_limit', '')",
            [(n, at(day, 11) + 60 * n, day.isoformat()) for n in range(3)],
        )
    desk.advance(60)
    desk.advance(60)
    [found] = desk.sql("SELECT reason, date, sightings, price, price_source, dip_ratio, after_1 FROM dip_episodes")
    paid, index = price("AMD", day, 3) / 100, DAYS.index(day)
    high = max(close("AMD", one) for one in DAYS[index - 19 : index])
    assert found[:5] == ("leverage_limit", day.isoformat(), 3, paid, "minute")
    assert found[5:] == (pytest.approx(paid / high - 1), pytest.approx(close("AMD", DAYS[-9]) / paid - 1))


@pytest.mark.parametrize(("deep", "source"), [(True, "line"), (False, "none")])
def test_a_refusal_without_a_price_and_without_minutes_is_priced_by_the_day(
    open_desk: Open, long_past: None, broker: Broker, deep: bool, source: str
) -> None:
    day = DAYS[-10]
    index = DAYS.index(day)
    high = max(close("AMD", one) for one in DAYS[index - 19 : index])
    spread(broker.tape, "AMD", day, 0.8 if deep else 1.2)
    desk = open_desk(market_data_minute_retention=0.0)
    with desk.store.transaction() as connection:
        connection.execute(
            "INSERT INTO skips (id, ts, date, symbol, reason, detail) VALUES (1, ?, ?, 'AMD', 'leverage_limit', '')",
            (at(day, 11), day.isoformat()),
        )
    desk.advance(60)
    [found] = desk.sql("SELECT price_source, price, dip_ratio, after_1 FROM dip_episodes")
    if not deep:
        assert found == ("none", None, None, None), "no price of that day was below the line"
        return
    [(opened, low)] = desk.sql("SELECT open, low FROM prices_daily WHERE symbol = 'AMD' AND date = ?", day.isoformat())
    paid = min(high * 0.95, opened)
    assert found == (
        source,
        pytest.approx(paid),
        pytest.approx(low / high - 1),
        pytest.approx(close("AMD", DAYS[index + 1]) / paid - 1),
    )


@pytest.mark.parametrize(("retention", "source"), [(30 * 86400.0, "minute"), (0.0, "line")])
def test_dips_missed_in_a_brake_are_made_of_bars_and_marked(
    open_desk: Open, long_past: None, broker: Broker, retention: float, source: str
) -> None:
    day = DAYS[-3]
    for minute, cents in zip(broker.tape.minutes, broker.tape.prices, strict=True):
        if calendar.new_york_date(minute) == day:
            cents[0] = int(cents[0] * 0.8)
    desk = open_desk(market_data_minute_retention=retention)
    with desk.store.transaction() as connection:
        connection.execute(
            "INSERT INTO brake_events (id, started, ended, last_seen, date, cycles, missed_opportunities)"
            " VALUES (1, ?, ?, ?, ?, 60, 0)",
            (at(day, 10), at(day, 12), at(day, 12), day.isoformat()),
        )
    desk.advance(60)
    with closing(connect_readonly(desk.store.path)) as connection:
        scope = Scope("SPY", 5 * 365 * 86400.0, 30 * 86400.0, ("AMD", "NVDA"))
        found = derive(connection, scope, desk.timing.time()).episodes
    assert [(e.symbol, e.reason, e.price_source, e.date) for e in found] == [("AMD", "missed_brake", source, day.isoformat())]


@pytest.mark.parametrize(("retention", "source"), [(30 * 86400.0, "minute"), (0.0, "line")])
def test_a_brake_over_several_sessions_misses_the_dips_of_each(
    open_desk: Open, long_past: None, broker: Broker, retention: float, source: str
) -> None:
    days = DAYS[-3:]
    for minute, cents in zip(broker.tape.minutes, broker.tape.prices, strict=True):
        if calendar.new_york_date(minute) == days[2]:
            cents[0] = int(cents[0] * 0.8)
    desk = open_desk(market_data_minute_retention=retention)
    with desk.store.transaction() as connection:
        connection.execute(
            "INSERT INTO brake_events (id, started, ended, last_seen, date, cycles, missed_opportunities)"
            " VALUES (1, ?, ?, ?, ?, 60, 0)",
            (at(days[0], 15), at(days[2], 12), at(days[2], 12), days[0].isoformat()),
        )
        connection.execute("INSERT INTO bot_config (ts, setting, value) VALUES (0, 'DIP_THRESHOLDS.DEFAULT', '0.15')")
    desk.advance(120)
    with closing(connect_readonly(desk.store.path)) as connection:
        scope = Scope("SPY", 5 * 365 * 86400.0, 30 * 86400.0, ("AMD", "NVDA"))
        found = derive(connection, scope, desk.timing.time()).episodes
    assert [(e.symbol, e.reason, e.price_source, e.date) for e in found] == [
        ("AMD", "missed_brake", source, days[2].isoformat())
    ]


def test_lots_and_their_statistics(open_desk: Open, long_past: None) -> None:
    desk = open_desk()
    with desk.store.transaction() as connection:
        for number in range(6):
            bought, sold = at(DAYS[30 + number], 10), at(DAYS[40 + number], 15)
            connection.execute(
                "INSERT INTO fills VALUES (?, ?, ?, 'AMD', 'buy', 10, 100, 1000, NULL, NULL, NULL)", (f"b{number}", bought, "d")
            )
            connection.execute(
                "INSERT INTO fills VALUES (?, ?, ?, 'AMD', 'sell', 10, ?, 1000, NULL, NULL, NULL)",
                (f"s{number}", sold, "d", 98 + number),
            )
        connection.execute(
            "INSERT INTO fills VALUES ('o', ?, 'd', 'AMD', 'buy', 5, 90, 450, NULL, NULL, NULL)", (at(DAYS[-3], 10),)
        )
    desk.advance(60)
    found = desk.sql("SELECT lots, win_rate, expectancy, open_lots, open_profit FROM trade_figures WHERE grouping = 'all'")
    assert found == [(6, 0.5, pytest.approx(5.0), 1, pytest.approx(5 * (close("AMD", FRIDAY) - 90)))]
    between = DAYS[31:40]
    lows = [min(price("AMD", day, n) for n in range(13)) / 100 for day in between]
    assert desk.sql("SELECT sessions, worst_ratio FROM lots WHERE closed IS NOT NULL ORDER BY ts LIMIT 1") == [
        (10, pytest.approx(min(lows) / 100 - 1))
    ]
    assert desk.sql("SELECT name, lots FROM trade_figures WHERE grouping = 'hour'") == [("10:00", 6)]


def test_figures_that_grow_day_by_day_are_those_made_at_once(open_desk: Open, long_past: None, broker: Broker) -> None:
    desk = open_desk()
    with desk.store.transaction() as connection:
        an_account_that_is_spy(connection)
        for number in range(5):
            dip(connection, number, "NVDA", at(DAYS[-30 + 6 * number]), "capital", price=140.0, dip_percent=-5.5)
    desk.advance(60)
    broker.tape = tape(FIRST, date(2025, 11, 14))
    for _ in range(7):
        desk.timing.jump(86_400)
        desk.advance(1800, step=300)
    with desk.store.transaction() as connection:
        grown = {
            t: connection.execute(f"SELECT * FROM {t} ORDER BY 1, 2, 3").fetchall()
            for t in ("dip_lines", "dip_episodes", "positions_daily")
        }
        connection.execute("DELETE FROM state WHERE key = 'price-figures'")
    desk.timing.jump(86_400)
    desk.advance(1800, step=300)
    for table, rows in grown.items():
        assert desk.sql(f"SELECT * FROM {table} ORDER BY 1, 2, 3") == rows
    assert max(row[1] for row in grown["dip_lines"]) == "2025-11-14"


@pytest.mark.parametrize(
    ("action", "shown"),
    [
        (("forward_split", "AMD", 10, {"old_rate": 1, "new_rate": 10}), True),
        (("forward_split", "OTHER", 10, {"old_rate": 1, "new_rate": 10}), False),
        (("cash_dividend", "AMD", 10, {"rate": 20.0, "special": True}), True),
        (("cash_dividend", "AMD", 10, {"rate": 0.2, "special": False}), False),
        (("forward_split", "AMD", -40, {"old_rate": 1, "new_rate": 10}), False),
    ],
)
def test_what_the_bot_takes_for_a_dip_is_ahead(open_desk: Open, broker: Broker, action: Any, shown: bool) -> None:
    kind, symbol, days, more = action
    broker.tape.note(kind, symbol, FRIDAY + timedelta(days=days), **more)
    desk = open_desk()
    desk.advance(60)
    with closing(connect_readonly(desk.store.path)) as connection:
        found = derive(connection, Scope("SPY", 1e8, 0, ("AMD",)), desk.timing.time()).ahead
    assert [(ahead.symbol, ahead.kind) for ahead in found] == ([(symbol, kind)] if shown else [])


def test_a_price_far_from_the_market_is_a_phantom(open_desk: Open, long_past: None) -> None:
    seen = at(FRIDAY, 15)
    right = price("AMD", FRIDAY, 11) / 100
    desk = open_desk()
    with desk.store.transaction() as connection:
        dip(connection, 1, "AMD", seen, "submitted", price=right * 0.93)
        dip(connection, 2, "NVDA", seen, "submitted", price=price("NVDA", FRIDAY, 11) / 100)
    desk.advance(60)
    assert desk.source.view.figures is not None
    assert desk.source.view.figures.phantoms == {"AMD": 1, "NVDA": 0}


def test_positions_before_the_exporter_watched_are_rebuilt_and_later_ones_recorded(open_desk: Open, long_past: None) -> None:
    desk = open_desk()
    with desk.store.transaction() as connection:
        fills = [("a", DAYS[10], "buy", 10, 100.0), ("b", DAYS[12], "buy", 10, 120.0), ("c", DAYS[15], "sell", 5, 130.0)]
        for name, day, side, quantity, paid in fills:
            values = (name, at(day, 11), day.isoformat(), side, quantity, paid)
            connection.execute("INSERT INTO fills VALUES (?, ?, ?, 'AMD', ?, ?, ?, 0, NULL, NULL, NULL)", values)
        connection.execute(
            "INSERT INTO fills VALUES ('d', ?, 'd', 'NVDA', 'sell', 5, 100, 500, NULL, NULL, NULL)", (at(DAYS[20], 11),)
        )
        desk.store.save("broker", json.dumps({"watched": at(DAYS[-2], 12)}))
        connection.execute(
            "INSERT INTO position_snapshots (ts, symbol, date, quantity, market_value, cost_basis, unrealized_pl)"
            " VALUES (?, 'AMD', ?, 15, 1700.5, 1650, 50.5)",
            (at(FRIDAY, 15, 50), FRIDAY.isoformat()),
        )
    desk.advance(60)
    query = "SELECT quantity, market_value, cost_basis, unrealized_pl, rebuilt, problem FROM positions_daily WHERE symbol = ?"
    rows = desk.sql(f"{query} ORDER BY date", "AMD")
    assert len(rows) == len(DAYS) - 10
    assert rows[0] == (
        10,
        pytest.approx(10 * close("AMD", DAYS[10])),
        1000,
        pytest.approx(10 * close("AMD", DAYS[10]) - 1000),
        1,
        None,
    )
    assert rows[5] == (
        15,
        pytest.approx(15 * close("AMD", DAYS[15])),
        1650,
        pytest.approx(15 * close("AMD", DAYS[15]) - 1650),
        1,
        None,
    )
    assert rows[-1] == (15, 1700.5, 1650, 50.5, 0, None)
    unknown = desk.sql(query, "NVDA")
    assert len(unknown) == len(DAYS) - 20
    assert set(unknown) == {(None, None, None, None, 1, "executions or transfers are missing")}


def days_of_equity(connection: Any, equity: list[float]) -> None:
    """The days of DAYS, known from the broker's history."""
    for (start, end), day in zip(pairwise(equity), DAYS[1:], strict=True):
        connection.execute(
            "INSERT INTO daily_stats (date, ts, trading_day, equity_source, starting_equity, ending_equity)"
            " VALUES (?, ?, 1, 'alpaca', ?, ?)",
            (day.isoformat(), calendar.day_start(day), start, end),
        )


def execution(connection: Any, symbol: str, day: date, side: str) -> None:
    """10 shares at 100 dollars."""
    values = (f"{symbol} {day} {side}", at(day, 11), day.isoformat(), symbol, side)
    connection.execute("INSERT INTO fills VALUES (?, ?, ?, ?, ?, 10, 100, 1000, NULL, NULL, NULL)", values)


def history_read(desk: Desk, done: bool = True) -> None:
    """The account was first polled after the last of DAYS, and its activities are read to their end."""
    BrokerCheckpoint(watched=at(DAYS[-1], 23), latest_day=DAYS[-1].isoformat(), activities_done=done).save(
        desk.store.connection
    )


def unrealized_changes(desk: Desk) -> list[float | None]:
    """Of the days that are over: the newest one goes on until it is polled."""
    days = (DAYS[-1].isoformat(),)
    return [change for (change,) in desk.sql("SELECT unrealized_change FROM daily_stats WHERE date < ? ORDER BY date", *days)]


def test_nothing_is_attributed_before_all_executions_were_read(open_desk: Open, long_past: None) -> None:
    desk = open_desk()
    with desk.store.transaction() as connection:
        days_of_equity(connection, [5000.0] * len(DAYS))
        execution(connection, "AMD", DAYS[5], "buy")
        history_read(desk, done=False)
    desk.advance(60)
    assert set(unrealized_changes(desk)) == {None}
    with desk.store.transaction() as connection:
        execution(connection, "AMD", DAYS[8], "sell")
        history_read(desk)
    desk.timing.jump(86_400)
    desk.advance(1800, step=300)
    changes = unrealized_changes(desk)
    assert [n for n, change in enumerate(changes) if change is None] == []
    assert changes[8:] == [0.0] * (len(changes) - 8), "flat since the ninth day"
    assert sum(change or 0.0 for change in changes) == pytest.approx(0.0)


@pytest.mark.parametrize("traded", [True, False])
def test_an_account_that_holds_nothing_has_no_unrealized_profit(open_desk: Open, long_past: None, traded: bool) -> None:
    desk = open_desk()
    with desk.store.transaction() as connection:
        days_of_equity(connection, [5000.0] * len(DAYS))
        if traded:
            execution(connection, "AMD", DAYS[5], "buy")
            execution(connection, "AMD", DAYS[8], "sell")
        history_read(desk)
    desk.advance(60)
    changes = unrealized_changes(desk)
    assert [n for n, change in enumerate(changes) if change is None] == []
    assert changes[8:] == [0.0] * (len(changes) - 8)


def test_the_profit_of_days_before_the_exporter_watched_is_attributed_where_positions_are_known(
    open_desk: Open, long_past: None
) -> None:
    """10 AMD bought for 1,000 dollars of 5,000; on the 20th day NVDA is sold that nobody knows of."""
    desk = open_desk()
    with desk.store.transaction() as connection:
        days_of_equity(connection, [5000.0 if n < 10 else 4000 + 10 * close("AMD", day) for n, day in enumerate(DAYS)])
        execution(connection, "AMD", DAYS[10], "buy")
        execution(connection, "NVDA", DAYS[20], "sell")
        history_read(desk)
    desk.advance(60)
    found = dict(desk.sql("SELECT date, unrealized_change FROM daily_stats"))
    assert [found[day.isoformat()] for day in DAYS[1:10]] == [0.0] * 9
    assert found[DAYS[10].isoformat()] == pytest.approx(10 * close("AMD", DAYS[10]) - 1000)
    for before, day in pairwise(DAYS[10:20]):
        assert found[day.isoformat()] == pytest.approx(10 * (close("AMD", day) - close("AMD", before)))
    assert {found[day.isoformat()] for day in DAYS[20:]} == {None}
    others = desk.sql("SELECT other FROM daily_stats WHERE date < ?", DAYS[20].isoformat())
    assert [other for (other,) in others] == pytest.approx([0.0] * 19)


def test_what_a_first_reading_of_the_log_brings_late_is_not_left_out(open_desk: Open, long_past: None) -> None:
    desk = open_desk()
    desk.advance(60)
    with desk.store.transaction() as connection:
        dip(connection, 1, "AMD", at(DAYS[2], 11), "rejected", reason="wash_sale_conflict", price=100.0, dip_percent=-6.0)
    desk.timing.jump(86_400)
    desk.advance(1800, step=300)
    assert desk.sql("SELECT symbol, date FROM dip_episodes") == [("AMD", DAYS[2].isoformat())]


def spread(prices: Any, symbol: str, day: date, share: float) -> None:
    """Let every price of a session be `share` of what it was."""
    for minute, cents in zip(prices.minutes, prices.prices, strict=True):
        if calendar.new_york_date(minute) == day:
            cents[SYMBOLS.index(symbol)] = int(cents[SYMBOLS.index(symbol)] * share)


def bought(connection: Any, number: int, symbol: str, ts: float) -> None:
    day = calendar.trading_day(ts).isoformat()
    connection.execute(
        "INSERT INTO trades (id, ts, date, symbol, quantity, price, total_value) VALUES (?, ?, ?, ?, 1, 90, 90)",
        (number, ts, day, symbol),
    )


def test_other_thresholds_are_replayed_and_the_replay_is_checked(open_desk: Open, long_past: None, broker: Broker) -> None:
    dips = (DAYS[25], DAYS[26], DAYS[40], DAYS[60])
    for day in dips:
        spread(broker.tape, "AMD", day, 0.8)
    desk = open_desk()
    with desk.store.transaction() as connection:
        settings = [("DIP_THRESHOLDS.DEFAULT", "0.15", at(DAYS[0]))]
        connection.executemany("INSERT INTO bot_config (setting, value, ts) VALUES (?, ?, ?)", settings)
        for number, day in enumerate(dips[:3]):
            bought(connection, number, "AMD", at(day, 11))
        bought(connection, 8, "NVDA", at(DAYS[30], 8))
        bought(connection, 9, "NVDA", at(DAYS[31], 11))
        for day in DAYS:
            connection.execute("INSERT INTO daily_stats (date, ts, trading_day, cycles) VALUES (?, 0, 1, 60)", (str(day),))
    desk.advance(60)
    rows = desk.sql(
        "SELECT part, horizon, days, episodes, known, median FROM threshold_signals"
        " WHERE symbol = 'AMD' AND threshold = 0.15 AND reached = 'close' ORDER BY part, horizon"
    )
    assert len(rows) == 9
    assert {(part, days, found) for part, _, days, found, *_ in rows} == {("whole", 4, 3), ("earlier", 3, 2), ("later", 1, 1)}
    assert all(median is None for *_, median in rows), "quartiles need twenty dips"
    assert [known for part, horizon, _, _, known, _ in rows if part == "whole"] == [3, 3, 2], "one is not over after 20"
    (whole,) = desk.sql("SELECT episodes FROM threshold_signals WHERE symbol = 'all' AND threshold = 0.15"
                        " AND reached = 'close' AND part = 'whole' AND horizon = 5")  # fmt: skip
    assert whole == (3,)
    checks = {
        row[0]: row[1:]
        for row in desk.sql(
            "SELECT symbol, purchases, found, outside_hours, not_in_bars, signals, named, recall, why FROM replay_checks"
        )
    }
    assert checks["AMD"] == (3, 3, 0, 0, 4, 3, 1.0, None)
    assert checks["NVDA"][:4] == (2, 0, 1, 1)
    assert "0 of 2 (0%)" in checks["NVDA"][-1]
    assert "3 of 5 (60%)" in checks["all"][-1]


def test_a_replay_is_made_again_only_where_something_changed(open_desk: Open, long_past: None) -> None:
    desk = open_desk()
    desk.advance(60)
    scope = Scope("SPY", 5 * 365 * 86400.0, 30 * 86400.0, ("AMD", "NVDA"))

    def made() -> bool:
        with closing(connect_readonly(desk.store.path)) as connection:
            return derive(connection, scope, desk.timing.time()).replay is not None

    assert not made()
    with desk.store.transaction() as connection:
        bought(connection, 1, "AMD", at(DAYS[-1], 11))
    assert made()
