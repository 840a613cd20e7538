"""The boards' SQL on archives that the exporter itself filled: from the sample logs, and from the stand-in broker."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import oracle, running
from tests.alpaca.conftest import TUESDAY, broker, desk, ledger, open_desk, timing  # noqa: F401 (fixtures)
from tests.grafana.asked import answer, rows
from tests.grafana.synthetic import SYMBOLS

SAMPLES = sorted((Path(__file__).parents[1] / "samples").glob("*.log"))
ALL_TIME = 1.7e9, 1.9e9
WATCHED = [*SYMBOLS, "AAPL", "BRK.B"]


@pytest.fixture(params=SAMPLES, ids=lambda path: path.stem)
def ingested(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, sqlite3.Connection]]:
    """A sample and the archive that `ingest` made of it."""
    archive = tmp_path / "archive.db"
    log = ("--log.path", request.param, "--log.timezone", "America/New_York", "--log.from", "start")
    done = running.command("ingest", *log, "--archive.path", archive)
    assert done.returncode == 0, done.stderr
    connection = sqlite3.connect(f"file:{archive}?mode=ro", uri=True)
    yield request.param, connection
    connection.close()


def symbols(connection: sqlite3.Connection) -> list[str]:
    return sorted({*WATCHED, *(row["symbol"] for row in rows(connection, "SELECT symbol FROM opportunities"))})


def ask(connection: sqlite3.Connection, board: str, title: str) -> list[dict[str, Any]]:
    return answer(connection, board, title, *ALL_TIME, symbols(connection))


def test_orders_are_as_many_as_grep_finds(ingested: tuple[Path, sqlite3.Connection]) -> None:
    log, connection = ingested
    expected = oracle.grep(log, oracle.HEADER + oracle.GREPS["trade"])
    (found,) = ask(connection, "trades", "Order volume")
    assert found["orders"] == expected
    assert len(ask(connection, "trades", "Orders")) == expected


def test_outcomes_of_dips_are_those_of_a_naive_reader(ingested: tuple[Path, sqlite3.Connection]) -> None:
    log, connection = ingested
    expected = Counter(outcome.replace("_", " ") for _, outcome in oracle.live(log).opportunities)
    found = {row["Outcome"]: row["Dips"] for row in ask(connection, "opportunities", "Outcomes of qualified dips")}
    assert found == expected


def test_missed_trades_are_those_that_sed_finds(ingested: tuple[Path, sqlite3.Connection]) -> None:
    log, connection = ingested
    reasons: Counter[str] = Counter()
    for (_, reason), count in oracle.skips(log).items():
        if reason not in oracle.ROUTINE:
            reasons[reason.replace("_", " ")] += count
    found = {row["Reason"]: row["Missed"] for row in ask(connection, "opportunities", "Missed trades by reason")}
    assert found.pop("brake", 0) == oracle.missed_by_brake(log)
    assert found == reasons


def test_brake_episodes_are_those_of_a_naive_reader(ingested: tuple[Path, sqlite3.Connection]) -> None:
    log, connection = ingested
    found = ask(connection, "risk", "Brake episodes")
    assert sorted((row["time"], row["timeEnd"], row["Cycles"]) for row in found) == [
        (started, ended, cycles) for started, ended, cycles, _ in sorted(oracle.live(log).brakes)
    ]


def test_scans_are_as_many_as_grep_finds(ingested: tuple[Path, sqlite3.Connection]) -> None:
    log, connection = ingested
    (found,) = ask(connection, "opportunities", "Dip funnel")
    assert found["scans"] == oracle.grep(log, oracle.HEADER + oracle.GREPS["scan"])
    assert found["→ filled"] is None, "nobody asked the broker"


def test_equity_without_a_broker_says_that_it_is_the_bots(ingested: tuple[Path, sqlite3.Connection]) -> None:
    log, connection = ingested
    accounts = oracle.live(log).accounts
    found = answer(connection, "overview", "Equity curve", accounts[0][0], accounts[-1][0] + 1, [])
    assert {row["source"] for row in found} == {"bot's log"}
    assert {row["equity"] for row in found} <= {equity for _, equity, _ in accounts}
    assert found[-1]["equity"] == accounts[-1][1]


def test_open_orders_are_the_brokers(desk: Any) -> None:  # noqa: F811
    found = ask(desk.store.connection, "trades", "Open orders")
    expected = desk.asked("orders", status="open")
    assert [(row["Symbol"], row["Shares"], row["Limit"]) for row in found] == [
        (order["symbol"], float(order["qty"]), float(order["limit_price"])) for order in expected
    ]
    assert len(found) == 1


def test_executions_are_the_brokers(desk: Any) -> None:  # noqa: F811
    known = [*WATCHED, *(position["symbol"] for position in desk.asked("positions"))]
    found = answer(desk.store.connection, "positions", "Orders and fills by symbol", *ALL_TIME, known)
    expected = [row for row in desk.asked("account/activities") if row["activity_type"] == "FILL"]
    assert sorted((row["Symbol"], row["Shares"], row["Price"]) for row in found) == sorted(
        (row["symbol"], float(row["qty"]), float(row["price"])) for row in expected
    )
    assert len(found) == 4


def test_leverage_that_is_shared_is_the_brokers(desk: Any) -> None:  # noqa: F811
    (found,) = answer(desk.store.connection, "share", "Leverage", TUESDAY - 86400, TUESDAY + 86400, [])
    assert found["leverage"] == pytest.approx(desk.metrics()["bigdipper_account_leverage_ratio"])
