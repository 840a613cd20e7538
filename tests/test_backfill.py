"""The archive's past becomes blocks that Prometheus reads, with the series and labels that a scrape gives."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

from bigdipper_exporter import calendar
from bigdipper_exporter.archive.store import connect_readonly
from bigdipper_exporter.cli import main
from bigdipper_exporter.commands.backfill import span_of
from bigdipper_exporter.commands.openmetrics import write_openmetrics
from bigdipper_exporter.commands.past import COARSE_SECONDS, HOLD_SECONDS, Sample, Series, Span, gauges, held
from bigdipper_exporter.commands.past_counters import counted, counters
from bigdipper_exporter.durations import DAY
from bigdipper_exporter.metrics.registry import METRICS
from bigdipper_exporter.money.limits import DEFAULTS

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
    every = [*gauges(connection, span, DEFAULTS), *counters(connection, span)]
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


def written(folder: Path) -> list[str]:
    """Every line of the text for promtool."""
    return [line for file in sorted(folder.glob("*.om")) for line in file.read_text().splitlines()]


class TestLimits:
    def limits(self, archive: Path, out: Path, *flags: str) -> dict[str, set[str]]:
        command = ["backfill", "--text", "--archive.path", str(archive), "--out", str(out), "--keep", "20y", *flags]
        assert main(command) == 0
        found: dict[str, set[str]] = defaultdict(set)
        for line in written(out):
            if line.startswith("bigdipper_limit_ratio{"):
                found[line.partition('limit="')[2].partition('"')[0]].add(line.split()[1])
        return found

    def test_of_the_bots_file_win_also_when_they_are_0(self, archive: Path, tmp_path: Path) -> None:
        with closing(sqlite3.connect(archive)) as connection:
            for name, value in (("MARGIN_SAFETY_THRESHOLD", "0.0"), ("MAX_MARGIN_PCT", "0")):
                row = "INSERT INTO bot_config (ts, setting, value) VALUES (0, ?, ?)"
                connection.execute(row, (name, value))
            connection.commit()
        found = self.limits(archive, tmp_path / "out", "--limits.brake", "0.1", "--limits.hard", "0.2")
        assert (found["brake"], found["hard"]) == ({"0.0"}, {"0"})


def test_drawdown_and_peak_come_from_every_day_and_equity_from_polls_once_there_are_any(archive: Path) -> None:
    with closing(sqlite3.connect(archive)) as connection:
        days = ["2025-11-03", "2025-11-04", "2025-11-05"]
        polled = _close(days[1]) - 3600
        sql = """INSERT OR REPLACE INTO daily_stats
                   (ts, date, trading_day, equity_source, ending_equity, drawdown_ratio, adjusted_peak)
                 VALUES (0, ?, 1, 'alpaca', 90, 0.1, 100)"""
        connection.executemany(sql, [(day,) for day in days])
        poll = "INSERT INTO account_history (ts, date, source, equity) VALUES (?, ?, 'alpaca', 95)"
        connection.execute(poll, (polled, days[1]))
        connection.commit()
    with closing(connect_readonly(archive)) as connection:
        found = {one.metric: list(one.samples) for one in made(connection, Span(_close(days[0]) - DAY, _close(days[-1]) + DAY))}
    starts = {_close(day) for day in days}
    for metric, value in (("drawdown_ratio", -0.1), ("equity_peak_usd", 100.0)):
        samples = found[f"bigdipper_account_{metric}"]
        assert {sample.ts for sample in samples} >= starts
        assert {sample.value for sample in samples} == {value}
    equity = found["bigdipper_account_equity_usd"]
    assert {sample.ts for sample in equity if sample.value == 90.0} & starts == {_close(days[0])}
    assert {sample.ts for sample in equity if sample.value == 95.0} >= {polled}


def _close(day: str) -> float:
    hours = calendar.open_close(date.fromisoformat(day))
    assert hours is not None
    return hours.close


class TestSpan:
    NOW = 2_000_000_000.0

    def test_is_as_long_as_prometheus_keeps_its_data(self) -> None:
        assert span_of(None, None, self.NOW) == Span(self.NOW - 400 * DAY, self.NOW)
        assert span_of(0.0, self.NOW + DAY, self.NOW, 10 * DAY) == Span(self.NOW - 10 * DAY, self.NOW)
        assert span_of(self.NOW - 9 * DAY, self.NOW - DAY, self.NOW, 10 * DAY) == Span(self.NOW - 9 * DAY, self.NOW - DAY)

    @pytest.mark.parametrize(
        ("since", "until", "said"),
        [
            (None, -401 * DAY, "argument --to: is too long ago: Prometheus keeps 400 days"),
            (-800 * DAY, -401 * DAY, "argument --to: is too long ago: Prometheus keeps 400 days"),
            (-2 * DAY, -3 * DAY, "argument --to: is before --from"),
            (DAY, None, "argument --from: is in the future"),
            (DAY, 2 * DAY, "argument --from: is in the future"),
        ],
    )
    def test_without_any_time_says_which_flag_is_wrong(self, since: float | None, until: float | None, said: str) -> None:
        since, until = (None if one is None else self.NOW + one for one in (since, until))
        with pytest.raises(ValueError, match=said):
            span_of(since, until, self.NOW)

    def test_of_days_that_prometheus_does_not_keep_is_named(
        self, archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        command = ["backfill", "--text", "--archive.path", str(archive), "--from", "2020-01-01"]
        assert main([*command, "--out", str(tmp_path / "a")]) == 0
        assert re.match(r"begins on \d{4}-\d\d-\d\d: Prometheus keeps 400 days \(--keep\)\n", capsys.readouterr().out)
        assert main([*command, "--out", str(tmp_path / "b"), "--keep", "20y"]) == 0
        assert "begins on" not in capsys.readouterr().out
        assert main([*command, "--out", str(tmp_path / "c"), "--to", "2020-12-31"]) == 2
        assert "argument --to: is too long ago: Prometheus keeps 400 days (--keep)" in capsys.readouterr().err
        assert main([*command, "--out", str(tmp_path / "d"), "--keep", "400"]) == 2
        assert "'400' needs a unit; allowed: 1d to 20y, as 400d" in capsys.readouterr().err


def test_a_promtool_that_is_killed_is_named_with_its_file(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    promtool = tmp_path / "bin" / "promtool"
    promtool.parent.mkdir()
    promtool.write_text("#!/bin/sh\nkill -9 $$\n")
    promtool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{promtool.parent}:{os.environ['PATH']}")
    command = ["backfill", "--archive.path", str(archive), "--out", str(tmp_path / "out"), "--keep", "20y"]
    assert main(command) == 2
    assert re.search(r"promtool failed on \d+\.om with exit code -9: it printed nothing\n", capsys.readouterr().err)
    assert list((tmp_path / "out").iterdir()) == []


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
