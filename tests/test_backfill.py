"""The archive's past becomes blocks that Prometheus reads, with the series and labels that a scrape gives."""

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from bigdipper_exporter.archive.store import connect_readonly
from bigdipper_exporter.cli import main
from bigdipper_exporter.commands.openmetrics import write_openmetrics
from bigdipper_exporter.commands.past import COARSE_SECONDS, DAY, HOLD_SECONDS, Limits, Sample, Series, Span, gauges, held
from bigdipper_exporter.commands.past_counters import counted, counters
from bigdipper_exporter.metrics.registry import METRICS

ROOT = Path(__file__).resolve().parents[1]
LOG = ROOT / "tests" / "samples" / "big_dipper_v2.18.log"
needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool (deploy/tools.sh installs it)")
Text = dict[tuple[str, str], list[tuple[float, float]]]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "archive.db"
    assert main(["ingest", "--log.path", str(LOG), "--archive.path", str(path), "--log.timezone", "America/New_York"]) == 0
    return path


@pytest.fixture
def connection(archive: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect_readonly(archive)) as connection:
        yield connection


def whole(connection: sqlite3.Connection) -> Span:
    first, last = connection.execute("SELECT min(ts), max(ts) FROM account_history").fetchone()
    return Span(first - DAY, last + DAY)


def made(connection: sqlite3.Connection, span: Span) -> list[Series]:
    every = [*gauges(connection, span, Limits()), *counters(connection, span)]
    return [Series(one.metric, one.labels, list(one.samples)) for one in every]


def dumped(out: Path) -> Text:
    """Samples of every series of the blocks, as promtool reads them."""
    (out / "wal").mkdir(exist_ok=True)  # promtool expects the folder of a database, as which the blocks end
    done = subprocess.run(["promtool", "tsdb", "dump", str(out)], capture_output=True, text=True, check=True)
    found: Text = defaultdict(list)
    for line in done.stdout.splitlines():
        series, value, ts = line.rsplit(" ", 2)
        name = series.partition('__name__="')[2].partition('"')[0]
        found[name, series].append((int(ts) / 1000, float(value)))
    return found


class TestSeries:
    def test_have_the_names_and_labels_of_scrapes(self, connection: sqlite3.Connection) -> None:
        known = {metric.name: metric.labels for metric in METRICS}
        every = made(connection, whole(connection))
        assert {one.metric for one in every} > {"bigdipper_bot_equity_usd", "bigdipper_limit_distance_usd"}
        for one in every:
            assert tuple(name for name, _ in one.labels) == known[one.metric]

    def test_come_with_all_of_one_metric_together(self, connection: sqlite3.Connection) -> None:
        names = [one.metric for one in made(connection, whole(connection))]
        changes = [name for before, name in zip([None, *names], names, strict=False) if name != before]
        assert len(changes) == len(set(changes))

    def test_stay_within_the_time_and_in_order(self, connection: sqlite3.Connection) -> None:
        span = whole(connection)
        middle = Span((span.since + span.until) / 2, span.until - 1.5 * DAY)
        for one in made(connection, middle):
            times = [sample.ts for sample in one.samples]
            assert times == sorted(times)
            assert all(middle.since <= ts < middle.until + HOLD_SECONDS for ts in times)

    def test_grow_to_the_present_value(self, connection: sqlite3.Connection) -> None:
        for one in made(connection, whole(connection)):
            labels = "[" + ", ".join(f'"{value}"' for _, value in one.labels) + "]"
            if one.metric.endswith("_total") and one.samples:
                sql = "SELECT value FROM counters WHERE name = ? AND labels = ?"
                (now,) = connection.execute(sql, (one.metric, labels)).fetchone()
                assert list(one.samples)[-1].value == pytest.approx(now), (one.metric, labels)

    def test_count_what_the_brake_let_pass(self, connection: sqlite3.Connection) -> None:
        found = {one.labels: list(one.samples) for one in made(connection, whole(connection)) if "missed_trades" in one.metric}
        passed = found[("reason", "missed_brake"),]
        (missed,) = connection.execute("SELECT sum(missed_opportunities) FROM brake_events").fetchone()
        assert passed[-1].value - passed[0].value == missed > 0


def test_no_sample_is_written_that_would_make_prometheus_refuse_the_first_scrape(tmp_path: Path) -> None:
    series = Series("bigdipper_bot_equity_usd", (), held([(1000.0, 1.0)]))
    written = write_openmetrics([series], tmp_path, {}, 1000.0 + COARSE_SECONDS)
    (file,) = written.files
    assert file.read_text().splitlines() == [
        "# TYPE bigdipper_bot_equity_usd gauge",
        "bigdipper_bot_equity_usd{} 1.0 1000.000",
        "# EOF",
    ]


class TestGauge:
    def test_is_repeated_until_the_next_value_and_no_longer_than_it_holds(self) -> None:
        found = list(held([(0.0, 1.0), (500.0, 2.0), (10_000.0, 3.0)]))
        assert found[:3] == [Sample(0.0, 1.0), Sample(COARSE_SECONDS, 1.0), Sample(2 * COARSE_SECONDS, 1.0)]
        assert {sample.ts for sample in found if sample.value == 2.0} == {500.0, 740.0, 980.0, 1220.0}
        assert all(sample.ts < 500.0 + HOLD_SECONDS for sample in found if sample.value == 2.0)

    def test_ends_where_it_is_unknown(self) -> None:
        assert list(held([(0.0, 1.0), (100.0, None)])) == [Sample(0.0, 1.0)]


