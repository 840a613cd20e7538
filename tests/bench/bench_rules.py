"""The worst lines per second of each rule: its slowest near miss, at the bound on the work for one line.

Run with `pytest tests/bench/bench_rules.py -m bench -s`; it prints figures and asserts nothing about time.
"""

import time

import pytest

from bigdipper_exporter.log.chunks import LINE_LIMIT
from bigdipper_exporter.log.compile import read_message
from bigdipper_exporter.log.grammar import RULES
from tests.test_linear import near_misses

pytestmark = pytest.mark.bench

PROBE = 8_000


def seconds(start: str, run: str, size: int, times: int = 1) -> float:
    """CPU seconds to read one line of `size` bytes, the least of some."""
    message = (start + run * (size // len(run.encode()))).encode()[: size - 2] + b"\x01x"
    least = float("inf")
    for _ in range(times):
        begun = time.thread_time()
        read_message(message)
        least = min(least, time.thread_time() - begun)
    return least


def test_worst_lines_per_second_of_each_rule() -> None:
    worst = []
    for rule in RULES:
        slowest = sorted(set(near_misses(rule)), key=lambda miss: -seconds(miss[0], miss[1], PROBE))[:5]
        cost, miss = max((seconds(start, run, LINE_LIMIT, 3), (start, run)) for start, run in slowest)
        worst.append((1 / cost, rule.pattern.strip(), miss))
    worst.sort()
    print()
    for rate, pattern, (start, run) in worst:
        at_bound = f"{rate:9,.0f} lines/s of {LINE_LIMIT:,} bytes, {rate * LINE_LIMIT / 1e6:7,.0f} MB/s"
        print(f"{at_bound}  {pattern[:60]}  {start[-30:]!r} {run!r}")
    ordinary = 120
    print(f"the worst rule: {worst[0][0]:,.0f} lines/s at the bound, {worst[0][1]}")
    costs = [(seconds(*miss, ordinary), rule.pattern.strip()) for rule in RULES for miss in list(near_misses(rule))[:50]]
    cost, pattern = max(costs)
    print(f"the worst of {ordinary} bytes: {1 / cost:,.0f} lines/s, {pattern.strip()}")
    assert len(worst) == len(RULES)
