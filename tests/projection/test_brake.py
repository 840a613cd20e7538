"""Brake episodes: when they begin, what they are, and what ends them."""

import os
import time
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bigdipper_exporter.calendar import NEW_YORK
from tests.projection.bot import ACCOUNT, BRAKE, DAY, HALTING, REGULAR, at, cycle, lines
from tests.running import Monitor


def brakes(bot: Monitor) -> list[tuple[Any, ...]]:
    """Start, end, seconds and cycles of each episode."""
    return bot.rows("SELECT started, ended, duration_seconds, cycles FROM brake_events ORDER BY id")


def test_a_brake_begins_with_its_line_and_ends_with_the_first_line_of_a_cycle_past_the_check(bot: Monitor) -> None:
    bot.say(*cycle("09:30:00", REGULAR, BRAKE, HALTING))
    assert held_since(bot) == at("09:30:00")
    assert bot.value("bigdipper_brake_level_ratio") == 1.157
    assert brakes(bot) == [(at("09:30:00"), None, 0.0, 1)]
    bot.say(*cycle("09:31:00", REGULAR, BRAKE, HALTING), *cycle("09:32:00", REGULAR, "📊 Positions: None", ACCOUNT))
    assert held_since(bot) is None
    assert bot.value("bigdipper_brake_episodes_total") == 1
    assert bot.value("bigdipper_brake_seconds_total") == 120
    assert bot.value("bigdipper_halts_total", cause="brake") == 2
    assert brakes(bot) == [(at("09:30:00"), at("09:32:00"), 120, 2)]


@pytest.mark.parametrize(
    "line",
    [
        "💤 Market closed. Next open: 2025-10-20 09:30 ET",
        "❌ Cycle error: connection reset",
        "❌ UNEXPECTED ERROR getting positions: timed out",
        "❌ POSITION TRACKING FAILED - SDK validation error",
        "🌟 Big Dipper v2.16 started in PAPER mode",
        "🔍 Scan complete: 0 opportunities found",
    ],
)
def test_what_proves_nothing_does_not_end_an_episode(bot: Monitor, line: str) -> None:
    bot.say(*cycle("09:30:00", REGULAR, BRAKE), *cycle("09:31:00", REGULAR, line), *cycle("09:33:00", REGULAR, BRAKE))
    assert bot.value("bigdipper_brake_episodes_total") == 1
    assert bot.value("bigdipper_brake_seconds_total") == 180
    assert brakes(bot) == [(at("09:30:00"), None, 180.0, 2)]


def test_a_second_brake_after_a_free_cycle_is_a_second_episode(bot: Monitor) -> None:
    bot.say(*cycle("09:30:00", BRAKE), *cycle("09:31:00", ACCOUNT), *cycle("09:32:00", BRAKE), *cycle("09:33:00", ACCOUNT))
    assert [row[1:] for row in brakes(bot)] == [(at("09:31:00"), 60, 1), (at("09:33:00"), 60, 1)]


def test_v218_stumbling_over_its_own_brake_report_is_still_the_brake(bot: Monitor) -> None:
    bug = ("❌ UNEXPECTED ERROR getting positions: 'score'", "⏸️  HALTING ALL TRADING this cycle for safety")
    bot.say(*cycle("09:30:00", BRAKE, "   Missed 15 opportunities during brake:", *bug), *cycle("09:31:00", BRAKE, HALTING))
    assert bot.value("bigdipper_halts_total", cause="brake") == 2
    assert bot.value("bigdipper_halts_total", cause="unexpected_error") == 0
    assert bot.value("bigdipper_missed_trades_total", reason="missed_brake") == 15
    assert brakes(bot) == [(at("09:30:00"), None, 60.0, 2)]
    # The same words without a brake in the cycle are a halt of their own.
    bot.say(*cycle("09:32:00", *bug))
    assert bot.value("bigdipper_halts_total", cause="unexpected_error") == 1


