"""The page /config: logged in, with forms of its own, step by step from the value to the file and back."""

import ast
import asyncio
import re
import sqlite3
from contextlib import closing
from datetime import date, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from bigdipper_exporter.api.page import html, routes
from bigdipper_exporter.api.page.rows import Known, rows
from bigdipper_exporter.api.page.sessions import IDLE_SECONDS, MOST_SESSIONS, Sessions
from bigdipper_exporter.api.present import snapshot
from bigdipper_exporter.botconfig import locate
from bigdipper_exporter.botconfig.copies import Copies, hash_of
from bigdipper_exporter.botconfig.write import ConfigFile
from bigdipper_exporter.calendar import NEW_YORK
from bigdipper_exporter.money.limits import OwnLimits
from tests.alpaca.test_bot_config import GOOD
from tests.api.conftest import NOW, TOKEN, Opened
from tests.botconfig.test_write import cut_short


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
    assert " more in positions" in page
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


def add_prices(archive: Path, symbol: str) -> None:
    """Closes of 100 over sixty days; ten sessions before the end the low was 6.5 % below, and the close 5.5 %."""
    day = date(2026, 3, 5)
    with closing(sqlite3.connect(archive)) as connection:
        for back in range(60):
            low, close = (93.5, 94.5) if back == 10 else (99.0, 100.0)
            name = (day - timedelta(days=back)).isoformat()
            row = "INSERT INTO prices_daily (symbol, date, open, high, low, close, feed, read, complete) VALUES "
            connection.execute(row + "(?, ?, 100, 100, ?, ?, 'sip', 0, 1)", (symbol, name, low, close))
        connection.commit()


def test_a_threshold_shows_what_it_would_have_met(open_api: Opened, lived: Path, config: ConfigFile, tmp_path: Path) -> None:
    copy = tmp_path / "archive.db"
    copy.write_bytes(lived.read_bytes())
    add_prices(copy, "AMD")
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


@pytest.mark.parametrize(
    ("stocks", "setting", "limit", "said"),
    [
        (1.25, "MARGIN_SAFETY_THRESHOLD", "0.10", "already exceeded by $15,000: the bot would stop trading at once."),
        (1.25, "MARGIN_SAFETY_THRESHOLD", "0", "already exceeded by $25,000: the bot would stop trading at once."),
        (1.25, "MAX_MARGIN_PCT", "0.2", "already exceeded by $5,000: the bot could buy nothing."),
        (
            1.25,
            "MAX_MARGIN_PCT",
            "0.5",
            "This limit leaves room for $25,000 more in positions; it is also reached if all prices fall by 40.0%.",
        ),
        (
            0.9,
            "MARGIN_SAFETY_THRESHOLD",
            "0",
            "room for $10,000 more in positions; falling prices alone do not reach it.",
        ),
    ],
)
def test_a_limit_says_how_far_it_is(
    open_api: Opened, lived: Path, config: ConfigFile, tmp_path: Path, stocks: float, setting: str, limit: str, said: str
) -> None:
    copy = tmp_path / "archive.db"
    copy.write_bytes(lived.read_bytes())
    with closing(sqlite3.connect(copy)) as connection:
        broker = snapshot(connection, OwnLimits(), NOW).broker
        assert broker is not None
        assert broker.stock_value is not None
        scale = stocks * 100_000 / broker.stock_value
        connection.execute("UPDATE account_history SET equity = 100000 WHERE source = 'alpaca'")
        connection.execute("UPDATE position_snapshots SET market_value = market_value * ?", (scale,))
        connection.commit()
    text = GOOD.replace("MAX_MARGIN_PCT - 0.05", "0.12").replace("= 0.20", "= 0.22")
    config.path.write_text(text)
    browser = open_api(copy, token=None, editable=config)
    browser.post("/config/login", data={"user": "", "password": TOKEN})
    page = unescape(step(browser, setting, limit))
    assert said in page
    assert "by -" not in page


@pytest.mark.parametrize(
    ("thresholds", "now"),
    [('{"AMD": 0.055}', "at or under the line (5.5%)"), ('{"DEFAULT": "x"}', "the file gives no number")],
)
def test_a_threshold_needs_no_default_that_is_a_number(
    open_api: Opened, lived: Path, config: ConfigFile, tmp_path: Path, thresholds: str, now: str
) -> None:
    copy = tmp_path / "archive.db"
    copy.write_bytes(lived.read_bytes())
    add_prices(copy, "AMD")
    config.path.write_text(re.sub(r"\{\"DEFAULT\".*?\}", thresholds, GOOD))
    browser = open_api(copy, token=None, editable=config)
    browser.post("/config/login", data={"user": "", "password": TOKEN})
    page = unescape(step(browser, "DIP_THRESHOLDS.AMD", "0.06"))
    assert f"Now: {now}" in page
    assert "Then: at or under the line (6.0%) on 1 of 41 days" in page


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


