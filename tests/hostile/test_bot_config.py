"""Whatever stands in the bot's config.py, or in its place: a finding, in bounded time, and the exporter goes on."""

import ast
import os
import signal
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigdipper_exporter.botconfig import reader, source
from bigdipper_exporter.botconfig.reader import flat, judge, read, view
from bigdipper_exporter.botconfig.rules import MOST_SYMBOLS
from bigdipper_exporter.files import FileRefusedError, PatientCall, read_regular
from tests.running import exporter, wait_for

LETTERS = "BCDEFGHIJ"
FILES = {
    "product of two long numbers": b"XX = " + b"9" * 4000 + b" * " + b"9" * 4000,
    "one long number": b"XX = " + b"9" * 5000,
    "squared 26 times": b"XX = 999999999\n" + b"XX = XX * XX\n" * 26,
    "a list doubled 30 times": b"XX = [1]\n" + b"XX = XX + XX\n" * 30,
    "a text doubled 40 times": b"XX = 'xxxxxxxx'\n" + b"XX = XX + XX\n" * 40,
    "60,000 settings": b"".join(b"A%d = 1\n" % number for number in range(60_000)),
    "3,000 short settings": b"".join(b"A%d=1\n" % number for number in range(3000)),
    "150 brackets": b"XX = " + b"[" * 150 + b"]" * 150,
    "100,000 signs": b"XX = " + b"-" * 100_000 + b"1",
    "20,000 summands": b"XX = " + b"+".join([b"1"] * 20_000),
    "30,000 conditions": b"XX = " + b" and ".join([b"1"] * 30_000),
    "an attribute 50,000 deep": b"XX" + b".b" * 50_000 + b" += 1",
    "3,000 branches": b"if 1:\n pass\n" + b"elif 1:\n pass\n" * 3000,
    "power": b"XX = 10 ** 1000000",
    "shift": b"XX = 1 << 1000000",
    "width": b"XX = '%1000000000d' % 1",
    "repeated text": b"XX = 'x' * 1000000000",
    "infinity": b"XX = 1e308 * 10",
    "not a number": b"XX = float('nan')",
    "complex": b"XX = 1j",
    "null byte": b"XX = 1\x00",
    "odd keys": b"DIP_THRESHOLDS = {1: 2, None: 3, 'x': [1]}",
    "odd comparison": b"XX = [1] < [1, 'x']",
    "surrogate": b"XX = '\\ud800'",
    "terminal escape": b"XX = '\\x1b[2J'",
    "not text": bytes(range(256)),
    "16 MiB": b"# " + b"x" * (16 << 20),
}


def lists_by_name() -> bytes:
    """Each list holds the one before ten times: 10^9 numbers in 9 lines."""
    names = ["A", *LETTERS]
    return b"A = [1]\n" + b"".join(f"{new} = [{', '.join([old] * 10)}]\n".encode() for old, new in pairwise(names))


FILES["lists of lists by name"] = lists_by_name()
TEXT = b"S = '" + b"ab" * 4990 + b"'\n"
LARGE = {
    "lists made of a text": TEXT + b"".join(b"X%d = [%s]\n" % (n, b",".join([b"list(S)"] * 3300)) for n in range(2)),
    "one list in each setting": TEXT + b"".join(b"X%d = list(S)\n" % n for n in range(1900)),
    "one text in each item": TEXT + b"".join(b"X%d = [%s]\n" % (n, b",".join([b"S"] * 3000)) for n in range(19)),
    "another text in each item": TEXT + b"".join(b"X%d = [%s]\n" % (n, b",".join([b"S+'a'"] * 1000)) for n in range(20)),
    "texts split": TEXT.replace(b"ab", b"a ")
    + b"".join(b"X%d = [%s]\n" % (n, b",".join([b"S.split()"] * 900)) for n in range(9)),
    "texts in capitals": TEXT + b"".join(b"X%d = [%s]\n" % (n, b",".join([b"S.upper()"] * 900)) for n in range(12)),
    "one list under many names": b"X = [%s]\n" % b",".join([b"1"] * 4000)
    + b"".join(b"A%d=" % n for n in range(16_000))
    + b"X + X",
    "lists joined": b"X = [%s]\n" % b",".join([b"1"] * 1000) + b"".join(b"A%d = X + X + X\n" % n for n in range(1900)),
    "dicts copied": b"X = {%s}\n" % b",".join(b"%d: 1" % n for n in range(900))
    + b"".join(b"A%d = {**X}\n" % n for n in range(1900)),
}
FILES |= LARGE


