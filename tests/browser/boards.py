"""What a browser sees of one board: failed queries, panels with an error or without anything, and how long it takes."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grafana.docs import panels
from tests.browser.chromium import Page

DASHBOARDS = Path(__file__).resolve().parents[2] / "grafana" / "dashboards"
BOARDS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text("utf-8")) for path in sorted(DASHBOARDS.glob("*.json"))
}
ROW = 38  # a row of Grafana's grid with its gap, in pixels
QUIET = 1.5  # seconds without a query under way: the board is drawn
PATIENCE = 60.0
SEEN = """[...document.querySelectorAll('section[data-testid*="Panel header"]')].map(panel => ({
  title: panel.dataset.testid.replace('data-testid Panel header ', ''),
  text: panel.innerText,
  error: !!panel.querySelector('[data-testid*="Panel status error"]'),
  sideways: [...panel.querySelectorAll('[role="grid"]')].some(table => table.scrollWidth > table.clientWidth + 1),
  cut: [...panel.querySelectorAll('[role="columnheader"] *, [role="gridcell"]')].filter(
    part => part.scrollWidth > part.clientWidth + 1 && getComputedStyle(part).overflowX !== 'visible'
  ).map(part => part.innerText),
}))"""

OPEN_ROWS = """(rows => rows.map(row => row.click()).length)(
  [...document.querySelectorAll('[data-testid*="dashboard-row-title"][aria-label="Expand row"]')])"""


@dataclass(frozen=True)
class Load:
    """A board as it opens, folded rows unopened: requests, queries in them, seconds to the last answer."""

    requests: int
    queries: int
    seconds: float


@dataclass
class Sight:
    """Titles by what is wrong with them, and how the board opened."""

    load: Load

    missing: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    nothing: list[str] = field(default_factory=list)
    failed_queries: list[str] = field(default_factory=list)
    too_wide: int = 0
    sideways: list[str] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)


def height(name: str, width: int) -> int:
    """Pixels in which the whole board has room, with every row open: Grafana draws only what is on the screen."""
    own = list(panels(BOARDS[name]))
    rows = [panel for panel in BOARDS[name]["panels"] if panel["type"] == "row"]
    if width < 768:
        return 400 + ROW * (sum(int(panel["gridPos"]["h"]) for panel in own) + len(rows))
    return 400 + ROW * (_bottom(BOARDS[name]["panels"]) + sum(_bottom(row["panels"]) for row in rows if row["panels"]))


def _bottom(own: list[dict[str, Any]]) -> int:
    """Rows of the grid from the first to the last of these panels."""
    return max(int(p["gridPos"]["y"] + p["gridPos"]["h"]) for p in own) - min(int(p["gridPos"]["y"]) for p in own)


def load(page: Page, base: str, name: str, *, width: int = 1440, theme: str = "dark", since: str = "") -> Load:
    """Open a board in a window that is as high as the board, and wait until its queries are answered.

    since: the start of another time than the board's own, as in `now-5y`.
    """
    page.size(width, height(name, width))
    span = f"&from={since}&to=now" if since else ""
    page.open(f"{base.rstrip('/')}/d/{BOARDS[name]['uid']}?kiosk&theme={theme}&refresh=1h{span}")
    _wait_for(page, sum(panel["type"] != "row" for panel in BOARDS[name]["panels"]))
    return Load(*page.load("/api/ds/query"))


def look(page: Page, base: str, name: str, *, width: int = 1440, theme: str = "dark") -> Sight:
    """Open a board, then its folded rows, and read what is on it when its queries are answered."""
    opened = load(page, base, name, width=width, theme=theme)
    titles = [panel["title"] for panel in panels(BOARDS[name])]
    if page.ask(OPEN_ROWS):
        _wait_for(page, len(titles))
    seen = {panel["title"]: panel for panel in page.ask(SEEN) or []}
    sight = Sight(
        opened, missing=[title for title in titles if title not in seen], failed_queries=page.failures("/api/ds/query")
    )
    sight.too_wide = max(0, page.ask("document.documentElement.scrollWidth") - width)
    for panel in panels(BOARDS[name]):
        shown = seen.get(panel["title"], {"text": "", "error": False, "sideways": False, "cut": []})
        if shown["error"]:
            sight.errors.append(panel["title"])
        words = panel["fieldConfig"]["defaults"]["noValue"]
        if words in shown["text"] or "No data" in shown["text"].splitlines():
            sight.nothing.append(panel["title"])
        if shown["sideways"]:
            sight.sideways.append(panel["title"])
        sight.cut += [f"{panel['title']}: {name}" for name in shown["cut"]]
    return sight


def times(name: str, cold: Load, warm: Sequence[Load]) -> str:
    """A line that says how fast a board opened: median, fastest and slowest of its warm loads, and the cold one.

    A single load says little: it is half a second faster or slower than the next. Requests and queries: the most of any load.
    """
    seconds = sorted(one.seconds for one in warm)
    return (
        f"{name}: {max(one.requests for one in warm)} requests, {max(one.queries for one in warm)} queries, "
        f"warm {statistics.median(seconds):.2f} s to the last answer ({seconds[0]:.2f} to {seconds[-1]:.2f}), "
        f"cold {cold.seconds:.2f} s"
    )


def _wait_for(page: Page, count: int) -> None:
    """Wait until there are so many panels, and their queries are answered."""
    page.until(f"({SEEN}).length >= {count}", PATIENCE)
    page.settle("/api/ds/query", QUIET, PATIENCE)
