"""Reads settings out of the bot's config.py by its syntax tree. Nothing of the file is ever executed or imported."""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from bigdipper_exporter.botconfig.bindings import (
    ANY,
    Change,
    Kind,
    assigned_in,
    changes,
    classes,
    header_changes,
    name_of,
    plain_metaclasses,
)
from bigdipper_exporter.botconfig.expressions import Value, evaluate

# Bounds on what is read. The bot's own files have about 100 settings in 20 kB; Python's parser takes up to 1 kB for each byte.
MOST_BYTES = 128 * 1024
MOST_SETTINGS = 2000
MOST_TOTAL = 100_000  # steps of all settings together (expressions.MOST_STEPS); the bot's own take about 500
SETTING = re.compile(r"[A-Z][A-Z0-9_]{1,39}")
# Statements of which the effect is known, or at least that it takes place.
_SIMPLE = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.Delete)
_IMPORTS = (ast.Import, ast.ImportFrom)
CHANGED = "it is changed step by step"
UNSURE = "it is set under a condition or in a function"
UNNAMED = "a statement may set it that names what it sets only when the bot runs"
# Of changes that do not make a name a setting, by their kind.
PROBLEMS: dict[Kind, str] = {
    "named": "a function or a class has its name",
    "imported": "it is imported",
    "passed": "it is passed as an argument, so that an object may have another value",
    "made": "a metaclass may give it another value",
}
APART = "it is set in several classes, and which of them the bot uses is only known when it runs"
# A base that takes the value of every field from the environment, if it has one of that name (pydantic).
_FROM_ENVIRONMENT = "BaseSettings"


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
    fields, plain = classes(tree), plain_metaclasses(tree)
    names: dict[str, Value] = {}
    of_class: dict[str, dict[str, Value]] = {}
    nested: list[Change] = []
    steps = 0
    for node in tree.body:
        for statement in node.body if isinstance(node, ast.ClassDef) else [node]:
            if isinstance(statement, _SIMPLE):
                steps += _assign(statement, names, fields)
            elif isinstance(statement, _IMPORTS):
                _doubt(changes(statement, fields), UNSURE, names)
            else:
                # At once too: settings that are made of it are not known either.
                nested += (changed := list(changes(statement, fields)))
                _doubt(changed, UNSURE, names)
            if len(names) > MOST_SETTINGS:
                raise ValueError(f"it sets more than {MOST_SETTINGS} names: not a configuration")
            if steps > MOST_TOTAL:
                raise ValueError("its settings are too large together: not a configuration")
        if isinstance(node, ast.ClassDef):
            _doubt(header_changes(node, fields, plain), CHANGED, names)
            own = assigned_in(node)
            if any(name_of(base) == _FROM_ENVIRONMENT for base in node.bases):
                names.update({name: replace(names[name], environment=(*names[name].environment, name)) for name in own})
            of_class[node.name] = {name: names[name] for name in own}
    _choose(tree, of_class, names)
    _doubt(nested, UNSURE, names)
    return {name: value for name, value in names.items() if SETTING.fullmatch(name)}


def _choose(tree: ast.Module, of_class: Mapping[str, Mapping[str, Value]], names: dict[str, Value]) -> None:
    """Of a setting of several classes take the value of the class of `config`, which the bot imports."""
    bases = {node.name: [name_of(base) for base in node.bases] for node in tree.body if isinstance(node, ast.ClassDef)}
    used = [_ancestry(name, bases) for name in sorted(_used(tree, bases))]
    for name in {name for found in of_class.values() for name in found}:
        owners = [owner for owner, found in of_class.items() if name in found]
        last = of_class[owners[-1]][name]
        if len(owners) < 2 or names.get(name) is not last:  # assigned again since, as by `config.NAME = 1`
            continue
        nearest = [next((one for one in line if one in owners), "") for line in used]
        if not any(nearest):  # of a chain of classes that no `config` names the last is taken for that of the bot
            nearest = [owners[-1]] if set(owners) <= {*_ancestry(owners[-1], bases)} else owners
        first, *others = (of_class[one][name] if one else None for one in nearest)
        if first is not None and all(one is not None and one.value == first.value for one in others):
            names[name] = first
        else:
            names[name] = Value(None, last.line, problem=APART)


def _used(tree: ast.Module, bases: Mapping[str, object]) -> set[str]:
    """Return the classes of the file of which one makes `config`: several where the bot chooses when it runs."""
    used: set[str] = set()
    for node in tree.body:
        values = list(_bound([node]))
        if values and isinstance(node, ast.Assign | ast.AnnAssign):
            used.clear()
        while values:
            value = values.pop()
            if isinstance(value, ast.IfExp):
                values += [value.body, value.orelse]
            elif isinstance(value, ast.Call):
                made = value.func
                used |= {name for part in (made, getattr(made, "value", made)) if (name := name_of(part)) in bases}
    return used


def _bound(body: Iterable[ast.AST]) -> Iterator[ast.expr]:
    """Yield what statements assign to `config`, those in branches too; a function's own `config` is another."""
    for node in body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Name) and target.id == "config" for target in targets):
                yield node.value
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner = [
                child
                for child in ast.iter_child_nodes(node)
                if isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case)
            ]
            yield from _bound(inner)


def _ancestry(name: str, bases: Mapping[str, Sequence[str]]) -> list[str]:
    """The class of this name and those of the file that it is made of, nearest first; none where it is not of the file."""
    found = [name] if name in bases else []
    for one in found:
        found += [base for base in bases[one] if base in bases and base not in found]
    return found


def _assign(node: ast.stmt, names: dict[str, Value], fields: Mapping[str, Sequence[str]]) -> int:
    """Evaluate what a statement assigns to names; what it changes in any other way is not known. Returns the steps it took."""
    targets: Sequence[ast.expr] = ()
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign):
        targets = (node.target,)
    whole = {name for target in targets if (name := name_of(target))}
    _doubt([one for one in changes(node, fields) if one.name not in whole], CHANGED, names)
    if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and whole:
        value = evaluate(node.value, names, node.lineno)
        names.update(dict.fromkeys(whole, value))
        return value.size
    return 0


def _doubt(changed: Iterable[Change], problem: str, names: dict[str, Value]) -> None:
    """Give names that are changed a problem instead of their value."""
    for name, line, kind in changed:
        if name == ANY:
            names.update({known: Value(None, line, problem=UNNAMED) for known in names})
        elif kind == "set" or name in names:
            value = names[name].value if name in names else None
            # A list or dictionary with two names changes under both of them.
            same = [other for other in names if isinstance(value, list | dict) and names[other].value is value]
            names.update({one: Value(None, line, problem=PROBLEMS.get(kind, problem)) for one in (name, *same)})
