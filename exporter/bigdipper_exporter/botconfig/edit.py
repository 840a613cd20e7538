"""Changes one literal of the bot's config.py and nothing else: comments, layout, encoding and line ends stay as they are.

The file is parsed, never executed. A value is replaced in the text where its syntax tree says it stands; afterwards the tree of
the new text must be the old one with that one node changed, or nothing is done.
"""

import ast
import difflib
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from bigdipper_exporter.botconfig import rules, source
from bigdipper_exporter.botconfig.rules import DEFAULT, RULES, SECRET_NAME, Finding, fits

THRESHOLDS = "DIP_THRESHOLDS"
EDITABLE = ("number", "whole", "switch", "level")
_NUMBER = re.compile(r"-?([0-9]{1,12}(\.[0-9]{1,12})?|\.[0-9]{1,12})")
_LINE_END = re.compile(r"\r\n|\r|\n")
_BOM = b"\xef\xbb\xbf"
_READS = frozenset(("get", "keys", "items", "values", "copy", "index", "count"))


class EditError(ValueError):
    """Why a setting cannot be edited, or what is wrong with its new value; one sentence."""


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
        before, after = (_lines(_decoded(data)[0]) for data in (self.before, self.after))
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in _shown(before, after, name))


def edit(data: bytes, assignments: Iterable[tuple[str, str]]) -> Edited:
    """Apply `NAME=VALUE` changes, `DIP_THRESHOLDS.SYMBOL=VALUE` included. Raises EditError; then nothing was changed."""
    changes = list(assignments)
    if len({name for name, _ in changes}) < len(changes):
        raise EditError("one setting is given twice")
    before, after = _read(data), data
    for name, text in changes:
        after = _edit_one(after, name, text)
    values = _read(after)
    found, known = rules.check(values), rules.check(before)
    earlier = tuple(finding for finding in known if finding.severity == "error")
    wrong_before = {finding.setting for finding in earlier}
    errors = [finding for finding in found if finding.severity == "error" and finding.setting not in wrong_before]
    if errors:
        raise EditError("; ".join(f"{finding.setting}: {finding.message}" for finding in errors))
    new = tuple(finding for finding in found if finding.severity in ("error", "warning") and finding not in known)
    return Edited(data, after, tuple(_differences(before, values)), new, earlier)


def why_not(data: bytes, name: str) -> str | None:
    """Return why a setting cannot be edited; None where it can."""
    try:
        _locate(_parsed(data), data, name)
    except EditError as error:
        return str(error)
    return None


def literal(data: bytes, name: str) -> str:
    """Return the text of a setting's literal as it stands in the file. Raises EditError where it cannot be edited."""
    return ast.unparse(_locate(_parsed(data), data, name))


def _edit_one(data: bytes, name: str, text: str) -> bytes:
    tree = _parsed(data)
    node = _locate(tree, data, name)
    new = _literal(name, node, text.strip())
    decoded, encoding, mark = _decoded(data)
    start, end = _span(decoded, node)
    result = mark + (decoded[:start] + new + decoded[end:]).encode(encoding)
    expected = ast.parse(new, mode="eval").body
    for field in ("lineno", "col_offset", "end_lineno", "end_col_offset"):
        setattr(expected, field, getattr(node, field))
    if ast.dump(_Replaced(node, expected).visit(tree)) != ast.dump(_parsed(result)):
        raise EditError(f"{name}: the change would touch more than its value; edit the file by hand")
    return result


class _Replaced(ast.NodeTransformer):
    """A tree with one node exchanged."""

    def __init__(self, old: ast.expr, new: ast.expr) -> None:
        self._old, self._new = old, new

    def visit(self, node: ast.AST) -> Any:
        """Return the new node in place of the old one."""
        return self._new if node is self._old else super().generic_visit(node)


def _read(data: bytes) -> dict[str, source.Value]:
    try:
        return source.read(data)
    except ValueError as error:
        raise EditError(f"the file cannot be read: {error}") from None


