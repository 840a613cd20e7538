"""`big-dipper-exporter backfill`: the archive's past as blocks for Prometheus, whose graphs then begin before its start."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from bigdipper_exporter.archive import saved
from bigdipper_exporter.archive.broker.latest import archived_view
from bigdipper_exporter.archive.errors import ArchiveError
from bigdipper_exporter.archive.store import connect_readonly
from bigdipper_exporter.botconfig.archived import archived_limits
from bigdipper_exporter.commands.openmetrics import BLOCK_SECONDS, Written, write_openmetrics
from bigdipper_exporter.commands.past import Span, gauges
from bigdipper_exporter.commands.past_counters import counters
from bigdipper_exporter.durations import DAY
from bigdipper_exporter.metrics.limits import own_limits
from bigdipper_exporter.money.limits import OwnLimits
from bigdipper_exporter.projection.state import BotState

LABELS = {"bot": "big-dipper", "instance": "exporter:10077", "job": "bigdipper"}
KEPT = 400 * DAY  # as long as Prometheus keeps its data by docker-compose.yml
# What a Prometheus that has run keeps in its folder beside blocks.
DATA_FOLDER = ("wal", "chunks_head", "queries.active", "lock")


@dataclass(frozen=True, slots=True)
class Request:
    """What to make: the archive, the time, the target's labels, and the limits where the archive has no config.py."""

    archive: Path
    span: Span
    labels: dict[str, str]
    limits: OwnLimits = field(default_factory=OwnLimits)


def write_text(request: Request, folder: Path) -> Written:
    """Write the past as OpenMetrics text files for `promtool tsdb create-blocks-from openmetrics` into `folder`."""
    with closing(connect_readonly(request.archive)) as connection:
        bot = BotState.from_json(saved.load(connection, saved.LOG) or "{}")
        has_keys = archived_view(connection) is not None
        limits = own_limits(bot, archived_limits(connection), request.limits, has_keys=has_keys)
        series = chain(gauges(connection, request.span, limits), counters(connection, request.span))
        return write_openmetrics(series, folder, request.labels, request.span.until)


def backfill(request: Request, out: Path, until_named: bool = False) -> str:
    """Make Prometheus blocks in `out`, a new folder or the data folder of a Prometheus; return what was made and what to do.

    until_named: the end of the time was chosen. Raises ArchiveError if promtool is missing or fails, or the folder is another.
    """
    promtool = shutil.which("promtool")
    if promtool is None:
        raise ArchiveError("backfill needs promtool, which comes with Prometheus: install it, or run this where it is")
    found = {path.name for path in out.iterdir()} if out.exists() else set()
    of_prometheus = bool(found.intersection(DATA_FOLDER))
    if found and not of_prometheus:
        raise ArchiveError(f"backfill: --out {out} is not empty and no data folder of Prometheus; name a new folder")
    if of_prometheus and not until_named:
        said = "add --to with the day before its first start, so that no sample is there twice"
        raise ArchiveError(f"backfill: Prometheus has run in {out}: {said}")
    with _beside(out) as work:
        (work / "text").mkdir()
        (work / "blocks").mkdir()
        written = write_text(request, work / "text")
        for file in written.files:
            _create_block(promtool, file, work / "blocks")
            file.unlink()
        blocks = [path for path in (work / "blocks").iterdir() if (path / "meta.json").is_file()]
        _move(blocks, out)
    made = f"{written.samples:,} samples in {len(blocks)} blocks in {out}"
    if of_prometheus:
        return f"{made}: Prometheus shows them within a minute"
    return f"{made}: start Prometheus on this folder (--storage.tsdb.path), or move the blocks into its data folder"


@contextmanager
def _beside(out: Path) -> Iterator[Path]:
    """A working folder on the disk of `out`, so that finished blocks move into it at once and whole."""
    out.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="backfill.", dir=out))
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _create_block(promtool: str, file: Path, blocks: Path) -> None:
    longest = f"--max-block-duration={BLOCK_SECONDS}s"
    command = [promtool, "tsdb", "create-blocks-from", longest, "openmetrics", str(file), str(blocks)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["it printed nothing"]
        raise ArchiveError(f"backfill: promtool failed on {file.name} with exit code {done.returncode}: {said[-1]}")


def _move(blocks: list[Path], out: Path) -> None:
    """Move finished blocks into `out`; run by root, they get the owner of the folder, who is Prometheus."""
    owner = out.stat()
    for block in blocks:
        if os.geteuid() == 0:
            for path in (block, *block.rglob("*")):
                os.chown(path, owner.st_uid, owner.st_gid)
        block.rename(out / block.name)


def span_of(since: float | None, until: float | None, now: float, kept: float = KEPT) -> Span:
    """Return the time to make samples for, unix seconds: at most the `kept` seconds for which Prometheus keeps its data.

    since, until: --from and the end of --to, None where not given. Raises ValueError, with the flag, when no time is left.
    """
    oldest, end = now - kept, now if until is None else min(until, now)
    if end <= oldest:
        raise ValueError(f"argument --to: is too long ago: Prometheus keeps {kept / DAY:g} days (--keep)")
    if since is not None and since >= end:
        raise ValueError(
            "argument --from: is in the future; allowed: a day of the past"
            if since >= now
            else "argument --to: is before --from; no day lies between them"
        )
    return Span(oldest if since is None else max(since, oldest), end)
