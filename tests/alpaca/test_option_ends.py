"""Expiries, exercises and assignments whose lots are unknown, come late, or were stored by an earlier release."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bigdipper_exporter.archive.broker import lot_events
from bigdipper_exporter.calendar import NEW_YORK
from tests.alpaca.rounds import Rounds, archive

CALL, PUT = "AMD261120C00100000", "AMD261120P00100000"
MIGRATION = Path(lot_events.__file__).parents[1] / "migrations" / "021_option_evenings.sql"
DAY = "2026-11-20"


@pytest.fixture
def rounds(tmp_path: Path) -> Iterator[Rounds]:
    with archive(tmp_path) as store:
        yield Rounds(store, 10_000)


def fill(rounds: Rounds, clock: str, side: str, quantity: float, price: float, symbol: str = "AMD", day: str = DAY) -> None:
    stamp = f"{day}T{clock}:00-05:00"
    fields = {"symbol": symbol, "qty": quantity, "price": price, "side": side, "transaction_time": stamp}
    rounds.record(clock, day, activity_type="FILL", **fields)


def end(rounds: Rounds, kind: str, symbol: str | None, quantity: float, day: str = DAY, **more: Any) -> None:
    rounds.record(
        "22:00", day, activity_type=kind, symbol=symbol, qty=quantity, date=day, net_amount=more.pop("net", 0), **more
    )


def realized(rounds: Rounds, kind: str) -> Any:
    ((result,),) = rounds.sql(f"SELECT realized_pl FROM activities WHERE type = '{kind}'")
    return result


def test_shares_that_were_transferred_have_no_known_profit_when_a_call_takes_them(rounds: Rounds) -> None:
    rounds.record("10:00", DAY, activity_type="ACATS", symbol="AMD", qty=100, date=DAY)
    fill(rounds, "11:00", "sell_short", 1, 3, CALL)
    end(rounds, "OPASN", CALL, 1)
    end(rounds, "OPTRD", "AMD", -100, price=50, net=5_000)
    assert realized(rounds, "OPTRD") is None
    assert realized(rounds, "OPASN") == 300


@pytest.mark.parametrize("kind", ["OPCA", "JNLS"])
def test_an_option_that_a_corporate_action_changed_has_no_known_profit_when_it_expires(rounds: Rounds, kind: str) -> None:
    fill(rounds, "11:00", "sell_short", 1, 3, CALL, "2026-11-18")
    rounds.record("12:00", "2026-11-19", activity_type=kind, symbol=CALL, qty=-1, date="2026-11-19")
    end(rounds, "OPEXP", CALL, 1)
    assert realized(rounds, "OPEXP") is None


def test_a_written_option_whose_execution_is_a_plain_sale_has_no_known_profit(rounds: Rounds) -> None:
    fill(rounds, "11:00", "sell", 1, 2, CALL)
    end(rounds, "OPEXP", CALL, 1)
    assert realized(rounds, "OPEXP") is None


def test_shares_that_an_assigned_call_sold_short_are_covered_later(rounds: Rounds) -> None:
    """100 sold at 50 on Friday, bought back at 55 on Monday: Monday loses 500."""
    fill(rounds, "11:00", "sell_short", 1, 3, CALL)
    fill(rounds, "10:00", "buy", 100, 55, day="2026-11-23")
    end(rounds, "OPASN", CALL, 1)
    end(rounds, "OPTRD", "AMD", -100, price=50, net=5_000)
    assert realized(rounds, "OPTRD") == 0
    assert rounds.sql("SELECT realized_pl FROM fills WHERE symbol = 'AMD'") == [(-500,)]


def test_the_events_of_a_symbol_are_in_order_of_time_without_a_sale(rounds: Rounds) -> None:
    fill(rounds, "11:00", "buy", 10, 90, day="2026-11-18")
    fill(rounds, "11:00", "buy", 10, 95, day="2026-11-24")
    end(rounds, "OPTRD", "AMD", 100, price=100, net=-10_000)
    events = lot_events.lot_events(rounds.store.connection, "AMD")
    assert [event.quantity for event in events] == [10, 100, 10]


def test_an_end_without_a_symbol_stops_nothing(rounds: Rounds) -> None:
    end(rounds, "OPEXP", None, 1)
    fill(rounds, "11:00", "buy", 10, 90, day="2026-11-18")
    rounds.sql("UPDATE state SET value = json_set(value, '$.rules', 3) WHERE key = 'broker'")
    rounds.store.connection.commit()
    again = Rounds(rounds.store, 10_000)
    fill(again, "12:00", "sell", 10, 91, day="2026-11-18")
    assert again.sql("SELECT realized_pl FROM fills WHERE side = 'sell'") == [(10,)]


@pytest.mark.parametrize("day", ["2024-03-08", "2024-03-11", "2024-11-01", "2024-11-04", "2026-07-31", "2026-12-31"])
def test_dates_of_the_last_release_become_evenings(rounds: Rounds, day: str) -> None:
    """Noon of the record's date, whatever New York's clocks show; a record with a time of its own keeps it."""
    noon = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=NEW_YORK)
    timed = noon + timedelta(minutes=1)
    rows = [("o", noon, "OPEXP"), ("t", timed, "OPEXP"), ("d", noon, "DIV")]
    connection: sqlite3.Connection = rounds.store.connection
    connection.executemany(
        "INSERT INTO activities (activity_id, ts, date, type) VALUES (?, ?, ?, ?)",
        [(name, moment.timestamp(), day, kind) for name, moment, kind in rows],
    )
    connection.executescript(MIGRATION.read_text("utf-8"))
    found = {
        name: f"{datetime.fromtimestamp(ts, NEW_YORK):%Y-%m-%d %H:%M}"
        for name, ts in rounds.sql("SELECT activity_id, ts FROM activities")
    }
    assert found == {"o": f"{day} 20:00", "t": f"{day} 12:01", "d": f"{day} 12:00"}
