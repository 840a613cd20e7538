"""Reads settings out of the bot's config.py by its syntax tree. Nothing of the file is ever executed or imported."""

import ast
import re
from collections.abc import Iterable, Iterator, Sequence

from bigdipper_exporter.botconfig.expressions import Value, evaluate

# Bounds on what is read. The bot's own files have about 100 settings in 20 kB; Python's parser takes up to 1 kB for each byte.
MOST_BYTES = 128 * 1024
MOST_SETTINGS = 2000
MOST_TOTAL = 100_000  # steps of all settings together (expressions.MOST_STEPS); the bot's own take about 500
SETTING = re.compile(r"[A-Z][A-Z0-9_]{1,39}")
# Statements of which the effect is known, or at least that it takes place.
_SIMPLE = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.Delete)
# Methods that change a list, a set or a dictionary in place.
_CHANGING = (
    *("append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"),
    *("add", "difference_update", "discard", "intersection_update", "symmetric_difference_update", "update"),
    *("popitem", "setdefault"),
)
# Functions that set what their second argument, or their last but one, names.
_SETTERS = ("setattr", "__setattr__")
UNSURE = "it is set under a condition or in a function"


def read(source: bytes) -> dict[str, Value]:
    """Return every setting (a name in capitals) that the file assigns in a class or at its top; the last assignment counts.

    ValueError, with line and reason, when it is not Python or larger than any configuration.
    """
    if len(source) > MOST_BYTES:
        raise ValueError(f"it has more than {MOST_BYTES} bytes: not a configuration")
    try:
        return _settings(_parsed(source))
    except RecursionError:
        raise ValueError("its expressions are nested too deeply") from None


def _parsed(source: bytes) -> ast.Module:
    try:
        return ast.parse(source)
    except SyntaxError as error:
        where = f"line {error.lineno}: " if error.lineno else ""
        raise ValueError(f"{where}it is not Python: {error.msg}") from None
    except (ValueError, MemoryError):
        raise ValueError("it is not Python") from None


def _settings(tree: ast.Module) -> dict[str, Value]:
    statements = sum(len(node.body) if isinstance(node, ast.ClassDef) else 1 for node in tree.body)
    if statements > MOST_SETTINGS:
        raise ValueError(f"it has more than {MOST_SETTINGS} statements: not a configuration")
    names: dict[str, Value] = {}
    nested: list[tuple[str, int]] = []
    steps = 0
    for node in tree.body:
        for statement in node.body if isinstance(node, ast.ClassDef) else [node]:
            imported = [alias for alias in ast.walk(statement) if isinstance(alias, ast.alias)]
            known = [(name, alias.lineno) for alias in imported if (name := alias.asname or alias.name) in names]
            _doubt(known, "it is imported", names)
            if isinstance(statement, _SIMPLE):
                steps += _assign(statement, names)
            else:
                # At once too: settings that are made of it are not known either.
                nested += (changed := list(_changed(statement)))
                _doubt(changed, UNSURE, names)
            if len(names) > MOST_SETTINGS:
                raise ValueError(f"it sets more than {MOST_SETTINGS} names: not a configuration")
            if steps > MOST_TOTAL:
                raise ValueError("its settings are too large together: not a configuration")
    _doubt(nested, UNSURE, names)
    return {name: value for name, value in names.items() if SETTING.fullmatch(name)}


def _assign(node: ast.stmt, names: dict[str, Value]) -> int:
    """Evaluate what a statement assigns to names; what it changes in any other way is not known. Returns the steps it took."""
    targets: Sequence[ast.expr] = ()
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign):
        targets = (node.target,)
    whole = {name for target in targets if (name := _name_of(target))}
    _doubt([one for one in _changed(node) if one[0] not in whole], "it is changed step by step", names)
    if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and whole:
        value = evaluate(node.value, names, node.lineno)
        names.update(dict.fromkeys(whole, value))
        return value.size
    return 0


def _changed(statement: ast.stmt) -> Iterator[tuple[str, int]]:
    """Yield the names that a statement sets, deletes or changes in place, and the line of each."""
    local = {id(name) for node in ast.walk(statement) if isinstance(node, ast.comprehension) for name in ast.walk(node.target)}
    for node in ast.walk(statement):
        if id(node) not in local and (name := _changed_by(node)):
            yield name, getattr(node, "lineno", statement.lineno)


def _changed_by(node: ast.AST) -> str:
    """Return the name that this node alone sets or changes; empty for none."""
    if isinstance(node, ast.Name | ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
        return _changed_name(node)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return node.name
    if not isinstance(node, ast.Call):
        return ""
    if _name_of(node.func) in _SETTERS and len(node.args) > 1:
        named = node.args[-2]
        return named.value if isinstance(named, ast.Constant) and isinstance(named.value, str) else ""
    if isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGING:
        return _changed_name(node.func.value)
    return ""


def _changed_name(node: ast.AST) -> str:
    """Return the name of what changes when this expression does: of a list when an item is set."""
    while isinstance(node, ast.Subscript):
        node = node.value
    return _name_of(node)


def _name_of(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _doubt(changed: Iterable[tuple[str, int]], problem: str, names: dict[str, Value]) -> None:
    for name, line in changed:
        names[name] = Value(None, line, problem=problem)
