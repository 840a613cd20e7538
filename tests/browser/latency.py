"""From a line of the log to the screen: appends account lines to a log that a stack follows, waits for the figure on Overview.

GRAFANA_URL=… python -m tests.browser.latency LOG [BOT]   (a log of nobody else: lines are invented)
"""

import os
import random
import statistics
import sys
import time
from datetime import datetime
from pathlib import Path

from tests.browser import chromium

LINES = 20
GOAL = 5.0
CYCLE = """{now} [INFO]\x20
====
Cycle #{number} - {now:%H:%M:%S}
{now} [INFO] ====
{now} [INFO] [ACCOUNT] equity=${equity:.2f} cash=$100.00 leverage=90.0% margin_debt=$0.00 pl=$+1.00 pl_pct=+0.10%
"""


def main(log: Path, bot: str) -> None:
    """Prints the median and the worst of some lines written at odd moments."""
    executable = chromium.find()
    if not executable or "GRAFANA_URL" not in os.environ:
        sys.exit("needs Chromium on this machine and the environment variable GRAFANA_URL")
    chance, taken = random.Random(1), []
    with chromium.page(executable, os.environ.get("GRAFANA_USER")) as page:
        page.size(1440, 900)
        page.open(f"{os.environ['GRAFANA_URL'].rstrip('/')}/d/bigdipper-overview?kiosk&refresh=2s&var-bot={bot}")
        page.until("document.body.innerText.includes('Equity')", 30)
        for number in range(LINES):
            time.sleep(chance.uniform(1, 4))
            equity = 10_000 + chance.randrange(1_000_000) / 100
            text = CYCLE.format(now=datetime.now().replace(microsecond=0), number=number + 1, equity=equity)
            with log.open("a", encoding="utf-8") as file:
                file.write(text)
            started = time.monotonic()
            if not page.until(f"document.body.innerText.includes('{equity:,.2f}')", 30):
                sys.exit(f"${equity:,.2f} did not appear within 30 s")
            taken.append(time.monotonic() - started)
    print(f"{LINES} lines: median {statistics.median(taken):.2f} s, worst {max(taken):.2f} s (goal {GOAL:g} s)")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "big-dipper")
