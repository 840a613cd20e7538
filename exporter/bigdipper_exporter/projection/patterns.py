"""The user's own patterns at work: each match in a message counts, or sets a gauge, in the transaction of its line."""

from __future__ import annotations

import json
import math
from collections import Counter as Tally
from functools import partial
from typing import TYPE_CHECKING

from bigdipper_exporter import logs
from bigdipper_exporter.config.patterns import MESSAGE_LIMIT, SEARCH_SECONDS, Pattern
from bigdipper_exporter.counters import Counters
from bigdipper_exporter.metrics.snapshot import Snapshot
from bigdipper_exporter.metrics.table import Counter, Gauge, Metric, Sample
from bigdipper_exporter.projection.state import TOO_SLOW, BotState

if TYPE_CHECKING:
    import regex

log = logs.get("patterns")

MAX_SERIES = 100
# A pattern that has timed out this many times is not tried again until the next start.
MAX_TIMEOUTS = 3


class Custom:
    """Listens to every message of the log. Series beyond the first 100 of a pattern share the label value `other`."""

    def __init__(self, patterns: tuple[Pattern, ...], state: BotState, counters: Counters) -> None:
        self._patterns = patterns
        self._counters = counters
        self._timeouts = Tally[str]()
        self.state = state

    def listen(self, message: str) -> None:
        """Apply every pattern to one message."""
        for pattern in self._patterns:
            match = self._search(pattern, message[:MESSAGE_LIMIT])
            if match is None:
                continue
            value = 1.0 if pattern.value is None else _number(match[pattern.value])
            if value is None:
                continue
            labels = self._bounded(pattern, tuple((match[name] or "")[:100] for name in pattern.labels))
            if pattern.value is None:
                self._counters.inc(_counter(pattern), *labels)
            else:
                self._series(pattern.name)[json.dumps(labels)] = value

    def _search(self, pattern: Pattern, message: str) -> regex.Match[str] | None:
        """Search within a bound of time: an expression that tries too many ways must not stop the log and the scrapes."""
        if self._timeouts[pattern.name] >= MAX_TIMEOUTS:
            return None
        try:
            return pattern.regex.search(message, timeout=SEARCH_SECONDS)
        except TimeoutError:
            self._timeouts[pattern.name] += 1
        if self._timeouts[pattern.name] == MAX_TIMEOUTS:
            self.state.slow_patterns = [*self.state.slow_patterns, pattern.name]
            log.warning(f"a pattern {TOO_SLOW}", pattern=pattern.name)
        return None

    def _series(self, name: str) -> dict[str, float]:
        return self.state.custom.setdefault(name, {})

    def _bounded(self, pattern: Pattern, labels: tuple[str, ...]) -> tuple[str, ...]:
        known = self._series(pattern.name)
        key = json.dumps(labels)
        if key not in known and len(known) >= MAX_SERIES:
            return ("other",) * len(labels)
        known.setdefault(key, 0.0)
        return labels


def _counter(pattern: Pattern) -> Counter[*tuple[str, ...]]:
    return Counter(pattern.name, pattern.help, pattern.labels)


def _number(text: str | None) -> float | None:
    try:
        number = float((text or "").replace(",", "").replace("$", ""))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def metrics(patterns: tuple[Pattern, ...]) -> list[Metric]:
    """The metric table's entries for the user's patterns."""
    return [_counter(p) if p.value is None else Gauge(p.name, p.help, p.labels, read=partial(_gauge, p.name)) for p in patterns]


def _gauge(name: str, snapshot: Snapshot) -> list[Sample]:
    return [(tuple(json.loads(key)), value) for key, value in snapshot.bot.custom.get(name, {}).items()]
