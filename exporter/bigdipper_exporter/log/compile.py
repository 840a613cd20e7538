"""Compiles the grammar's table into one regular expression that finds every event in a large piece of the log."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from types import NoneType, UnionType
from typing import NamedTuple, TypeVar, cast, get_args, get_type_hints

from bigdipper_exporter.log.grammar import RULES, TAGS
from bigdipper_exporter.log.lines.skips import ROUTINE_REASONS
from bigdipper_exporter.log.rule import Event, Malformed, Rule, Unsigned, defaults_of, fields_of, kind_of
from bigdipper_exporter.symbols import SYMBOL

# Possessive throughout: a field never gives characters back, so that a line that is no event fails at once.
# At most a trillion.
AMOUNT = r"\d[\d,]{0,15}+(?:\.\d{1,9}+)?+"
NUMBER = rf"[-+]?+{AMOUNT}"
TEXT = {
    "symbol": f"{SYMBOL}+",  # possessive: it never gives a character back
    "order_id": r"[0-9A-Za-z-]{1,64}+",
    "version": r"[\w.-]{1,20}+",
    "mode": r"[A-Za-z]{1,12}+",
    "movers": r".+",
    "symbols": r".+",
    "kind": r"[a-z]++",
    "n": NUMBER,
}
ANY_TEXT = "_"
WHOLE = r"\d{1,9}+"
SYMBOLS_KEPT = 1000
Build = Callable[[re.Match[bytes]], Event]
Made = TypeVar("Made")

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
# The leading newline makes a search over a megabyte fast, because the pattern begins with one literal byte. Whether the 19
# characters are a time is checked in `parser.py`: here it would cost time on every line, and damage would go unnoticed.
HEADER = rf"\n.{{19}} \[({'|'.join(LEVELS)})\]"
BLANKS = " ++"
# Characters that vary: the number of blanks after an emoji, its variation selector, the end of a line.
LITERALS = {" ": BLANKS, "\ufe0f": "(?:\ufe0f)?+", "\n": r"[ \t\r]*+\n"}
# An indented line may have lost its indentation (the design form prints Winners without).
INDENT = " *+"
# The end of the line, after blanks and a carriage return.
END = r"[ \t\r]*+$"
# An empty group identifies a rule whose last field others read as well; at the front it would hide the literal byte that makes
# the search fast.
HERE = "()"
# Any text up to the end of the line.
REST = r".*+"
TOKEN = re.compile(r"<(\w+)>|([{}])| +|[^<{} ]+|.")

# Expressions over the match `m` that turn the text of a group into the value of a field.
AS_TEXT = "m[{}].decode('utf-8', 'replace')"
AS_SYMBOL = "symbols[m[{}]]"
AS_WHOLE = "int(m[{}])"
AS_NUMBER = "float(m[{}].replace(b',', b''))"


class PerSymbol(dict[bytes, Made]):
    """A cache of what is made of each symbol."""

    def __init__(self, make: Callable[[bytes], Made]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, symbol: bytes) -> Made:
        """Make the value. A log with ever new symbols cannot make the cache grow without bound."""
        if len(self) >= SYMBOLS_KEPT:
            self.clear()
        return self.setdefault(symbol, self._make(symbol))


class Field(NamedTuple):
    """A field of an event that a pattern reads: its name, its conversion, and whether the pattern may leave it out."""

    name: str
    convert: str
    optional: bool

    def expression(self, group: int) -> str:
        """Python expression for the value, given the number of its group."""
        value = self.convert.format(group)
        return f"{value} if m[{group}] is not None else None" if self.optional else value


class Piece(NamedTuple):
    """A part of a pattern: its regular expression, its number of fields, and whether a line may lack it.

    Rules share equal pieces, which are tried once.
    """

    regex: str
    fields: int = 0
    is_optional: bool = False


# Takes the numbers of a rule's groups: that which identifies it, and those of its fields.
Found = Callable[[int, list[int]], None]


class Trie(dict[Piece, "Trie | Found"]):
    """The pieces that may come next, each with its own continuation; after END, what to call with the rule's groups.

    Rules share a common beginning, so that a line is matched along one path and not rule by rule.
    """


def _literal(text: str) -> Iterator[Piece]:
    """Yield one piece for each character."""
    for character in text:
        yield Piece(LITERALS.get(character, re.escape(character)))


def _read(event: type[Event], name: str) -> tuple[str, str]:
    """Return the regular expression of an event's field and the conversion of its text. TypeError when it has none."""
    hint = get_type_hints(event, include_extras=True)[name]
    (kind,) = (part for part in (get_args(hint) if isinstance(hint, UnionType) else (hint,)) if part is not NoneType)
    if kind is str:
        if name not in TEXT:
            raise TypeError(f"no text in TEXT of {__name__} for the field {name} of {event.__name__}")
        return TEXT[name], AS_SYMBOL if name == "symbol" else AS_TEXT
    if kind is int:
        return WHOLE, AS_WHOLE
    return AMOUNT if kind is Unsigned else NUMBER, AS_NUMBER


def _regex(text: str) -> str:
    """Return the regular expression for literal `text`. A run of blanks is only tried from its beginning."""
    return ("(?<! )" if text.startswith(" ") else "") + "".join(piece.regex for piece in _literal(text))


def _up_to(text: str, last: bool) -> Piece:
    """Match any text up to the literal `text`: its first occurrence, or its last one where the rule ends there.

    The time is linear in the length of the line, however often `text` occurs: the group is atomic, and the pattern after the
    last one fails at its first character.
    """
    if not text:
        return Piece(REST)
    return Piece(f".*{_regex(text)}" if last else f"(?>.*?{_regex(text)})")


