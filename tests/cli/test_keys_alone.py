"""An account that is watched with its keys alone: all that the broker knows is there, and nobody asks for a log."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bigdipper_exporter.demo.simulator.broker import Broker
from bigdipper_exporter.demo.simulator.ledger import Ledger
from tests.running import Exporter, command, exporter, rows, wait_for

KEYS = {"ALPACA_KEY": "PKSIMULATED", "ALPACA_SECRET": "simulated-secret"}
# What only a log can say: there is no series, for a 0 would mean that somebody looked.
OF_THE_LOG = ("log_up", "log_lag_bytes", "log_last_line_timestamp_seconds", "bot_running", "brake_active")
OF_THE_DAY = ("day_trades", "day_deployed_usd", "day_missed_trades", "day_cycles", "day_opportunities", "day_brake_seconds")


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    now = time.time()
    ledger = Ledger(20_000, seed=7, opened=now - 3 * 86_400)
    ledger.trade("AMD", 11.5, 214.23, now - 3600)
    ledger.trade("MSFT", 3, 477.94, now - 3000)
    with Broker(ledger) as running:
        yield running


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory, broker: Broker) -> Iterator[Exporter]:
    folder = tmp_path_factory.mktemp("keys")
    with exporter(folder, "--log.path=", env={**KEYS, "BIGDIPPER_ALPACA_URL": broker.url}) as process:
        process.wait_ready()
        wait_for(lambda: process.value("bigdipper_positions", asset_class="us_equity") == 2, "the positions", 60)
        wait_for(lambda: process.value("bigdipper_day_fills") is not None, "the activities", 60)
        yield process


def test_the_broker_is_known_and_the_log_is_not_missed(one: Exporter) -> None:
    samples = one.samples()
    names = {name.removeprefix("bigdipper_") for name, _ in samples}
    assert samples["bigdipper_log_configured", ()] == 0
    assert samples["bigdipper_exporter_ready", ()] == 1
    assert samples["bigdipper_position_quantity", (("symbol", "AMD"),)] == 11.5
    assert {"account_day_profit_usd", "limit_distance_usd", "day_fills", "calendar_session"} <= names
    assert names & {*OF_THE_LOG, *OF_THE_DAY} == set()


def test_the_orders_of_the_account_are_archived(one: Exporter) -> None:
    wait_for(lambda: rows(one.archive, "SELECT 1 FROM fills"), "the fills")
    assert {symbol for (symbol,) in rows(one.archive, "SELECT symbol FROM fills")} == {"AMD", "MSFT"}
    assert rows(one.archive, "SELECT 1 FROM fill_sources WHERE NOT of_bot") == []
    assert rows(one.archive, "SELECT * FROM discrepancies") == []
    assert rows(one.archive, "SELECT * FROM gaps") == []


def test_the_page_says_so_and_finds_nothing_wrong(one: Exporter) -> None:
    status, page = one.get("/")
    assert status == 200
    assert "everything is fine" in page
    assert "the account is watched with its keys alone" in page
    assert "AMD" in page
    assert "Missed trades" not in page


def test_the_exporter_says_nothing_of_a_log(one: Exporter) -> None:
    assert "waiting" not in one.said()


def test_doctor_does_not_ask_for_a_log(one: Exporter, broker: Broker, tmp_path: Path) -> None:
    address = {"BIGDIPPER_ALPACA_URL": broker.url, "BIGDIPPER_WEB_LISTEN_ADDRESS": "127.0.0.1:0"}
    done = command("doctor", "--archive.path", tmp_path / "none.db", env={**KEYS, **address})
    (line,) = [line for line in done.stdout.splitlines() if line.split()[1] == "log"]
    assert line.startswith("fine")
    assert "keys alone" in line


def test_a_log_that_comes_later_goes_on_in_the_same_archive(broker: Broker, tmp_path: Path) -> None:
    settings = {**KEYS, "BIGDIPPER_ALPACA_URL": broker.url}
    with exporter(tmp_path, "--log.path=", env=settings) as process:
        process.wait_ready()
        assert process.terminate() == 0
    (tmp_path / "big_dipper.log").write_text("2025-11-04 11:18:00 [INFO] Cycle #7 - 11:18:00\n")
    with exporter(tmp_path, env=settings) as process:
        process.wait_lines(1)
        assert process.value("bigdipper_log_configured") == 1
        assert process.value("bigdipper_log_up") == 1
        assert process.value("bigdipper_day_trades") == 0
