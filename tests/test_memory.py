"""The allocator's settings reach the C library, and leave the owner's own alone."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import environment

GLIBC = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
SCRIPT = """
import ctypes, threading
from bigdipper_exporter import memory
memory.tune()
threads = [threading.Thread(target=lambda: [bytearray(10_000) for _ in range(100)]) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
ctypes.CDLL(None).malloc_stats()
"""


def arenas(**variables: str) -> int:
    """Heaps of malloc in a process with eight threads."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        capture_output=True,
        text=True,
        check=True,
        env=environment(PYTHONPATH=str(Path(__file__).parents[1] / "exporter"), **variables),
    )
    return sum(line.startswith("Arena ") for line in done.stderr.splitlines())


@GLIBC
def test_threads_share_one_heap() -> None:
    assert arenas() == 1


@GLIBC
def test_a_setting_of_the_owner_is_kept() -> None:
    assert arenas(MALLOC_ARENA_MAX="8") > 1