def _parsed(data: bytes) -> ast.Module:
    _read(data)
    return ast.parse(data)


def _locate(tree: ast.Module, data: bytes, name: str) -> ast.expr:
    """Return the literal of a setting. Raises EditError with the reason why there is none that can be edited."""
    setting, dot, symbol = name.partition(".")
    if SECRET_NAME.search(setting):
        raise EditError(f"{setting}: is secret; it is never shown nor edited here")
    rule = RULES.get(setting)
    if rule is None:
        near = difflib.get_close_matches(setting, RULES, 1)
        raise EditError(f"{setting}: is not a setting of the bot" + (f"; did you mean {near[0]}?" if near else ""))
    if setting == "PAPER":
        raise EditError("PAPER: decides whether real money is traded; change it in the file by hand")
    value = _expression(tree, data, setting)
    if setting == THRESHOLDS:
        if not dot:
            raise EditError(f"{setting}: name one symbol, as {THRESHOLDS}.{DEFAULT}=0.05")
        return _number_node(name, _entry(value, symbol))
    if dot:
        raise EditError(f"{name}: only {THRESHOLDS} has parts")
    if rule.kind not in EDITABLE:
        raise EditError(f"{setting}: is a list; add and remove symbols in the file by hand")
    return _number_node(name, value)


def _expression(tree: ast.Module, data: bytes, setting: str) -> ast.expr:
    """The one expression that a setting is assigned."""
    plain = [s for node in tree.body for s in (node.body if isinstance(node, ast.ClassDef) else [node])]
    found = [
        (s, s.value) for s in plain for target in _targets(s) if target == setting and isinstance(s, ast.Assign | ast.AnnAssign)
    ]
    known = _read(data).get(setting)
    if known is not None and known.problem is not None:
        raise EditError(f"{setting}: {known.problem} (line {known.line})")
    if known is None or not found:
        raise EditError(f"{setting}: is not set in the file")
    stores = sorted({node.lineno for node in ast.walk(tree) if isinstance(node, ast.stmt) and setting in _targets(node)})
    if len(found) > 1 or len(stores) > 1:
        raise EditError(f"{setting}: is set more than once (lines {', '.join(map(str, stores))}); leave one of them")
    if line := _changed_elsewhere(tree, setting):
        raise EditError(f"{setting}: is changed again in line {line}")
    if known.environment:
        names = ", ".join(known.environment)
        raise EditError(f"{setting}: comes from the environment ({names}), which wins over the file; change it there")
    statement, value = found[0]
    if value is None or (isinstance(statement, ast.Assign) and len(statement.targets) > 1):
        raise EditError(f"{setting}: is set together with another name; edit the file by hand")
    return _default_of(value)


def _targets(node: ast.stmt) -> list[str]:
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign | ast.AugAssign):
        targets = [node.target]
    names = []
    for target in targets:
        for part in target.elts if isinstance(target, ast.Tuple | ast.List) else [target]:
            if isinstance(part, ast.Name | ast.Attribute):
                names.append(part.id if isinstance(part, ast.Name) else part.attr)
    return names


def _changed_elsewhere(tree: ast.Module, setting: str) -> int | None:
    """Line of a statement that changes a part of the value, such as `X["A"] = 1`, `X.update(...)` or `del X["A"]`."""
    for node in ast.walk(tree):
        held = node.value if isinstance(node, ast.Subscript | ast.Attribute) else None
        if held is None or _name(held) != setting:
            continue
        changed = isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load)
        if changed or (isinstance(node, ast.Attribute) and node.attr not in _READS):
            return int(node.lineno)  # type: ignore[attr-defined]
    return None


def _name(node: ast.expr) -> str | None:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else None


