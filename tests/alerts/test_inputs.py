"""What alerts read of the exporter: unknown has no series, and a figure is of the moment that its name says."""

import os
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bigdipper_exporter import calendar
from tests.running import Monitor, monitor


def stamped(moment: float, message: str) -> str:
    """A line of the log at `moment` (unix seconds)."""
    return f"{datetime.fromtimestamp(moment, calendar.NEW_YORK):%Y-%m-%d %H:%M:%S} [INFO] {message}"


def account(moment: float, equity: float) -> list[str]:
    """A cycle with an account line."""
    line = f"[ACCOUNT] equity=${equity:.2f} cash=$1000.00 leverage=90.0%"
    return [stamped(moment, "Cycle #1"), stamped(moment, line)]


def test_fills_are_unknown_without_keys(tmp_path: Path) -> None:
    with monitor(tmp_path) as bot:
        trade = "[TRADE] BUY AMD: 10.0000 shares @ $152.35 = $1,523.50 (order 6f1c2a9e-0000-4000-8000-000000000001)"
        bot.say(stamped(time.time(), "Cycle #1"), stamped(time.time(), trade))
        assert bot.value("bigdipper_day_trades") == 1
        assert bot.value("bigdipper_day_fills") is None
        assert bot.value("bigdipper_day_fills_by_hand") is None


def test_a_line_in_a_renamed_log_is_as_young_as_that_file(tmp_path: Path) -> None:
    with monitor(tmp_path) as bot:
        bot.say(stamped(time.time(), "Cycle #1"))
        with bot.log.open("a", encoding="utf-8") as still_open:
            bot.log.rename(tmp_path / "big_dipper.log.1")
            bot.log.touch()
            os.utime(bot.log, (1e9, 1e9))
            still_open.write(stamped(time.time(), "Cycle #2") + "\n")
        bot.catch_up()
        assert bot.value("bigdipper_log_lines_total") == 2
        assert bot.value("bigdipper_log_last_line_timestamp_seconds") == pytest.approx(time.time(), abs=60)
        assert bot.value("bigdipper_log_timestamp_skew_seconds") == pytest.approx(0, abs=60)


def test_an_old_copy_that_is_read_late_is_no_older_sign_of_life(tmp_path: Path) -> None:
    with monitor(tmp_path) as bot:
        bot.say(stamped(time.time(), "Cycle #1"))
        bot.write(stamped(time.time(), "Cycle #2"))
        os.utime(bot.log, (1e9, 1e9))
        bot.catch_up()
        assert bot.value("bigdipper_log_last_line_timestamp_seconds") == pytest.approx(time.time(), abs=60)


def previous_close() -> float:
    """The close before today's trading day; unix seconds."""
    return calendar.last_close(calendar.day_start(calendar.trading_day(time.time())))


def test_the_day_before_counts_up_to_its_close(tmp_path: Path) -> None:
    close = previous_close()
    with monitor(tmp_path) as bot:
        bot.say(*account(close - 3600, 40000), *account(close, 39000), *account(close + 60, 38000))
        assert bot.value("bigdipper_day_previous_equity_usd") == 39000


def test_equity_of_an_older_day_is_not_that_of_the_previous_close(tmp_path: Path) -> None:
    with monitor(tmp_path) as bot:
        bot.say(*account(previous_close() - timedelta(days=1).total_seconds(), 40000))
        assert bot.value("bigdipper_day_previous_equity_usd") is None


def test_a_log_of_last_year_has_no_brake_of_today(tmp_path: Path) -> None:
    with monitor(tmp_path) as bot:
        braked(bot, time.time() - 380 * 86400)
        assert bot.value("bigdipper_brake_active") is None
        bot.say(*account(time.time(), 30000))
        assert bot.value("bigdipper_brake_active") == 0
        assert bot.value("bigdipper_brake_seconds_total") == 60


def braked(bot: Monitor, moment: float) -> None:
    """Two minutes under the brake, in a log that was last written then."""
    brake = "⚠️  EMERGENCY BRAKE: Leverage 115.7% > 115.0%"
    for second in (moment, moment + 60):
        bot.write(stamped(second, "Cycle #1"), stamped(second, brake))
    os.utime(bot.log, (moment, moment))
    bot.catch_up()
