"""Turns the grammar's table into one regular expression that finds every event in a large piece of the log."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import NamedTuple, TypeVar, cast

from bigdipper_exporter.log.events import ROUTINE_REASONS, Event, Malformed
from bigdipper_exporter.log.grammar import RULES, TAGS, Rule
from bigdipper_exporter.symbols import SYMBOL

# Possessive throughout: what a field has taken it keeps, so that a line that is no event is given up at once.
# At most a trillion, and no sign where only damage could put one: what is counted must never step back.
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
WHOLE = ("number", "found", "stocks", "skipped", "missed", "attempt", "cycle")
UNSIGNED = ("quantity", "price", "total", "seconds", "deployed", "invested")
SYMBOLS_KEPT = 1000
Build = Callable[[re.Match[bytes]], Event]
Made = TypeVar("Made")

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
# The newline in front is what makes a search over a megabyte fast: it begins with one literal byte. Whether the 19 characters
# are a time is asked where one is read (`parser.py`): here it would be asked for every line, and damage would go unseen.
HEADER = rf"\n.{{19}} \[({'|'.join(LEVELS)})\]"
BLANKS = " ++"
# Signs that vary: the double blank behind an emoji and its variation selector between versions, the end of a line.
LITERALS = {" ": BLANKS, "\ufe0f": "(?:\ufe0f)?+", "\n": r"\r?+\n"}
# An indented line may have lost its indentation (the design form prints Winners without).
INDENT = " *+"
# To the end of the line, blanks and a carriage return aside. The empty group tells which rule it was: in front it would hide
# the literal that the search skips by.
END = r"[ \t\r]*+$()"
# Any text up to the end of the line: nothing is left to search for behind it.
REST = r".*+"
TOKEN = re.compile(r"<(\w+)>|([{}])| +|[^<{} ]+|.")

# How the text of a group becomes the value of a field, as an expression over the match `m`.
AS_TEXT = "m[{}].decode('utf-8', 'replace')"
AS_SYMBOL = "symbols[m[{}]]"
AS_WHOLE = "int(m[{}])"
AS_NUMBER = "float(m[{}].replace(b',', b''))"


class PerSymbol(dict[bytes, Made]):
    """What is made of a symbol, once for all the times that it is named again."""

    def __init__(self, make: Callable[[bytes], Made]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, symbol: bytes) -> Made:
        """Make it. Whoever writes ever new symbols into the log cannot make this grow."""
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
    """A part of a pattern: its regular expression, and how many fields it reads. Equal pieces are tried once for all rules."""

    regex: str
    fields: int = 0


class Trie(dict[Piece, "Trie | Callable[[list[int]], None]"]):
    """What may come next, and what follows it; behind the END of a line, what to do with the numbers of the fields' groups.

    Rules that begin alike share what they have in common: a line is read along one path, not rule by rule.
    """


def _literal(text: str) -> Iterator[Piece]:
    """One piece for each character; two blanks in a row are one run."""
    for sign in text:
        yield Piece(LITERALS.get(sign, re.escape(sign)))


def _text_of(name: str) -> str:
    if name in TEXT:
        return TEXT[name]
    return r"\d{1,9}+" if name in WHOLE else AMOUNT if name in UNSIGNED else NUMBER


def _convert(name: str) -> str:
    if name in TEXT:
        return AS_SYMBOL if name == "symbol" else AS_TEXT
    return AS_WHOLE if name in WHOLE else AS_NUMBER


def _regex(text: str) -> str:
    """Regular expression for literal `text`. In front of a run of blanks, only the beginning of the run is tried."""
    return ("(?<! )" if text.startswith(" ") else "") + "".join(piece.regex for piece in _literal(text))


def _up_to(text: str, last: bool) -> Piece:
    """Any text up to the literal `text`: its first occurrence, or in the last place of a rule that at the end of the line.

    Linear in the length of the line, also where `text` occurs again and again: the group is atomic, and what is behind the
    last one fails at its first character.
    """
    if not text:
        return Piece(REST)
    return Piece(f".*{_regex(text)}" if last else f"(?>.*?{_regex(text)})")


def _pieces(rule: Rule) -> tuple[list[Piece], list[Field]]:
    """A rule's pattern piece by piece, one group per field of its event, and those fields in order."""
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
            pieces.append(Piece(f"(?:{''.join(p.regex for p in into)})?", sum(p.fields for p in into)))
            optional = None
        elif name in rule.event._fields:
            into.append(Piece(f"({_text_of(name)})", 1))
            fields.append(Field(name, _convert(name), optional is not None))
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
    """The function that makes the rule's event from a match.

    Compiled from one expression, as the standard library does for named tuples: at catch-up it runs for every other line.
    """
    values = {name: repr(rule.fixed.get(name, default)) for name, default in rule.event._field_defaults.items()}
    values |= {name: repr(value) for name, value in rule.fixed.items()}
    if "detail" in rule.event._fields and rule.fixed.get("reason") not in ROUTINE_REASONS:
        values["detail"] = "m[0].partition(b'] ')[2].decode('utf-8', 'replace').rstrip()"
    elif [field.name for field in fields] == ["symbol"]:
        # Only the symbol varies: at DEBUG nine lines of ten are these.
        make = cast(Callable[..., Event], rule.event)
        events = PerSymbol(lambda symbol: make(symbol=symbol.decode(), **rule.fixed))
        return cast(Build, eval(f"lambda m: events[m[{groups[0]}]]", {"events": events}))
    values |= {field.name: field.expression(group) for field, group in zip(fields, groups, strict=True)}
    source = f"lambda m: new(event, ({', '.join(values[name] for name in rule.event._fields)}{',' if values else ''}))"
    return cast(Build, eval(source, {"event": rule.event, "new": tuple.__new__, "symbols": SYMBOLS}))


