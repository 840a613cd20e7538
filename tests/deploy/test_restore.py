"""deploy/restore.sh with a docker that fails, or is killed, at every one of its calls."""

from pathlib import Path

import pytest

from tests.deploy.standin import EXPECTED, PLUGIN, SERVICES, SIGNALS, Machine, ended_by, saved
from tests.running import COMMAND, command, content, monitor

RESTORE_CALLS = 17


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def restored(machine: Machine) -> bool:
    """Return whether the volumes hold what was saved, and all of it. A volume that has no part in it is as it was."""
    contents = machine.volumes()
    return contents == {
        "archive": {"bigdipper.db": b"SQLite first"},
        "archive-2": {"bigdipper.db": b"SQLite second"},
        "prometheus": {".hidden": b"first", "01BLOCK/chunks": b"first", "wal/0001": b"first"},
        "alertmanager": {"nflog": b"first", "silences": b"first"},
        "grafana": {"grafana.db": b"first", "with blank/file": b"first", PLUGIN: b"the plugin"},
    }


class TestRestore:
    def test_puts_everything_back(self, machine: Machine) -> None:
        folder = saved(machine)
        done = machine.run("restore.sh", folder)
        assert done.returncode == 0, done.stderr
        assert len(machine.calls) == RESTORE_CALLS
        assert restored(machine)
        assert machine.running == set(SERVICES)

    @pytest.mark.parametrize("step", range(1, RESTORE_CALLS + 1))
    def test_is_undone_when_a_step_fails(self, machine: Machine, step: int) -> None:
        folder = saved(machine)
        before = machine.volumes()
        done = machine.run("restore.sh", folder, FAIL_AT=step)
        assert machine.running == set(SERVICES)
        if done.returncode:
            assert machine.volumes() == before
            assert not (machine.folder / "checkout/.restore").exists()
        again = machine.run("restore.sh", folder)
        assert again.returncode == 0, again.stderr
        assert restored(machine)

    @pytest.mark.parametrize(("signal", "when", "then"), [(*s, "again") for s in SIGNALS] + [(*s, "undo") for s in SIGNALS[:2]])
    @pytest.mark.parametrize("step", range(1, RESTORE_CALLS + 1))
    def test_can_be_interrupted_at_each_step(self, machine: Machine, step: int, signal: str, when: str, then: str) -> None:
        folder = saved(machine)
        before = machine.volumes()
        done = machine.run("restore.sh", folder, KILL_AT=step, SIGNAL=signal, KILL_WHEN=when)
        if signal != "KILL":
            assert machine.running == set(SERVICES)
            assert machine.volumes() == before or restored(machine)
            assert (done.returncode == 0) <= restored(machine)
        else:
            assert ended_by(done, signal)
        if then == "undo":
            assert machine.run("restore.sh", "--undo").returncode == 0
            assert machine.volumes() == before or restored(machine)
        else:
            again = machine.run("restore.sh", folder)
            assert again.returncode == 0, again.stderr
            assert restored(machine)
        assert machine.running == set(SERVICES)
        assert not (machine.folder / "checkout/.restore").exists()

    @pytest.mark.parametrize("step", [10, 13, 16])
    @pytest.mark.parametrize("next_step", range(1, 9))
    def test_can_be_interrupted_while_it_ends_an_interrupted_one(self, machine: Machine, step: int, next_step: int) -> None:
        folder = saved(machine)
        machine.run("restore.sh", folder, KILL_AT=step, SIGNAL="KILL", KILL_WHEN="after")
        machine.run("restore.sh", folder, KILL_AT=next_step, SIGNAL="KILL")
        again = machine.run("restore.sh", folder)
        assert again.returncode == 0, again.stderr
        assert restored(machine)

    @pytest.mark.parametrize("damage", ["empty", "missing", "noise", "cut", "changed"])
    @pytest.mark.parametrize("file", sorted(EXPECTED - {"SHA256SUMS"}))
    def test_refuses_a_damaged_backup_before_it_stops_anything(self, machine: Machine, file: str, damage: str) -> None:
        folder = saved(machine)
        path, before = folder / file, machine.volumes()
        if damage != "changed":
            (folder / "SHA256SUMS").unlink()  # as in a backup of an earlier version
        if damage == "missing":
            path.unlink()
        else:
            data = path.read_bytes()
            path.write_bytes({"empty": b"", "noise": b"\xff" * 2000, "cut": data[:5]}.get(damage, data + b"x"))
        done = machine.run("restore.sh", folder)
        assert done.returncode == 1
        assert "nothing was changed" in done.stderr
        assert machine.volumes() == before
        assert not any(call.startswith(("compose stop", "compose kill")) for call in machine.calls)

    def test_refuses_an_incomplete_backup_unless_its_services_are_named(self, machine: Machine) -> None:
        (machine.state / "volumes/grafana").rename(machine.state / "volumes/lost")
        folder = machine.folder / "saved"
        assert machine.run("backup.sh", folder).returncode == 1
        machine.fill("second")
        done = machine.run("restore.sh", folder)
        assert done.returncode == 1
        assert "without: grafana" in done.stderr
        assert machine.run("restore.sh", folder, "exporter", "prometheus").returncode == 0
        assert machine.content("archive") == {"bigdipper.db": b"SQLite first"}
        assert machine.content("grafana")["grafana.db"] == b"second"

    @pytest.mark.parametrize("damage", ["noise", "missing"])
    def test_restores_a_part_from_a_backup_of_which_another_is_damaged(self, machine: Machine, damage: str) -> None:
        folder, before = saved(machine), machine.volumes()
        (folder / "prometheus.tar").unlink()
        if damage == "noise":
            (folder / "prometheus.tar").write_bytes(b"\xff" * 2000)
        done = machine.run("restore.sh", folder, "exporter")
        assert done.returncode == 0, done.stderr
        assert machine.volumes() == before | {"archive": {"bigdipper.db": b"SQLite first"}}
        assert machine.running == set(SERVICES)

    def test_restores_the_first_bot_from_before_there_was_a_second(self, machine: Machine) -> None:
        folder = saved(machine)
        machine.set_services(*SERVICES, "exporter-2")
        machine.start()
        done = machine.run("restore.sh", folder)
        assert done.returncode == 0, done.stderr
        assert "exporter-2 is not in" in done.stdout
        assert restored(machine)
        assert machine.running == {*SERVICES, "exporter-2"}

    def test_takes_a_real_archive_there_and_back(self, machine: Machine) -> None:
        folder, archive = machine.folder, machine.state / "volumes/archive/bigdipper.db"
        (folder / "bin/big-dipper-exporter").write_text(f'#!/bin/sh\nDB_PATH={archive} exec {" ".join(COMMAND)} "$@"\n')
        with monitor(folder) as one:
            one.say("2025-10-17 09:30:00 [INFO] Cycle #1")
            archive.unlink()
            assert command("backup", archive, "--archive.path", one.archive).returncode == 0
        before = content(archive)
        for suffix in ("-wal", ".lock"):
            archive.with_name(archive.name + suffix).unlink()
        assert machine.run("backup.sh", folder / "saved").returncode == 0
        machine.fill("second")
        done = machine.run("restore.sh", folder / "saved")
        assert done.returncode == 0, done.stderr
        assert "schema version" in done.stdout
        assert content(archive) == before
        damaged = (folder / "saved/exporter.db").read_bytes()[:-4096] + b"\xff" * 4096
        (folder / "saved/exporter.db").write_bytes(damaged)
        (folder / "saved/SHA256SUMS").unlink()
        refused = machine.run("restore.sh", folder / "saved")
        assert refused.returncode != 0
        assert "nothing was changed" in refused.stderr
        assert content(archive) == before

    def test_saves_and_restores_two_bots(self, tmp_path: Path) -> None:
        machine = Machine(tmp_path, (*SERVICES, "exporter-2"))
        folder = tmp_path / "saved"
        assert machine.run("backup.sh", folder).returncode == 0
        machine.fill("second")
        assert machine.run("restore.sh", folder).returncode == 0
        assert machine.content("archive-2") == {"bigdipper.db": b"SQLite first"}
