"""What the command says of itself: help, version, settings in force."""

from pathlib import Path

import pytest

from bigdipper_exporter import __version__
from bigdipper_exporter.cli import main, parser
from tests.cli.asked import here
from tests.running import command

SUBCOMMANDS = next(iter(action.choices for action in parser()._actions if action.choices))


def test_the_version_is_said() -> None:
    done = command("--version")  # through a pipe: it must reach its end before the process leaves
    assert (done.returncode, done.stdout) == (0, f"big-dipper-exporter {__version__}\n")


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    code, out, errors = here(name, "--help")
    assert (code, errors) == (0, "")
    assert out.startswith(f"usage: big-dipper-exporter {name}")


@pytest.mark.parametrize("name", ["export", "backup", "backfill"])
def test_help_of_a_command_is_about_that_command(name: str) -> None:
    out = here(name, "--help")[1]
    assert "--archive.path" in out
    assert not any(word in out for word in ("--alpaca", "--web", "--log.timezone"))


def test_help_lists_every_command() -> None:
    done = command("--help")
    assert all(f"\n    {name}" in done.stdout for name in SUBCOMMANDS)


def test_the_old_names_of_the_environment_work(tmp_path: Path, log: Path) -> None:
    done = command("ingest", env={"LOG_PATH": str(log), "DB_PATH": str(tmp_path / "old.db"), "LOG_LEVEL": "ERROR"})
    assert done.returncode == 0
    assert (tmp_path / "old.db").exists()


def test_check_config_refuses_the_files_that_run_would_refuse(tmp_path: Path, log: Path) -> None:
    code, _, errors = here("check-config", "--log.path", log, "--sectors.file", log, "--web.config.file", tmp_path / "none.yml")
    assert code == 2
    assert errors.splitlines() == [
        f"big-dipper-exporter: sectors.file: {log}:1: the first line must be `symbol,sector`",
        f"big-dipper-exporter: web.config.file: {tmp_path / 'none.yml'}: cannot be read: No such file or directory",
    ]


def test_settings_in_force_are_printed_with_their_origin_and_secrets_masked(log: Path) -> None:
    done = command("check-config", "--log.path", log, env={"ALPACA_KEY": "PKVERYSECRET", "ALPACA_SECRET": "hidden-too"})
    assert done.returncode == 0
    assert f"{log}" in done.stdout
    assert "flag --log.path" in done.stdout
    assert "SECRET" not in done.stdout.replace("ALPACA_SECRET", "")
    assert "hidden-too" not in done.stdout


@pytest.mark.parametrize(
    ("words", "meant"), [(["doctr"], "doctor"), (["export", "trdes"], "trades"), (["bot-config", "sho"], "show")]
)
def test_a_mistyped_word_is_answered_with_the_one_that_was_meant(
    words: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert f"(did you mean {meant}?)" in capsys.readouterr().err
