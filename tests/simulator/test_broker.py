"""The stand-in broker over a real socket, asked by the real SDK."""

from __future__ import annotations

import threading
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
import requests
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import QueryOrderStatus
from alpaca.trading.requests import GetCalendarRequest, GetOrdersRequest, GetPortfolioHistoryRequest

from bigdipper_exporter.calendar import NEW_YORK
from bigdipper_exporter.demo.simulator.broker import Broker
from bigdipper_exporter.demo.simulator.ledger import Ledger

TUESDAY = datetime(2025, 11, 4, 10, 30, tzinfo=NEW_YORK).timestamp()
KEYS = {"APCA-API-KEY-ID": "PKSIMULATED", "APCA-API-SECRET-KEY": "simulated-secret"}


@pytest.fixture
def sdk(broker: Broker) -> Any:
    client = TradingClient("PKSIMULATED", "simulated-secret", paper=True, url_override=broker.url)
    yield client
    client._session.close()


def get(broker: Broker, path: str, **params: Any) -> Any:
    answer = requests.get(broker.url + path, params=params, headers=KEYS, timeout=5)
    answer.raise_for_status()
    return answer.json()


def test_the_sdk_reads_an_account_that_balances_to_the_last_digit(broker: Broker, sdk: Any) -> None:
    account = sdk.get_account()
    equity, cash = Decimal(account.equity), Decimal(account.cash)
    assert equity == cash + Decimal(account.long_market_value) + Decimal(account.short_market_value)
    # by hand: 20000 - 11.5036*214.23 - 3*512.07 + 197.91 - 2*100*3.90
    assert cash == Decimal("20000") - Decimal("2464.416228") - Decimal("1536.21") + Decimal("197.91") - Decimal("780")
    assert Decimal(account.long_market_value) == Decimal("11.5036") * Decimal("203.78") + Decimal("1536.21") + 780
    assert account.status.value == "ACTIVE"


def test_the_account_has_no_pattern_day_trader_fields(broker: Broker) -> None:
    account = get(broker, "/v2/account")
    assert not {"pattern_day_trader", "daytrade_count", "daytrading_buying_power"} & set(account)


def test_the_sdk_reads_longs_shorts_and_options(sdk: Any) -> None:
    positions = {p.symbol: p for p in sdk.get_all_positions()}
    assert set(positions) == {"AAPL", "AMD", "BRK.B", "NVDA260909C00222500"}
    amd, short, option = positions["AMD"], positions["AAPL"], positions["NVDA260909C00222500"]
    assert Decimal(amd.market_value) == Decimal("11.5036") * Decimal("203.78")
    assert Decimal(amd.unrealized_pl) == Decimal(amd.market_value) - Decimal(amd.cost_basis)
    assert (short.side.value, short.qty, short.cost_basis) == ("short", "-1", "-197.91")
    assert (option.asset_class.value, option.market_value, option.avg_entry_price) == ("us_option", "780", "3.9")


def test_the_sdk_reads_one_order_and_one_position_and_their_absence(sdk: Any) -> None:
    order = sdk.get_orders()[0]
    assert (order.symbol, order.limit_price, order.qty) == ("MSFT", "477.94", "3.1172")
    assert sdk.get_order_by_id(order.id).client_order_id == order.client_order_id
    assert sdk.get_open_position("BRK.B").qty == "3"
    with pytest.raises(APIError, match="position does not exist"):
        sdk.get_open_position("TSLA")


def test_the_sdk_reads_clock_calendar_and_portfolio_history(ledger: Ledger, sdk: Any) -> None:
    clock = sdk.get_clock()
    assert clock.is_open
    assert clock.next_close == datetime(2025, 11, 4, 16, tzinfo=NEW_YORK)
    days = sdk.get_calendar(GetCalendarRequest(start=date(2025, 11, 26), end=date(2025, 12, 1)))
    assert [(d.date.day, d.close.hour) for d in days] == [(26, 16), (28, 13), (1, 16)]
    ledger.close_day(date(2025, 11, 3))
    history = sdk.get_portfolio_history(GetPortfolioHistoryRequest(period="1W", timeframe="1D"))
    assert history.equity == [round(ledger.days[date(2025, 11, 3)].equity / 1e6, 2)]
    assert datetime.fromtimestamp(history.timestamp[0], NEW_YORK).hour == 20


def test_activities_tell_deposits_and_fills_in_pages(sdk: Any) -> None:
    seen: list[dict[str, Any]] = []
    while True:
        params: dict[str, Any] = {"direction": "asc", "page_size": 2}
        if seen:
            params["page_token"] = seen[-1]["id"]
        page = sdk.get("/account/activities", params)
        seen += page
        if len(page) < 2:
            break
    assert [a["activity_type"] for a in seen] == ["CSD", "FILL", "FILL", "FILL", "FILL"]
    assert seen[0]["net_amount"] == "20000"
    assert [a["symbol"] for a in sdk.get("/account/activities/FILL", {"direction": "asc"})] == [
        "AMD",
        "BRK.B",
        "AAPL",
        "NVDA260909C00222500",
    ]
    assert sdk.get("/account/activities", {"after": seen[1]["transaction_time"], "direction": "asc"}) == seen[2:]


