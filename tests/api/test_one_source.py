"""The same figure in the metrics, on the boards and in the API, from one archive."""

import json
import re
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bigdipper_exporter.api.present import snapshot
from bigdipper_exporter.archive import saved
from bigdipper_exporter.archive.broker import last_poll
from bigdipper_exporter.archive.broker.latest import archived_view
from bigdipper_exporter.archive.queries.positions import newest_snapshots
from bigdipper_exporter.archive.reader import open_archive
from bigdipper_exporter.demo.simulator.units import cents
from bigdipper_exporter.metrics import registry
from bigdipper_exporter.metrics.collect import Collector
from bigdipper_exporter.metrics.snapshot import ExporterStatus, Snapshot
from bigdipper_exporter.metrics.table import Gauge
from bigdipper_exporter.money.limits import OwnLimits
from bigdipper_exporter.projection.state import BotState
from tests.alpaca.conftest import Desk
from tests.api.conftest import NOW, Opened
from tests.grafana.asked import answer
from tests.grafana.conftest import UNTIL
from tests.grafana.synthetic import SYMBOLS
from tests.running import Series, monitor, series
from tests.test_samples import SAMPLES

DAYS_90 = (NOW - 90 * 86400, NOW)
# What only a poll says: it is nowhere in the archive.
POLLED = re.compile(
    "bigdipper_(alpaca_(up|info|last_success|rate|backfill|clock).*|market_(open|next_.*)|account_(blocked|doubted)|orders_.*"
    "|order_oldest_.*|day_orders.*|fill_rate_ratio|fills_without_value|wash_sale_.*|discrepancies_open|positions_unreadable"
    "|history_days)"
)


def gauges(metrics: Iterable[object]) -> tuple[Gauge, ...]:
    return tuple(metric for metric in metrics if isinstance(metric, Gauge) and not POLLED.fullmatch(metric.name))


def read_by(metrics: tuple[Gauge, ...], present: Callable[[], Snapshot]) -> Series:
    found = series(Collector(metrics, present).collect())
    return {key: value for key, value in found.items() if key[0].startswith("bigdipper_")}


def rebuilt(path: Path, metrics: tuple[Gauge, ...], now: float) -> Series:
    """The metrics of the present that the API rebuilds from the archive."""
    with closing(open_archive(path)) as connection:
        return read_by(metrics, lambda: snapshot(connection, OwnLimits(), now))


@pytest.fixture
def desk_with_log(desk: Desk) -> Desk:
    """A desk in whose archive a line of the log was read."""
    saved.save(desk.store.connection, saved.LOG, BotState(last_line=1.0).to_json())
    return desk


def test_an_account_that_no_bot_trades_has_no_limits_of_a_bot(desk: Desk) -> None:
    alone = ExporterStatus(0.0, log_configured=False)
    metrics = gauges(registry.BROKER)
    of_exporter = read_by(metrics, lambda: replace(desk.snapshot(), own=alone))
    assert rebuilt(desk.store.path, metrics, desk.timing.time()) == pytest.approx(of_exporter)
    assert {dict(labels)["limit"] for name, labels in of_exporter if name == "bigdipper_limit_known"} == {"maintenance"}
    limited = read_by(metrics, lambda: replace(desk.snapshot(), own=alone, limits=OwnLimits(brake=0.3)))
    assert limited["bigdipper_limit_ratio", (("limit", "brake"),)] == 0.3


def test_every_gauge_of_broker_and_limits_is_that_of_the_exporter(desk_with_log: Desk) -> None:
    desk = desk_with_log
    desk.advance(300)
    metrics = gauges(registry.BROKER)
    of_exporter = read_by(metrics, desk.snapshot)
    assert len(of_exporter) > 40
    path = desk.store.path
    assert rebuilt(path, metrics, desk.timing.time()) == pytest.approx(of_exporter)


def test_prices_that_moved_since_the_last_snapshot_are_those_of_the_exporter(open_api: Opened, desk_with_log: Desk) -> None:
    """A snapshot is written every 15 minutes; the equity is that of the last poll, and so must be the positions."""
    desk = desk_with_log
    desk.broker.ledger.trade("AMD", 95, 214.23, desk.timing.time() - 60)
    desk.broker.ledger.marks["AMD"] = cents(214)
    desk.advance(300)
    desk.broker.ledger.marks["AMD"] = cents(195)
    desk.advance(240)
    metrics, path, now = gauges(registry.BROKER), desk.store.path, desk.timing.time()
    of_exporter = read_by(metrics, desk.snapshot)
    assert rebuilt(path, metrics, now) == pytest.approx(of_exporter)
    shown = {row["symbol"]: row for row in open_api(path, now=now).get("/api/v1/positions/current").json()["items"]}
    assert (shown["AMD"]["price"], shown["AMD"]["market_value"]) == (195.0, 195.0 * shown["AMD"]["quantity"])


