"""Which names a statement of the bot's config.py binds, deletes or changes in place. Nothing of the file is ever executed."""

import ast
from collections import Counter, defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
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
# Under another name, or handed to another function, what these change cannot be followed.
_POWERFUL = (*_SETTERS, *_DELETERS, "exec", "eval", *_NAMESPACES[:2])
# Metaclasses that leave the values of a class as they are written, and what one of the file must not have to be such.
_PLAIN_METACLASSES = ("type", "ABCMeta", "EnumMeta", "EnumType")
_CLASS_HOOKS = frozenset(("__new__", "__init__", "__prepare__", "__getattribute__", "__setattr__", "mro"))
# What only reads a dictionary.
_READING = ("items", "keys", "values", "copy")
_READERS = (
    "all",
    "any",
    "dict",
    "enumerate",
    "iter",
    "len",
    "list",
    "max",
    "min",
    "print",
    "repr",
    "set",
    "sorted",
    "str",
    "tuple",
)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

Kind = Literal["set", "named", "imported", "passed", "made"]


class Change(NamedTuple):
    """One change of one name, or of `ANY`, in a line (from 1).

    kind: `set` if the name may be a setting because of it. The others only take its value from one that is known: the name of
    a function or a class, of an import, or of an argument of a call, which may make an object with another value; or a name
    of a class that is made by other code than Python's own.
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


def plain_metaclasses(tree: ast.Module) -> set[str]:
    """Return the metaclasses that leave the values of a class as they are written, such as that of a singleton."""
    plain = set(_PLAIN_METACLASSES)
    named = Counter(node.name for node in tree.body if isinstance(node, ast.ClassDef))
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.bases and named[node.name] == 1:
            own = {part.name for part in node.body if isinstance(part, _FUNCTIONS)} | set(assigned_in(node))
            is_bare = not node.keywords and not node.decorator_list and own.isdisjoint(_CLASS_HOOKS)
            if is_bare and all(name_of(base) in plain for base in node.bases):
                plain.add(node.name)
    return plain


def changes(node: ast.AST, fields: Mapping[str, Sequence[str]]) -> Iterator[Change]:
    """Yield every change in a statement or an expression. fields: see `classes`."""
    comprehensions = [part for part in ast.walk(node) if isinstance(part, ast.comprehension)]
    # A plain name is the comprehension's own; an item or an attribute is set outside it.
    local = {id(name) for part in comprehensions for name in ast.walk(part.target) if isinstance(name, ast.Name)}
    if isinstance(node, _FUNCTIONS):
        local |= {id(part) for part in _only_read(node)}
    for part in ast.walk(node):
        if id(part) not in local:
            yield from _changes_by(part, fields)


def _only_read(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.stmt]:
    """Yield the assignments of a function that give a dictionary of names a name which is only read: `values = vars(self)`."""
    parents = {id(child): parent for parent in ast.walk(function) for child in ast.iter_child_nodes(parent)}
    names: dict[str, list[ast.Name]] = defaultdict(list)
    outer: set[str] = set()
    for part in ast.walk(function):
        if isinstance(part, ast.Name):
            names[part.id].append(part)
        elif isinstance(part, ast.Global | ast.Nonlocal):
            outer.update(part.names)
    for part in ast.walk(function):
        target = part.targets[0] if isinstance(part, ast.Assign) and len(part.targets) == 1 else None
        target = part.target if isinstance(part, ast.AnnAssign) else target
        value = part.value if isinstance(part, ast.Assign | ast.AnnAssign) else None
        if isinstance(part, ast.stmt) and isinstance(target, ast.Name) and value is not None and _is_namespace(value):
            uses = (name for name in names[target.id] if name is not target)
            if target.id not in outer and all(_is_reading(name, parents) for name in uses):
                yield part


def _is_reading(name: ast.Name, parents: Mapping[int, ast.AST]) -> bool:
    """Whether the expression around the name of a dictionary leaves it and its values as they are. parents: by `id`."""
    match parent := parents[id(name)]:
        case ast.Subscript():
            is_part = isinstance(parents[id(parent)], ast.Attribute | ast.Subscript)  # values["SYMBOLS"].append("TER")
            return parent.value is name and isinstance(parent.ctx, ast.Load) and not is_part
        case ast.Attribute():
            return parent.attr in _READING
        case ast.Call():
            return isinstance(parent.func, ast.Name) and parent.func.id in _READERS
        case ast.For() | ast.comprehension():
            return parent.iter is name
    return isinstance(parent, ast.Compare | ast.Dict | ast.FormattedValue | ast.Return)


def header_changes(node: ast.ClassDef, fields: Mapping[str, Sequence[str]], plain: Container[str]) -> Iterator[Change]:
    """Yield the changes of a class statement without those of its body. plain: see `plain_metaclasses`."""
    yield Change(node.name, node.lineno, "named")
    for part in (*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)):
        yield from changes(part, fields)
    if any(keyword.arg == "metaclass" and name_of(keyword.value) not in plain for keyword in node.keywords):
        yield from (Change(name, node.lineno, "made") for name in assigned_in(node))


def assigned_in(node: ast.ClassDef) -> list[str]:
    """Return the names that the body of a class assigns."""
    targets = [
        target
        for part in node.body
        if isinstance(part, ast.Assign | ast.AnnAssign) and part.value is not None
        for target in (part.targets if isinstance(part, ast.Assign) else [part.target])
    ]
    return [name for target in targets if (name := name_of(target))]


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
        case ast.Assign() | ast.AnnAssign() | ast.NamedExpr() if node.value is not None and _is_powerful(node.value):
            yield Change(ANY, node.lineno)
        case ast.Call():
            yield from _changes_by_call(node, fields)


def _is_powerful(node: ast.expr) -> bool:
    return name_of(node) in _POWERFUL or _is_namespace(node)


def _changes_by_call(node: ast.Call, fields: Mapping[str, Sequence[str]]) -> Iterator[Change]:
    function, arguments = node.func, node.args
    name = name_of(function)
    if name in (*_SETTERS, *_DELETERS):
        place = 2 if name in _SETTERS else 1
        yield Change(_text(arguments[-place]) if len(arguments) >= place else ANY, node.lineno)
    elif name in ("exec", "eval") and (not isinstance(function, ast.Attribute) or name_of(function.value) == "builtins"):
        yield from _changes_by_text(node, name, fields)
    elif name in ("setitem", "delitem") and arguments:  # of the module operator
        changed = _text(arguments[1]) if _is_namespace(arguments[0]) and len(arguments) > 1 else _changed_name(arguments[0])
        yield Change(changed, node.lineno)
    elif any(name_of(argument) in _POWERFUL for argument in arguments):  # map(setattr, ...), partial(setattr, Config)
        yield Change(ANY, node.lineno)
    elif isinstance(function, ast.Attribute) and name in _CHANGING:
        if _is_namespace(function.value):
            yield from (Change(changed, node.lineno) for changed in _named_by(node))
        else:
            is_unbound = name_of(function.value) in _CONTAINERS and len(arguments) > 0  # list.append(SYMBOLS, "TER")
            yield Change(_changed_name(arguments[0] if is_unbound else function.value), node.lineno)
    else:
        yield from (Change(passed, node.lineno, "passed") for passed in _passed(node, fields.get(name, ())))


def _changes_by_text(node: ast.Call, name: str, fields: Mapping[str, Sequence[str]]) -> Iterator[Change]:
    """Yield the changes by exec and eval. An expression that the file does not show is taken for a harmless one."""
    text = node.args[0] if node.args else None
    if name == "exec":
        yield Change(ANY, node.lineno)
    elif isinstance(text, ast.Constant) and isinstance(text.value, str):
        try:
            expression = ast.parse(text.value.strip(), mode="eval")
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            yield Change(ANY, node.lineno)
        else:
            yield from (change._replace(line=node.lineno) for change in changes(expression.body, fields))


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
