"""The simulated bot's config.py: sound for the monitor, and in effect from the bot's next start on."""

import re
from datetime import datetime
from pathlib import Path

import pytest

from bigdipper_exporter.botconfig.reader import check
from bigdipper_exporter.calendar import NEW_YORK
from bigdipper_exporter.demo.simulator import botconfig, rules
from bigdipper_exporter.demo.simulator.world import World

TUESDAY = datetime(2025, 11, 4, 9, 45, tzinfo=NEW_YORK).timestamp()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "config.py"
    botconfig.write(path)
    return path


def test_the_monitor_reads_the_simulated_bots_config_and_finds_it_sound(path: Path) -> None:
    findings = check(path)
    assert not [finding for finding in findings if finding.severity in ("error", "warning")]
    assert {finding.setting for finding in findings} >= set(botconfig.settings())


def test_the_published_file_holds_the_published_settings(path: Path) -> None:
    assert rules.load(path) == rules.Settings()


def test_the_owners_change_keeps_what_was_edited_before(path: Path) -> None:
    path.write_text(path.read_text().replace("BASE_POSITION_PCT = 0.025", "BASE_POSITION_PCT = 0.01"))
    botconfig.owner_changes(path)
    assert "MAX_TOTAL_POSITIONS = 25\n" in path.read_text()
    assert rules.load(path) == rules.Settings(base_position=0.01)


def started_with(log: Path) -> list[str]:
    return re.findall(r"Default dip: (.*)", log.read_text())


def test_an_edited_file_counts_from_the_next_start_on(path: Path, tmp_path: Path) -> None:
    log = tmp_path / "big_dipper.log"
    world = World(5, TUESDAY, log_path=log, incidents=())
    world.bot_config = path
    text = path.read_text()
    path.write_text(text.replace("BASE_POSITION_PCT = 0.025", "BASE_POSITION_PCT = 0.01").replace("SEC = 60", "SEC = 120"))
    world.run_until(TUESDAY + 600)
    assert world.bot.settings == rules.Settings()
    world.stop_bot()
    world.start_bot()
    assert world.bot.settings == rules.Settings(base_position=0.01, scan_seconds=120)
    world.run_until(TUESDAY + 1200)
    world.close()
    assert started_with(log) == [
        "4.00%, Range: 3.0%-8.0%, Base position: 2.50%",
        "4.00%, Range: 3.0%-8.0%, Base position: 1.00%",
    ]
    assert [log.read_text().count(f"Cycle #{number} -") for number in (5, 6)] == [2, 1]  # ten minutes, every other one


def test_with_a_file_that_python_refuses_the_bot_stays_down(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = World(5, TUESDAY, incidents=())
    world.bot_config = path
    text = path.read_text()
    path.write_text(text + "SYMBOLS = [\n")
    world.stop_bot()
    world.start_bot()
    assert world.bot.stopped
    assert "the bot does not start" in capsys.readouterr().err
    path.write_text(text)
    world.start_bot()
    assert not world.bot.stopped
    world.close()
