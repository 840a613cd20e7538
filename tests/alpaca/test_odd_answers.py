"""Answers of the broker that real accounts have and the simulator's books do not: no price, longs beside shorts."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from bigdipper_exporter.archive.recent import Recent
from bigdipper_exporter.broker.client import _whole
from bigdipper_exporter.broker.fetch import ACTIVITIES_PAGE, ActivitiesReader, Get, Resume
from bigdipper_exporter.broker.results import Failure
from bigdipper_exporter.config.settings import Settings
from bigdipper_exporter.demo.simulator.broker import Broker
from bigdipper_exporter.demo.simulator.faults import Response
from bigdipper_exporter.web.pages import status_page

Json = dict[str, Any]


def position(symbol: str, quantity: float, price: float | None, entry: float) -> Json:
    """A position as Alpaca gives it; without a price the figures that need one are null."""
    value, cost = None if price is None else quantity * price, quantity * entry
    profit = None if value is None else value - cost
    return {
        "symbol": symbol,
        "qty": str(quantity),
        "side": "long" if quantity > 0 else "short",
        "asset_class": "us_equity",
        "avg_entry_price": str(entry),
        "cost_basis": str(cost),
        "market_value": None if value is None else str(value),
        "current_price": None if price is None else str(price),
        "unrealized_pl": None if profit is None else str(profit),
        "unrealized_plpc": None if profit is None else str(profit / abs(cost)),
    }


def answers(broker: Broker, account: dict[str, float], positions: list[Json]) -> None:
    """Let the broker answer these for account and positions; the account's totals leave out what has no price."""
    values = [float(p["market_value"]) for p in positions if p["market_value"] is not None]
    long, short = sum(v for v in values if v > 0), sum(v for v in values if v < 0)
    body = {
        "id": "a",
        "status": "ACTIVE",
        "created_at": "2025-11-03T15:00:00Z",
        "equity": str(account["cash"] + long + short),
        "last_equity": str(account["cash"] + long + short),
        "cash": str(account["cash"]),
        "long_market_value": str(long),
        "short_market_value": str(short),
        "maintenance_margin": str(account["maintenance"]),
    }
    said = {"/v2/account": body, "/v2/positions": positions}
    headers = {"Content-Type": "application/json"}
    broker.control = lambda _, path: Response(200, json.dumps(said[path]).encode(), headers) if path in said else None


SUMS = (
    "bigdipper_account_leverage_ratio",
    "bigdipper_account_unrealized_pl_usd",
    'bigdipper_limit_distance_ratio{limit="brake"}',
    'bigdipper_limit_distance_usd{limit="brake"}',
    'bigdipper_limit_distance_usd{limit="hard"}',
    'bigdipper_limit_distance_ratio{limit="maintenance"}',
)


def test_a_position_without_a_price_is_named_and_left_out_of_the_sums(open_desk: Any, broker: Broker) -> None:
    account = {"cash": -1450.0, "maintenance": 3435.0}
    apple = position("AAPL", 50, 229, 220)
    answers(broker, account, [apple])
    desk = open_desk()
    desk.advance(60)
    without = desk.metrics()
    answers(broker, account, [apple, position("MRUS", 10, None, 8)])
    desk.advance(65)
    metrics = desk.metrics()
    assert {name: metrics[name] for name in SUMS} == {name: without[name] for name in SUMS}
    assert metrics["bigdipper_account_leverage_ratio"] == pytest.approx(11_450 / 10_000)
    assert 0 <= metrics['bigdipper_limit_distance_ratio{limit="brake"}'] < 0.03, "BrakeNear goes on to warn"
    assert metrics['bigdipper_position_unpriced{symbol="MRUS"}'] == 1
    assert 'bigdipper_position_unpriced{symbol="AAPL"}' not in metrics
    assert metrics['bigdipper_position_quantity{symbol="MRUS"}'] == 10
    assert metrics['bigdipper_limit_known{limit="brake"}'] == 1
    assert desk.sql("SELECT pl_dollar, pl_percent FROM account_history ORDER BY ts DESC LIMIT 1") == [
        (450, pytest.approx(100 * 450 / 10_000))
    ]


@pytest.mark.parametrize("field", ["market_value", "current_price", "unrealized_pl"])
def test_each_figure_that_is_missing_makes_a_position_unpriced(field: str, open_desk: Any, broker: Broker) -> None:
    odd = position("MRUS", 10, 9, 8) | {field: None}
    answers(broker, {"cash": -1450.0, "maintenance": 3435.0}, [position("AAPL", 50, 229, 220), odd])
    desk = open_desk()
    desk.advance(60)
    metrics = desk.metrics()
    assert metrics['bigdipper_position_unpriced{symbol="MRUS"}'] == 1
    assert set(SUMS) <= set(metrics)


