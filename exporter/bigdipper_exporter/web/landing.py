"""The landing page as HTML: no script, nothing loaded from elsewhere, light and dark, for a phone too."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from string import Template
from typing import Literal, NamedTuple

from bigdipper_exporter.words import count

# State: the word that is read, and the sign that is seen. Colour only repeats them.
State = Literal["ok", "warn", "bad", "off"]
STATES: dict[State, tuple[str, str]] = {
    "ok": ("fine", "✓"),
    "warn": ("look", "!"),
    "bad": ("problem", "✕"),
    "off": ("off", "–"),
}
REFRESH_SECONDS = 15
_SENTENCE = 300  # characters of it that are shown
_WIDTH, _HEIGHT, _EDGE = 600, 90, 4

_TEMPLATE = Template(files("bigdipper_exporter.web").joinpath("landing.html").read_text(encoding="utf-8"))

MOST_NAMED = 5  # symbols, bots or lines that a row or a section names


class Row(NamedTuple):
    """One statement of a section: its state, what it is about, and the sentence."""

    state: State
    name: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table: `look` places and colours it; `minor` cells are left out on a phone. most: characters shown."""

    text: str
    look: Literal["text", "number", "gain", "loss"] = "text"
    minor: bool = False
    most: int = 40


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its heading; `none` is said where there are no rows, `note` below them."""

    heading: str
    columns: tuple[Cell, ...]
    rows: Sequence[tuple[Cell, ...]]
    none: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """One large figure: what it is, its value, and a short remark."""

    name: str
    value: Cell
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Curve:
    """Values in the order of time, at least two of them drawn, and the sentence that says what is seen."""

    values: tuple[float, ...]
    sentence: str


@dataclass(frozen=True)
class Page:
    """What the page says: sections of (heading, rows), states as in STATES. links: (address, words). about: below the title."""

    title: str
    version: str
    sections: list[tuple[str, list[Row]]]
    figures: Sequence[Figure] = ()
    curve: Curve | None = None
    tables: Sequence[Table] = ()
    links: Sequence[tuple[str, str]] = field(default_factory=list)
    about: str = ""


def render(page: Page, links: Sequence[tuple[str, str]]) -> str:
    """The page as HTML, with its links and `links` (address, words) to the rest of the server."""
    states = [row.state for _, rows in page.sections for row in rows]
    overall: State = "bad" if "bad" in states else "warn" if "warn" in states else "ok"
    bad, warn = states.count("bad"), states.count("warn")
    summary = (
        ", ".join(text for number, text in ((bad, count(bad, "problem")), (warn, f"{warn} to look at")) if number)
        or "everything is fine"
    )
    # What needs a look comes first, what happened next, what is fine last.
    urgent = [(heading, rows) for heading, rows in page.sections if any(row.state in ("bad", "warn") for row in rows)]
    calm = [section for section in page.sections if section not in urgent]
    return _TEMPLATE.substitute(
        title=escape(page.title),
        about=escape(page.about),
        version=escape(page.version),
        refresh=REFRESH_SECONDS,
        overall=overall,
        sign=STATES[overall][1],
        summary=summary,
        figures="\n".join(map(_figure, page.figures)),
        curve=_curve(page.curve) if page.curve else "",
        urgent="\n".join(_section(heading, rows) for heading, rows in urgent),
        tables="\n".join(map(_table, page.tables)),
        calm="\n".join(_section(heading, rows) for heading, rows in calm),
        links="\n".join(f'<a href="{escape(address)}">{escape(words)}</a>' for address, words in (*page.links, *links)),
    )


def _text(text: str, most: int) -> str:
    """HTML of a text that others wrote: escaped, and no longer than `most` characters."""
    return escape(text if len(text) <= most else text[: most - 1] + "…")


def _section(heading: str, rows: list[Row]) -> str:
    items = "\n".join(map(_row, rows))
    return f"<section>\n<h2>{escape(heading)}</h2>\n<ul>\n{items}\n</ul>\n</section>"


def _row(row: Row) -> str:
    word, sign = STATES[row.state]
    return (
        f'<li class="{row.state}"><span class="state"><span class="sign" aria-hidden="true">{sign}</span> {word}</span>'
        f'<span class="name">{escape(row.name)}</span><span class="says">{_text(row.sentence, _SENTENCE)}</span></li>'
    )


def _figure(figure: Figure) -> str:
    remark = f'<span class="remark">{escape(figure.remark)}</span>' if figure.remark else ""
    return (
        f'<div class="figure"><dt>{escape(figure.name)}</dt>'
        f'<dd><span class="{figure.value.look}">{escape(figure.value.text)}</span>{remark}</dd></div>'
    )


def _table(table: Table) -> str:
    heading = f"<section>\n<h2>{escape(table.heading)}</h2>\n"
    if not table.rows:
        return f'{heading}<p class="none">{escape(table.none)}</p>\n</section>'
    head = "".join(f'<th scope="col"{_classes(cell)}>{_text(cell.text, cell.most)}</th>' for cell in table.columns)
    rows = "\n".join(
        "<tr>" + "".join(f"<td{_classes(cell)}>{_text(cell.text, cell.most)}</td>" for cell in row) + "</tr>"
        for row in table.rows
    )
    note = f'\n<p class="note">{escape(table.note)}</p>' if table.note else ""
    return f"{heading}<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>{note}\n</section>"


def _classes(cell: Cell) -> str:
    names = [*([cell.look] if cell.look != "text" else []), *(["minor"] if cell.minor else [])]
    return f' class="{" ".join(names)}"' if names else ""


def _curve(curve: Curve) -> str:
    low, high = min(curve.values), max(curve.values)
    span = (high - low) or 1.0
    step = (_WIDTH - 2 * _EDGE) / (len(curve.values) - 1)
    points = " ".join(
        f"{_EDGE + number * step:.1f},{_HEIGHT - _EDGE - (value - low) / span * (_HEIGHT - 2 * _EDGE):.1f}"
        for number, value in enumerate(curve.values)
    )
    says = escape(curve.sentence)
    return (
        f'<figure><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" role="img" aria-label="{says}">'
        f'<polyline points="{points}"/></svg><figcaption>{says}</figcaption></figure>'
    )
