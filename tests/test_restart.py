"""Exactly once through any end of the exporter: what it says afterwards is what it would have said without."""

import os
import random
import threading
import time
from pathlib import Path

import pytest

from bigdipper_exporter import pipeline
from tests.running import Exporter, Scrapes, Series, content, counters, exporter, monitor, rows, wait_for

SAMPLES = sorted((Path(__file__).parent / "samples").glob("*.log"))


def expected(folder: Path, data: bytes) -> tuple[Series, dict[str, list[tuple[object, ...]]]]:
    """Counters and archive of an exporter that read all of it in one go."""
    folder.mkdir()
    with monitor(folder) as one:
        one.log.write_bytes(data)
        one.catch_up()
        return counters(one.samples()), content(one.archive)


def all_lines() -> list[bytes]:
    return [line for path in SAMPLES for line in path.read_bytes().splitlines(keepends=True)]


def test_a_restart_at_any_line_changes_nothing(tmp_path: Path) -> None:
    rng = random.Random(1)
    lines = all_lines()[:12_000]
    series, stored = expected(tmp_path / "whole", b"".join(lines))
    (folder := tmp_path / "pieces").mkdir()
    with monitor(folder) as one:
        scrapes, start = Scrapes(), 0
        while start < len(lines):
            end = min(len(lines), start + rng.choice((1, 2, 7, 500)))
            with one.log.open("ab") as log:
                log.writelines(lines[start:end])
            one.catch_up()
            scrapes.take(one.samples())
            one.restart()
            scrapes.take(one.samples())
            start = end
        assert counters(one.samples()) == pytest.approx(series)
        assert content(one.archive) == stored


def created(one: Exporter) -> set[str]:
    text = one.get("/metrics", Accept="application/openmetrics-text")[1]
    return {line for line in text.splitlines() if line.startswith("bigdipper_") and "_created" in line}


def test_counting_began_at_the_first_start_of_all(tmp_path: Path) -> None:
    with exporter(tmp_path, log=SAMPLES[0].read_bytes()) as one:
        one.wait_ready()
        before = created(one)
        assert len({line.rsplit(" ", 1)[1] for line in before}) == 1
        one.kill()
        one.start()
        one.wait_ready()
        assert created(one) == before


def killed_while_catching_up(one: Exporter, rng: random.Random, end: float) -> int:
    """Kill and start it at any instant until it has read all or time is up; the number of kills."""
    kills = 0
    while time.monotonic() < end:
        time.sleep(rng.uniform(0, 0.7))
        one.kill()
        one.start()
        kills += 1
    return kills


def killed_live(one: Exporter, lines: list[bytes], rng: random.Random, end: float) -> int:
    """The same while a bot writes, also half lines; every scrape that succeeds is compared with the one before."""
    done, scrapes, kills = threading.Event(), Scrapes(), 0

    def write() -> None:
        with one.log.open("ab", buffering=0) as log:
            for start in range(0, len(lines), 20):
                piece = b"".join(lines[start : start + 20])
                cut = rng.randrange(len(piece))
                log.write(piece[:cut])
                log.write(piece[cut:])
                done.wait(0 if time.monotonic() > end else (end - time.monotonic()) / max(1, (len(lines) - start) / 20))
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while not done.is_set():
            for _ in range(rng.randrange(3)):
                scrapes.take(one.samples())
            one.kill()
            one.start()
            kills += 1
    finally:
        writer.join()
    scrapes.take(one.samples())
    return kills


def chaos(folder: Path, seconds: float, repeat: int, seed: int) -> None:
    rng = random.Random(seed)
    backlog = all_lines() * repeat
    live = all_lines()[:8000]
    series, stored = expected(folder / "whole", b"".join(backlog + live))
    (folder / "killed").mkdir()
    (folder / "killed" / "big_dipper.log").write_bytes(b"".join(backlog))
    with exporter(folder / "killed") as one:
        first = killed_while_catching_up(one, rng, time.monotonic() + seconds / 2)
        second = killed_live(one, live, rng, time.monotonic() + seconds / 2)
        one.wait_lines(len(backlog) + len(live))
        assert counters(one.samples()) == pytest.approx(series)
        assert one.terminate() == 0
        assert content(one.archive) == stored
        assert rows(one.archive, "PRAGMA integrity_check") == [("ok",)]
        print(f"\n{first} kills while catching up, {second} while live, seed {seed}")


def test_killed_at_any_instant_for_ten_seconds_it_has_counted_everything_once(tmp_path: Path) -> None:
    chaos(tmp_path, 8, 2, 7)


@pytest.mark.chaos
def test_killed_at_any_instant_for_a_minute_it_has_counted_everything_once(tmp_path: Path) -> None:
    chaos(tmp_path, 60, 10, int.from_bytes(os.urandom(2)))


def test_a_stop_between_two_lines_and_a_half_line_at_the_start_are_no_reason_to_be_unready(tmp_path: Path) -> None:
    with exporter(tmp_path, log=b"2025-10-17 09:30:00 [INFO] Cycle #1\n2025-10-17 09:31:00 [INFO] Cyc") as one:
        one.wait_ready()
        assert one.value("bigdipper_bot_cycles_total") == 1
        assert one.terminate() == 0
        one.start()
        one.wait_ready()
        with one.log.open("ab") as log:
            log.write(b"le #2\n")
        wait_for(lambda: one.value("bigdipper_bot_cycles_total") == 2)
        assert one.value("bigdipper_log_lag_bytes") == 0


def test_a_half_line_across_the_end_of_the_last_portion_is_no_reason_to_be_unready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "PORTION_BYTES", 100)
    with monitor(tmp_path) as one:
        one.log.write_bytes(3 * b"2025-10-17 09:30:00 [INFO] Cycle #1\n" + b"2025-10-17 09:31:00 [INFO] Cycle" + 90 * b" ")
        one.catch_up()
        assert one.pipeline.snapshot.own.problems == ()