def _lay(trie: Trie, pieces: list[Piece], found: Callable[[list[int]], None]) -> None:
    """Add one pattern to the trie."""
    if pieces[0].regex == BLANKS:
        pieces[0] = Piece(INDENT)
    for piece in pieces:
        trie = cast(Trie, trie.setdefault(piece, Trie()))
    trie[Piece(END, 1)] = found


def _alternatives(trie: Trie, numbers: Iterator[int], groups: list[int]) -> str:
    """The trie as a regular expression; `groups`: those on the way to it, `numbers`: those that come."""
    branches = []
    for piece, rest in trie.items():
        here = groups + [next(numbers) for _ in range(piece.fields)]
        if isinstance(rest, Trie):
            branches.append(piece.regex + _alternatives(rest, numbers, here))
        else:
            rest(here)
            branches.append(piece.regex)
    return branches[0] if len(branches) == 1 else f"(?:{'|'.join(branches)})"


def compile_grammar() -> tuple[re.Pattern[bytes], dict[int | None, tuple[Build, str]]]:
    """All rules and tags as one expression behind the header of a line.

    Returns the expression, and by the lastindex of its match how the event is made and which forms of the log print it so.
    """
    trie, builds = Trie(), dict[int | None, tuple[Build, str]]()

    def read(rule: Rule, fields: list[Field], groups: list[int]) -> None:
        builds[groups[-1]] = _builder(rule, fields, groups[:-1]), rule.forms

    def misread(event: Malformed, groups: list[int]) -> None:
        builds[groups[-1]] = (lambda _match: event), ""

    for rule in RULES:
        pieces, fields = _pieces(rule)
        _lay(trie, pieces, partial(read, rule, fields))
    for tag, kind in TAGS:
        _lay(trie, [*_literal(tag), Piece(REST)], partial(misread, Malformed(kind)))
    header = HEADER.replace("(", "(?:", 1)
    return re.compile(f"{header} {_alternatives(trie, count(1), [])}".encode(), re.MULTILINE), builds


SYMBOLS = PerSymbol(bytes.decode)
EVENT, BUILDS = compile_grammar()


def read_message(message: bytes) -> tuple[Event, str] | None:
    """What a message (the text behind `[LEVEL] `, one line) tells, and the forms that print it so; None: nothing."""
    match = EVENT.match(b"\n2000-01-01 00:00:00 [INFO] " + message)
    if match is None:
        return None
    build, forms = BUILDS[match.lastindex]
    return build(match), forms
