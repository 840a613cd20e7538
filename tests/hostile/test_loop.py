"""A main loop that does not turn is seen from outside, and ends the process."""

import socket
import threading
import time
from pathlib import Path

import pytest

from bigdipper_exporter.watchdog import EXIT_CODE, Watchdog
from tests.running import exporter


def test_a_loop_that_hangs_ends_the_process_once() -> None:
    codes: list[int] = []
    ended = threading.Event()

    def leave(code: int) -> None:
        codes.append(code)
        ended.set()

    dog = Watchdog(leave, hanging=0.05, check=0.02)
    dog.start()
    assert ended.wait(20)
    assert codes == [EXIT_CODE]


def test_a_loop_that_turns_is_left_alone_and_one_late_look_is_no_proof() -> None:
    now = [0.0]
    looked = threading.Semaphore(0)

    def clock() -> float:
        looked.release()
        return now[0]

    codes: list[int] = []
    dog = Watchdog(codes.append, hanging=100.0, check=0.01, clock=clock)
    dog.start()
    for _ in range(10):
        looked.acquire()
        now[0] += 90.0
        dog.beat()
    dog.stop()
    assert codes == []


def test_systemd_is_told_of_start_turns_and_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        dog = Watchdog(check=0.01)
        dog.start()
        assert [listener.recv(100), listener.recv(100)] == [b"READY=1", b"WATCHDOG=1"]
        dog.stop()
        while listener.recv(100) != b"STOPPING=1":
            pass


def test_the_age_of_the_loop_is_a_metric(tmp_path: Path) -> None:
    with exporter(tmp_path) as one:
        age = one.value("bigdipper_exporter_loop_age_seconds")
        assert age is not None
        assert 0 <= age < 60


def test_a_loop_that_waits_for_a_disk_is_not_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bigdipper_exporter import service
    from bigdipper_exporter.config.settings import Settings

    monkeypatch.setattr(service, "LOOP_SECONDS", 0.0)
    settings = Settings(log_path=tmp_path / "log", archive_path=tmp_path / "a.db", web_listen_address="127.0.0.1:0")
    one = service.Service(settings)
    try:
        time.sleep(0.01)
        assert any("main loop has not turned" in problem for problem in one._problems())
    finally:
        one.store.close()
        one._measure.close()
        one._wake.close()