def test_twelve_hundred_orders_are_paged_without_loss(ledger: Ledger, sdk: Any) -> None:
    for i in range(1200):
        ledger.finish(ledger.place("TSM", 0.01, 1, TUESDAY + i), "canceled", TUESDAY + 2000)
    seen: dict[str, Any] = {}
    until = None
    for asked in range(1, 5):  # noqa: B007
        page = sdk.get_orders(GetOrdersRequest(status=QueryOrderStatus.ALL, limit=500, until=until))
        seen |= {str(o.id): o for o in page}
        if len(page) < 500:
            break
        until = page[-1].submitted_at
    assert set(seen) == set(ledger.orders)
    assert asked == 3


def test_orders_of_one_instant_are_paged_without_loss_by_order_id(ledger: Ledger, broker: Broker) -> None:
    for _ in range(1200):
        ledger.finish(ledger.place("TSM", 0.01, 1, TUESDAY), "canceled", TUESDAY)
    seen: list[str] = []
    more: dict[str, str] = {}
    while page := get(broker, "/v2/orders", status="all", limit=500, **more):
        seen += [row["id"] for row in page]
        more = {"before_order_id": seen[-1]}
    assert len(seen) == len(set(seen)) == len(ledger.orders)


def test_order_bounds_are_exclusive_and_filters_work(ledger: Ledger, broker: Broker) -> None:
    rows = get(broker, "/v2/orders", status="all", direction="asc")
    assert [r["symbol"] for r in rows] == ["AMD", "BRK.B", "AAPL", "NVDA260909C00222500", "MSFT"]
    stamps = [r["submitted_at"] for r in rows]
    assert all(len(s.split(".")[1]) == 10 for s in stamps)  # nanoseconds and Z
    assert [r["symbol"] for r in get(broker, "/v2/orders", status="all", after=stamps[3])] == ["MSFT"]
    assert [r["symbol"] for r in get(broker, "/v2/orders", status="all", until=stamps[1])] == ["AMD"]
    assert [r["symbol"] for r in get(broker, "/v2/orders", status="closed", side="sell")] == ["AAPL"]
    assert [r["symbol"] for r in get(broker, "/v2/orders", symbols="MSFT,AMD")] == ["MSFT"]
    before = get(broker, "/v2/orders", status="all", before_order_id=rows[2]["id"])
    assert [r["symbol"] for r in before] == ["BRK.B", "AMD"]


@pytest.mark.parametrize(
    "query", [{"limit": 501}, {"limit": "many"}, {"status": "new"}, {"after": "yesterday"}, {"direction": "up"}]
)
def test_a_wrong_parameter_is_refused(broker: Broker, query: dict[str, Any]) -> None:
    answer = requests.get(f"{broker.url}/v2/orders", params=query, headers=KEYS, timeout=5)
    assert (answer.status_code, answer.json()["code"]) == (422, 40010001)


def test_credentials_are_checked(broker: Broker) -> None:
    url = f"{broker.url}/v2/account"
    wrong = KEYS | {"APCA-API-SECRET-KEY": "guess"}
    assert requests.get(url, timeout=5).status_code == 401
    assert requests.get(url, headers=wrong, timeout=5).json() == {"message": "forbidden."}
    assert requests.get(url, headers={"Authorization": "Bearer simulated-secret"}, timeout=5).status_code == 200


def test_every_request_is_recorded_and_no_secret(broker: Broker) -> None:
    get(broker, "/v2/orders", status="all")
    [seen] = broker.requests
    assert (seen.method, seen.path, seen.query, seen.status) == ("GET", "/v2/orders", {"status": "all"}, 200)
    assert "simulated-secret" not in repr(seen)


def test_a_write_is_refused_and_counted(broker: Broker, sdk: Any) -> None:
    assert broker.writes == 0
    with pytest.raises(APIError):
        sdk.cancel_orders()
    assert requests.post(f"{broker.url}/v2/orders", json={}, headers=KEYS, timeout=5).status_code == 405
    assert broker.writes == 2


def test_the_rate_limit_is_shared_with_the_bot(ledger: Ledger) -> None:
    now = [TUESDAY]
    with Broker(ledger, clock=lambda: now[0], limit=10) as broker:
        broker.rate.take(now[0], 7)  # the bot's calls
        codes = [requests.get(f"{broker.url}/v2/clock", headers=KEYS, timeout=5) for _ in range(5)]
        assert [c.status_code for c in codes] == [200, 200, 200, 429, 429]
        assert [c.headers["X-Ratelimit-Remaining"] for c in codes] == ["2", "1", "0", "0", "0"]
        assert int(codes[3].headers["X-Ratelimit-Reset"]) == int(TUESDAY) // 60 * 60 + 60
        now[0] += 60
        assert get(broker, "/v2/clock")["is_open"]


def test_many_clients_at_once_each_get_an_account_of_one_moment(ledger: Ledger, broker: Broker) -> None:
    bodies: list[Any] = []

    def ask() -> None:
        bodies.append(get(broker, "/v2/account"))

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    with broker.lock:
        ledger.trade("TSM", 2, 300, TUESDAY)
    for thread in threads:
        thread.join()
    for body in bodies:
        numbers = [Decimal(body[k]) for k in ("equity", "cash", "long_market_value", "short_market_value")]
        assert numbers[0] == sum(numbers[1:])


def test_a_stopped_broker_refuses_connections_and_starts_again_on_its_port(broker: Broker) -> None:
    url = broker.url
    broker.stop()
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{url}/v2/clock", headers=KEYS, timeout=5)
    assert broker.start() == url
    assert get(broker, "/v2/clock")
