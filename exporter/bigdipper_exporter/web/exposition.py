"""Metrics as text: which format a scraper gets, and each made once however many ask at the same moment."""

import gzip
import threading
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric

from bigdipper_exporter.metrics.table import Part

OPENMETRICS = "application/openmetrics-text;version=1.0.0"
TEXT_1 = "text/plain;version=1.0.0"
TEXT = "text/plain;version=0.0.4"

# What an entry of the Accept header asks for: media type and version.
_FORMATS = {
    ("application/openmetrics-text", "1.0.0"): OPENMETRICS,
    ("application/openmetrics-text", ""): OPENMETRICS,
    ("text/plain", "1.0.0"): TEXT_1,
    ("text/plain", "0.0.4"): TEXT,
    ("text/plain", ""): TEXT,
    ("text/*", ""): TEXT,
    ("*/*", ""): TEXT,
}
_GZIP_LEVEL = 5  # a third of the time of level 9 for 3 % more bytes


def choose_format(accept: str | None) -> str:
    """The format that an Accept header likes best, by q-value and then by order; plain text if it names none of ours."""
    wanted = [(_FORMATS.get((name, options.get("version", ""))), quality) for name, options, quality in _entries(accept)]
    known = [(format_, quality) for format_, quality in wanted if format_ and quality > 0]
    return max(known, key=lambda pair: pair[1])[0] if known else TEXT


def accepts_gzip(accept_encoding: str | None) -> bool:
    """Return whether an Accept-Encoding header allows gzip."""
    return any(name == "gzip" and quality > 0 for name, _, quality in _entries(accept_encoding))


def _entries(header: str | None) -> Iterable[tuple[str, dict[str, str], float]]:
    """Name, options and q-value of each entry of a header such as `text/plain;version=0.0.4;q=0.3, */*`."""
    for entry in (header or "").split(","):
        name, *rest = entry.split(";")
        options = {key.strip().lower(): value.strip(' "') for key, _, value in (part.partition("=") for part in rest)}
        try:
            quality = float(options.get("q", "1"))
        except ValueError:
            quality = 0.0
        yield name.strip().lower(), options, quality


@dataclass(frozen=True, slots=True)
class _Families:
    """Stands where prometheus_client's encoders expect a registry."""

    families: Collection[Metric]

    def collect(self) -> Iterable[Metric]:
        return self.families


@dataclass(frozen=True, slots=True)
class Rendered:
    """A body ready to be sent; `begun` is the monotonic time when its values were asked for."""

    body: bytes
    content_type: str
    begun: float


class Exposition:
    """Renders what `collect` yields. Safe to use from any thread.

    Forty scrapes at once would take forty times the CPU time, and each would wait for all; here those that wait share the
    next rendering, which begins after they arrived and so is as fresh as one of their own.
    """

    def __init__(self, collect: Callable[[Part], Iterable[Metric]]) -> None:
        self._collect = collect
        self._lock = threading.Lock()
        self._newest: dict[tuple[str, bool, Part], Rendered] = {}

    def render(self, format_: str, zipped: bool, names: Collection[str] = (), part: Part = "all") -> Rendered:
        """Render `part` of the metrics in `format_` (one of ours), gzipped if `zipped`, only those `names` if any are given."""
        came = time.monotonic()
        with self._lock:
            if names:
                return self._render(format_, zipped, part, frozenset(names))
            newest = self._newest.get((format_, zipped, part))
            if newest is None or newest.begun < came:
                newest = self._newest[format_, zipped, part] = self._render(format_, zipped, part, frozenset())
            return newest

    def _render(self, format_: str, zipped: bool, part: Part, names: frozenset[str]) -> Rendered:
        begun = time.monotonic()
        families = list(self._collect(part))
        if names:
            families = [named for family in families if (named := _only(family, names)).samples]
        encode, content_type = choose_encoder(format_)
        try:
            body = encode(_Families(families))
        except UnicodeEncodeError:
            # One label with half a character must not make every other series stale.
            body = encode(_Families([_clean(family) for family in families]))
        return Rendered(gzip.compress(body, _GZIP_LEVEL, mtime=0) if zipped else body, content_type, begun)


def _only(family: Metric, names: frozenset[str]) -> Metric:
    """The family with the samples that are named, by their own name or the family's."""
    part = Metric(family.name, family.documentation, family.type, family.unit)
    part.samples = [sample for sample in family.samples if family.name in names or sample.name in names]
    return part


def _clean(family: Metric) -> Metric:
    part = Metric(family.name, family.documentation, family.type, family.unit)
    part.samples = [
        sample._replace(labels={key: text.encode(errors="replace").decode() for key, text in sample.labels.items()})
        for sample in family.samples
    ]
    return part
