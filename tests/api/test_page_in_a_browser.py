"""The page /config in a real browser of a phone's width: from the login to the written file and back."""

import re
from pathlib import Path

import pytest

from tests.alpaca.test_bot_config import GOOD
from tests.api.conftest import TOKEN
from tests.api.test_command import serving
from tests.browser import chromium

PHONE = (390, 844)
WIDE = "document.documentElement.scrollWidth <= window.innerWidth"
CHROMIUM = chromium.find()


def press(page: chromium.Page, button: str, title: str) -> None:
    """Press the button with this text and wait for the page with this title."""
    buttons = f"[...document.querySelectorAll('button')].filter(button => button.textContent === {button!r})"
    found = page.ask(f"{buttons}.map(button => button.click()).length")
    assert found, f"no button {button!r} on {page.ask('document.body.innerText')}"
    assert page.until(f"document.title === {title!r}", 20), page.ask("document.body.innerText")
    # A page of the same title may still be on its way.
    assert page.until(WIDE, 20), f"{title} is wider than a phone"


def put(page: chromium.Page, name: str, value: str) -> None:
    page.ask(f"document.querySelector('[name={name}]').value = {value!r}")


def editable(folder: Path, archive: Path) -> tuple[Path, tuple[str | Path, ...]]:
    """A config.py that may be changed, and the flags for it."""
    (config := folder / "config.py").write_text(GOOD)
    flags = (
        "--archive.path",
        archive,
        "--bot.config",
        config,
        "--bot.config-editable",
        "--bot.config-copies",
        folder / "copies",
    )
    return config, flags


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
def test_a_threshold_is_changed_refused_when_stale_and_undone_on_a_phone(tmp_path: Path, lived: Path) -> None:
    config, flags = editable(tmp_path, lived)
    with serving(tmp_path, *flags) as url, chromium.page(str(CHROMIUM)) as page:
        page.size(*PHONE)
        root = url.removesuffix("/api/v1/")
        page.open(f"{root}/config")
        assert page.until("document.title === 'Bot settings' && !!document.querySelector('[name=password]')", 20)
        put(page, "password", TOKEN)
        press(page, "Log in", "Bot settings")
        assert page.until("document.body.innerText.includes('DIP_THRESHOLDS.AMD')", 20)
        assert "DIP_THRESHOLDS.AMD" in page.ask("document.body.innerText")

        def edit(value: str) -> None:
            page.open(f"{root}/config/edit?name=DIP_THRESHOLDS.AMD")
            assert page.until("document.title === 'DIP_THRESHOLDS.AMD'", 20)
            put(page, "value", value)
            press(page, "Show what changes", "Write this?")

        edit("0.075")
        assert '"AMD": 0.075' in page.ask("document.querySelector('pre').textContent")
        config.write_text(GOOD + "# by hand\n")
        press(page, "Write this", "Not changed")
        assert config.read_text() == GOOD + "# by hand\n"
        edit("0.075")
        press(page, "Write this", "Written")
        assert "up -d --build" in page.ask("document.body.innerText")
        assert config.read_text() == GOOD.replace('"AMD": 0.06', '"AMD": 0.075') + "# by hand\n"
        page.open(f"{root}/config")
        assert page.until("document.title === 'Bot settings'", 20)
        names = re.findall(r"Show (\S+)", page.ask("document.body.innerText"))
        (copy,) = [name for name in names if "0.075" not in (tmp_path / "copies" / f"{name}.py").read_text()]
        press(page, f"Show {copy}", f"Back to {copy}?")
        press(page, "Bring it back", "Written")
        assert config.read_text() == GOOD + "# by hand\n"
        assert not page.ask("document.cookie"), "no script can read the session"


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
def test_a_threshold_is_changed_with_the_keyboard_alone(tmp_path: Path, lived: Path) -> None:
    config, flags = editable(tmp_path, lived)
    with serving(tmp_path, *flags) as url, chromium.page(str(CHROMIUM)) as page:
        keys = page.tab.keyboard

        def wait_for(what: str) -> None:
            assert page.until(f"document.readyState === 'complete' && !!({what})", 20), what

        def tab_to(text: str) -> None:
            for _ in range(40):
                keys.press("Tab")
                if page.ask("document.activeElement.innerText || document.activeElement.name") == text:
                    assert page.ask("getComputedStyle(document.activeElement).outlineWidth") == "3px", (
                        f"{text}: focus is not seen"
                    )
                    return
            pytest.fail(f"no {text!r} within 40 steps of {page.ask('document.body.innerText')}")

        page.open(f"{url.removesuffix('/api/v1/')}/config")
        wait_for("document.activeElement?.name === 'user'")
        keys.press("Tab")
        keys.type(TOKEN)
        keys.press("Enter")
        wait_for("document.querySelector('[name=q]')")
        tab_to("DIP_THRESHOLDS.AMD")
        keys.press("Enter")
        wait_for("document.activeElement?.name === 'value'")
        keys.press("Control+A")
        keys.type("0.075")
        keys.press("Enter")
        wait_for("document.title === 'Write this?'")
        tab_to("Write this")
        keys.press("Enter")
        wait_for("document.title === 'Written'")
    assert config.read_text() == GOOD.replace('"AMD": 0.06', '"AMD": 0.075')
