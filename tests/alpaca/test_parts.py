"""The small parts: the rate share, reading of records, paging, snapshots, and what a restart remembers."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from typing import Any

import pytest
import requests
import urllib3
from hypothesis import given
from hypothesis import strategies as st

from bigdipper_exporter.archive.broker import activities, checkpoint, flows, orders, snapshots
from bigdipper_exporter.archive.broker.view import BrokerView, OrdersToday
from bigdipper_exporter.archive.queries.past import STEPS, steps_of
from bigdipper_exporter.broker import decode, fetch, transport
from bigdipper_exporter.broker.fields import Unreadable
from bigdipper_exporter.broker.models import Account, Activity, Order, Position
from bigdipper_exporter.broker.rate_budget import Budget
from bigdipper_exporter.broker.results import Failure, Orders, Positions
from bigdipper_exporter.counters import Counters
from bigdipper_exporter.metrics.collect import Collector
from bigdipper_exporter.metrics.registry import METRICS
from bigdipper_exporter.metrics.snapshot import Day, ExporterStatus, Snapshot
from bigdipper_exporter.money.lots import Event
from bigdipper_exporter.money.plausibility import Balances
from bigdipper_exporter.money.wash_sale import WashSales, wash_sales
from bigdipper_exporter.projection.state import BotState
from bigdipper_exporter.web.sections.bot import _today

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["1.5", "2025-11-04", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


class Hand:
    """A clock in the test's hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_no_60_seconds_ever_see_more_requests_than_the_share() -> None:
    clock = Hand()
    budget = Budget(5, clock)
    sent = []
    for _ in range(40):
        clock.now += budget.delay()
        budget.take()
        sent.append(clock.now)
        clock.now += 1.0
    assert max(sum(t <= u < t + 60 for u in sent) for t in sent) == 5


def test_below_a_fifth_of_the_limit_the_rest_is_the_bots() -> None:
    clock = Hand()
    budget = Budget(60, clock)
    budget.update_from_headers(200, 40, 12.0)
    assert budget.delay() == 0
    budget.update_from_headers(200, 39, 12.0)
    assert budget.delay() == 12
    clock.now += 12
    assert budget.delay() == 0


@pytest.mark.parametrize(("told", "waits"), [(None, 30.0), (-500.0, 1.0), (0.0, 1.0), (45.0, 45.0), (86_400.0, 90.0)])
def test_a_pause_is_bounded_whatever_the_header_says(told: float | None, waits: float) -> None:
    budget = Budget(60, Hand())
    budget.pause(told)
    assert budget.delay() == waits


POSITION = {
    "symbol": "AMD",
    "qty": "-1",
    "side": "short",
    "asset_class": "us_equity",
    "market_value": "-207.6399",
    "cost_basis": "-197.91",
    "avg_entry_price": "197.91",
    "current_price": "207.6399",
    "unrealized_pl": "-9.7299",
    "unrealized_plpc": "-0.0491632560254661",
    "unrealized_intraday_pl": None,
    "brand_new": {"a": 1},
}


def test_a_short_is_negative_and_a_null_is_unknown() -> None:
    position = decode.position(POSITION)
    assert (position.quantity, position.market_value, position.intraday_pl) == (-1, -207.6399, None)
    assert decode.position(POSITION | {"qty": "1"}).quantity == -1, "the side says it too"


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-inf", "twelve", True, [1], {"a": 1}, "1e999", "1e200"])
def test_a_number_that_is_none_costs_no_more_than_itself(value: Any) -> None:
    position = decode.position(POSITION | {"market_value": value})
    assert (position.market_value, position.damaged, position.is_unpriced) == (None, True, True)
    assert position.unrealized_pl == -9.7299
    with pytest.raises(Unreadable, match="qty"):
        decode.position(POSITION | {"qty": value})


@pytest.mark.parametrize("symbol", [None, "", "amd", "A" * 22, 'X"}', "A B", 5])
def test_a_symbol_that_is_none_costs_the_record(symbol: Any) -> None:
    with pytest.raises(Unreadable, match="symbol"):
        decode.position(POSITION | {"symbol": symbol})


