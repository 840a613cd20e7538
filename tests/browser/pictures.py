"""Pictures of the boards: `GRAFANA_URL=… python -m tests.browser.pictures FOLDER [all]`.

For the documents each board on a desk, of some the panels that answer a question of the README, and the overview in every look;
with `all`, each board in every look at full length.
"""

import json
import os
import sys
from pathlib import Path

from tests.browser import chromium
from tests.browser.boards import BOARDS, look
from tests.browser.chromium import Page

LOOKS = {"": (1440, "dark"), "-light": (1440, "light"), "-phone": (390, "dark"), "-phone-light": (390, "light")}
GAP = 8  # pixels around a part
OF_DOCUMENTS = ("", "-light", "-phone")
# First and last panel of a picture for the documents; other boards are shown whole.
PARTS = {
    "performance": ("Same deposits in the benchmark", "Account and the same deposits in the benchmark"),
    "opportunities": ("Bought and missed dips", "Missed dips by reason"),
    "symbol": ("Nearest to trigger", "Nearest to trigger"),
    "config": ("Thresholds against the past", "Signals by threshold"),
}
TOP_AND_BOTTOM = """[first, last].map((title, place) => {
  const found = document.querySelector(`section[data-testid="data-testid Panel header ${title}"]`).getBoundingClientRect()
  return place ? found.bottom : found.top
})"""
BOTTOM = """Math.max(...[...document.querySelectorAll('section[data-testid*="Panel header"]')].map(
  panel => panel.getBoundingClientRect().bottom))"""
PHONE_SCREENS = 1800  # pixels of a phone's long page that a picture shows


def main(folder: Path, every_look: bool) -> None:
    """Take the pictures into `folder`. every_look: of each board, for a review."""
    executable = chromium.find()
    if not executable or "GRAFANA_URL" not in os.environ:
        sys.exit("needs Chromium on this machine and the environment variable GRAFANA_URL")
    folder.mkdir(parents=True, exist_ok=True)
    with chromium.page(executable, os.environ.get("GRAFANA_USER")) as page:
        for name in BOARDS:
            for ending, (width, theme) in LOOKS.items():
                if not every_look and ending and (name != "overview" or ending not in OF_DOCUMENTS):
                    continue
                look(page, os.environ["GRAFANA_URL"], name, width=width, theme=theme)
                bottom = int(page.ask(BOTTOM))
                cut = width < 600 and not every_look
                page.size(width, min(bottom + 16, PHONE_SCREENS) if cut else bottom + 16)
                page.settle("/api/ds/query", 1.0, 10.0)
                part = PARTS.get(name) if not every_look else None
                page.picture(folder / f"{name}{ending}.png", None if part is None else _rectangle(page, part, width))


def _rectangle(page: Page, panels: tuple[str, str], width: int) -> tuple[float, float, float, float]:
    """Where the window shows the panels from the first to the last: left, top, width, height."""
    first, last = page.ask(f"(([first, last]) => {TOP_AND_BOTTOM})({json.dumps(panels)})")
    return 0, first - GAP, width, last - first + 2 * GAP


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] == ["all"])
