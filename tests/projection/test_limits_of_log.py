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
