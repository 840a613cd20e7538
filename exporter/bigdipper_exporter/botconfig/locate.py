"""Finds the literal of a setting in the tree of the bot's config.py, and says why where there is none that can be edited."""

import ast
import difflib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache

from bigdipper_exporter.botconfig.rules import DEFAULT, RULES, SECRET_NAME, THRESHOLDS
from bigdipper_exporter.botconfig.text import EditError
from bigdipper_exporter.botconfig.tree import Parsed, name_of

EDITABLE = ("number", "whole", "switch", "level")


def locate(file: Parsed, name: str) -> ast.expr:
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
    value = expression(file, setting)
    if setting == THRESHOLDS:
        if not dot:
            raise EditError(f"{setting}: name one symbol, as {THRESHOLDS}.{DEFAULT}=0.05")
        return _number_node(name, _entry(value, symbol))
    if dot:
        raise EditError(f"{name}: only {THRESHOLDS} has parts")
    if rule.kind not in EDITABLE:
        raise EditError(f"{setting}: is a list; add and remove symbols in the file by hand")
    return _number_node(name, value)


def expression(file: Parsed, setting: str) -> ast.expr:
    """Return the one expression that a setting is assigned. Raises EditError where there is not exactly one."""
    known, found = file.values.get(setting), file.assigned.get(setting)
    if known is not None and known.problem is not None:
        raise EditError(f"{setting}: {known.problem} (line {known.line})")
    if known is None or not found:
        raise EditError(f"{setting}: is not set in the file")
    lines = sorted(file.lines[setting])
    if len(found) > 1 or len(lines) > 1:
        raise EditError(f"{setting}: is set more than once (lines {', '.join(map(str, lines))}); leave one of them")
    if setting in file.changed:
        raise EditError(f"{setting}: is changed again in line {file.changed[setting]}")
    if known.environment:
        names = ", ".join(known.environment)
        raise EditError(f"{setting}: comes from the environment ({names}), which wins over the file; change it there")
    statement = found[0]
    if statement.value is None or (isinstance(statement, ast.Assign) and len(statement.targets) > 1):
        raise EditError(f"{setting}: is set together with another name; edit the file by hand")
    return _default_of(statement.value)


def _default_of(value: ast.expr) -> ast.expr:
    """The default inside `field(...)` of a dataclass; any other expression itself."""
    if isinstance(value, ast.Call) and name_of(value.func) == "field":
        for keyword in value.keywords:
            if keyword.arg == "default":
                return keyword.value
            if keyword.arg == "default_factory" and isinstance(keyword.value, ast.Lambda):
                return keyword.value.body
    return value


@lru_cache(maxsize=2)  # a table of the settings asks for each symbol
def entries(value: ast.expr) -> Mapping[object, Sequence[ast.expr]]:
    """The values of the thresholds by symbol. Raises EditError where the text does not show them."""
    if not isinstance(value, ast.Dict) or not value.keys:
        raise EditError(f"{THRESHOLDS}: is not written as a dict in the file; edit it by hand")
    found: dict[object, list[ast.expr]] = defaultdict(list)
    for key, part in zip(value.keys, value.values, strict=True):
        if not isinstance(key, ast.Constant):
            raise EditError(f"{THRESHOLDS}: parts of it are computed; edit it by hand")
        found[key.value].append(part)
    return dict(found)


def _entry(value: ast.expr, symbol: str) -> ast.expr:
    found = entries(value).get(symbol, ())
    if len(found) != 1:
        raise EditError(f"{THRESHOLDS}.{symbol}: is set {len(found)} times; leave one of them")
    return found[0]


def _number_node(name: str, node: ast.expr) -> ast.expr:
    inner = node.operand if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) else node
    if isinstance(inner, ast.Constant) and isinstance(inner.value, int | float | str):
        return node
    raise EditError(f"{name}: is computed ({ast.unparse(node)[:60]}), not written as a value; edit it by hand")
