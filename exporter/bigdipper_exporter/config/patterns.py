"""The user's own patterns: lines of the log that become metrics without code."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from re import _constants, _parser  # type: ignore[attr-defined,unused-ignore]
from typing import TYPE_CHECKING, Any

from bigdipper_exporter.config.kinds import LINE, Kind, choice
from bigdipper_exporter.config.yamlfile import Item, Section, quoted

if TYPE_CHECKING:
    import regex

PREFIX = "bigdipper_custom_"
KEYS = ("name", "regex", "type", "help", "labels", "value")
TYPE = choice("counter", "gauge")

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,99}")
_LABEL = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]{0,63}")
# Bounds on the work for one message: seconds per pattern, and characters that are looked at.
SEARCH_SECONDS = 0.05
MESSAGE_LIMIT = 16_384

# Suffixes that the exposition formats give a meaning of their own.
_TAKEN_SUFFIXES = ("_bucket", "_count", "_sum", "_created", "_info")
_TAKEN_LABELS = ("le", "quantile")


@dataclass(frozen=True, slots=True)
class Pattern:
    """One metric of the user's own.

    `name` is the exposed name (a counter's ends in `_total`), `regex` is searched in each log message, `labels` are
    groups of it whose text becomes label values, `value` the group that holds a gauge's number (None for a counter).
    """

    name: str
    regex: regex.Pattern[str]
    type: str
    help: str
    labels: tuple[str, ...]
    value: str | None


def _metric_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("is not a metric name")
    if text.endswith(_TAKEN_SUFFIXES):
        raise ValueError(f"ends in {text[text.rindex('_') :]}, which Prometheus keeps for itself")
    return text if text.startswith(PREFIX) else PREFIX + text


def _regex(text: str) -> regex.Pattern[str]:
    import regex  # a tenth of the start of a command, and most have no pattern

    try:
        re.compile(text)  # names what is wrong in the words of Python's documentation
        compiled = regex.compile(text)
    except (re.error, regex.error, OverflowError, RecursionError) as error:
        raise ValueError(f"is not a regular expression: {error}") from None
    if compiled.search(""):
        raise ValueError("matches every line, even an empty one")
    return compiled


def slow(patterns: Iterable[Pattern]) -> list[str]:
    """What is to be said of patterns that may take exponential time: a repetition inside a repetition."""
    return [
        f"{pattern.name} repeats a repetition: {quoted(pattern.regex.pattern)} can take very long for a message that it"
        f" nearly matches, and is given up after {SEARCH_SECONDS:g} s; repeat once, as in \\w[\\w\\s]* for (\\w+\\s?)+"
        for pattern in patterns
        if _nested(_parser.parse(pattern.regex.pattern), False)
    ]


def _nested(parsed: Any, repeated: bool) -> bool:
    """Whether something of variable length is repeated without bound inside of what is repeated without bound itself."""
    for operator, argument in parsed:
        if operator in (_constants.MAX_REPEAT, _constants.MIN_REPEAT):
            _, most, body = argument
            unbounded = most is _constants.MAXREPEAT or most > 100
            if (repeated and unbounded) or _nested(body, repeated or unbounded):
                return True
        elif operator is _constants.BRANCH:
            if any(_nested(branch, repeated) for branch in argument[1]):
                return True
        elif operator is _constants.SUBPATTERN:
            if _nested(argument[-1], repeated):
                return True
        elif operator in (_constants.ASSERT, _constants.ASSERT_NOT) and _nested(argument[1], repeated):
            return True
    return False


NAME = Kind(_metric_name, "small letters, digits and _, starting with a letter")
REGEX = Kind(_regex, "a Python regular expression with named groups (?P<name>...)")


def parse(item: Item, problems: list[str]) -> tuple[Pattern, ...]:
    """The patterns of the list `item`, the sound ones at least; a line in `problems` for everything wrong."""
    if not isinstance(item.value, list):
        problems.append(f"patterns: must be a list of patterns, not {item.form} ({item.where})")
        return ()
    found: dict[str, Item] = {}
    patterns: list[Pattern] = []
    for number, entry in enumerate(item.value, 1):
        pattern = _pattern(Section(entry, f"patterns[{number}]", KEYS, problems), problems)
        if pattern is None:
            continue
        if pattern.name in found:
            first = found[pattern.name].where
            problems.append(f"patterns[{number}].name: {pattern.name} ({entry.where}) is taken by the one at {first}")
            continue
        found[pattern.name] = entry
        patterns.append(pattern)
    return tuple(patterns)


def _pattern(section: Section, problems: list[str]) -> Pattern | None:
    import regex

    before = len(problems)
    for key in ("name", "regex"):
        if section.get(key) is None:
            problems.append(f"{section.path(key)}: is missing ({section.where})")
    nothing = regex.compile("(?!)")
    name = section.value("name", NAME, "")
    expression = section.value("regex", REGEX, nothing)
    type_ = section.value("type", TYPE, "counter")
    help_ = section.value("help", LINE, "") or f"Lines of the log that match the user's pattern {name}."
    labels, value = section.texts("labels"), section.text("value")
    if len(problems) == before:
        _check_groups(section, expression, labels, value)
        _check_type(section, name, type_, value)
    if len(problems) > before:
        return None
    if type_ == "counter" and not name.endswith("_total"):
        name += "_total"
    return Pattern(name, expression, type_, help_, labels, value)


def _check_groups(section: Section, groups_of: regex.Pattern[str], labels: tuple[str, ...], value: str | None) -> None:
    groups = ", ".join(groups_of.groupindex) or "none, the regex has no named group"
    for label in labels:
        if not _LABEL.fullmatch(label) or label in _TAKEN_LABELS:
            section.wrong("labels", label, "is not a label name", "letters, digits and _, not starting with __")
        elif label not in groups_of.groupindex:
            section.wrong("labels", label, "is not a group of the regex", groups)
    if len(set(labels)) < len(labels):
        section.wrong("labels", ", ".join(labels), "names a label twice", "each once")
    if value is not None and (value not in groups_of.groupindex or value in labels):
        section.wrong("value", value, "is not a group of the regex, or already a label", groups)


def _check_type(section: Section, name: str, type_: str, value: str | None) -> None:
    if type_ == "gauge" and value is None:
        section.wrong("value", "", "is missing", "the group that holds the gauge's number")
    if type_ == "gauge" and name.endswith("_total"):
        section.wrong("name", name, "ends in _total", "that ending for counters only")
    if type_ == "counter" and value is not None:
        section.wrong("value", value, "has no use", f"only with type gauge; a counter counts lines ({quoted(name)})")


__all__ = ["PREFIX", "Pattern", "parse", "slow"]
