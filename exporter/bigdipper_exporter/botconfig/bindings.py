"""Which names a statement of the bot's config.py binds, deletes or changes in place. Nothing of the file is ever executed."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

# The name of a change that may be one of any name: only running the file would show of which.
ANY = "*"
# Methods that change a list, a set or a dictionary in place.
_CHANGING = (
    *("append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"),
    *("add", "difference_update", "discard", "intersection_update", "symmetric_difference_update", "update"),
    *(
        "popitem",
        "setdefault",
        "__setitem__",
        "__delitem__",
        "__iadd__",
        "__imul__",
        "__iand__",
        "__ior__",
        "__isub__",
        "__ixor__",
    ),
)
_CONTAINERS = ("list", "dict", "set")
# Functions that set what their last argument but one names, and those that delete what their last one names.
_SETTERS = ("setattr", "__setattr__")
_DELETERS = ("delattr", "__delattr__")
# Functions that return a dictionary of names.
_NAMESPACES = ("globals", "locals", "vars")

Kind = Literal["set", "named", "imported", "passed"]


class Change(NamedTuple):
    """One change of one name, or of `ANY`, in a line (from 1).

    kind: `set` if the name may be a setting because of it. The others only take its value from one that is known: the name of
    a function or a class, of an import, or of an argument of a call, which may make an object with another value.
    """

    name: str
    line: int
    kind: Kind = "set"


def classes(tree: ast.Module) -> dict[str, list[str]]:
    """Return the annotated names of each class: the fields of a dataclass, in the order of its arguments."""
    return {
        node.name: [name_of(part.target) for part in node.body if isinstance(part, ast.AnnAssign)]
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }


def changes(node: ast.AST, fields: Mapping[str, Sequence[str]]) -> Iterator[Change]:
    """Yield every change in a statement or an expression. fields: see `classes`."""
    comprehensions = [part for part in ast.walk(node) if isinstance(part, ast.comprehension)]
    # A plain name is the comprehension's own; an item or an attribute is set outside it.
    local = {id(name) for part in comprehensions for name in ast.walk(part.target) if isinstance(name, ast.Name)}
    for part in ast.walk(node):
        if id(part) not in local:
            yield from _changes_by(part, fields)


def header_changes(node: ast.ClassDef, fields: Mapping[str, Sequence[str]]) -> Iterator[Change]:
    """Yield the changes of a class statement without those of its body."""
    yield Change(node.name, node.lineno, "named")
    for part in (*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)):
        yield from changes(part, fields)


def _changes_by(node: ast.AST, fields: Mapping[str, Sequence[str]]) -> Iterator[Change]:
    """Yield the changes by this node alone."""
    match node:
        case ast.Name() | ast.Attribute() | ast.Subscript() if not isinstance(node.ctx, ast.Load):
            yield Change(_changed_name(node), node.lineno)
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield Change(node.name, node.lineno, "named")
        case ast.ExceptHandler() | ast.MatchAs() | ast.MatchStar() if node.name:
            yield Change(node.name, node.lineno)
        case ast.MatchMapping() if node.rest:
            yield Change(node.rest, node.lineno)
        case ast.Import():
            for alias in node.names:
                yield Change(alias.asname or alias.name.partition(".")[0], node.lineno, "imported")
        case ast.ImportFrom():
            for alias in node.names:
                yield Change(ANY if alias.name == "*" else alias.asname or alias.name, node.lineno, "imported")
        case ast.Call():
            yield from _changes_by_call(node, fields)


def _changes_by_call(node: ast.Call, fields: Mapping[str, Sequence[str]]) -> Iterator[Change]:
    function, arguments = node.func, node.args
    name = name_of(function)
    if name in (*_SETTERS, *_DELETERS):
        place = 2 if name in _SETTERS else 1
        yield Change(_text(arguments[-place]) if len(arguments) >= place else ANY, node.lineno)
    elif name == "exec" and isinstance(function, ast.Name):
        yield Change(ANY, node.lineno)
    elif isinstance(function, ast.Attribute) and name in _CHANGING:
        if _is_namespace(function.value):
            yield from (Change(changed, node.lineno) for changed in _named_by(node))
        else:
            is_unbound = name_of(function.value) in _CONTAINERS and len(arguments) > 0  # list.append(SYMBOLS, "TER")
            yield Change(_changed_name(arguments[0] if is_unbound else function.value), node.lineno)
    else:
        yield from (Change(passed, node.lineno, "passed") for passed in _passed(node, fields.get(name, ())))


def _passed(node: ast.Call, fields: Sequence[str]) -> Iterator[str]:
    """Yield the names of the arguments of a call. fields: the names of those that are given by position."""
    is_open = any(isinstance(one, ast.Starred) for one in node.args) or any(keyword.arg is None for keyword in node.keywords)
    yield from fields if is_open else fields[: len(node.args)]
    yield from (keyword.arg for keyword in node.keywords if keyword.arg)


def _named_by(node: ast.Call) -> Iterator[str]:
    """Yield the names that a method of a dictionary of names changes."""
    yield from (keyword.arg or ANY for keyword in node.keywords)
    for argument in node.args[:1]:
        if isinstance(argument, ast.Dict):
            yield from (ANY if key is None else _text(key) for key in argument.keys)
        else:
            yield _text(argument)
    if not node.args and not node.keywords:
        yield ANY  # clear(), popitem()


def _text(node: ast.expr) -> str:
    """Return the text of a constant that names something; `ANY` if it is none."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ANY


def _is_namespace(node: ast.AST) -> bool:
    return name_of(node) == "__dict__" or (isinstance(node, ast.Call) and name_of(node.func) in _NAMESPACES)


def _changed_name(node: ast.AST) -> str:
    """Return the name of what changes when this expression does: of a list when an item is set."""
    while isinstance(node, ast.Subscript):
        if _is_namespace(node.value):
            return _text(node.slice)
        node = node.value
    return ANY if name_of(node) == "__dict__" else name_of(node)


def name_of(node: ast.AST) -> str:
    """Return the name of a variable or an attribute; empty for other expressions."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