def _pieces(rule: Rule) -> tuple[list[Piece], list[Field]]:
    """Split a rule's pattern into pieces with one group for each field of its event; return them and the fields in order."""
    pieces: list[Piece] = []
    fields: list[Field] = []
    optional: list[Piece] | None = None
    tokens = list(TOKEN.finditer(rule.pattern))
    while tokens:
        token = tokens.pop(0)
        name, brace = token.group(1), token.group(2)
        into = pieces if optional is None else optional
        if brace == "{":
            optional = []
        elif brace:
            pieces.append(Piece(f"(?:{''.join(p.regex for p in into)})?", sum(p.fields for p in into), is_optional=True))
            optional = None
        elif name in fields_of(rule.event):
            regex, convert = _read(rule.event, name)
            into.append(Piece(f"({regex})", 1))
            fields.append(Field(name, convert, optional is not None))
        elif name == ANY_TEXT:
            literal = ""
            while tokens and tokens[0].group(1, 2) == (None, None):
                literal += tokens.pop(0).group()
            into.append(_up_to(literal, all(rest.group() == "}" for rest in tokens)))
        elif name:
            into.append(Piece(TEXT[name]))
        else:
            into += [Piece(BLANKS)] if token.group().isspace() and token.group() != "\n" else _literal(token.group())
    return pieces, fields


def _builder(rule: Rule, fields: list[Field], groups: list[int]) -> Build:
    """Return the function that makes the rule's event from a match.

    It is compiled from one expression, as in the standard library's named tuples, because it runs for every other line.
    """
    values = {name: repr(rule.fixed.get(name, default)) for name, default in defaults_of(rule.event).items()}
    values |= {name: repr(value) for name, value in rule.fixed.items()}
    if "detail" in fields_of(rule.event) and rule.fixed.get("reason") not in ROUTINE_REASONS:
        values["detail"] = "m[0].partition(b'] ')[2].decode('utf-8', 'replace').rstrip()"
    elif [field.name for field in fields] == ["symbol"]:
        # Only the symbol varies: at DEBUG nine lines of ten are these.
        make = cast(Callable[..., Event], rule.event)
        events = PerSymbol(lambda symbol: make(symbol=symbol.decode(), **rule.fixed))
        return cast(Build, eval(f"lambda m: events[m[{groups[0]}]]", {"events": events}))
    elif not fields:
        event = cast(Callable[..., Event], rule.event)(**rule.fixed)
        return lambda _match: event
    values |= {field.name: field.expression(group) for field, group in zip(fields, groups, strict=True)}
    source = f"lambda m: new(event, ({', '.join(values[name] for name in fields_of(rule.event))}{',' if values else ''}))"
    return cast(Build, eval(source, {"event": rule.event, "new": tuple.__new__, "symbols": SYMBOLS}))


def _lay(trie: Trie, pieces: list[Piece], found: Found) -> None:
    """Add one pattern to the trie."""
    if pieces[0].regex == BLANKS:
        pieces[0] = Piece(INDENT)
    for piece in pieces:
        trie = cast(Trie, trie.setdefault(piece, Trie()))
    trie[Piece(END)] = found


def _alternatives(trie: Trie, numbers: Iterator[int], groups: list[int], is_last: bool = False) -> str:
    """Return the trie as a regular expression. groups: numbers of the groups before it. numbers: the next group numbers.

    is_last: whether the last of these groups belongs to one rule alone, and is the last that matches.
    """
    branches = []
    is_last = is_last and len(trie) == 1
    for piece, rest in trie.items():
        here = groups + [next(numbers) for _ in range(piece.fields)]
        if isinstance(rest, Trie):
            is_still_last = not piece.is_optional if piece.fields else is_last
            branches.append(piece.regex + _alternatives(rest, numbers, here, is_still_last))
        else:
            rest(here[-1] if is_last else next(numbers), here)
            branches.append(piece.regex if is_last else piece.regex + HERE)
    return branches[0] if len(branches) == 1 else f"(?:{'|'.join(branches)})"


def compile_grammar() -> tuple[re.Pattern[bytes], dict[int | None, tuple[Build, str]]]:
    """Compile all rules and tags into one expression after the header of a line.

    Returns the expression and, by the lastindex of its match, the function that makes the event and the rule's log versions.
    """
    trie, builds = Trie(), dict[int | None, tuple[Build, str]]()

    def read(rule: Rule, fields: list[Field], ident: int, groups: list[int]) -> None:
        builds[ident] = _builder(rule, fields, groups), rule.forms

    def misread(event: Malformed, ident: int, groups: list[int]) -> None:
        builds[ident] = (lambda _match: event), ""

    for rule in RULES:
        pieces, fields = _pieces(rule)
        _lay(trie, pieces, partial(read, rule, fields))
    for tag in TAGS:
        _lay(trie, [*_literal(tag.text), Piece(REST)], partial(misread, Malformed(kind_of(tag.event))))
    header = HEADER.replace("(", "(?:", 1)
    # A header at the end of its line may have lost its blank.
    return re.compile(f"{header}(?: |(?=\r?\n)){_alternatives(trie, count(1), [])}".encode(), re.MULTILINE), builds


SYMBOLS = PerSymbol(bytes.decode)
EVENT, BUILDS = compile_grammar()


def read_message(message: bytes) -> tuple[Event, str] | None:
    """Return the event of a message (one line, the text after `[LEVEL] `) and its log versions; None when it has none."""
    match = EVENT.match(b"\n2000-01-01 00:00:00 [INFO] " + message)
    if match is None:
        return None
    build, forms = BUILDS[match.lastindex]
    return build(match), forms
