"""How a kind of line is declared: an event is what the line says, a rule how it is printed, a tag how it begins."""

import re
from typing import Annotated, Any, NamedTuple, Protocol, cast

# A number that only damage could give a minus: it is added to a counter, which must never decrease.
Unsigned = Annotated[float, "without a sign"]


class Event(Protocol):
    """What one line says: a plain named tuple without time or position, which belong to the record (log/parser.py).

    Money in US dollars, percentages as printed (15 % is 15.0), times where the line has them.
    """

    @property
    def _fields(self) -> tuple[str, ...]: ...

    def _asdict(self) -> dict[str, Any]: ...


class Malformed(NamedTuple):
    """A line with a known tag or shape that cannot be read: the bot changed its format, or the line was damaged."""

    kind: str


class Rule(NamedTuple):
    """One kind of line: its event, the log versions that print it, its pattern, its examples, and constant fields.

    A pattern is written like the line itself. `<name>` is a field of the event, `{...}` is optional, `<n>` matches a number,
    `<_>` matches any text, and a run of spaces matches any run of spaces. A pattern matches a whole message, so that a line
    that was cut short is no event. Log versions: D is the design document's, 16, 17 and 18 are releases.
    """

    event: type[Event]
    forms: str
    pattern: str
    examples: tuple[str, ...]
    fixed: dict[str, str] = {}  # noqa: RUF012 - a NamedTuple's default is never mutated


class Tag(NamedTuple):
    """How lines of an event begin. A line that begins so and that no rule matches is malformed, counted under this event."""

    text: str
    event: type[Event]


def fields_of(event: type[Event]) -> tuple[str, ...]:
    """Return the names of an event's fields, in order."""
    return cast(tuple[str, ...], event._fields)


def defaults_of(event: type[Event]) -> dict[str, Any]:
    """Return the default values of an event's fields, by name."""
    return cast(dict[str, Any], cast(Any, event)._field_defaults)


def kind_of(event: type[Event]) -> str:
    """Return the label of an event's kind: its name in snake case."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", event.__name__).lower()