def test_the_brakes_figures_are_kept_with_the_episode(bot: Monitor) -> None:
    bot.say(
        *cycle(
            "09:30:00",
            "[BRAKE] 🛑 EMERGENCY BRAKE (cycle 1): Margin at 15.73%",
            "   Margin debt: $5,480.82 / Equity: $34,842.64",
            "   💡 Reduce debt by $254.42 to resume trading",
            "⚠️  MISSING 2 opportunities due to emergency brake:",
            "   💎 AMD   : -6.21% dip (score: 1.24x) @ $152.20",
        )
    )
    bot.say(*cycle("09:31:00", "[BRAKE] 🛑 EMERGENCY BRAKE (cycle 2): Margin at 16.00%"))
    columns = "margin_ratio, leverage_ratio, peak_ratio, margin_debt, equity, reduce_usd, missed_opportunities"
    assert bot.rows(f"SELECT {columns} FROM brake_events") == [(0.1573, None, 0.16, 5480.82, 34842.64, 254.42, 2)]
    assert bot.rows("SELECT symbol, outcome FROM opportunities") == [("AMD", "missed_brake")]


def test_figures_of_a_brake_belong_to_a_cycle_that_is_braked(bot: Monitor) -> None:
    figures = "   Margin debt: $5,480.82 / Equity: $34,842.64"
    bot.say(*cycle("09:29:00", figures), *cycle("09:30:00", BRAKE), *cycle("09:31:00", figures))
    assert bot.rows("SELECT margin_debt, equity FROM brake_events") == [(None, None)]


def test_an_episode_goes_on_through_a_restart_of_the_exporter(bot: Monitor) -> None:
    bot.say(*cycle("09:30:00", BRAKE))
    bot.restart()
    assert held_since(bot) == at("09:30:00")
    bot.say(*cycle("09:31:00", BRAKE), *cycle("09:32:00", ACCOUNT))
    assert bot.value("bigdipper_brake_episodes_total") == 1
    assert brakes(bot) == [(at("09:30:00"), at("09:32:00"), 120, 2)]


def until(last: str, *messages: str) -> list[str]:
    """A cycle every ten minutes from Friday 23:00 to before `last`."""
    now, end, said = datetime.fromisoformat(f"{DAY} 23:00"), datetime.fromisoformat(last), list[str]()
    while now < end:
        said += cycle(f"{now:%H:%M:%S}", *messages, day=f"{now:%Y-%m-%d}")
        now += timedelta(minutes=10)
    return said


def test_time_under_the_brake_is_split_at_the_start_of_the_trading_day(bot: Monitor) -> None:
    bot.say(*cycle("23:00:00", BRAKE), *until("2025-10-20 06:00", "💤 Market closed. Next open: 2025-10-20 09:30 ET"))
    bot.say(*cycle("06:00:00", ACCOUNT, day="2025-10-20"))
    days = dict(bot.rows("SELECT date, brake_seconds FROM daily_stats WHERE brake_seconds"))
    hour = 3600
    expected = {"2025-10-17": 5 * hour, "2025-10-18": 24 * hour, "2025-10-19": 24 * hour, "2025-10-20": 2 * hour}
    assert days == expected
    assert dict(bot.rows("SELECT date, brake_events FROM daily_stats WHERE brake_events")) == {"2025-10-17": 1}
    assert bot.value("bigdipper_brake_seconds_total") == sum(expected.values())
    assert bot.rows("SELECT duration_seconds FROM brake_events") == [(sum(expected.values()),)]


@pytest.mark.parametrize("return_line", [BRAKE, ACCOUNT, "💤 Market closed. Next open: 2025-10-20 09:30 ET"])
def test_an_episode_ends_at_its_last_line_when_the_bot_was_silent(bot: Monitor, return_line: str) -> None:
    bot.say(*cycle("10:00:00", BRAKE), *cycle("10:01:00", BRAKE), *cycle("10:02:00", return_line, day="2025-10-20"))
    assert brakes(bot)[0] == (at("10:00:00"), at("10:01:00"), 60, 2)
    assert bot.value("bigdipper_brake_seconds_total") == 60
    assert (held_since(bot) is not None) == (return_line == BRAKE)
    assert bot.value("bigdipper_brake_episodes_total") == 1 + (return_line == BRAKE)


def test_an_episode_ends_with_the_bot_and_goes_on_with_a_quick_restart(bot: Monitor) -> None:
    bot.say(*cycle("10:00:00", BRAKE), *lines("10:00:30", "👋 Shutting down gracefully..."))
    assert brakes(bot) == [(at("10:00:00"), at("10:00:00"), 0, 1)]
    bot.say(*cycle("10:03:00", BRAKE))
    assert brakes(bot) == [(at("10:00:00"), None, 180, 2)]


