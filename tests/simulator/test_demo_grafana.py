"""Grafana for the demo: which program is started, and what a user is told who starts one by hand."""

import argparse
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bigdipper_exporter.commands import stack
from bigdipper_exporter.demo.processes import Demo, Part
from bigdipper_exporter.demo.run import ROOT, tell, tell_of_grafana


def executable(path: Path) -> Path:
    path.parent.mkdir(parents=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_debians_script_for_the_installed_service_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = executable(tmp_path / "usr" / "sbin" / "grafana")
    own = executable(tmp_path / "usr" / "share" / "grafana" / "bin" / "grafana")
    monkeypatch.setenv("PATH", str(script.parent))
    monkeypatch.setattr(stack, "GRAFANA_HOME", str(own.parent))
    (own.parent.parent / "conf").mkdir()
    (own.parent.parent / "conf" / "defaults.ini").touch()
    assert stack.grafana_program() == own
    shutil.rmtree(own.parent)
    assert stack.grafana_program() is None


def test_the_lines_for_a_grafana_of_ones_own_set_every_variable_that_its_provisioning_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "a folder"
    tell_of_grafana(folder, "http://127.0.0.1:9191", "http://127.0.0.1:9393")
    lines = [line.strip() for line in capsys.readouterr().out.splitlines() if line.strip().startswith("export ")]
    printed = subprocess.run(
        ["sh", "-c", "\n".join([*lines, "env"])], env={}, capture_output=True, text=True, check=True
    ).stdout
    variables = dict(line.split("=", 1) for line in printed.splitlines() if "=" in line)
    texts = [re.sub("#.*", "", path.read_text("utf-8")) for path in (ROOT / "grafana" / "provisioning").rglob("*.yml")]
    assert set(re.findall(r"\$(\w+)", "".join(texts))) <= variables.keys()
    assert variables["BIGDIPPER_ARCHIVE"] == str(folder / "archive.db")
    assert variables["BIGDIPPER_PROMETHEUS_URL"] == "http://127.0.0.1:9191"
    assert (Path(variables["GF_PATHS_PROVISIONING"]) / "datasources" / "bigdipper.yml").is_file()
    assert Path(variables["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]).is_file()


def test_provisioning_has_every_folder_that_grafana_looks_into() -> None:
    folders = {path.name for path in (ROOT / "grafana" / "provisioning").iterdir()}
    assert folders == {"alerting", "dashboards", "datasources", "plugins"}


def test_what_to_look_at_comes_first_and_the_hint_about_grafana_last(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    names = ("simulator", "exporter", "alertmanager", "prometheus")
    parts = [Part(name, process, f"http://127.0.0.1:9{place}") for place, name in enumerate(names)]
    running = Demo(tmp_path, parts)
    tell(running, argparse.Namespace(no_stack=False, dir=tmp_path))
    running.ports.close()
    printed = capsys.readouterr().out
    headings = [line.strip() for line in printed.splitlines() if line.startswith("  ") and line.endswith(":")]
    assert [heading.split(" (")[0].split(",")[0] for heading in headings] == [
        "To look at:",
        "To set off",
        "Running:",
        "To see the dashboards",
    ]
    assert "rafana" not in printed[: printed.index("Running:")]
    assert printed.rstrip().endswith("Ctrl-C ends the demo.")
