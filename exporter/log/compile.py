"""Turns the grammar's table into one matcher: message bytes -> event."""

import re
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, cast

from exporter.log.events import ROUTINE_REASONS, Event, Malformed
from exporter.log.grammar import RULES, TAGS, Rule

SYMBOL = r"[A-Z0-9./-]{1,15}"
NUMBER = r"[-+]?\d[\d,]*(?:\.\d+)?"
TEXT = {"symbol": SYMBOL, "order_id": r"[0-9A-Za-z-]{1,64}", "version": r"[\w.-]{1,20}", "mode": r"[A-Za-z]{1,12}",
        "movers": r".+", "symbols": r".+", "kind": r"[a-z]+", "_": r".*?"}
WHOLE = ("number", "found", "stocks", "skipped", "missed", "attempt", "cycle")
Build = Callable[[re.Match[bytes]], Event]

TOKEN = re.compile(r"<(\w+)>|([{}])| +|[^<{} ]+|.")


# How the text of a group becomes the value of a field, as an expression over the match `m`.
AS_TEXT = "m[{}].decode('utf-8', 'replace')"
AS_WHOLE = "int(m[{}].replace(b',', b''))"
AS_NUMBER = "float(m[{}].replace(b',', b''))"


class Field(NamedTuple):
    """A field of an event that a pattern reads: its name, its conversion, and whether the pattern may leave it out."""

    name: str
    convert: str
    optional: bool

    def expression(self, group: int) -> str:
        """Python expression for the value, given the number of its group."""
        value = self.convert.format(group)
        return f"{value} if m[{group}] is not None else None" if self.optional else value


def _literal(text: str) -> str:
    # Indentation and the double blank behind an emoji vary between versions, and so does the emoji's variation selector.
    return re.escape(text).replace("\\ ", " ").replace("\ufe0f", "(?:\ufe0f)?") if text.strip() else " +"


def _regex(event: type[Event], pattern: str) -> tuple[str, list[Field]]:
    """A pattern as a regular expression with one group per field of `event`, and those fields in order."""
    parts: list[str] = []
    fields: list[Field] = []
    depth = 0
    for token in TOKEN.finditer(pattern):
        name, brace = token.group(1), token.group(2)
        if brace:
            parts.append("(?:" if brace == "{" else ")?")
            depth += 1 if brace == "{" else -1
        elif name is None:
            parts.append(_literal(token.group()))
        elif name in event._fields:
            parts.append(f"({TEXT.get(name, NUMBER)})")
            convert = AS_TEXT if name in TEXT else AS_WHOLE if name in WHOLE else AS_NUMBER
            fields.append(Field(name, convert, depth > 0))
        else:
            parts.append(TEXT[name])
    return "".join(parts), fields


def _split(pattern: str) -> tuple[str, str]:
    """A pattern as its lead (up to the symbol, shared by many rules) and the rest."""
    lead, symbol, rest = pattern.partition("<symbol>")
    return (lead + symbol, rest) if symbol and "{" not in lead else ("", pattern)


def _builder(rule: Rule, groups: list[int], fields: list[Field]) -> Build:
    """The function that makes the rule's event from a match.

    Compiled from one expression, as the standard library does for named tuples: at catch-up it runs for every other line.
    """
    values = {name: repr(rule.fixed.get(name, default)) for name, default in rule.event._field_defaults.items()}
    values |= {name: repr(value) for name, value in rule.fixed.items()}
    if "detail" in rule.event._fields and rule.fixed.get("reason") not in ROUTINE_REASONS:
        values["detail"] = "m[0].decode('utf-8', 'replace')"
    values |= {field.name: field.expression(group) for field, group in zip(fields, groups, strict=True)}
    source = f"lambda m: event({', '.join(values[name] for name in rule.event._fields)})"
    return cast(Build, eval(source, {"event": rule.event}))


class Matcher:
    """All rules whose message can begin with one given byte, as one alternation; rules with the same lead share it."""

    def __init__(self, rules: list[Rule], tags: list[tuple[str, str]]) -> None:
        self._build: dict[int, tuple[Build, str]] = {}
        alternatives: list[str] = []
        leads: dict[str, list[Rule]] = {}
        for rule in rules:
            lead = _split(rule.pattern)[0]
            leads.setdefault(lead or rule.pattern, []).append(rule)
        group = 1
        for lead, together in leads.items():
            shared = _split(together[0].pattern)[0] == lead
            regex, lead_fields = _regex(together[0].event, lead) if shared else ("", [])
            lead_groups = [group] if lead_fields else []
            group += len(lead_groups)
            ends = []
            for rule in together:
                end, fields = _regex(rule.event, _split(rule.pattern)[1] if shared else rule.pattern)
                ends.append(f"({end}\\s*\\Z)")
                groups = [*lead_groups, *range(group + 1, group + 1 + len(fields))]
                self._build[group] = _builder(rule, groups, [*lead_fields, *fields]), rule.forms
                group += 1 + len(fields)
            alternatives.append(f"{regex}(?:{'|'.join(ends)})")
        for tag, kind in tags:
            alternatives.append(f"({''.join(_literal(t) for t in re.findall(' +|[^ ]+', tag))}.*)")
            self._build[group] = partial(_malformed, Malformed(kind)), ""
            group += 1
        self._match = re.compile("|".join(alternatives).encode(), re.DOTALL).match

    def __call__(self, line: bytes, start: int) -> tuple[Event, str] | None:
        """The event of the message that begins at `start`, and the forms of the log that print it so; or None."""
        match = self._match(line, start)
        if match is None:
            return None
        build, forms = self._build[cast(int, match.lastindex)]
        return build(match), forms


def _malformed(event: Malformed, _match: re.Match[bytes]) -> Event:
    return event


def _starts(pattern: str) -> set[bytes]:
    """The first bytes that a message of this pattern can have."""
    if pattern.startswith("<symbol>"):
        return {bytes([c]) for c in b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./-"}
    if pattern.startswith("{"):
        optional, rest = pattern[1:].split("}", 1)
        return _starts(optional) | _starts(rest)
    first = {pattern.encode()[:1]}
    return first | _starts(pattern.lstrip()) if pattern.startswith(" ") else first


def _indented(pattern: str) -> str:
    # An indented line may have lost its indentation (the design form prints Winners without).
    return "{ }" + pattern.lstrip() if pattern.startswith(" ") else pattern


def compile_grammar() -> dict[bytes, Matcher]:
    """First byte of a message -> matcher. A message whose first byte is not a key is no event."""
    keys = set().union(*(_starts(r.pattern) for r in RULES), *(_starts(tag) for tag, _ in TAGS))
    return {
        key: Matcher(
            [r._replace(pattern=_indented(r.pattern)) for r in RULES if key in _starts(r.pattern)],
            [(tag, kind) for tag, kind in TAGS if key in _starts(tag)],
        )
        for key in keys
    }


MATCHERS = compile_grammar()


def read_message(line: bytes, start: int = 0) -> tuple[Event, str] | None:
    """What a message (the text of `line` from `start` on, behind `[LEVEL] `) tells, and the forms that print it so."""
    matcher = MATCHERS.get(line[start : start + 1])
    return matcher(line, start) if matcher else None
