"""Who may ask, how often, from which page, and how errors are said."""

import base64
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from starlette.testclient import TestClient

from bigdipper_exporter.api.limits import MOST_CLIENTS, ClientLimit
from tests.api.conftest import TOKEN, Opened

DASHBOARD = "/api/v1/dashboard"


def details(answer: Any, status: int) -> Any:
    """The problem of an answer."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert set(body) == {"type", "title", "status", "detail", "errors"}
    assert body["status"] == status
    return body


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer wrong", f"bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer \xe4", f"Digest {TOKEN}"]
)
def test_without_the_token_there_is_no_answer(open_api: Opened, lived: Path, header: str | None) -> None:
    api = open_api(lived, token=None)
    headers = {} if header is None else {b"Authorization": header.encode("latin-1")}
    answer = api.get(DASHBOARD, headers=headers)
    assert "token" in details(answer, 401)["detail"]
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert api.get("/api/v1/openapi.json").status_code == 401
    assert api.get("/-/healthy").status_code == 200


def test_a_password_of_the_web_config_is_enough(open_api: Opened, lived: Path, tmp_path: Path) -> None:
    hashed = bcrypt.hashpw(b"right", bcrypt.gensalt(4)).decode()
    (tmp_path / "web.yml").write_text(
        f"basic_auth_users:\n  anna: {hashed}\nhttp_server_config:\n  headers:\n    X-Frame-Options: sameorigin\n"
    )
    api = open_api(lived, token=None, web_config=tmp_path / "web.yml")

    def ask(password: str) -> Any:
        given = base64.b64encode(f"anna:{password}".encode()).decode()
        return api.get(DASHBOARD, headers={"Authorization": f"Basic {given}"})

    assert ask("right").status_code == 200
    assert ask("right").headers["x-frame-options"] == "sameorigin"
    details(ask("wrong"), 401)
    assert api.get(DASHBOARD, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example.org", "127.0.0.1.evil.example.org", "evil.example.org:10078"])
def test_foreign_host_names_are_refused(api: TestClient, host: str) -> None:
    assert "host name" in details(api.get(DASHBOARD, headers={"Host": host}), 421)["detail"]


def test_foreign_pages_are_refused_and_listed_ones_are_not(open_api: Opened, lived: Path) -> None:
    api = open_api(lived, origins=("https://home.example.org",))
    details(api.get(DASHBOARD, headers={"Origin": "https://evil.example.org"}), 403)
    details(api.get(DASHBOARD, headers={"Origin": "null"}), 403)
    answer = api.get(DASHBOARD, headers={"Origin": "https://home.example.org"})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "https://home.example.org")
    preflight = api.options(
        DASHBOARD,
        headers={
            "Origin": "https://home.example.org",
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "authorization",
            "Authorization": "",
        },
    )
    assert preflight.status_code == 200
    assert "authorization" in preflight.headers["access-control-allow-headers"].lower()


def test_no_page_may_ask_where_none_is_listed(api: TestClient) -> None:
    details(api.get(DASHBOARD, headers={"Origin": "https://home.example.org"}), 403)
    answer = api.get(DASHBOARD, headers={"Origin": "http://127.0.0.1"})  # its own
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers


def test_a_client_that_asks_too_often_is_told_when_to_come_back(open_api: Opened, lived: Path) -> None:
    api = open_api(lived, per_minute=1)
    assert api.get("/-/healthy").status_code == 200
    refused = api.get("/-/healthy")
    assert details(refused, 429)["detail"].startswith("too many requests")
    assert 1 <= int(refused.headers["retry-after"]) <= 60


def test_the_limit_is_of_each_client_and_forgets_the_oldest() -> None:
    now = 0.0
    limit = ClientLimit(60, lambda: now)
    assert [limit.wait("a") for _ in range(10)] == [0.0] * 10
    assert limit.wait("a") == pytest.approx(1.0)
    assert limit.wait("b") == 0.0
    now = 1.0
    assert limit.wait("a") == 0.0
    for number in range(MOST_CLIENTS):
        limit.wait(str(number))
    assert len(limit._buckets) == MOST_CLIENTS
    assert limit.wait("a") == 0.0  # forgotten


@pytest.mark.parametrize(
    ("path", "field", "said"),
    [
        ("trades/recent?limit=0", "query.limit", "greater than or equal to 1"),
        ("trades/recent?limit=501", "query.limit", "less than or equal to 500"),
        ("trades/recent?limit=ten", "query.limit", "valid integer"),
        ("trades/recent?limit=5&limit=6", "query.limit", "is given 2 times; give it once"),
        ("trades/recent?after=x", "query.after", "allowed: where the page begins: from `next` of the page before"),
        ("trades/recent?after=1e9_5", "query.after", "allowed: where the page begins"),
        ("trades/recent?limt=5", "query.limt", "allowed: after, bot, limit"),
        ("account/history?period=2d", "query.period", "'1d', '1w', '1m', '1y' or 'all'"),
        ("account/history?points=0", "query.points", "greater than or equal to 1"),
        ("trades/daily-summary?date=2026-02-30", "query.date", "valid date"),
        ("trades/daily-summary?date=1709251200", "query.date", "allowed: YYYY-MM-DD"),  # unix seconds, of another day here
        ("trades/daily-summary?date=2026-03-06T00:00:00", "query.date", "allowed: YYYY-MM-DD"),
        ("trades/daily-summary?date=1999-12-31", "query.date", "allowed: 2000-01-01 to 2026-03-06"),
        ("trades/daily-summary?date=2026-03-07", "query.date", "allowed: 2000-01-01 to 2026-03-06"),
        ("trades/by-symbol/nvda", "path.symbol", "allowed: symbol, in capitals, such as NVDA"),
        ("live?subscribe=TRADES", "query.subscribe", "allowed: channels, separated by commas: trades,account"),
    ],
)
def test_bad_input_names_the_field_and_what_is_allowed(api: TestClient, path: str, field: str, said: str) -> None:
    found = details(api.get(f"/api/v1/{path}"), 422)
    assert [error["field"] for error in found["errors"]] == [field]
    assert said in found["errors"][0]["message"]


def test_an_unknown_bot_names_the_known_ones(open_api: Opened, lived: Path) -> None:
    api = open_api(lived, lived)
    assert "bot1, bot2" in details(api.get(f"{DASHBOARD}?bot=x"), 404)["detail"]


def test_other_paths_and_methods_are_problems_too(api: TestClient) -> None:
    assert "openapi.json" in details(api.get("/api/v1/none"), 404)["detail"]
    assert "POST is not answered at this path; allowed: GET" in details(api.post(DASHBOARD), 405)["detail"]


@pytest.mark.parametrize("path", [DASHBOARD, "/-/healthy", "/api/v1/none", "/api/v1/live", "/api/v1/trades/recent?limit=0"])
def test_head_is_get_without_a_body(api: TestClient, path: str) -> None:
    answer = api.head(path)
    assert answer.content == b""
    if path == "/api/v1/live":  # a stream without end, which only HEAD can be asked for here
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    else:
        whole = api.get(path)
        assert (answer.status_code, answer.headers) == (whole.status_code, whole.headers)


def test_head_needs_the_token_too(open_api: Opened, lived: Path) -> None:
    assert open_api(lived, token=None).head(DASHBOARD).status_code == 401


def test_an_answer_that_did_not_change_is_304(api: TestClient) -> None:
    first = api.get(DASHBOARD)
    assert first.headers["cache-control"] == "private, no-cache"
    again = api.get(DASHBOARD, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    other = api.get("/api/v1/positions/current", headers={"If-None-Match": first.headers["etag"]})
    assert other.status_code == 200


def test_every_answer_forbids_guessing_and_framing(api: TestClient) -> None:
    for path in (DASHBOARD, "/api/v1/none", "/-/healthy"):
        headers = api.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"


def test_an_error_of_ours_says_nothing_of_the_inside(api: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret inside")

    monkeypatch.setattr("bigdipper_exporter.api.routes.overview.account_now", broken)
    found = details(api.get("/api/v1/account/current"), 500)
    assert "secret" not in str(found)


def test_a_websocket_without_the_token_is_refused(open_api: Opened, lived: Path) -> None:
    from starlette.testclient import WebSocketDenialResponse

    api = open_api(lived, token=None)
    with pytest.raises(WebSocketDenialResponse) as refused, api.websocket_connect("/ws/live"):
        pass
    assert refused.value.status_code == 401


def test_every_figure_has_a_unit_and_every_field_a_description(api: TestClient) -> None:
    schemas = api.get("/api/v1/openapi.json").json()["components"]["schemas"]
    units = ("US dollars", "Percent", "Ratio", "Count", "Seconds", "Units", "Number", "Basis points", "HTTP status", "cycle")
    for name, schema in schemas.items():
        for field, shape in schema.get("properties", {}).items():
            assert shape.get("description") or "$ref" in shape, f"{name}.{field} has no description"
            kinds = {shape.get("type"), *(part.get("type") for part in shape.get("anyOf", ()))}
            if kinds & {"number", "integer"}:
                assert any(unit in shape["description"] for unit in units), f"{name}.{field} has no unit"


def test_wrong_tokens_are_one_line_a_minute(api: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(20):
        assert api.get("/api/v1/dashboard", headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert sum("wrong token" in record.message for record in caplog.records) == 1
