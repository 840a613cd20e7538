"""The form of a metric: one entry says its name, its meaning and where its value comes from."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from bigdipper_exporter.counters import Labels
from bigdipper_exporter.metrics.snapshot import Snapshot

Sample = tuple[Labels, float]
UNITS = ("usd", "ratio", "seconds", "bytes")


@dataclass(frozen=True)
class Metric:
    """One metric family.

    name: as exposed (counters end in `_total`). read: for gauges, what the snapshot holds: a number, None for "unknown" (no
    series), or samples. Counters and histograms are read from the committed counters; `known` lists the label sets that exist
    from the start with 0, so that the first incident is visible to `increase()`.
    """

    name: str
    type: Literal["gauge", "counter", "histogram"]
    help: str
    labels: Labels = ()
    read: Callable[[Snapshot], float | Iterable[Sample] | None] | None = None
    known: Callable[[Snapshot], Iterable[Labels]] | None = None
    buckets: tuple[float, ...] = ()

    @property
    def family(self) -> str:
        """Name of the family: a counter's without `_total`."""
        return self.name.removesuffix("_total") if self.type == "counter" else self.name

    @property
    def unit(self) -> str:
        """The unit that the name ends in, or an empty string."""
        return next((unit for unit in UNITS if self.family.endswith("_" + unit)), "")
