"""The archive's past becomes blocks that Prometheus reads: every sample once, with the labels of its target."""

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from bigdipper_exporter.cli import main
from bigdipper_exporter.commands.backfill import LABELS, PAST, backfill
from bigdipper_exporter.metrics.registry import METRICS

SAMPLE = Path(__file__).parent / "samples" / "big_dipper_v2.18.log"
needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool (deploy/tools.sh installs it)")


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "archive.db"
    code = main(["ingest", "--log.path", str(SAMPLE), "--archive.path", str(path), "--log.timezone", "America/New_York"])
    assert code == 0
    return path


def test_every_metric_of_the_past_is_one_of_the_present() -> None:
    types = {metric.name: metric for metric in METRICS}
    for past in PAST:
        assert past.labels == types[past.name].labels
        assert past.counter == (types[past.name].type == "counter")


@needs_promtool
def test_prometheus_reads_what_the_archive_holds(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "blocks"
    backfill(archive, out, time.time(), LABELS | {"bot": "mine"})
    (out / "wal").mkdir()  # promtool expects the folder of a database, as which the blocks end
    dump = subprocess.run(["promtool", "tsdb", "dump", str(out)], capture_output=True, text=True, check=True).stdout
    equity = [line for line in dump.splitlines() if '"bigdipper_bot_equity_usd"' in line]
    written = SAMPLE.read_text()
    assert len(equity) == written.count("[ACCOUNT]")
    assert all('bot="mine"' in line and 'job="bigdipper"' in line for line in equity)
    trades = [float(line.split()[-2]) for line in dump.splitlines() if '"bigdipper_trades_total"' in line and "ORCL" in line]
    assert trades == [float(n + 1) for n in range(written.count("[TRADE] BUY ORCL"))]


@needs_promtool
def test_a_folder_that_is_not_empty_is_refused(archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "x").touch()
    assert main(["backfill", "--archive.path", str(archive), "--out", str(tmp_path / "out")]) == 2
    assert "is not empty; name a new folder" in capsys.readouterr().err
