"""The exporter's own page in a real browser: on a phone and a desk, dark and light."""

import time
from collections.abc import Iterator

import pytest

from bigdipper_exporter.demo.simulator.broker import Broker
from bigdipper_exporter.demo.simulator.ledger import Ledger
from tests.browser import chromium
from tests.running import Exporter, exporter, wait_for
from tests.test_samples import SAMPLES

CHROMIUM = chromium.find()
KEYS = {"ALPACA_KEY": "PKSIMULATED", "ALPACA_SECRET": "simulated-secret"}
SIZES = {"phone": (390, 844), "desk": (1280, 900)}
LEAST_FONT = 12  # CSS pixels
LEAST_CONTRAST = 4.5  # WCAG 2.1, level AA
CUT_TABLES = """[...document.querySelectorAll('table')]
  .filter(table => table.scrollWidth > table.parentElement.clientWidth).map(table => table.innerText)"""
# Of every text: what it is, its size in pixels, and its contrast against the first background behind it that is painted.
TEXTS = """() => {
  const channels = colour => colour.match(/[\\d.]+/g).map(Number)
  const light = colour => {
    const [r, g, b] = channels(colour).map(c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const behind = element => {
    for (; element; element = element.parentElement) {
      const colour = getComputedStyle(element).backgroundColor
      if (channels(colour)[3] !== 0) return colour
    }
    return matchMedia('(prefers-color-scheme: dark)').matches ? 'rgb(18, 18, 18)' : 'rgb(255, 255, 255)'
  }
  const found = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let node; node = walker.nextNode();) {
    const element = node.parentElement, style = getComputedStyle(element)
    const hidden = ['STYLE', 'SCRIPT', 'TITLE'].includes(element.tagName) || !element.getClientRects().length
    if (hidden || !node.textContent.trim()) continue
    const [one, two] = [light(style.color), light(behind(element))]
    found.push([node.textContent.trim(), parseFloat(style.fontSize), (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05)])
  }
  return found
}"""

# How far down each text of the page reaches, in pixels.
BOTTOMS = """Object.fromEntries([...document.querySelectorAll('body *')].filter(e => !e.children.length && e.textContent.trim())
  .reverse().map(e => [e.textContent.trim(), e.getBoundingClientRect().bottom]))"""


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exporter]:
    """An exporter with a log of long ago and an account of today."""
    folder, now = tmp_path_factory.mktemp("page"), time.time()
    ledger = Ledger(20_000, seed=7, opened=now - 3 * 86_400)
    ledger.trade("AMD", 11.5, 214.23, now - 3600)
    ledger.trade("MSFT", 3, 477.94, now - 3000)
    log = SAMPLES[-1].read_bytes() + b"2025-10-17 09:31:02 [INFO] [TRADE] " + b"damaged" * 60 + b"\n"
    with Broker(ledger) as broker, exporter(folder, env={**KEYS, "BIGDIPPER_ALPACA_URL": broker.url}, log=log) as process:
        process.wait_ready()
        wait_for(lambda: process.value("bigdipper_positions", asset_class="us_equity") == 2, "the positions", 60)
        wait_for(lambda: "MSFT" in process.get("/")[1], "the positions on the page", 60)
        yield process


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("size", SIZES)
def test_every_word_can_be_read_and_nothing_is_wider_than_the_screen(one: Exporter, size: str, theme: str) -> None:
    with chromium.page(str(CHROMIUM)) as page:
        page.size(*SIZES[size])
        page.tab.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        page.open(one.url)
        assert page.until("document.body.innerText.includes('MSFT')", 20)
        assert page.ask("document.documentElement.scrollWidth <= window.innerWidth"), "wider than the screen"
        assert page.ask(CUT_TABLES) == [], "headings of tables that are wider than their card, which hides the rest"
        texts = page.ask(TEXTS)
        assert len(texts) > 40
        assert [text for text in texts if text[1] < LEAST_FONT] == []
        assert [text for text in texts if text[2] < LEAST_CONTRAST] == []


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
def test_the_first_screen_of_a_phone_has_the_state_and_the_money(one: Exporter) -> None:
    with chromium.page(str(CHROMIUM)) as page:
        page.size(*SIZES["phone"])
        page.open(one.url)
        assert page.until("document.body.innerText.includes('MSFT')", 20)
        bottoms = page.ask(BOTTOMS)
        assert bottoms["Equity"] < SIZES["phone"][1]


# The right ends of the rows of large figures (pixels), the right end of what holds them, and the number of figures.
FIGURES = """() => {
  const rows = {}, ends = [...document.querySelectorAll('.figure')].map(figure => figure.getBoundingClientRect())
  ends.forEach(end => rows[end.top] = Math.max(rows[end.top] || 0, end.right))
  return [Object.values(rows), document.querySelector('dl').getBoundingClientRect().right, ends.length]
}"""


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
@pytest.mark.parametrize("width", [1280, 1024, 768, 390])
def test_the_large_figures_fill_their_rows_however_many_there_are(one: Exporter, width: int) -> None:
    with chromium.page(str(CHROMIUM)) as page:
        page.size(width, 900)
        page.open(one.url)
        assert page.until("document.querySelectorAll('.figure').length >= 7", 20)
        for number in (7, 6, 5, 4):
            ends, edge, shown = page.ask(FIGURES)
            assert shown == number
            assert len(ends) == (-(-number // 2) if width == 390 else -(-number // (3 if number in (5, 6) else 4)))
            assert ends == pytest.approx([edge] * len(ends), abs=2), f"{number} figures leave a hole"
            page.ask("document.querySelector('.figure:last-child').remove()")
