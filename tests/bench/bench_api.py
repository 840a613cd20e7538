"""The API under fifty clients that ask for the dashboard every second: time of an answer, memory, CPU."""

import asyncio
import os
import statistics
import time
from pathlib import Path

import pytest

from tests.api.conftest import TOKEN, lived
from tests.api.test_command import serving_process

__all__ = ["lived"]

CLIENTS, SECONDS = 50, 20


@pytest.mark.bench
def test_dashboard(tmp_path: Path, lived: Path) -> None:
    """Print p50 and p99 of the dashboard, and the process's memory and CPU."""
    flags = ("--archive.path", lived, "--api.requests-per-minute", "1000000")
    with serving_process(tmp_path, *flags) as (url, process):
        took = asyncio.run(_ask(f"{url}dashboard"))
        memory = _status(process, "VmHWM")
        ticks = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        cpu = (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")
    cuts = statistics.quantiles(took, n=100)
    print(f"\n{len(took)} answers, {CLIENTS} clients: p50 {cuts[49] * 1000:.1f} ms, p99 {cuts[98] * 1000:.1f} ms,")
    print(f"longest {max(took) * 1000:.1f} ms; {memory / 1024:.0f} MiB at most, {cpu / SECONDS:.0%} of a core")


async def _ask(url: str) -> list[float]:
    """Ask on fifty connections that stay open, with a client that costs next to nothing itself."""
    host, _, path = url.removeprefix("http://").partition("/")
    name, _, port = host.partition(":")
    request = f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()
    took: list[float] = []

    async def one(number: int) -> None:
        reader, writer = await asyncio.open_connection(name, int(port))
        await asyncio.sleep(number / CLIENTS)
        for _ in range(SECONDS):
            began = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200")
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.partition(b":")[2]))
            took.append(time.perf_counter() - began)
            await asyncio.sleep(max(0.0, 1 - took[-1]))
        writer.close()

    await asyncio.gather(*(one(number) for number in range(CLIENTS)))
    return took


def _status(process: int, name: str) -> int:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))
