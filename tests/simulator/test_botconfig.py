"""The simulated bot's config.py is one that the monitor finds nothing wrong with."""

from pathlib import Path

from bigdipper_exporter.botconfig.reader import check
from bigdipper_exporter.demo.simulator import botconfig


def test_the_monitor_reads_the_simulated_bots_config_and_finds_it_sound(tmp_path: Path) -> None:
    path = tmp_path / "config.py"
    botconfig.write(path)
    findings = check(path)
    assert not [finding for finding in findings if finding.severity in ("error", "warning")]
    assert {finding.setting for finding in findings} >= set(botconfig.settings())
