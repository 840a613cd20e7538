"""Every broker series equals what the stand-in's JSON says, to the cent: read back over HTTP, not from our own models."""

from decimal import Decimal
from typing import Any

import pytest

from bigdipper_exporter.broker.results import ENDPOINTS

OPTION = "NVDA260909C00222500"

ACCOUNT_FIELDS = (
    "equity",
    "cash",
    "buying_power",
    "last_equity",
    "long_market_value",
    "short_market_value",
    "initial_margin",
    "maintenance_margin",
)
POSITION_FIELDS = {
    "quantity": "qty",
    "market_value_usd": "market_value",
    "cost_basis_usd": "cost_basis",
    "avg_entry_price_usd": "avg_entry_price",
    "current_price_usd": "current_price",
    "unrealized_pl_usd": "unrealized_pl",
    "unrealized_pl_ratio": "unrealized_plpc",
    "intraday_pl_usd": "unrealized_intraday_pl",
}


def test_every_account_figure_equals_the_json(desk: Any) -> None:
    body, metrics = desk.asked("account"), desk.metrics()
    for field in ACCOUNT_FIELDS:
        assert metrics[f"bigdipper_account_{field}_usd"] == float(Decimal(body[field])), field
    for kind in ("trading", "transfers", "account"):
        assert metrics[f'bigdipper_account_blocked{{kind="{kind}"}}'] == float(body[f"{kind}_blocked"])
    assert metrics['bigdipper_alpaca_info{mode="paper",account_status="ACTIVE"}'] == 1


def test_derived_account_figures_follow_from_the_json(desk: Any) -> None:
    body, positions, metrics = desk.asked("account"), desk.asked("positions"), desk.metrics()
    number = {field: Decimal(body[field]) for field in ACCOUNT_FIELDS}
    debt = max(Decimal(0), -number["cash"])
    stocks = sum(Decimal(p["market_value"]) for p in positions if p["asset_class"] == "us_equity")
    expected = {
        "margin_debt_usd": debt,
        "margin_ratio": debt / number["equity"],
        "leverage_ratio": stocks / number["equity"],
        "gross_exposure_ratio": (number["long_market_value"] + abs(number["short_market_value"])) / number["equity"],
        "day_pl_usd": number["equity"] - number["last_equity"],
        "day_pl_ratio": (number["equity"] - number["last_equity"]) / number["last_equity"],
        "unrealized_pl_usd": sum(Decimal(p["unrealized_pl"]) for p in positions),
    }
    for name, value in expected.items():
        assert metrics[f"bigdipper_account_{name}"] == pytest.approx(float(value), rel=1e-12, abs=1e-9), name


def test_every_position_figure_equals_the_json(desk: Any) -> None:
    positions, metrics = desk.asked("positions"), desk.metrics()
    assert {p["symbol"] for p in positions} == {"AMD", "BRK.B", "AAPL", OPTION}
    for position in positions:
        for name, field in POSITION_FIELDS.items():
            series = f'bigdipper_position_{name}{{symbol="{position["symbol"]}"}}'
            assert metrics[series] == float(Decimal(position[field])), series
    assert metrics['bigdipper_positions{asset_class="us_equity"}'] == 3
    assert metrics['bigdipper_positions{asset_class="us_option"}'] == 1
    assert metrics['bigdipper_position_quantity{symbol="AAPL"}'] == -1


def test_orders_fills_and_the_clock_equal_the_json(desk: Any) -> None:
    orders, fills, metrics = desk.asked("orders", status="all"), desk.asked("account/activities/FILL"), desk.metrics()
    assert metrics['bigdipper_orders_total{status="filled"}'] == sum(o["status"] == "filled" for o in orders) == 4
    assert metrics['bigdipper_orders_open{side="buy"}'] == sum(o["status"] == "new" for o in orders) == 1
    assert metrics["bigdipper_order_oldest_open_timestamp_seconds"] == pytest.approx(desk.timing.time() - 120, abs=1)
    for fill in fills:
        labels = f'{{symbol="{fill["symbol"]}",side="{fill["side"]}"}}'
        units = 100 if fill["symbol"] == OPTION else 1
        assert metrics[f"bigdipper_fills_total{labels}"] == 1
        assert metrics[f"bigdipper_fill_value_usd_total{labels}"] == pytest.approx(
            float(Decimal(fill["qty"]) * Decimal(fill["price"])) * units, rel=1e-12
        )
    assert metrics["bigdipper_market_open"] == 1
    assert metrics["bigdipper_market_next_open_timestamp_seconds"] > metrics["bigdipper_market_next_close_timestamp_seconds"]
    assert metrics["bigdipper_alpaca_backfill_ratio"] == 1
    assert metrics["bigdipper_fill_rate_ratio"] == 1


