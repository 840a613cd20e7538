"""The kinds of metrics. An object declares a family: name, help and labels; a gauge also where its value is."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVarTuple

from bigdipper_exporter.log.rule import Event, fields_of

if TYPE_CHECKING:
    from bigdipper_exporter.metrics.snapshot import Snapshot

Labels = tuple[str, ...]
Sample = tuple[Labels, float]
Known = Callable[["Snapshot"], Iterable[Labels]]
Read = Callable[["Snapshot"], float | Iterable[Sample] | None]
# Which families a scrape asks for: those of registry.NOW, those that are not in it, or both.
Part = Literal["all", "now", "rest"]
UNITS = ("usd", "ratio", "seconds", "bytes")

# One type (str) per label, so that mypy reports an increment whose number of values differs from the number of labels.
Names = TypeVarTuple("Names")


@dataclass(frozen=True)
class Metric:
    """One metric family. `name` is the exposed name, with the prefix; counters end in `_total`."""

    name: str
    help: str
    labels: tuple[Any, ...] = ()

    @property
    def type(self) -> str:
        """Prometheus' word for the kind of metric."""
        return type(self).__name__.lower()

    @property
    def family(self) -> str:
        """Name of the family: a counter's without `_total`."""
        return self.name

    @property
    def unit(self) -> str:
        """The unit that the name ends in, or an empty string."""
        return next((unit for unit in UNITS if self.family.endswith("_" + unit)), "")


@dataclass(frozen=True)
class Gauge(Metric):
    """A value of the snapshot. `read` returns a number, samples, or None where nothing is known: then there is no series."""

    read: Read = field(kw_only=True)


@dataclass(frozen=True)
class Counter(Metric, Generic[*Names]):
    """A counter, kept in the archive.

    `known` lists the label values that exist from the start with 0, so that `increase()` sees the first incident. `counts` is
    the kind of line that it counts without a handler: its labels are fields of that event, and so is `amount`, which is added
    in place of 1. TypeError when they are not.
    """

    labels: tuple[*Names]
    known: Known | None = None
    counts: type[Event] | None = field(default=None, kw_only=True)
    amount: str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if not self.name.endswith("_total"):
            raise ValueError(f"the counter {self.name} must end in _total")
        names = {*map(str, self.labels)} | ({self.amount} if self.amount else set())
        if names and self.counts is not None and (unknown := names - {*fields_of(self.counts)}):
            raise TypeError(f"{self.name}: {min(unknown)} is no field of {self.counts.__name__}")

    @property
    def family(self) -> str:
        """Name of the family, without `_total`."""
        return self.name.removesuffix("_total")


@dataclass(frozen=True)
class Histogram(Metric, Generic[*Names]):
    """A histogram, kept in the archive. `buckets` are upper bounds in the unit of its name, without +Inf."""

    labels: tuple[*Names]
    buckets: tuple[float, ...] = field(kw_only=True)
    known: Known | None = field(default=None, kw_only=True)

    @property
    def bucket_series(self) -> str:
        """Where the archive keeps the counts per bucket: not cumulative, the upper bound is one more label."""
        return f"{self.name}_bucket"

    @property
    def sum_series(self) -> str:
        """Where the archive keeps the sum of the observations."""
        return f"{self.name}_sum"
