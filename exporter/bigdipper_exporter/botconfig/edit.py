"""Changes literals of the bot's config.py and nothing else: comments, layout, encoding and line ends stay as they are.

The file is parsed, never executed. A value is replaced in the text where its syntax tree says it is; afterwards the tree of
the new text must be the old one with that one node changed, or nothing is done.
"""

import ast
import difflib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from bigdipper_exporter.botconfig import rules
from bigdipper_exporter.botconfig.expressions import Value
from bigdipper_exporter.botconfig.locate import entries, expression, locate
from bigdipper_exporter.botconfig.rules import DEFAULT, RULES, THRESHOLDS, Finding, fits
from bigdipper_exporter.botconfig.text import LINE_END, EditError, Text
from bigdipper_exporter.botconfig.tree import Parsed, parsed, read

# Without leading zeros: to Python 03 is an error.
_NUMBER = re.compile(r"-?((0|[1-9][0-9]{0,11})(\.[0-9]{1,12})?|\.[0-9]{1,12})")


@dataclass(frozen=True, slots=True)
class Edited:
    """The file before and after. changed: every setting whose value differs, as `name: old -> new`.

    findings: errors and warnings that the change brings; earlier: the errors that were in the file before.
    """

    before: bytes
    after: bytes
    changed: tuple[str, ...]
    findings: tuple[Finding, ...]
    earlier: tuple[Finding, ...] = ()

    def diff(self, name: str) -> str:
        """The unified diff of the file, called `name`."""
        before, after = (_lines(data) for data in (self.before, self.after))
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in _shown(before, after, name))


def edit(data: bytes, assignments: Iterable[tuple[str, str]]) -> Edited:
    """Apply `NAME=VALUE` changes, `DIP_THRESHOLDS.SYMBOL=VALUE` included. Raises EditError; then nothing was changed."""
    changes = list(assignments)
    if twice := [name for name, times in Counter(name for name, _ in changes).items() if times > 1]:
        raise EditError(f"{', '.join(twice)[:80]}: is given more than once; name each setting once")
    before, after = read(data), data
    for name, text in changes:
        after = _edit_one(after, name, text)
    values = read(after)
    found, known = rules.check(values), rules.check(before)
    earlier = tuple(finding for finding in known if finding.severity == "error")
    wrong_before = {finding.setting for finding in earlier}
    errors = [finding for finding in found if finding.severity == "error" and finding.setting not in wrong_before]
    if errors:
        raise EditError("; ".join(f"{finding.setting}: {finding.message}" for finding in errors))
    new = tuple(finding for finding in found if finding.severity in ("error", "warning") and finding not in known)
    return Edited(data, after, tuple(_differences(before, values)), new, earlier)


def why_not(file: Parsed, name: str) -> str | None:
    """Return why a setting cannot be edited; None where it can."""
    try:
        literal(file, name)
    except EditError as error:
        return str(error)
    return None


def literal(file: Parsed, name: str) -> str:
    """Return the text of a setting's literal in the file. Raises EditError where it cannot be edited.

    A watched symbol without a threshold of its own has the literal of DEFAULT.
    """
    return ast.unparse(locate(file, f"{THRESHOLDS}.{DEFAULT}" if _is_new(file, name) else name))


def _edit_one(data: bytes, name: str, value: str) -> bytes:
    file = parsed(data)
    if _is_new(file, name):
        return _add_threshold(file, name, value.strip())
    node = locate(file, name)
    new = _literal(name, node, value.strip())
    text = Text.of(data)
    expected = ast.parse(new, mode="eval").body
    for field in ("lineno", "col_offset", "end_lineno", "end_col_offset"):
        setattr(expected, field, getattr(node, field))
    return _only(_Replaced(node, expected).visit(file.tree), text.spliced(*text.span(node), new), name)


def _only(expected: ast.AST, data: bytes, name: str) -> bytes:
    """Return the new file. Raises EditError where its tree is not the expected one."""
    try:
        same = ast.dump(expected) == ast.dump(parsed(data).tree)
    except EditError:  # the old file was Python, so it is the change that is not
        same = False
    if not same:
        raise EditError(f"{name}: the change would touch more than its value; edit the file by hand")
    return data


def _is_new(file: Parsed, name: str) -> bool:
    """Whether this is the threshold of a watched symbol that has none of its own. Raises EditError where none can be added."""
    setting, dot, symbol = name.partition(".")
    if setting != THRESHOLDS or not dot or symbol == DEFAULT:
        return False
    watched = file.values.get("SYMBOLS")
    if symbol in entries(expression(file, setting)):
        return False
    if watched is None or not isinstance(watched.value, list) or symbol not in watched.value:
        raise EditError(f"{name[:60]}: is not in SYMBOLS, so the bot never looks at it")
    return True


