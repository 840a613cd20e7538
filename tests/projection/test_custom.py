"""The user's own patterns."""

from pathlib import Path

from regex import compile as compiled

from bigdipper_exporter.config.load import load
from bigdipper_exporter.config.patterns import Pattern
from bigdipper_exporter.projection.state import BotState
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


def own(regex: str, *labels: str) -> tuple[Pattern, ...]:
    """One pattern that counts, or a gauge where it has a group `value`."""
    name, value = ("bigdipper_custom_own", "value") if "<value>" in regex else ("bigdipper_custom_own_total", None)
    return (Pattern(name, compiled(regex), "gauge" if value else "counter", "Own.", labels, value),)


def test_a_pattern_that_takes_too_long_is_given_up_and_everything_else_goes_on(tmp_path: Path) -> None:
    patterns = own(r"(?P<what>a|a)*(a|a)*(b|b)*$", "what") + own(r"queue=(?P<value>\d+)")
    with monitor(tmp_path, patterns=patterns) as bot:
        bot.say(*cycle("09:30:00", *("a" * 5000 + "!" for _ in range(20)), "queue=7"))
        assert bot.value("bigdipper_custom_own") == 7
        assert bot.value("bigdipper_bot_cycles_total") == 1


def test_any_text_is_a_value_of_one_label(tmp_path: Path) -> None:
    texts = ['a\x1fb","c', "[1", '["x"]', "\\", "ü\x00"]
    with monitor(tmp_path, patterns=own(r"own (?P<one>.*)\|(?P<two>.*) (?P<value>\d+)", "one", "two")) as bot:
        bot.say(*lines("09:30:00", *(f"own {text}|{text}z {number}" for number, text in enumerate(texts))))
        bot.restart()
        for number, text in enumerate(texts):
            assert bot.value("bigdipper_custom_own", one=text, two=f"{text}z") == number
        assert len([1 for name, _ in bot.samples() if name == "bigdipper_custom_own"]) == len(texts)


def test_gauges_of_an_archive_of_before_keep_their_labels() -> None:
    before = '{"custom": {"g": {"a\\u001fb": 1.0, "x": 2.0}, "h": {"": 3.0}}}'
    state = BotState.from_json(before)
    assert state.custom == {"g": {'["a", "b"]': 1.0, '["x"]': 2.0}, "h": {"[]": 3.0}}
    assert BotState.from_json(state.to_json()).custom == state.custom