class TestCounter:
    SPAN = Span(0.0, 100 * DAY)

    def test_begins_with_0_before_its_first_step(self) -> None:
        samples = list(counted([(10 * DAY, 3.0)], 3.0, self.SPAN))
        assert samples[0] == Sample(10 * DAY - 7200, 0.0)
        step = next(sample for sample in samples if sample.value)
        assert step.value == 3.0
        assert 10 * DAY <= step.ts < 10 * DAY + COARSE_SECONDS

    def test_ends_with_its_present_value_where_old_rows_are_gone(self) -> None:
        samples = list(counted([(10 * DAY, 3.0), (20 * DAY, 1.0)], 50.0, self.SPAN))
        assert (samples[0].value, samples[-1].value) == (46.0, 50.0)

    def test_never_steps_back_where_the_archive_counted_less_than_it_has(self) -> None:
        values = [sample.value for sample in counted([(10 * DAY, 3.0), (20 * DAY, 1.0)], 2.0, self.SPAN)]
        assert values == sorted(values)
        assert values[0] == 0.0

    def test_has_no_gap_in_the_last_day(self) -> None:
        samples = list(counted([(10 * DAY, 3.0)], 3.0, self.SPAN))
        last = [sample.ts for sample in samples if sample.ts >= 99 * DAY]
        assert last[0] == 99 * DAY
        assert max(b - a for a, b in pairwise(last)) <= COARSE_SECONDS
        assert self.SPAN.until - last[-1] <= COARSE_SECONDS


@needs_promtool
class TestCommand:
    def test_makes_blocks_that_prometheus_reads(self, archive: Path, tmp_path: Path) -> None:
        out = tmp_path / "blocks"
        command = ["backfill", "--archive.path", str(archive), "--out", str(out), "--bot.name", "mine"]
        assert main([*command, "--label", "instance=localhost:10077"]) == 0
        found = dumped(out)
        (equity,) = [samples for (name, _), samples in found.items() if name == "bigdipper_bot_equity_usd"]
        with closing(connect_readonly(archive)) as connection:
            rows = connection.execute("SELECT round(ts, 3), equity FROM account_history WHERE source = 'log'").fetchall()
            sums = dict(connection.execute("SELECT symbol, count(*) FROM trades GROUP BY symbol").fetchall())
        assert set(equity) & set(rows)
        assert {value for _, value in equity} <= {value for _, value in rows}
        for (_, series), samples in found.items():
            assert 'bot="mine", instance="localhost:10077", job="bigdipper"' in series.replace(",", ", ").replace("  ", " ")
            if 'name__="bigdipper_trades_total"' in series:
                symbol = series.partition('symbol="')[2].partition('"')[0]
                values = [value for _, value in sorted(samples)]
                assert (values[0], values[-1]) == (0.0, sums.pop(symbol))
        assert not sums

    def test_leaves_nothing_beside_the_blocks(self, archive: Path, tmp_path: Path) -> None:
        out = tmp_path / "blocks"
        assert main(["backfill", "--archive.path", str(archive), "--out", str(out)]) == 0
        assert all((path / "meta.json").is_file() for path in out.iterdir())

    def test_refuses_a_folder_that_is_not_prometheus(
        self, archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "x").touch()
        assert main(["backfill", "--archive.path", str(archive), "--out", str(tmp_path / "out")]) == 2
        assert "is not empty and no data folder of Prometheus" in capsys.readouterr().err

    def test_asks_for_the_end_where_prometheus_has_run(
        self, archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        data = tmp_path / "data"
        (data / "wal").mkdir(parents=True)
        command = ["backfill", "--archive.path", str(archive), "--out", str(data)]
        assert main(command) == 2
        assert "add --to with the day before its first start" in capsys.readouterr().err
        day = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 2 * DAY))
        assert main([*command, "--to", day]) == 0
        assert "Prometheus shows them within a minute" in capsys.readouterr().out

    def test_works_in_docker_with_the_tools_of_two_images(self, archive: Path, tmp_path: Path) -> None:
        """Volumes are folders of a stand-in for docker; what would run in a container runs here."""
        checkout, state = tmp_path / "checkout", tmp_path / "docker"
        for name in ("deploy", "prometheus"):
            shutil.copytree(ROOT / name, checkout / name)
        for volume in ("archive", "prometheus"):
            (state / "volumes" / volume).mkdir(parents=True)
        (state / "running").mkdir()
        (tmp_path / "bin").mkdir()
        shutil.copy(ROOT / "tests" / "deploy" / "docker", tmp_path / "bin")
        shutil.copy(archive, state / "volumes" / "archive" / "bigdipper.db")
        (tmp_path / "bin" / "big-dipper-exporter").write_text(f'#!/bin/sh\nexec {sys.executable} -m bigdipper_exporter "$@"\n')
        (tmp_path / "bin" / "big-dipper-exporter").chmod(0o755)
        environment = {
            "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
            "STANDIN": str(state),
            "DB_PATH": str(state / "volumes/archive/bigdipper.db"),
        }
        script = ["sh", str(checkout / "deploy" / "backfill.sh")]
        done = subprocess.run(script, capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == 0, done.stderr
        assert "Prometheus has the past of big-dipper" in done.stdout
        assert not (state / "volumes/archive/backfill").exists()
        found = dumped(state / "volumes/prometheus")
        assert any(name == "bigdipper_bot_equity_usd" and 'instance="exporter:10077"' in series for name, series in found)
        again = subprocess.run(script, capture_output=True, text=True, check=False, env=environment)
        assert again.returncode == 2
        assert "add --to with the day before its first start" in again.stderr