def test_the_table_reads_the_file_once_however_many_symbols_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    parse, calls = ast.parse, 0

    def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        return parse(*args, **kwargs)

    monkeypatch.setattr(ast, "parse", counted)
    known, parses = Known(None, None, {}), []
    for count in (1, 50):
        symbols = [f"{chr(65 + one % 26)}{chr(65 + one // 26)}" for one in range(count)]
        thresholds = {"DEFAULT": 0.05} | dict.fromkeys(symbols, 0.06)
        calls = 0
        assert len(rows(f"SYMBOLS = {symbols}\nDIP_THRESHOLDS = {thresholds}\n".encode(), known)) == count + 2
        parses.append(calls)
    assert parses[0] == parses[1]


def test_the_table_looks_at_each_threshold_once() -> None:
    symbols = [f"{chr(65 + one % 26)}{chr(65 + one // 26)}" for one in range(100)]
    text = f"SYMBOLS = {symbols}\nDIP_THRESHOLDS = {dict.fromkeys(['DEFAULT', *symbols[:50]], 0.06)}\n"
    locate.entries.cache_clear()
    assert len(rows(text.encode(), Known(None, None, {}))) == 102
    assert locate.entries.cache_info().misses == 1


def test_the_table_is_made_beside_the_event_loop(person: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    loops = []

    def watched(data: bytes, known: Known) -> list[html.Row]:
        loops.append(asyncio._get_running_loop())
        return rows(data, known)

    monkeypatch.setattr(routes, "rows", watched)
    assert person.get("/config").status_code == 200
    assert loops == [None]


def test_a_file_that_is_not_python_is_named(person: TestClient, config: ConfigFile) -> None:
    config.path.write_text("class")
    answer = person.get("/config")
    assert answer.status_code == 409
    assert "the file cannot be read: line 1: it is not Python" in answer.text


@pytest.mark.parametrize("path", ["/config", "/config/edit?name=MAX_MARGIN_PCT"])
def test_looking_at_the_page_writes_nothing(person: TestClient, config: ConfigFile, path: str) -> None:
    new = GOOD.replace("= 0.20", "= 0.25").replace("HOURS: int = 3", "HOURS: int = 4")
    config.write(new.encode(), hash_of(config.read()), "a test", "two settings")
    by_hand = GOOD.replace("= 0.20", "= 0.25")
    config.path.write_text(by_hand)
    assert person.get(path).status_code == 200
    assert config.path.read_text() == by_hand


@pytest.mark.parametrize("size", [1, 30], ids=["Python", "not Python"])
def test_a_half_written_file_is_named_and_repaired(
    person: TestClient, config: ConfigFile, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    new = GOOD.replace("= 0.20", "= 0.35  " + "(" * 40)
    cut_short(monkeypatch, config, new.encode(), size)
    torn = config.path.read_bytes()
    assert person.get("/config/edit?name=MAX_MARGIN_PCT").status_code == 409
    table = person.get("/config").text
    assert "is half written" in table
    assert config.path.read_bytes() == torn
    (repair,) = (form for form in re.findall(r"<form.*?</form>", table, re.S) if "Show the repair" in form)
    asked = person.post("/config/undo", data=hidden(repair, "/config/undo"))
    assert person.post("/config/undo", data=hidden(asked.text, "/config/undo")).status_code == 200
    assert config.path.read_text() == GOOD


def test_a_copy_that_is_gone_is_not_found(person: TestClient, config: ConfigFile, monkeypatch: pytest.MonkeyPatch) -> None:
    person.post("/config/write", data=hidden(step(person, "MAX_MARGIN_PCT", "0.25"), "/config/write"))
    copies = config.copies.contents()
    fields = hidden(person.get("/config").text, "/config/undo")
    for copy in copies:
        copy.path.unlink()
    monkeypatch.setattr(Copies, "contents", lambda _: copies)  # they were pruned after the listing
    for name in (fields["copy"], "../config", "x"):
        answer = person.post("/config/undo", data={**fields, "copy": name})
        assert answer.status_code == 404
        assert "There is no such copy." in answer.text


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
    answers = [browser.post("/config/login", data={"user": "", "password": "wrong"}) for _ in range(6)]
    assert answers[0].status_code == 403
    assert "Wrong user, password or token." in answers[0].text
    assert answers[-1].status_code == 429


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
