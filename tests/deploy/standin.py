"""A checkout with deploy/*.sh, and a stand-in for docker whose volumes are folders."""

import os
import shutil
import signal
import subprocess
import tempfile
from functools import cache
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SCRIPTS = ("backup.sh", "restore.sh", "volume.sh")
SERVICES = ("exporter", "prometheus", "alertmanager", "grafana")
EXPECTED = {"exporter.db", "prometheus.tar", "alertmanager.tar", "grafana.tar", "SHA256SUMS"}
SIGNALS = [("KILL", "before"), ("KILL", "after"), ("INT", "before"), ("TERM", "after")]
PLUGIN = "plugins/frser-sqlite-datasource/plugin"

Content = dict[str, bytes]


class Machine:
    """What a restore finds: five volumes, running services, and no other docker than the stand-in."""

    def __init__(self, folder: Path, services: tuple[str, ...] = SERVICES) -> None:
        self.folder = folder
        self.state = folder / "docker"
        (self.state / "running").mkdir(parents=True)
        self.set_services(*services)
        shutil.copytree(HERE, folder / "bin", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
        (folder / "checkout/deploy").mkdir(parents=True)
        for name in SCRIPTS:
            shutil.copy(ROOT / "deploy" / name, folder / "checkout/deploy" / name)
        self.start()
        self.fill("first")

    def set_services(self, *services: str) -> None:
        """Choose what `docker compose config --services` prints."""
        (self.state / "services").write_text("".join(f"{name}\n" for name in services))
        self.services = set(services)

    def start(self) -> None:
        """Let every service run."""
        for name in self.services:
            (self.state / "running" / name).touch()

    @property
    def running(self) -> set[str]:
        """Names of the services that run."""
        return set(os.listdir(self.state / "running"))

    def fill(self, text: str) -> None:
        """Replace the content of every volume by one that says `text`."""
        shutil.rmtree(self.state / "volumes", ignore_errors=True)
        files = {
            "archive": ("bigdipper.db", "bigdipper.db-wal", "bigdipper.db.lock"),
            "archive-2": ("bigdipper.db",),
            "prometheus": ("wal/0001", "01BLOCK/chunks", ".hidden"),
            "alertmanager": ("nflog", "silences"),
            "grafana": ("grafana.db", "with blank/file", PLUGIN),
        }
        for volume, names in files.items():
            for name in names:
                path = self.state / "volumes" / volume / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"SQLite {text}" if name == "bigdipper.db" else "the plugin" if name == PLUGIN else text)

    def content(self, volume: str) -> Content:
        """Every file of a volume."""
        top = self.state / "volumes" / volume
        return {str(path.relative_to(top)): path.read_bytes() for path in sorted(top.rglob("*")) if path.is_file()}

    def volumes(self) -> dict[str, Content]:
        """The content of all volumes."""
        return {volume: self.content(volume) for volume in sorted(os.listdir(self.state / "volumes"))}

    def run(self, script: str, *args: str | Path, **env: str | int) -> subprocess.CompletedProcess[str]:
        """Run a script of deploy/; FAIL_AT and KILL_AT count calls of docker from here."""
        (self.state / "calls").write_text("")
        return subprocess.run(
            ["sh", str(self.folder / "checkout/deploy" / script), *map(str, args)],
            capture_output=True,
            text=True,
            cwd="/",
            start_new_session=True,
            # A shell cannot trap a signal that was ignored when it started, as SIGINT is for what runs in the background.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            env={
                "PYTHONPATH": str(ROOT / "exporter"),
                "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
                "STANDIN": str(self.state),
                **{name: str(value) for name, value in env.items()},
            },
        )

    @property
    def calls(self) -> list[str]:
        """Calls of docker by the last script."""
        return (self.state / "calls").read_text().splitlines()


def ended_by(done: subprocess.CompletedProcess[str], name: str) -> bool:
    """Return whether the script was ended by the signal `name`, at once or through its trap."""
    number = signal.Signals[f"SIG{name}"]
    return done.returncode in (-number, 128 + number)


def names(folder: Path) -> set[str]:
    """Names of the files in a folder."""
    return {path.name for path in folder.iterdir()}


@cache
def _backup() -> Content:
    """The files of a backup of the content "first", made once by deploy/backup.sh itself."""
    with tempfile.TemporaryDirectory() as name:
        machine, folder = Machine(Path(name)), Path(name, "saved")
        done = machine.run("backup.sh", folder)
        assert (done.returncode, names(folder)) == (0, EXPECTED), done.stderr
        return {path.name: path.read_bytes() for path in folder.iterdir()}


def saved(machine: Machine) -> Path:
    """A backup of the content "first"; the volumes hold "second" now."""
    folder = machine.folder / "saved"
    folder.mkdir()
    for name, data in _backup().items():
        (folder / name).write_bytes(data)
    machine.fill("second")
    return folder
