"""Gotify and the Apprise API, by the real Alertmanager: strict stand-ins take only what the services document."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bigdipper_exporter.demo.ports import free_port
from tests.alerts import rules
from tests.alerts.test_stack import ALERTMANAGER, get, post, process
from tests.running import environment, wait_for
from tests.standin import Quiet, StandIn

pytestmark = [
    pytest.mark.stack,
    pytest.mark.skipif(bool(rules.missing(ALERTMANAGER)), reason="no Alertmanager on this machine"),
]
TOKEN = "A.gotify-application"
PATIENCE = 60.0


class Services(StandIn):
    """Gotify and the Apprise API on one port. `taken` is what they accepted: service and body."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, dict[str, Any]]] = []
        self.refused: list[str] = []
        services = self

        class Handler(Quiet):
            def do_POST(self) -> None:
                text = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/message/":  # Gotify's router sends a path with a slash too many to the right one
                    self.send_response(307)
                    self.send_header("Location", "/message")
                    self.end_headers()
                    return
                problem = services.take(self.path, self.headers.get("Authorization"), self.headers["Content-Type"], text)
                if problem:
                    services.refused.append(f"{self.path}: {problem}")
                self.send_response(400 if problem else 200)
                self.end_headers()

        super().__init__(Handler)

    def take(self, path: str, login: str | None, kind: str, text: bytes) -> str:
        """Accept a message. Returns what is wrong with it, or nothing."""
        body = json.loads(text)
        if not kind.startswith("application/json") or not isinstance(body, dict):
            return f"not a JSON object: {kind}"
        if path == "/message":
            if login != f"Bearer {TOKEN}":
                return "401"
            if not isinstance(body.get("message"), str) or not body["message"].strip():
                return "message is required"
            if not isinstance(body.get("title", ""), str) or not isinstance(body.get("priority", 0), int):
                return "title is text, priority a number"
            self.taken.append(("gotify", body))
            return ""
        if path.rstrip("/") == "/notify/phone":
            if not body.get("body") or body.get("type") not in ("info", "success", "warning", "failure"):
                return f"a body, and one of Apprise's types: {body.get('type')}"
            if body.get("format") not in ("text", "markdown", "html"):
                return "an unknown format"
            self.taken.append(("apprise", body))
            return ""
        return "404"


@contextmanager
def alertmanager(folder: Path, services: Services) -> Iterator[str]:
    """The real program with what render.py writes for both services."""
    ways = {
        "ALERT_GOTIFY_URL": services.url,
        "ALERT_GOTIFY_TOKEN": TOKEN,
        "ALERT_APPRISE_URL": f"{services.url}/notify/phone",
    }
    said = rules.run(sys.executable, rules.ROOT / "alertmanager" / "render.py", "--out", folder, env=environment(**ways))
    assert said.returncode == 0, said.stdout
    config, port = folder / "alertmanager.yml", free_port()
    with process(
        folder,
        ALERTMANAGER,
        f"--config.file={config}",
        f"--storage.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
        port=port,
    ) as url:
        yield url


def brake(starts: datetime, ends: datetime) -> dict[str, Any]:
    """A critical alert of the test's own route, which waits for nothing."""
    return {
        "labels": {"alertname": "NotificationTest", "severity": "critical", "subject": "test", "bot": "a&b", "run": "1"},
        "annotations": {
            "summary": "Emergency brake: reduce by $12345",
            "description": 'Nothing has "happened".',
            "runbook_url": "docs/runbooks.md#x",
            "dashboard": "/d/x",
        },
        "startsAt": starts.isoformat(),
        "endsAt": ends.isoformat(),
    }


def test_gotify_and_apprise_take_a_message_and_its_end(tmp_path: Path) -> None:
    services = Services()
    try:
        with alertmanager(tmp_path, services) as url:
            starts = datetime.now(UTC) - timedelta(seconds=1)
            post(f"{url}/api/v2/alerts", [brake(starts, starts + timedelta(minutes=5))])
            wait_for(lambda: len(services.taken) >= 2, "the message", PATIENCE)
            post(f"{url}/api/v2/alerts", [brake(starts, datetime.now(UTC))])
            wait_for(lambda: len(services.taken) >= 4, "its end", PATIENCE)
            assert 'integration="victorops"' in get(f"{url}/metrics")
    finally:
        services.close()
    assert services.refused == []
    begun, over = dict(services.taken[:2]), dict(services.taken[2:4])
    assert begun["gotify"]["title"] == begun["apprise"]["title"] == "🔴 a&b: Emergency brake: reduce by $12,345"
    assert begun["gotify"]["message"] == begun["apprise"]["body"]
    assert begun["apprise"]["body"].startswith('Nothing has "happened".\n')
    assert begun["apprise"]["type"] == "failure"
    assert over["gotify"]["title"] == "✅ a&b: over: Emergency brake: reduce by $12,345"
    assert over["apprise"]["type"] == "success"
