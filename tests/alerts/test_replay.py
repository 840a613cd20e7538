"""Real logs without keys, replayed through all rules: every alert that fires is justified by the log, and no other fires."""

from pathlib import Path

import pytest

from tests.alerts import replay, rules

pytestmark = pytest.mark.skipif(bool(rules.missing("promtool")), reason="promtool is not installed")

SAMPLES = rules.ROOT / "tests" / "samples"
# Alert: when it fires first (New York), and why it is right to.
JUSTIFIED: dict[str, dict[str, tuple[str, str]]] = {
    "big_dipper_design_form.log": {
        "Watchdog": ("09:30", "always"),
        "BrakeActive": ("10:09", "the brake's first line is of 10:09:00"),
    },
    "big_dipper_v2.16.log": {
        "Watchdog": ("08:50", "always"),
        "BrakeActive": ("10:43", "the brake's first line is of 10:43:00"),
        "HardLimitExceeded": ("10:51", "margin at 28.44 % at 10:49, and the account line names 20 % as the hard limit"),
        "BrakeHeldLong": ("11:49", "an hour and five minutes later it holds"),
        "DayClosed": ("16:11", "ten minutes after the close"),
    },
    "big_dipper_v2.17.log": {
        "Watchdog": ("08:50", "always"),
        "BrakeActive": ("09:23", "the brake's first line is of 09:23:00"),
        "BrakeHeldLong": ("10:29", "an hour and five minutes later it holds"),
        "DayClosed": ("16:11", "ten minutes after the close"),
        "HardLimitExceeded": ("18:15", "margin at 22.17 % at 18:13, and the account line names 20 % as the hard limit"),
        "DayLoss": ("18:15", "the first account line since the brake, of 18:10, is 8 % below the first of the day"),
    },
    "big_dipper_v2.18.log": {
        "Watchdog": ("08:50", "always"),
        "MissedTrades": ("09:42", "the eleventh refusal of TER for an opposite order"),
        "BrakeActive": ("11:18", "the brake's first line is of 11:18:00"),
        "BrakeHeldLong": ("12:24", "an hour and five minutes later it holds"),
        "DayClosed": ("16:11", "ten minutes after the close"),
    },
}


@pytest.mark.parametrize("log", JUSTIFIED)
def test_a_real_day_without_keys_fires_what_the_log_justifies(
    log: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert replay.fired(tmp_path, SAMPLES / log, monkeypatch) == {name: at for name, (at, _) in JUSTIFIED[log].items()}


def test_every_form_of_the_log_is_replayed() -> None:
    assert set(JUSTIFIED) == {file.name for file in SAMPLES.glob("*.log")}
