"""Picture of the README: messages of docs/alerts.md on the lock screen of a phone.

python -m tests.browser.notifications docs/images/notification-phone.png
"""

import re
import sys
from html import escape
from pathlib import Path

from tests.browser import chromium

ALERTS = Path(__file__).resolve().parents[2] / "docs" / "alerts.md"
SHOWN = ("DayClosed", "BrakeActive", "BrokerDownInSession")  # the newest first
WIDTH, HEIGHT = 390, 844  # CSS pixels
VIEWPORT = "<meta name=viewport content=width=device-width>"
STYLE = """
body { margin: 0; min-height: 100vh; padding: 72px 12px 0; box-sizing: border-box }
body { color: #fff; font: 15px/1.35 "DejaVu Sans", sans-serif }
html { background: linear-gradient(160deg, #16324f, #2a2140 70%) }
time { display: block; text-align: center; font-size: 64px; font-weight: 300 }
p { margin: 0 0 48px; text-align: center }
article { margin: 10px 0; padding: 12px 14px; border-radius: 16px; background: #ffffff24 }
small { display: block; margin-bottom: 4px; opacity: .75 }
"""


def message(alert: str) -> tuple[str, str]:
    """Title and text of an alert, as a phone receives them. Raises LookupError if docs/alerts.md does not have it."""
    found = re.search(rf"^### {alert}$.*?^```text\n(.+?)\n(.+?)$", ALERTS.read_text(), re.MULTILINE | re.DOTALL)
    if found is None:
        raise LookupError(f"docs/alerts.md has no message of {alert}")
    return found[1], found[2]


def screen() -> str:
    """Return the lock screen as HTML."""
    cards = (
        f"<article><small>ntfy</small><b>{escape(title)}</b><br>{escape(text)}</article>" for title, text in map(message, SHOWN)
    )
    return f"<meta charset=utf-8>{VIEWPORT}<style>{STYLE}</style><time>16:05</time><p>Friday, October 16</p>{''.join(cards)}"


def main(file: Path) -> None:
    """Take the picture. Ends with a message if there is no Chromium."""
    executable = chromium.find()
    if executable is None:
        sys.exit("needs Chromium on this machine")
    with chromium.page(executable, None) as page:
        page.size(WIDTH, HEIGHT)
        page.tab.set_content(screen())
        page.picture(file)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
