"""The user's own patterns."""

from pathlib import Path

from bigdipper_exporter.config.load import load

from tests.projection.bot import cycle, lines
from tests.running import monitor


def test_own_patterns_count_and_set_gauges_and_go_on_after_a_restart(tmp_path: Path) -> None:
    config = tmp_path / "config.yml"
    config.write_text(
        """
        patterns:
          - name: bigdipper_custom_retries_total
            help: Retries by attempt.
            type: counter
            regex: 'attempt (?P<attempt>\\d+)'
            labels: [attempt]
          - name: bigdipper_custom_pending_usd
            help: Pending.
            type: gauge
            regex: 'Pending this cycle: (?P<value>\\S+)'
            value: value
        """
    )
    patterns = load({"config.file": str(config)}, {}).patterns
    with monitor(tmp_path, patterns=patterns) as bot:
        bot.say(*cycle("09:30:00", "Pending this cycle: unknown"))
        assert bot.value("bigdipper_custom_pending_usd") is None
        bot.say(*lines("09:30:01", "  Pending this cycle: $2,087.87", "Pausing (attempt 1)", "(attempt 2)", "(attempt 1)"))
        assert bot.value("bigdipper_custom_pending_usd") == 2087.87
        assert bot.value("bigdipper_custom_retries_total", attempt="1") == 2
        bot.restart()
        bot.say(*lines("09:30:02", "(attempt 1)", *(f"(attempt {number})" for number in range(3, 150))))
        assert bot.value("bigdipper_custom_pending_usd") == 2087.87
        assert bot.value("bigdipper_custom_retries_total", attempt="1") == 3
        assert bot.value("bigdipper_custom_retries_total", attempt="other") == 49
        series = [labels for name, labels in bot.samples() if name == "bigdipper_custom_retries_total"]
        assert len(series) == 101
        bot.say(*lines("09:30:03", "Pending this cycle: nan", "Pending this cycle: 1e999"))
        assert bot.value("bigdipper_custom_pending_usd") == 2087.87
