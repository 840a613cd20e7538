"""Patterns of the user's own: sound ones become metrics, every fault is named."""

from pathlib import Path

import pytest

from bigdipper_exporter.config.load import ConfigError, load
from bigdipper_exporter.config.patterns import Pattern, slow
from tests.cli.asked import doctor
from tests.running import command, exporter

SOUND = """\
patterns:
  - name: reconnects
    regex: 'reconnect to (?P<host>[a-z]+) after (?P<seconds>[0-9.]+) s'
    type: counter
    help: Reconnects of the bot.
    labels: [host]
  - name: bigdipper_custom_queue_length
    regex: 'queue=(?P<length>\\d+)'
    type: gauge
    value: length
"""


def patterns(text: str, folder: Path) -> tuple[Pattern, ...]:
    path = folder / "b.yml"
    path.write_text(text)
    return load({"config.file": str(path)}, {}).patterns


def fault(folder: Path, **changes: str) -> str:
    """The one problem of a pattern that differs from a sound one by `changes` (YAML text by key; "" leaves it out)."""
    keys = {"name": "x", "regex": "'a (?P<g>.) (?P<h>.)'", "type": "gauge", "labels": "[g]", "value": "h"} | changes
    body = "".join(f"    {key}: {text}\n" for key, text in keys.items() if text)
    with pytest.raises(ConfigError) as caught:
        patterns("patterns:\n  -\n" + body, folder)
    (line,) = caught.value.problems
    assert str(folder / "b.yml") in line
    return line


def test_sound_patterns_get_the_prefix_and_a_counter_its_total(tmp_path: Path) -> None:
    counter, gauge = patterns(SOUND, tmp_path)
    assert (counter.name, counter.type, counter.labels) == ("bigdipper_custom_reconnects_total", "counter", ("host",))
    assert (counter.help, counter.value) == ("Reconnects of the bot.", None)
    assert counter.regex.search("reconnect to eu after 2.5 s")
    assert (gauge.name, gauge.type, gauge.labels) == ("bigdipper_custom_queue_length", "gauge", ())
    assert gauge.value == "length"
    assert gauge.help  # promtool refuses metrics without


def test_no_patterns_are_no_patterns(tmp_path: Path) -> None:
    assert patterns("patterns:\n", tmp_path) == patterns("patterns: []\n", tmp_path) == ()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": ""}, "patterns[1].name: is missing"),
        ({"regex": ""}, "patterns[1].regex: is missing"),
        ({"value": ""}, "patterns[1].value: '' ("),
        ({"name": "Bad-Name"}, "patterns[1].name: 'Bad-Name' ("),
        ({"name": "x_bucket"}, "ends in _bucket"),
        ({"name": "x_total"}, "ends in _total"),
        ({"regex": "'('"}, "is not a regular expression"),
        ({"regex": "'(?P<g>.*)(?P<h>.*)'"}, "matches every line"),
        ({"type": "histogram"}, "patterns[1].type: 'histogram' ("),
        ({"type": "counter"}, "patterns[1].value: 'h' ("),
        ({"labels": "[nix]"}, "'nix' ("),
        ({"labels": "[g, g]"}, "names a label twice"),
        ({"labels": "g"}, "patterns[1].labels: must be a list of values, not a value"),
        ({"value": "g"}, "patterns[1].value: 'g' ("),
        ({"value": "nix"}, "allowed: g, h"),
        ({"regex": "'(?P<__g>.) (?P<h>.)'", "labels": "[__g]"}, "is not a label name"),
        ({"regex": "'(?P<le>.) (?P<h>.)'", "labels": "[le]"}, "is not a label name"),
        ({"regexp": "x"}, "patterns[1].regexp: unknown key 'regexp'; did you mean regex?"),
        ({"help": '"two\\nlines"'}, "patterns[1].help: "),
    ],
)
def test_each_fault_is_one_line_that_says_where(changes: dict[str, str], said: str, tmp_path: Path) -> None:
    assert said in fault(tmp_path, **changes)


def test_two_patterns_of_one_name_are_an_error_that_names_both_places(tmp_path: Path) -> None:
    second = "  - {name: bigdipper_custom_reconnects_total, regex: x}\n"
    with pytest.raises(ConfigError, match=r"bigdipper_custom_reconnects_total \(.*b\.yml:11\) is taken by .*b\.yml:2$"):
        patterns(SOUND + second, tmp_path)


@pytest.mark.parametrize("regex", [r"(\w+\s?)+:", r"((a*)b?)*c", r"x(?:\d+|y){2,}?z", r"(?=(\w+)+!)x", r"([ab]{1,200})+c"])
def test_a_repetition_of_a_repetition_is_named_as_slow(tmp_path: Path, regex: str) -> None:
    (finding,) = slow(patterns(f"patterns: [{{name: x, regex: '{regex}'}}]", tmp_path))
    assert finding.startswith("bigdipper_custom_x_total repeats a repetition: ")
    config = ("--config.file", tmp_path / "b.yml", "--archive.path", tmp_path / "a.db")
    checked, asked = command("check-config", *config), command("doctor", *config)
    assert finding in checked.stdout
    assert checked.returncode == 0
    assert f"WRONG  patterns   {finding}" in asked.stdout


def test_ordinary_patterns_are_not_named_as_slow(tmp_path: Path) -> None:
    assert slow(patterns(SOUND, tmp_path)) == []
    assert slow(patterns(r"patterns: [{name: x, regex: '\w+ (?:\d{1,3},?){1,4} (a|b)+ .*'}]", tmp_path)) == []


def test_a_pattern_that_was_given_up_is_shown_until_the_next_start(tmp_path: Path) -> None:
    (tmp_path / "b.yml").write_text(r"patterns: [{name: slow, regex: '^(\w|\w\w)+$'}, {name: sound, regex: 'a{9}'}]" + "\n")
    log = tmp_path / "big_dipper.log"
    log.write_text(f"2025-10-17 09:31:05 [INFO] {'a' * 60}!\n" * 4)
    said = "bigdipper_custom_slow_total takes too long and is not tried again before the next start: simplify it"
    with exporter(tmp_path, "--config.file", tmp_path / "b.yml") as one:
        one.wait_lines(4)
        assert said in one.get("/")[1]
        assert f"WRONG  patterns   {said}" in doctor(log, archive=one.archive)
        assert one.terminate() == 0
        one.start()
        one.wait_ready()
        assert said not in one.get("/")[1]
        assert one.value("bigdipper_custom_sound_total") == 4
