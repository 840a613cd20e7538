"""Pictures of the boards for the documents: `GRAFANA_URL=… python -m tests.browser.pictures FOLDER`."""

import os
import sys
from pathlib import Path

from tests.browser import chromium
from tests.browser.boards import BOARDS, look

LOOKS = {"": (1440, "dark"), "-light": (1440, "light"), "-phone": (390, "dark")}
BOTTOM = """Math.max(...[...document.querySelectorAll('section[data-testid*="Panel header"]')].map(
  panel => panel.getBoundingClientRect().bottom))"""
PHONE_SCREENS = 1800  # pixels of a phone's long page that a picture shows


def main(folder: Path) -> None:
    """Every board on a desk, dark; the overview in light and on a phone too."""
    executable = chromium.find()
    if not executable or "GRAFANA_URL" not in os.environ:
        sys.exit("needs Chromium on this machine and the environment variable GRAFANA_URL")
    folder.mkdir(parents=True, exist_ok=True)
    with chromium.page(executable, os.environ.get("GRAFANA_USER")) as page:
        for name in BOARDS:
            for ending, (width, theme) in LOOKS.items():
                if ending and name != "overview":
                    continue
                look(page, os.environ["GRAFANA_URL"], name, width=width, theme=theme)
                bottom = int(page.ask(BOTTOM))
                page.size(width, min(bottom + 16, PHONE_SCREENS) if width < 600 else bottom + 16)
                page.settle("/api/ds/query", 1.0, 10.0)
                page.picture(folder / f"{name}{ending}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