def test_whether_the_brake_holds_is_unknown_after_a_silence(bot: Monitor) -> None:
    bot.write(*minute(20, BRAKE))
    age(bot.log, 20 * 60)
    bot.catch_up()
    assert shown(bot) == (None, None)
    bot.say(*minute(0, BRAKE))
    assert bot.value("bigdipper_brake_active") == 1
    bot.write(*minute(0, ACCOUNT))
    bot.catch_up()
    assert bot.value("bigdipper_brake_active") == 0


@pytest.mark.parametrize("last", [BRAKE, ACCOUNT])
def test_the_brake_of_an_old_log_that_was_copied_just_now_is_unknown(bot: Monitor, last: str) -> None:
    for days in (380, 2, 0.2):
        bot.say(*minute(days * 24 * 60, BRAKE), *minute(days * 24 * 60 - 1, last))
        assert shown(bot) == (None, None), f"{days} days old"
    bot.restart()
    assert shown(bot) == (None, None)
    bot.say(*minute(0, last))
    assert bot.value("bigdipper_brake_active") == (last == BRAKE)


@pytest.mark.parametrize("hours", [-8, 5, 5.75])
def test_a_wrong_zone_hides_the_brake_of_a_living_bot_for_no_more_than_a_cycle(bot: Monitor, hours: float) -> None:
    bot.say(*minute(hours * 60 + 2, BRAKE))
    bot.say(*minute(hours * 60 + 1, BRAKE))
    bot.say(*minute(hours * 60, BRAKE))
    assert bot.value("bigdipper_brake_active") == 1


def test_a_log_of_last_year_that_is_written_again_line_by_line_has_no_brake_of_now(bot: Monitor) -> None:
    for line in range(3):
        bot.say(*minute(380 * 24 * 60 - line, BRAKE))
    assert shown(bot) == (None, None)


def held_since(bot: Monitor) -> float | None:
    """The start of the episode that the log left open; it is of long ago, and shown by no metric."""
    brake = bot.pipeline.snapshot.bot.brake
    return None if brake is None else brake.started


def shown(bot: Monitor) -> tuple[float | None, float | None]:
    """What is on /metrics of the brake."""
    return bot.value("bigdipper_brake_active"), bot.value("bigdipper_brake_started_timestamp_seconds")


def minute(ago: float, *messages: str) -> list[str]:
    """A cycle that began so many minutes ago."""
    moment = datetime.fromtimestamp(time.time() - ago * 60, NEW_YORK)
    return cycle(f"{moment:%H:%M:%S}", *messages, day=f"{moment:%Y-%m-%d}")


def age(path: Path, seconds: float) -> None:
    """Make `path` look as if it was last written so long ago."""
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_a_clock_set_back_inside_an_episode_takes_no_time_away(bot: Monitor) -> None:
    bot.say(*cycle("10:00:00", BRAKE), *cycle("10:01:00", BRAKE), *cycle("09:02:00", BRAKE), *cycle("09:03:00", BRAKE))
    assert bot.value("bigdipper_brake_seconds_total") == 120
    bot.say(*cycle("09:04:00", ACCOUNT))
    ((started, ended, seconds, cycles),) = brakes(bot)
    assert (started, seconds, cycles) == (at("10:00:00"), 180, 4)
    assert ended >= started


def test_the_brake_is_counted_up_to_now_while_the_bot_cycles_and_the_same_everywhere(bot: Monitor) -> None:
    bot.say(*cycle("09:30:00", BRAKE), *cycle("09:31:00", BRAKE))
    snapshot = bot.pipeline.snapshot
    day = replace(snapshot.day, start=at("04:00:00"), brake_seconds=60.0)
    seen = replace(snapshot, day=day)
    assert seen.brake_seconds_today(at("09:31:30")) == 90.0
    assert seen.brake_seconds_today(at("09:50:00")) == 60.0, "a bot that is silent holds nothing"
    assert seen.brake_seconds_today(at("09:30:30")) == 60.0, "a clock set back takes nothing away"
    assert bot.rows("SELECT duration_seconds FROM brake_events") == [(60.0,)]


def test_dips_that_the_brake_let_pass_are_missed_trades_of_the_day(bot: Monitor) -> None:
    bot.say(*cycle("09:30:00", BRAKE, "   Missed 15 opportunities during brake:"))
    assert bot.rows("SELECT missed_trades FROM daily_stats") == [(15,)]
    assert bot.rows("SELECT missed_opportunities FROM brake_events") == [(15,)]
