"""The bot's config.py, read and parsed once: its settings, and where its tree assigns and changes them."""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bigdipper_exporter.botconfig import source
from bigdipper_exporter.botconfig.expressions import Value
from bigdipper_exporter.botconfig.text import EditError

# What only reads a dict or a list.
_READS = frozenset(("get", "keys", "items", "values", "copy", "index", "count"))


@dataclass(frozen=True, slots=True)
class Parsed:
    """A config.py.

    assigned: by name, the statements of a class or of the file's top that assign it; lines: those of every assignment, under
    conditions and in functions too. changed: the line that changes a part of a value, such as `X["A"] = 1`, `X.update(...)` or
    `del X["A"]`.
    """

    data: bytes
    tree: ast.Module
    values: Mapping[str, Value]
    assigned: Mapping[str, Sequence[ast.Assign | ast.AnnAssign]]
    lines: Mapping[str, set[int]]
    changed: Mapping[str, int]


def read(data: bytes) -> dict[str, Value]:
    """Return every setting of the file. Raises EditError where it is not Python."""
    try:
        return source.read(data)
    except ValueError as error:
        raise EditError(f"the file cannot be read: {error}") from None


def parsed(data: bytes) -> Parsed:
    """Read and parse the file. Raises EditError where it is not Python."""
    values, tree = read(data), ast.parse(data)
    assigned: dict[str, list[ast.Assign | ast.AnnAssign]] = defaultdict(list)
    for statement in (s for node in tree.body for s in (node.body if isinstance(node, ast.ClassDef) else [node])):
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            for name in _targets(statement):
                assigned[name].append(statement)
    lines: dict[str, set[int]] = defaultdict(set)
    changed: dict[str, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            for name in _targets(node):
                lines[name].add(node.lineno)
        elif isinstance(node, ast.Subscript | ast.Attribute) and _changes(node) and (held := name_of(node.value)):
            changed.setdefault(held, node.lineno)
    return Parsed(data, tree, values, assigned, lines, changed)


def name_of(node: ast.expr) -> str | None:
    """Return the name of a variable or an attribute; None for any other expression."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else None


def _targets(node: ast.Assign | ast.AnnAssign | ast.AugAssign) -> Iterator[str]:
    """The names that a statement assigns."""
    for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
        for part in target.elts if isinstance(target, ast.Tuple | ast.List) else [target]:
            if name := name_of(part):
                yield name


def _changes(node: ast.Subscript | ast.Attribute) -> bool:
    """Whether the expression may change a part of what it is taken from."""
    return node.attr not in _READS if isinstance(node, ast.Attribute) else not isinstance(node.ctx, ast.Load)
