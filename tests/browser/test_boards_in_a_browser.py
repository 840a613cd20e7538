"""Every board in a real Grafana, as a person sees it: no panel with an error, none that is empty without a known reason.

GRAFANA_URL=http://localhost:3000 [GRAFANA_USER=name:password] python -m pytest tests/browser -rs -s   (-s prints load times)

BOARD_LOADS: how many warm loads a printed median is of (5). BOARD_SINCE: print those of another time too, such as now-5y.
"""

import os
from collections.abc import Iterator

import pytest

from tests.browser import chromium
from tests.browser.boards import BOARDS, load, look, times
from tests.browser.chromium import Page
from tests.browser.expected import EMPTY_MAY_BE

URL = os.environ.get("GRAFANA_URL", "")
LOADS = int(os.environ.get("BOARD_LOADS", "5"))
SINCE = os.environ.get("BOARD_SINCE", "")
CHROMIUM = chromium.find()
pytestmark = [
    pytest.mark.skipif(not URL, reason="SKIPPED, boards were not seen in a browser: GRAFANA_URL names no Grafana"),
    pytest.mark.skipif(not CHROMIUM, reason="SKIPPED, boards were not seen in a browser: no Chromium on this machine"),
]


@pytest.fixture(scope="module")
def tab() -> Iterator[Page]:
    assert CHROMIUM
    with chromium.page(CHROMIUM, os.environ.get("GRAFANA_USER")) as page:
        yield page


@pytest.mark.parametrize("name", BOARDS)
def test_board_shows_every_panel_without_an_error_or_an_unexplained_gap(tab: Page, name: str) -> None:
    tab.forget()
    cold = load(tab, URL, name)
    print(f"\n{times(name, cold, [load(tab, URL, name) for _ in range(LOADS)])}")
    if SINCE:
        longer = load(tab, URL, name, since=SINCE)
        print(times(f"{name} from {SINCE}", longer, [load(tab, URL, name, since=SINCE) for _ in range(LOADS)]))
    sight = look(tab, URL, name)
    assert not sight.missing
    assert not sight.errors
    assert not sight.failed_queries
    assert not set(sight.nothing) - set(EMPTY_MAY_BE[name]), "empty, and no reason for it is known (tests/browser/expected.py)"


@pytest.mark.parametrize("name", BOARDS)
def test_board_fits_a_phone_in_light(tab: Page, name: str) -> None:
    sight = look(tab, URL, name, width=390, theme="light")
    assert not sight.missing
    assert not sight.errors
    assert sight.too_wide == 0


@pytest.mark.parametrize("name", BOARDS)
def test_tables_fit_a_laptop(tab: Page, name: str) -> None:
    sight = look(tab, URL, name, width=1280)
    assert not sight.sideways, "tables that scroll sideways"
    assert not sight.cut, "words and figures that find no room"
