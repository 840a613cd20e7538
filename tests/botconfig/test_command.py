"""`bot-config`: show, diff, set, apply and undo."""

import re
from pathlib import Path

import pytest

from bigdipper_exporter.botconfig.copies import Copies
from bigdipper_exporter.botconfig.write import ConfigFile
from tests.alpaca.test_bot_config import GOOD
from tests.botconfig.test_write import cut_short
from tests.cli.asked import here


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.py"
    path.write_text(GOOD)
    return path


def run(config: Path, *args: str, editable: bool = True) -> tuple[int, str, str]:
    return here("bot-config", *args, "--bot.config", config, *(["--bot.config-editable"] if editable else []))


def test_show_lists_every_setting_and_why_some_cannot_be_edited(config: Path) -> None:
    code, out, _ = run(config, "show", editable=False)
    assert code == 0
    assert re.search(r"^MAX_MARGIN_PCT +0\.2 +allowed: at least 0, at most 1; default: 0.20$", out, re.M)
    assert re.search(r"^LOG_LEVEL +INFO +comes from the environment \(LOG_LEVEL\)", out, re.M)
    assert re.search(r"^DIP_THRESHOLDS.AMD +0\.06 +allowed:", out, re.M)
    assert re.search(r"^ALPACA_KEY +empty +is secret", out, re.M)


def test_diff_writes_nothing_and_says_what_else_changes(config: Path) -> None:
    code, out, _ = run(config, "diff", "MAX_MARGIN_PCT=0.25", editable=False)
    assert code == 0
    assert "-    MAX_MARGIN_PCT: float = 0.20\n+    MAX_MARGIN_PCT: float = 0.25" in out
    assert "changes: MARGIN_SAFETY_THRESHOLD: 0.15000000000000002 -> 0.2" in out
    assert config.read_text() == GOOD


def test_set_and_undo(config: Path) -> None:
    code, out, errors = run(config, "set", "MAX_MARGIN_PCT=0.25", "COOLDOWN_HOURS=4", "--yes")
    assert (code, errors) == (0, "")
    assert "docker compose up -d --build" in out
    assert config.read_text() == GOOD.replace("= 0.20", "= 0.25").replace("HOURS: int = 3", "HOURS: int = 4")
    assert run(config, "undo", "--yes")[0] == 0
    assert config.read_text() == GOOD
    first = re.findall(r"earlier: (\S+)", run(config, "show")[1])
    assert len(first) == 2
    assert run(config, "undo", first[0], "--yes")[0] in (0, 2)  # one of the two is the present file


def test_apply_needs_the_hash_of_the_file_that_was_seen(config: Path) -> None:
    seen = re.findall(r"hash of the file now: (\w+)", run(config, "diff", "MAX_MARGIN_PCT=0.25")[1])[0]
    code, _, errors = run(config, "apply", "MAX_MARGIN_PCT=0.25")
    assert (code, "--hash" in errors) == (2, True)
    config.write_text(GOOD + "# by hand\n")
    code, _, errors = run(config, "apply", "--hash", seen, "MAX_MARGIN_PCT=0.25")
    assert (code, "has changed since it was read" in errors) == (2, True)
    config.write_text(GOOD)
    assert run(config, "apply", "--hash", seen, "MAX_MARGIN_PCT=0.25")[0] == 0
    assert "0.25" in config.read_text()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("set", "MAX_MARGIN_PCT=0.25"), "there is nobody to ask"),
        (("set", "MAX_MARGIN_PCT=20", "--yes"), "allowed: at least 0, at most 1"),
        (("set", "MAX_MARGIN_PCT", "--yes"), "is not NAME=VALUE"),
        (("set", "--yes"), "name what to change"),
        (("undo", "--yes"), "there is no such copy"),
        (("undo", "20260101T000000Z-000000000000", "--yes"), "there is no such copy"),
    ],
)
def test_refusals_say_why(config: Path, args: tuple[str, ...], said: str) -> None:
    code, _, errors = run(config, *args)
    assert code == 2
    assert said in errors
    assert config.read_text() == GOOD


def test_nothing_is_written_unless_it_is_allowed(config: Path) -> None:
    code, _, errors = run(config, "set", "MAX_MARGIN_PCT=0.25", "--yes", editable=False)
    assert code == 2
    assert "bot.config-editable: is false" in errors
    assert config.read_text() == GOOD
    assert here("bot-config", "show")[0] == 2


MORE = GOOD.replace("= 0.20", "= 0.25").replace("HOURS: int = 3", "HOURS: int = 4")


@pytest.mark.parametrize("editable", [False, True])
@pytest.mark.parametrize("action", [("diff", "MAX_MARGIN_PCT=0.19"), ("show",), ("set", "MAX_MARGIN_PCT=0.19"), ("undo",)])
def test_an_edit_by_hand_after_a_change_stays(config: Path, action: tuple[str, ...], editable: bool) -> None:
    """Also one that puts back the second of two settings, so that the file begins as the new one and ends as the old one."""
    assert run(config, "set", "MAX_MARGIN_PCT=0.25", "COOLDOWN_HOURS=4", "--yes")[0] == 0
    assert config.read_text() == MORE
    by_hand = GOOD.replace("= 0.20", "= 0.25")
    config.write_text(by_hand)
    code, _, errors = run(config, *action, editable=editable)
    assert config.read_text() == by_hand
    assert (code, errors) == (0, "") or "nobody to ask" in errors or "there is no such copy" in errors


def test_a_half_written_file_is_repaired_by_undo_alone(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = ConfigFile(config, Copies.of(config, None))
    cut_short(monkeypatch, file, MORE.encode(), 100)
    torn = config.read_bytes()
    for action in (("diff", "MAX_MARGIN_PCT=0.19"), ("set", "MAX_MARGIN_PCT=0.19", "--yes")):
        code, _, errors = run(config, *action)
        assert (code, "is half written" in errors) == (2, True)
    assert "is half written" in run(config, "show")[1]
    code, _, errors = run(config, "undo", "--yes", editable=False)
    assert (code, "bot.config-editable: is false" in errors) == (2, True)
    assert config.read_bytes() == torn
    code, out, _ = run(config, "undo", "--yes")
    assert (code, "+    MAX_MARGIN_PCT: float = 0.20" in out) == (0, True)
    assert config.read_text() == GOOD
    assert run(config, "diff", "MAX_MARGIN_PCT=0.19")[0] == 0
