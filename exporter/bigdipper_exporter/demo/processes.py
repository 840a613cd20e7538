"""The processes of a demo: each is started with its output in a file, waited for, and ended by its id."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from bigdipper_exporter.config.yamlfile import ConfigError
from bigdipper_exporter.demo.ports import Ports

PORTS = {"simulator": 8099, "exporter": 10077, "alertmanager": 9093, "prometheus": 9090, "grafana": 3000}  # where they are free
WAIT_SECONDS = 120.0
# Where Debian and Grafana's own packages put the programs that are not on every PATH.
PLACES = ("/usr/share/grafana/bin", "/usr/local/bin", "/opt/grafana/bin")


@dataclass
class Part:
    """One process of the demo, and where a person finds it."""

    name: str
    process: subprocess.Popen[bytes]
    url: str = ""
    what: str = ""


@dataclass
class Demo:
    """The running parts, in the order of their start; `log` holds the output of each in a file of its own."""

    folder: Path
    parts: list[Part] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    ports: Ports = field(default_factory=lambda: Ports(PORTS))

    def start(self, name: str, command: list[str | Path], env: dict[str, str] | None = None, cwd: Path | None = None) -> Part:
        """Start one process; its output goes to `<name>.out`."""
        output = (self.folder / f"{name}.out").open("wb")
        process = subprocess.Popen(
            [str(word) for word in command],
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(env or {})},
            cwd=cwd or self.folder,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
        output.close()
        part = Part(name, process)
        self.parts.append(part)
        return part

    def wait(self, part: Part, done: Callable[[], bool], seconds: float = WAIT_SECONDS) -> None:
        """Wait until `done`; ConfigError with the process's last words when it ends or takes too long."""
        deadline = time.monotonic() + seconds
        # Where the part itself has ended, what answers at its port is somebody else's.
        while part.process.poll() is not None or not done():
            if self.stopping.is_set():
                raise KeyboardInterrupt
            if part.process.poll() is not None or time.monotonic() > deadline:
                words = (self.folder / f"{part.name}.out").read_text(errors="replace").strip().splitlines()[-3:]
                raise ConfigError([f"demo: {part.name} did not start: {' | '.join(words) or 'it said nothing'}"])
            time.sleep(0.1)

    def stop(self) -> None:
        """End every process, the last started first, by its id."""
        self.ports.close()
        for part in reversed(self.parts):
            with suppress(ProcessLookupError):
                part.process.send_signal(signal.SIGTERM)
        for part in reversed(self.parts):
            try:
                part.process.wait(10)
            except subprocess.TimeoutExpired:
                part.process.kill()
                part.process.wait()


def _die_with_parent() -> None:
    """Ask the kernel to end this process when the demo's ends, however it ends (Linux; elsewhere nothing happens)."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


class Progress:
    """A line that says how far something is: rewritten on a terminal, else a new one at each quarter."""

    def __init__(self, what: str) -> None:
        self._what, self._shown = what, -1

    def show(self, percent: int) -> None:
        """Show `percent` where it is news."""
        terminal = sys.stdout.isatty()
        step = percent if terminal else percent // 25 * 25
        if step > self._shown:
            self._shown = step
            print(f"{chr(13) if terminal else ''}{self._what}: {step} % ", end="" if terminal else chr(10), flush=True)

    def end(self, text: str) -> None:
        """Replace the line by `text`."""
        print(f"{chr(13) + ' ' * 60 + chr(13) if sys.stdout.isatty() else ''}{text}", flush=True)


def answers(url: str) -> bool:
    """Whether a GET of `url` succeeds now."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return 200 <= int(response.status) < 300
    except OSError:
        return False


def read(url: str) -> str:
    """The text at `url`; empty when it cannot be had."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return str(response.read().decode())
    except OSError:
        return ""


def program(*names: str) -> str | None:
    """The first of these programs that the machine has."""
    return next((found for name in names if (found := shutil.which(name, path=search_path()))), None)


def search_path() -> str:
    """Where programs are looked for: PATH, and places that the PATH of a plain user may lack."""
    return os.pathsep.join([os.environ.get("PATH", ""), *PLACES])
