"""The page /config: logged in, with forms of its own, step by step from the value to the file and back."""

import re
import sqlite3
from contextlib import closing
from datetime import date, datetime, timedelta
from html import unescape
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from bigdipper_exporter.api.page.sessions import IDLE_SECONDS, MOST_SESSIONS, Sessions
from bigdipper_exporter.botconfig.copies import Copies
from bigdipper_exporter.botconfig.write import ConfigFile
from bigdipper_exporter.calendar import NEW_YORK
from tests.alpaca.test_bot_config import GOOD
from tests.api.conftest import TOKEN, Opened


@pytest.fixture
def config(tmp_path: Path) -> ConfigFile:
    (tmp_path / "config.py").write_text(GOOD)
    return ConfigFile(tmp_path / "config.py", Copies(tmp_path / "copies"))


@pytest.fixture
def browser(open_api: Opened, lived: Path, config: ConfigFile) -> TestClient:
    """A browser that has not logged in."""
    return open_api(lived, token=None, editable=config)


@pytest.fixture
def person(browser: TestClient) -> TestClient:
    """A browser that has."""
    assert browser.post("/config/login", data={"user": "", "password": TOKEN}).status_code == 200
    return browser


def hidden(text: str, action: str) -> dict[str, str]:
    """The hidden fields of a form of a page."""
    (inside,) = re.findall(rf'<form method="post" action="{action}">(.*?)</form>', text, re.S)[-1:]
    return {name: unescape(value) for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', inside)}


def step(person: TestClient, name: str, value: str) -> str:
    """From the setting to the page with the diff."""
    page = person.get(f"/config/edit?name={name}")
    assert page.status_code == 200, page.text
    answer = person.post("/config/diff", data={**hidden(page.text, "/config/diff"), "value": value})
    assert answer.status_code == 200, answer.text
    return str(answer.text)


def test_a_value_is_changed_and_brought_back(person: TestClient, config: ConfigFile) -> None:
    page = step(person, "MAX_MARGIN_PCT", "0.25")
    assert "-    MAX_MARGIN_PCT: float = 0.20" in page
    assert "Changes MARGIN_SAFETY_THRESHOLD: 0.15000000000000002 -&gt; 0.2" in page
    assert "dollars of positions until it acts" in page
    assert config.path.read_text() == GOOD
    written = person.post("/config/write", data=hidden(page, "/config/write"))
    assert "docker compose up -d --build" in written.text
    assert "Not in effect yet" in written.text
    assert config.path.read_text() == GOOD.replace("= 0.20", "= 0.25")
    (attempt,) = config.copies.attempts()
    assert (attempt.who, attempt.what) == ("page, token", "MAX_MARGIN_PCT=0.25")
    table = person.get("/config").text
    old = next(copy.id for copy in config.copies.contents() if copy.hash == attempt.before)
    form = re.findall(r'<form method="post" action="/config/undo">.*?</form>', table, re.S)
    (mine,) = [one for one in form if old in one]
    asked = person.post("/config/undo", data=hidden(mine, "/config/undo"))
    assert "+    MAX_MARGIN_PCT: float = 0.20" in asked.text
    assert config.path.read_text() != GOOD
    assert person.post("/config/undo", data=hidden(asked.text, "/config/undo")).status_code == 200
    assert config.path.read_text() == GOOD


def test_a_threshold_shows_what_it_would_have_met(open_api: Opened, lived: Path, config: ConfigFile, tmp_path: Path) -> None:
    copy = tmp_path / "archive.db"
    copy.write_bytes(lived.read_bytes())
    day = date(2026, 3, 5)
    with closing(sqlite3.connect(copy)) as connection:
        for back in range(60):  # closes of 100; ten sessions ago the low was 6.5 % below, and the close 5.5 %
            low, close = (93.5, 94.5) if back == 10 else (99.0, 100.0)
            name = (day - timedelta(days=back)).isoformat()
            row = "INSERT INTO prices_daily (symbol, date, open, high, low, close, feed, read, complete) VALUES "
            connection.execute(row + "('AMD', ?, 100, 100, ?, ?, 'sip', 0, 1)", (name, low, close))
        connection.commit()
    browser = open_api(copy, token=None, editable=config)
    browser.post("/config/login", data={"user": "", "password": TOKEN})
    page = unescape(step(browser, "DIP_THRESHOLDS.AMD", "0.055"))
    assert (
        "Now: at or under the line (6.0%) on 1 of 41 days (1 dip), 0 at the close, 5 sessions later +6.4% from the line" in page
    )
    assert (
        "Then: at or under the line (5.5%) on 1 of 41 days (1 dip), 1 at the close, 5 sessions later +5.8% from the line"
        in page
    )
    assert "the archive has no prices of it" in step(browser, "DIP_THRESHOLDS.BRK.B", "0.06")


def test_each_setting_says_what_it_means_its_default_and_what_it_was(
    open_api: Opened, lived: Path, config: ConfigFile, tmp_path: Path
) -> None:
    copy = tmp_path / "archive.db"
    copy.write_bytes(lived.read_bytes())
    with closing(sqlite3.connect(copy)) as connection:
        row = "INSERT INTO bot_config (ts, setting, value, previous, author) VALUES (?, 'COOLDOWN_HOURS', '3', '4', 'anna')"
        connection.execute(row, (datetime(2026, 3, 2, 9, 30, tzinfo=NEW_YORK).timestamp(),))
        connection.commit()
    browser = open_api(copy, token=None, editable=config)
    browser.post("/config/login", data={"user": "", "password": TOKEN})
    found = browser.get("/config?q=cooldown").text
    assert "Hours after an order in which the symbol is not bought again" in found
    assert "default 3 · at least 0, at most 720" in found
    assert "4 until 2026-03-02 09:30 New York by anna" in found
    assert "Allowed: at least 0, at most 720. Default: 3" in browser.get("/config/edit?name=COOLDOWN_HOURS").text


def test_a_symbol_without_a_threshold_gets_one(person: TestClient, config: ConfigFile) -> None:
    config.path.write_text(GOOD.replace(', "BRK.B": 0.05}', "}"))
    assert "as DEFAULT" in person.get("/config?q=BRK.B").text
    page = unescape(step(person, "DIP_THRESHOLDS.BRK.B", "0.06"))
    assert "Changes DIP_THRESHOLDS.BRK.B: DEFAULT (0.05) -> 0.06" in page
    person.post("/config/write", data=hidden(page, "/config/write"))
    assert '"MSFT": 3 / 100, "BRK.B": 0.06}' in config.path.read_text()


def test_the_table_names_every_setting_and_can_be_searched(person: TestClient) -> None:
    everything = person.get("/config").text
    assert 'href="/config/edit?name=DIP_THRESHOLDS.AMD"' in everything
    assert "comes from the environment (LOG_LEVEL)" in everything
    assert "ALPACA_KEY" in everything
    assert 'name="viewport"' in everything
    found = person.get("/config?q=amd").text
    assert "DIP_THRESHOLDS.AMD" in found
    assert "MAX_MARGIN_PCT" not in found
    assert "<script" not in person.get('/config?q="><script>').text


def test_a_stale_page_changes_nothing(person: TestClient, config: ConfigFile) -> None:
    page = step(person, "MAX_MARGIN_PCT", "0.25")
    edit = person.get("/config/edit?name=MAX_MARGIN_PCT").text
    config.path.write_text(GOOD + "# by hand\n")
    assert person.post("/config/write", data=hidden(page, "/config/write")).status_code == 409
    assert person.post("/config/diff", data={**hidden(edit, "/config/diff"), "value": "0.25"}).status_code == 409
    assert config.path.read_text() == GOOD + "# by hand\n"


@pytest.mark.parametrize(("value", "said"), [("20", "at least 0, at most 1"), ("nan", "plain number"), ("0.20", "already")])
def test_wrong_values_say_what_is_allowed(person: TestClient, config: ConfigFile, value: str, said: str) -> None:
    page = person.get("/config/edit?name=MAX_MARGIN_PCT").text
    answer = person.post("/config/diff", data={**hidden(page, "/config/diff"), "value": value})
    assert answer.status_code == 422
    assert said in answer.text
    assert config.path.read_text() == GOOD


def test_nothing_without_a_session(browser: TestClient, config: ConfigFile) -> None:
    for path in ("/config", "/config/edit?name=MAX_MARGIN_PCT"):
        answer = browser.get(path, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/config/login")
    for path in ("/config/write", "/config/diff", "/config/undo"):
        data = {"name": "MAX_MARGIN_PCT", "value": "0.25", "form": "x"}
        assert browser.post(path, data=data, follow_redirects=False).status_code == 303
        bearer = {"Authorization": f"Bearer {TOKEN}"}  # a token is for programs: it opens no page
        assert browser.post(path, data=data, headers=bearer, follow_redirects=False).status_code == 303
    assert config.path.read_text() == GOOD


def test_a_form_of_another_page_is_refused(person: TestClient, config: ConfigFile) -> None:
    fields = hidden(step(person, "MAX_MARGIN_PCT", "0.25"), "/config/write")
    assert person.post("/config/write", data={**fields, "form": "guessed"}).status_code == 403
    assert person.post("/config/write", data={k: v for k, v in fields.items() if k != "form"}).status_code == 403
    assert person.post("/config/write", data=fields, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert person.post("/config/write", data=fields, headers={"Origin": "https://evil.example.org"}).status_code == 403
    assert person.get("/config/write").status_code == 405
    assert config.path.read_text() == GOOD


def test_the_cookie_is_strict_and_ends_with_the_logout(browser: TestClient) -> None:
    answer = browser.post("/config/login", data={"user": "", "password": TOKEN}, follow_redirects=False)
    cookie = answer.headers["set-cookie"].lower()
    assert all(part in cookie for part in ("httponly", "samesite=strict", "path=/config"))
    page = browser.get("/config")
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert browser.post("/config/logout", data=hidden(page.text, "/config/logout")).status_code == 200
    assert browser.get("/config", follow_redirects=False).status_code == 303


def test_wrong_passwords_are_refused_and_soon_no_longer_listened_to(browser: TestClient) -> None:
    statuses = [browser.post("/config/login", data={"user": "", "password": "wrong"}).status_code for _ in range(6)]
    assert statuses[0] == 403
    assert statuses[-1] == 429


def test_without_the_setting_there_is_no_page(open_api: Opened, lived: Path) -> None:
    assert open_api(lived).get("/config").status_code == 404
    assert open_api(lived, token=None).get("/config").status_code == 401


def test_sessions_end_by_idling_and_are_bounded() -> None:
    now = 0.0
    sessions = Sessions(lambda: now)
    cookie = sessions.begin("anna")
    now = IDLE_SECONDS - 1
    assert sessions.find(cookie) is not None
    now += IDLE_SECONDS + 1
    assert sessions.find(cookie) is None
    for _ in range(MOST_SESSIONS + 5):
        sessions.begin("anna")
    assert len(sessions._sessions) == MOST_SESSIONS