def _add_threshold(file: Parsed, name: str, value: str) -> bytes:
    """Write one more entry behind the last one of the dict, in its layout."""
    node = expression(file, THRESHOLDS)
    assert isinstance(node, ast.Dict)
    key, symbol = node.keys[-1], name.partition(".")[2]
    assert isinstance(key, ast.Constant)
    new = _literal(name, ast.Constant(0.5), value)
    text = Text.of(file.data)
    begin, behind, brace = text.span(key)[0], text.span(node.values[-1])[1], text.span(node)[1] - 1
    quote = "'" if "'" in text.text[begin : begin + 2] else '"'
    entry = f"{quote}{symbol}{quote}: {new}"
    rest = text.text[behind:brace]
    ends = list(LINE_END.finditer(rest))
    if ends and not rest[ends[-1].end() :].strip():  # the brace has a line of its own: so gets the entry
        comma = "" if "," in re.sub(r"#[^\r\n]*", "", rest) else ","
        first = max((end.end() for end in LINE_END.finditer(text.text, 0, begin)), default=0)
        indent = re.match(r"[ \t]*", text.text[first:])[0]  # type: ignore[index]  # it matches the empty text
        entry = f"{comma}{rest[: ends[-1].end()]}{indent}{entry},{ends[-1].group()}"
        brace = behind + ends[-1].end()
    else:
        entry, brace = f", {entry}", behind
    node.keys.append(ast.Constant(symbol))
    node.values.append(ast.parse(new, mode="eval").body)
    return _only(file.tree, text.spliced(behind, brace, entry), name)


class _Replaced(ast.NodeTransformer):
    """A tree with one node exchanged."""

    def __init__(self, old: ast.expr, new: ast.expr) -> None:
        self._old, self._new = old, new

    def visit(self, node: ast.AST) -> Any:
        """Return the new node in place of the old one."""
        return self._new if node is self._old else super().generic_visit(node)


def _literal(name: str, node: ast.expr, text: str) -> str:
    """The new literal in the style of the old one. Raises EditError when the value is not allowed."""
    setting, _, symbol = name.partition(".")
    rule, allowed = RULES[setting], RULES[setting].allowed
    old = ast.literal_eval(node)
    value: object
    if rule.kind == "switch":
        if text.lower() not in ("true", "false"):
            raise EditError(f"{name}: {text[:40]!r} is neither True nor False")
        return text.capitalize()
    if rule.kind == "level":
        value = text.strip("'\"").upper()
        if not fits(rule, value):
            raise EditError(f"{name}: {text[:40]!r} is no level; allowed: {allowed}")
        return repr(value) if "'" in ast.unparse(node) else f'"{value}"'
    if not _NUMBER.fullmatch(text):
        raise EditError(f"{name}: {text[:40]!r} is not a plain number such as 0.05; allowed: {allowed}")
    value = float(text) if "." in text or isinstance(old, float) else int(text)
    right = fits(rule, {DEFAULT: 0.05, symbol: value}) if setting == THRESHOLDS else fits(rule, value)
    if not right or isinstance(old, bool | str):
        raise EditError(f"{name}: {text} is not allowed; allowed: {rules.allowed(name)}")
    if rule.kind == "whole" and isinstance(old, int) and "." in text:
        raise EditError(f"{name}: {text} is not a whole number; allowed: {allowed}")
    return text if isinstance(value, int) or "." in text else f"{text}.0"


def _lines(data: bytes) -> list[str]:
    """The lines of a file for its diff; an undo may replace one whose encoding is damaged."""
    try:
        return Text.of(data).lines()
    except EditError:
        return Text(data.decode("utf-8", "replace"), "utf-8", b"").lines()


def _shown(before: list[str], after: list[str], name: str) -> Iterator[str]:
    old, new = ([line.rstrip("\r\n") for line in lines] for lines in (before, after))
    return difflib.unified_diff(old, new, f"a/{name}", f"b/{name}", lineterm="")


def _differences(before: dict[str, Value], after: dict[str, Value]) -> Iterator[str]:
    """Every setting whose value is another one, also those that are computed from the one that was edited."""
    for name, value in after.items():
        old = before[name].value
        if isinstance(value.value, dict) and isinstance(old, dict):
            for key, part in value.value.items():
                if old.get(key) != part:
                    was = rules.shown(name, old[key]) if key in old else f"{DEFAULT} ({rules.shown(name, old.get(DEFAULT))})"
                    yield f"{name}.{key}: {was} -> {rules.shown(name, part)}"
        elif value.value != old:
            yield f"{name}: {rules.shown(name, old)} -> {rules.shown(name, value.value)}"
