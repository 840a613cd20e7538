"""Turns the grammar's table into one regular expression that finds every event in a large piece of the log."""

import re
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, cast

from exporter.log.events import ROUTINE_REASONS, Event, Malformed
from exporter.log.grammar import RULES, TAGS, Rule

SYMBOL = r"[A-Z0-9./-]{1,15}"
# At most a trillion, and no sign where only damage could put one: what is counted must never step back.
AMOUNT = r"\d[\d,]{0,15}(?:\.\d{1,9})?"
NUMBER = rf"[-+]?{AMOUNT}"
TEXT = {"symbol": SYMBOL, "order_id": r"[0-9A-Za-z-]{1,64}", "version": r"[\w.-]{1,20}", "mode": r"[A-Za-z]{1,12}",
        "movers": r".+", "symbols": r".+", "kind": r"[a-z]+", "_": r".*?"}
WHOLE = ("number", "found", "stocks", "skipped", "missed", "attempt", "cycle")
UNSIGNED = ("quantity", "price", "total", "seconds", "deployed", "invested")
Build = Callable[[re.Match[bytes]], Event]

# An indented line may have lost its indentation (the design form prints Winners without).
INDENT = "{ }"
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
# The newline in front is what makes a search over half a megabyte fast: it begins with one literal byte.
HEADER = rf"\n\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d \[({'|'.join(LEVELS)})\]"
# To the end of the line, blanks and a carriage return aside.
END = r"[ \t\r]*$"
TOKEN = re.compile(r"<(\w+)>|([{}])| +|[^<{} ]+|.")


# How the text of a group becomes the value of a field, as an expression over the match `m`.
AS_TEXT = "m[{}].decode('utf-8', 'replace')"
AS_SYMBOL = "m[{}].decode()"
AS_WHOLE = "int(m[{}])"
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


def _text_of(name: str) -> str:
    if name in TEXT:
        return TEXT[name]
    return r"\d{1,9}" if name in WHOLE else AMOUNT if name in UNSIGNED else NUMBER


def _convert(name: str) -> str:
    if name in TEXT:
        return AS_SYMBOL if name == "symbol" else AS_TEXT
    return AS_WHOLE if name in WHOLE else AS_NUMBER


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
            parts.append(f"({_text_of(name)})")
            fields.append(Field(name, _convert(name), depth > 0))
        else:
            parts.append(TEXT[name])
    return "".join(parts), fields


def _split(pattern: str) -> tuple[str, str]:
    """A pattern as its lead, which many rules share and which is tried once for all of them, and the rest.

    The lead is the indentation, or all up to the symbol, or nothing.
    """
    if pattern.startswith(" "):
        return INDENT, pattern[1:]
    lead, symbol, rest = pattern.partition("<symbol>")
    return (lead + symbol, rest) if symbol and "{" not in lead else ("", pattern)


def _builder(rule: Rule, groups: list[int], fields: list[Field]) -> Build:
    """The function that makes the rule's event from a match.

    Compiled from one expression, as the standard library does for named tuples: at catch-up it runs for every other line.
    """
    values = {name: repr(rule.fixed.get(name, default)) for name, default in rule.event._field_defaults.items()}
    values |= {name: repr(value) for name, value in rule.fixed.items()}
    if "detail" in rule.event._fields and rule.fixed.get("reason") not in ROUTINE_REASONS:
        values["detail"] = "m[0].partition(b'] ')[2].decode('utf-8', 'replace').rstrip()"
    values |= {field.name: field.expression(group) for field, group in zip(fields, groups, strict=True)}
    source = f"lambda m: new(event, ({', '.join(values[name] for name in rule.event._fields)}{',' if values else ''}))"
    return cast(Build, eval(source, {"event": rule.event, "new": tuple.__new__}))


def compile_grammar() -> tuple[re.Pattern[bytes], dict[int | None, tuple[Build, str]]]:
    """All rules as one alternation behind the header of a line; rules with the same lead share it.

    Returns the expression, and by the lastindex of its match how the event is made and which forms of the log print it so.
    """
    alternatives: list[str] = []
    builds: dict[int | None, tuple[Build, str]] = {}
    leads: dict[str, list[Rule]] = {}
    for rule in RULES:
        leads.setdefault(_split(rule.pattern)[0], []).append(rule)
    group = 1
    for lead, together in leads.items():
        regex, lead_fields = _regex(together[0].event, lead)
        lead_groups = [group] if lead_fields else []
        group += len(lead_groups)
        ends = []
        for rule in together:
            end, fields = _regex(rule.event, _split(rule.pattern)[1])
            # The empty group at the end marks the rule: in front it would hide the literal that the search skips by.
            ends.append(f"{end}{END}()")
            groups = [*lead_groups, *range(group, group + len(fields))]
            group += len(fields)
            builds[group] = _builder(rule, groups, [*lead_fields, *fields]), rule.forms
            group += 1
        alternatives += [f"{regex}(?:{'|'.join(ends)})"] if lead else ends
    for tag, kind in TAGS:
        literals = "".join(_literal(text) for text in re.findall(" +|[^ ]+", tag))
        alternatives.append(f"{literals}.*{END}()")
        builds[group] = partial(_malformed, Malformed(kind)), ""
        group += 1
    header = HEADER.replace("(", "(?:", 1)
    return re.compile(f"{header} (?:{'|'.join(alternatives)})".encode(), re.MULTILINE), builds


def _malformed(event: Malformed, _match: re.Match[bytes]) -> Event:
    return event


EVENT, BUILDS = compile_grammar()


def read_message(message: bytes) -> tuple[Event, str] | None:
    """What a message (the text behind `[LEVEL] `, one line) tells, and the forms that print it so; None: nothing."""
    match = EVENT.match(b"\n2000-01-01 00:00:00 [INFO] " + message)
    if match is None:
        return None
    build, forms = BUILDS[match.lastindex]
    return build(match), forms