def test_an_account_without_positions_has_its_row_too(open_desk: Any, broker: Any) -> None:
    broker.ledger.positions.clear()
    desk = open_desk()
    desk.advance(60)
    row = (float(desk.asked("account")["equity"]), 0.0, 0.0)
    assert desk.sql("SELECT DISTINCT equity, pl_dollar, pl_percent FROM account_history WHERE pl_dollar IS NOT NULL") == [row]


def test_every_request_is_timed(desk: Any) -> None:
    metrics = desk.metrics()
    for endpoint in ENDPOINTS:
        sent = metrics[f'bigdipper_alpaca_requests_total{{endpoint="{endpoint}"}}']
        assert metrics[f'bigdipper_alpaca_request_duration_seconds_count{{endpoint="{endpoint}"}}'] == sent > 0


def test_a_sold_position_loses_its_series_and_leaves_a_closing_row(desk: Any) -> None:
    desk.broker.ledger.trade("BRK.B", -3, 520, desk.timing.time())
    desk.advance(65)
    assert not [name for name in desk.metrics() if 'symbol="BRK.B"' in name and name.startswith("bigdipper_position_")]
    assert desk.sql("SELECT quantity FROM position_snapshots WHERE symbol = 'BRK.B' ORDER BY ts") == [(3.0,), (0.0,)]


def test_an_order_is_followed_to_its_end_and_counted_once(desk: Any) -> None:
    ledger = desk.broker.ledger
    (order,) = ledger.open_orders.values()
    ledger.fill(order, order.qty, 47_700, order.submitted_at / 1e9 + 90)
    desk.advance(30, step=15)
    metrics = desk.metrics()
    assert metrics['bigdipper_orders_total{status="filled"}'] == 5
    assert metrics['bigdipper_orders_open{side="buy"}'] == 0
    assert "bigdipper_order_oldest_open_timestamp_seconds" not in metrics
    row = desk.sql("SELECT status, filled_avg_price, slippage_bps, ended IS NOT NULL FROM orders WHERE symbol = 'MSFT'")
    assert row == [("filled", 477.0, pytest.approx((477 / 477.94 - 1) * 1e4), 1)]
    assert metrics['bigdipper_order_slippage_ratio_bucket{le="-0.001"}'] == 1
    assert metrics["bigdipper_order_time_to_fill_seconds_count"] == 5
    assert metrics["bigdipper_order_time_to_fill_seconds_sum"] == pytest.approx(90, abs=0.01)


def test_an_order_that_the_broker_knows_no_more_is_not_open_for_ever(desk: Any) -> None:
    ledger = desk.broker.ledger
    (order,) = ledger.open_orders.values()
    del ledger.orders[order.id]
    ledger.open_orders.clear()
    desk.advance(310)
    assert desk.sql("SELECT status, ended IS NOT NULL FROM orders WHERE symbol = 'MSFT'") == [("unknown", 1)]
    assert desk.metrics()['bigdipper_orders_open{side="buy"}'] == 0


def test_without_credentials_there_is_nothing_but_the_word_that_there_are_none(desk: Any) -> None:
    from bigdipper_exporter.broker_source import start
    from bigdipper_exporter.config.settings import Settings
    from bigdipper_exporter.counters import Counters
    from bigdipper_exporter.metrics.collect import Collector
    from bigdipper_exporter.metrics.registry import METRICS

    assert start(Settings(), desk.store.connection, lambda: None) is None
    nothing = desk.snapshot().__class__(desk.snapshot().bot, Counters().values, 0.0, desk.snapshot().day, desk.snapshot().own)
    ours = {m.family for m in METRICS} & {
        f.name
        for f in Collector(METRICS, lambda: nothing).collect()
        for s in f.samples
        if f.name.startswith(
            (
                "bigdipper_account",
                "bigdipper_pos",
                "bigdipper_order",
                "bigdipper_alpaca",
                "bigdipper_fill",
                "bigdipper_limit",
                "bigdipper_wash",
                "bigdipper_disc",
                "bigdipper_market_",
            )
        )
    }
    assert {name for name in ours if name != "bigdipper_market_session"} == {"bigdipper_alpaca_configured"}
