"""Evaluates the expressions that settings are written in, within bounds. Nothing is ever executed or imported."""

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

# Bounds on what is evaluated.
MOST_DEPTH = 50  # of nested expressions
MOST_STEPS = 10_000  # evaluated nodes, and items and characters of every result, per setting
CHARACTERS_OF_A_STEP = 8  # a text takes as much memory as the list items of as many bytes
MOST_DIGITS = 30
MOST_CHARACTERS = 10_000

_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_CASTS: dict[str, Callable[[Any], Any]] = {
    "int": int,
    "float": float,
    "str": str,
    "bool": bool,
    "list": list,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "dict": dict,
}
_TEXT_METHODS = ("lower", "upper", "strip", "split")


class NotReadableError(ValueError):
    """An expression that only running the file could tell."""


@dataclass(frozen=True, slots=True)
class Value:
    """One setting as the file gives it. `environment`: the variables whose defaults went into `value`.

    `problem`: why it cannot be read; then `value` is None. `line`: where it is set, from 1. `size`: steps of its evaluation.
    """

    value: Any
    line: int
    environment: tuple[str, ...] = ()
    problem: str | None = None
    size: int = 1


class Expressions:
    """Evaluates the few forms of expression that settings are written in, against names known so far."""

    def __init__(self, names: Mapping[str, Value]) -> None:
        self._names = names
        self._depth = 0
        self.steps = 0
        self.environment: list[str] = []

    def value(self, node: ast.expr) -> Any:
        """Return the value of `node`. NotReadableError for anything but bounded constants and what is made of them."""
        method = getattr(self, f"_{type(node).__name__.lower()}", None)
        if method is None:
            raise NotReadableError(f"{_text(node)} is not a constant")
        self._spend(1)
        if self._depth >= MOST_DEPTH:
            raise NotReadableError("it is nested too deeply")
        self._depth += 1
        try:
            result = bounded(method(node))
            self._spend(_size(result))
            return result
        finally:
            self._depth -= 1

    def _spend(self, steps: int) -> None:
        self.steps += steps
        if self.steps > MOST_STEPS:
            raise NotReadableError("it is too large")

    def _constant(self, node: ast.Constant) -> Any:
        return node.value

    def _name(self, node: ast.Name) -> Any:
        known = self._names.get(node.id)
        if known is None:
            raise NotReadableError(f"{node.id} is not known")
        if known.problem is not None:
            raise NotReadableError(known.problem)
        self._spend(known.size)
        self.environment += known.environment
        return known.value

    def _attribute(self, node: ast.Attribute) -> Any:
        return self._name(ast.Name(node.attr))

    def _list(self, node: ast.List | ast.Tuple | ast.Set) -> list[Any]:
        return [self.value(item) for item in node.elts]

    _tuple = _set = _list

    def _dict(self, node: ast.Dict) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            found |= {self.value(key): self.value(value)} if key is not None else self.value(value)
        return found

    def _unaryop(self, node: ast.UnaryOp) -> Any:
        value = self.value(node.operand)
        if isinstance(node.op, ast.Not):
            return not value
        if isinstance(node.op, ast.USub | ast.UAdd) and isinstance(value, int | float):
            return -value if isinstance(node.op, ast.USub) else value
        raise NotReadableError(f"{_text(node)} is not a number")

    def _binop(self, node: ast.BinOp) -> Any:
        left, right = self.value(node.left), self.value(node.right)
        numbers = isinstance(left, int | float) and isinstance(right, int | float)
        joined = isinstance(node.op, ast.Add) and type(left) is type(right) and isinstance(left, str | list)
        apply = _ARITHMETIC.get(type(node.op))
        if apply is None or not (numbers or joined):
            raise NotReadableError(f"{_text(node)} is not simple arithmetic")
        return apply(left, right)

    def _boolop(self, node: ast.BoolOp) -> Any:
        value: Any = None
        for part in node.values:
            value = self.value(part)
            if bool(value) is isinstance(node.op, ast.Or):
                break
        return value

    def _compare(self, node: ast.Compare) -> bool:
        if len(node.ops) != 1 or type(node.ops[0]) not in _COMPARISONS:
            raise NotReadableError(f"{_text(node)} is not a simple comparison")
        return bool(_COMPARISONS[type(node.ops[0])](self.value(node.left), self.value(node.comparators[0])))

    def _ifexp(self, node: ast.IfExp) -> Any:
        return self.value(node.body if self.value(node.test) else node.orelse)

    def _call(self, node: ast.Call) -> Any:
        name = _text(node.func)
        if name in ("os.getenv", "os.environ.get", "getenv", "environ.get"):
            return self._getenv(node)
        if name in ("field", "dataclasses.field"):
            return self._field(node)
        if name in _CASTS and len(node.args) == 1 and not node.keywords:
            return _plain(_CASTS[name](self.value(node.args[0])))
        if isinstance(node.func, ast.Attribute) and node.func.attr in _TEXT_METHODS and not node.keywords:
            text = self.value(node.func.value)
            if isinstance(text, str):
                return getattr(text, node.func.attr)(*(self.value(argument) for argument in node.args))
        raise NotReadableError(f"{name[:40]}() is only known when the bot runs")

    def _getenv(self, node: ast.Call) -> Any:
        arguments = [*node.args, *(k.value for k in node.keywords if k.arg == "default")]
        if not arguments:
            raise NotReadableError("an environment variable without a name")
        name = str(self.value(arguments[0]))
        if len(arguments) < 2:
            raise NotReadableError(f"it comes from the environment variable {name}, without a default")
        self.environment.append(name)
        return self.value(arguments[1])

    def _field(self, node: ast.Call) -> Any:
        for keyword in node.keywords:
            if keyword.arg == "default":
                return self.value(keyword.value)
            if keyword.arg == "default_factory":
                if isinstance(keyword.value, ast.Lambda):
                    return self.value(keyword.value.body)
                if isinstance(keyword.value, ast.Name) and keyword.value.id in ("list", "dict"):
                    return [] if keyword.value.id == "list" else {}
        raise NotReadableError("a field without a default")


