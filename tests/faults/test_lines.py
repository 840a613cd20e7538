"""Cases 23-31: what a line can be."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bigdipper_exporter.log.chunks import LINE_LIMIT
from bigdipper_exporter.log.parser import Reader
from bigdipper_exporter.log.records import ParsedChunk
from bigdipper_exporter.log.tail import Tail
from tests.faults.harness import Consumer, Writer, check

Start = Callable[..., Consumer]

TRADE = (
    b"2025-10-17 09:30:00 [INFO] [TRADE] BUY NVDA: 10.0000 shares @ $1.00 = $10.00 (order 0123456789abcdef0123456789abcdef)\n"
)


def kinds(consumer: Consumer) -> list[str]:
    """The kinds of event that the stored lines tell of."""
    portion = ParsedChunk()
    Reader(ZoneInfo("UTC")).read(1, 0, b"".join(consumer.archive.lines()), portion)
    return [type(record.event).__name__ for record in portion.records]


def test_a_line_split_over_two_writes_is_one_line(start: Start, writer: Writer) -> None:
    consumer = start()
    line = writer.line()
    for piece in (line[:10], line[10:-1], b"\n"):
        writer.raw(piece)
        consumer.drain()
    assert consumer.archive.lines() == [line]


def test_a_line_split_inside_a_character_is_intact(start: Start, writer: Writer) -> None:
    consumer = start()
    line = "2025-10-17 09:30:00 [INFO] 🐻 Überraschung\n".encode()
    for position in range(len(line)):
        writer.raw(line[position : position + 1])
        consumer.drain()
    assert consumer.archive.lines() == [line]


def test_bytes_that_are_no_text_are_kept_and_the_next_lines_are_fine(start: Start, writer: Writer) -> None:
    consumer = start()
    writer.write(1)
    writer.raw(b"2025-10-17 09:30:00 [INFO] \xff\xfe\x80 [TRADE] \xc3\n" + TRADE.replace(b"NVDA", b"N\xffDA") + TRADE)
    writer.write(2)
    consumer.drain()
    check(consumer.archive, writer)
    assert kinds(consumer).count("Trade") == 1


def test_carriage_returns_do_not_split_or_shift_lines(start: Start, writer: Writer) -> None:
    consumer = start()
    writer.raw(b"2025-10-17 09:30:00 [INFO] one\r\nprogress 1\rprogress 2\r\n\r\n")
    consumer.drain()
    writer.raw(b"2025-10-17 09:30:00 [INFO] two\r\n")
    consumer.drain()
    check(consumer.archive, writer)
    assert len(consumer.archive.lines()) == 4
    writer.raw(TRADE.replace(b"\n", b"\r\n"))
    consumer.drain()
    assert kinds(consumer) == ["Trade"]


def test_a_line_of_8_mebibytes_is_stored_cut_and_flagged_and_the_next_lines_are_fine(start: Start, writer: Writer) -> None:
    consumer = start()
    writer.write(2)
    consumer.drain()
    for _ in range(8):
        writer.raw(b"x" * (1 << 20))
        consumer.drain()
    writer.raw(b"\n")
    writer.lines.pop()
    writer.lines.append(b"x" * LINE_LIMIT + b"\n")
    writer.write(3)
    consumer.drain()
    check(consumer.archive, writer)
    assert consumer.archive.connection.execute("SELECT count(*) FROM lines WHERE truncated").fetchone() == (1,)


def test_a_long_line_is_still_being_skipped_after_a_restart(start: Start, writer: Writer) -> None:
    consumer = start()
    writer.raw(b"x" * (2 << 20))
    consumer.drain()
    consumer.close()
    consumer = start()
    writer.raw(b"y" * 100)
    consumer.drain()
    writer.raw(b"z\n")
    writer.lines = [b"x" * LINE_LIMIT + b"\n"]
    writer.write(1)
    consumer.drain()
    check(consumer.archive, writer)


@pytest.mark.parametrize("size", [LINE_LIMIT - 1, LINE_LIMIT, LINE_LIMIT + 1, 700_000])
@pytest.mark.parametrize("rest_follows", [True, False])
def test_lines_around_the_limit_are_neither_lost_nor_doubled(
    start: Start, writer: Writer, size: int, rest_follows: bool
) -> None:
    """A line of exactly the limit without its newline is too long; one byte less and it is not."""
    consumer = start()
    writer.write(1)
    writer.raw(b"x" * size)
    if rest_follows:
        consumer.drain()
    writer.raw(b"\n")
    writer.lines[-1] = b"x" * min(size, LINE_LIMIT) + b"\n"
    writer.write(2)
    consumer.drain()
    check(consumer.archive, writer)


def test_an_unfinished_line_is_no_reason_to_read_again_at_once(start: Start, writer: Writer) -> None:
    consumer = start()
    writer.raw(b"x" * 700_000)
    read = consumer.drain()
    assert not read.more
    assert read.lag == 700_000
    writer.raw(b"\n")
    assert consumer.drain().lag == 0


def test_memory_stays_bounded_whatever_the_length_of_a_line(log: Path) -> None:
    with log.open("wb") as file:
        file.truncate(0)
        for _ in range(64):
            file.write(b"x" * (1 << 20))
        file.write(b"\nlast\n")
    program = (
        "import sys, pathlib\n"
        "from bigdipper_exporter.log.tail import Tail\n"
        "def peak(): return int(pathlib.Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])\n"
        "tail, sizes = Tail(pathlib.Path(sys.argv[1])), []\n"
        "before = peak()\n"
        "while True:\n"
        "    read = tail.read(); sizes += [len(batch.data) for batch in read.batches]; tail.commit()\n"
        "    if not read.more: break\n"
        "print(peak() - before, *sizes)\n"
    )
    output = subprocess.run([sys.executable, "-c", program, log], check=True, capture_output=True, text=True).stdout
    grown, *sizes = map(int, output.split())
    assert sizes == [LINE_LIMIT + 1, 5]
    # KiB. Not ru_maxrss, which a process inherits: it would tell the size of pytest.
    assert 0 < grown < 16 * 1024


def test_identical_lines_are_as_many_as_were_written(start: Start, writer: Writer) -> None:
    consumer = start()
    for count in (5, 7):
        writer.raw(b"2025-10-17 09:30:00 [INFO] [SKIP] NVDA cooldown (2.1h remaining)\n" * count)
        consumer.drain()
    check(consumer.archive, writer)
    assert consumer.archive.count() == 12


def test_continuation_lines_are_counted_and_never_events(start: Start, writer: Writer) -> None:
    consumer = start()
    writer.raw(
        b"2025-10-17 09:30:00 [ERROR] Trading error: no\nTraceback (most recent call last):\n"
        b'  File "main.py", line 1, in <module>\n    [TRADE] BUY NVDA: 1.0 shares @ $1.00 = $1.00 (order x)\n'
        b"ValueError: no\n\n============================================================\n"
    )
    consumer.drain()
    check(consumer.archive, writer)
    assert "Trade" not in " ".join(kinds(consumer))


def test_empty_lines_are_no_events(start: Start, writer: Writer) -> None:
    consumer = start()
    writer.raw(b"\n\n\n")
    consumer.drain()
    writer.raw(b"\n \n")
    consumer.drain()
    check(consumer.archive, writer)
    assert kinds(consumer) == []


def test_a_tag_forged_inside_a_body_is_no_trade(start: Start, writer: Writer) -> None:
    consumer = start()
    writer.raw(TRADE.replace(b"[TRADE]", b"note [TRADE]"))
    consumer.drain()
    assert kinds(consumer) == []
    writer.raw(TRADE)
    consumer.drain()
    assert kinds(consumer) == ["Trade"]


def test_lines_are_whole_whatever_the_size_of_a_portion(start: Start, writer: Writer, tmp_path: Path, log: Path) -> None:
    writer.write(40)
    writer.raw(b"\n\n" + b"y" * 500 + b"\n")
    for limit in (1, 2, 60, 61, 62, 63, 64, 65, 1000):
        with Consumer(tmp_path / f"{limit}.db", log, limit=limit) as consumer:
            consumer.drain()
            assert consumer.archive.lines() == writer.lines


def test_what_a_record_says_in_a_second_line_is_in_the_same_portion(log: Path) -> None:
    goodbye = "2025-10-17 16:00:00 [INFO] \n👋 Shutting down gracefully...\n".encode()
    log.write_bytes((TRADE + goodbye) * 20)
    for limit in range(len(TRADE + goodbye), 3 * len(TRADE + goodbye)):
        tail = Tail(log, limit=limit)
        portions = []
        while (read := tail.read()).batches:
            portions.append(b"".join(batch.data for batch in read.batches))
            tail.commit()
        tail.close()
        assert b"".join(portions) == log.read_bytes()
        assert len(portions) > 5
        assert not any(portion.startswith("👋".encode()) for portion in portions)


def test_the_position_of_each_line_is_its_byte_in_the_file(start: Start, writer: Writer, log: Path) -> None:
    consumer = start(limit=100)
    for _ in range(5):
        writer.write(3)
        writer.raw(b"half")
        consumer.drain()
        writer.raw(b"\n")
    consumer.drain()
    content = log.read_bytes()
    for generation, offset, raw in consumer.archive.connection.execute("SELECT generation, offset, raw FROM lines"):
        assert generation == 1
        assert content[offset : offset + len(raw)] == raw
    assert consumer.tail.read().lag == 0
    assert os.path.samefile(log, writer.path)
