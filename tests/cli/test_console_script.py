"""The command as pip installs it."""

import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_console_script_of_the_project_is_installed_and_starts() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
    installed = {entry.name: entry.value for entry in entry_points(group="console_scripts")}
    for name, value in scripts.items():
        assert installed[name] == value, "install again: make clean install"
        said = subprocess.run([Path(sys.executable).parent / name, "--version"], capture_output=True, text=True, timeout=60)
        assert said.returncode == 0, said.stderr
