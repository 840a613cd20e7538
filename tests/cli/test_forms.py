"""Logs of other loggers and other settings, through the command line: read where that is safe, and named where it is not."""

import bz2
import gzip
import json
import lzma
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from bigdipper_exporter.log.forms import FORMS, Form
from bigdipper_exporter.log.segment import Source
from tests.cli.asked import doctor, ingest
from tests.forms import FIRST, MESSAGES, READ, TRADE, Write, at, log_of, plain
from tests.running import exporter, rows

# Whose lines say their level in a priority that the test leaves as it is.
ONE_LEVEL = ("rfc 5424",)
ENCODED: dict[str, bytes] = {
    "utf-32": log_of(plain).decode().encode("utf-32"),
    "utf-32 without a mark": log_of(plain).decode().encode("utf-32-le"),
    "big-endian utf-32": log_of(plain).decode().encode("utf-32-be"),
    "utf-32 with crlf": log_of(plain).replace(b"\n", b"\r\n").decode().encode("utf-32"),
    "gzip without its suffix": gzip.compress(log_of(plain)),
}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log that is not written yet; `ingest` and `doctor` use the archive beside it."""
    return tmp_path / "big_dipper.log"


def trades(log: Path) -> list[tuple[str, int]]:
    return rows(log.parent / "a.db", "SELECT symbol, CAST(ts AS INTEGER) FROM trades ORDER BY id")


@pytest.mark.parametrize("form", [*READ, *ENCODED])
def test_a_log_in_another_form_is_read_with_its_times(log: Path, form: str) -> None:
    log.write_bytes(log_of(READ[form]) if form in READ else ENCODED[form])
    out = ingest(log)
    assert trades(log) == [("AMD", FIRST + 1), ("MSFT", FIRST + 3)], out
    assert rows(log.parent / "a.db", "SELECT kind, detail FROM bot_events WHERE kind = 'error'")[0][1].endswith('"no"')
    counted = "SELECT labels, value FROM counters WHERE name = 'bigdipper_log_records_total' AND value > 0 ORDER BY labels"
    levels = [(json.loads(labels), value) for labels, value in rows(log.parent / "a.db", counted)]
    assert levels == [(["ERROR"], 1), (["INFO"], 4)] or form in ONE_LEVEL
    assert "could not be read" not in out


NAMED: dict[str, tuple[Write, str]] = {
    "month or day first": (
        lambda s, level, text: f"10/17/2025 09:31:{s:02} [{level}] {text}",
        "dates with slashes, which do not say what is the month and what is the day",
    ),
    "without a time": (lambda s, level, text: f"{level}:root:{text}", "Python's default format, which has no time"),
    "without a date": (lambda s, level, text: f"09:31:{s:02} [{level}] {text}", "lines without a date"),
    "syslog": (
        lambda s, level, text: f"Oct 17 09:31:{s:02} host bot[812]: {text}",
        "syslog's short format, which has no year and no level",
    ),
    "glog": (
        lambda s, level, text: f"{level[0]}1017 09:31:{s:02}.123 8 main.py:51] {text}",
        "glog's format, which has no year",
    ),
    "name of the month": (
        lambda s, level, text: f"17-Oct-2025 09:31:{s:02} [{level}] {text}",
        "dates with the name of the month",
    ),
    "date without dashes": (lambda s, level, text: f"20251017 09:31:{s:02} [{level}] {text}", "dates without dashes"),
    "minutes alone": (lambda s, level, text: f"2025-10-17 09:31 [{level}] {text}", "times without seconds"),
    "name of the zone": (lambda s, level, text: f"{at(s)} EDT [{level}] {text}", "times with the name of a zone"),
    "without a level": (lambda s, level, text: f"{at(s)} - {text}", "lines without a level"),
    "level alone": (lambda s, level, text: f"{level}:     {text}", "lines without a time"),
    "xml": (lambda s, level, text: f"<log time='{at(s)}' level='{level}'>{text}</log>", "XML or HTML"),
    "objects of several lines": (
        lambda s, level, text: json.dumps({"level": level, "time": at(s), "message": text}, indent=2),
        "JSON objects of several lines (write one object in each line; `journalctl -o json` does)",
    ),
    "journald's export format": (
        lambda s, level, text: f"__REALTIME_TIMESTAMP={FIRST + s}000000\nPRIORITY=6\n_TRANSPORT=journal\nMESSAGE={text}\n",
        "journald's export format with messages without the bot's header (take `journalctl -o json` instead)",
    ),
    "objects with levels of their own": (
        lambda s, level, text: json.dumps({"level": 35, "time": FIRST, "msg": text}),
        "JSON objects of a logger",
    ),
}


@pytest.mark.parametrize("form", NAMED)
def test_a_form_that_is_not_read_is_named_by_ingest_and_doctor(log: Path, form: str) -> None:
    write, name = NAMED[form]
    log.write_bytes(log_of(write))
    said = f"these lines look like {name}. Let the bot log in its own format, '%(asctime)s [%(levelname)s] %(message)s'"
    assert said in ingest(log)
    assert said in next(line for line in doctor(log).splitlines() if "  form " in line)
    assert trades(log) == []


def test_the_page_names_the_form_too(tmp_path: Path, log: Path) -> None:
    log.write_bytes(log_of(NAMED["without a time"][0]))
    with exporter(tmp_path) as one:
        one.wait_lines(len(MESSAGES))
        page = one.get("/")[1]
    assert "look like Python&#x27;s default format, which has no time" in page


def database(path: Path) -> bytes:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE t (a)")
        connection.executemany("INSERT INTO t VALUES (?)", [(text,) for _, text in MESSAGES])
    return path.read_bytes()


FILES: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "xz": (lambda _: lzma.compress(log_of(plain)), "xz data"),
    "bzip2": (lambda _: bz2.compress(log_of(plain)), "bzip2 data"),
    "zip": (lambda _: b"PK\x03\x04\n" + log_of(plain), "a zip archive"),
    "sqlite": (lambda path: database(path / "x"), "a SQLite database"),
    "carriage returns": (lambda _: log_of(plain).replace(b"\n", b"\r"), "lines that end in a carriage return alone"),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_is_no_text_is_named_and_not_read(log: Path, kind: str) -> None:
    make, name = FILES[kind]
    log.write_bytes(make(log.parent))
    said = f"{log} is not read: it holds {name}. "
    assert said in ingest(log)
    assert said in doctor(log)
    assert trades(log) == []
    log.write_bytes(log_of(plain))
    ingest(log)
    assert trades(log) == [("AMD", FIRST + 1), ("MSFT", FIRST + 3)], "the log is read once it is one"


def test_lines_of_other_forms_inside_an_error_of_the_bot_are_no_events(log: Path) -> None:
    quoted = [write(9, "INFO", TRADE.format("EVIL", 9)) for form, write in READ.items() if "docker" not in form]
    log.write_text(
        "".join(f"{plain(6, 'ERROR', '❌ Cycle error: no')}\n{line}\n" for line in quoted) + plain(7, *MESSAGES[1]) + "\n"
    )
    ingest(log)
    assert trades(log) == [("AMD", FIRST + 2)]


def test_an_object_is_one_message_whatever_is_in_it(log: Path) -> None:
    inner = plain(9, "INFO", TRADE.format("EVIL", 9))
    texts = [
        MESSAGES[0][1],
        f"❌ Cycle error: no\n{inner}",
        f"\n{inner}",
        f"❌ Cycle error: {inner}",
        "\n👋 Shutting down gracefully...",
    ]
    log.write_text("".join(READ["structlog"](5, "INFO", text) + "\n" for text in texts))
    ingest(log)
    assert trades(log) == []
    kinds = rows(log.parent / "a.db", "SELECT kind FROM bot_events ORDER BY id")
    assert [kind for (kind,) in kinds] == ["start", "error", "error", "stop"]


def session(write: Write) -> bytes:
    """So many lines that the text above them cannot have quoted them."""
    return log_of(write) + "".join(write(12 + number, "INFO", f"Cycle #{number}") + "\n" for number in range(3, 6)).encode()


def append(log: Path, write: Write, day: int, order: int, end: str = "") -> None:
    """Append a session of that day of October in a form, with order numbers of its own."""
    text = session(write).replace(b"2025-10-17", b"2025-10-%02d" % day).replace(b"-8000-", b"-8%03d-" % order)
    with log.open("ab") as file:
        file.write(text + end.encode())


def test_a_bot_that_goes_over_to_another_form_and_back_is_read_on(log: Path) -> None:
    traceback = "Traceback (most recent call last):\n"
    append(log, plain, 17, 0, traceback)
    ingest(log)
    append(log, READ["structlog"], 18, 1, traceback)  # two in one read
    append(log, READ["loguru"], 19, 2, traceback)
    ingest(log)
    append(log, plain, 20, 3, traceback)
    ingest(log)
    assert [symbol for symbol, _ in trades(log)] == ["AMD", "MSFT"] * 4


def test_a_restart_within_a_log_of_another_form_changes_nothing(log: Path) -> None:
    append(log, plain, 17, 0)
    append(log, READ["loguru"], 18, 1)
    ingest(log)
    with log.open("a") as file:
        file.write(READ["loguru"](9, "INFO", "of no kind").replace("-10-17", "-10-18") + "\n")
    ingest(log)
    counted = "SELECT sum(value) FROM counters WHERE name = 'bigdipper_log_records_total'"
    assert rows(log.parent / "a.db", counted) == [(2 * session(plain).count(b"\n") + 1,)]


@pytest.mark.parametrize("form", [form for form in FORMS if form.is_read], ids=lambda form: form.name)
def test_every_form_that_is_read_names_a_time_and_a_text(form: Form) -> None:
    groups = form.pattern.groupindex
    assert {"time", "text"} <= groups.keys()
    assert groups.keys() & {"level", "priority"}


def test_the_doctor_reads_a_compressed_log_as_ingest_does(log: Path) -> None:
    packed = gzip.compress(log_of(plain) * 20_000)
    log.write_bytes(packed)
    assert "a log of Big Dipper " in doctor(log)
    log.write_bytes(packed[: len(packed) // 2])
    assert f"{log} cannot be read: " in doctor(log)


def test_a_log_that_grows_while_the_doctor_looks_is_read_from_the_beginning_of_a_line(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = Source.size

    def grow(source: Source) -> int:
        before = size(source)
        with log.open("ab") as file:
            file.write(log_of(plain)[:-20])
        return before

    log.write_bytes(log_of(plain) * 10)
    monkeypatch.setattr(Source, "size", grow)
    assert " 50 of the last 50 lines say something" in doctor(log)
