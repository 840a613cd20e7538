"""deploy/backup.sh with a docker that fails, or is killed, at every one of its calls."""

from pathlib import Path

import pytest

from tests.deploy.standin import EXPECTED, PLUGIN, SERVICES, SIGNALS, Machine, ended_by, names, saved

BACKUP_CALLS = 15


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


class TestBackup:
    def test_is_whole_checked_and_leaves_out_the_plugin(self, machine: Machine) -> None:
        done = machine.run("backup.sh", machine.folder / "saved")
        assert done.returncode == 0, done.stderr
        assert len(machine.calls) == BACKUP_CALLS
        assert names(machine.folder / "saved") == EXPECTED
        assert (machine.folder / "saved/exporter.db").read_text() == "SQLite first"
        assert PLUGIN.encode() not in (machine.folder / "saved/grafana.tar").read_bytes()
        assert machine.running == set(SERVICES)

    def test_starts_prometheus_last_so_that_alertmanager_hears_all_alerts_at_once(self, machine: Machine) -> None:
        assert machine.run("backup.sh", machine.folder / "saved").returncode == 0
        started = [call.removeprefix("compose start ").strip() for call in machine.calls if call.startswith("compose start ")]
        assert started.index("alertmanager") < started.index("prometheus")

    @pytest.mark.parametrize("step", range(1, BACKUP_CALLS + 1))
    def test_survives_a_failure_at_each_step(self, machine: Machine, step: int) -> None:
        folder, before = machine.folder / "saved", machine.volumes()
        done = machine.run("backup.sh", folder, FAIL_AT=step)
        assert machine.running == set(SERVICES)
        assert machine.volumes() == before
        if folder.exists():
            incomplete = (folder / "INCOMPLETE").read_text().split() if "INCOMPLETE" in names(folder) else []
            assert (done.returncode == 0) == (not incomplete)
            assert names(folder) == (EXPECTED | ({"INCOMPLETE"} if incomplete else set())) - {
                f"{part}.{'db' if part == 'exporter' else 'tar'}" for part in incomplete
            }
            assert all(f"NOT SAVED: {part}" in done.stderr for part in incomplete)
        else:
            assert done.returncode != 0
        assert not (machine.folder / "saved.part").exists()
        again = machine.run("backup.sh", folder)
        assert (again.returncode, names(folder)) == (0, EXPECTED), again.stderr

    @pytest.mark.parametrize(("signal", "when"), SIGNALS)
    @pytest.mark.parametrize("step", range(1, BACKUP_CALLS + 1))
    def test_can_be_interrupted_at_each_step(self, machine: Machine, step: int, signal: str, when: str) -> None:
        folder, before = machine.folder / "saved", machine.volumes()
        done = machine.run("backup.sh", folder, KILL_AT=step, SIGNAL=signal, KILL_WHEN=when)
        assert ended_by(done, signal), (done.returncode, done.stderr)
        assert not folder.exists()
        if signal != "KILL":
            assert machine.running == set(SERVICES)
            assert not (machine.folder / "saved.part").exists()
        again = machine.run("backup.sh", folder)
        assert (again.returncode, names(folder)) == (0, EXPECTED), again.stderr
        assert machine.running == set(SERVICES)
        assert {**machine.volumes(), "archive": None} == {**before, "archive": None}
        assert machine.content("archive")["bigdipper.db"] == b"SQLite first"

    @pytest.mark.parametrize("can_run", [True, False])
    def test_works_while_nothing_runs(self, machine: Machine, can_run: bool) -> None:
        for name in SERVICES:
            (machine.state / "running" / name).unlink()
        if not can_run:
            (machine.state / "cannot-run-exporter").touch()
        done = machine.run("backup.sh", machine.folder / "saved")
        assert done.returncode == 0, done.stderr
        assert names(machine.folder / "saved") == EXPECTED
        assert machine.running == set()

    def test_saves_the_rest_when_the_archive_is_damaged(self, machine: Machine) -> None:
        (machine.state / "volumes/archive/bigdipper.db").write_text("noise")
        folder = machine.folder / "saved"
        for expected in (folder, machine.folder / "saved-2"):
            done = machine.run("backup.sh", folder)
            assert done.returncode == 1
            assert names(expected) == EXPECTED - {"exporter.db"} | {"INCOMPLETE"}
            assert (expected / "INCOMPLETE").read_text() == "exporter\n"
        machine.fill("mended")
        assert machine.run("backup.sh", folder).returncode == 0
        assert names(folder) == EXPECTED

    def test_never_replaces_what_is_complete_or_no_backup(self, machine: Machine) -> None:
        folder = saved(machine)
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        assert machine.run("backup.sh", folder).returncode == 0
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
        assert names(machine.folder / "saved-2") == EXPECTED
        (machine.folder / "photos").mkdir()
        (machine.folder / "photos/cat.jpg").touch()
        done = machine.run("backup.sh", machine.folder / "photos")
        assert done.returncode == 1
        assert "is no backup" in done.stderr
        assert names(machine.folder / "photos") == {"cat.jpg"}