@given(st.sampled_from([decode.account, decode.position, decode.order, decode.clock, decode.activity]), JSON)
def test_any_json_is_a_record_or_unreadable(parser: Any, raw: Any) -> None:
    try:
        parser(raw)
    except Unreadable:
        return


FIELDS = (*POSITION, "id", "status", "equity", "submitted_at", "activity_type", "date", "is_open")


@given(st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_any_object_is_a_record_or_unreadable(raw: dict[str, Any]) -> None:
    for parser in (decode.account, decode.position, decode.order, decode.clock, decode.activity):
        try:
            parser(raw)
        except Unreadable:
            continue


def test_an_account_that_is_damaged_where_it_does_not_matter_is_used() -> None:
    account = decode.account({"id": "1", "status": "ACCOUNT_CLOSED_PENDING", "equity": "5", "cash": "NaN", "last_equity": None})
    assert (account.status, account.cash, account.day_pl, account.damaged) == ("ACCOUNT_CLOSED_PENDING", None, None, True)
    assert decode.account({"id": "1", "status": "<b>", "equity": "0"}).status == "other"
    assert decode.account({"id": "1", "status": "ACTIVE", "equity": "-5", "cash": "-7"}).margin_ratio is None


def test_nanoseconds_and_a_multi_leg_order_are_read() -> None:
    raw = {"id": "o", "status": "pending_review", "submitted_at": None, "symbol": "", "side": "", "notional": "50"}
    order = decode.order(raw | {"created_at": "2026-11-20T15:51:45.809091442Z"})
    assert order.submitted == pytest.approx(1795189905.809091, abs=1e-5)
    assert (order.symbol, order.side, order.status, order.ended) == ("MULTI", None, "pending_review", None)


def test_portfolio_history_stamps_are_new_york_days_and_nulls_are_left_out() -> None:
    raw = {"timestamp": [1762304400, 1762390800, 1762477200, 1762563600], "equity": [0, None, 100.5, 101]}
    assert [(p.day.isoformat(), p.equity) for p in decode.equity_points(raw)] == [("2025-11-06", 100.5), ("2025-11-07", 101)]


def test_orders_of_one_instant_survive_a_page_edge() -> None:
    """1200 orders, 400 of them with one stamp that lies across the edge of two pages."""
    stamps = [1_700_000_000.0 + (500 if 500 <= i < 900 else i) for i in range(1200)]
    everything = [
        {"id": f"o{i}", "status": "filled", "symbol": "AMD", "submitted_at": fetch.moment(ts)} for i, ts in enumerate(stamps)
    ]

    def get(path: str, query: Any = None) -> Any:
        until = query.get("until", "9")
        return [o for o in reversed(everything) if o["submitted_at"] < until][:500]

    backfill, seen = fetch.OrdersBackfill(fetch.Resume()), []
    while not backfill.done:
        page = backfill.page(get)
        assert page.rejected == 0
        seen += [o.id for o in page.data.items]
    assert sorted(seen) == sorted(o["id"] for o in everything)


def test_the_history_of_orders_ends_where_the_setting_says() -> None:
    everything = [
        {"id": f"o{i}", "status": "filled", "symbol": "AMD", "submitted_at": fetch.moment(1_700_000_000.0 + i)}
        for i in range(1700)
    ]
    asked = 0

    def get(path: str, query: Any = None) -> Any:
        nonlocal asked
        asked += 1
        return [o for o in reversed(everything) if o["submitted_at"] < query.get("until", "9")][:500]

    backfill = fetch.OrdersBackfill(fetch.Resume(), since=1_700_000_000.0 + 1000)
    while not backfill.done:
        backfill.page(get)
    assert asked == 2  # the second page reaches past that moment


@pytest.mark.parametrize("status", ["new", "filled"])
def test_more_orders_than_fit_a_page_are_all_seen(status: str) -> None:
    stamps = [1_700_000_000.0 + i for i in range(1200)]
    everything = [{"id": f"o{ts}", "status": status, "symbol": "AMD", "submitted_at": fetch.moment(ts)} for ts in stamps]

    def get(path: str, query: Any = None) -> Any:
        asked = [o for o in everything if query.get("after", "") < o["submitted_at"] < query.get("until", "9")]
        if query["status"] == "open" and status != "new":
            return []
        return (asked if query.get("direction") == "asc" else asked[::-1])[:500]

    fetched = fetch.OrdersFollower(fetch.Resume(), 1_700_000_000.0).poll(get, full=status != "new")
    assert len(fetched.data.items) == 1200


def test_a_page_of_activities_whose_last_has_no_id_is_not_asked_for_again_and_again() -> None:
    page = [{"activity_type": "FEE", "id": str(i), "date": "2025-11-04", "net_amount": "-1"} for i in range(99)]
    asked = []

    def get(path: str, query: Any = None) -> Any:
        asked.append(path)
        assert len(asked) == 1
        return [*page, {"activity_type": "FEE"}]

    fetched = fetch.ActivitiesReader(fetch.Resume(activities_done=True)).poll(get, 1_800_000_000.0)
    assert (len(fetched.data.items), fetched.rejected) == (99, 1)


def test_an_order_that_cannot_be_asked_for_now_is_followed_on() -> None:
    raw = {"id": "o", "status": "new", "symbol": "AMD", "submitted_at": fetch.moment(1_700_000_000.0)}
    follower = fetch.OrdersFollower(fetch.Resume(open_orders=("o",)), 1_700_000_000.0)

    def down(path: str, query: Any = None) -> Any:
        if path == "/orders":
            return []
        raise Failure("server_error", "it is down", 500)

    with pytest.raises(Failure):
        follower.poll(down, full=False)
    assert follower.any_open
    data = follower.poll(lambda path, query=None: [] if path == "/orders" else raw, full=False).data
    assert (data.open_ids, data.lost) == (frozenset({"o"}), ())


def position(quantity: float, value: float | None) -> Position:
    return Position("AMD", quantity, "us_equity", value)


def test_snapshots_are_sparse() -> None:
    assert snapshots.due(None, position(1, 10), 0)
    last = checkpoint.Held(0, 1, 10)
    assert not snapshots.due(last, position(1, 11), 899)
    assert snapshots.due(last, position(1, 11), 900)
    assert not snapshots.due(last, position(1, 10), 90_000), "nothing moved: a weekend makes no rows"
    assert snapshots.due(last, position(2, 10), 1)


def test_a_year_of_snapshots_fits_the_archive(archive: sqlite3.Connection) -> None:
    """Twenty positions polled every minute for a day of extended hours: rows every quarter of an hour, not every minute."""
    remembered = checkpoint.BrokerCheckpoint()
    for minute in range(16 * 60):
        items = tuple(Position(f"S{i}", 1, "us_equity", minute + i) for i in range(20))
        snapshots.write(archive, Positions(items), 1762250400.0 + 60 * minute, remembered)
    assert archive.execute("SELECT count(*) FROM position_snapshots").fetchone() == (20 * 64,)


@pytest.mark.parametrize(
    ("side", "price", "expected"), [("buy", 101, 0.01), ("buy", 99, -0.01), ("sell", 101, -0.01), ("sell", 99, 0.01)]
)
def test_slippage_is_positive_when_it_is_worse_for_us(side: str, price: float, expected: float) -> None:
    order = Order("o", "AMD", "filled", 0, side=side, limit_price=100, filled_avg_price=price)
    assert orders.slippage(order) == pytest.approx(expected)


def test_an_order_that_ended_is_never_reopened_by_an_older_answer(archive: sqlite3.Connection) -> None:
    counters = Counters()
    done = Order("o", "AMD", "canceled", 10.0, ended=20.0, updated=20.0)
    for order in (Order("o", "AMD", "new", 10.0), done, Order("o", "AMD", "new", 10.0), done):
        orders.write(archive, Orders((order,)), 30.0, counters)
    counters.flush(archive)
    assert archive.execute("SELECT status, ended FROM orders").fetchall() == [("canceled", 20.0)]
    counted = archive.execute("SELECT name, value FROM counters ORDER BY name").fetchall()
    assert counted == [("bigdipper_bot_orders_total", 1.0), ("bigdipper_orders_total", 1.0)]


def test_an_execution_that_is_booked_after_the_cancellation_counts(archive: sqlite3.Connection) -> None:
    counters = Counters()
    first = Order("o", "AMD", "canceled", 10.0, side="buy", quantity=100, filled_quantity=0, ended=20.0, updated=20.0)
    corrected = replace(first, filled_quantity=99, filled_avg_price=10.0, updated=21.0)
    reopened = replace(first, status="new", ended=None, updated=22.0)
    for order in (first, corrected, first, reopened):
        orders.write(archive, Orders((order,)), 30.0, counters)
    counters.flush(archive)
    assert archive.execute("SELECT status, filled_quantity, result FROM order_results").fetchall() == [
        ("canceled", 99, "partly_filled")
    ]
    assert archive.execute("SELECT value FROM counters WHERE name = 'bigdipper_orders_total'").fetchall() == [(1.0,)]


def test_an_older_answer_takes_no_execution_back(archive: sqlite3.Connection) -> None:
    newer = Order("o", "AMD", "partially_filled", 10.0, quantity=100, filled_quantity=40, updated=20.0)
    for order in (newer, replace(newer, status="new", filled_quantity=0, updated=15.0)):
        orders.write(archive, Orders((order,)), 30.0, Counters())
    assert archive.execute("SELECT status, filled_quantity FROM orders").fetchall() == [("partially_filled", 40)]


def test_the_past_of_orders_counts_what_the_counters_count(archive: sqlite3.Connection) -> None:
    """With keys alone all orders are the bot's; one that the broker does not know any more is in no counter."""
    counters = Counters()
    done = [Order(str(n), "AMD", status, 10.0, ended=20.0) for n, status in enumerate(("filled", "canceled"))]
    orders.write(archive, Orders((*done, Order("lost", "AMD", "new", 10.0))), 30.0, counters)
    orders.write(archive, Orders((), lost=("lost",)), 40.0, counters)
    counters.flush(archive)
    for name in ("bigdipper_orders_total", "bigdipper_bot_orders_total"):
        counted = archive.execute("SELECT labels, value FROM counters WHERE name = ? ORDER BY labels", (name,)).fetchall()
        past = [(json.dumps(list(s.labels)), s.amount) for s in steps_of(archive, STEPS[name])]
        assert [(json.loads(labels), value) for labels, value in counted] == [
            (json.loads(labels), value) for labels, value in past
        ]
        assert len(past) == 2


@pytest.mark.parametrize(("symbol", "value"), [("NVDA260909C00222500", 800.0), ("NVDA1260909C00222500", None), ("NVDA", 8.0)])
def test_an_option_that_is_moved_in_has_the_size_that_its_lots_have(
    archive: sqlite3.Connection, symbol: str, value: float | None
) -> None:
    """The size of an adjusted contract is unknown, so is what it is worth: not a hundred times its price."""
    moved = Activity("t", "ACATS", 1e9, symbol=symbol, quantity=2, price=4.0)
    activities.write(archive, [moved], 1e9, {}, Counters(), {})
    assert [flow.amount for flow in flows.between(archive, 1e9 - 1, 1e9 + 1)] == [value]


def test_a_replaced_order_is_left_out_of_the_fill_rate(archive: sqlite3.Connection) -> None:
    now = 1762270260.0
    ends = ["filled", "canceled", "replaced", "expired", "filled"]
    made = [Order(str(i), "AMD", status, now, ended=now) for i, status in enumerate(ends)]
    orders.write(archive, Orders((*made, Order("open", "AMD", "new", now))), now, Counters())
    assert orders.fill_rate(archive, now) == 0.5
    assert orders.fill_rate(archive, now + 60 * 86_400) is None


def test_a_page_of_executions_is_matched_once_per_symbol(archive: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    matched: list[int] = []

    def counted(events: list[Event], short_held: bool = False) -> WashSales:
        matched.append(len(events))
        return wash_sales(events, short_held)

    monkeypatch.setattr(activities, "wash_sales", counted)
    counters, known = Counters(), dict[str, int]()
    for page in range(4):
        fills = [
            Activity(f"{page}-{i}", "FILL", 1e9 + page * 100 + i, symbol="AMD", side=side, quantity=1, price=price)
            for i, (side, price) in enumerate((("buy", 100), ("sell", 99)))
        ]
        activities.write(archive, fills, 0.0, {}, counters, known)
    assert matched == [0, 2, 4, 6, 8], "the first one finds that nothing was there"
    counters.flush(archive)
    counters.commit()
    assert counters.values["bigdipper_wash_sale_buys_total"][("AMD",)] == 3
    assert known == {"AMD": 3}


def test_symbols_beyond_the_cap_share_one_label(archive: sqlite3.Connection) -> None:
    counters = Counters()
    for page in range(3):
        fills = [
            Activity(f"{page}-{i}", "FILL", 1e9 + i, symbol=f"S{page}X{i}", side="buy", quantity=1, price=1) for i in range(100)
        ]
        activities.write(archive, fills, 0.0, {}, counters, {})
        counters.flush(archive)
        counters.commit()
    labels = {labels[0] for labels in counters.values["bigdipper_fills_total"]}
    assert len(labels) == 201
    assert counters.values["bigdipper_fills_total"][("other", "buy")] == 100
    assert counters.values["bigdipper_exporter_label_overflow_total"][()] == 100


def test_what_the_next_version_forgot_to_know_is_left_out(archive: sqlite3.Connection) -> None:
    archive.execute('INSERT INTO state VALUES (\'broker\', \'{"account_id": "a", "something_newer": 1}\')')
    assert checkpoint.BrokerCheckpoint.load(archive) == checkpoint.BrokerCheckpoint(account_id="a")


def test_the_checkpoint_is_stored_as_releases_before_it_stored_it() -> None:
    balances = [60.0, 1000.0, -50.0, 1050.0, 0.0, 990.0]
    stored = {
        "held": {"AMD": [1.0, 2.0, None]},
        "baseline": {"AMD": [1.0, 2.0, 1]},
        "differs": {"equity": [7, 1]},
        "doubted": {"positions": [1.0, 2.0]},
        "believed": {"balances": balances, "balance_day": "2025-11-04", "adjustments": None, "held": {"AMD": 2.0}},
        "doubt": {"reason": "jump", "since": 1.0, "count": 2, "last": balances},
    }
    memory = checkpoint.BrokerCheckpoint.from_json(json.dumps(stored))
    assert memory.held["AMD"] == checkpoint.Held(1.0, 2.0, None)
    assert memory.doubt is not None
    assert memory.believed is not None
    assert memory.doubt.last == memory.believed.balances == Balances(*balances)
    again = json.loads(memory.to_json())
    assert {name: again[name] for name in stored} == stored
    assert checkpoint.BrokerCheckpoint.from_json(memory.to_json()) == memory


def test_a_history_that_is_read_counts_as_a_whole_half_of_the_backfill() -> None:
    one = checkpoint.BrokerCheckpoint(created=0.0, orders_done=True, orders_cursor=50.0)
    assert one.backfill(100.0, None) == 0.5


def test_an_account_that_answers_before_the_positions_has_no_leverage_yet() -> None:
    account = decode.account({"id": "1", "status": "ACTIVE", "equity": "5"})
    assert BrokerView("paper", account=account, account_at=1.0).leverage_ratio is None


@pytest.mark.parametrize(
    ("told", "becomes"),
    [
        (urllib3.exceptions.ReadTimeoutError(None, "/", "late"), requests.ReadTimeout),  # type: ignore[arg-type]
        (urllib3.exceptions.DecodeError("no gzip"), requests.exceptions.ContentDecodingError),
        (urllib3.exceptions.ProtocolError("reset"), requests.exceptions.ChunkedEncodingError),
        (urllib3.exceptions.SSLError("bad record"), requests.ConnectionError),
    ],
)
def test_an_answer_that_breaks_off_is_never_taken_for_a_short_one(told: Exception, becomes: type[Exception]) -> None:
    parts = iter([b"half"])

    class Raw:
        def read1(self, *_: Any, **__: Any) -> bytes:
            for part in parts:
                return part
            raise told

        def release_conn(self) -> None:
            """The connection would be used again."""

    response = requests.Response()
    response.raw = Raw()
    with pytest.raises(becomes):
        transport._read(response)


@pytest.mark.parametrize("silent", [(), ("account",), ("orders",), ("activities",), ("account", "orders", "activities")])
def test_yesterdays_figures_are_not_todays_while_an_endpoint_fails(silent: tuple[str, ...]) -> None:
    """The day has begun at 1,000; of an endpoint that fails, the last answer is older."""
    at = {endpoint: 900.0 if endpoint in silent else 1100.0 for endpoint in ("account", "orders", "activities")}
    view = BrokerView(
        "paper",
        account=Account("a", "ACTIVE", 110.0, last_equity=100.0),
        account_at=at["account"],
        success=at,
        orders_today=OrdersToday({"filled": 1, "partly_filled": 0, "unfilled": 2, "open": 0}, 3),
        cash_flow_today=0.0,
        day_profit=10.0,
        day_return=0.1,
    )
    seen = Snapshot(BotState(), {}, 0.0, Day(1000.0), ExporterStatus(0.0), broker=view.as_of(1000.0))
    shown = {sample.name for family in Collector(METRICS, lambda: seen).collect() for sample in family.samples}
    of_endpoint = {
        "account": {f"bigdipper_account_{name}" for name in ("day_profit_usd", "day_return_ratio", "cash_flow_today_usd")}
        | {"bigdipper_account_day_pl_usd", "bigdipper_account_day_pl_ratio"},
        "orders": {"bigdipper_day_orders", "bigdipper_orders_unfilled"},
        "activities": {"bigdipper_day_orders_by_hand"},
    }
    for endpoint, names in of_endpoint.items():
        assert shown & names == (set() if endpoint in silent else names)
    assert "bigdipper_account_equity_usd" in shown, "what is not of a day stays"
    assert (", 1 filled" in _today(seen).sentence) == ("orders" not in silent)


def test_the_repr_of_the_access_hides_its_secret() -> None:
    from bigdipper_exporter.broker.client import Access

    assert "secret" not in repr(Access("key", "secret"))


def test_text_that_no_database_takes_is_made_harmless(archive: sqlite3.Connection) -> None:
    raw = {"activity_type": "FEE", "id": "1", "date": "2025-11-04", "description": "half \ud800 a pair", "net_amount": "-1"}
    activities.write(archive, [decode.activity(raw)], 0.0, {}, Counters(), {})
    assert archive.execute("SELECT description FROM activities").fetchall() == [("half ? a pair",)]
    with pytest.raises(Unreadable, match="id"):
        decode.activity(raw | {"id": "\ud800"})


@pytest.mark.parametrize("when", ["1969-01-01", "9999-12-31", "0001-01-01"])
def test_a_day_beyond_all_calendars_costs_its_record(when: str) -> None:
    with pytest.raises(Unreadable, match="year"):
        decode.activity({"activity_type": "FEE", "id": "1", "date": when})


@pytest.mark.parametrize(
    ("flags", "is_blocked"),
    [
        ({}, None),
        ({"trading_blocked": False}, False),
        ({"trading_blocked": False, "trade_suspended_by_user": True}, True),
        ({"trading_blocked": True, "trade_suspended_by_user": False}, True),
    ],
)
def test_trading_that_the_user_suspended_is_blocked(flags: dict[str, bool], is_blocked: bool | None) -> None:
    """The broker refuses every order then, as where it blocks trading itself."""
    assert decode.account({"id": "A", "status": "ACTIVE", "equity": "1", **flags}).trading_blocked is is_blocked
