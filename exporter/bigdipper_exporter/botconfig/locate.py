"""Finds the literal of a setting in the tree of the bot's config.py, and says why where there is none that can be edited."""

import ast
import difflib

from bigdipper_exporter.botconfig import source
from bigdipper_exporter.botconfig.rules import DEFAULT, RULES, SECRET_NAME
from bigdipper_exporter.botconfig.text import EditError

THRESHOLDS = "DIP_THRESHOLDS"
EDITABLE = ("number", "whole", "switch", "level")
_READS = frozenset(("get", "keys", "items", "values", "copy", "index", "count"))


def read(data: bytes) -> dict[str, source.Value]:
    """Every setting of the file. Raises EditError where it is no Python."""
    try:
        return source.read(data)
    except ValueError as error:
        raise EditError(f"the file cannot be read: {error}") from None


def parsed(data: bytes) -> ast.Module:
    """The tree of the file. Raises EditError where it is no Python."""
    read(data)
    return ast.parse(data)


def locate(tree: ast.Module, data: bytes, name: str) -> ast.expr:
    """Return the literal of a setting. Raises EditError with the reason why there is none that can be edited."""
    setting, dot, symbol = name.partition(".")
    if SECRET_NAME.search(setting):
        raise EditError(f"{setting}: is secret: it is never shown or edited here")
    rule = RULES.get(setting)
    if rule is None:
        near = difflib.get_close_matches(setting, RULES, 1)
        raise EditError(f"{setting}: is not a setting of the bot" + (f"; did you mean {near[0]}?" if near else ""))
    if setting == "PAPER":
        raise EditError("PAPER: decides whether real money is traded; change it in the file by hand")
    value = expression(tree, data, setting)
    if setting == THRESHOLDS:
        if not dot:
            raise EditError(f"{setting}: name one symbol, as {THRESHOLDS}.{DEFAULT}=0.05")
        return _number_node(name, _entry(value, symbol))
    if dot:
        raise EditError(f"{name}: only {THRESHOLDS} has parts")
    if rule.kind not in EDITABLE:
        raise EditError(f"{setting}: is a list; add and remove symbols in the file by hand")
    return _number_node(name, value)


def expression(tree: ast.Module, data: bytes, setting: str) -> ast.expr:
    """The one expression that a setting is assigned."""
    plain = [s for node in tree.body for s in (node.body if isinstance(node, ast.ClassDef) else [node])]
    found = [
        (s, s.value) for s in plain for target in _targets(s) if target == setting and isinstance(s, ast.Assign | ast.AnnAssign)
    ]
    known = read(data).get(setting)
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


def entry_keys(value: ast.expr) -> list[ast.expr | None]:
    """The keys of the thresholds. Raises EditError where they cannot be told from the text."""
    if not isinstance(value, ast.Dict) or not value.keys:
        raise EditError(f"{THRESHOLDS}: is not written as a dict in the file; edit it by hand")
    if any(not isinstance(key, ast.Constant) for key in value.keys):
        raise EditError(f"{THRESHOLDS}: parts of it are computed; edit it by hand")
    return value.keys


def _entry(value: ast.expr, symbol: str) -> ast.expr:
    keys = entry_keys(value)
    assert isinstance(value, ast.Dict)
    found = [v for k, v in zip(keys, value.values, strict=True) if isinstance(k, ast.Constant) and k.value == symbol]
    if len(found) != 1:
        raise EditError(f"{THRESHOLDS}.{symbol}: is set {len(found)} times; leave one of them")
    return found[0]


def _number_node(name: str, node: ast.expr) -> ast.expr:
    inner = node.operand if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) else node
    if isinstance(inner, ast.Constant) and isinstance(inner.value, int | float | str):
        return node
    raise EditError(f"{name}: is computed ({ast.unparse(node)[:60]}), not written as a value; edit it by hand")
