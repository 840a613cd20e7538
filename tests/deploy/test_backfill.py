"""deploy/backfill.sh with a docker that fails, or is killed, at every one of its calls: all blocks arrive, or none."""

import re
import shutil
from pathlib import Path

import pytest

from tests.deploy.standin import ROOT, SIGNALS, Machine, ended_by

BACKFILL_CALLS = 6
STEPS = (1, 2, 4, 5, 6)  # 3 and 4 run at the same time, and either may be the last of both
FAILING = (2, 4)  # 1 asks whether Prometheus has data; 5 and 6 clean up
BLOCKS = {"01-1/chunks": b"first\n", "01-2/chunks": b"second\n"}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path)
    for name in ("backfill.sh", "dotenv.sh"):
        shutil.copy(ROOT / "deploy" / name, tmp_path / "checkout/deploy")
    shutil.copytree(ROOT / "prometheus" / "targets", tmp_path / "checkout/prometheus/targets")
    shutil.rmtree(machine.state / "volumes/prometheus")
    (machine.state / "volumes/prometheus").mkdir()
    return machine


def left(machine: Machine) -> set[str]:
    """Folders of the scripts' own that are still in a volume."""
    return {str(path.relative_to(machine.state)) for path in machine.state.rglob("backfill")}


def test_gives_prometheus_every_block(machine: Machine) -> None:
    done = machine.run("backfill.sh")
    assert done.returncode == 0, done.stderr
    assert len(machine.calls) == BACKFILL_CALLS
    assert machine.content("prometheus") == BLOCKS
    assert left(machine) == set()


def test_keeps_as_long_as_compose_is_told_to(machine: Machine) -> None:
    (machine.folder / "checkout/.env").write_bytes(b'PROMETHEUS_KEEP="30d" # days\r\n')
    assert machine.run("backfill.sh").returncode == 0
    assert any(re.search(r" --keep 30d\s*$", call) for call in machine.calls)


def test_finds_the_name_of_a_bot_that_was_added(machine: Machine) -> None:
    bots = machine.folder / "checkout/deploy/bots"
    bots.mkdir()
    (bots / "second-target.yml").write_text('- targets: ["exporter-second:10077"]\n  labels: {bot: second}\n')
    machine.set_services(*machine.services, "exporter-second")
    done = machine.run("backfill.sh", "exporter-second")
    assert "no file in prometheus/targets" not in done.stderr
    assert any("--label bot=second " in call for call in machine.calls)
    none = machine.run("backfill.sh", "exporter-third")
    assert (none.returncode, "prometheus/targets or deploy/bots has the target exporter-third" in none.stderr) == (2, True)


@pytest.mark.parametrize("step", STEPS)
def test_a_failure_at_a_step_leaves_all_blocks_or_none(machine: Machine, step: int) -> None:
    done = machine.run("backfill.sh", FAIL_AT=step)
    assert machine.content("prometheus") == ({} if done.returncode else BLOCKS)
    assert (done.returncode != 0) == (step in FAILING)


def test_a_file_that_promtool_refuses_leaves_no_block_of_the_others(machine: Machine) -> None:
    done = machine.run("backfill.sh", PAST="damaged")
    assert done.returncode == 1
    assert machine.content("prometheus") == {}
    assert left(machine) == set()
    again = machine.run("backfill.sh")
    assert again.returncode == 0, again.stderr
    assert machine.content("prometheus") == BLOCKS


@pytest.mark.parametrize(("signal", "when"), [one for one in SIGNALS if one[0] != "KILL"])
@pytest.mark.parametrize("step", FAILING)
def test_can_be_interrupted_at_each_step(machine: Machine, step: int, signal: str, when: str) -> None:
    done = machine.run("backfill.sh", KILL_AT=step, SIGNAL=signal, KILL_WHEN=when)
    assert ended_by(done, signal), (done.returncode, done.stderr)
    assert machine.content("prometheus") in ({}, BLOCKS)
    assert left(machine) == set()