@contextmanager
def at_most(seconds: int) -> Iterator[None]:
    """Fail instead of hanging: generous, the work itself takes less than a second."""

    def fail(_signal: int, _frame: object) -> None:
        raise AssertionError(f"took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_any_content_becomes_settings_or_a_finding_in_bounded_time(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "config.py"
    path.write_bytes(content)
    with at_most(20):
        reading = read(path)
        view(reading, None)
        rows = flat(reading.settings or {})
    assert all(len(text) < 1000 for text in rows.values())
    if reading.settings is None:
        assert [(f.severity, f.setting) for f in reading.findings] == [("error", "file")]
        assert "please report" not in reading.findings[0].message


@pytest.mark.parametrize("content", LARGE.values(), ids=LARGE)
def test_a_small_file_takes_little_memory(content: bytes) -> None:
    """The exporter may have 384 MiB, and reads the file again at every start."""
    assert len(content) <= source.MOST_BYTES
    tracemalloc.start()
    try:
        ast.parse(content)  # what Python's own parser takes is bounded by the size of the file
        parser = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        reading = judge(content, "config.py")
        rows = flat(reading.settings or {})
        evaluating = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert parser < 160 << 20
    assert evaluating < parser + (24 << 20)
    assert sum(map(len, rows.values())) < 8 << 20


def test_more_symbols_than_any_bot_watches_are_an_error() -> None:
    names = [f"A{number}" for number in range(MOST_SYMBOLS + 1)]
    for watched, severity in ((names, "error"), (names[:-1], "ok")):
        content = f"SYMBOLS = {watched!r}\nVOLATILE_TICKERS = SYMBOLS\n".encode()
        found = {f.setting: f for f in judge(content, "config.py").findings if f.setting in ("SYMBOLS", "VOLATILE_TICKERS")}
        assert {f.severity for f in found.values()} == {severity}
        assert "a list of symbols, at most 1000" in found["SYMBOLS"].message
    thresholds = {"DEFAULT": 0.05, **dict.fromkeys(names, 0.06)}
    assert "error   DIP_THRESHOLDS" in "".join(map(str, judge(f"DIP_THRESHOLDS = {thresholds}".encode(), "x").findings))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (FILES["product of two long numbers"], "too many digits"),
        (FILES["squared 26 times"], "too many digits"),
        (FILES["a list doubled 30 times"], "too large"),
        (FILES["a text doubled 40 times"], "too large"),
        (b"XX = '" + b"x" * 10_001 + b"'", "too long"),
        (FILES["150 brackets"], "nested too deeply"),
        (b"XX = 1j", "complex is not a type of a setting"),
    ],
)
def test_what_exceeds_a_bound_is_named(content: bytes, problem: str) -> None:
    value = source.read(content)["XX"]
    assert value.value is None
    assert problem in (value.problem or "")


@given(st.binary(max_size=200))
def test_random_bytes_are_a_reading(content: bytes) -> None:
    with suppress(ValueError):
        assert all(value.line > 0 for value in source.read(content).values())


@pytest.mark.parametrize("kind", ["fifo", "folder", "device", "missing"])
def test_what_is_no_regular_file_is_a_finding_and_waits_for_nobody(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "config.py"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "device":
        path.symlink_to("/dev/zero")
    with at_most(20):
        findings = read(path).findings
    assert [(f.severity, f.setting) for f in findings] == [("error", "file")]
    assert {"fifo": "a FIFO", "folder": "a folder", "device": "a device", "missing": "No such file"}[kind] in findings[
        0
    ].message


def test_a_file_is_read_up_to_its_limit_and_refused_beyond(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_regular(path, 5) == b"12345"
    with pytest.raises(FileRefusedError, match="more than 4 bytes"):
        read_regular(path, 4)


def test_a_call_that_hangs_costs_its_patience_once_and_gives_its_result_when_it_returns() -> None:
    gate = threading.Event()
    call = PatientCall(lambda: gate.wait() and 7, patience=0.05)
    assert call.result() is None
    assert call.result() is None
    assert call.seconds > 0
    gate.set()
    wait_for(lambda: call.result() == 7)
    assert call.seconds == 0


def test_an_exporter_survives_every_one_of_them_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "config.py"
    path.write_text("MAX_MARGIN_PCT = 0.2\n")
    with exporter(tmp_path, "--bot.config", str(path)) as one:
        for name in (
            "product of two long numbers",
            "squared 26 times",
            "60,000 settings",
            "not text",
        ):
            new = tmp_path / "new.py"
            new.write_bytes(FILES[name])
            new.replace(path)
            expected = view(read(path), None).counts
            wait_for(lambda: all(one.value("bigdipper_bot_config_findings", severity=s) == n for s, n in expected.items()))  # noqa: B023
        path.unlink()
        os.mkfifo(path)
        wait_for(lambda: one.value("bigdipper_bot_config_up") == 0)
        path.unlink()
        path.write_text("MAX_MARGIN_PCT = 0.3\n")
        wait_for(lambda: one.value("bigdipper_bot_config_setting", setting="MAX_MARGIN_PCT") == 0.3)


def test_a_mounted_file_that_was_replaced_on_the_host_is_said(tmp_path: Path) -> None:
    path = tmp_path / "config.py"
    path.write_text("MAX_MARGIN_PCT = 0.2\n")
    with path.open() as held:
        path.unlink()
        mounted = Path(f"/proc/self/fd/{held.fileno()}")
        findings = reader.read(mounted).findings
    assert any(f.severity == "warning" and "replaced on the host" in f.message for f in findings)