def bounded(value: Any) -> Any:
    """Return `value` if it is a plain value of bounded size. NotReadableError otherwise."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int) and value.bit_length() > 4 * MOST_DIGITS:
        raise NotReadableError("a number has too many digits")
    if isinstance(value, str) and len(value) > MOST_CHARACTERS:
        raise NotReadableError("a text is too long")
    if isinstance(value, list | dict) and len(value) > MOST_STEPS:
        raise NotReadableError("it has too many items")
    if not isinstance(value, int | float | str | list | dict):
        raise NotReadableError(f"{type(value).__name__} is not a type of a setting")
    return value


def _size(value: Any) -> int:
    """Return the memory that a value takes by itself, without that of its items, in steps."""
    if isinstance(value, str):
        return len(value) // CHARACTERS_OF_A_STEP
    return len(value) if isinstance(value, list | dict) else 0


def _text(node: ast.expr) -> str:
    """The source of an expression, short enough for a message."""
    return ast.unparse(node)[:60] if _is_small(node) else "an expression"


def _is_small(node: ast.expr) -> bool:
    return sum(1 for _ in islice(ast.walk(node), 101)) <= 100


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple | set | frozenset) else value


def evaluate(expression: ast.expr, names: Mapping[str, Value], line: int) -> Value:
    """The value of an expression, or why it has none."""
    expressions = Expressions(names)
    try:
        value = expressions.value(expression)
    except NotReadableError as error:
        return Value(None, line, problem=str(error))
    except RecursionError:
        return Value(None, line, problem="it is nested too deeply")
    except Exception as error:  # whatever plain operations can do to odd constants: 1 / 0, int("x")
        return Value(None, line, problem=f"{type(error).__name__}: {str(error)[:60]}")
    return Value(value, line, tuple(dict.fromkeys(expressions.environment)), size=expressions.steps)
