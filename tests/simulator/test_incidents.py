"""What each incident of the table does to the log, the books and the broker."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import pytest

from bigdipper_exporter.calendar import NEW_YORK
from bigdipper_exporter.demo.simulator.world import World

MONDAY = datetime(2026, 11, 16, 4, tzinfo=NEW_YORK).timestamp()


@pytest.fixture
def noon(tmp_path: Path) -> World:
    """A Tuesday at noon, with positions, and no incident of its own."""
    world = World(11, MONDAY - 3 * 86400, log_path=tmp_path / "big_dipper.log", incidents=())
    for minutes in (60 * 8, 60 * 80):
        world.run_until(MONDAY - 3 * 86400 + minutes * 60)
        for _ in range(3):
            world.market.shock(world.quiet_symbol(), -0.09)
            world.run_until(world.now + 1800)
    world.run_until(datetime(2026, 11, 17, 12, tzinfo=NEW_YORK).timestamp())
    assert len(world.ledger.positions) >= 2
    return world


def new_lines(world: World, minutes: float) -> str:
    assert world.log.path is not None
    before = world.log.path.stat().st_size
    world.run_until(world.now + minutes * 60)
    with world.log.path.open(encoding="utf-8") as log:
        log.seek(before)
        return log.read()


def test_a_brake_holds_for_three_quarters_of_an_hour_and_shows_the_score_bug(noon: World) -> None:
    noon.trigger("brake")
    log = new_lines(noon, 60)
    [episode] = noon.truth()["brake_episodes"]
    assert 2500 < episode[1] - episode[0] < 3000
    assert log.count("getting positions: 'score'") == 3
    assert "SPY" not in noon.ledger.positions


def test_a_dip_is_bought_within_two_cycles(noon: World) -> None:
    noon.trigger("dip")
    assert new_lines(noon, 2).count("[TRADE]") == 1


def test_an_incident_set_off_by_hand_happens_once_and_only_while_the_exchange_is_open(noon: World) -> None:
    noon.hours.always_open_from, noon._live_since = noon.now, noon.now
    assert noon.trigger("positions-unavailable")
    noon.run_until(noon.now + 5 * 3600)  # beyond a round of the live incidents
    assert [name for _, name in noon.tally.incidents] == ["positions-unavailable"]
    noon.hours.always_open_from = None
    noon.run_until(datetime(2026, 11, 17, 23, tzinfo=NEW_YORK).timestamp())
    assert not noon.trigger("dip")
    assert len(noon.tally.incidents) == 1


def test_an_outage_fails_the_bot_and_the_monitor_and_ends(noon: World) -> None:
    noon.trigger("outage")
    assert noon.broker.faults.next("account") == "503"
    log = new_lines(noon, 20)
    assert log.count("❌ Cycle error") > 5
    assert re.findall(r"Pausing (\d+)s", log)[:5] == ["10", "20", "40", "60", "60"]
    assert noon.broker.faults.next("account") is None
    assert log.rstrip().endswith("...")
    assert "Scan complete" in log


def test_an_opposite_order_brings_wash_trade_rejections(noon: World) -> None:
    noon.trigger("wash-trade")
    log = new_lines(noon, 40)
    assert log.count("wash_sale_conflict (opposite order exists)") > 20
    assert {o.status for o in noon.ledger.orders.values() if o.time_in_force == "gtc"} == {"canceled"}


def test_a_stuck_order_is_open_for_more_than_a_quarter_of_an_hour(noon: World) -> None:
    noon.trigger("stuck-order")
    new_lines(noon, 20)
    assert any(noon.now - o.submitted_at / 1e9 > 900 for o in noon.ledger.open_orders.values())


def test_a_manual_sale_changes_a_position_without_a_line(noon: World) -> None:
    held = {s: p.qty for s, p in noon.ledger.positions.items()}
    noon.trigger("manual-sale")
    log = new_lines(noon, 3)
    changed = {s for s, qty in held.items() if noon.ledger.positions[s].qty != qty}
    assert len(changed) == 1
    assert "SELL" not in log.upper()


def test_a_rotation_copies_and_truncates_without_losing_a_line(noon: World, tmp_path: Path) -> None:
    before = (tmp_path / "big_dipper.log").read_bytes()
    noon.trigger("rotation")
    assert (tmp_path / "big_dipper.log.1").read_bytes() == before
    assert (tmp_path / "big_dipper.log").read_bytes() == b""
    noon.run_until(noon.now + 120)
    noon.log.flush()
    after = (tmp_path / "big_dipper.log").read_bytes()
    assert len(before) + len(after) == noon.log.bytes


def test_a_restarted_bot_says_goodbye_and_counts_from_one(noon: World) -> None:
    noon.trigger("restart")
    log = new_lines(noon, 5)
    assert "👋 Shutting down gracefully..." in (noon.log.path or Path()).read_text()
    assert "🌟 Big Dipper v2.16 started in PAPER mode" in log
    assert re.findall(r"Cycle #(\d+)", log)[0] == "1"


def test_positions_that_cannot_be_read_halt_the_bot(noon: World) -> None:
    noon.trigger("positions-unavailable")
    log = new_lines(noon, 7)
    assert log.count("❌ POSITION TRACKING FAILED") in (3, 4, 5)
    assert noon.truth()["halts"]["positions_unavailable"] == log.count("❌ POSITION TRACKING FAILED")


def test_a_deposit_raises_equity_without_a_profit(noon: World) -> None:
    equity = noon.ledger.equity()
    noon.trigger("deposit")
    assert noon.ledger.equity() - equity == 1_500_000_000
    assert noon.ledger.activities[-1].body["net_amount"] == "1500"


def test_whole_shares_are_asked_for_in_vain_for_a_while(noon: World) -> None:
    noon.trigger("whole-shares")
    assert 5 <= new_lines(noon, 20).count("FIGR not_fractionable (use whole shares)") <= 13


def test_an_unknown_incident_is_an_error_that_names_the_known_ones(noon: World) -> None:
    with pytest.raises(ValueError, match="unknown incident 'war': use one of slump, brake, dip"):
        noon.trigger("war")


def test_an_account_without_equity_stops_the_bot(noon: World) -> None:
    noon.ledger.cash -= 10**12
    log = new_lines(noon, 5)
    assert re.search(r"❌ CRITICAL: Account equity is \$-\d+\.\d\d \(≤ 0\) - halting trading", log)
    assert log.count("Cycle #") == 1
    assert noon.truth()["halts"]["equity_not_positive"] == 1