def test_positions_of_an_earlier_release_are_its_snapshots(desk: Desk) -> None:
    """Its archive has no row of the last poll; one that polled later, after a downgrade, has left an old row."""
    desk.broker.ledger.trade("AMD", 95, 214.23, desk.timing.time() - 60)
    desk.advance(600)
    connection = desk.store.connection
    at = json.loads(saved.load(connection, last_poll.KEY) or "")["at"]
    for change in (
        f"UPDATE state SET value = replace(value, '{at}', '{at - 86400}') WHERE key = '{last_poll.KEY}'",
        f"DELETE FROM state WHERE key = '{last_poll.KEY}'",
    ):
        connection.execute(change)
        assert last_poll.load(connection) is None
        assert [row.symbol for row in last_poll.held(connection)] == [row.symbol for row in newest_snapshots(connection)]
        assert archived_view(connection) is not None


@pytest.mark.parametrize("sample", SAMPLES, ids=[path.stem for path in SAMPLES])
def test_every_gauge_of_the_log_is_that_of_the_exporter(sample: Path, tmp_path: Path) -> None:
    with monitor(tmp_path) as one:
        one.log.write_bytes(sample.read_bytes())
        one.catch_up()
        metrics = gauges((*registry.BOT, *registry.DAY))
        now = one.pipeline.snapshot.day.start + 60
        of_exporter = read_by(metrics, lambda: one.pipeline.snapshot)
        assert len(of_exporter) > 20
        assert rebuilt(one.archive, metrics, now) == pytest.approx(of_exporter)


def test_boards_and_api_agree_on_performance(open_api: Opened, lived: Path) -> None:
    api = open_api(lived)
    with closing(sqlite3.connect(f"file:{lived}?mode=ro", uri=True)) as connection:
        found = api.get("/api/v1/account/performance?period=all").json()
        (earned,) = answer(connection, "performance", "Profit and return", *DAYS_90, SYMBOLS)
        (equity,) = answer(connection, "performance", "Equity, start and end", *DAYS_90, SYMBOLS)
        (fall,) = answer(connection, "performance", "Drawdown", *DAYS_90, SYMBOLS)
        (risk,) = answer(connection, "performance", "Risk-adjusted return", *DAYS_90, SYMBOLS)
        held = answer(connection, "positions", "Allocation by sector", *DAYS_90, SYMBOLS)
    assert found["profit"] == earned["profit"]
    assert found["return_percent"] == 100 * earned["return"]
    assert (found["start_equity"], found["end_equity"], found["peak_equity"]) == (
        equity["start"],
        equity["end"],
        equity["peak"],
    )
    assert found["max_drawdown_percent"] == 100 * fall["worst"]
    assert (found["sharpe"], found["sortino"]) == (risk["Sharpe"], risk["Sortino"])
    allocation = api.get("/api/v1/positions/allocation").json()["by_sector"]
    assert [(share["name"], share["value"]) for share in allocation] == [(row["Sector"], row["Value"]) for row in held]


def test_metric_board_and_api_agree_on_the_return_of_all_time(open_api: Opened, desk: Desk) -> None:
    desk.advance(300)
    now = desk.timing.time()
    metric = desk.metrics()['bigdipper_account_adjusted_return_ratio{window="all"}']
    (board,) = answer(desk.store.connection, "performance", "Profit and return", now - 90 * 86400, now, ("AMD",))
    api = open_api(desk.store.path, now=now).get("/api/v1/account/performance?period=all").json()
    assert board["return"] == pytest.approx(metric, rel=1e-9)
    assert api["return_percent"] == pytest.approx(100 * metric, rel=1e-9)


@pytest.mark.parametrize(("days_later", "first"), [(0, 0), (1, 0), (2, 0), (3, 3)])
def test_on_a_weekend_the_newest_day_of_returns_is_friday(open_api: Opened, lived: Path, days_later: int, first: int) -> None:
    friday = UNTIL - timedelta(days=7)
    now = (friday + timedelta(days=days_later)).timestamp()
    found = open_api(lived, now=now).get("/api/v1/account/performance?period=1d").json()
    assert found["first_day"] == (friday + timedelta(days=first)).date().isoformat()


def test_the_account_of_the_api_is_that_of_the_metrics(open_api: Opened, desk_with_log: Desk) -> None:
    desk = desk_with_log
    desk.advance(300)
    metrics = desk.metrics()
    found = open_api(desk.store.path, now=desk.timing.time()).get("/api/v1/dashboard").json()
    account, brake = found["account"], found["brake"]
    for name in ("equity", "cash", "buying_power", "margin_debt", "last_equity", "day_profit", "maintenance_margin"):
        assert account[name] == metrics[f"bigdipper_account_{name}_usd"], name
    assert account["unrealized_profit"] == metrics["bigdipper_account_unrealized_pl_usd"]
    assert account["margin_ratio"] == metrics["bigdipper_account_margin_ratio"]
    assert account["leverage_ratio"] == metrics["bigdipper_account_leverage_ratio"]
    assert account["day_return_percent"] == 100 * metrics["bigdipper_account_day_return_ratio"]
    assert brake["distance_usd"] == metrics['bigdipper_limit_distance_usd{limit="brake"}']
    assert brake["distance_ratio"] == metrics['bigdipper_limit_distance_ratio{limit="brake"}']
    assert found["positions"] == sum(value for name, value in metrics.items() if name.startswith("bigdipper_positions{"))