def _default_of(value: ast.expr) -> ast.expr:
    """The default inside `field(...)` of a dataclass; any other expression itself."""
    if isinstance(value, ast.Call) and _name(value.func) == "field":
        for keyword in value.keywords:
            if keyword.arg == "default":
                return keyword.value
            if keyword.arg == "default_factory" and isinstance(keyword.value, ast.Lambda):
                return keyword.value.body
    return value


def _entry(value: ast.expr, symbol: str) -> ast.expr:
    if not isinstance(value, ast.Dict):
        raise EditError(f"{THRESHOLDS}: is not written as a dict in the file; edit it by hand")
    found = [v for k, v in zip(value.keys, value.values, strict=True) if isinstance(k, ast.Constant) and k.value == symbol]
    if len(found) > 1:
        raise EditError(f"{THRESHOLDS}.{symbol}: is set {len(found)} times; leave one of them")
    if any(not isinstance(key, ast.Constant) for key in value.keys):
        raise EditError(f"{THRESHOLDS}: parts of it are computed; edit it by hand")
    if not found:
        raise EditError(f"{THRESHOLDS}.{symbol}: has no threshold of its own, {DEFAULT} counts; add it in the file by hand")
    return found[0]


def _number_node(name: str, node: ast.expr) -> ast.expr:
    inner = node.operand if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) else node
    if isinstance(inner, ast.Constant) and isinstance(inner.value, int | float | str):
        return node
    raise EditError(f"{name}: is computed ({ast.unparse(node)[:60]}), not written as a value; edit it by hand")


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
        raise EditError(f"{name}: {text} is not allowed; allowed: {'above 0, at most 0.5' if symbol else allowed}")
    if rule.kind == "whole" and isinstance(old, int) and "." in text:
        raise EditError(f"{name}: {text} is not a whole number; allowed: {allowed}")
    return text if isinstance(value, int) or "." in text else f"{text}.0"


def _decoded(data: bytes) -> tuple[str, str, bytes]:
    """The text, its encoding and its byte order mark."""
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    mark = _BOM if data.startswith(_BOM) else b""
    plain = "utf-8" if encoding == "utf-8-sig" else encoding
    try:
        text = data[len(mark) :].decode(plain)
        same = text.encode(plain) == data[len(mark) :]
    except UnicodeError:
        same = False
    if not same:
        raise EditError(f"the file cannot be kept as it is in its encoding ({encoding}); edit it by hand")
    return text, plain, mark


def _lines(text: str) -> list[str]:
    """Lines as Python counts them, with their ends."""
    ends = [match.end() for match in _LINE_END.finditer(text)]
    return [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True) if end > start]


def _span(text: str, node: ast.expr) -> tuple[int, int]:
    """Where a node begins and ends in the text; columns of the tree are bytes of UTF-8."""
    lines = _lines(text)
    assert node.end_lineno is not None
    assert node.end_col_offset is not None

    def place(line: int, column: int) -> int:
        head = lines[line - 1].encode("utf-8")[:column].decode("utf-8")
        return sum(map(len, lines[: line - 1])) + len(head)

    return place(node.lineno, node.col_offset), place(node.end_lineno, node.end_col_offset)


def _shown(before: list[str], after: list[str], name: str) -> Iterator[str]:
    old, new = ([line.rstrip("\r\n") for line in lines] for lines in (before, after))
    return difflib.unified_diff(old, new, f"a/{name}", f"b/{name}", lineterm="")


def _differences(before: dict[str, source.Value], after: dict[str, source.Value]) -> Iterator[str]:
    """Every setting whose value is another one, also those that are computed from the one that was edited."""
    for name, value in after.items():
        old = before[name].value
        if isinstance(value.value, dict) and isinstance(old, dict):
            for key, part in value.value.items():
                if old.get(key) != part:
                    yield f"{name}.{key}: {rules.shown(name, old.get(key))} -> {rules.shown(name, part)}"
        elif value.value != old:
            yield f"{name}: {rules.shown(name, old)} -> {rules.shown(name, value.value)}"