def test_sums_of_nothing_but_unpriced_positions_are_unknown_and_the_limits_say_so(open_desk: Any, broker: Broker) -> None:
    answers(broker, {"cash": 500.0, "maintenance": 0.0}, [position("MRUS", 10, None, 8)])
    desk = open_desk()
    desk.advance(60)
    metrics = desk.metrics()
    assert "bigdipper_account_unrealized_pl_usd" not in metrics
    assert "bigdipper_account_leverage_ratio" not in metrics
    assert metrics['bigdipper_limit_known{limit="brake"}'] == 0
    assert metrics['bigdipper_limit_known{limit="maintenance"}'] == 1


def test_limits_are_unknown_while_the_account_answers_and_the_positions_do_not(desk: Any) -> None:
    assert desk.metrics()['bigdipper_limit_known{limit="hard"}'] == 1
    desk.broker.faults.set("positions", "500")
    desk.advance(600)
    metrics = desk.metrics()
    assert metrics['bigdipper_limit_known{limit="hard"}'] == 0
    assert metrics['bigdipper_alpaca_up{endpoint="account"}'] == 1
    desk.broker.faults.clear()
    desk.advance(120)
    assert desk.metrics()['bigdipper_limit_known{limit="hard"}'] == 1


def test_longs_and_shorts_have_a_distance_to_the_maintenance_call(open_desk: Any, broker: Broker) -> None:
    answers(
        broker, {"cash": 40_000.0, "maintenance": 30_000.0}, [position("AAPL", 300, 200, 190), position("TSLA", -100, 400, 410)]
    )
    desk = open_desk()
    desk.advance(60)
    metrics = desk.metrics()
    assert metrics["bigdipper_account_equity_usd"] == 60_000
    assert metrics['bigdipper_limit_distance_ratio{limit="maintenance"}'] == 1
    assert metrics['bigdipper_limit_distance_usd{limit="maintenance"}'] == pytest.approx(100_000)
    assert metrics['bigdipper_limit_known{limit="maintenance"}'] == 1


@pytest.mark.parametrize(
    ("cash", "words"),
    [
        (5_000.0, "$7,468 more in stocks, while falling prices alone do not reach it"),
        (-1_450.0, "$50 more in stocks, or a fall of all prices by 2.9%"),
        (-2_268.0, "passed by $891"),
    ],
)
def test_the_way_to_the_brake_in_words(cash: float, words: str, open_desk: Any, broker: Broker) -> None:
    answers(broker, {"cash": cash, "maintenance": 3_000.0}, [position("AAPL", 50, 229, 220)])
    desk = open_desk()
    desk.advance(60)
    said = desk.snapshot()
    state = replace(said.bot, cycle_ts=desk.timing.time(), cycle_number=1)
    rows = [row for _, rows in status_page(replace(said, bot=state), Settings(), Recent()).sections for row in rows]
    (limits,) = [sentence for _, name, sentence in rows if name == "limits"]
    assert limits.partition(": ")[2] == f"{words}."


def poll_twice(reader: ActivitiesReader, get: Get) -> None:
    reader.poll(get, 1e9)
    reader.poll(get, 1e9)


@pytest.mark.parametrize(("pages", "is_known"), [(1, False), (1, True), (2, True)])
def test_pages_of_activities_that_do_not_end_are_a_failure(pages: int, is_known: bool) -> None:
    asked = 0

    def get(path: str, query: object = None) -> list[Json]:
        nonlocal asked
        asked += 1
        kind = {"activity_type": "DIV", "date": "2025-11-04", "net_amount": "1"}
        return [{"id": f"{asked % pages}-{number}"} | kind for number in range(ACTIVITIES_PAGE)]

    reader = ActivitiesReader(Resume(latest_activity=0.0, activities_done=is_known))
    with pytest.raises(Failure, match="the pages do not end"):
        poll_twice(reader, get)
    assert asked <= 3


def test_a_page_of_the_history_without_an_id_to_go_on_from_is_a_failure() -> None:
    kind = {"activity_type": "DIV", "date": "2025-11-04", "net_amount": "1"}
    page: list[Json] = [*({"id": str(number)} | kind for number in range(ACTIVITIES_PAGE - 1)), kind]
    reader = ActivitiesReader(Resume(latest_activity=0.0, activities_done=False))
    with pytest.raises(Failure, match="the pages do not end"):
        reader.poll(lambda path, query=None: page, 1e9)


@pytest.mark.parametrize("text", ["²", "٣", "-1", "1e3", "", " 7 ", "9" * 20, "nan"])
def test_a_rate_header_that_is_no_number_is_none(text: str) -> None:
    assert _whole(text) == {" 7 ": 7, "٣": 3}.get(text)
