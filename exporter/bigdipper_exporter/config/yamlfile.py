"""YAML with places: every value as the text the user wrote, with file and line, so that one parser serves all sources.

PyYAML's loader would turn `1y30d`, `yes` and `0123` into other things, lose the lines and keep only the last of two
equal keys; its node tree keeps all of that.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from bigdipper_exporter.config.kinds import Kind
from bigdipper_exporter.files import read_regular
from bigdipper_exporter.logs import MASK

if TYPE_CHECKING:
    from yaml import Node

MOST_BYTES = 1 << 20


T = TypeVar("T")
_NULL = "tag:yaml.org,2002:null"


class ConfigError(Exception):
    """The settings cannot be used: `problems` holds one line each, naming key, place, value and what is allowed."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Item:
    """One value of the file: text (None for null), mapping or list; `where` is `file:line`."""

    value: str | dict[str, Item] | list[Item] | None
    where: str

    @property
    def form(self) -> str:
        """What it is, for error messages."""
        return "a mapping" if isinstance(self.value, dict) else "a list" if isinstance(self.value, list) else "a value"


def quoted(text: str) -> str:
    """`text` in quotes, on one line, its middle cut out if it is long: fit for an error message."""
    return repr(text if len(text) <= 120 else f"{text[:60]}...{text[-57:]}")


def unknown(key: str, known: Iterable[str]) -> str:
    """Return the error `unknown key …`, with a suggestion where a known one is close."""
    near = difflib.get_close_matches(key, list(known), n=1, cutoff=0.6)
    return f"unknown key {quoted(key)}" + (f"; did you mean {near[0]}?" if near else "")


def refusal(name: str, text: str, where: str, reason: str, allowed: str) -> str:
    """The one form of an error about a value. `text` is shown as it comes: mask it before."""
    return f"{name}: {text} ({where}) {reason}; allowed: {allowed}"


def read(path: Path, problems: list[str]) -> Item:
    """The file as items; an empty file is an empty mapping.

    Adds a line to `problems` for each key given twice. Raises ConfigError if the file cannot be read or is not YAML.
    """
    import yaml  # a tenth of the start of a command, and most have no file

    try:
        text = read_regular(path, MOST_BYTES).decode("utf-8-sig")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        return Item({}, f"{path}:1") if node is None else _Reader(path, problems).item(node)
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror or error}"]) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError([f"{path}:{line}: is not UTF-8 text (byte {error.start})"]) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        said = ", ".join(filter(None, (error.context, error.problem)))
        raise ConfigError([f"{path}{place}: is not valid YAML: {' '.join(said.split())}"]) from None
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        place = f"{before.count(chr(10)) + 1}:{error.position - before.rfind(chr(10))}"
        raise ConfigError([f"{path}:{place}: is not valid YAML: a control character is not allowed"]) from None
    except RecursionError:
        raise ConfigError([f"{path}: is nested too deeply"]) from None


class _Reader:
    """Turns nodes into items, each node once: aliases stay shared, so that a small file cannot grow without bound."""

    def __init__(self, path: Path, problems: list[str]) -> None:
        self._path = path
        self._problems = problems
        self._done: dict[int, Item] = {}

    def item(self, node: Node) -> Item:
        if id(node) not in self._done:
            # Stands in while the children are read: an alias to its own parent becomes a null instead of a loop.
            where = f"{self._path}:{node.start_mark.line + 1}"
            self._done[id(node)] = Item(None, where)
            self._done[id(node)] = Item(self._value(node), where)
        return self._done[id(node)]

    def _value(self, node: Node) -> str | dict[str, Item] | list[Item] | None:
        import yaml

        if isinstance(node, yaml.ScalarNode):
            return None if node.tag == _NULL else str(node.value)
        if isinstance(node, yaml.SequenceNode):
            return [self.item(child) for child in node.value]
        found: dict[str, Item] = {}
        for key, child in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
            where = f"{self._path}:{key.start_mark.line + 1}"
            if name in found:
                self._problems.append(f"{name}: given twice ({found[name].where} and {where})")
            found[name] = Item(self.item(child).value, where)
        return found


class Section:
    """A mapping of the file read by known keys; everything wrong with it goes to `problems`."""

    def __init__(self, item: Item, name: str, known: Iterable[str], problems: list[str]) -> None:
        self.name, self.where, self._problems = name, item.where, problems
        self._items: Mapping[str, Item] = {}
        keys = list(known)
        self.is_mapping = isinstance(item.value, dict)
        if isinstance(item.value, dict):
            self._items = item.value
            for key in item.value:
                if key not in keys:
                    problems.append(f"{self.path(key)}: {unknown(key, keys)} ({item.value[key].where})")
        elif item.value is not None:
            problems.append(f"{name or 'the file'}: must be keys and values, not {item.form} ({item.where})")

    def path(self, key: str) -> str:
        """Return the dotted name of a key in this section."""
        return f"{self.name}.{key}" if self.name else key

    def get(self, key: str) -> Item | None:
        """The item, or None if it is absent or null."""
        item = self._items.get(key)
        return None if item is None or item.value is None else item

    def text(self, key: str) -> str | None:
        """Return the text of a scalar, or None if it is absent."""
        item = self.get(key)
        if item is None or isinstance(item.value, str):
            return None if item is None else str(item.value)
        self._problems.append(f"{self.path(key)}: must be one value, not {item.form} ({item.where})")
        return None

    def value(self, key: str, kind: Kind[T], default: T, secret: bool = False) -> T:
        """The value read by `kind`, or `default` if it is absent or wrong."""
        text = self.text(key)
        if text is None:
            return default
        try:
            return kind.parse(text)
        except ValueError as error:
            shown = MASK if secret else quoted(text)
            self._problems.append(refusal(self.path(key), shown, self._items[key].where, str(error), kind.allowed))
            return default

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of single values; absent is empty."""
        item = self.get(key)
        if item is None:
            return ()
        if not isinstance(item.value, list) or not all(isinstance(part.value, str) for part in item.value):
            self._problems.append(f"{self.path(key)}: must be a list of values, not {item.form} ({item.where})")
            return ()
        return tuple(str(part.value) for part in item.value)

    def pairs(self, key: str) -> dict[str, Item]:
        """A mapping with keys of the user's own choice; absent is empty."""
        item = self.get(key)
        if item is None:
            return {}
        if not isinstance(item.value, dict):
            self._problems.append(f"{self.path(key)}: must be a mapping, not {item.form} ({item.where})")
            return {}
        return item.value

    def wrong(self, key: str, text: str, reason: str, allowed: str) -> None:
        """Note that the value of `key` is wrong in a way that only the caller can see."""
        item = self._items.get(key)
        where = item.where if item else self.where
        self._problems.append(refusal(self.path(key), quoted(text), where, reason, allowed))
