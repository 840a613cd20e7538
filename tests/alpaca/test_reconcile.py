"""The log against the broker: what is found, counted once, and resolved."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.alpaca.conftest import TUESDAY, every

DAY = 86_400.0


def said(desk: Any, ts: float, *, order: str | None = None, symbol: str = "MSFT", quantity: float = 3.1172) -> None:
    """A trade line of the log in the archive."""
    (count,) = desk.sql("SELECT count(*) FROM trades")[0]
    row = (count + 1, ts, "2025-11-04", symbol, quantity, 477.94, 477.94 * quantity, order)
    desk.sql("INSERT INTO trades (id, ts, date, symbol, quantity, price, total_value, order_id) VALUES (?,?,?,?,?,?,?,?)", *row)


def account_said(desk: Any, ts: float, equity: float, margin: float | None = None, leverage: float | None = None) -> None:
    desk.sql(
        "INSERT INTO account_history (id, ts, date, source, equity, margin_ratio, leverage_ratio) VALUES (?,?,?,'log',?,?,?)",
        round(ts * 1000),
        ts,
        "2025-11-04",
        equity,
        margin,
        leverage,
    )


def log_reached(desk: Any, ts: float) -> None:
    desk.sql("INSERT OR REPLACE INTO state (key, value) VALUES ('bot', ?)", json.dumps({"log_ts": ts}))


def watching(desk: Any) -> None:
    """Let the monitor have watched the account since before its first order."""
    desk.sql("UPDATE state SET value = json_set(value, '$.watched', 0) WHERE key = 'broker'")


def opened(desk: Any, kind: str) -> tuple[float, float]:
    """(open now, counted ever) of a kind."""
    metrics = desk.metrics()
    return metrics[f'bigdipper_discrepancies_open{{kind="{kind}"}}'], metrics[f'bigdipper_discrepancies_total{{kind="{kind}"}}']


def test_a_fill_that_the_log_never_named_is_found_once_and_ages_out(desk: Any, open_desk: Any) -> None:
    watching(desk)
    now = desk.timing.time()
    said(desk, now - 7200, order="something-old")
    log_reached(desk, now + 3600)
    desk.advance(700)
    assert opened(desk, "fill_without_log") == (4, 4), "the four trades by hand of this morning"
    rows = desk.sql("SELECT symbol, broker_value FROM discrepancies WHERE kind = 'fill_without_log' ORDER BY symbol")
    assert rows[0] == ("AAPL", 1.0)
    desk.advance(700)
    assert opened(desk, "fill_without_log") == (4, 4)
    log_reached(desk, now + 2 * DAY)
    desk.close()
    later = open_desk(**every(600))
    later.advance(DAY + 1000, step=600)
    assert opened(later, "fill_without_log") == (0, 4)


def test_a_fill_is_not_judged_before_the_log_has_gone_past_it(desk: Any) -> None:
    now = desk.timing.time()
    said(desk, now - 7200, order="something-old")
    log_reached(desk, now - 5000)
    desk.advance(1300)
    assert opened(desk, "fill_without_log") == (0, 0)


def test_a_line_that_comes_late_resolves_the_fill(desk: Any) -> None:
    watching(desk)
    now = desk.timing.time()
    said(desk, now - 7200, order="something-old")
    log_reached(desk, now + 3600)
    desk.advance(700)
    for order_id, ts in desk.sql("SELECT order_id, ts FROM fills"):
        said(desk, ts, order=order_id)
    desk.advance(400)
    assert opened(desk, "fill_without_log") == (0, 4)


def test_fills_before_the_first_line_of_the_log_are_no_business_of_the_log(desk: Any) -> None:
    now = desk.timing.time()
    said(desk, now, order="first-ever")
    log_reached(desk, now + 3600)
    desk.advance(700)
    assert opened(desk, "fill_without_log") == (0, 0)


def test_the_design_form_without_order_ids_explains_fills_by_symbol_and_day(desk: Any) -> None:
    now = desk.timing.time()
    for symbol in ("AMD", "BRK.B", "AAPL", "NVDA260909C00222500"):
        said(desk, now - 7200, symbol=symbol)
    log_reached(desk, now + 3600)
    desk.advance(700)
    assert opened(desk, "fill_without_log") == (0, 0)


def test_an_order_that_the_broker_does_not_know_is_found_after_its_grace(desk: Any) -> None:
    now = desk.timing.time()
    (known,) = desk.broker.ledger.open_orders
    said(desk, now, order=known)
    said(desk, now, order="never-arrived", symbol="AMD")
    desk.advance(310)
    assert opened(desk, "log_without_order") == (0, 0)
    desk.advance(700)
    assert opened(desk, "log_without_order") == (1, 1)
    assert desk.sql("SELECT order_id, symbol FROM discrepancies") == [("never-arrived", "AMD")]
    assert desk.one("SELECT in_log FROM orders WHERE order_id = ?", known) == 1


def test_a_position_changed_by_hand_is_found_and_one_changed_by_fills_is_not(desk: Any) -> None:
    desk.advance(700)
    ledger = desk.broker.ledger
    ledger.trade("AMD", 2, 205, desk.timing.time())
    ledger.positions["BRK.B"].qty += 10_000  # one share more, without a fill
    desk.advance(1300)
    assert opened(desk, "position_changed") == (1, 1)
    row = desk.sql("SELECT symbol, log_value, broker_value FROM discrepancies")
    assert row == [("BRK.B", 3.0, 4.0)]
    desk.advance(1300)
    assert opened(desk, "position_changed") == (1, 1)


def test_a_position_that_vanishes_without_a_sale_is_found(desk: Any) -> None:
    desk.advance(700)
    del desk.broker.ledger.positions["BRK.B"]
    desk.advance(1300)
    assert desk.sql("SELECT symbol, log_value, broker_value FROM discrepancies") == [("BRK.B", 3.0, 0.0)]


def test_trading_all_day_raises_no_false_alarm(desk: Any) -> None:
    ledger = desk.broker.ledger
    for minute in range(120):
        if minute % 3 == 0:
            ledger.trade("AMD", 1, 200, desk.timing.time())
        if minute % 7 == 0 and "XYZ" in ledger.positions:
            ledger.trade("XYZ", -ledger.positions["XYZ"].qty / 10_000, 50, desk.timing.time())
        elif minute % 5 == 0:
            ledger.trade("XYZ", 2, 50, desk.timing.time())
        desk.advance(60)
    assert opened(desk, "position_changed") == (0, 0)


def test_equity_must_differ_twice_before_it_is_said_and_agree_once_to_be_over(desk: Any) -> None:
    equity = desk.view.account.equity
    for factor, expected in ((1.02, (0, 0)), (1.02, (1, 1)), (1.02, (1, 1)), (1.005, (0, 1)), (0.98, (0, 1)), (0.98, (1, 2))):
        account_said(desk, desk.timing.time() + 55, equity * factor)
        desk.advance(65)
        assert opened(desk, "equity") == expected


def test_one_line_of_the_log_is_compared_once(desk: Any) -> None:
    account_said(desk, desk.timing.time() + 60, desk.view.account.equity * 1.5)
    desk.advance(10, step=5)
    desk.advance(120, step=20)
    assert opened(desk, "equity") == (0, 0)


@pytest.mark.parametrize("name", ["margin", "leverage"])
def test_margin_is_compared_in_the_form_that_the_bot_speaks(desk: Any, name: str) -> None:
    true = desk.view.account.margin_ratio if name == "margin" else desk.view.leverage_ratio
    for _ in range(3):
        account_said(desk, desk.timing.time() + 55, desk.view.account.equity, **{name: true + 0.019})
        desk.advance(65)
    assert opened(desk, "margin") == (0, 0)
    for _ in range(3):
        account_said(desk, desk.timing.time() + 55, desk.view.account.equity, **{name: true + 0.021})
        desk.advance(65)
    assert opened(desk, "margin") == (1, 1)


def test_a_history_of_three_months_is_compared_and_raises_no_alarm(open_desk: Any, broker: Any) -> None:
    ledger = broker.ledger
    start = desk_start = TUESDAY + 60
    for day in range(90):
        for hour in (0, 1):
            ledger.trade("AMD", 1, 200, start - (90 - day) * DAY + hour * 3600)
    desk = open_desk()
    said(desk, desk_start - 90 * DAY, order="unknown at the broker")
    said(desk, desk_start - 600, order="unknown at the broker too")
    log_reached(desk, desk_start + 7200)
    desk.advance(4000)
    assert desk.one("SELECT count(*) FROM discrepancies WHERE kind = 'fill_without_log'") > 100
    for kind in ("fill_without_log", "log_without_order", "position_changed"):
        assert opened(desk, kind) == (0, 0), kind
    ledger.trade("AMD", 1, 200, desk.timing.time())
    desk.advance(1300)
    assert opened(desk, "fill_without_log") == (1, 1), "from then on as before"
