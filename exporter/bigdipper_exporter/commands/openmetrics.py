"""Writes series as OpenMetrics text, a file for each span of time that becomes one block of Prometheus."""

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from bigdipper_exporter.commands.past import Series
from bigdipper_exporter.metrics.registry import METRICS

# Prometheus' blocks last 2 h times a power of 3, counted from 1970. promtool reads its input once for each block.
BLOCK_SECONDS = 2 * 3600 * 3**5
CLOSEST_SECONDS = 0.001  # Prometheus refuses two samples of one millisecond


@dataclass
class Written:
    """The files, and the number of samples in them."""

    files: list[Path] = field(default_factory=list)
    samples: int = 0


class _File:
    """Text of one block; the type of a family stands before its first sample."""

    def __init__(self, out: TextIO) -> None:
        self.write = out.write
        self._family = ""

    def begin(self, family: str, kind: str) -> None:
        if family != self._family:
            self._family = family
            self.write(f"# TYPE {family} {kind}\n")


def write_openmetrics(series: Iterable[Series], folder: Path, labels: Mapping[str, str], until: float) -> Written:
    """Write `series` (those of one metric together) into files of `folder`; `labels` are those of Prometheus' target.

    until: unix seconds. A later sample is left out: Prometheus would refuse every scrape before it as out of order.
    """
    metrics = {metric.name: metric for metric in METRICS}
    result = Written()
    with ExitStack() as stack:
        files: dict[int, _File] = {}
        for one in series:
            metric = metrics[one.metric]
            name = f"{one.metric}{{{','.join(_label(*pair) for pair in [*one.labels, *sorted(labels.items())])}}}"
            last = end = 0.0
            for sample in one.samples:
                ts = sample.ts
                if ts >= until:
                    break
                if ts - last < CLOSEST_SECONDS:
                    continue
                last = ts
                if ts >= end:
                    block = int(ts // BLOCK_SECONDS)
                    end = (block + 1) * BLOCK_SECONDS
                    if block not in files:
                        result.files.append(folder / f"{block * BLOCK_SECONDS}.om")
                        files[block] = _File(stack.enter_context(result.files[-1].open("w", encoding="utf-8")))
                    files[block].begin(metric.family, metric.type)
                    write = files[block].write
                write(f"{name} {sample.value!r} {ts:.3f}\n")
                result.samples += 1
        for file in files.values():
            file.write("# EOF\n")
    result.files.sort()
    return result


def _label(name: str, value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'{name}="{escaped}"'
