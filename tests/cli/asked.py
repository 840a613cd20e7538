"""The command line, asked as a person asks it."""

import io
import os
from contextlib import redirect_stderr, redirect_stdout
from datetime import datetime
from pathlib import Path

from bigdipper_exporter.cli import main
from tests.oracle import NEW_YORK
from tests.running import command, monitor

SAMPLE = Path(__file__).parent.parent / "samples" / "big_dipper_v2.18.log"


def refused(*args: str | Path, env: dict[str, str] | None = None) -> str:
    """The one line that a command which cannot start says."""
    done = command(*args, env=env)
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("big-dipper-exporter: ")
    return lines[0].removeprefix("big-dipper-exporter: ")


def here(*args: str | Path) -> tuple[int, str, str]:
    """Exit code, output and errors of a command in this process."""
    out, errors = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(errors):
        try:
            code = main([str(arg) for arg in args])
        except SystemExit as end:
            code = int(end.code or 0)
    return code, out.getvalue(), errors.getvalue()


def ingest(log: Path, *flags: str | Path, archive: Path | None = None, zone: str = "America/New_York") -> str:
    """What `ingest` says, in this process; without `archive` it writes `a.db` beside the log."""
    args = ("--log.path", log, "--archive.path", archive or log.parent / "a.db", "--log.timezone", zone)
    code, out, errors = here("ingest", *args, *flags)
    assert code == 0, errors
    return out + errors


def doctor(log: Path, *flags: str | Path, archive: Path | None = None) -> str:
    """What `doctor` says of the log and the archive, in this process; without `archive` that is `a.db` beside the log."""
    args = ("--log.path", log, "--archive.path", archive or log.parent / "a.db", "--log.timezone", "America/New_York")
    return here("doctor", *args, "--web.listen-address", "127.0.0.1:0", *flags)[1]


def fresh(log: Path) -> Path:
    """A log that is being written by a v2.18 bot in New York."""
    stamp = datetime.now(NEW_YORK).strftime("%Y-%m-%d %H:%M:%S")
    log.write_text(f"{stamp} [INFO] Cycle #1 - {stamp[11:]}\n{stamp} [INFO] [ACCOUNT] equity=$1.00 cash=$1.00 leverage=0.0%\n")
    return log


def damaged_archive(tmp_path: Path, log: Path) -> list[str | Path]:
    """An archive whose middle is noise, and the flags that name it."""
    with monitor(tmp_path) as one:
        one.log.write_bytes(SAMPLE.read_bytes())
        one.catch_up()
        one.store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(one.archive.read_bytes())
    data[20 * 4096 : 40 * 4096] = os.urandom(20 * 4096)
    (tmp_path / "damaged.db").write_bytes(data)
    fresh(log)
    return ["--archive.path", tmp_path / "damaged.db"]
