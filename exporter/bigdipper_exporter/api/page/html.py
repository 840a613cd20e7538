"""The page's HTML: no script, nothing from elsewhere, readable on a phone, usable with a keyboard."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none';"
    " base-uri 'none'",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
STYLE = """
:root{color-scheme:light dark}:focus-visible{outline:3px solid #2f7de1;outline-offset:2px}
body{font:16px/1.4 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:.75rem;color:#1d2430;background:#fff}
table{width:100%;border-collapse:collapse}
td,th{text-align:left;padding:.4rem .3rem;border-top:1px solid #d5dae2;vertical-align:top}
pre{overflow-x:auto;background:#f2f4f7;padding:.6rem}
input,button{font:inherit;padding:.5rem;max-width:100%;box-sizing:border-box}
.note{color:#5a6472;font-size:.875rem;overflow-wrap:anywhere}.warn{background:#fff3d6;padding:.6rem}form{margin:.5rem 0}
@media(max-width:40rem){thead{display:none}td{display:block;border:0;padding:.15rem 0}
tr{display:block;border-top:1px solid #d5dae2;padding:.5rem 0}}
@media(prefers-color-scheme:dark){body{color:#e4e8ee;background:#14181f}pre{background:#1e242d}
.warn{background:#4a3a12}.note{color:#9aa5b4}a{color:#8ab4f8}}
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One setting of the table. reason: why it cannot be edited; None where it can. pending: not in effect yet.

    default: the value of the bot's release; changed: its value before and until when. Both empty where there is none.
    """

    name: str
    value: str
    meaning: str
    default: str
    allowed: str
    note: str
    reason: str | None
    pending: bool | None
    changed: str


def page(title: str, *parts: str) -> str:
    """A whole page of trusted parts."""
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
    head += f"<title>{escape(title)}</title><style>{STYLE}</style>"
    return f"<!doctype html><html lang=en><head>{head}</head><body><h1>{escape(title)}</h1>{''.join(parts)}</body></html>"


def paragraph(text: str, kind: str = "") -> str:
    """Text of ours or of others."""
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def form(action: str, button: str, hidden: Iterable[tuple[str, str]], *fields: str) -> str:
    """A form that posts."""
    inputs = "".join(f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in hidden)
    return f'<form method="post" action="{escape(action)}">{inputs}{"".join(fields)}<button>{escape(button)}</button></form>'


def undo(button: str, secret: str, copy: str) -> str:
    """Return the form that shows what changes with an earlier copy. secret: the session's own, against forms of other pages."""
    return form("/config/undo", button, [("form", secret), ("copy", copy)])


def earlier(secret: str, copies: Sequence[str]) -> list[str]:
    """Return the list of earlier contents; nothing where there are none."""
    return ["<h2>Earlier contents</h2>", *(undo(f"Show {copy}", secret, copy) for copy in copies)] if copies else []


def field(name: str, label: str, value: str = "", kind: str = "text", *, is_first: bool = False) -> str:
    """An input with its label. is_first: the page opens with the keyboard in it."""
    return (
        f'<p><label>{escape(label)}<br><input name="{escape(name)}" type="{kind}" value="{escape(value)}"'
        f' autocomplete="off" autocapitalize="off" spellcheck="false" required{" autofocus" if is_first else ""}></label></p>'
    )


def search(text: str) -> str:
    """The search above the table."""
    box = f'<input name="q" type="search" value="{escape(text)}" aria-label="Search" placeholder="Setting or symbol">'
    return f'<form method="get" action="/config">{box} <button>Search</button></form>'


def table(rows: Sequence[Row]) -> str:
    """The settings, with a link to edit each that can be."""
    head = "<tr><th>Setting</th><th>Value</th><th>Default and what is allowed</th></tr>"
    return f"<table><thead>{head}</thead><tbody>{''.join(map(_line, rows))}</tbody></table>"


def _line(row: Row) -> str:
    name = escape(row.name)
    link = f'<a href="/config/edit?name={quote(row.name)}">{name}</a>' if row.reason is None else name
    meaning = f'<div class="note">{escape(row.meaning)}</div>' if row.meaning else ""
    pending = "<b> · changed, not in effect</b>" if row.pending else ""
    changed = f'<div class="note">{escape(row.changed)}</div>' if row.changed else ""
    default = f"default {row.default}" if row.default else ""
    note = " · ".join(part for part in (default, row.allowed if row.reason is None else row.reason, row.note) if part)
    return (
        f'<tr><td>{link}{meaning}</td><td>{escape(row.value)}{pending}{changed}</td><td class="note">{escape(note)}</td></tr>'
    )


def preformatted(text: str) -> str:
    """Text in lines of its own, such as a unified diff or commands; a keyboard can scroll it."""
    return f'<pre tabindex="0">{escape(text)}</pre>'
