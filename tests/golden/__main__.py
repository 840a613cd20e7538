"""Adds new metrics to the golden list: `python -m tests.golden`, part of `make docs`.

It removes and changes nothing: others rest on these names, so that takes a hand.
"""

from pathlib import Path

from bigdipper_exporter.metrics.registry import METRICS
from bigdipper_exporter.metrics.table import Metric

GOLDEN = Path(__file__).parent / "metrics.txt"


def line(metric: Metric) -> str:
    """Return the line of a metric: name, type and labels."""
    return f"{metric.name} {metric.type} {','.join(metric.labels)}".rstrip()


def extended(golden: list[str]) -> list[str]:
    """Return the list with the metrics whose names it lacks."""
    names = {entry.split()[0] for entry in golden}
    return sorted([*golden, *(line(metric) for metric in METRICS if metric.name not in names)])


if __name__ == "__main__":
    GOLDEN.write_text("".join(f"{entry}\n" for entry in extended(GOLDEN.read_text(encoding="utf-8").splitlines())), "utf-8")
