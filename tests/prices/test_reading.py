"""Prices on their way into the archive, over a real socket: the past, each day after, and whatever the data host says."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime

import pytest

from bigdipper_exporter.archive.prices import wanted
from bigdipper_exporter.calendar import NEW_YORK
from bigdipper_exporter.demo.simulator import marketdata
from bigdipper_exporter.demo.simulator.broker import Broker
from bigdipper_exporter.demo.simulator.faults import FAULTS
from tests.alpaca.conftest import Timing
from tests.prices.conftest import EVENING, FIRST, FRIDAY, SYMBOLS, Desk, price, sessions, tape

Open = Callable[..., Desk]
DAYS = sessions(FIRST, FRIDAY)
DAILY = "SELECT symbol, date, open, high, low, close, complete FROM prices_daily ORDER BY symbol, date"


def expected(symbol: str, day: date) -> tuple[str, str, float, float, float, float, int]:
    cents = [price(symbol, day, minute) for minute in range(13)]
    prices = (cents[0], max(cents), min(cents), cents[-1])
    opened, high, low, close = (value / 100 for value in prices)
    return symbol, day.isoformat(), opened, high, low, close, 1


def test_the_past_is_read_once_and_equals_the_tape(open_desk: Open) -> None:
    desk = open_desk()
    desk.advance(30)
    assert desk.sql(DAILY) == [expected(symbol, day) for symbol in SYMBOLS for day in DAYS]
    [query] = desk.asked()
    assert (query["symbols"], query["timeframe"], query["adjustment"]) == ("AMD,NVDA,SPY", "1Day", "raw")
    assert (query["feed"], query["start"], query["limit"]) == ("sip", "2020-11-08", "10000")
    assert desk.source.view.up is True
    assert desk.source.view.problems == {}


def test_pages_go_over_all_symbols_and_each_is_committed(open_desk: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marketdata, "count", lambda query, key, default, largest: 40)
    desk = open_desk()
    desk.advance(60)
    assert desk.sql(DAILY) == [expected(symbol, day) for symbol in SYMBOLS for day in DAYS]
    assert len(desk.asked()) == 3
    assert desk.sql("SELECT symbol, last FROM price_coverage ORDER BY 1") == [(s, "2025-11-07") for s in SYMBOLS]


def test_a_restart_amid_the_pages_reads_what_is_lacking(open_desk: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marketdata, "count", lambda query, key, default, largest: 40)
    first = open_desk()
    first.broker.faults.set("bars", [None, "500"])
    first.advance(10)
    assert [row[0] for row in first.sql("SELECT symbol FROM price_coverage")] == ["AMD"]
    first.close()
    first.broker.faults.clear()
    second = open_desk()
    second.advance(60)
    assert second.sql(DAILY) == [expected(symbol, day) for symbol in SYMBOLS for day in DAYS]
    assert {query["symbols"] for query in second.asked()[2:]} == {"NVDA,SPY"}


def test_the_last_five_sessions_are_read_again_after_the_close(open_desk: Open, timing: Timing, broker: Broker) -> None:
    desk = open_desk()
    desk.advance(30)
    asked = len(desk.asked())
    broker.tape = tape(last=date(2025, 11, 10))
    corrected = broker.tape.prices[-14]  # the last price of Friday
    corrected[0] += 50
    timing.jump(datetime(2025, 11, 10, 16, 30, tzinfo=NEW_YORK).timestamp() - timing.time())
    desk.advance(1800, step=300)
    queries = desk.asked()[asked:]
    assert {query["start"] for query in queries} == {"2025-10-31"}
    assert desk.sql("SELECT close FROM prices_daily WHERE symbol = 'AMD' AND date = '2025-11-07'") == [(corrected[0] / 100,)]
    assert desk.sql("SELECT max(date) FROM prices_daily") == [("2025-11-10",)]


def test_while_the_exchange_is_closed_few_requests_leave(open_desk: Open) -> None:
    desk = open_desk()
    desk.advance(30)
    asked = len(desk.asked())
    desk.advance(86_400, step=900)  # a Saturday
    assert len(desk.asked()) - asked <= 5


def test_a_session_that_goes_on_is_not_complete(open_desk: Open, timing: Timing, broker: Broker) -> None:
    broker.tape = tape(last=date(2025, 11, 10))
    timing.jump(datetime(2025, 11, 10, 12, 0, tzinfo=NEW_YORK).timestamp() - timing.time())
    desk = open_desk()
    desk.advance(30)
    rows = dict(desk.sql("SELECT date, complete FROM prices_daily WHERE symbol = 'SPY'"))
    assert (rows["2025-11-07"], rows["2025-11-10"]) == (1, 0)


def test_prices_that_the_key_may_not_see_yet_are_asked_for_later(open_desk: Open, broker: Broker, timing: Timing) -> None:
    broker.clock = lambda: timing.time() - 1800  # ours is half an hour fast
    desk = open_desk()
    desk.advance(30)
    assert len(desk.asked()) == 2
    assert desk.source.view.up is True
    assert desk.sql("SELECT count(*) FROM prices_daily") == [(len(DAYS) * 3,)]


def test_wrong_keys_are_no_matter_of_age(open_desk: Open, broker: Broker) -> None:
    broker.faults.set("bars", "403")
    desk = open_desk()
    desk.advance(30)
    assert len(desk.asked()) == 1
    assert (desk.source.view.up, desk.source.view.why) == (False, "unauthorized")


def test_a_symbol_without_prices_is_known_as_missing(open_desk: Open) -> None:
    desk = open_desk(symbols=("AMD", "NEWCO"))
    desk.advance(30)
    assert desk.source.view.problems == {"NEWCO": "no prices"}
    assert desk.sql("SELECT count(*) FROM prices_daily WHERE symbol = 'NEWCO'") == [(0,)]


def test_one_refused_symbol_does_not_cost_the_others(open_desk: Open, broker: Broker) -> None:
    broker.tape.unknown.add("BAD")
    desk = open_desk(symbols=("AMD", "BAD", "NVDA"))
    desk.advance(120)
    assert desk.source.view.problems == {"BAD": "refused"}
    assert desk.sql("SELECT DISTINCT symbol FROM prices_daily ORDER BY 1") == [(s,) for s in SYMBOLS]
    asked = len(desk.asked())
    desk.advance(86_400, step=900)
    assert all("BAD" not in query["symbols"] for query in desk.asked()[asked:])


def test_a_bad_symbol_that_comes_later_costs_the_others_nothing(open_desk: Open, broker: Broker, timing: Timing) -> None:
    desk = open_desk()
    desk.advance(30)
    broker.tape.unknown.add("BAD")
    with desk.store.transaction():
        desk.store.save("bot", '{"symbols": ["AMD", "NVDA", "BAD"]}')
    timing.jump(7 * 3600)
    desk.advance(1200, step=60)
    assert desk.source.view.problems == {"BAD": "refused"}
    assert desk.source.view.up is True


def test_a_renamed_symbol_has_its_past_under_the_new_name(open_desk: Open, broker: Broker) -> None:
    broker.tape.renamed["ADV"] = "AMD"
    broker.tape.note("name_change", "AMD", date(2025, 11, 3), old_symbol="AMD", new_symbol="ADV")
    desk = open_desk(symbols=("AMD", "ADV"))
    desk.advance(30)
    assert desk.source.view.problems == {"AMD": "renamed to ADV"}
    assert desk.sql("SELECT count(*) FROM prices_daily WHERE symbol = 'ADV'") == [(len(DAYS),)]


def test_corporate_actions_are_kept_as_long_as_alpaca_says_them(open_desk: Open, broker: Broker) -> None:
    split = broker.tape.note("forward_split", "AMD", date(2025, 11, 20), old_rate=1, new_rate=10)
    broker.tape.note("cash_dividend", "SPY", date(2025, 9, 19), rate=1.83, special=False)
    broker.tape.note("cash_dividend", "AMD", date(2025, 11, 24), rate=20.0, special=True)
    broker.tape.note("cash_dividend", "OTHER", date(2025, 11, 24), rate=1.0)
    desk = open_desk()
    desk.advance(30)
    query = "SELECT symbol, kind, ex_date, old_rate, new_rate, cash, special FROM corporate_actions ORDER BY ex_date"
    assert desk.sql(query) == [
        ("SPY", "cash_dividend", "2025-09-19", None, None, 1.83, 0),
        ("AMD", "forward_split", "2025-11-20", 1.0, 10.0, None, None),
        ("AMD", "cash_dividend", "2025-11-24", None, None, 20.0, 1),
    ]
    broker.tape.actions["forward_splits"].remove(split)
    desk.advance(88_200, step=900)
    assert [row[1] for row in desk.sql(query)] == ["cash_dividend", "cash_dividend"]
    assert {q["start"] for q in desk.asked("/v1/corporate-actions")} == {"2020-11-08", "2025-10-09"}


def test_minutes_are_read_around_events_only(open_desk: Open, broker: Broker) -> None:
    event = datetime(2025, 11, 6, 12, 0, tzinfo=NEW_YORK).timestamp()
    desk = open_desk()
    with desk.store.transaction() as connection:
        connection.execute(
            "INSERT INTO opportunities (id, ts, date, symbol, outcome) VALUES (1, ?, '2025-11-06', 'NVDA', 'submitted')",
            (event,),
        )
    desk.advance(60)
    [query] = [q for q in desk.asked() if q["timeframe"] == "1Min"]
    assert (query["symbols"], query["start"]) == ("NVDA,SPY", "2025-11-06T16:00:00.000000Z")
    rows = desk.sql("SELECT symbol, ts, close FROM prices_minute WHERE symbol <> 'SPY' ORDER BY ts")
    assert rows == [("NVDA", event + 1800.0 * n, price("NVDA", date(2025, 11, 6), 5 + n) / 100) for n in (-2, -1, 0, 1, 2)]
    asked = len(desk.asked())
    desk.advance(86_400, step=900)
    assert all(q["timeframe"] == "1Day" for q in desk.asked()[asked:]), "read once"
    desk.advance(31 * 86_400, step=7200)
    assert desk.sql("SELECT count(*) FROM prices_minute") == [(0,)], "and kept for 30 days"


def test_minutes_of_a_brake_over_several_sessions_are_read_session_by_session(open_desk: Open, broker: Broker) -> None:
    started, last = (datetime(2025, 11, day, 12, 0, tzinfo=NEW_YORK).timestamp() for day in (4, 7))
    desk = open_desk(market_data_minute_retention=2 * 86_400.0)
    with desk.store.transaction() as connection:
        connection.execute(
            "INSERT INTO brake_events (id, started, ended, last_seen, date, cycles, missed_opportunities)"
            " VALUES (1, ?, NULL, ?, '2025-11-04', 60, 0)",
            (started, last),
        )
        desk.store.save("bot", json.dumps({"symbols": ["AMD"]}))
    desk.advance(120)
    # It began before the minutes that are kept.
    assert desk.sql("SELECT DISTINCT date FROM minute_coverage ORDER BY date") == [("2025-11-06",), ("2025-11-07",)]
    first, end = desk.sql("SELECT min(first), max(last) FROM minute_coverage WHERE symbol = 'AMD' AND date = '2025-11-07'")[0]
    close = datetime(2025, 11, 6, 16, 0, tzinfo=NEW_YORK).timestamp()
    assert (first, end) == (close + 1 - 3600, last + 3600)


def test_a_day_of_minutes_of_many_symbols_is_split_into_requests_of_bounded_size(
    open_desk: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wanted, "MOST_MINUTES", 500)
    first = datetime(2025, 11, 6, 10, 0, tzinfo=NEW_YORK).timestamp()
    desk = open_desk()
    with desk.store.transaction() as connection:
        connection.executemany(
            "INSERT INTO opportunities (id, ts, date, symbol, outcome) VALUES (?, ?, '2025-11-06', ?, 'submitted')",
            [(n, first + n * 3600.0, symbol) for n, symbol in enumerate(SYMBOLS, 1) if symbol != "SPY"],
        )
    desk.advance(120)
    queries = [q for q in desk.asked() if q["timeframe"] == "1Min"]
    assert [q["symbols"] for q in queries] == ["AMD,SPY", "NVDA"]
    minutes = desk.sql("SELECT symbol, date FROM minute_coverage ORDER BY symbol")
    assert minutes == [(symbol, "2025-11-06") for symbol in sorted(SYMBOLS)]


@pytest.mark.parametrize("fault", sorted(set(FAULTS) - {"hang", "drip"}))
def test_no_fault_costs_what_is_archived_or_the_reading_after_it(open_desk: Open, broker: Broker, fault: str) -> None:
    desk = open_desk()
    desk.advance(30)
    before = desk.sql(DAILY)
    broker.faults.set("bars", fault)
    desk.advance(6 * 3600 + 1800, step=600)
    rows = desk.sql(DAILY)
    assert [row for row in rows if row in before] == before
    assert all(0 < low <= min(opened, close) <= max(opened, close) <= high for _, _, opened, high, low, close, _ in rows)
    broker.faults.clear()
    desk.advance(6 * 3600 + 1800, step=600)
    assert desk.source.view.up is True
    assert desk.source.view.problems == {}, "the symbols are not to blame"
    assert desk.sql(DAILY) == before


@pytest.mark.parametrize("fault", ["404", "422"])
def test_a_host_that_refuses_everything_refuses_no_symbol(open_desk: Open, broker: Broker, fault: str) -> None:
    broker.faults.set("bars", fault)
    desk = open_desk(symbols=tuple(f"S{n}" for n in range(60)))
    desk.advance(40)
    assert len(desk.asked()) <= 20
    assert (desk.source.view.up, desk.source.view.problems) == (False, {})


def test_the_share_of_the_rate_limit_is_kept(open_desk: Open, broker: Broker, timing: Timing) -> None:
    events = [datetime(2025, 10, day, 12, 0, tzinfo=NEW_YORK).timestamp() for day in range(9, 32)]
    desk = open_desk(market_data_requests_per_minute=5)
    with desk.store.transaction() as connection:
        connection.executemany(
            "INSERT INTO opportunities (id, ts, date, symbol, outcome) VALUES (?, ?, ?, 'NVDA', 'submitted')",
            [(n, ts, datetime.fromtimestamp(ts, NEW_YORK).date().isoformat()) for n, ts in enumerate(events, 1)],
        )
    desk.advance(600)
    times = [r.at for r in broker.requests if r.path.startswith(("/v1", "/v2/stocks"))]
    assert len(times) == 25
    assert max(sum(t <= later < t + 60 for later in times) for t in times) <= 5


def test_it_yields_when_little_is_left_for_the_bot(open_desk: Open, broker: Broker) -> None:
    broker.data_rate.take(EVENING + 4, 170)
    desk = open_desk()
    desk.advance(6)
    asked = len(broker.requests)
    assert asked == 1
    desk.advance(40)
    assert len(broker.requests) == asked, "the answer said that 29 of 200 are left"
    desk.advance(30)
    assert len(broker.requests) > asked


def test_without_market_data_nothing_is_asked(tmp_path: object, broker: Broker) -> None:
    from bigdipper_exporter.config.settings import Settings
    from bigdipper_exporter.price_source import start

    settings = Settings(alpaca_key="k", alpaca_secret="s", alpaca_url=broker.url, market_data_enabled=False)
    assert start(settings, None, lambda: None, None) is None  # type: ignore[arg-type]
    assert EVENING > 0
    assert broker.requests == []
