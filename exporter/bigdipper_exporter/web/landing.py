"""The landing page: in plain words how the log, the archive and the broker are doing."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from string import Template

# State: the word that is read, and the sign that is seen. Colour only repeats them.
STATES = {"ok": ("fine", "✓"), "warn": ("look", "!"), "bad": ("broken", "✕"), "off": ("off", "–")}

_TEMPLATE = Template(files("bigdipper_exporter.web").joinpath("landing.html").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Page:
    """What the page says: sections of (heading, [(state, name, sentence)]), states as in STATES."""

    title: str
    version: str
    sections: list[tuple[str, list[tuple[str, str, str]]]]


def render(page: Page, links: Mapping[str, str]) -> str:
    """The page as HTML, with links (address -> words) to the rest of the server."""
    states = [state for _, rows in page.sections for state, _, _ in rows]
    overall = next((state for state in ("bad", "warn") if state in states), "ok")
    bad, warn = states.count("bad"), states.count("warn")
    summary = (
        ", ".join(text for count, text in ((bad, f"{bad} broken"), (warn, f"{warn} to look at")) if count)
        or "everything is fine"
    )
    return _TEMPLATE.substitute(
        title=escape(page.title),
        version=escape(page.version),
        overall=overall,
        sign=STATES[overall][1],
        summary=summary,
        sections="\n".join(_section(heading, rows) for heading, rows in page.sections),
        links="\n".join(f'<a href="{escape(address)}">{escape(words)}</a>' for address, words in links.items()),
    )


def _section(heading: str, rows: list[tuple[str, str, str]]) -> str:
    items = "\n".join(_row(*row) for row in rows)
    return f"<section>\n<h2>{escape(heading)}</h2>\n<ul>\n{items}\n</ul>\n</section>"


def _row(state: str, name: str, sentence: str) -> str:
    word, sign = STATES[state]
    return (
        f'<li class="{state}"><span class="state"><span class="sign" aria-hidden="true">{sign}</span> {word}</span>'
        f'<span class="name">{escape(name)}</span><span class="says">{escape(sentence)}</span></li>'
    )
