"""From an edit to the bot that trades by it: pending until the bot's next start, which the monitor reads in the log."""

import os
from datetime import datetime
from pathlib import Path

from bigdipper_exporter.calendar import NEW_YORK
from bigdipper_exporter.demo.simulator import botconfig
from bigdipper_exporter.demo.simulator.world import World
from tests.cli.asked import here
from tests.running import Monitor, monitor, wait_for

TUESDAY = datetime(2025, 11, 4, 9, 45, tzinfo=NEW_YORK).timestamp()


def pending(seen: Monitor, threshold: float) -> float | None:
    """How many settings are not in effect, once the monitor has read the file with this threshold of NVDA."""

    def read() -> bool:
        seen.catch_up()
        return seen.value("bigdipper_bot_config_threshold_ratio", symbol="NVDA") == threshold

    wait_for(read, "the monitor to read config.py")
    return seen.value("bigdipper_bot_config_pending")


def test_the_bots_next_start_takes_up_a_change_and_the_monitor_says_so(tmp_path: Path) -> None:
    path = tmp_path / "config.py"
    botconfig.write(path)
    os.utime(path, (TUESDAY - 60, TUESDAY - 60))
    with monitor(tmp_path, bot_config=path) as seen:
        world = World(5, TUESDAY, log_path=seen.log, incidents=())
        world.bot_config = path
        world.run_until(TUESDAY + 300)
        assert pending(seen, 0.05) == 0

        change = ("set", "DIP_THRESHOLDS.NVDA=0.065", "--yes", "--bot.config-editable", "--bot.config", path)
        assert here("bot-config", *change)[0] == 0
        os.utime(path, (world.now, world.now))
        assert pending(seen, 0.065) == 1
        assert world.bot.settings.threshold("NVDA") == 0.05

        world.run_until(TUESDAY + 600)
        world.stop_bot()
        world.start_bot()
        world.log.flush()
        assert pending(seen, 0.065) == 0
        assert world.bot.settings.threshold("NVDA") == 0.065
        world.close()
