"""`export`: every row of its days."""

import csv
import io
import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from bigdipper_exporter.archive.tables import EXPORTS
from tests.cli.asked import here
from tests.oracle import NEW_YORK, trading_day
from tests.running import command, monitor, rounded, rows

TIMES = {
    "brakes": ("brake_events", "started"),
    "orders": ("orders", "submitted"),
    "account": ("account_history", "ts"),
    "daily": ("daily_stats", "ts"),
}


@pytest.mark.parametrize("what", EXPORTS)
def test_an_export_holds_every_row_of_its_days_as_csv_and_json(archive: Path, what: str) -> None:
    table, column = TIMES.get(what, (what, "ts"))
    for flags, first, last in [
        ([], "0000", "9999"),
        (["--from", "2025-10-16"], "2025-10-16", "9999"),
        (["--to", "2025-10-17"], "0000", "2025-10-17"),
        (["--from", "2025-10-17", "--to", "2025-10-17"], "2025-10-17", "2025-10-17"),
    ]:
        args: tuple[str | Path, ...] = ("export", what, "--archive.path", archive, *flags)
        as_json = json.loads(here(*args, "--format", "json")[1])
        expected = rows(archive, f"SELECT * FROM {table} ORDER BY {column}")
        times = rows(archive, f"SELECT {column} FROM {table} ORDER BY {column}")
        wanted = [
            row
            for row, (ts,) in zip(expected, times, strict=True)
            if first <= datetime.fromtimestamp(ts, NEW_YORK).date().isoformat() <= last
        ]
        assert sorted(repr(rounded(tuple(row.values())[1:])) for row in as_json) == sorted(repr(rounded(row)) for row in wanted)
        assert [row[column] for row in as_json] == sorted(row[column] for row in as_json)
        as_csv = list(csv.DictReader(io.StringIO(here(*args)[1], newline="")))
        assert [dict(row) for row in as_csv] == [
            {key: "" if value is None else str(value) for key, value in row.items()} for row in as_json
        ]
    assert wanted or what not in ("trades", "fills", "orders")


def test_the_days_of_an_export_have_23_24_or_25_hours(tmp_path: Path) -> None:
    ends = ["2025-11-02T00:00:00-04:00", "2025-11-02T23:59:59-05:00", "2025-03-09T23:59:59-04:00", "2025-03-10T00:00:00-04:00"]
    with monitor(tmp_path) as one:
        for end in ends:
            ts = datetime.fromisoformat(end).timestamp()
            row = "INSERT INTO skips (ts, date, symbol, reason, detail) VALUES (?, '', 'A', '', '')"
            one.store.connection.execute(row, (ts,))
    for day, expected in (("2025-11-02", ends[:2]), ("2025-03-09", [ends[2]]), ("2025-03-10", [ends[3]])):
        out = here("export", "skips", "--archive.path", one.archive, "--from", day, "--to", day, "--format", "json")[1]
        assert [row["time"] for row in json.loads(out)] == expected


def test_an_export_has_times_of_new_york_and_names_of_the_archive(archive: Path) -> None:
    lines = command("export", "trades", "--archive.path", archive).stdout.splitlines()
    assert lines[0] == "time,id,ts,date,cycle_number,symbol,quantity,price,total_value,order_id"
    assert lines[1].startswith("2025-10-17T09:31:00-04:00,")
    assert trading_day(float(lines[1].split(",")[2])) == "2025-10-17"


@pytest.mark.parametrize("args", [["--from", "yesterday"], ["--to", "2025-13-01"], ["--format", "xml"]])
def test_an_export_of_no_date_or_form_is_refused(archive: Path, args: list[str]) -> None:
    code, _, errors = here("export", "trades", "--archive.path", archive, *args)
    assert code == 2
    assert args[1] in errors


def test_a_reader_that_goes_away_is_no_error(archive: Path) -> None:
    pipe = f"{sys.executable} -m bigdipper_exporter export skips --archive.path {archive} | head -1"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {pipe}"], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.startswith("time,id,ts,")


def test_an_export_that_ends_before_it_begins_is_refused(archive: Path) -> None:
    code, out, errors = here("export", "trades", "--archive.path", archive, "--from", "2025-10-18", "--to", "2025-10-17")
    assert (code, out) == (2, "")
    assert "--to: is before --from" in errors


def test_an_export_that_finds_no_room_is_one_clear_line(archive: Path) -> None:
    line = f"{sys.executable} -m bigdipper_exporter export account --archive.path {archive} > /dev/full"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "big-dipper-exporter: the export cannot be written: No space left on device\n"
