"""Without keys the way to the brake comes from the log: its account line, and the limit that an earlier brake line named."""

import time
from datetime import datetime
from pathlib import Path

import pytest

from bigdipper_exporter.calendar import NEW_YORK
from tests.running import Monitor, monitor


def say(bot: Monitor, *lines: str, ago: float = 0.0) -> None:
    stamp = datetime.fromtimestamp(time.time() - ago, NEW_YORK).strftime("%Y-%m-%d %H:%M:%S")
    bot.say(*(f"{stamp} {line}" for line in lines))


ACCOUNT = "[INFO] 💰 Account: $20,000.00 equity, $-1,000.00 cash, Margin: 5.00%/20.00%"


def test_the_limit_is_learnt_from_a_brake_line(tmp_path: Path) -> None:
    with monitor(tmp_path) as bot:
        say(bot, "[INFO] Cycle #1 - 09:59:00", ACCOUNT)
        assert bot.value("bigdipper_limit_ratio", limit="brake") is None, "nobody has named it yet"
        say(bot, "[INFO] Cycle #2 - 10:00:00", "[ERROR] ⚠️  EMERGENCY BRAKE: Leverage 116.5% > 115.0%")
        say(bot, "[INFO] Cycle #3 - 10:01:00", ACCOUNT)
        assert bot.value("bigdipper_limit_ratio", limit="brake") == pytest.approx(0.15)
        assert bot.value("bigdipper_limit_level_ratio", limit="brake") == pytest.approx(0.05)
        assert bot.value("bigdipper_limit_distance_usd", limit="brake") == pytest.approx(2_000)
        assert bot.value("bigdipper_limit_known", limit="brake") == 1


def test_an_old_account_line_says_nothing_of_now(tmp_path: Path) -> None:
    with monitor(tmp_path) as bot:
        say(bot, "[INFO] Cycle #2 - 10:00:00", "[ERROR] ⚠️  EMERGENCY BRAKE: Leverage 116.5% > 115.0%", ago=3600)
        say(bot, "[INFO] Cycle #3 - 10:01:00", ACCOUNT, ago=3500)
        assert bot.value("bigdipper_limit_distance_usd", limit="brake") is None
        assert bot.value("bigdipper_limit_known", limit="brake") == 0


LEVERAGE = "[INFO] [ACCOUNT] equity=$20000.00 cash=$-1000.00 leverage=105.0%"
BRAKE = (
    "[INFO] ⚠️  EMERGENCY BRAKE: Leverage 115.7% > 115.0%",
    "[INFO]    Position value: $23,048.62 (115.7% of equity)",
    "[INFO]    Limit: $22,904.40 (115% of equity)",
    "[INFO]    Must reduce positions by $144.22",
    "[ERROR]    HALTING ALL TRADING this cycle",
)


def test_the_report_of_a_brake_that_holds_says_how_far_the_limit_is_passed(tmp_path: Path) -> None:
    with monitor(tmp_path) as bot:
        say(bot, "[INFO] Cycle #1 - 09:59:00", LEVERAGE, ago=3600)
        say(bot, "[INFO] Cycle #2 - 10:00:00", *BRAKE)
        assert bot.value("bigdipper_limit_distance_usd", limit="brake") == pytest.approx(-144.22, abs=0.005)
        assert bot.value("bigdipper_limit_level_ratio", limit="brake") == pytest.approx(23_048.62 / (22_904.40 / 1.15) - 1)


def test_an_older_bot_names_the_debt_and_what_is_above_its_limit(tmp_path: Path) -> None:
    with monitor(tmp_path) as bot:
        say(bot, "[INFO] Cycle #1 - 09:59:00", ACCOUNT, ago=3600)
        say(
            bot,
            "[INFO] Cycle #2 - 10:00:00",
            "[ERROR] [BRAKE] 🛑 EMERGENCY BRAKE (cycle 3): Margin at 16.00%",
            "[ERROR]    Margin debt: $3,200.00 / Equity: $20,000.00",
            "[ERROR]    💡 Reduce debt by $200.01 to resume trading",
        )
        assert bot.value("bigdipper_limit_ratio", limit="brake") == pytest.approx(0.15)
        assert bot.value("bigdipper_limit_level_ratio", limit="brake") == pytest.approx(0.16)
        assert bot.value("bigdipper_limit_distance_usd", limit="brake") == pytest.approx(-200)


@pytest.mark.parametrize(
    "line",
    [
        "[WARNING] FIGR: Would exceed leverage limit (131.1% > 120.0%)",
        "[WARNING] FIGR: Would exceed margin limit (25.02% > 20.00%)",
        ACCOUNT,
    ],
)
def test_the_hard_limit_is_learnt_from_a_refusal_and_from_an_account_line_of_the_margin(tmp_path: Path, line: str) -> None:
    with monitor(tmp_path) as bot:
        say(bot, "[INFO] Cycle #1 - 09:59:00", LEVERAGE)
        assert bot.value("bigdipper_limit_ratio", limit="hard") is None, "nobody has named it yet"
        say(bot, line, LEVERAGE)
        assert bot.value("bigdipper_limit_ratio", limit="hard") == pytest.approx(0.2)
        assert bot.value("bigdipper_limit_distance_usd", limit="hard") == pytest.approx(0.15 * 20_000)


def test_a_refusal_that_names_no_limit_leaves_the_known_one(tmp_path: Path) -> None:
    with monitor(tmp_path) as bot:
        say(bot, "[INFO] Cycle #1 - 09:59:00", ACCOUNT, "[WARNING] FIGR: Would exceed leverage limit (n/a)")
        assert bot.value("bigdipper_limit_ratio", limit="hard") == pytest.approx(0.2)


def test_the_settings_come_before_what_the_log_told(tmp_path: Path) -> None:
    with monitor(tmp_path, limits_brake=0.10, limits_hard=0.30) as bot:
        say(bot, "[INFO] Cycle #1 - 10:00:00", "[ERROR] ⚠️  EMERGENCY BRAKE: Leverage 116.5% > 115.0%")
        say(bot, "[INFO] Cycle #2 - 10:01:00", ACCOUNT)
        assert bot.value("bigdipper_limit_ratio", limit="brake") == pytest.approx(0.10)
        assert bot.value("bigdipper_limit_ratio", limit="hard") == pytest.approx(0.30)


def test_a_brake_that_holds_from_the_first_line_needs_no_account_line(tmp_path: Path) -> None:
    with monitor(tmp_path) as bot:
        say(bot, "[INFO] Cycle #2 - 10:00:00", *BRAKE)
        assert bot.value("bigdipper_limit_distance_usd", limit="brake") == pytest.approx(-144.22, abs=0.005)


def test_equity_of_another_day_is_no_profit_of_today(tmp_path: Path) -> None:
    with monitor(tmp_path) as bot:
        say(bot, "[INFO] Cycle #1 - 10:00:00", LEVERAGE, ago=5 * 86400)
        assert bot.value("bigdipper_bot_day_profit_usd") is None
        say(bot, "[INFO] Cycle #2 - 10:01:00", LEVERAGE)
        assert bot.value("bigdipper_bot_day_profit_usd") == 0
